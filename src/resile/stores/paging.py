"""Paging in SQLite or PostgreSQL, written together with the timelines of the same database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    not_,
    select,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from resile.model.alert import MUTED, Decision, KnownAlert, Outcome
from resile.model.errors import ConflictError, StoreError
from resile.model.escalation import Escalation
from resile.model.message import Message, MessageClass, MessageState
from resile.model.time import from_us, to_us
from resile.ports.paging_store import Changes, MessageCounts, Timer, TimerKind
from resile.stores import paging_claims
from resile.stores.engine import Database
from resile.stores.paging_rows import (
    Row,
    alert_in,
    decision_in,
    escalation_in,
    is_in,
    is_moving,
    is_of,
    is_open,
    message_in,
    timer_of,
    values_of,
)
from resile.stores.paging_rules import MOST_OF_GROUP, MOVING, is_kept_by_all, plain
from resile.stores.paging_tables import alerts, decisions, escalations, messages, timers
from resile.stores.paging_waiting import Committed, wakes
from resile.stores.paging_writing import CHUNK, write
from resile.stores.rows import among, among_listed, chunks, listed, plain_rows, values_in
from resile.stores.timelines import SqlTimelineStore

T = TypeVar("T")
# Two who waited for each other, of whom PostgreSQL sent one away.
_SENT_AWAY = {"40P01", "40001"}

_is_resolved = alerts.c.state == literal_column("'resolved'")
_is_firing = alerts.c.state != literal_column("'resolved'")
_MUTED = sorted(MUTED)
_newest_alerts = (alerts.c.decided_at.desc(), alerts.c.id)
_IN_GROUP = (
    select(alerts.c.body)
    .where(alerts.c.group_key == bindparam("its_group"))
    .order_by(*_newest_alerts)
    .limit(MOST_OF_GROUP)
)


class _Told(msgspec.Struct):
    door: str


class _Known(msgspec.Struct):
    """Of an alert only its door: the rest of many is not made."""

    alert: _Told


_door_in = msgspec.json.Decoder(_Known)


class SqlPagingStore:
    """The PagingStore of a database that is migrated, beside its timelines; whoever opened them closes it."""

    def __init__(self, database: Database, timelines: SqlTimelineStore) -> None:
        self._database = database
        self._timelines = timelines
        self._committed = Committed()

    def commit(self, changes: Changes) -> None:
        """Write everything in one transaction.

        Raises:
            ConflictError: something is not at its expected version; nothing was written.
            StoreError: the database failed, or an id or a text is none that it could keep.
        """
        if changes.is_empty:
            return
        try:
            with self._database.writing() as connection:
                if changes.appends:
                    self._timelines.append_on(connection, changes.appends)
                write(connection, changes, is_sqlite=self._database.is_sqlite)
        except IntegrityError:
            # Between the look and the writing, by another node.
            raise ConflictError("the same was written by somebody else at this moment; read and decide again") from None
        except StoreError as error:
            if _was_sent_away(error):
                raise ConflictError("somebody else was writing the same; read and decide again") from error
            raise
        if changes.appends:
            self._timelines.tell_waiting()
        if wakes(changes):
            self._committed.tell()

    def claim_timers(self, *, now: datetime, until: datetime, by: str, limit: int) -> list[Timer]:
        """Those due by `now` that nobody holds, the longest due first."""
        with self._database.writing() as connection:
            return paging_claims.claim_timers(connection, now=now, until=until, by=by, limit=limit)

    def next_timer_at(self) -> datetime | None:
        """When the next timer is due that nobody holds, or the next lease of one runs out."""
        with self._database.reading() as connection:
            return paging_claims.next_timer_at(connection)

    def timers(self, kind: TimerKind) -> list[Timer]:
        """All of a kind, by due_at."""
        query = select(timers).where(timers.c.kind == kind.value).order_by(timers.c.due_at, timers.c.subject)
        return [timer_of(row) for row in self._rows(query)]

    def timer(self, kind: TimerKind, subject: str) -> Timer | None:
        """The one of a subject; None: it has none."""
        query = select(timers).where(timers.c.kind == kind.value, timers.c.subject == plain(subject))
        return next((timer_of(row) for row in self._rows(query)), None)

    def claim_messages(
        self, *, now: datetime, until: datetime, by: str, limit: int, but_not: Sequence[str] = ()
    ) -> list[Message]:
        """Those to be sent now, first pages before all others, then the longest due first."""
        names = [plain(name) for name in but_not]
        with self._database.writing() as connection:
            return paging_claims.claim_messages(connection, now=now, until=until, by=by, limit=limit, but_not=names)

    def run_out(self, *, now: datetime, limit: int) -> list[Message]:
        """Messages whose lease ran out and that nobody will claim again."""
        with self._database.reading() as connection:
            return paging_claims.run_out(connection, now=now, limit=limit)

    def next_message_at(self) -> datetime | None:
        """When the next message that may be claimed is due, or the next lease of one runs out."""
        with self._database.reading() as connection:
            return paging_claims.next_message_at(connection)

    def escalations(self, incident_ids: Sequence[str]) -> dict[str, Escalation]:
        """By incident; those without are absent."""
        found = self._among(escalation_in, escalations.c.incident_id, incident_ids)
        return {one.incident_id: one for one in found}

    def open_escalations(self, *, limit: int = 10_000) -> list[Escalation]:
        """Those that have not ended, the newest start first."""
        its = escalations.c
        query = select(its.body).where(is_open).order_by(its.started_at.desc(), its.incident_id).limit(limit)
        return values_of(escalation_in, self._rows(query))

    def messages(self, ids: Sequence[str]) -> dict[str, Message]:
        """By id; those that are not known are absent."""
        return {one.id: one for one in self._among(message_in, messages.c.id, ids)}

    def messages_of(self, incident_ids: Sequence[str]) -> list[Message]:
        """All of some incidents, oldest first."""
        found = self._among(message_in, messages.c.incident_id, incident_ids)
        return sorted(found, key=lambda one: (one.queued_at, one.id))

    def bundled_into(self, carrier_id: str) -> list[Message]:
        """Those that were bundled into a message, oldest first."""
        found = self._among(message_in, messages.c.bundled_into, [carrier_id])
        return sorted(found, key=lambda one: (one.queued_at, one.id))

    def newest_pages_to(self, channel: str, address: str, *, limit: int) -> list[Message]:
        """The pages that were handed over, or are being, to an address: the one queued last first."""
        its = messages.c
        is_it = and_(its.channel == plain(channel), its.address == plain(address), is_of(MessageClass.PAGE))
        query = select(its.body).where(is_it).order_by(its.queued_at.desc(), its.id).limit(limit)
        rows = [
            *self._rows(query.where(its.handed_at.is_not(None))),
            *self._rows(query.where(is_in(MessageState.SENDING))),
        ]
        # One that is sent again was found twice.
        found = {one.id: one for one in values_of(message_in, rows)}
        by_id = sorted(found.values(), key=lambda one: one.id)
        return sorted(by_id, key=lambda one: one.queued_at, reverse=True)[:limit]

    def recent_messages(
        self,
        *,
        limit: int = 100,
        message_class: MessageClass | None = None,
        person: str | None = None,
        before: datetime | None = None,
    ) -> list[Message]:
        """The newest first; only what was queued before then."""
        its = messages.c
        query = select(its.body).order_by(its.queued_at.desc(), its.id).limit(limit)
        if message_class is not None:
            query = query.where(its.message_class == message_class.value)
        if person is not None:
            query = query.where(its.person == plain(person))
        if before is not None:
            query = query.where(its.queued_at < to_us(before))
        return values_of(message_in, self._rows(query))

    def message_by_ref(self, channel: str, ref: str) -> Message | None:
        """The message that the provider of a channel calls so; of several the one queued last."""
        its = messages.c
        query = select(its.body).where(its.ref == plain(ref), its.channel == plain(channel))
        rows = self._rows(query.order_by(its.queued_at.desc(), its.id).limit(1))
        return next(iter(values_of(message_in, rows)), None)

    def sent_since(self, addresses: Sequence[tuple[str, str]], since: datetime) -> dict[tuple[str, str], int]:
        """How many messages were handed over since then, or are being, to (channel, address)."""
        is_sqlite = self._database.is_sqlite
        asked = {(plain(channel), plain(address)): (channel, address) for channel, address in addresses}
        found: dict[tuple[str, str], int] = {}
        with self._database.reading() as connection:
            for query in _sent_counts(is_sqlite=is_sqlite):
                for some in chunks(sorted({address for _, address in asked}), CHUNK):
                    given = {"since": to_us(since), **listed(some, is_sqlite=is_sqlite)}
                    for channel, address, n_sent in plain_rows(connection, query, given):
                        if (channel, address) in asked:
                            name = asked[channel, address]
                            found[name] = found.get(name, 0) + n_sent
        return found

    def counts(self, *, since: datetime) -> MessageCounts:
        """How the outbox stands; of what is over, only what was queued since then is counted."""
        its = messages.c
        counted = select(its.message_class, its.state, func.count()).group_by(its.message_class, its.state)
        by_state: dict[tuple[MessageClass, MessageState], int] = {}
        with self._database.reading() as connection:
            over = counted.where(not_(is_moving), its.queued_at >= to_us(since))
            for query in (*(counted.where(is_in(state)) for state in MOVING), over):
                for message_class, state, n_messages in plain_rows(connection, query):
                    by_state[MessageClass(message_class), MessageState(state)] = n_messages
            oldest = [connection.execute(select(func.min(its.due_at)).where(is_in(state))).scalar() for state in MOVING]
        due = [at for at in oldest if at is not None]
        return MessageCounts(by_state=by_state, oldest_due_at=from_us(min(due)) if due else None)

    def alerts(self, ids: Sequence[str]) -> dict[str, KnownAlert]:
        """By id; those that are not known are absent."""
        return {one.id: one for one in self._among(alert_in, alerts.c.id, ids)}

    def alerts_of(self, incident_ids: Sequence[str], *, limit: int | None = None) -> list[KnownAlert]:
        """Those that belong to some incidents, oldest first."""
        names = sorted({name for name in incident_ids if is_kept_by_all(name)})
        query = select(alerts.c.body).where(among(alerts.c.incident_id, names, is_sqlite=self._database.is_sqlite))
        return values_of(alert_in, self._rows(query.order_by(alerts.c.first_at, alerts.c.id).limit(limit)))

    def n_alerts_of(self, incident_id: str) -> int:
        """How many alerts belong to an incident."""
        its = among(alerts.c.incident_id, [incident_id], is_sqlite=self._database.is_sqlite)
        ((n_alerts,),) = self._rows(select(func.count()).where(its)) if is_kept_by_all(incident_id) else ((0,),)
        return int(n_alerts)

    def firing_of(self, incident_id: str, *, limit: int) -> list[str]:
        """Ids of alerts of an incident that are not resolved, and that nothing mutes."""
        its = alerts.c
        is_its = (its.incident_id == incident_id) & _is_firing & its.outcome.not_in(_MUTED)
        rows = self._rows(select(its.id).where(is_its).limit(limit)) if is_kept_by_all(incident_id) else []
        return [name for (name,) in rows]

    def alerts_firing(self, *, limit: int = 10_000) -> list[KnownAlert]:
        """Those that are not resolved, the newest decision first."""
        query = select(alerts.c.body).where(_is_firing)
        return values_of(alert_in, self._rows(query.order_by(*_newest_alerts).limit(limit)))

    def alerts_in_groups(self, group_keys: Sequence[str]) -> dict[str, list[KnownAlert]]:
        """All that ever came to some groups, the newest decision first, at most a thousand of each."""
        asked = list(dict.fromkeys(group_keys))
        its, found = alerts.c, {}
        with self._database.reading() as connection:
            for some in chunks(asked, CHUNK):
                # Where many alerts come at once most groups are new, which one statement tells for all of them.
                each = values_in([plain(key) for key in some], its.group_key, is_sqlite=self._database.is_sqlite)
                is_known = exists().where(its.group_key == each)
                known = {key for (key,) in plain_rows(connection, select(each).where(is_known))}
                for key in (key for key in some if plain(key) in known):
                    rows = plain_rows(connection, _IN_GROUP, {"its_group": plain(key)})
                    found[key] = values_of(alert_in, rows)
        return found

    def firing_counts(self) -> dict[str, int]:
        """How many alerts that are not resolved there are, by door."""
        counted: Counter[str] = Counter()
        with self._database.reading() as connection:
            for (body,) in connection.execute(select(alerts.c.body).where(_is_firing)).yield_per(CHUNK):
                counted[_door_in.decode(body).alert.door] += 1
        return dict(counted)

    def firing_outcomes(self) -> dict[Outcome, int]:
        """How many alerts that are not resolved there are, by what became of them."""
        query = select(alerts.c.outcome, func.count()).where(_is_firing).group_by(alerts.c.outcome)
        with self._database.reading() as connection:
            return {Outcome(outcome): n_alerts for outcome, n_alerts in plain_rows(connection, query)}

    def recent_alerts(
        self, *, limit: int = 100, text: str = "", outcome: str | None = None, before: datetime | None = None
    ) -> list[KnownAlert]:
        """The newest decision first; `text` is looked for in titles, services and doors, in any case."""
        query = select(alerts.c.body).order_by(*_newest_alerts).limit(limit)
        if words := plain(text.casefold()):
            place = func.instr if self._database.is_sqlite else func.strpos
            query = query.where(place(alerts.c.words, words) > 0)
        if outcome is not None:
            query = query.where(alerts.c.outcome == plain(outcome))
        if before is not None:
            query = query.where(alerts.c.decided_at < to_us(before))
        return values_of(alert_in, self._rows(query))

    def decisions(self, alert_id: str, *, limit: int = 100) -> list[Decision]:
        """What was decided of an alert, the newest first."""
        its = decisions.c
        query = select(its.body).where(its.alert_id == plain(alert_id)).order_by(its.at.desc(), its.seq.desc())
        return values_of(decision_in, self._rows(query.limit(limit)))

    def let_go(self, before: datetime, *, limit: int = 1_000) -> int:
        """Remove what is over and older than that, the oldest first; never of an incident whose escalation is open."""
        it = messages.c
        member = messages.alias()
        carries_open = exists().where(member.c.bundled_into == it.id, ~_is_of_no_open(member.c.incident_id))
        over = select(it.id).where(
            not_(is_moving), it.queued_at < to_us(before), _is_of_no_open(it.incident_id), ~carries_open
        )
        its = alerts.c
        resolved = select(its.id).where(_is_resolved, its.decided_at < to_us(before), _is_of_no_open(its.incident_id))
        with self._database.writing() as connection:
            gone = self._remove(connection, over.order_by(it.queued_at, it.id).limit(limit), it.id)
            resolved = resolved.order_by(its.decided_at, its.id).limit(limit - len(gone))
            gone_alerts = self._remove(connection, resolved, its.id, decisions.c.alert_id)
        return len(gone) + len(gone_alerts)

    def _remove(self, connection: Connection, query: Select[Any], *keys: Column[str]) -> list[str]:
        """Delete what is found and not being written at this moment, from each table that has it in a column."""
        names = [name for (name,) in plain_rows(connection, query.with_for_update(skip_locked=True))]
        for key in keys:
            for some in chunks(names, CHUNK):
                is_one = among(key, some, is_sqlite=self._database.is_sqlite)
                connection.execute(delete(key.table).where(is_one))
        return names

    def wait(self, timeout_s: float) -> None:
        """Block until somebody of this process committed timers or messages, or `timeout_s` passed."""
        self._committed.wait(timeout_s)

    def _rows(self, query: Select[Any], given: Mapping[str, Any] | None = None) -> list[Row]:
        with self._database.reading() as connection:
            return plain_rows(connection, query, given)

    def _among(self, decoder: msgspec.json.Decoder[T], key: Column[Any], names: Sequence[str]) -> list[T]:
        found: list[T] = []
        asked = sorted({name for name in names if is_kept_by_all(name)})
        is_sqlite = self._database.is_sqlite
        with self._database.reading() as connection:
            for some in chunks(asked, CHUNK):
                rows = plain_rows(connection, _bodies(key, is_sqlite=is_sqlite), listed(some, is_sqlite=is_sqlite))
                found += values_of(decoder, rows)
        return found


@cache
def _bodies(key: Column[Any], *, is_sqlite: bool) -> Select[Any]:
    """Bodies of those whose key is listed."""
    return select(key.table.c.body).where(among_listed(key, is_sqlite=is_sqlite))


@cache
def _sent_counts(*, is_sqlite: bool) -> tuple[Select[Any], Select[Any]]:
    """How many were handed over since then, and how many are being, to each of the listed addresses."""
    its = messages.c
    counted = select(its.channel, its.address, func.count()).group_by(its.channel, its.address)
    counted = counted.where(among_listed(its.address, is_sqlite=is_sqlite))
    is_sending = is_in(MessageState.SENDING)
    return counted.where(its.handed_at >= bindparam("since"), ~is_sending), counted.where(is_sending)


def _is_of_no_open(incident_id: Column[Any]) -> ColumnElement[bool]:
    return ~exists().where(escalations.c.incident_id == incident_id, is_open)


def _was_sent_away(error: StoreError) -> bool:
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) in _SENT_AWAY
