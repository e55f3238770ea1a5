"""Grafana's contact point of the kind webhook."""

from datetime import UTC, datetime

import pytest

from resile.model.alert import AlertState, Link, fingerprint_of
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from tests.sources.doors.alert_bodies import FIRING, grafana, heard, prometheus_alert


def test_an_alert_tells_its_rule_its_values_and_where_to_look() -> None:
    alert = heard("grafana", grafana())

    assert (alert.fingerprint, alert.title) == ("57c6d9296de2ad39", "High memory")
    assert (alert.state, alert.severity, alert.service) == (AlertState.FIRING, Severity.SEV3, "cart")
    assert alert.starts_at == datetime(2024, 3, 4, 11, 51, 3, tzinfo=UTC)
    assert alert.description == "Memory of cart is above 80 %.\nB = 84.25, C = 1"
    assert (alert.labels["rule_uid"], alert.labels["org_id"]) == ("ad1", "1")
    assert alert.links == (
        Link("panel", "https://grafana.acme.example/d/mem?viewPanel=2"),
        Link("rule", "https://grafana.acme.example/alerting/grafana/ad1/view"),
        Link("silence", "https://grafana.acme.example/alerting/silence/new"),
    )
    assert alert.warnings == ()


def test_without_a_status_of_its_own_an_alert_has_that_of_the_message() -> None:
    assert heard("grafana", grafana({"labels": {"alertname": "x"}}, status="resolved")).state is AlertState.RESOLVED
    assert heard("grafana", grafana({}, status=None, state="ok")).state is AlertState.RESOLVED


def test_what_the_message_says_is_said_of_an_alert_that_is_alone() -> None:
    alert = heard("grafana", grafana({"status": "firing", "endsAt": FIRING}))

    assert (alert.title, alert.description) == ("[FIRING:1] High memory Shop (cart)", "**Firing**")


def test_without_a_fingerprint_its_own_labels_tell_it_and_not_those_that_are_added() -> None:
    labels = {"alertname": "x", "pod": "cart-7"}

    assert heard("grafana", grafana({"labels": labels, "ruleUID": "ad1"})).fingerprint == fingerprint_of(labels)


def test_a_list_as_it_is_sent_to_an_alertmanager_is_understood_too() -> None:
    assert heard("grafana", [prometheus_alert()]).expires_at is not None


def test_bad_input_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"Grafana: alerts is missing"):
        heard("grafana", {"title": "x"})
