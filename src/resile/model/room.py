"""An incident's room is the fold of its timeline's room events, whatever order they became known in."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import UNSET, Struct
from msgspec.structs import replace

from resile.model.event import Event, Noted, Updated
from resile.model.room_event import (
    AskedIfRestored,
    ChatClosed,
    ChatOpened,
    EvidenceAdded,
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
    UpdateAgreed,
    UpdateDrafted,
    UpdateDropped,
    UpdatePromised,
    Withdrawn,
)


class Holder(Struct, frozen=True, kw_only=True):
    """Who has a role, since when, and from whom they took it over."""

    person: str
    since: datetime
    by: str
    from_person: str | None = None


class Task(Struct, frozen=True, kw_only=True):
    """Something that is to be done; `changed_by`: who said last how it stands."""

    id: str
    text: str
    added_at: datetime
    added_by: str
    owner: str | None = None
    state: TaskState = TaskState.OPEN
    changed_at: datetime
    changed_by: str


class Wording(Struct, frozen=True, kw_only=True):
    """What a note said from an instant on; `id` is that of the event that said so."""

    id: str
    text: str
    at: datetime
    by: str


class KnownNote(Struct, frozen=True, kw_only=True):
    """A note with all that it ever said, the first first."""

    id: str
    wordings: tuple[Wording, ...]
    pictures: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What it says now."""
        return self.wordings[-1].text

    @property
    def seen(self) -> str:
        """The id of its last wording, to be given back by whoever edits it."""
        return self.wordings[-1].id


class Run(Struct, frozen=True, kw_only=True):
    """One run of a playbook's step, or the wish to have it run.

    Attributes:
        asked_by, asked_at: of a step for which a second person has to say yes.
        began_at: None: it has not begun.
        inputs: what it is given.
        ended: None: it runs, or waits.
    """

    run_id: str
    playbook: str
    number: int
    step: str
    risk: Risk
    runner: str = ""
    asked_by: str | None = None
    asked_at: datetime | None = None
    agreed: tuple[str, ...] = ()
    began_at: datetime | None = None
    began_by: str | None = None
    rolls_back: str | None = None
    inputs: Mapping[str, str] = {}
    ended: StepEnded | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a second person has yet to say yes."""
        return self.began_at is None and self.ended is None

    @property
    def is_running(self) -> bool:
        """Whether it has begun and nobody knows its end."""
        return self.began_at is not None and self.ended is None

    @property
    def is_done(self) -> bool:
        """Whether it ran and came through."""
        return self.ended is not None and self.ended.outcome is StepOutcome.DONE


class KnownDraft(Struct, frozen=True, kw_only=True):
    """An update that was written: waiting, sent or dropped.

    Attributes:
        corrections: what was sent later in the place of its words, the first first.
        corrects: the draft of the update whose words it is to take the place of; None: it is no correction.
        withdrawn: it is shown no more.
    """

    id: str
    draft: UpdateDrafted
    agreed: tuple[str, ...] = ()
    sent: Updated | None = None
    dropped: UpdateDropped | None = None
    corrections: tuple[Updated, ...] = ()
    corrects: str | None = None
    withdrawn: Withdrawn | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it may yet be sent."""
        return self.sent is None and self.dropped is None

    @property
    def versions(self) -> tuple[Updated, ...]:
        """What was sent of it, the last one in force; none: it was not sent."""
        return () if self.sent is None else (self.sent, *self.corrections)


class Chat(Struct, frozen=True, kw_only=True):
    """A room of a chat program that belongs to the incident."""

    channel: str
    ref: str
    name: str = ""
    url: str | None = None
    is_open: bool = True


class Room(Struct, frozen=True, kw_only=True):
    """What is known of an incident beside its instants.

    Attributes:
        roles: who has which role; experts in the order in which they came.
        notes, evidence, tasks: the oldest first; what was withdrawn is in none of them.
        playbooks: name and version of each that was opened, the last first.
        runs: by id, in the order in which they were asked for or began.
        drafts: by id, the oldest first.
        updates: what was published and not withdrawn, each with its last words.
        promises: by audience, when the next update is due; kept promises are gone.
        said: ids of messages in chats that are shown.
        asked_at: when people were asked last whether service is restored.
        withdrawn: by id of the event, why.
    """

    roles: Mapping[Role, tuple[Holder, ...]] = {}
    tasks: tuple[Task, ...] = ()
    notes: tuple[KnownNote, ...] = ()
    evidence: tuple[EvidenceAdded, ...] = ()
    playbooks: tuple[PlaybookOpened, ...] = ()
    runs: Mapping[str, Run] = {}
    drafts: Mapping[str, KnownDraft] = {}
    updates: tuple[Updated, ...] = ()
    promises: Mapping[str, datetime] = {}
    chats: tuple[Chat, ...] = ()
    said: frozenset[str] = frozenset()
    asked_at: datetime | None = None
    withdrawn: Mapping[str, str] = {}

    def holder(self, role: Role) -> Holder | None:
        """Who has a role; of experts the first."""
        return next(iter(self.roles.get(role, ())), None)


