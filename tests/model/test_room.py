"""The room as the fold of its events, and what its state allows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.model.errors import TransitionError
from resile.model.event import Event, Noted, Source, Updated, decode_event, encode_event
from resile.model.history import event_id
from resile.model.incident import fold
from resile.model.lifecycle import Declare, Note, decide
from resile.model.room import room_of
from resile.model.room_event import (
    EvidenceKind,
    NoteEdited,
    PlaybookOpened,
    Risk,
    Role,
    RoleLaidDown,
    RoleTaken,
    Said,
    StepAsked,
    StepBegan,
    StepEnded,
    StepOutcome,
    TaskAdded,
    TaskChanged,
    TaskState,
    UpdateDrafted,
    UpdatePromised,
    Withdrawn,
)
from resile.model.room_lifecycle import (
    AddEvidence,
    AddTask,
    ChangeTask,
    EditNote,
    LayDownRole,
    RoomCommand,
    TakeRole,
    Withdraw,
    decide_room,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Telling:
    """A timeline that grows by commands, a minute apart."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.does(Declare(title="down"))

    @property
    def now(self) -> datetime:
        return NOON + timedelta(minutes=len(self.events))

    def does(self, command: Any, by: str = "user:ann") -> list[Event]:
        incident = fold("INC-1", self.events)
        if isinstance(command, RoomCommand):
            told = decide_room(incident, room_of(self.events), command, now=self.now, by=by)
        else:
            told = decide(incident, command, now=self.now, by=by)
        self.events += told
        return told

    def tells(self, kind: Any, **fields: Any) -> str:
        name = event_id(len(self.events) + 1)
        told = kind(id=name, at=self.now, recorded_at=self.now, by="user:ann", source=Source.HUMAN, **fields)
        self.events.append(told)
        return name

    @property
    def room(self) -> Any:
        return room_of(self.events)


names = st.sampled_from(["ann", "bob", "eve"])
ids = st.sampled_from(["00001", "00002", "00003", "00004"])
KINDS: list[tuple[Any, dict[str, Any]]] = [
    (RoleTaken, {"role": st.sampled_from(Role), "person": names}),
    (RoleLaidDown, {"role": st.sampled_from(Role), "person": names}),
    (TaskAdded, {"text": names}),
    (TaskChanged, {"task_id": ids, "state": st.sampled_from(TaskState)}),
    (Noted, {"text": names}),
    (NoteEdited, {"note_id": ids, "text": names}),
    (Withdrawn, {"event_id": ids}),
    (PlaybookOpened, {"playbook": names, "number": st.integers(1, 3)}),
    (StepAsked, {"run_id": ids, "playbook": names, "number": st.just(1), "step": names, "risk": st.sampled_from(Risk)}),
    (StepEnded, {"run_id": ids, "outcome": st.sampled_from(StepOutcome)}),
    (UpdateDrafted, {"audience": names, "status": names, "title": names, "text": names}),
    (Updated, {"text": names, "audience": names, "draft_id": ids}),
    (UpdatePromised, {"audience": names, "due_at": st.just(NOON)}),
]


@st.composite
def told(draw: st.DrawFn) -> list[Event]:
    events = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        kind, fields = draw(st.sampled_from(KINDS))
        at = NOON + timedelta(minutes=draw(st.integers(0, 5)))
        given_fields = {name: draw(value) for name, value in fields.items()}
        stamp = {"id": event_id(number), "at": at, "recorded_at": at, "by": "user:ann", "source": Source.HUMAN}
        events.append(kind(**stamp, **given_fields))
    return events


@given(told(), st.randoms(use_true_random=False))
def test_room_does_not_depend_on_the_order_in_which_events_became_known(events: list[Event], random: Any) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)

    assert room_of(shuffled) == room_of(events)


@given(told())
def test_events_of_the_room_are_read_as_they_were_written_and_leave_the_incident_as_it_is(events: list[Event]) -> None:
    assert [decode_event(encode_event(event)) for event in events] == events
    after = fold("INC-1", events)
    assert (after.claims, after.corrections, after.n_events) == ({}, {}, len(events))


def test_role_is_handed_over_and_experts_are_many() -> None:
    telling = Telling()
    for role, person in [(Role.COMMANDER, "ann"), (Role.COMMANDER, "bob"), (Role.EXPERT, "ann"), (Role.EXPERT, "eve")]:
        telling.does(TakeRole(role, person))

    commander = telling.room.holder(Role.COMMANDER)
    assert (commander.person, commander.from_person) == ("bob", "ann")
    assert [holder.person for holder in telling.room.roles[Role.EXPERT]] == ["ann", "eve"]
    assert telling.does(TakeRole(Role.COMMANDER, "bob")) == []
    with pytest.raises(TransitionError, match="commander is bob, not 'ann'"):
        telling.does(LayDownRole(Role.COMMANDER, "ann"))
    telling.does(LayDownRole(Role.COMMANDER, "bob"))
    assert telling.room.holder(Role.COMMANDER) is None


