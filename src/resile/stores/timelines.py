"""Timelines in a database."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, func, select, text, update
from sqlalchemy.exc import IntegrityError

from resile.model.draft import AsOf
from resile.model.errors import ConflictError, StoreError
from resile.model.event import Event, decode_event, encode_event
from resile.model.time import from_us, to_us
from resile.ports.timeline_store import Append, StoredEvent
from resile.stores.engine import Database
from resile.stores.rows import among, among_listed, chunks, insert_rows, listed, plain_rows
from resile.stores.tables import counters, events, taken, taken_as_of, timelines

# Ids asked for in one statement, and timelines held in memory by a stream.
_CHUNK = 2_000
# How soon an append of another process is noticed; one of this process is noticed at once.
_LOOK_EVERY_S = 0.25
# Any number will do, so long as all versions of resile use the same.
_APPEND_LOCK = 0x7265_7369_6C66

_LAST_SEQ = select(func.coalesce(func.max(events.c.seq), 0))
_N_INCIDENTS = select(func.count()).select_from(timelines)
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(:key)")
_GROW = update(timelines).where(timelines.c.number == bindparam("its")).values(version=bindparam("to"))
_FOLLOW = (
    select(events.c.seq, timelines.c.incident_id, events.c.version, events.c.body)
    .join_from(events, timelines)
    .where(events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
    .limit(bindparam("most"))
)
_CHANGED = (
    select(timelines.c.number, timelines.c.incident_id)
    .where(
        timelines.c.number.in_(
            select(events.c.timeline).where(events.c.seq > bindparam("after"), events.c.seq <= bindparam("up_to"))
        )
    )
    .order_by(timelines.c.incident_id)
)


class SqlTimelineStore:
    """The TimelineStore in SQLite or PostgreSQL. Owns the database it is given: closes it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = _Statements(is_sqlite=database.is_sqlite)
        self._appended = threading.Condition()

    def append(self, appends: Sequence[Append]) -> int:
        """Append to several timelines in one transaction: all or nothing.

        Raises:
            ConflictError: a timeline is not at its expected version, already holds an event of that id, or its ref was
                taken as of later already.
            StoreError: the database failed, or a name holds a NUL character.
        """
        with self._database.writing() as connection:
            last = self.append_on(connection, appends)
        self.tell_waiting()
        return last

    def append_on(self, connection: Connection, appends: Sequence[Append]) -> int:
        """Append in somebody's transaction on this database, as the first that it writes; they tell_waiting() later.

        Raises:
            ConflictError, StoreError: as append; the transaction must be rolled back.
        """
        try:
            return self._append(connection, appends)
        except IntegrityError as error:
            raise ConflictError(f"{_repeated_id(appends)}; read the timeline and decide again") from error

    def tell_waiting(self) -> None:
        """Wake those who wait for something new."""
        with self._appended:
            self._appended.notify_all()

    def _append(self, connection: Connection, appends: Sequence[Append]) -> int:
        self._take_turn(connection)
        stood = self._versions(connection, {append.incident_id for append in appends})
        seq: int = connection.execute(_LAST_SEQ).scalar_one()
        now = dict(stood)
        rows: list[tuple[int, int, int, str, str]] = []
        for append in appends:
            check_names(append)
            number, version = now.get(append.incident_id, (seq + 1, 0))
            if version != append.expected_version:
                raise ConflictError(
                    f"incident {append.incident_id} is at version {version}, not {append.expected_version}: "
                    "somebody else appended first; read it and decide again"
                )
            for event in append.events:
                seq += 1
                version += 1
                rows.append((seq, number, version, event.id, encode_event(event).decode()))
            if append.events:
                now[append.incident_id] = number, version
        born = [(number, name, version) for name, (number, version) in now.items() if name not in stood]
        insert_rows(connection, timelines, born)
        grown = [(name, *now[name]) for name in stood if now[name] != stood[name]]
        if grown:
            connection.execute(_GROW, [{"its": number, "to": version} for _, number, version in grown])
        insert_rows(connection, events, rows)
        # The last draft of a ref wins, as if each had been a transaction of its own.
        drafts = {append.taken[:2]: append.taken for append in appends if append.taken is not None}
        insert_rows(connection, taken, list(drafts.values()), key=("origin", "ref"))
        self._date(connection, [append for append in appends if append.as_of is not None])
        return seq

    def _date(self, connection: Connection, appends: Sequence[Append]) -> None:
        """Remember of when their drafts are, unless others were quicker with what is of later."""
        if not appends:
            return
        origins = {append.taken[0] for append in appends if append.taken is not None}
        refs = sorted({append.taken[1] for append in appends if append.taken is not None})
        latest = {(origin, ref): at for origin in origins for ref, at in self._as_of(connection, origin, refs).items()}
        for append in appends:
            check_as_of(append, latest)
        rows = [(*name, to_us(at.state_at), to_us(at.heard_at)) for name, at in latest.items()]
        insert_rows(connection, taken_as_of, rows, key=("origin", "ref"))

    def _take_turn(self, connection: Connection) -> None:
        """One append at a time: a seq is given only when all before it can be seen, and versions hold till commit."""
        if not self._database.is_sqlite:
            # A statement of its own: the next one sees what the holder before had committed.
            connection.execute(_TAKE_TURN, {"key": _APPEND_LOCK})

    def read(self, incident_id: str) -> list[Event]:
        """The whole timeline in order of version; empty if there is none."""
        return self.read_many([incident_id]).get(incident_id, [])

    def read_many(self, incident_ids: Sequence[str]) -> dict[str, list[Event]]:
        """Several whole timelines; ids without a timeline are absent."""
        found: dict[str, list[Event]] = {}
        with self._database.reading() as connection:
            for some in chunks(sorted(set(incident_ids)), _CHUNK):
                for incident_id, body in plain_rows(connection, self._statements.whole, self._listed(some)):
                    found.setdefault(incident_id, []).append(_decode(incident_id, body))
        return found

    def follow(self, after_seq: int, *, limit: int = 10_000) -> list[StoredEvent]:
        """What was appended after `after_seq`, oldest first, at most `limit` events."""
        with self._database.reading() as connection:
            rows = plain_rows(connection, _FOLLOW, {"after": after_seq, "most": limit})
        return [StoredEvent(seq, name, version, _decode(name, body)) for seq, name, version, body in rows]

    def incidents_changed(self, after_seq: int, up_to_seq: int) -> Iterator[tuple[str, list[Event]]]:
        """Whole timelines of the incidents that got events in (after_seq, up_to_seq], streamed in id order.

        Holds a connection until it is exhausted or closed.
        """
        bounds = {"after": after_seq, "up_to": up_to_seq}
        with (
            self._database.reading() as connection,
            connection.execute(_CHANGED, bounds, execution_options={"yield_per": _CHUNK}) as changed,
        ):
            for some in changed.partitions(_CHUNK):
                names: dict[int, str] = dict(map(tuple, some))
                told: dict[int, list[Event]] = {number: [] for number in names}
                query = (
                    select(events.c.timeline, events.c.body)
                    .where(self._among(events.c.timeline, list(told)), events.c.seq <= up_to_seq)
                    .order_by(events.c.timeline, events.c.version)
                )
                number = 0
                try:
                    for number, body in plain_rows(connection, query):
                        told[number].append(decode_event(body))
                except msgspec.MsgspecError as error:
                    raise _unreadable(names[number], error) from error
                for number, timeline in told.items():
                    yield names[number], timeline

    def wait(self, after_seq: int, timeout_s: float) -> bool:
        """Block until something after `after_seq` is stored; False if `timeout_s` passed without."""
        until = time.monotonic() + timeout_s
        with self._appended:
            while self.last_seq() <= after_seq:
                left_s = until - time.monotonic()
                if left_s <= 0:
                    return False
                self._appended.wait(min(left_s, _LOOK_EVERY_S))
        return True

    def last_seq(self) -> int:
        """The seq of the newest event; 0 for an empty store."""
        return self._number(_LAST_SEQ)

    def n_incidents(self) -> int:
        """How many timelines there are."""
        return self._number(_N_INCIDENTS)

    def _number(self, query: Any) -> int:
        with self._database.reading() as connection:
            number: int = connection.execute(query).scalar_one()
        return number

    def taken(self, origin: str, refs: Sequence[str]) -> Mapping[str, bytes]:
        """The digests remembered for these refs of an origin; refs never taken are absent."""
        found: dict[str, bytes] = {}
        with self._database.reading() as connection:
            for some in chunks(refs, _CHUNK):
                query = select(taken.c.ref, taken.c.digest).where(
                    taken.c.origin == origin, self._among(taken.c.ref, some)
                )
                found.update((ref, bytes(digest)) for ref, digest in connection.execute(query))
        return found

    def taken_as_of(self, origin: str, refs: Sequence[str]) -> Mapping[str, AsOf]:
        """Of when the latest dated telling taken of these refs is; refs of which none was are absent."""
        with self._database.reading() as connection:
            return self._as_of(connection, origin, refs)

    def _as_of(self, connection: Connection, origin: str, refs: Sequence[str]) -> dict[str, AsOf]:
        found: dict[str, AsOf] = {}
        its = taken_as_of.c
        for some in chunks(refs, _CHUNK):
            query = select(its.ref, its.state_at, its.heard_at).where(its.origin == origin, self._among(its.ref, some))
            for ref, state_at, heard_at in plain_rows(connection, query):
                found[ref] = AsOf(from_us(state_at), from_us(heard_at))
        return found

    def next_number(self, n: int = 1) -> int:
        """A number for a newly declared incident, never given twice; of several, the first."""
        if self._database.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415 - only the one that is in use is loaded
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]  # noqa: PLC0415
        count = insert(counters).values(name="incident", value=n)
        count = count.on_conflict_do_update(index_elements=["name"], set_={"value": counters.c.value + n})
        with self._database.writing() as connection:
            last: int = connection.execute(count.returning(counters.c.value)).scalar_one()
        return last - n + 1

    def close(self) -> None:
        """Let go of files and connections."""
        self._database.close()

    def _versions(self, connection: Connection, incident_ids: set[str]) -> dict[str, tuple[int, int]]:
        """Number and version of the timelines that exist."""
        found: dict[str, tuple[int, int]] = {}
        for some in chunks(sorted(incident_ids), _CHUNK):
            rows = plain_rows(connection, self._statements.stood, self._listed(some))
            found.update((name, (number, version)) for number, name, version in rows)
        return found

    def _listed(self, values: Sequence[Any]) -> dict[str, Any]:
        return listed(values, is_sqlite=self._database.is_sqlite)

    def _among(self, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        return among(column, values, is_sqlite=self._database.is_sqlite)


class _Statements:
    """Those of every commit, made once.

    Attributes:
        stood: number, name and version of the timelines that are listed.
        whole: every event of these.
    """

    def __init__(self, *, is_sqlite: bool) -> None:
        is_one = among_listed(timelines.c.incident_id, is_sqlite=is_sqlite)
        self.stood = select(timelines.c.number, timelines.c.incident_id, timelines.c.version).where(is_one)
        self.whole = (
            select(timelines.c.incident_id, events.c.body)
            .join_from(timelines, events)
            .where(is_one)
            .order_by(timelines.c.number, events.c.version)
        )


def check_names(append: Append) -> None:
    """Refuse names that PostgreSQL could not keep, wherever they go.

    Raises:
        StoreError: a name holds a NUL character.
    """
    if "\0" in append.incident_id or (append.taken is not None and "\0" in append.taken[0] + append.taken[1]):
        raise StoreError(
            f"incident id {append.incident_id!r} holds a NUL character, which no database keeps; "
            "take it out where it comes from"
        )


def check_as_of(append: Append, latest: dict[tuple[str, str], AsOf]) -> None:
    """Note by origin and ref of when an append tells, if it does.

    Raises:
        ConflictError: what is of later stands there already.
    """
    if append.as_of is None or append.taken is None:
        return
    name = append.taken[:2]
    known = latest.get(name)
    if known is not None and append.as_of < known:
        raise ConflictError(
            f"incident {append.incident_id} was told as of {known.state_at.isoformat()} by now, which is later than "
            f"{append.as_of.state_at.isoformat()}: somebody else appended first; read it and decide again"
        )
    latest[name] = append.as_of


def _decode(incident_id: str, body: str) -> Event:
    try:
        return decode_event(body)
    except msgspec.MsgspecError as error:
        raise _unreadable(incident_id, error) from error


def _unreadable(incident_id: str, error: Exception) -> StoreError:
    return StoreError(f"incident {incident_id} holds an event that this resile cannot read ({error}); update resile")


def _repeated_id(appends: Sequence[Append]) -> str:
    """What a broken uniqueness means, versions having been right: an event id was there before."""
    names = ", ".join(sorted({append.incident_id for append in appends})[:3])
    return f"incident {names} already holds an event with one of the ids {_ids(appends)}"


def _ids(appends: Sequence[Append]) -> str:
    return ", ".join(sorted({event.id for append in appends for event in append.events})[:3])