def room_of(events: Iterable[Event]) -> Room:
    """The room that a timeline, or any part of one, tells of; the order in which events are given does not matter."""
    told = sorted(events, key=lambda event: (event.recorded_at, event.id))
    withdrawn = {event.event_id: event.reason for event in told if isinstance(event, Withdrawn)}
    shown = [event for event in told if event.id not in withdrawn]
    playbooks: dict[str, PlaybookOpened] = {}
    for event in shown:
        if isinstance(event, PlaybookOpened):
            playbooks.pop(event.playbook, None)
            playbooks[event.playbook] = event
    return Room(
        roles=_roles(shown),
        tasks=_tasks(shown),
        notes=_notes(shown),
        evidence=tuple(event for event in shown if isinstance(event, EvidenceAdded)),
        playbooks=tuple(reversed(playbooks.values())),
        runs=_runs(shown),
        # What was withdrawn was sent all the same: no draft of it waits again, and no promise comes back.
        drafts=_drafts(told),
        updates=_updates(shown),
        promises=_promises(told),
        chats=_chats(shown),
        said=frozenset(event.id for event in shown if isinstance(event, Said)),
        asked_at=max((event.at for event in shown if isinstance(event, AskedIfRestored)), default=None),
        withdrawn=withdrawn,
    )


def _roles(told: Sequence[Event]) -> dict[Role, tuple[Holder, ...]]:
    roles: dict[Role, tuple[Holder, ...]] = {}
    for event in told:
        if isinstance(event, RoleTaken):
            before = roles.get(event.role, ())
            if any(holder.person == event.person for holder in before):
                continue
            is_one = event.role is not Role.EXPERT
            whose = before[0].person if is_one and before else None
            holder = Holder(person=event.person, since=event.at, by=event.by, from_person=whose)
            roles[event.role] = (holder,) if is_one else (*before, holder)
        elif isinstance(event, RoleLaidDown):
            kept = tuple(holder for holder in roles.get(event.role, ()) if holder.person != event.person)
            roles[event.role] = kept
    return {role: roles[role] for role in Role if roles.get(role)}


def _tasks(told: Sequence[Event]) -> tuple[Task, ...]:
    tasks: dict[str, Task] = {}
    for event in told:
        if isinstance(event, TaskAdded):
            tasks[event.id] = Task(
                id=event.id,
                text=event.text,
                owner=event.owner,
                added_at=event.at,
                added_by=event.by,
                changed_at=event.at,
                changed_by=event.by,
            )
        elif isinstance(event, TaskChanged) and event.task_id in tasks:
            task = tasks[event.task_id]
            tasks[event.task_id] = replace(
                task,
                text=task.text if event.text is UNSET else event.text,
                owner=task.owner if event.owner is UNSET else event.owner,
                state=task.state if event.state is UNSET else event.state,
                changed_at=event.at,
                changed_by=event.by,
            )
    return tuple(tasks.values())


def _notes(told: Sequence[Event]) -> tuple[KnownNote, ...]:
    notes: dict[str, KnownNote] = {}
    for event in told:
        if isinstance(event, Noted):
            first = Wording(id=event.id, text=event.text, at=event.at, by=event.by)
            notes[event.id] = KnownNote(id=event.id, wordings=(first,), pictures=event.pictures)
        elif isinstance(event, NoteEdited) and event.note_id in notes:
            note = notes[event.note_id]
            wording = Wording(id=event.id, text=event.text, at=event.at, by=event.by)
            notes[event.note_id] = replace(note, wordings=(*note.wordings, wording))
    return tuple(notes.values())


