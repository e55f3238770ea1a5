"""Which commands are taken, and which are refused with what words."""

from datetime import UTC, datetime, timedelta

import pytest

from resile.model.errors import TransitionError
from resile.model.event import Event, Exclusion
from resile.model.incident import Incident, InstantName, evolve, fold, value_of
from resile.model.lifecycle import (
    Absorb,
    ChangeSeverity,
    Command,
    Correct,
    Declare,
    Describe,
    Mark,
    Merge,
    Note,
    Publish,
    Reach,
    Reopen,
    decide,
)
from resile.model.phases import instants
from resile.model.severity import Severity

T0 = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)


class Room:
    """One incident and a clock."""

    def __init__(self) -> None:
        self.timeline: list[Event] = []
        self.now = T0

    @property
    def incident(self) -> Incident:
        return fold("INC-1", self.timeline)

    def do(self, command: Command, *, after: float = 1, at: datetime | None = None) -> list[Event]:
        self.now += timedelta(minutes=after)
        events = decide(self.incident, command, now=self.now, by="user:ann", at=at)
        self.timeline += events
        return events


@pytest.fixture
def room() -> Room:
    declared = Room()
    declared.do(Declare(title="checkout fails", severity=Severity.SEV2, services=("checkout",)), after=0)
    return declared


def test_declaring_starts_the_clock_at_detection(room: Room) -> None:
    detected = instants(room.incident).detected

    assert detected is not None
    assert detected.at == T0
    assert [event.id for event in room.timeline] == ["00001", "00002"]


def test_an_incident_goes_through_its_life(room: Room) -> None:
    for name in (InstantName.ACKNOWLEDGED, InstantName.IDENTIFIED, InstantName.MITIGATED, InstantName.RESTORED):
        room.do(Reach(name), after=10)
    room.do(Reach(InstantName.CLOSED), after=1440)

    known = instants(room.incident)
    assert [known.get(name) is not None for name in InstantName] == [False, True, True, True, True, True, True]


def test_impact_learnt_late_is_taken_with_its_own_time(room: Room) -> None:
    room.do(Reach(InstantName.IMPACT_BEGAN), at=T0 - timedelta(minutes=7))

    began = instants(room.incident).impact_began
    assert began is not None
    assert began.at == T0 - timedelta(minutes=7)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (Declare(title="again"), "declared already"),
        (Reopen(), "still open"),
        (Merge("INC-1"), "into itself"),
        (Correct("00099", None, "why"), "no instant with event id"),
        (Correct("00002", None), "for a reason"),
        (Correct("00002", T0, " \n"), "for a reason"),
        (Correct("00002", T0 + timedelta(days=1)), "lies in the future"),
        (Reach(InstantName.DETECTED), "known already"),
    ],
)
def test_a_command_that_does_not_fit_is_refused_with_a_reason(room: Room, command: Command, words: str) -> None:
    with pytest.raises(TransitionError, match=words):
        room.do(command)


def test_a_time_in_the_future_is_refused(room: Room) -> None:
    with pytest.raises(TransitionError, match="future"):
        room.do(Reach(InstantName.RESTORED), at=room.now + timedelta(days=1))


def test_a_restore_before_the_detection_is_refused(room: Room) -> None:
    with pytest.raises(TransitionError, match="would be before detected"):
        room.do(Reach(InstantName.RESTORED), at=T0 - timedelta(minutes=1))


def test_what_is_not_declared_takes_no_command() -> None:
    with pytest.raises(TransitionError, match="not known"):
        Room().do(Note("hello"))


def test_restoring_twice_asks_to_correct_or_reopen(room: Room) -> None:
    room.do(Reach(InstantName.RESTORED))

    with pytest.raises(TransitionError, match="reopen it first"):
        room.do(Reach(InstantName.RESTORED))

    room.do(Reopen("it came back"))
    room.do(Reach(InstantName.RESTORED))
    assert instants(room.incident).n_reopened == 1


