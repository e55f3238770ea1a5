"""Datadog's webhooks by our template."""

from datetime import UTC, datetime

import pytest

from resile.model.alert import AlertState, Link
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from tests.sources.doors.alert_bodies import datadog, heard


def test_a_monitor_that_triggered_fires() -> None:
    alert = heard("datadog", datadog())

    assert (alert.fingerprint, alert.state) == ("3141592653589793238", AlertState.FIRING)
    assert (alert.title, alert.severity, alert.service) == ("Load of web is high", Severity.SEV2, "web")
    assert alert.starts_at == datetime(2024, 3, 4, 11, 59, tzinfo=UTC)
    assert alert.description == "Load was > 4."
    assert (alert.labels["env"], alert.labels["host"], alert.labels["tags"]) == ("production", "web-1", "critical-path")
    assert alert.links == (
        Link("Datadog", "https://app.datadoghq.example/monitors/1234"),
        Link("graph", "https://snapshots.datadoghq.example/1.png"),
    )
    assert alert.warnings == ()


@pytest.mark.parametrize(
    ("transition", "state"),
    [
        ("Triggered", AlertState.FIRING),
        ("Re-Triggered", AlertState.FIRING),
        ("Warn", AlertState.FIRING),
        ("Re-Warn", AlertState.FIRING),
        ("No Data", AlertState.FIRING),
        ("Re-No Data", AlertState.FIRING),
        ("Renotify", AlertState.FIRING),
        ("Recovered", AlertState.RESOLVED),
        ("No Data Recovered", AlertState.RESOLVED),
    ],
)
def test_the_transition_says_what_holds(transition: str, state: AlertState) -> None:
    alert = heard("datadog", datadog(transition))

    assert (alert.state, alert.warnings) == (state, ())


def test_an_unknown_transition_fires_and_is_said() -> None:
    alert = heard("datadog", datadog("Sideways"))

    assert alert.state is AlertState.FIRING
    assert alert.warnings == ("its alert_transition is 'Sideways', which is unknown; it is taken as triggered",)


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"alert_priority": "P1"}, Severity.SEV1),
        ({"alert_priority": "normal"}, Severity.SEV2),
        ({"alert_priority": "", "alert_transition": "Warn"}, Severity.SEV3),
        ({"alert_priority": "null", "alert_type": "warning"}, Severity.SEV3),
    ],
)
def test_the_severity_is_the_priority_else_what_transition_and_type_say(
    fields: dict[str, str], severity: Severity
) -> None:
    assert heard("datadog", datadog() | fields).severity is severity


def test_a_variable_in_whose_place_nothing_was_put_says_nothing() -> None:
    alert = heard("datadog", datadog(alert_cycle_key="$ALERT_CYCLE_KEY", snapshot="$SNAPSHOT", tags="$TAGS"))

    assert alert.fingerprint == "1234/host:web-1"
    assert "tags" not in alert.labels
    assert "it has no alert_cycle_key; it is known by alert_id and alert_scope" in alert.warnings


def test_bad_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="Datadog's webhook: the body is a text, not an object"):
        heard("datadog", "x")
