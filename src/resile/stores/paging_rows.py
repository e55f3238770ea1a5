"""Rows of paging's tables and the values they hold."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, and_, exists, literal_column, or_

from resile.model.alert import Decision, KnownAlert
from resile.model.errors import StoreError
from resile.model.escalation import Escalation
from resile.model.message import Message, MessageClass, MessageState
from resile.model.time import from_us, to_us
from resile.ports.paging_store import Timer, TimerKind
from resile.stores.paging_rules import PAGING, body_of, let_go_at, plain, turn_of, words_of
from resile.stores.paging_tables import escalations, messages

T = TypeVar("T")
Row = tuple[Any, ...]

escalation_in = msgspec.json.Decoder(Escalation)
message_in = msgspec.json.Decoder(Message)
alert_in = msgspec.json.Decoder(KnownAlert)
decision_in = msgspec.json.Decoder(Decision)


def values_of(decoder: msgspec.json.Decoder[T], rows: Iterable[Row]) -> list[T]:
    """The values of rows whose last cell is the body.

    Raises:
        StoreError: a newer version wrote one.
    """
    try:
        return [decoder.decode(row[-1]) for row in rows]
    except msgspec.MsgspecError as error:
        raise StoreError(f"what rests of paging cannot be read by this resile ({error}); update resile") from error


def escalation_row(one: Escalation) -> Row:
    """In the order of the table's columns, as all of these."""
    return one.incident_id, one.version, one.state.value, to_us(one.started_at), body_of(one)


def message_row(one: Message) -> Row:
    """What is sent, with what it is found by."""
    return (
        one.id,
        one.version,
        one.state.value,
        one.message_class.value,
        turn_of(one),
        to_us(one.due_at),
        to_us(one.queued_at),
        _us(let_go_at(one)),
        _us(one.handed_at),
        _plain(one.incident_id),
        _plain(one.person),
        plain(one.channel),
        plain(one.address),
        _plain(one.ref),
        _plain(one.bundled_into),
        body_of(one),
    )


def alert_row(one: KnownAlert) -> Row:
    """What is known of it, with what it is found by."""
    return (
        one.id,
        one.version,
        one.alert.state.value,
        one.outcome.value,
        to_us(one.first_at),
        to_us(one.decided_at),
        _plain(one.incident_id),
        _plain(one.group_key),
        words_of(one),
        body_of(one),
    )


def decision_cells(one: Decision) -> dict[str, Any]:
    """By column; the place in the order of all is the database's to give."""
    return {"alert_id": one.alert_id, "at": to_us(one.at), "body": body_of(one)}


def timer_of(row: Row) -> Timer:
    """The timer of a whole row."""
    kind, subject, due_at, lease_by, _ = row
    return Timer(kind=TimerKind(kind), subject=subject, due_at=from_us(due_at), lease_by=lease_by)


def _us(at: datetime | None) -> int | None:
    return None if at is None else to_us(at)


def _plain(text: str | None) -> str | None:
    return None if text is None else plain(text)


def is_in(state: MessageState) -> ColumnElement[bool]:
    """Written out and not as a parameter, by which no planner would find the index on these alone."""
    return messages.c.state == literal_column(f"'{state}'")


def is_of(message_class: MessageClass) -> ColumnElement[bool]:
    """Of messages."""
    return messages.c.message_class == literal_column(f"'{message_class}'")


def _escalation_is(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(escalations.c.incident_id == messages.c.incident_id, condition)


is_open = escalations.c.state != literal_column("'ended'")
# A page of an incident for which nobody is paged any more.
is_idle = and_(
    is_of(MessageClass.PAGE),
    messages.c.incident_id.is_not(None),
    # That it has not ended is said once more, by which the index on those that are open may serve.
    ~_escalation_is(and_(is_open, escalations.c.state.in_(sorted(one.value for one in PAGING)))),
)
is_repeatable = or_(*(is_of(one) for one in MessageClass if one.is_at_least_once))
is_claimable_again = and_(is_repeatable, ~is_idle)
is_moving = or_(is_in(MessageState.QUEUED), is_in(MessageState.SENDING))


def in_turn(query: Select[Any]) -> Select[Any]:
    """First pages before all others, then the longest due; ids decide between those of one instant."""
    return query.order_by(messages.c.turn, messages.c.due_at, messages.c.id)
