"""A timeline as lines to read: what happened when, who says so, what was learnt later, what was corrected."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import UNSET, Struct
from msgspec.structs import replace

from resile.app.event_words import event_words
from resile.app.paging_lines import Move, grouped
from resile.model.event import Event, Noted, Source, Updated, kind_of
from resile.model.incident import KIND_OF_CLAIM, Correction, Incident
from resile.model.room import KnownNote, Room, Wording
from resile.model.room_event import EvidenceAdded, NoteEdited, Said, TaskChanged, UpdatePromised, Withdrawn

# What was recorded this much later than it happened was learnt afterwards.
_LATE = timedelta(minutes=5)

_KINDS = {
    "impact_began": "detect", "detected": "detect", "acknowledged": "acknowledge", "identified": "identify",
    "mitigated": "mitigate", "restored": "verify", "closed": "verify", "alert_fired": "detect",
    "paging_began": "acknowledge", "escalated": "acknowledge", "paged": "acknowledge",
    "nobody_reachable": "acknowledge", "called_in": "acknowledge", "playbook_opened": "identify",
    "step_asked": "mitigate", "step_began": "mitigate", "step_ended": "mitigate", "asked_if_restored": "verify",
}  # fmt: skip
# What people write or do; all else resile or another system told.
_PEOPLE = ("user", "local")


class Line(Struct, frozen=True, kw_only=True):
    """One event as it is read.

    Attributes:
        at: when it happened, after corrections.
        was_at: when it was first said to have happened, if that was corrected.
        is_taken_back: a correction says that it did not happen.
        recorded_at: when it was learnt, if that was later.
        can_correct: it is an instant, so its time can be corrected.
        moves: what came of it: the pages of a step, the comings and goings of an alert.
        is_people: somebody did or said it, not a machine.
        note: it is a note that is shown: its text is Markdown, and can be edited.
        earlier: what the note said before, the first first.
        evidence: it shows something.
        due_at: when an audience was promised to hear again, to be told by the reader's clock.
        is_message: somebody wrote it in a chat, and it is shown.
        withdrawn: it is no longer shown, and why.
    """

    event_id: str
    at: datetime
    what: str
    text: str
    kind: str
    source: str
    by: str
    was_at: datetime | None = None
    is_taken_back: bool = False
    corrected_by: str = ""
    recorded_at: datetime | None = None
    can_correct: bool = False
    moves: tuple[Move, ...] = ()
    is_people: bool = False
    note: KnownNote | None = None
    earlier: tuple[Wording, ...] = ()
    evidence: EvidenceAdded | None = None
    due_at: datetime | None = None
    is_message: bool = False
    withdrawn: str | None = None


class Lines:
    """A timeline's lines in the order in which things happened, newest last; each is worded only when it is read.

    Corrections stand with what they correct. With the room, notes stand as they are worded now, and what was withdrawn
    is not shown.
    """

    def __init__(self, timeline: Sequence[Event], incident: Incident, room: Room | None = None) -> None:
        self._room = Room() if room is None else room
        self._kinds = {event.id: kind_of(event) for event in timeline}
        # What came in one import was learnt at one time; saying so on every line would hide what was learnt later.
        self._taken_in_at = timeline[0].recorded_at if timeline else None
        self._moves = grouped(timeline)
        self._corrected = incident.corrections
        self._notes = {note.id: note for note in self._room.notes}
        self._tasks = {task.id: task.text for task in self._room.tasks}
        shown = [event for event in timeline if not self._stands_elsewhere(event)]
        self._events = sorted(shown, key=lambda event: (self._at(event), event.id))

    def __len__(self) -> int:
        return len(self._events)

    def place_of(self, event_id: str) -> int | None:
        """The number of an event's line."""
        return next((number for number, event in enumerate(self._events) if event.id == event_id), None)

    def between(self, begins: int, ends: int) -> list[Line]:
        """The lines from one number to before another."""
        return [self._line(event) for event in self._events[begins:ends]]

    def _line(self, event: Event) -> Line:
        line = _line(event, self._correction(event), self._kinds, self._taken_in_at)
        if event.id in self._moves.moves:
            line = replace(line, moves=self._moves.moves[event.id])
        return _in_room(line, event, self._notes, self._tasks, self._room)

    def _correction(self, event: Event) -> Correction | None:
        # An import corrects its source's notes and updates too; of other events only instants heed corrections.
        heeds = type(event) in KIND_OF_CLAIM or isinstance(event, Noted | Updated)
        return self._corrected.get(event.id) if heeds else None

    def _at(self, event: Event) -> datetime:
        correction = self._correction(event) if self._corrected else None
        return event.at if correction is None or correction.to is None else correction.to

    def _stands_elsewhere(self, event: Event) -> bool:
        return event.id in self._moves.within or _stands_elsewhere(event, self._notes, self._room)


def lines_of(timeline: Sequence[Event], incident: Incident, room: Room | None = None) -> list[Line]:
    """All lines of a timeline."""
    lines = Lines(timeline, incident, room)
    return lines.between(0, len(lines))


def _stands_elsewhere(event: Event, notes: Mapping[str, KnownNote], room: Room) -> bool:
    """Whether it is told on the line of another: a note's later words, and that something was withdrawn."""
    if isinstance(event, NoteEdited):
        return event.note_id in notes or event.note_id in room.withdrawn
    return isinstance(event, Withdrawn) and event.event_id in room.withdrawn


def _in_room(line: Line, event: Event, notes: Mapping[str, KnownNote], tasks: Mapping[str, str], room: Room) -> Line:
    if event.id in room.withdrawn:
        return replace(line, text="", withdrawn=room.withdrawn[event.id], moves=())
    match event:
        case Noted() if event.id in notes:
            note = notes[event.id]
            return replace(line, text=note.text, note=note, earlier=note.wordings[:-1])
        case EvidenceAdded():
            return replace(line, evidence=event)
        case UpdatePromised():
            return replace(line, due_at=event.due_at)
        case Said():
            return replace(line, is_message=True)
        case TaskChanged():
            task = tasks.get(event.task_id, "") if event.text is UNSET else ""
            return replace(line, text="; ".join(filter(None, (task, line.text))))
        case _:
            return line


def _line(event: Event, correction: Correction | None, kinds: Mapping[str, str], taken_in_at: datetime | None) -> Line:
    what, text = event_words(event, kinds)
    is_instant = type(event) in KIND_OF_CLAIM
    moved = correction is not None and correction.to is not None and correction.to != event.at
    is_late = event.recorded_at - event.at > _LATE and event.recorded_at != taken_in_at
    at = correction.to if moved and correction is not None and correction.to is not None else event.at
    return Line(
        event_id=event.id,
        at=at,
        what=what,
        text=text,
        kind=_KINDS.get(kind_of(event), "none"),
        source=event.source.value,
        by=who(event.by),
        was_at=event.at if moved else None,
        is_taken_back=correction is not None and correction.to is None,
        corrected_by="" if correction is None else who(correction.by),
        recorded_at=event.recorded_at if is_late else None,
        can_correct=is_instant,
        is_people=_is_of_people(event),
    )


def _is_of_people(event: Event) -> bool:
    return event.source is Source.HUMAN or isinstance(event, Said) or event.by.partition(":")[0] in _PEOPLE


def who(by: str) -> str:
    """Who said it, without the kind of account: `ann` for `user:ann`; an import is named as one."""
    kind, _, name = by.partition(":")
    return f"imported from {name}" if kind == "import" and name else name or by
