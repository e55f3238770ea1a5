"""Whatever arrives at whatever door: understood or refused, always the same way, and nothing that could do harm."""

import copy
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.model.alert import (
    MAX_DESCRIPTION,
    MAX_FINGERPRINT,
    MAX_LABEL_NAME,
    MAX_LABEL_VALUE,
    MAX_LABELS,
    MAX_LINKS,
    MAX_TITLE,
    Alert,
    AlertState,
    Beat,
)
from resile.model.change import decode_report, encode_report
from resile.model.draft import Draft
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import MAX_WARNINGS
from resile.sources.doors.registry import kinds, open_door
from tests.sources.doors import alert_bodies, bodies, github_bodies, gitlab_bodies

OPTIONS = DoorOptions(runs={"Deploy": "production", "Deploy to production": "production"})
# What may have several lines, and is held to limits of its own.
PROSE: dict[type, dict[str, str]] = {Alert: {"description": ""}, Beat: {"text": ""}}
NOT_PROSE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
BATCH = {"content-type": "application/cloudevents-batch+json"}
# Of each door, every kind of body that it understands.
SENT: list[tuple[str, dict[str, str], Any]] = [
    *(
        ("github", {"x-github-event": event}, body)
        for event, body in [
            ("deployment", github_bodies.github_deployment()),
            ("deployment_status", github_bodies.github_status("success", "2024-03-04T10:05:00Z")),
            ("workflow_run", github_bodies.github_run("completed")),
            ("release", github_bodies.github_release()),
            ("push", github_bodies.github_push("Add cart", f"This reverts commit {bodies.SHA}.")),
            ("pull_request", github_bodies.github_pull_request("opened", body="Reverts acme/shop#12")),
            ("pull_request_review", github_bodies.github_review("approved")),
            ("issues", github_bodies.github_issue("closed", state="closed", closed_at="2024-03-04T12:00:00Z")),
        ]
    ),
    *(
        ("gitlab", {}, body)
        for body in [
            gitlab_bodies.gitlab_deployment(),
            gitlab_bodies.gitlab_pipeline(),
            gitlab_bodies.gitlab_release(),
            gitlab_bodies.gitlab_push("Add cart", f"This reverts commit {bodies.SHA}."),
            gitlab_bodies.gitlab_merge_request("update", {"draft": {"previous": True}}),
            gitlab_bodies.gitlab_merge_request("approved", user={"id": 52, "username": "bob"}),
            gitlab_bodies.gitlab_note({"id": 52, "username": "bob"}),
            gitlab_bodies.gitlab_issue(
                "incident", "severity::1", "service::cart", state="closed", closed_at="2024-01-02"
            ),
        ]
    ),
    ("cdevents", {}, bodies.cdevent()),
    ("cdevents", {}, bodies.cloud_event(bodies.cdevent())),
    ("cdevents", BATCH, [bodies.cloud_event(bodies.cdevent())]),
    ("pagerduty_change", {}, bodies.change_event()),
    *((door, headers, body) for door, headers, body in alert_bodies.SENT),
    ("deployment", {}, {"service": "shop", "caused": ["INC-1"], "id": "run-5", "started_at": "2024-03-04T10:05:00Z"}),
]
IDS = [f"{door} {headers.get('x-github-event', '')}".strip() for door, headers, _ in SENT]
DOORS = {kind: open_door(kind, OPTIONS) for kind in kinds()}
EVENTS = [headers for door, headers, _ in SENT if door == "github"]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=1 << 70, max_value=1 << 80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["2024-03-04T10:05:00Z", "9999-12-31T23:59:59-23:59", "https://[", "pkg:a/b@%zz?c=d&&", "success"]
    )
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every value in a body."""
    yield way
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from places(child, (*way, name))


def changed(body: Any, way: tuple[Any, ...], value: Any) -> Any:
    """The body with another value at that place."""
    if not way:
        return value
    body = copy.deepcopy(body)
    inner = body
    for name in way[:-1]:
        inner = inner[name]
    inner[way[-1]] = value
    return body


def understood(door: str, delivery: Delivery) -> Understood | str:
    """What a door says, or the sentence with which it refuses; any other error is a failure of the test."""
    try:
        said = DOORS[door].understand(delivery)
    except ConfigError as error:
        return str(error)
    assert (said.unmapped is None) == any(told_by(said))
    return said


def told_by(said: Understood) -> Iterator[Any]:
    """Everything that a door says of a body."""
    yield from (*said.reports, *said.commits, *said.pushed, *said.incidents, *said.alerts, *said.beats)


def texts(said: Understood | str) -> Iterator[str]:
    """Every text that comes out of a door, and that stands on one line."""
    if isinstance(said, str):
        yield said
        return
    yield said.unmapped or ""
    for one in told_by(said):
        plain = msgspec.to_builtins(one) | PROSE.get(type(one), {})
        if isinstance(one, Draft):
            plain["steps"] = [step | {"text": ""} for step in plain.get("steps", ())]
        yield from texts_in(plain)


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts_in(one)


def expect_harmless(said: Understood | str) -> None:
    for text in texts(said):
        assert len(text) <= 2_500
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", text)
    if isinstance(said, Understood):
        assert all(decode_report(encode_report(report)) == report for report in said.reports)
        for alert in said.alerts:
            expect_within_limits(alert)
        words = [step.text or "" for draft in said.incidents for step in draft.steps]
        for text in (*words, *(beat.text for beat in said.beats)):
            assert len(text) <= MAX_DESCRIPTION + MAX_TITLE
            assert not NOT_PROSE.search(text)


def expect_within_limits(alert: Alert) -> None:
    assert len(alert.title) <= MAX_TITLE
    assert alert.title or alert.state is not AlertState.FIRING
    assert len(alert.description) <= MAX_DESCRIPTION
    assert not NOT_PROSE.search(alert.description)
    assert 0 < len(alert.fingerprint) <= MAX_FINGERPRINT
    assert len(alert.labels) <= MAX_LABELS
    assert all(len(name) <= MAX_LABEL_NAME and len(value) <= MAX_LABEL_VALUE for name, value in alert.labels.items())
    assert len(alert.links) <= MAX_LINKS
    assert len(alert.warnings) <= MAX_WARNINGS
    assert alert.told_at == bodies.RECEIVED
    assert bodies.RECEIVED - timedelta(days=30) <= alert.starts_at <= (alert.ends_at or alert.told_at) <= alert.told_at
    assert (alert.ends_at is not None) == (alert.state is AlertState.RESOLVED)
    assert alert.expires_at is None or alert.expires_at > alert.told_at
    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert


@pytest.mark.parametrize("door", sorted(DOORS))
@settings(deadline=None)
@given(body=VALUES, headers=st.sampled_from([{}, BATCH, *EVENTS]))
def test_any_json_is_understood_or_refused(door: str, body: Any, headers: dict[str, str]) -> None:
    delivery = bodies.delivery(door, body, headers)

    expect_harmless(understood(door, delivery))


@pytest.mark.parametrize("door", sorted(DOORS))
@settings(deadline=None)
@given(body=st.binary(max_size=200), headers=st.dictionaries(st.text(max_size=8).map("ce-".__add__), st.text()))
def test_any_bytes_are_understood_or_refused(door: str, body: bytes, headers: dict[str, str]) -> None:
    for event in ({}, {"x-github-event": "push"}, {"content-type": "application/x-www-form-urlencoded"}):
        expect_harmless(understood(door, bodies.delivery(door, body, {**headers, **event})))


@pytest.mark.parametrize(("door", "headers", "body"), SENT, ids=IDS)
@settings(deadline=None)
@given(data=st.data())
def test_a_body_with_one_thing_wrong_is_understood_or_refused(
    door: str, headers: dict[str, str], body: Any, data: st.DataObject
) -> None:
    way = data.draw(st.sampled_from(list(places(body))))
    delivery = bodies.delivery(door, changed(body, way, data.draw(VALUES)), headers)

    said = understood(door, delivery)

    expect_harmless(said)
    assert understood(door, delivery) == said


@pytest.mark.parametrize(("door", "headers", "body"), SENT, ids=IDS)
def test_the_same_body_twice_gives_the_same_reports(door: str, headers: dict[str, str], body: Any) -> None:
    delivery = bodies.delivery(door, body, headers)
    # Another sender's library writes the same fields in another order.
    turned = dict(reversed(body.items())) if isinstance(body, dict) else body

    said = understood(door, delivery)

    assert isinstance(said, Understood)
    assert said.unmapped is None
    assert open_door(door, OPTIONS).understand(delivery) == said
    assert understood(door, bodies.delivery(door, turned, headers)) == said


@pytest.mark.parametrize(("door", "headers", "body"), SENT, ids=IDS)
@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J\x1b]0;owned\x07",
        "<script>alert(1)</script>",
        "a\nb\r\n\u2028c\u202ed",
        "x" * 1_000_000,
        "\x00" * 20_000,
        "9" * 50_000,
        "a/" * 50_000,
        'Revert "' + "(#1" * 50_000,
        "Reverts " * 20_000,
        "javascript:alert(1)",
        "%00%1b" * 1000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_texts_come_out_short_and_inert_from_every_field(
    door: str, headers: dict[str, str], body: Any, hostile: str
) -> None:
    for way in places(body):
        inner = body
        for name in way:
            inner = inner[name]
        if isinstance(inner, str):
            said = understood(door, bodies.delivery(door, changed(body, way, hostile), headers))
            expect_harmless(said)
            assert not any(text.startswith("javascript:") for text in links(said))


def links(said: Understood | str) -> list[str]:
    """Every address that a page would make a link of."""
    if isinstance(said, str):
        return []
    addresses = [link.url for alert in said.alerts for link in alert.links]
    addresses += [alert.playbook for alert in said.alerts if alert.playbook]
    return addresses + [url for one in (*said.reports, *said.incidents) if (url := getattr(one, "url", None))]


@pytest.mark.parametrize(("door", "headers", "body"), SENT, ids=IDS)
def test_reports_are_told_apart_by_subject_and_id(door: str, headers: dict[str, str], body: Any) -> None:
    said = understood(door, bodies.delivery(door, body, headers))

    assert isinstance(said, Understood)
    names = [(report.subject, report.id) for report in said.reports]
    assert len(set(names)) == len(names)
