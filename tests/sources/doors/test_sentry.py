"""Sentry's webhooks."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from resile.model.alert import AlertState, Link
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.sentry import open_door
from tests.sources.doors.alert_bodies import SENTRY, heard, sentry_event, sentry_issue, sentry_metric
from tests.sources.doors.bodies import RECEIVED, delivery


def test_a_new_issue_fires() -> None:
    alert = heard("sentry", sentry_issue(), {SENTRY: "issue"})

    assert (alert.fingerprint, alert.state) == ("1170820242", AlertState.FIRING)
    assert alert.title == "ZeroDivisionError: division by zero"
    assert (alert.severity, alert.service) == (Severity.SEV2, "shop")
    assert alert.starts_at == datetime(2024, 3, 4, 11, 40, tzinfo=UTC)
    assert alert.labels == {"short_id": "SHOP-1", "culprit": "cart.total", "level": "error", "project": "shop"}
    assert alert.links == (Link("Sentry", "https://acme.sentry.example/issues/1170820242/"),)


@pytest.mark.parametrize(
    ("action", "state", "by"),
    [
        ("unresolved", AlertState.FIRING, None),
        ("assigned", AlertState.ACKNOWLEDGED, "bob"),
        ("resolved", AlertState.RESOLVED, "ann"),
        ("archived", AlertState.RESOLVED, "ann"),
        ("ignored", AlertState.RESOLVED, "ann"),
    ],
)
def test_an_issue_is_taken_ended_and_reopened(action: str, state: AlertState, by: str | None) -> None:
    alert = heard("sentry", sentry_issue(action, assignedTo={"name": "bob"}), {SENTRY: "issue"})

    assert (alert.state, alert.by) == (state, by)
    assert alert.ends_at == (RECEIVED if state is AlertState.RESOLVED else None)


def test_an_issue_that_comes_back_is_not_as_old_as_its_first_event() -> None:
    alert = heard("sentry", sentry_issue("unresolved", firstSeen="2020-01-01T00:00:00Z"), {SENTRY: "issue"})

    assert alert.starts_at == datetime(2024, 3, 4, 11, 55, tzinfo=UTC)
    assert alert.warnings == ()


def test_an_alert_on_an_issue_is_the_same_alert_as_the_issue() -> None:
    alert = heard("sentry", sentry_event(), {SENTRY: "event_alert"})

    assert alert.fingerprint == heard("sentry", sentry_issue("resolved")).fingerprint
    assert (alert.severity, alert.service, alert.labels["rule"]) == (Severity.SEV1, "shop", "Many errors")
    assert (alert.labels["environment"], alert.labels["browser"]) == ("production", "Firefox")


def test_a_metric_alert_begins_and_ends_and_is_no_issue_of_the_same_number() -> None:
    began, over = heard("sentry", sentry_metric()), heard("sentry", sentry_metric("resolved"))

    assert began.fingerprint == over.fingerprint != heard("sentry", sentry_issue()).fingerprint
    assert (began.state, began.severity, began.title) == (AlertState.FIRING, Severity.SEV1, "Too many errors")
    assert (began.service, began.description) == ("shop", "1000 events in the last 10 minutes")
    assert (over.state, over.ends_at) == (AlertState.RESOLVED, datetime(2024, 3, 4, 11, 59, tzinfo=UTC))
    assert heard("sentry", sentry_metric("warning")).severity is Severity.SEV3


@pytest.mark.parametrize("body", [sentry_issue(), sentry_event(), sentry_metric()])
def test_without_the_header_the_body_says_what_it_is(body: dict[str, Any]) -> None:
    assert heard("sentry", body).state is AlertState.FIRING


@pytest.mark.parametrize("resource", ["installation", "comment", "error"])
def test_other_resources_mean_nothing(resource: str) -> None:
    said = open_door(DoorOptions()).understand(delivery("sentry", {"data": {}}, {SENTRY: resource}))

    assert said.unmapped == f"a webhook on {resource!r}, of which resile takes nothing"


@pytest.mark.parametrize(
    ("resource", "body", "words"),
    [
        ("issue", {"action": "created"}, "data is missing"),
        ("issue", {"data": {}}, "data.issue is missing"),
        ("event_alert", {"data": {"event": "x"}}, "data.event is a text, not an object"),
    ],
)
def test_bad_input_is_refused_with_its_place(resource: str, body: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        heard("sentry", body, {SENTRY: resource})
