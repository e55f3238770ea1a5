"""Alerts as JSON of any shape."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from resile.model.alert import AlertState, Link
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.registry import open_door
from tests.sources.doors.alert_bodies import heard
from tests.sources.doors.bodies import RECEIVED, delivery


def test_the_usual_names_are_found_without_a_word() -> None:
    body = {
        "id": 17,
        "name": "Disk is full",
        "status": "PROBLEM",
        "priority": "P1",
        "service": "shop",
        "details": "0 bytes are left.",
        "link": "https://monitor.acme.example/17",
        "runbook": "https://playbooks.acme.example/disk",
        "started_at": 1709553000,
        "host": "web-1",
        "api_token": "not for the eyes of others",
    }

    alert = heard("json", body)

    assert (alert.fingerprint, alert.title, alert.state) == ("17", "Disk is full", AlertState.FIRING)
    assert (alert.severity, alert.service) == (Severity.SEV1, "shop")
    assert (alert.description, alert.starts_at) == ("0 bytes are left.", datetime(2024, 3, 4, 11, 50, tzinfo=UTC))
    assert alert.links == (Link("link", "https://monitor.acme.example/17"),)
    assert alert.playbook == "https://playbooks.acme.example/disk"
    assert alert.labels == {"host": "web-1", "priority": "P1", "service": "shop"}
    assert alert.warnings == ()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("firing", AlertState.FIRING),
        ("No_Data", AlertState.FIRING),
        ("OK", AlertState.RESOLVED),
        ("closed", AlertState.RESOLVED),
        ("Acknowledged", AlertState.ACKNOWLEDGED),
    ],
)
def test_the_usual_words_for_states_are_known(word: str, state: AlertState) -> None:
    assert heard("json", {"title": "x", "key": "k", "state": word}).state is state


def test_an_unknown_state_fires_and_is_said() -> None:
    alert = heard("json", {"title": "x", "state": "purple"})

    assert alert.state is AlertState.FIRING
    assert "its state 'purple' is unknown; it is taken as firing" in alert.warnings


def test_fields_say_where_each_stands() -> None:
    check: dict[str, Any] = {"label": "Ping", "up": False, "uid": "c-1", "tags": ["a", "env:prod"]}
    body = {"data": {"check": check, "sev": [0, "high"]}}
    fields = {
        "title": "data.check.label",
        "key": "data.check.uid",
        "service": "=checkout",
        "severity": "data.sev[1]",
        "labels": "data.check.tags",
    }
    options: dict[str, Any] = {"fields": fields, "resolved_when": "data.check.up=true, yes"}

    alert = heard("json", body, **options)
    check["up"] = True

    assert (alert.title, alert.fingerprint, alert.service) == ("Ping", "c-1", "checkout")
    assert (alert.severity, alert.state) == (Severity.SEV2, AlertState.FIRING)
    assert alert.labels == {"tags": "a", "env": "prod"}
    assert heard("json", body, **options).state is AlertState.RESOLVED


def test_words_alone_are_those_of_the_field_state() -> None:
    body = {"title": "x", "key": "k", "status": "Gone"}

    assert heard("json", body, resolved_when="gone, away").state is AlertState.RESOLVED
    assert heard("json", body, acknowledged_when="gone").state is AlertState.ACKNOWLEDGED
    assert heard("json", body | {"status": "closed"}, resolved_when="gone").state is AlertState.FIRING


def test_an_alert_that_tells_no_severity_has_the_doors() -> None:
    alert = heard("json", {"title": "x", "key": "k"}, severity="SEV2", service="shop")

    assert (alert.severity, alert.warnings) == (Severity.SEV2, ())
    assert heard("json", {"title": "x", "severity": "critical"}, severity="SEV2").severity is Severity.SEV1


def test_a_list_in_the_body_holds_several() -> None:
    body = {"team": "core", "found": [{"t": "A", "s": "ok"}, {"t": "B", "s": "taken"}, 7]}
    options: dict[str, Any] = {
        "fields": {"title": "found[].t", "key": "found[].t", "service": "team"},
        "resolved_when": "found[].s=ok",
        "acknowledged_when": "found[].s=taken",
    }

    alerts = open_door("json", DoorOptions(**options)).understand(delivery("json", body)).alerts

    assert [(one.title, one.state, one.service) for one in alerts] == [
        ("A", AlertState.RESOLVED, "core"),
        ("B", AlertState.ACKNOWLEDGED, "core"),
    ]


@pytest.mark.parametrize("body", [[{"title": "A"}, {"title": "B"}], {"events": [{"title": "A"}, {"title": "B"}]}])
def test_a_list_is_found_without_a_word(body: Any) -> None:
    alerts = open_door("json", DoorOptions()).understand(delivery("json", body)).alerts

    assert [one.title for one in alerts] == ["A", "B"]


def test_without_a_key_title_and_service_tell_it_for_values_change() -> None:
    first, second = (heard("json", {"title": "Disk", "value": value}) for value in (1, 2))

    assert first.fingerprint == second.fingerprint != heard("json", {"title": "Disk", "service": "b"}).fingerprint
    assert any("no key" in warning for warning in first.warnings)


def test_a_title_is_enough() -> None:
    alert = heard("json", {"message": "Help"}, service="shop")

    assert (alert.title, alert.starts_at, alert.service) == ("Help", RECEIVED, "shop")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fields": {"titel": "a"}}, "field 'titel' of the door is unknown"),
        ({"fields": {"title": "a..b"}}, "'a..b' is no way to a value"),
        ({"fields": {"title": "a[].b[].c"}}, "has two lists []"),
        ({"fields": {"title": "a[].b", "key": "c[].d"}}, "name two lists"),
        ({"fields": {"title": ".".join("abcdefghijklmnopq")}}, "more than 16 steps"),
        ({"fields": {"title": "a" * 600}}, "is no way to a value"),
        ({"resolved_when": "=closed"}, "write a way and words, such as status=ok,closed"),
        ({"resolved_when": "status="}, "write a way and words, such as status=ok,closed"),
    ],
)
def test_options_that_lead_nowhere_are_refused_when_the_door_is_made(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        open_door("json", DoorOptions(**options))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "the body holds no field of an alert"),
        ([7], "[0] is a number, not an object"),
        ("x", "the body is a text, neither an object nor a list"),
        (b"title=x", "malformed JSON"),
        (b"[" * 5_000, "JSON: the body"),
    ],
)
def test_what_tells_of_no_alert_is_refused(body: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        heard("json", body)
