"""Alertmanager's webhook, and what Prometheus sends to an Alertmanager."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from resile.model.alert import MAX_LABELS, Alert, AlertState, Link, fingerprint_of
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.registry import open_door
from tests.sources.doors.alert_bodies import notification, notified_alert, prometheus_alert
from tests.sources.doors.bodies import RECEIVED, delivery


def understood(kind: str, body: Any, **options: Any) -> Understood:
    return open_door(kind, DoorOptions(**options)).understand(delivery(kind, body))


def alert_of(body: dict[str, Any], **options: Any) -> Alert:
    (alert,) = understood("alertmanager", body, **options).alerts
    return alert


def posted(**fields: Any) -> Alert:
    (alert,) = understood("prometheus", [prometheus_alert(**fields)]).alerts
    return alert


def test_a_notification_tells_of_an_alert_that_fires() -> None:
    alert = alert_of(notification())

    assert alert == Alert(
        door="alertmanager",
        fingerprint="c6eadffa33fcdf37",
        state=AlertState.FIRING,
        title="Checkout fails for 7 % of all orders",
        starts_at=datetime(2024, 3, 4, 11, 50, 0, 123456, tzinfo=UTC),
        told_at=RECEIVED,
        labels=prometheus_alert()["labels"],
        severity=Severity.SEV1,
        service="checkout",
        description="More than 5 % for 10 minutes.\nSee the dashboard.",
        group='{}/{team="payments"}:{alertname="CheckoutErrorRate"}',
        links=(
            Link("dashboard", "https://grafana.acme.example/d/checkout"),
            Link("graph", "https://prometheus.acme.example/graph?g0.expr=rate"),
            Link("Alertmanager", "https://alertmanager.acme.example"),
        ),
        playbook="https://playbooks.acme.example/checkout-errors",
    )


def test_one_notification_may_tell_of_alerts_that_fire_and_of_others_that_are_over() -> None:
    over = notified_alert("resolved") | {"fingerprint": "bc97ff14869b13e3"}

    firing, resolved = understood("alertmanager", notification(notified_alert(), over)).alerts

    assert (firing.state, firing.ends_at) == (AlertState.FIRING, None)
    assert (resolved.state, resolved.fingerprint) == (AlertState.RESOLVED, "bc97ff14869b13e3")
    assert resolved.ends_at == datetime(2024, 3, 4, 11, 58, tzinfo=UTC)


def test_a_notification_never_expires_for_the_repeat_interval_is_not_told() -> None:
    assert alert_of(notification()).expires_at is None


def test_what_the_sender_left_out_is_said() -> None:
    (warning,) = alert_of(notification(truncatedAlerts=12)).warnings

    assert "left out 12 more alerts of this group" in warning


def test_a_posted_alert_is_known_by_its_labels_whatever_their_order() -> None:
    labels = prometheus_alert()["labels"]

    assert posted().fingerprint == fingerprint_of(labels)
    assert posted(labels=dict(reversed(labels.items()))).fingerprint == fingerprint_of(labels)
    assert posted(labels=labels | {"instance": "10.0.0.8:9100"}).fingerprint != fingerprint_of(labels)


def test_a_posted_alert_fires_until_its_end_and_expires_then() -> None:
    alert = posted()

    assert alert.state is AlertState.FIRING
    assert alert.expires_at == datetime(2024, 3, 4, 12, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "ends_at", [None, "", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z", "1970-01-01T00:00:00Z"]
)
def test_a_posted_alert_without_an_end_expires_after_five_minutes(ends_at: str | None) -> None:
    alert = posted(endsAt=ends_at)

    assert (alert.state, alert.expires_at) == (AlertState.FIRING, RECEIVED + timedelta(minutes=5))


@pytest.mark.parametrize("ends_at", ["2024-03-04T12:00:00Z", "2024-03-04T11:55:00Z"])
def test_a_posted_alert_whose_end_has_come_is_over(ends_at: str) -> None:
    alert = posted(endsAt=ends_at)

    assert (alert.state, alert.expires_at) == (AlertState.RESOLVED, None)
    assert alert.ends_at == datetime.fromisoformat(ends_at)


def test_either_door_understands_what_was_meant_for_the_other() -> None:
    assert understood("prometheus", notification()).alerts[0].fingerprint == "c6eadffa33fcdf37"
    assert understood("alertmanager", [prometheus_alert()]).alerts[0].expires_at is not None


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("critical", Severity.SEV1),
        ("page", Severity.SEV1),
        ("Error", Severity.SEV2),
        ("high", Severity.SEV2),
        ("warning", Severity.SEV3),
        ("info", Severity.SEV4),
        ("notice", Severity.SEV4),
        ("none", Severity.SEV5),
        ("P2", Severity.SEV2),
        ("sev-3", Severity.SEV3),
    ],
)
def test_the_label_severity_says_how_bad_it_is(word: str, severity: Severity) -> None:
    alert = posted(labels={"alertname": "Down", "severity": word, "service": "shop"})

    assert (alert.severity, alert.warnings) == (severity, ())


def test_an_unknown_severity_is_none_and_said() -> None:
    alert = posted(labels={"alertname": "Down", "severity": "terrible", "service": "shop"})

    assert alert.severity is None
    assert alert.warnings == ("severity 'terrible' is unknown; send one such as critical, warning or SEV2",)
    assert posted(labels={"severity": "terrible", "priority": "P2", "service": "shop"}).severity is Severity.SEV2


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "checkout", "app": "shop"}, "checkout"),
        ({"service_name": "cart", "app": "shop"}, "cart"),
        ({"app": "shop"}, "shop"),
        ({"app_kubernetes_io_name": "shop"}, "shop"),
        ({"job": "node"}, "platform"),
        ({"job": "kubelet"}, "everything"),
        ({"service": "web"}, "storefront"),
    ],
)
def test_the_service_is_what_the_options_call_it_else_a_label_else_the_doors(
    labels: dict[str, str], service: str
) -> None:
    options: dict[str, Any] = {"service": "everything", "services": {"node": "platform", "web": "storefront"}}

    assert alert_of(notification(notified_alert() | {"labels": labels}), **options).service == service


def test_an_alert_of_which_next_to_nothing_is_told_is_taken_and_what_it_lacks_is_said() -> None:
    alert = alert_of({"alerts": [{}]})

    assert (alert.state, alert.title) == (AlertState.FIRING, "An alert without a name")
    assert (alert.starts_at, alert.severity, alert.service) == (RECEIVED, None, None)
    said = " / ".join(alert.warnings)
    for words in ["no status", "no title", "neither a key nor labels", "no severity", "no service"]:
        assert words in said


def test_what_is_of_the_wrong_kind_is_left_out_and_said() -> None:
    odd = notified_alert() | {
        "labels": {"alertname": "Down", "n": 7, "ok": True, "nested": {"a": 1}},
        "annotations": "none",
        "startsAt": "yesterday",
        "generatorURL": "javascript:alert(1)",
    }

    alert = alert_of(notification(odd))

    assert alert.labels == {"alertname": "Down", "n": "7", "ok": "true"}
    assert (alert.title, alert.starts_at) == ("Down", RECEIVED)
    said = " / ".join(alert.warnings)
    for words in [
        "alerts[0].labels.nested is an object",
        "alerts[0].annotations is a text",
        "alerts[0].startsAt is 'yesterday', which is no time",
        "generatorURL is 'javascript:alert(1)', which is no address of the web",
    ]:
        assert words in said


@pytest.mark.parametrize("began", ["2024-03-04T15:00:00Z", "2023-12-24T08:00:00Z", "2123-01-01T00:00:00Z"])
def test_a_clock_that_is_far_off_is_not_believed(began: str) -> None:
    alert = alert_of(notification(notified_alert(startsAt=began)))

    assert alert.starts_at == RECEIVED
    (warning,) = alert.warnings
    assert f"it says that it began at {began}" in warning


def test_a_posted_alert_by_a_clock_that_is_years_ahead_ends_when_nothing_more_is_told() -> None:
    fires = posted(startsAt="2031-01-01T10:00:00Z", endsAt="2031-01-01T10:04:00Z")
    cleared = posted(startsAt="2031-01-01T10:00:00Z", endsAt="2031-01-01T10:02:00Z")

    for alert in (fires, cleared):
        assert (alert.state, alert.expires_at) == (AlertState.FIRING, RECEIVED + timedelta(minutes=5))
        assert any("by a clock that is ahead" in warning for warning in alert.warnings)
    far = posted(endsAt="2100-01-01T00:00:00Z")
    assert far.expires_at == datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("ends_at", ["1970-01-01T00:14:00Z", "1955-06-01T00:00:00Z", "2023-12-24T08:00:00Z"])
def test_a_posted_alert_by_a_clock_that_is_months_behind_fires(ends_at: str) -> None:
    alert = posted(startsAt="1970-01-01T00:10:00Z", endsAt=ends_at)

    assert (alert.state, alert.starts_at) == (AlertState.FIRING, RECEIVED)
    assert alert.expires_at == RECEIVED + timedelta(minutes=5)
    assert any("too long ago to be believed" in warning for warning in alert.warnings)


def test_a_posted_alert_that_is_long_over_says_that_the_clock_may_be_behind() -> None:
    alert = posted(startsAt="2024-03-04T09:00:00Z", endsAt="2024-03-04T09:30:00Z")

    assert alert.state is AlertState.RESOLVED
    assert any("the sender's clock is behind" in warning for warning in alert.warnings)
    assert posted(startsAt="2024-03-04T09:00:00Z", endsAt="2024-03-04T11:45:00Z").warnings == ()


@pytest.mark.parametrize(
    ("began", "is_said"), [("2024-03-04T11:50:00", True), ("2024-03-04 11:50", True), ("2024-03-04", False)]
)
def test_a_time_without_an_offset_is_utc_and_said(began: str, is_said: bool) -> None:
    alert = posted(startsAt=began)

    assert alert.starts_at.date() == RECEIVED.date()
    assert any("without an offset; it is taken as UTC" in warning for warning in alert.warnings) is is_said


def test_a_clock_that_is_seconds_ahead_is_not_worth_a_word() -> None:
    alert = alert_of(notification(notified_alert(startsAt="2024-03-04T12:00:30Z")))

    assert (alert.starts_at, alert.warnings) == (RECEIVED, ())


def test_an_end_before_the_beginning_gives_no_negative_span() -> None:
    alert = alert_of(notification(notified_alert("resolved") | {"endsAt": "2024-03-04T11:00:00Z"}))

    assert alert.ends_at == RECEIVED
    assert any("before it began" in warning for warning in alert.warnings)


def test_an_old_alert_that_ended_is_as_long_as_is_known() -> None:
    alert = alert_of(notification(notified_alert("resolved", startsAt="2023-12-24T08:00:00Z")))

    assert alert.starts_at == alert.ends_at == datetime(2024, 3, 4, 11, 58, tzinfo=UTC)


def test_labels_and_texts_are_cut_to_their_limits_and_that_is_said() -> None:
    labels = {f"x{number}": "1" for number in range(100)} | {
        "zone": "z" * 2_000,
        "severity": "critical",
        "b" * 300: "1",
    }

    alert = posted(labels=labels, annotations={"summary": "s" * 600, "description": "d" * 9_000})

    assert len(alert.labels) == MAX_LABELS
    assert alert.labels["severity"] == "critical"
    assert (len(alert.title), len(alert.description)) == (500, 8_000)
    assert alert.fingerprint == fingerprint_of(labels)
    said = " / ".join(alert.warnings)
    for words in ["102 labels; 64 are kept", "names of more than 200", "title was cut", "description was cut"]:
        assert words in said


def test_a_link_that_is_too_long_to_be_kept_is_said() -> None:
    alert = posted(generatorURL="https://prometheus.acme.example/graph?g0.expr=" + "x" * 2_000)

    assert [link.words for link in alert.links] == ["dashboard"]
    assert alert.warnings == ("generatorURL has more than 2,000 characters, and was left out",)


def test_an_alert_among_nonsense_is_taken() -> None:
    (alert,) = understood("prometheus", [7, prometheus_alert(), None]).alerts

    assert alert.warnings == ("2 things that came with it are no alerts, and were left out",)


def test_a_message_without_alerts_says_so() -> None:
    assert understood("prometheus", []).unmapped == "a message without any alert"
    assert understood("alertmanager", notification() | {"alerts": []}).unmapped


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"status": "firing"}, "alerts is missing"),
        ({"alerts": "x"}, "alerts is a text, not a list"),
        ({"alerts": ["x"]}, "alerts[0] is a text, not an object"),
        ("x", "the body is a text, neither an object nor a list"),
        (b"", "the body is empty"),
        (b"{", "the body ends too early"),
    ],
)
def test_bad_input_is_refused_with_its_place(body: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        understood("alertmanager", body)


@pytest.mark.real_data
def test_what_alertmanager_itself_sent_is_understood_whole(real_data: Path) -> None:
    lines = (real_data / "alertmanager/webhook-v0.25.jsonl").read_bytes().splitlines()
    heard = datetime(2026, 11, 23, 10, 40, tzinfo=UTC)
    door = open_door("alertmanager", DoorOptions())

    told = [
        alert
        for number, line in enumerate(lines)
        for alert in door.understand(
            Delivery(door="alertmanager", id=str(number), received_at=heard, headers={}, body=line)
        ).alerts
    ]

    assert [alert.state for alert in told] == [AlertState.FIRING, AlertState.RESOLVED]
    assert len({(alert.fingerprint, alert.starts_at, alert.title, alert.group) for alert in told}) == 1
    assert (told[0].title, told[0].severity) == ("127.0.0.1:39999 down", Severity.SEV1)
    assert told[1].ends_at is not None
    assert (told[1].ends_at - told[1].starts_at) == timedelta(seconds=7)
    assert told[0].warnings == ("it names no service; send a label service, or name one for the door",)
