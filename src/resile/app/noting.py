"""What came of a message is written with its timeline's event; what several tell at one moment is one commit."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec import Struct
from msgspec.structs import replace

from resile.app.bundling import is_bundle
from resile.app.growing import Growing
from resile.app.paging import SYSTEM
from resile.model.errors import ConflictError, StoreError
from resile.model.escalation import Escalation, EscalationState
from resile.model.event import PageMoved
from resile.model.message import Message, MessageClass, MessageState, moves_forward
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.escalate import stand_of

# Written together, and waiting to be, at most. One that waits was sent already: were this program to die it would be
# sent again, so that it should not be many.
MOST_AT_ONCE = 64
MOST_WAITING = 64
# So many that the store refused one after the other: it is not they that are at fault.
_IS_DOWN = 2
# One for which others wrote first that often waits, so that it holds up none of the others.
_TRIES = 8
_REST_S = 1.0
# What the store refuses is kept for so long after others may take the message: where the store was away from all,
# nobody has, and it need not be sent twice. Not for ever, for it may be the note that is at fault.
_KEPT_AFTER_LEASE = timedelta(minutes=5)
# So a carrier moves what is bundled into it.
_FARES_ALIKE = frozenset(
    {
        MessageState.HANDED,
        MessageState.DELIVERED,
        MessageState.FAILED,
        MessageState.UNCERTAIN,
        MessageState.CANCELLED,
    }
)
_TO_BE_SENT = frozenset({MessageState.QUEUED, MessageState.SENDING})
# In which a provider's receipt may have left a message before it was noted that it was handed over; and what of it
# only its sender knows: by these an answer is found, and the receipt that is due is awaited.
_BY_RECEIPT = frozenset({MessageState.HANDED, MessageState.DELIVERED, MessageState.FAILED})
_KNOWN_TO_SENDER = ("ref", "handed_at", "receipt_due_at")
# Whoever reads the outbox, or a backup of it, could else enter the code in its holder's place.
_STRUCK: Mapping[str, Any] = {"title": "A code for resile", "text": ""}
_log = structlog.get_logger()


class Note(Struct, frozen=True, kw_only=True):
    """What came of a message.

    Attributes:
        message: as it is known.
        state: in which it is from now on.
        fields: what else of it changes.
    """

    message: Message
    state: MessageState
    because: str = ""
    fields: Mapping[str, Any] = {}


class Noting:
    """Writes notes: at once, or, while its thread runs, soon and all that wait together.

    Of a commit's time most goes into waiting for other writers and reaching the disk, however much it holds; and who
    sends need not wait for it. Until it is written the message is held by its lease.
    """

    def __init__(self, store: PagingStore, timelines: TimelineStore, clock: Clock) -> None:
        self._store = store
        self._timelines = timelines
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: list[Note] = []
        self._gathers = False
        self._error = ""
        self._thread: threading.Thread | None = None

    def gather(self) -> None:
        """Have what is to be written soon wait until somebody calls `write_waiting`."""
        self._gathers = True

    def start(self) -> None:
        """Gather, and write in a thread what waits."""
        self.gather()
        self._thread = threading.Thread(target=self._run, name="note", daemon=True)
        self._thread.start()

    def stop(self, *, within_s: float) -> None:
        """Write what waits, but not for longer than so; whatever comes after is written at once."""
        thread, self._thread = self._thread, None
        with self._changed:
            self._gathers = False
            self._changed.notify_all()
        if thread is not None:
            thread.join(timeout=within_s)

    def soon(self, note: Note) -> None:
        """Write it soon. Who comes while too many wait has to wait, too."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < MOST_WAITING or not self._gathers)
            if self._gathers:
                self._waiting.append(note)
                self._changed.notify_all()
                return
        self.write(note)

    def write(self, note: Note) -> None:
        """Write what came of it, with the timeline's event, and have paging look at once where it did not come through.

        A state that somebody else wrote meanwhile, such as a receipt that was quicker, is not undone.

        Raises:
            ConflictError: others kept writing first; nothing was written of it.
            StoreError: the store failed; nothing was written of it.
        """
        for _ in range(_TRIES):
            try:
                self._commit([note])
            except ConflictError:
                current = self._store.messages([note.message.id]).get(note.message.id)
                rest = None if current is None else _still_to_note(note, current)
                if rest is None:
                    return
                note = rest
                continue
            return
        raise ConflictError(f"message {note.message.id}: others keep writing to its incident; note it later")

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or not self._gathers)
                if not self._waiting:
                    return
            if not self.write_waiting():
                with self._changed:
                    self._changed.wait_for(lambda: not self._gathers, timeout=_REST_S)

    def write_waiting(self) -> bool:
        """Write some of those that wait; False: the store refused some, which wait on."""
        with self._changed:
            some, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            self._changed.notify_all()
        failed = self._write_together(some) if some else []
        return not failed or not self._put_off(failed)

    def _write_together(self, notes: Sequence[Note]) -> list[Note]:
        """In one commit; where that fails one by one, for one of them may be at fault. Those that the store refused."""
        try:
            self._commit(notes)
        except Exception:  # noqa: BLE001 - whatever it is, it is told of the note that it concerns
            failed: list[Note] = []
            n_in_a_row = 0
            for n, note in enumerate(notes):
                if self._is_written(note):
                    n_in_a_row = 0
                    continue
                failed.append(note)
                n_in_a_row += 1
                if n_in_a_row == _IS_DOWN:
                    return [*notes[n + 1 :], *failed]
            return failed
        return []

    def _is_written(self, note: Note) -> bool:
        """Whether no more is to be done for a note: it was written, or is none that can be."""
        try:
            self.write(note)
        except (StoreError, ConflictError) as error:
            self._error = str(error)
            return False
        except Exception as error:  # noqa: BLE001 - a thread that ends would note nothing more, unseen
            _log.error("message failed", message=note.message.id, exc_info=error)
        return True

    def _put_off(self, failed: Sequence[Note]) -> bool:
        """Try again soon, as long as there is hope that nobody else took the message: then it is not sent twice."""
        since = self._clock.now() - _KEPT_AFTER_LEASE
        held = [one for one in failed if one.message.lease_until is not None and one.message.lease_until > since]
        with self._changed:
            if not self._gathers:
                held = []
            self._waiting = [*held, *self._waiting]
        if held:
            _log.warning("messages not noted yet", n=len(held), error=self._error)
        for one in failed:
            if one not in held:
                # It is claimed still, and sent again when the lease runs out.
                _log.error("message not noted", message=one.message.id, state=one.state, error=self._error)
        return bool(held)

    def _commit(self, notes: Sequence[Note]) -> None:
        self._store.commit(noted(self._store, self._timelines, notes, now=self._clock.now()))


