"""Timers and messages taken by one of several who look for them, each by one only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, func, or_, select

from resile.model.message import Message, MessageState
from resile.model.time import from_us, to_us
from resile.ports.paging_store import LAST_TIMERS, Timer
from resile.stores.paging_rows import (
    Row,
    in_turn,
    is_claimable_again,
    is_idle,
    is_in,
    is_repeatable,
    message_in,
    message_row,
    timer_of,
    values_of,
)
from resile.stores.paging_rules import taken_up, turn_of
from resile.stores.paging_tables import messages, timers
from resile.stores.rows import insert_rows, plain_rows

_TURNS = (0, 1)
_LAST = sorted(kind.value for kind in LAST_TIMERS)
_NOW: BindParameter[int] = bindparam("now")
_MOST: BindParameter[int] = bindparam("most")


def _timers(*conditions: ColumnElement[bool]) -> Select[Any]:
    due = timers.c.due_at
    query = select(timers).where(*conditions, due <= _NOW).order_by(due, timers.c.kind, timers.c.subject)
    return query.limit(_MOST).with_for_update(skip_locked=True)


def _messages(*conditions: ColumnElement[bool]) -> Select[Any]:
    return in_turn(select(messages.c.body).where(*conditions)).limit(_MOST)


# Statements are made once: making one takes several times as long as running it.
_lease = timers.c.lease_until
# Two looks, of which each finds its rows in an index; of one with "or" SQLite and PostgreSQL look at all.
_DUE_TIMERS = tuple(
    (_timers(_lease.is_(None), turn), _timers(_lease.is_not(None), _lease <= _NOW, turn))
    for turn in (timers.c.kind.not_in(_LAST), timers.c.kind.in_(_LAST))
)
_NEXT_TIMER = (
    select(func.min(timers.c.due_at)).where(_lease.is_(None)),
    select(func.min(_lease)).where(_lease.is_not(None)),
)
_is_let_go = messages.c.lease_until <= _NOW
_is_due = messages.c.due_at <= _NOW
_CLAIMED_AGAIN = _messages(is_in(MessageState.SENDING), _is_let_go, is_claimable_again).with_for_update(
    skip_locked=True, of=messages
)
# A look for each turn: the index leads to those due without passing by those that are due later.
_DUE_MESSAGES = tuple(
    _messages(is_in(MessageState.QUEUED), messages.c.turn == turn, _is_due, ~is_idle).with_for_update(
        skip_locked=True, of=messages
    )
    for turn in _TURNS
)
_RUN_OUT = _messages(is_in(MessageState.SENDING), _is_let_go, or_(~is_repeatable, is_idle))
_NEXT_MESSAGE = (
    *(
        select(messages.c.due_at)
        .where(is_in(MessageState.QUEUED), messages.c.turn == turn, ~is_idle)
        .order_by(messages.c.due_at)
        .limit(1)
        for turn in _TURNS
    ),
    select(func.min(messages.c.lease_until)).where(is_in(MessageState.SENDING)),
)


def claim_timers(connection: Connection, *, now: datetime, until: datetime, by: str, limit: int) -> list[Timer]:
    """Those due that nobody holds; the rows that others are taking at this moment are passed over."""
    found: list[Row] = []
    for queries in _DUE_TIMERS:
        most = limit - len(found)
        if not most:
            break
        due = [row for query in queries for row in plain_rows(connection, query, {"now": to_us(now), "most": most})]
        found += sorted(due, key=lambda row: (row[2], row[0], row[1]))[:most]
    held = [(kind, subject, due_at, by, to_us(until)) for kind, subject, due_at, _, _ in found]
    insert_rows(connection, timers, sorted(held), key=("kind", "subject"))
    return [timer_of(row) for row in held]


def next_timer_at(connection: Connection) -> datetime | None:
    """When one is due that nobody holds, or a lease runs out."""
    return _earliest(connection, *_NEXT_TIMER)


def claim_messages(
    connection: Connection, *, now: datetime, until: datetime, by: str, limit: int, but_not: Sequence[str] = ()
) -> list[Message]:
    """Those to be sent now, in their order; the rows that others are taking at this moment are passed over."""

    def but(query: Select[Any]) -> Select[Any]:
        return query.where(messages.c.channel.not_in(but_not)) if but_not else query

    found = _look(connection, but(_CLAIMED_AGAIN), now, limit)
    for turn, due in zip(_TURNS, _DUE_MESSAGES, strict=True):
        n_before = sum(turn_of(one) < turn for one in found)
        if n_before < limit:
            found += _look(connection, but(due), now, limit)
    found.sort(key=lambda one: (turn_of(one), one.due_at, one.id))
    taken = [taken_up(one, by=by, until=until) for one in found[:limit]]
    insert_rows(connection, messages, [message_row(one) for one in sorted(taken, key=lambda one: one.id)], key=("id",))
    return taken


def run_out(connection: Connection, *, now: datetime, limit: int) -> list[Message]:
    """Those let go that nobody will take again."""
    return _look(connection, _RUN_OUT, now, limit)


def next_message_at(connection: Connection) -> datetime | None:
    """When one that may be claimed is due, or a lease runs out."""
    return _earliest(connection, *_NEXT_MESSAGE)


def _look(connection: Connection, query: Select[Any], now: datetime, limit: int) -> list[Message]:
    return values_of(message_in, plain_rows(connection, query, {"now": to_us(now), "most": limit}))


def _earliest(connection: Connection, *queries: Select[tuple[int]]) -> datetime | None:
    found = [at for query in queries for (at,) in plain_rows(connection, query) if at is not None]
    return from_us(min(found)) if found else None
