"""From declared to closed, told as stories: measured by alerts, asked of people, and closed once it is quiet."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.app.access import LOCAL
from resile.app.chat_card import card_of
from resile.app.chat_words import status_text
from resile.app.growing import Growing
from resile.app.incidents import declare
from resile.app.settings import load_settings
from resile.app.staying_clear import watched_until
from resile.app.wiring import open_resile
from resile.model.alert import AlertState
from resile.model.catalog import Kind
from resile.model.draft import incident_id_of
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.event import Acknowledged, AlertFired, Closed, Exclusion, PageMoved, Reopened, Restored, Source
from resile.model.history import record_history
from resile.model.incident import InstantName, value_of
from resile.model.lifecycle import Command, Correct, Declare, Mark, Merge, Note, Reach, Reopen
from resile.model.phases import Status, instants
from resile.model.room import room_of
from resile.model.room_event import AskedIfRestored, EvidenceKind, Role, TaskState
from resile.model.room_lifecycle import AddEvidence, AddTask, ChangeTask, TakeRole
from resile.model.severity import Severity
from resile.model.time import DAY, HOUR, MINUTE
from resile.ports.paging_store import TimerKind
from resile.ports.timeline_store import Append
from resile.response.ending import Ending, EndingLengths, next_ending
from resile.testing.history import simulated_year
from resile.testing.simulated_clock import SimulatedClock
from resile.web.pages.incident_words import message_of

from .ending_world import NOON, EndingWorld

FIRING, RESOLVED = AlertState.FIRING, AlertState.RESOLVED
MITIGATED, RESTORED = Reach(InstantName.MITIGATED), Reach(InstantName.RESTORED)


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[EndingWorld]:
    clock = SimulatedClock(NOON)
    given_settings = load_settings(data=fresh_data(tmp_path / "data"), quiet={"ask_after_of": {"SEV1": "10m"}})
    with open_resile(given_settings, clock=clock) as resile:
        yield EndingWorld(resile, clock)


def by_hand(world: EndingWorld, severity: Severity | None = Severity.SEV2) -> None:
    declare(world.resile, Declare(title="Checkout fails", severity=severity), by="user:ann")


@pytest.mark.parametrize("severity", list(Severity))
def test_story_from_an_alert_to_closed_and_open_again(world: EndingWorld, severity: Severity) -> None:
    world.alert(FIRING, severity)
    assert [one.title for one in world.channels["voice"].taken] != []
    world.resile.pager.acknowledge("INC-1", who="ann", by="user:ann")
    world.do(
        TakeRole(Role.COMMANDER, "ann"),
        TakeRole(Role.SCRIBE, "bob"),
        Note("Errors since **noon**."),
        AddEvidence(evidence=EvidenceKind.LINK, title="Board", url="https://grafana.example/d/1"),
        AddTask("Roll back", "bob"),
        Reach(InstantName.IDENTIFIED, "a deployment"),
        MITIGATED,
    )
    world.do(ChangeTask(task_id=room_of(world.view().timeline).tasks[0].id, state=TaskState.DONE), by="user:bob")
    # An alert still fires: it will tell, and nobody is asked.
    world.advance(2 * HOUR)
    cleared_at = world.clock.now()
    world.alert(RESOLVED, severity)

    view = world.view()
    assert view.instants.restored is not None
    assert (view.instants.restored.at, view.instants.restored.source) == (cleared_at, Source.MEASURED)
    assert value_of(view.incident.severity, None) is severity
    assert [phase.names for phase in view.phases] == [("acknowledge",), ("identify",), ("mitigate",), ("verify",)]
    assert world.told(AskedIfRestored) == []

    world.advance(3 * DAY - HOUR)
    assert world.told(Closed) == []
    world.advance(HOUR)
    (closed,) = world.told(Closed)
    assert (closed.by, closed.source, closed.at) == ("resile:quiet", Source.INFERRED, cleared_at + 3 * DAY)
    assert world.view().status is Status.CLOSED

    world.do(Reopen("it comes back"))
    assert world.view().status is Status.OPEN
    world.advance(4 * DAY)
    assert world.view().status is Status.OPEN
    world.do(MITIGATED, RESTORED)
    world.advance(3 * DAY)
    assert len(world.told(Closed)) == 2
    assert len(world.told(Restored)) == 2
    assert len(world.told(Acknowledged)) == 1


def test_nobody_is_asked_before_it_was_quiet_and_then_whoever_leads_it(world: EndingWorld) -> None:
    by_hand(world)
    world.do(TakeRole(Role.COMMANDER, "robert"), Reach(InstantName.ACKNOWLEDGED, "ann"), MITIGATED)
    world.advance(20 * MINUTE)
    world.do(Note("still watching"))
    world.advance(28 * MINUTE)
    assert world.told(AskedIfRestored) == []

    world.advance(2 * MINUTE)

    (asked,) = world.told(AskedIfRestored)
    assert (asked.people, asked.by) == (("bob",), "resile:quiet")
    assert world.mails() == ["Is INC-1 restored?"]
    (message,) = world.channels["email"].taken
    assert message.address == "bob@example.org"
    assert "Checkout fails: mitigated 51 min" in message.text
    assert "If it is, say so: `resile incident restore INC-1`" in message.text


@pytest.mark.parametrize("is_mitigated", [True, False])
def test_people_are_asked_once_the_alerts_of_what_they_declared_have_cleared(
    world: EndingWorld, *, is_mitigated: bool
) -> None:
    declare(world.resile, Declare(title="Checkout fails", services=("shop",)), by="user:ann")
    world.alert(FIRING, Severity.SEV2)
    assert len(world.told(AlertFired)) == 1
    world.do(TakeRole(Role.COMMANDER, "ann"), *([MITIGATED] if is_mitigated else []))
    world.advance(2 * HOUR)
    assert world.told(AskedIfRestored) == []

    world.alert(RESOLVED, Severity.SEV2)
    world.advance(29 * MINUTE)
    assert world.told(AskedIfRestored) == []
    world.advance(2 * MINUTE)

    (asked,) = world.told(AskedIfRestored)
    assert (asked.people, asked.because) == (
        ("ann",),
        "its alerts cleared 30 min ago, and nobody said that it is restored",
    )
    # What fires again is no answer, but a reason to wait; and each clearing is asked about anew.
    world.alert(FIRING, Severity.SEV2)
    world.advance(DAY)
    assert len(world.told(AskedIfRestored)) == 1
    world.alert(RESOLVED, Severity.SEV2)
    world.advance(DAY)
    assert len(world.told(AskedIfRestored)) == 1 + 3
    assert world.resile.paging.timers(TimerKind.ENDING) == []


def test_nobody_is_asked_while_it_is_watched_whether_alerts_stay_clear(world: EndingWorld) -> None:
    catalog = world.resile.catalog
    catalog.apply(LOCAL, catalog.changes_to({(Kind.ROUTE, "patient"): ({"restored_after": "2h"}, "")}))
    world.alert(FIRING, Severity.SEV2)
    world.do(TakeRole(Role.COMMANDER, "ann"))
    world.alert(RESOLVED, Severity.SEV2)
    world.do(MITIGATED)

    world.advance(3 * HOUR)

    assert world.told(AskedIfRestored) == []
    assert len(world.told(Restored)) == 1
    world.advance(4 * DAY)
    assert len(world.told(Closed)) == 1


def test_what_was_called_restored_while_an_alert_fires_is_not_quiet(world: EndingWorld) -> None:
    world.alert(FIRING, Severity.SEV2)
    world.do(RESTORED)

    world.advance(10 * DAY)
    assert world.told(Closed) == []
    world.alert(RESOLVED, Severity.SEV2)
    world.advance(2 * DAY)
    assert world.told(Closed) == []
    world.advance(DAY)

    assert len(world.told(Closed)) == 1
    assert len(world.told(Restored)) == 1


def test_whoever_took_it_is_asked_three_times_at_most_where_it_does_not_ring(world: EndingWorld) -> None:
    by_hand(world)
    world.do(Reach(InstantName.ACKNOWLEDGED, "ann"), MITIGATED)

    world.advance(12 * HOUR)

    assert [one.people for one in world.told(AskedIfRestored)] == [("ann",)] * 3
    assert world.told(PageMoved) == []
    assert world.mails() == ["Is INC-1 restored?"] * 3
    assert world.channels["voice"].taken == []
    assert world.resile.paging.timers(TimerKind.ENDING) == []


def test_worse_incidents_are_asked_about_sooner_where_the_settings_say_so(world: EndingWorld) -> None:
    by_hand(world, Severity.SEV1)
    world.do(MITIGATED)

    world.advance(10 * MINUTE)

    (asked,) = world.told(AskedIfRestored)
    assert asked.people == ()
    assert "nobody leads it or took it who can be asked" in asked.because


def test_answer_ends_the_asking_and_what_is_restored_is_closed(world: EndingWorld) -> None:
    by_hand(world)
    world.do(Reach(InstantName.ACKNOWLEDGED, "ann"), MITIGATED)
    world.advance(31 * MINUTE)

    world.do(RESTORED)
    world.advance(4 * DAY)

    assert len(world.told(AskedIfRestored)) == 1
    assert len(world.told(Closed)) == 1


def test_responders_are_told_until_when_it_is_watched(world: EndingWorld) -> None:
    catalog = world.resile.catalog
    catalog.apply(LOCAL, catalog.changes_to({(Kind.ROUTE, "patient"): ({"restored_after": "10m"}, "")}))
    world.alert(FIRING, Severity.SEV2)

    def told() -> tuple[str, str, str]:
        view, until = world.view(), watched_until(world.resile.paging, "INC-1")
        card = card_of("INC-1", view.incident, view.timeline, watched_until=until, url=None)
        at = "" if until is None else f"{until:%H:%M}"
        message = "".join(words for words, _ in message_of(view, None, world.clock.now(), watched_until=at))
        return card.state, status_text(view, watched_until=until, url=None), message

    assert "watched" not in "".join(told())
    world.advance(5 * MINUTE)
    world.alert(RESOLVED, Severity.SEV2)
    card, status, message = told()
    assert card == "Nobody has acknowledged it yet. Its alerts are clear, watched until 2026-03-02 12:15 UTC."
    assert "\nIts alerts are clear, watched until 2026-03-02 12:15 UTC.\n" in f"{status}\n"
    assert message.endswith("since it was detected; its alerts are clear, watched until 12:15.")
    world.alert(FIRING, Severity.SEV2)
    assert "watched" not in "".join(told())

    world.alert(RESOLVED, Severity.SEV2)
    world.do(RESTORED)
    # Said by a person meanwhile: there is nothing left to wait for.
    assert watched_until(world.resile.paging, "INC-1") is not None
    assert "watched" not in "".join(told())
    world.advance(HOUR)
    assert len(world.told(Restored)) == 1


def test_what_is_written_after_restoring_puts_the_closing_off(world: EndingWorld) -> None:
    by_hand(world)
    world.do(RESTORED)
    world.advance(2 * DAY)
    world.do(Note("one customer more"))

    world.advance(2 * DAY)
    assert world.told(Closed) == []
    world.advance(DAY)

    assert len(world.told(Closed)) == 1


def test_corrections_are_heeded(world: EndingWorld) -> None:
    by_hand(world)
    restored = world.do(RESTORED).timeline[-1]
    world.do(Correct(restored.id, None, "not at all"))

    world.advance(10 * DAY)
    assert world.told(Closed) == []
    mitigated = world.do(MITIGATED).timeline[-1]
    world.do(Correct(mitigated.id, None, "a mistake"))
    world.advance(DAY)

    assert world.told(AskedIfRestored) == []


def test_reopening_cancels_the_closing(world: EndingWorld) -> None:
    by_hand(world)
    world.do(RESTORED)
    world.advance(2 * DAY)
    world.do(Reopen())

    world.advance(10 * DAY)

    assert world.told(Closed) == []
    assert len(world.told(Reopened)) == 1


@pytest.mark.parametrize("end", [Mark(Exclusion.NOISE), Merge("INC-2")])
def test_nobody_is_asked_of_noise_or_of_what_goes_on_elsewhere(world: EndingWorld, end: Mark | Merge) -> None:
    by_hand(world)
    by_hand(world)
    world.do(MITIGATED, end)

    world.advance(DAY)

    assert world.told(AskedIfRestored) == []


def test_imported_incidents_are_never_touched(world: EndingWorld) -> None:
    drafts = list(simulated_year(NOON, np.random.default_rng(1), n=20))
    ids = [incident_id_of(one.origin, one.ref) for one in drafts]
    appends = [
        Append(name, 0, tuple(record_history(one, [], now=NOON, by="import:x")))
        for name, one in zip(ids, drafts, strict=True)
    ]
    world.resile.timelines.append(appends)
    before = world.resile.timelines.last_seq()
    # Somebody reopens and restores one of them, which makes it no incident of ours.
    world.do(Reopen(), MITIGATED, RESTORED, incident_id=ids[0])

    world.advance(30 * DAY)

    assert world.view(ids[0]).status is Status.RESTORED
    assert world.resile.timelines.last_seq() == before + 3
    assert world.resile.paging.timers(TimerKind.ENDING) == []


def test_lengths_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"setting 'quiet.close_after'.*length 'soon' is not understood"):
        load_settings(data=tmp_path, quiet={"close_after": "soon"})
    assert load_settings(data=tmp_path, quiet={"close_after": "never"}).quiet.lengths.close_after is None


def test_two_who_look_at_once_ask_and_close_once(world: EndingWorld) -> None:
    by_hand(world)
    world.do(TakeRole(Role.COMMANDER, "ann"), MITIGATED)
    paging, endings = world.resile.paging, world.resile.alerting.endings
    for seconds in (30 * MINUTE, 3 * DAY):
        timers = paging.timers(TimerKind.ENDING)
        world.clock.advance(seconds)
        one, other = (endings.due(timers, world.clock.now()) for _ in range(2))

        paging.commit(one)
        with pytest.raises(ConflictError):
            paging.commit(other)
        world.work()
        if not world.told(Closed):
            world.do(RESTORED)

    assert world.mails() == ["Is INC-1 restored?"]
    assert len(world.told(Closed)) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [MITIGATED, RESTORED, Reopen(), Note("x"), Reach(InstantName.CLOSED), Mark(Exclusion.NOISE)]
            ),
            st.integers(0, 5_000),
        ),
        max_size=12,
    )
)
@settings(max_examples=80, deadline=None)
def test_what_comes_next_lies_after_everything_that_people_said(told: list[tuple[Command, int]]) -> None:
    clock = SimulatedClock(NOON)
    growing = Growing("INC-1", [], now=NOON, by="user:ann")
    growing.carry_out(Declare(title="x"))
    for command, minutes in told:
        clock.advance(minutes * MINUTE)
        growing.now = clock.now()
        with contextlib.suppress(TransitionError):
            growing.carry_out(command)
        due = next_ending(growing.incident, growing.events, is_firing=False, lengths=EndingLengths())
        known = instants(growing.incident)
        if due is None:
            continue
        assert known.closed is None
        last = max(event.recorded_at for event in growing.events)
        assert due.at >= last + (3 * DAY if due.what is Ending.CLOSE else 30 * MINUTE)
        assert (due.what is Ending.CLOSE) == (known.restored is not None)