def test_task_is_added_given_to_somebody_and_done() -> None:
    telling = Telling()
    (added,) = telling.does(AddTask("ask the bank"))
    telling.does(ChangeTask(task_id=added.id, owner="bob", state=TaskState.DONE), by="user:bob")

    (task,) = telling.room.tasks
    assert (task.text, task.owner, task.state, task.changed_by) == ("ask the bank", "bob", TaskState.DONE, "user:bob")
    assert telling.does(ChangeTask(task_id=added.id, state=TaskState.DONE)) == []
    with pytest.raises(TransitionError, match="has no task '00009'"):
        telling.does(ChangeTask(task_id="00009", state=TaskState.DONE))


def test_two_who_edit_a_note_at_once_lose_nothing() -> None:
    telling = Telling()
    (noted,) = telling.does(Note("disk is full"))
    (note,) = telling.room.notes
    telling.does(EditNote(noted.id, "disk of db-1 is full", seen=note.seen), by="user:bob")

    with pytest.raises(TransitionError, match="bob changed this note while you did"):
        telling.does(EditNote(noted.id, "disk is full again", seen=note.seen))

    (note,) = telling.room.notes
    assert [one.text for one in note.wordings] == ["disk is full", "disk of db-1 is full"]
    telling.does(EditNote(noted.id, "disk of db-1 is full again", seen=note.seen))
    assert telling.room.notes[0].text == "disk of db-1 is full again"


def test_what_is_withdrawn_is_shown_no_more() -> None:
    telling = Telling()
    (noted,) = telling.does(Note("password: x"))
    (shown,) = telling.does(AddEvidence(evidence=EvidenceKind.LOG, title="log", text="line"))

    said = telling.tells(Said, channel="slack", author="eve", text="password: y")

    telling.does(Withdraw(noted.id, "a secret"))
    telling.does(Withdraw(shown.id))
    telling.does(Withdraw(said))

    assert (telling.room.notes, telling.room.evidence, telling.room.said) == ((), (), frozenset())
    assert telling.room.withdrawn == {noted.id: "a secret", shown.id: "", said: ""}
    with pytest.raises(TransitionError, match="has no note, evidence or message"):
        telling.does(Withdraw("00001"))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (AddTask(" "), "the task is empty"),
        (AddTask("x" * 501), "has 501 characters"),
        (AddEvidence(evidence=EvidenceKind.LINK, title="x", url="javascript:alert(1)"), "no address of the web"),
        (AddEvidence(evidence=EvidenceKind.LINK, title="x"), "nothing to show"),
        (AddEvidence(evidence=EvidenceKind.LOG, title="x", text="x" * 20_001), "20,001 characters"),
        (TakeRole(Role.SCRIBE, " "), "name is empty"),
        (EditNote("00007", "x", "00007"), "has no note"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(command: RoomCommand, words: str) -> None:
    telling = Telling()

    with pytest.raises(TransitionError, match=words):
        telling.does(command)


def test_run_waits_begins_and_ends_once() -> None:
    telling = Telling()
    telling.tells(StepAsked, run_id="r", playbook="p", number=2, step="wipe", risk=Risk.DANGER)
    assert telling.room.runs["r"].is_waiting
    telling.tells(
        StepBegan, run_id="r", playbook="p", number=2, step="wipe", runner="sh", risk=Risk.DANGER, agreed=("ann", "bob")
    )
    assert telling.room.runs["r"].is_running
    telling.tells(StepEnded, run_id="r", outcome=StepOutcome.DONE, exit_code=0)
    telling.tells(StepEnded, run_id="r", outcome=StepOutcome.UNKNOWN)

    run = telling.room.runs["r"]
    assert (run.is_done, run.agreed, run.asked_by) == (True, ("ann", "bob"), "user:ann")


def test_update_keeps_the_promise_made_to_its_audience() -> None:
    telling = Telling()
    due_at = NOON + timedelta(hours=1)
    for audience in ("customers", "executives"):
        telling.tells(UpdatePromised, audience=audience, due_at=due_at)
    drafted = telling.tells(UpdateDrafted, audience="customers", status="monitoring", title="t", text="x")
    assert telling.room.drafts[drafted].is_waiting

    telling.tells(Updated, text="x", status="monitoring", audience="customers", draft_id=drafted)

    assert telling.room.promises == {"executives": due_at}
    assert not telling.room.drafts[drafted].is_waiting