def test_taking_what_is_over_asks_to_reopen_it(room: Room) -> None:
    room.do(Reach(InstantName.RESTORED))

    with pytest.raises(TransitionError, match=r"after restored .*; reopen it first, or correct event"):
        room.do(Reach(InstantName.ACKNOWLEDGED))


@pytest.mark.parametrize("name", [InstantName.DETECTED, InstantName.IDENTIFIED, InstantName.MITIGATED])
def test_an_instant_that_no_reopening_would_undo_asks_to_be_corrected_only(room: Room, name: InstantName) -> None:
    if name is not InstantName.DETECTED:
        room.do(Reach(name))

    with pytest.raises(TransitionError, match=r"is known already .*; correct event 0000\d$"):
        room.do(Reach(name))


def test_a_mitigation_can_be_told_anew_after_reopening_as_the_refusal_says(room: Room) -> None:
    room.do(Reach(InstantName.MITIGATED))
    room.do(Reach(InstantName.RESTORED))

    with pytest.raises(TransitionError, match="reopen it first"):
        room.do(Reach(InstantName.MITIGATED))

    room.do(Reopen())
    assert room.do(Reach(InstantName.MITIGATED))


@pytest.mark.parametrize("name", [InstantName.MITIGATED, InstantName.RESTORED, InstantName.CLOSED])
@pytest.mark.parametrize("minutes_before", [0, 5])
def test_what_the_reopening_would_undo_at_once_is_refused(room: Room, name: InstantName, minutes_before: int) -> None:
    room.do(Reach(InstantName.RESTORED), after=10)
    (reopened,) = room.do(Reopen(), after=10)

    with pytest.raises(TransitionError, match=f"was reopened only at .* correct event {reopened.id}"):
        room.do(Reach(name), at=reopened.at - timedelta(minutes=minutes_before))

    room.do(Reach(name), at=reopened.at + timedelta(seconds=1))
    assert instants(room.incident).get(name) is not None


def test_a_reopening_that_was_taken_back_stands_in_nobodys_way(room: Room) -> None:
    (restored,) = room.do(Reach(InstantName.RESTORED), after=10)
    (reopened,) = room.do(Reopen(), after=10)
    room.do(Correct(restored.id, None, "why"))
    room.do(Correct(reopened.id, None, "why"))

    room.do(Reach(InstantName.RESTORED), at=reopened.at - timedelta(minutes=5))

    assert instants(room.incident).restored is not None


def test_a_reopening_before_the_restore_is_refused(room: Room) -> None:
    room.do(Reach(InstantName.RESTORED), after=30)

    with pytest.raises(TransitionError, match="only at"):
        room.do(Reopen(), at=T0 + timedelta(minutes=1))


def test_what_changes_nothing_becomes_no_event(room: Room) -> None:
    assert room.do(ChangeSeverity(Severity.SEV2)) == []
    assert room.do(Mark(None)) == []


def test_words_severity_marks_notes_and_links_are_kept(room: Room) -> None:
    room.do(ChangeSeverity(Severity.SEV1))
    room.do(Describe(title="payments fail", labels={"cause": "pool"}))
    room.do(Mark(Exclusion.NOISE, "flapping probe"))
    room.do(Note("looking at the pool"))
    room.do(Publish("we are looking", "investigating"))
    room.do(Absorb("INC-7"))
    room.do(Merge("INC-9"))

    incident = room.incident
    assert value_of(incident.title, "") == "payments fail"
    assert value_of(incident.severity, None) is Severity.SEV1
    assert value_of(incident.exclusion, None) is Exclusion.NOISE
    assert incident.absorbed == {"INC-7"}
    assert value_of(incident.merged_into, None) == "INC-9"
    with pytest.raises(TransitionError, match="go on there"):
        room.do(Reach(InstantName.RESTORED))


def test_every_event_gets_an_id_of_its_own(room: Room) -> None:
    room.do(Note("one"))
    room.do(Reach(InstantName.ACKNOWLEDGED, "ann"))

    ids = [event.id for event in room.timeline]
    assert len(set(ids)) == len(ids) == evolve(room.incident, room.timeline[0]).n_events - 1