def _still_to_note(note: Note, current: Message) -> Note | None:
    """What is left to be said of a message that somebody else wrote meanwhile; None: nothing."""
    if current.version == note.message.version or moves_forward(current.state, note.state):
        return replace(note, message=current)
    if note.state is not MessageState.HANDED or current.state not in _BY_RECEIPT:
        return None
    known = {
        name: note.fields[name]
        for name in _KNOWN_TO_SENDER
        if getattr(current, name) is None and note.fields.get(name) is not None
    }
    return Note(message=current, state=current.state, because=current.error or "", fields=known) if known else None


def noted(store: PagingStore, timelines: TimelineStore, notes: Sequence[Note], *, now: datetime) -> Changes:
    """The changes by which messages are in their states from now on; for others that are bundled into them, too.

    A page that would be tried again, and whose incident was acknowledged while it was being sent, is called off; one
    whose sender died before may have gone out all the same. A code that was sent, or will not be, is struck.
    """
    together = [(note, _fares_with(store, note)) for note in notes]
    its = (message.incident_id for note, members in together for message in (note.message, *members))
    # Read once: what is decided by a timeline is written at the version at which it was read.
    told = timelines.read_many(sorted({incident_id for incident_id in its if incident_id is not None}))
    growing = {name: Growing(name, timeline, now=now, by=SYSTEM) for name, timeline in told.items()}
    changes = Changes()
    for note, members in together:
        changes += _moved(note, members, growing, now)
    # Also where nothing is told: what was decided by the timeline holds only if nobody appended meanwhile.
    appends = tuple(append for one in growing.values() for append in one.appends(is_checked=True))
    return changes + Changes(appends=appends, escalations=_looked_at_anew(store, notes))


