"""What is taken in at once: written whole or not at all, decided anew, and bounded."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from resile.app.alert_intake import AlertIntake, FiringCounts, Told
from resile.app.alert_rules import AlertRules
from resile.model.errors import ConflictError, StoreError
from resile.model.escalation import EscalationState
from resile.model.event import (
    Acknowledged,
    AlertFired,
    Noted,
    PagingBegan,
)
from resile.model.lifecycle import Note
from resile.model.message import MessageState
from resile.model.time import MINUTE
from resile.ports.paging_store import Changes
from tests.app.alerts.world import ACKNOWLEDGED, RESOLVED, AlertWorld, all_events, committing


def test_same_delivery_taken_twice_changes_nothing(world: AlertWorld) -> None:
    first, second = world.alert("errors"), world.alert("errors", RESOLVED, told_at=world.now() + MINUTE)
    world.clock.advance(2 * MINUTE)
    world.tell(first, second)
    before, row = all_events(world), world.row("errors")

    world.tell(first, second)
    world.tell(first)

    assert all_events(world) == before
    assert world.row("errors") == row


def test_of_what_one_delivery_says_twice_the_last_holds(world: AlertWorld) -> None:
    told = (world.alert("errors"), world.alert("errors", RESOLVED))

    world.parts.intake.take([Told(alerts=told)])

    assert world.row("errors").state == "resolved"
    assert world.n_incidents() == 0


@pytest.mark.parametrize("is_taken_first", [True, False])
def test_who_took_one_at_its_sender_has_what_comes_at_that_moment_too(world: AlertWorld, is_taken_first: bool) -> None:
    taken, other = world.alert("errors", ACKNOWLEDGED, by="zoe"), world.alert("latency")
    both = (taken, other) if is_taken_first else (other, taken)

    world.parts.intake.take([Told(alerts=(one,)) for one in both])

    assert world.n_incidents() == 1
    assert [event.who for event in world.told("INC-1", Acknowledged)] == ["zoe"]
    assert {one.state for one in world.paging.messages_of(["INC-1"])} == {MessageState.CANCELLED}


def test_what_cleared_and_fires_anew_at_that_moment_is_nobodys(world: AlertWorld) -> None:
    made = world.fires("errors")
    at = world.now()
    several = [
        world.alert("errors", ACKNOWLEDGED, by="zoe", told_at=at),
        world.alert("errors", RESOLVED, told_at=at + MINUTE),
        world.alert("errors", told_at=at + 2 * MINUTE, starts_at=at + 2 * MINUTE),
    ]
    world.clock.advance(3 * MINUTE)

    world.parts.intake.take([Told(alerts=(one,)) for one in several])

    state = world.paging.escalations([made or ""])[made or ""].state
    assert state is EscalationState.RUNNING


def test_everything_of_a_batch_is_written_or_nothing(world: AlertWorld) -> None:
    crashes = [True]

    def crash(_: Changes) -> None:
        if crashes.pop():
            raise StoreError("the disk is full")

    intake = _intake_over(world, crash)
    told = [Told(alerts=(world.alert(name),)) for name in ("errors", "latency")]
    with pytest.raises(StoreError):
        intake.take(told)
    assert world.n_incidents() == 0

    crashes.append(False)
    intake.take(told)

    assert world.n_incidents() == 1
    assert len(world.pages()) == 1


def test_batch_is_decided_anew_where_somebody_was_first(world: AlertWorld) -> None:
    made = world.fires("errors")
    meanwhile = [lambda: world.append(made, Note("looking"))]

    def first(_: Changes) -> None:
        if meanwhile:
            meanwhile.pop()()

    _intake_over(world, first).take([Told(alerts=(world.alert("latency"),))])

    assert len(world.told(made, AlertFired)) == 2
    assert len(world.told(made, Noted)) == 1


def test_batch_that_always_conflicts_is_told_of(world: AlertWorld) -> None:
    made = world.fires("errors")

    intake = _intake_over(world, lambda _: world.append(made, Note("again")))

    with pytest.raises(ConflictError, match="others keep writing"):
        intake.take([Told(alerts=(world.alert("latency"),)), Told(alerts=(world.alert("down"),))])


def _intake_over(world: AlertWorld, before: Callable[[Changes], None]) -> AlertIntake:
    """An intake over a store where something happens before each commit."""
    return AlertIntake(
        committing(world.paging, before),
        world.timelines,
        world.clock,
        rules=AlertRules(world.catalog, world.book),
        silences=world.book,
        pages=world.paging_now,
    )


def test_storm_of_re_sends_makes_one_incident_of_each_group(world: AlertWorld) -> None:
    told = [
        world.alert(f"group {n % 20}", fingerprint=str(n), service=f"service {n % 20}", told_at=world.now() + after)
        for after in (timedelta(seconds=s) for s in range(10))
        for n in range(200)
    ]
    world.clock.advance(MINUTE)

    for start in range(0, len(told), 500):
        world.parts.intake.take([Told(alerts=tuple(told[start : start + 500]))])

    assert world.n_incidents() == 20
    assert len(world.pages()) == 20
    assert {row.n_told for row in world.questions.listed(limit=1_000)} == {10}


def test_door_that_sends_too_many_distinct_alerts_is_refused_and_that_pages(
    world: AlertWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.parts.intake.firing = FiringCounts(world.paging, most=10)
    told = tuple(world.alert(f"value {n}", service=None) for n in range(15))

    world.parts.intake.take([Told(alerts=told)])
    world.parts.intake.take([Told(alerts=told)])

    firing = world.questions.listed(firing=True)
    assert len(firing) == 11
    (own,) = [row for row in firing if row.door == "resile"]
    assert own.title == "Door alertmanager sends too many distinct alerts"
    assert own.incident_id in world.pages()
    # What is known is heard, and makes room; other doors are not held up.
    world.clock.advance(MINUTE)
    world.clears("value 0", service=None)
    assert world.fires("value 14", service=None) is not None
    assert world.fires("errors", door="grafana") is not None


def test_incident_tells_of_so_many_alerts_and_of_more(world: AlertWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.app.alert_incidents.MAX_TOLD", 10)
    world.write("route", "all", group_by=[])
    told = [world.alert(f"value {n}") for n in range(15)]
    world.parts.intake.take([Told(alerts=tuple(told[:12]))])
    world.parts.intake.take([Told(alerts=tuple(told[12:]))])
    world.clock.advance(MINUTE)

    assert len(world.told("INC-1", AlertFired)) == 10
    assert len([event for event in world.told("INC-1", Noted) if "More than" in event.text]) == 1
    for n in range(14):
        world.clears(f"value {n}")
    assert not world.is_over("INC-1")
    world.clears("value 14")

    assert world.is_over("INC-1")


def test_throttle_counts_what_fired_before_the_batch_in_which_an_alert_flaps(world: AlertWorld) -> None:
    world.write("route", "all", throttle={"most": 1, "within": "1h"})
    made = world.fires()
    world.clock.advance(MINUTE)
    world.pager.acknowledge(made or "", who="ann", by="user:ann")
    flaps = [world.alert("errors", RESOLVED), world.alert("errors", told_at=world.now() + MINUTE)]
    world.clock.advance(2 * MINUTE)

    world.tell(*flaps)

    assert world.row("errors").outcome == "reopened"
    assert "1 of its group fired within 60 min, and 1 may page" in world.why("errors")["throttle"]
    assert len(world.told(made, PagingBegan)) == 1


def test_what_fires_again_and_clears_at_one_instant_leaves_nothing_open_and_pages_nobody(world: AlertWorld) -> None:
    incident_id = world.fires()
    world.clears()
    world.clock.advance(MINUTE)
    # As after an hour in which nothing was taken; their sender's clock is ahead, so that its times are not believed.
    soon = world.now() + MINUTE
    again = world.alert(starts_at=soon, told_at=world.now())
    cleared = world.alert("errors", RESOLVED, starts_at=soon, told_at=world.now() + timedelta(seconds=1))

    world.tell(again, cleared)
    world.pass_by(MINUTE)

    assert world.is_over(incident_id)
    assert len(world.told(incident_id, PagingBegan)) == 1
    assert world.told(incident_id, Noted) == []
