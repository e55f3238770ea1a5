"""Updates, maintenance windows and subscribers, as programs use them."""

from datetime import timedelta

import pytest

from resile.app.access import LOCAL
from resile.app.wiring import Resile
from resile.model.catalog import Kind
from resile.model.time import format_instant
from resile.ports.subscriber_book import Subscriber
from resile.testing.simulated_clock import SimulatedClock

from .conftest import NOW
from .visitor import Visitor


@pytest.fixture
def program(visitor: Visitor, resile: Resile) -> Visitor:
    wanted = {(Kind.SERVICE, "checkout"): ({"title": "Checkout"}, "")}
    resile.catalog.apply(LOCAL, resile.catalog.changes_to(wanted))
    found = visitor.set_up().program("read", "write")
    told = {"title": "HTTP 5xx", "severity": "SEV1", "services": ["checkout"]}
    assert found.client.post("/api/v1/incidents", json=told).status_code == 201
    return found


def test_update_is_prepared_drafted_changed_and_published_once(program: Visitor) -> None:
    path = "/api/v1/incidents/INC-1/updates"
    prepared = program.get(f"{path}/prepared", params={"audience": "customers"}).json()
    assert prepared["components"] == {"checkout": "major_outage"}

    draft = program.client.post(path, json={"audience": "customers", "next_within": "20m"})
    changed = program.client.put(f"{path}/{draft.json()['draft_id']}", json={"text": "We roll back."})
    sent = program.client.post(f"{path}/{changed.json()['draft_id']}/publish")
    again = program.client.post(f"{path}/{changed.json()['draft_id']}/publish")

    assert (draft.status_code, changed.status_code, sent.status_code, again.status_code) == (201, 200, 200, 409)
    assert (sent.json()["text"], sent.json()["state"], sent.json()["phase"]) == (
        "We roll back.",
        "published",
        "investigating",
    )
    assert "was sent by" in again.json()["detail"]
    listed = program.get(path).json()
    assert [one["state"] for one in listed["drafts"]] == ["dropped", "published"]
    assert listed["promises"] == {"customers": format_instant(NOW + timedelta(minutes=20))}
    assert program.client.delete(f"{path}/promises/customers").json()["promises"] == {}


def test_update_is_said_at_once_and_dropped_or_agreed_to(program: Visitor) -> None:
    path = "/api/v1/incidents/INC-1/updates"
    said = program.client.post(path, json={"audience": "executives", "publish": True, "text": "It burns."})
    draft = program.client.post(path, json={"audience": "responders"}).json()

    assert said.json()["state"] == "published"
    assert program.client.post(f"{path}/{draft['draft_id']}/agree").status_code == 409
    dropped = program.client.post(f"{path}/{draft['draft_id']}/drop", json={"reason": "too late"})
    assert dropped.json()["state"] == "dropped"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"audience": "martians"}, 400),
        ({"audience": "customers", "components": {"checkout": "on fire"}}, 400),
        ({"audience": "customers", "next_within": "soon"}, 400),
        ({"audience": "customers", "text": ""}, 409),
        ({"audience": "customers", "nonsense": 1}, 400),
    ],
)
def test_update_that_cannot_be_meant_is_refused(program: Visitor, body: dict[str, object], status: int) -> None:
    assert program.client.post("/api/v1/incidents/INC-1/updates", json=body).status_code == status
    assert program.client.post("/api/v1/incidents/INC-9/updates", json={"audience": "customers"}).status_code == 404


def test_window_is_entered_moved_begun_and_finished(program: Visitor, clock: SimulatedClock) -> None:
    told = {
        "title": "New database",
        "components": ["checkout"],
        "starts_at": format_instant(NOW + timedelta(hours=1)),
        "ends_at": format_instant(NOW + timedelta(hours=2)),
    }
    made = program.client.post("/api/v1/maintenance", json=told)
    assert (made.status_code, made.json()["phase"]) == (201, "scheduled")
    path = f"/api/v1/maintenance/{made.json()['id']}"

    moved = program.client.patch(path, json={"ends_at": format_instant(NOW + timedelta(hours=3)), "version": 1})
    stale = program.client.patch(path, json={"ends_at": format_instant(NOW + timedelta(hours=4)), "version": 1})
    assert (moved.json()["version"], stale.status_code) == (2, 400)
    clock.advance(timedelta(minutes=90))
    assert program.get(path).json()["phase"] == "in_progress"
    assert program.client.post(f"{path}/finish").json()["phase"] == "completed"
    assert program.client.delete(path).status_code == 400
    assert program.get("/api/v1/maintenance").json() == {"windows": []}
    assert len(program.get("/api/v1/maintenance", params={"over": "true"}).json()["windows"]) == 1
    assert program.get("/api/v1/maintenance/nope").status_code == 404
    assert program.client.post("/api/v1/maintenance", json=told | {"components": ["nope"]}).status_code == 400


def test_subscribers_are_listed_a_page_at_a_time_and_removed(
    program: Visitor, resile: Resile, visitor: Visitor
) -> None:
    book = resile.communication.subscribers._book
    for n in range(3):
        book.confirm(Subscriber(id=f"s{n}", channel="email", address=f"a{n}@example.net", confirmed_at=NOW))

    first = program.get("/api/v1/subscribers", params={"limit": 2}).json()
    second = program.get("/api/v1/subscribers", params={"limit": 2, "after": first["next"]}).json()

    assert [one["address"] for one in first["subscribers"]] == ["a0@example.net", "a1@example.net"]
    assert ([one["id"] for one in second["subscribers"]], second["next"], second["n_told"]) == (["s2"], None, 3)
    reader = visitor.program("read", name="reader")
    assert reader.get("/api/v1/subscribers").json()["subscribers"][0]["address"] == "a…@example.net"
    assert reader.client.delete("/api/v1/subscribers/s1").status_code == 403
    assert program.client.delete("/api/v1/subscribers/s1").json()["address"] == "a…@example.net"
    assert program.client.delete("/api/v1/subscribers/s1").status_code == 404


def test_published_update_is_corrected_and_withdrawn_for_a_reason(program: Visitor) -> None:
    path = "/api/v1/incidents/INC-1/updates"
    said = program.client.post(path, json={"audience": "customers", "publish": True, "text": "It burns."}).json()
    its = f"{path}/{said['draft_id']}"
    bare = program.client.post(f"{its}/correct", json={"text": "It smokes."})
    corrected = program.client.post(f"{its}/correct", json={"text": "It smokes.", "reason": "a look", "publish": True})
    first = program.get(path).json()["drafts"][0]
    withdrawn = program.client.post(f"{its}/retract", json={"reason": "wrong incident"})

    assert (bare.status_code, corrected.status_code, withdrawn.status_code) == (400, 201, 200)
    assert (corrected.json()["corrects"], corrected.json()["state"]) == (said["draft_id"], "published")
    assert (first["text"], first["reason"], first["state"]) == ("It smokes.", "a look", "published")
    assert (withdrawn.json()["state"], withdrawn.json()["text"]) == ("withdrawn", "")
    assert withdrawn.json()["reason"] == "wrong incident"
    assert program.client.post(f"{its}/retract", json={"reason": "again"}).status_code == 409
    told = program.get("/api/v1/incidents/INC-1/timeline").text
    assert "It burns." not in told
    assert "It smokes." not in told