def _runs(told: Sequence[Event]) -> dict[str, Run]:
    runs: dict[str, Run] = {}
    for event in told:
        if isinstance(event, StepAsked | StepBegan):
            known = runs.get(event.run_id) or Run(
                run_id=event.run_id, playbook=event.playbook, number=event.number, step=event.step, risk=event.risk
            )
            runs[event.run_id] = _asked_or_begun(known, event)
        elif isinstance(event, StepEnded) and event.run_id in runs and runs[event.run_id].ended is None:
            runs[event.run_id] = replace(runs[event.run_id], ended=event)
    return runs


def _asked_or_begun(run: Run, event: StepAsked | StepBegan) -> Run:
    if isinstance(event, StepAsked):
        return replace(run, asked_by=event.by, asked_at=event.at, inputs=event.inputs, rolls_back=event.rolls_back)
    return replace(
        run,
        runner=event.runner,
        agreed=event.agreed,
        began_at=event.at,
        began_by=event.by,
        rolls_back=event.rolls_back,
        inputs=event.inputs,
    )


def _drafts(told: Sequence[Event]) -> dict[str, KnownDraft]:
    drafts: dict[str, KnownDraft] = {}
    for event in told:
        match event:
            case UpdateDrafted():
                corrects = None if event.corrects is None else _published_by(drafts, event.corrects)
                drafts[event.id] = KnownDraft(id=event.id, draft=event, corrects=corrects)
            case UpdateAgreed() if event.draft_id in drafts:
                known = drafts[event.draft_id]
                drafts[event.draft_id] = replace(known, agreed=tuple(dict.fromkeys((*known.agreed, event.by))))
            case UpdateDropped() if event.draft_id in drafts:
                drafts[event.draft_id] = replace(drafts[event.draft_id], dropped=event)
            case Updated() if event.draft_id in drafts:
                _correct(drafts, event)
                drafts[event.draft_id] = replace(drafts[event.draft_id], sent=event)
            case Withdrawn():
                _withdraw(drafts, event)
            case _:
                pass
    return drafts


def _published_by(drafts: Mapping[str, KnownDraft], event_id: str) -> str | None:
    """The draft of the update of which an event is a version."""
    found = (one.id for one in drafts.values() if any(version.id == event_id for version in one.versions))
    return next(found, None)


def _correct(drafts: dict[str, KnownDraft], event: Updated) -> None:
    """Have the update whose words an event takes the place of know it."""
    corrected = None if event.corrects is None else _published_by(drafts, event.corrects)
    if corrected is not None:
        known = drafts[corrected]
        drafts[corrected] = replace(known, corrections=(*known.corrections, event))


def _withdraw(drafts: dict[str, KnownDraft], event: Withdrawn) -> None:
    for known in drafts.values():
        if event.event_id in {known.id, None if known.sent is None else known.sent.id}:
            drafts[known.id] = replace(known, withdrawn=event)
            return


def _updates(shown: Sequence[Event]) -> tuple[Updated, ...]:
    """What was published, each with the words that were put in its place."""
    updates: dict[str, Updated] = {}
    firsts: dict[str, str] = {}
    for event in shown:
        if not isinstance(event, Updated):
            continue
        first = firsts.get(event.corrects or "")
        if first is not None:
            firsts[event.id] = first
            updates[first] = replace(
                updates[first], title=event.title, text=event.text, components=event.components, reason=event.reason
            )
        elif event.corrects is None:
            firsts[event.id] = event.id
            updates[event.id] = event
    return tuple(updates.values())


def _promises(told: Sequence[Event]) -> dict[str, datetime]:
    promises: dict[str, datetime | None] = {}
    for event in told:
        if isinstance(event, UpdatePromised):
            promises[event.audience] = event.due_at
        elif isinstance(event, Updated) and event.audience is not None and event.corrects is None:
            promises[event.audience] = None
    return {audience: due_at for audience, due_at in sorted(promises.items()) if due_at is not None}


def _chats(told: Sequence[Event]) -> tuple[Chat, ...]:
    chats: dict[tuple[str, str], Chat] = {}
    for event in told:
        if isinstance(event, ChatOpened):
            opened = Chat(channel=event.channel, ref=event.ref, name=event.name, url=event.url)
            chats[event.channel, event.ref] = opened
        elif isinstance(event, ChatClosed) and (event.channel, event.ref) in chats:
            chats[event.channel, event.ref] = replace(chats[event.channel, event.ref], is_open=False)
    return tuple(chats.values())
