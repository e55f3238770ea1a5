"""PagerDuty's Events v2 and v1, sent here instead of there."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from resile.model.alert import AlertState, Link
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from resile.sources.doors.pagerduty_events import made_key
from tests.sources.doors.alert_bodies import heard, pagerduty_event, pagerduty_event_v1
from tests.sources.doors.bodies import RECEIVED


def test_a_trigger_is_an_alert_that_fires() -> None:
    alert = heard("pagerduty_events", pagerduty_event())

    assert (alert.fingerprint, alert.state) == ("mailer/queue", AlertState.FIRING)
    assert alert.title == "Queue of the mailer is 40,000 long"
    assert (alert.severity, alert.service) == (Severity.SEV2, "mailer")
    assert alert.starts_at == datetime(2024, 3, 4, 11, 59, tzinfo=UTC)
    assert alert.labels == {
        "service": "mailer",
        "length": "40000",
        "source": "mail-7.acme.example",
        "component": "postfix",
        "group": "mail",
        "class": "queue length",
    }
    assert alert.description == "log:\nfirst\nsecond"
    assert alert.links == (
        Link("How the queue works", "https://wiki.acme.example/queue"),
        Link("Queue", "https://nagios.acme.example/queue.png"),
        Link("Nagios", "https://nagios.acme.example/queue"),
    )


@pytest.mark.parametrize(
    ("action", "state"), [("acknowledge", AlertState.ACKNOWLEDGED), ("resolve", AlertState.RESOLVED)]
)
def test_an_end_or_an_acknowledgement_needs_only_the_key(action: str, state: AlertState) -> None:
    body = {"routing_key": "k", "event_action": action, "dedup_key": "mailer/queue"}

    alert = heard("pagerduty_events", body)

    assert (alert.state, alert.fingerprint, alert.title) == (state, "mailer/queue", "")
    assert alert.ends_at == (RECEIVED if state is AlertState.RESOLVED else None)
    assert alert.warnings == ()


def test_a_trigger_without_a_key_gets_the_one_that_the_sender_is_answered() -> None:
    alert = heard("pagerduty_events", pagerduty_event(dedup_key=None))

    assert alert.fingerprint == made_key("d-1") != made_key("d-2")
    assert any("no dedup_key" in warning for warning in alert.warnings)
    answered = heard("pagerduty_events", pagerduty_event(dedup_key=""), {"x-resile-dedup-key": "given"})
    assert answered.fingerprint == "given"


def test_the_routing_key_is_kept_nowhere() -> None:
    alert = heard("pagerduty_events", pagerduty_event())

    assert pagerduty_event()["routing_key"].encode() not in msgspec.json.encode(alert)


def test_the_option_services_knows_it_by_component_or_source() -> None:
    body = pagerduty_event(payload={"summary": "x", "severity": "info", "source": "mail-7", "component": "postfix"})

    assert heard("pagerduty_events", body, services={"postfix": "mailer"}).service == "mailer"
    assert heard("pagerduty_events", body, services={"mail-7": "post"}).service == "post"
    assert heard("pagerduty_events", body, service="all").service == "all"


def test_the_shape_of_version_1_is_understood() -> None:
    alert = heard("pagerduty_events", pagerduty_event_v1())
    over = heard("pagerduty_events", pagerduty_event_v1("resolve", description="Disk has room again"))

    assert (alert.fingerprint, alert.state, alert.title) == ("shop/disk", AlertState.FIRING, "Disk of shop is full")
    assert (alert.severity, alert.service, alert.labels["free"]) == (Severity.SEV1, "shop", "0 %")
    assert [link.words for link in alert.links] == ["image", "Zabbix"]
    assert (over.fingerprint, over.state, over.title) == ("shop/disk", AlertState.RESOLVED, "")
    assert over.description == "Disk has room again"


def test_what_pagerduty_would_refuse_pages_here_and_what_it_lacks_is_said() -> None:
    alert = heard("pagerduty_events", {"payload": {"severity": "awful"}})

    said = " / ".join(alert.warnings)
    for words in ["event_action is ''", "no title", "severity 'awful' is unknown", "no dedup_key", "no service"]:
        assert words in said


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"event_action": "resolve"}, "dedup_key is missing"),
        ({"event_action": "resolve", "dedup_key": ""}, "dedup_key is empty"),
        ({"event_action": "snooze"}, "event_action is 'snooze'; send trigger, acknowledge or resolve"),
        ({}, "event_action is missing"),
        ({"event_type": "acknowledge"}, "incident_key is missing"),
        ([], "the body is a list, not an object"),
    ],
)
def test_what_names_nothing_is_refused_with_its_place(body: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        heard("pagerduty_events", body)
