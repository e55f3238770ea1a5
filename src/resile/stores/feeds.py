"""Feeds in SQLite or PostgreSQL: made, and revoked for good."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from resile.model.errors import ConflictError
from resile.model.time import from_us, to_us
from resile.ports.feed_book import Feed, FeedOf
from resile.stores.engine import Database
from resile.stores.feed_tables import feeds

_its = feeds.c


class SqlFeedBook:
    """The FeedBook of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def feeds(self) -> list[Feed]:
        """Those that hold, in the order in which they were made."""
        with self._database.reading() as connection:
            query = select(feeds).where(_its.revoked_at.is_(None)).order_by(_its.seq)
            return [_feed(row) for row in connection.execute(query)]

    def feed(self, feed_id: str) -> Feed | None:
        """The one of that id."""
        with self._database.reading() as connection:
            row = connection.execute(select(feeds).where(_its.id == feed_id, _its.revoked_at.is_(None))).first()
            return None if row is None else _feed(row)

    def add(self, feed: Feed) -> None:
        """Make one."""
        row = {
            "id": feed.id,
            "of": feed.of.value,
            "name": feed.name,
            "made_at": to_us(feed.made_at),
            "made_by": feed.made_by,
        }
        try:
            with self._database.writing() as connection:
                connection.execute(insert(feeds), row)
        except IntegrityError:
            raise ConflictError(f"{feed.of} {feed.name} has a feed already; look at it") from None

    def revoke(self, feed_id: str, *, at: datetime, by: str) -> bool:
        """Let it hold no longer."""
        holds = (_its.id == feed_id) & _its.revoked_at.is_(None)
        with self._database.writing() as connection:
            done = connection.execute(update(feeds).where(holds).values(revoked_at=to_us(at), revoked_by=by))
            return done.rowcount > 0


def _feed(row: Row[Any]) -> Feed:
    return Feed(id=row.id, of=FeedOf(row.of), name=row.name, made_at=from_us(row.made_at), made_by=row.made_by)
