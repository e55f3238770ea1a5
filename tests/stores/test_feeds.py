"""Feeds at rest: one of each person and schedule holds, and a revoked one never again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resile.model.errors import ConflictError
from resile.ports.feed_book import Feed, FeedOf
from resile.stores.engine import Database
from resile.stores.feeds import SqlFeedBook
from resile.stores.opening import open_engine

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlFeedBook]:
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    database: Database = open_engine(tmp_path / "data", url)
    yield SqlFeedBook(database)
    database.close()


def feed(feed_id: str, name: str = "ann", of: FeedOf = FeedOf.PERSON) -> Feed:
    return Feed(id=feed_id, of=of, name=name, made_at=NOW, made_by="user:ann")


def test_feed_comes_back_until_it_is_revoked(book: SqlFeedBook) -> None:
    book.add(feed("f1"))
    book.add(feed("f2", of=FeedOf.SCHEDULE))

    assert book.feeds() == [feed("f1"), feed("f2", of=FeedOf.SCHEDULE)]
    assert book.feed("f1") == feed("f1")
    assert book.revoke("f1", at=NOW, by="user:bob")
    assert book.feed("f1") is None
    assert not book.revoke("f1", at=NOW, by="user:bob")
    assert [one.id for one in book.feeds()] == ["f2"]


def test_one_feed_of_each_holds_at_a_time(book: SqlFeedBook) -> None:
    book.add(feed("f1"))

    for twice in (feed("f2"), feed("f1", "bob")):
        with pytest.raises(ConflictError, match="has a feed already"):
            book.add(twice)
    book.revoke("f1", at=NOW, by="user:bob")
    book.add(feed("f2"))

    assert [one.id for one in book.feeds()] == ["f2"]
