"""Subscribers in SQLite or PostgreSQL."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from resile.model.time import from_us, to_us
from resile.ports.subscriber_book import Ask, AskCounts, Subscriber
from resile.stores.communication_tables import subscriber_asks, subscribers
from resile.stores.engine import Database

_its = subscribers.c
_asked = subscriber_asks.c


class SqlSubscriberBook:
    """The SubscriberBook of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def asks_since(self, since: datetime, *, address_digest: bytes, host_digest: bytes) -> AskCounts:
        """How many asks there were since then."""
        is_late = _asked.asked_at > to_us(since)
        sent = and_(is_late, _asked.is_sent == 1)
        counted = [
            select(func.count()).select_from(subscriber_asks).where(condition).scalar_subquery()
            for condition in (
                and_(sent, _asked.address_digest == address_digest),
                and_(is_late, _asked.host_digest == host_digest),
                sent,
            )
        ]
        with self._database.reading() as connection:
            of_address, of_host, of_all = connection.execute(select(*counted)).one()
        return AskCounts(of_address=of_address, of_host=of_host, of_all=of_all)

    def add_ask(self, ask: Ask) -> None:
        """Note that somebody asked."""
        row = {
            "id": ask.id,
            "channel": ask.channel,
            "address": ask.address,
            "components": names_json(ask.components),
            "address_digest": ask.address_digest,
            "host_digest": ask.host_digest,
            "asked_at": to_us(ask.asked_at),
            "expires_at": to_us(ask.expires_at),
            "is_sent": int(ask.is_sent),
        }
        with self._database.writing() as connection:
            connection.execute(insert(subscriber_asks), row)

    def ask(self, ask_id: str) -> Ask | None:
        """The ask of that id."""
        with self._database.reading() as connection:
            row = connection.execute(select(subscriber_asks).where(_asked.id == ask_id)).first()
        return None if row is None else _ask(row)

    def let_go_asks(self, before: datetime) -> None:
        """Forget those that were made before."""
        with self._database.writing() as connection:
            connection.execute(delete(subscriber_asks).where(_asked.asked_at < to_us(before)))

    def confirm(self, subscriber: Subscriber) -> Subscriber:
        """Make it a subscriber, or renew the one of that address."""
        is_same = and_(_its.channel == subscriber.channel, _its.address == subscriber.address)
        fields = {
            "components": names_json(subscriber.components),
            "confirmed_at": to_us(subscriber.confirmed_at),
            "n_bounced": 0,
            "put_aside_at": None,
            "because": "",
        }
        with self._database.writing() as connection:
            if not connection.execute(update(subscribers).where(is_same).values(fields)).rowcount:
                row = {"id": subscriber.id, "channel": subscriber.channel, "address": subscriber.address, **fields}
                try:
                    with connection.begin_nested():
                        connection.execute(insert(subscribers), row)
                except IntegrityError:
                    # Two who confirm at one moment make one.
                    connection.execute(update(subscribers).where(is_same).values(fields))
            return subscriber_of(connection.execute(select(subscribers).where(is_same)).one())

    def subscriber(self, subscriber_id: str) -> Subscriber | None:
        """The one of that id."""
        with self._database.reading() as connection:
            row = connection.execute(select(subscribers).where(_its.id == subscriber_id)).first()
        return None if row is None else subscriber_of(row)

    def remove(self, subscriber_id: str) -> bool:
        """Forget it."""
        whose = select(_its.channel, _its.address).where(_its.id == subscriber_id)
        with self._database.writing() as connection:
            row = connection.execute(whose).first()
            if row is None:
                return False
            connection.execute(delete(subscribers).where(_its.id == subscriber_id))
            # They go on to count, so that nobody writes there often by leaving in between.
            asks = update(subscriber_asks).where(_asked.channel == row.channel, _asked.address == row.address)
            connection.execute(asks.values(address="", expires_at=_asked.asked_at))
            return True

    def listed(self, *, after: str = "", limit: int = 1_000) -> Sequence[Subscriber]:
        """By id, those after one."""
        query = select(subscribers).where(_its.id > after).order_by(_its.id).limit(limit)
        with self._database.reading() as connection:
            return [subscriber_of(row) for row in connection.execute(query)]

    def n_hearing(self, components: Collection[str]) -> int:
        """How many are told of what touches some components."""
        is_told, wanted = _its.put_aside_at.is_(None), frozenset(components)
        is_of_all = _its.components == names_json(())
        # Most hear of everything, and are counted where they are.
        with self._database.reading() as connection:
            if not wanted:
                return int(connection.execute(select(func.count()).where(is_told)).scalar_one())
            n = int(connection.execute(select(func.count()).where(is_told, is_of_all)).scalar_one())
            chosen = connection.execute(select(_its.components).where(is_told, ~is_of_all)).scalars()
            return n + sum(not wanted.isdisjoint(names_of(one)) for one in chosen)

    def count(self) -> tuple[int, int]:
        """How many are told, and how many were put aside."""
        query = select(func.count(), func.count(_its.put_aside_at)).select_from(subscribers)
        with self._database.reading() as connection:
            n, n_aside = connection.execute(query).one()
        return n - n_aside, n_aside


def names_json(names: Sequence[str]) -> str:
    """Names as a column holds them."""
    return msgspec.json.encode(names).decode()


def names_of(text: str) -> tuple[str, ...]:
    """Names that a column holds."""
    return msgspec.json.decode(text, type=tuple[str, ...])


def subscriber_of(row: Row[Any]) -> Subscriber:
    """The subscriber in a row."""
    return Subscriber(
        id=row.id,
        channel=row.channel,
        address=row.address,
        components=names_of(row.components),
        confirmed_at=from_us(row.confirmed_at),
        n_bounced=row.n_bounced,
        put_aside_at=None if row.put_aside_at is None else from_us(row.put_aside_at),
        because=row.because,
    )


def _ask(row: Row[Any]) -> Ask:
    return Ask(
        id=row.id,
        channel=row.channel,
        address=row.address,
        components=names_of(row.components),
        address_digest=bytes(row.address_digest),
        host_digest=bytes(row.host_digest),
        asked_at=from_us(row.asked_at),
        expires_at=from_us(row.expires_at),
        is_sent=bool(row.is_sent),
    )