def _looked_at_anew(store: PagingStore, notes: Sequence[Note]) -> tuple[Escalation, ...]:
    """Escalations whose pages wait again, at their next versions.

    Whoever acknowledges at this moment has seen such a page being sent, calls off those that wait, and is to look anew.
    """
    again = [note.message for note in notes if note.state is MessageState.QUEUED]
    ids = sorted({one.incident_id for one in again if one.incident_id is not None})
    found = store.escalations(ids) if ids else {}
    return tuple(replace(one, version=one.version + 1) for one in found.values())


def _fares_with(store: PagingStore, note: Note) -> list[Message]:
    is_shared = is_bundle(note.message) and (note.state in _FARES_ALIKE or _is_refused(note))
    return store.bundled_into(note.message.id) if is_shared else []


def _is_refused(note: Note) -> bool:
    return note.state is MessageState.QUEUED and bool(note.because)


def _moved(note: Note, members: Sequence[Message], growing: Mapping[str, Growing], now: datetime) -> Changes:
    message, state, because, fields = note.message, note.state, note.because, dict(note.fields)
    if state is MessageState.QUEUED and message.message_class is MessageClass.PAGE and not _is_needed(message, growing):
        state = MessageState.UNCERTAIN if message.is_repeat else MessageState.CANCELLED
        because = "no longer needed"
    if message.message_class is MessageClass.CHECK and state not in _TO_BE_SENT:
        fields |= _STRUCK
    after = replace(
        message,
        state=state,
        version=message.version + 1,
        lease_by=None,
        lease_until=None,
        error=because or None,
        **fields,
    )
    alike = {name: fields[name] for name in ("handed_at", "delivered_at", "receipt_due_at") if name in fields}
    moved = [(message, after)]
    if state is MessageState.QUEUED:
        # They still go with it, but the next way of their people is due at once, as of one that was refused alone.
        moved += [
            (one, replace(one, version=one.version + 1, error=because))
            for one in members
            if one.state is MessageState.BUNDLED and one.error is None
        ]
    else:
        moved += [
            (one, replace(one, state=state, version=one.version + 1, error=because or None, **alike))
            for one in members
            if one.state in {MessageState.BUNDLED, message.state}
        ]
    timers = _told(growing, moved, because, now)
    return Changes(messages=tuple(one for _, one in moved), timers=timers)


def _is_needed(message: Message, growing: Mapping[str, Growing]) -> bool:
    its = growing.get(message.incident_id or "")
    return its is None or stand_of(its.incident, its.events).state is EscalationState.RUNNING


def _told(
    growing: Mapping[str, Growing], moved: Sequence[tuple[Message, Message]], because: str, now: datetime
) -> tuple[Timer, ...]:
    """Have the timelines say it; which of their incidents are to be looked at again."""
    timers: dict[str, Timer] = {}
    for before, after in moved:
        its = growing.get(after.incident_id or "")
        if its is None:
            continue
        if _is_worth_telling(before, after):
            its.tell(
                PageMoved,
                message_id=after.id,
                state="refused" if after.state is MessageState.QUEUED else after.state.value,
                person=after.person,
                channel=after.channel,
                because=because,
            )
        if _changes_what_is_due(after):
            # Looked at now: what is due then is worked out there, from everything.
            timers[its.incident_id] = Timer(kind=TimerKind.ESCALATION, subject=its.incident_id, due_at=now)
    return tuple(timers.values())


def _is_worth_telling(before: Message, after: Message) -> bool:
    """Of one that is refused again and again the timeline tells the first time, and the end."""
    if after.state is MessageState.QUEUED:
        return after.error is not None and before.n_tries <= 1
    return after.state is not before.state


def _changes_what_is_due(message: Message) -> bool:
    if message.message_class is not MessageClass.PAGE or message.state is MessageState.CANCELLED:
        return False
    if message.state in {MessageState.HANDED, MessageState.DELIVERED}:
        return message.receipt_due_at is not None
    return message.state is not MessageState.QUEUED or message.error is not None
