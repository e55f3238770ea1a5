"""PagerDuty's webhooks, version 3, as incidents."""

import re
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from resile.app.record_drafts import record_drafts, telling_of
from resile.model.draft import Draft, Step
from resile.model.errors import ConfigError
from resile.model.event import Exclusion, Source
from resile.model.incident import fold, value_of
from resile.model.phases import instants
from resile.model.severity import Severity
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.pagerduty_webhook import open_door
from resile.testing.memory_store import MemoryTimelineStore
from tests.sources.doors.alert_bodies import pagerduty_note, pagerduty_webhook
from tests.sources.doors.bodies import RECEIVED, delivery

BEGAN = datetime(2024, 3, 4, 11, tzinfo=UTC)


def at(minute: int) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def happened(kind: str, minute: int) -> dict[str, Any]:
    return pagerduty_webhook(f"incident.{kind}", at(minute).isoformat())


def draft(body: dict[str, Any], **options: Any) -> Draft:
    (one,) = open_door(DoorOptions(**options)).understand(delivery("pagerduty_webhook", body)).incidents
    return one


def test_an_incident_is_told_with_the_names_that_an_import_gives_it() -> None:
    assert draft(pagerduty_webhook()) == Draft(
        origin="pagerduty",
        ref="PGR0VU2",
        title="Mails are not sent",
        severity=Severity.SEV1,
        services=("mailer",),
        team="post",
        labels={"urgency": "high", "escalation_policy": "Mail"},
        url="https://acme.pagerduty.example/incidents/PGR0VU2",
        as_of=BEGAN,
        steps=(Step("detected", BEGAN),),
        adds=True,
    )
    assert draft(pagerduty_webhook(), services={"mailer": "post"}).services == ("post",)


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("acknowledged", Step("acknowledged", at(5), text="Ann")),
        ("resolved", Step("restored", at(5))),
        ("reopened", Step("reopened", at(5))),
        ("escalated", Step("noted", at(5), text="escalate to Ann by Ann")),
        ("unacknowledged", Step("noted", at(5), text="unacknowledge to Ann by Ann")),
    ],
)
def test_each_event_tells_what_happened_and_when(kind: str, step: Step) -> None:
    assert draft(happened(kind, 5)).steps == (Step("detected", BEGAN), step)


def test_who_resolved_it_says_how_sure_that_is() -> None:
    of_tool, of_nobody = happened("resolved", 5), happened("resolved", 5)
    of_tool["event"]["agent"] = {"id": "P1", "type": "service_reference"}
    of_nobody["event"]["agent"] = None

    assert draft(of_tool).steps[-1].source is Source.MEASURED
    assert draft(of_nobody).steps[-1].source is Source.INFERRED


def test_what_was_merged_into_another_is_noise() -> None:
    body = happened("resolved", 5)
    body["event"]["data"]["resolve_reason"] = {"type": "merge_resolve_reason"}

    assert draft(body).exclusion is Exclusion.NOISE


def test_words_name_their_incident() -> None:
    note, update = draft(pagerduty_note()), draft(pagerduty_note("incident_status_update"))
    answer = draft(pagerduty_note("incident_responder", user={"summary": "Bob"}, state="accepted"))

    assert note.steps == (Step("noted", at(20), text="annotate by Ann: Restarted it."),)
    assert update.steps == (Step("updated", at(20), text="We are at it."),)
    assert answer.steps == (Step("noted", at(20), text="responder Bob is accepted: We are at it."),)
    assert note.ref == update.ref == answer.ref == "PGR0VU2"


def test_in_whatever_order_events_come_each_instant_stands() -> None:
    bodies = [happened("triggered", 0), happened("acknowledged", 5), pagerduty_note(), happened("resolved", 30)]
    tellings = [telling_of(draft(body), by="door:pagerduty_webhook", heard_at=RECEIVED) for body in bodies]

    for order in permutations(tellings):
        timelines = MemoryTimelineStore()
        for telling in (*order, *order):
            record_drafts(timelines, [telling], now=RECEIVED)
        incident = fold("pagerduty:PGR0VU2", timelines.read("pagerduty:PGR0VU2"))
        found = instants(incident)
        assert found.detected is not None
        assert found.acknowledged is not None
        assert found.restored is not None
        assert [found.detected.at, found.acknowledged.at, found.restored.at] == [at(0), at(5), at(30)]
        assert value_of(incident.severity, None) is Severity.SEV1
        assert value_of(incident.services, ()) == ("mailer",)
        assert incident.n_events <= 7


def test_words_that_are_heard_late_do_not_undo_later_ones() -> None:
    before, after = happened("triggered", 0), happened("priority_updated", 10)
    before["event"]["data"]["priority"]["summary"] = "P3"
    timelines = MemoryTimelineStore()

    for body in (after, before):
        record_drafts(timelines, [telling_of(draft(body), by="door:x", heard_at=RECEIVED)], now=RECEIVED)

    incident = fold("pagerduty:PGR0VU2", timelines.read("pagerduty:PGR0VU2"))
    assert value_of(incident.severity, None) is Severity.SEV1


@pytest.mark.parametrize("kind", ["service.updated", "pagey.ping", "incident.conference_bridge.updated"])
def test_other_events_mean_nothing(kind: str) -> None:
    body = {"event": {"event_type": kind, "occurred_at": "2024-03-04T11:00:00Z", "data": {"type": "other"}}}

    assert open_door(DoorOptions()).understand(delivery("pagerduty_webhook", body)).unmapped


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": []}, "event is missing"),
        ({"event": {"event_type": 7}}, "event.event_type is a number, not a text"),
        (pagerduty_webhook(at="soon"), "event.occurred_at is 'soon'"),
        (pagerduty_webhook(type="incident"), "event.data.id is missing"),
    ],
)
def test_bad_input_is_refused_with_its_place(body: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        draft(body)
