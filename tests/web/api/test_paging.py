"""Paging by REST: how everything stands, whom to page, an incident's pages, alerts, silences."""

from datetime import timedelta

import pytest
from fastapi import FastAPI

from resile.app.wiring import Resile
from resile.model.alert import AlertState, Outcome
from resile.model.message import MessageState
from tests.web.pages.paging_world import alert, arrive, fill, first_page, moved, page

from .conftest import NOW
from .visitor import Visitor


@pytest.fixture
def program(resile: Resile, app: FastAPI) -> Visitor:
    fill(resile)
    return Visitor(app).set_up().program("read", "write")


def post(program: Visitor, path: str, body: object = None):
    return program.client.post(path, json=body)


def test_somebody_is_paged_and_it_stands_under_now(program: Visitor) -> None:
    told = post(program, "/api/v1/pages", {"text": "Checkout fails", "severity": "SEV2", "person": ["bob"]})

    assert told.status_code == 201
    (one,) = program.get("/api/v1/now").json()["open"]
    assert (one["incident_id"], one["state"], one["severity"], one["paged"]) == ("INC-1", "running", "SEV2", ["bob"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"text": "x", "person": ["mallory"]}, "reaches nobody now"),
        ({"text": "x", "policy": "moon"}, "is not in the catalog"),
        ({"person": ["bob"]}, "needs a text"),
        ({"incident_id": "INC-1"}, "name"),
        ({"text": "x", "person": [f"p{number}" for number in range(21)]}, "at most 20"),
        ({"text": "x", "to": "bob"}, "Extra inputs"),
    ],
)
def test_a_page_that_cannot_be_is_refused(program: Visitor, resile: Resile, body: object, words: str) -> None:
    page(resile)

    answer = post(program, "/api/v1/pages", body)

    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert resile.timelines.n_incidents() == 1


def test_an_incident_is_taken_once_and_who_was_first_is_said(program: Visitor, resile: Resile) -> None:
    incident_id = page(resile)

    first = post(program, f"/api/v1/incidents/{incident_id}/acknowledge")
    again = post(program, f"/api/v1/incidents/{incident_id}/acknowledge")
    unknown = post(program, "/api/v1/incidents/INC-99/acknowledge")

    assert first.json() == {"incident_id": "INC-1", "said": "You took INC-1. Nobody else is paged for it."}
    assert again.json()["said"].endswith("took INC-1 already.")
    assert unknown.status_code == 404


def test_the_next_step_begins_and_somebody_else_is_paged(program: Visitor, resile: Resile) -> None:
    incident_id = page(resile)

    escalated = post(program, f"/api/v1/incidents/{incident_id}/escalate")
    also = post(program, "/api/v1/pages", {"incident_id": incident_id, "schedule": ["payments"]})

    assert escalated.json()["said"] == "INC-1: now paging bob."
    assert also.status_code == 201
    assert also.json()["incident_id"] == incident_id


def test_pages_and_receipts_without_whole_addresses(program: Visitor, resile: Resile) -> None:
    incident_id = page(resile)
    moved(resile, first_page(resile, incident_id), MessageState.SENDING, MessageState.HANDED)

    told = program.get(f"/api/v1/incidents/{incident_id}/pages")

    assert [(one["person"], one["state"], one["address"]) for one in told.json()["pages"]] == [
        ("ann", "handed", "…0123")
    ]
    assert [one["targets"] for one in told.json()["steps"]] == [["schedule/payments"], ["person/bob"]]
    assert "5550100" not in told.text
    assert program.get("/api/v1/incidents/INC-99/pages").status_code == 404


def test_alerts_are_paged_through_and_one_tells_why(program: Visitor, resile: Resile) -> None:
    incident_id = page(resile)
    over = [
        alert(number, title=f"a{number}", state=AlertState.RESOLVED, outcome=Outcome.CLEARED, at=at)
        for number in range(50)
        for at in (NOW - timedelta(minutes=number // 7),)
    ]
    arrive(resile, [*over, alert(99, incident_id=incident_id)])

    seen, before = [], ""
    while before is not None:
        told = program.get(f"/api/v1/alerts?limit=10{f'&before={before}' if before else ''}").json()
        seen += [one["id"] for one in told["alerts"]]
        before = told["next"]
    firing = program.get("/api/v1/alerts?firing=true").json()["alerts"]
    why = program.get(f"/api/v1/alerts/{firing[0]['id']}").json()

    assert len(seen) == len(set(seen)) == 51
    assert [one["incident_id"] for one in firing] == [incident_id]
    assert [one["stage"] for one in why["decisions"][0]["stages"]] == ["dedup", "silence", "route", "incident"]
    assert program.get("/api/v1/alerts/none").status_code == 404
    assert program.get("/api/v1/alerts?outcome=eaten").status_code == 400


def test_silences_are_made_listed_and_ended(program: Visitor) -> None:
    made = post(program, "/api/v1/silences", {"match": ["service=checkout"], "because": "known", "lasts": "2h"})
    silence_id = made.json()["id"]
    listed = program.get("/api/v1/silences").json()["silences"]
    ended = program.client.delete(f"/api/v1/silences/{silence_id}")
    again = program.client.delete(f"/api/v1/silences/{silence_id}")

    assert made.status_code == 201
    assert [(one["id"], one["holds"], one["matchers"]) for one in listed] == [(silence_id, True, ["service=checkout"])]
    assert (ended.status_code, ended.json()["is_over"], again.status_code) == (200, True, 409)
    assert program.get("/api/v1/silences").json()["silences"] == []
    assert [one["id"] for one in program.get("/api/v1/silences?over=true").json()["silences"]] == [silence_id]
    assert program.get(f"/api/v1/silences/{silence_id}").json()["ended_at"] is not None
    assert program.get("/api/v1/silences/none").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"match": [], "because": "x", "lasts": "2h"},
        {"match": ["service=x"], "because": "x"},
        {"match": ["service=x"], "because": "", "lasts": "2h"},
        {"match": ["service=x"], "because": "x", "lasts": "for ever"},
        {"match": ["service=x"], "because": "x", "lasts": "2h", "ends_at": "2024-04-02T00:00:00Z"},
        {"match": ["service=x"], "because": "x", "every": "never"},
    ],
)
def test_a_silence_that_cannot_be_meant_is_refused(program: Visitor, body: object) -> None:
    assert post(program, "/api/v1/silences", body).status_code == 400


def test_who_may_only_read_pages_nobody_and_silences_nothing(resile: Resile, app: FastAPI) -> None:
    fill(resile)
    incident_id = page(resile)
    reader = Visitor(app).set_up().program("read")

    answers = [
        post(reader, "/api/v1/pages", {"text": "x", "person": ["bob"]}),
        post(reader, f"/api/v1/incidents/{incident_id}/acknowledge"),
        post(reader, f"/api/v1/incidents/{incident_id}/escalate"),
        post(reader, "/api/v1/silences", {"match": ["a=b"], "because": "x", "lasts": "2h"}),
    ]

    assert {one.status_code for one in answers} == {403}
    assert reader.get("/api/v1/now").status_code == 200
