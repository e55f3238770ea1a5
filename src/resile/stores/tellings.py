"""What subscribers are told, address by address, in SQLite or PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from resile.model.time import from_us, to_us
from resile.ports.telling_store import Copy, CopyState, Done, Telling, TellingCounts, TellingKind
from resile.stores.communication_tables import subscribers, telling_copies, tellings
from resile.stores.engine import Database
from resile.stores.subscribers import names_json, names_of, subscriber_of

_its = telling_copies.c
# In the very words of the index of what is open, few of very many: else SQLite would not see that it may use it.
_IS_OPEN = text("telling_copies.state IN ('queued', 'sending')")
_AT_ONCE = 500
_CALLED_BACK = "called back"
_MAX_ERROR = 300


class SqlTellingStore:
    """The TellingStore of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spread(self, telling: Telling) -> int:
        """Note it, with one copy for each subscriber who wants it."""
        wanted = frozenset(telling.components)
        for earlier in telling.calls_back:
            self._call_back(earlier, telling)
        with self._database.writing() as connection:
            if not _insert_telling(connection, telling):
                return 0
            query = select(subscribers).where(subscribers.c.put_aside_at.is_(None))
            if telling.is_for_told:
                query = query.where(subscribers.c.id.in_(_may_have_heard(telling.calls_back)))
            found = connection.execute(query)
            rows = [
                _row(
                    Copy(
                        telling_id=telling.id,
                        subscriber_id=one.id,
                        channel=one.channel,
                        address=one.address,
                        first_due_at=telling.made_at,
                        due_at=telling.made_at,
                    )
                )
                for one in map(subscriber_of, found)
                if not wanted or not one.components or not wanted.isdisjoint(one.components)
            ]
            for start in range(0, len(rows), _AT_ONCE):
                connection.execute(insert(telling_copies), rows[start : start + _AT_ONCE])
            return len(rows)

    def _call_back(self, earlier: str, telling: Telling) -> None:
        """Let nothing more leave of an earlier telling; words that do not stand are not kept either.

        Whoever sends holds one copy and waits for the next, so that nobody who holds many may wait for one: those that
        are held are ended one by one.
        """
        gone = Telling(
            id=earlier, kind=telling.kind, title="", text="", made_at=telling.made_at, told_at=telling.made_at
        )
        with self._database.writing() as connection:
            if _insert_telling(connection, gone):
                return
            if telling.is_for_told:
                words = {"title": "", "text": "", "body": "{}"}
                connection.execute(update(tellings).where(tellings.c.id == earlier).values(words))
        query = select(_its.subscriber_id).where(_IS_OPEN, _its.telling_id == earlier, _its.error != _CALLED_BACK)
        with self._database.writing() as connection:
            free = connection.execute(query.with_for_update(skip_locked=True)).scalars()
            _ended(connection, earlier, list(free))
        with self._database.reading() as connection:
            held = list(connection.execute(query).scalars())
        for one in held:
            with self._database.writing() as connection:
                _ended(connection, earlier, [one])

    def ask_for(self, telling: Telling, copy: Copy) -> None:
        """Note one with its only copy."""
        with self._database.writing() as connection:
            if _insert_telling(connection, telling):
                connection.execute(insert(telling_copies), _row(copy))

    def claim(self, channel: str, *, now: datetime, until: datetime, by: str, limit: int) -> list[Copy]:
        """Copies that are due and nobody's, held by `by` until then."""
        is_free = or_(_its.lease_until.is_(None), _its.lease_until <= to_us(now))
        query = (
            select(telling_copies)
            .where(
                _IS_OPEN, _its.channel == channel, _its.state == CopyState.QUEUED, _its.due_at <= to_us(now), is_free
            )
            .order_by(_its.due_at, _its.telling_id, _its.subscriber_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.writing() as connection:
            found = connection.execute(query).all()
            for row in found:
                held = update(telling_copies).where(_is(row.telling_id, row.subscriber_id))
                connection.execute(held.values(lease_by=by, lease_until=to_us(until)))
        return [_copy(row, lease_by=by, lease_until=until) for row in found]

    def begin(self, copy: Copy, *, done: Done | None, most_bounces: int, now: datetime) -> bool:
        """Write what came of the one before, and that this one is leaving."""
        is_held = and_(
            _is(copy.telling_id, copy.subscriber_id),
            _its.state == CopyState.QUEUED,
            _its.lease_by == copy.lease_by,
            _its.lease_until > to_us(now),
        )
        # Who left while it waited is told nothing more.
        stays = or_(
            exists().where(subscribers.c.id == copy.subscriber_id, subscribers.c.put_aside_at.is_(None)),
            exists().where(tellings.c.id == copy.telling_id, tellings.c.kind == TellingKind.CONFIRM),
        )
        leaving = {"state": CopyState.SENDING.value, "n_tries": _its.n_tries + 1}
        gone = {"state": CopyState.FAILED.value, "error": "left, or was put aside, before", "address": ""}
        with self._database.writing() as connection:
            if done is not None:
                _finish(connection, done, most_bounces=most_bounces, now=now)
            if connection.execute(update(telling_copies).where(is_held, stays).values(leaving)).rowcount:
                return True
            connection.execute(update(telling_copies).where(is_held).values(gone))
            return False

    def finish(self, done: Sequence[Done], *, most_bounces: int, now: datetime) -> None:
        """Write what came of some."""
        with self._database.writing() as connection:
            for one in done:
                _finish(connection, one, most_bounces=most_bounces, now=now)

    def give_back(self, copies: Sequence[Copy]) -> None:
        """Let others take what was claimed and not begun."""
        with self._database.writing() as connection:
            for copy in copies:
                is_mine = and_(
                    _is(copy.telling_id, copy.subscriber_id),
                    _its.state == CopyState.QUEUED,
                    _its.lease_by == copy.lease_by,
                )
                connection.execute(update(telling_copies).where(is_mine).values(lease_by=None, lease_until=None))

    def close_gaps(self, now: datetime, *, limit: int = 500) -> list[Copy]:
        """Copies that were leaving when their lease ran out become UNCERTAIN."""
        is_gap = and_(_IS_OPEN, _its.state == CopyState.SENDING, _its.lease_until <= to_us(now))
        with self._database.reading() as connection:
            # Nearly always there is none, and nobody has to wait for a turn to write.
            if connection.execute(select(_its.telling_id).where(is_gap).limit(1)).first() is None:
                return []
        query = select(telling_copies).where(is_gap).order_by(_its.telling_id, _its.subscriber_id).limit(limit)
        with self._database.writing() as connection:
            found = [_copy(row) for row in connection.execute(query.with_for_update(skip_locked=True))]
            fields = {"state": CopyState.UNCERTAIN.value, "lease_by": None, "lease_until": None, "address": ""}
            error = "whoever sent it died meanwhile; it is not sent again"
            for copy in found:
                whose = _is(copy.telling_id, copy.subscriber_id)
                connection.execute(update(telling_copies).where(whose).values(error=error, **fields))
        return found

    def over(self, *, limit: int = 50) -> list[tuple[Telling, TellingCounts]]:
        """Tellings that came to their end and were not noted as told."""
        waits = exists().where(
            _its.telling_id == tellings.c.id, _its.state.in_([CopyState.QUEUED.value, CopyState.SENDING.value])
        )
        query = (
            select(tellings)
            .where(tellings.c.told_at.is_(None), ~waits)
            .order_by(tellings.c.made_at, tellings.c.id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            found = [_telling(row) for row in connection.execute(query)]
        counts = self.counts([one.id for one in found]) if found else {}
        return [(one, counts.get(one.id, TellingCounts())) for one in found]

    def note_told(self, telling_id: str, now: datetime) -> None:
        """Note that it came to its end."""
        with self._database.writing() as connection:
            connection.execute(update(tellings).where(tellings.c.id == telling_id).values(told_at=to_us(now)))

    def telling(self, telling_id: str) -> Telling | None:
        """The one of that id."""
        with self._database.reading() as connection:
            row = connection.execute(select(tellings).where(tellings.c.id == telling_id)).first()
        return None if row is None else _telling(row)

    def counts(self, telling_ids: Sequence[str]) -> dict[str, TellingCounts]:
        """How far each has come."""
        query = (
            select(tellings.c.id, _its.state, func.count(_its.subscriber_id))
            .select_from(tellings.outerjoin(telling_copies, _its.telling_id == tellings.c.id))
            .where(tellings.c.id.in_(telling_ids))
            .group_by(tellings.c.id, _its.state)
        )
        found: dict[str, dict[str, int]] = {}
        with self._database.reading() as connection:
            for telling_id, state, n in connection.execute(query):
                found.setdefault(telling_id, {}).update({} if state is None else {state: n})
        return {telling_id: TellingCounts(**by_state) for telling_id, by_state in found.items()}

    def holders(self) -> list[str]:
        """By whom copies are held."""
        query = select(_its.lease_by).where(_IS_OPEN, _its.lease_by.is_not(None)).distinct().order_by(_its.lease_by)
        with self._database.reading() as connection:
            return [by for by in connection.execute(query).scalars() if by is not None]

    def cut_short(self, by: str, now: datetime) -> None:
        """End the leases of one who is no more."""
        with self._database.writing() as connection:
            held = update(telling_copies).where(_IS_OPEN, _its.lease_by == by)
            connection.execute(held.values(lease_until=to_us(now)))

    def next_due_at(self, channel: str) -> datetime | None:
        """When the next copy is due, or the next lease of one runs out."""
        due_at = case((_its.lease_until.is_(None), _its.due_at), else_=_its.lease_until)
        query = select(func.min(due_at)).where(_its.channel == channel, _IS_OPEN)
        with self._database.reading() as connection:
            at = connection.execute(query).scalar_one()
        return None if at is None else from_us(at)

    def let_go(self, before: datetime, *, limit: int = 1_000) -> int:
        """Forget tellings that were over before then, with their copies."""
        query = select(tellings.c.id).where(tellings.c.told_at < to_us(before)).order_by(tellings.c.told_at)
        with self._database.writing() as connection:
            ids = list(connection.execute(query.limit(limit)).scalars())
            for telling_id in ids:
                connection.execute(delete(telling_copies).where(_its.telling_id == telling_id))
                connection.execute(delete(tellings).where(tellings.c.id == telling_id))
        return len(ids)


def _ended(connection: Connection, telling_id: str, subscriber_ids: Sequence[str]) -> None:
    """Let copies leave no more; one that is leaving is not sent again if it is refused for the moment."""
    state = _its.state
    for start in range(0, len(subscriber_ids), _AT_ONCE):
        whose = and_(_its.telling_id == telling_id, _its.subscriber_id.in_(subscriber_ids[start : start + _AT_ONCE]))
        leaving = and_(whose, state == CopyState.SENDING)
        connection.execute(update(telling_copies).where(leaving).values(error=_CALLED_BACK))
        ends = {"state": CopyState.CALLED_BACK.value, "address": "", "lease_by": None, "lease_until": None}
        waiting = and_(whose, state == CopyState.QUEUED)
        connection.execute(update(telling_copies).where(waiting).values(ends))


def _may_have_heard(telling_ids: Sequence[str]) -> Select[tuple[str]]:
    states = (CopyState.SENDING.value, CopyState.HANDED.value, CopyState.UNCERTAIN.value)
    return select(_its.subscriber_id).where(_its.telling_id.in_(telling_ids), _its.state.in_(states))


def _insert_telling(connection: Connection, telling: Telling) -> bool:
    row = {
        "id": telling.id,
        "kind": telling.kind.value,
        "title": telling.title,
        "text": telling.text,
        "components": names_json(telling.components),
        "body": telling.body,
        "incident_id": telling.incident_id,
        "made_at": to_us(telling.made_at),
        "told_at": None if telling.told_at is None else to_us(telling.told_at),
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(tellings), row)
    except IntegrityError:
        return False
    return True


def _finish(connection: Connection, done: Done, *, most_bounces: int, now: datetime) -> None:
    copy = done.copy
    is_mine = and_(
        _is(copy.telling_id, copy.subscriber_id), _its.state == CopyState.SENDING, _its.lease_by == copy.lease_by
    )
    fields: dict[str, Any] = {
        "state": done.state.value,
        "error": done.error[:_MAX_ERROR],
        "lease_by": None,
        "lease_until": None,
    }
    if done.state is CopyState.QUEUED:
        fields["due_at"] = to_us(done.due_at or now)
        was_called_back = and_(is_mine, _its.error == _CALLED_BACK)
        ends = {"state": CopyState.CALLED_BACK.value, "address": "", "lease_by": None, "lease_until": None}
        if connection.execute(update(telling_copies).where(was_called_back).values(ends)).rowcount:
            return
    else:
        # Kept as long as it is needed, and no longer: whoever leaves is forgotten.
        fields["address"] = ""
    if not connection.execute(update(telling_copies).where(is_mine).values(fields)).rowcount:
        return
    its, whose = subscribers.c, subscribers.c.id == copy.subscriber_id
    if done.state is CopyState.HANDED:
        connection.execute(update(subscribers).where(whose, its.n_bounced > 0).values(n_bounced=0, because=""))
    elif done.is_bounce:
        connection.execute(
            update(subscribers)
            .where(whose)
            .values(
                n_bounced=its.n_bounced + 1,
                because=done.error[:_MAX_ERROR],
                put_aside_at=case((its.n_bounced + 1 >= most_bounces, to_us(now)), else_=its.put_aside_at),
            )
        )


def _is(telling_id: str, subscriber_id: str) -> ColumnElement[bool]:
    return and_(_its.telling_id == telling_id, _its.subscriber_id == subscriber_id)


def _row(copy: Copy) -> dict[str, Any]:
    return {
        "telling_id": copy.telling_id,
        "subscriber_id": copy.subscriber_id,
        "channel": copy.channel,
        "address": copy.address,
        "state": copy.state.value,
        "first_due_at": to_us(copy.first_due_at),
        "due_at": to_us(copy.due_at),
        "n_tries": copy.n_tries,
        "lease_by": copy.lease_by,
        "lease_until": None if copy.lease_until is None else to_us(copy.lease_until),
        "error": copy.error,
    }


def _copy(row: Row[Any], *, lease_by: str | None = None, lease_until: datetime | None = None) -> Copy:
    until = None if row.lease_until is None else from_us(row.lease_until)
    return Copy(
        telling_id=row.telling_id,
        subscriber_id=row.subscriber_id,
        channel=row.channel,
        address=row.address,
        state=CopyState(row.state),
        first_due_at=from_us(row.first_due_at),
        due_at=from_us(row.due_at),
        n_tries=row.n_tries,
        lease_by=lease_by or row.lease_by,
        lease_until=lease_until or until,
        error=row.error,
    )


def _telling(row: Row[Any]) -> Telling:
    return Telling(
        id=row.id,
        kind=TellingKind(row.kind),
        title=row.title,
        text=row.text,
        components=names_of(row.components),
        body=row.body,
        incident_id=row.incident_id,
        made_at=from_us(row.made_at),
        told_at=None if row.told_at is None else from_us(row.told_at),
    )
