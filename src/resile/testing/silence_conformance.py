"""What every SilenceBook must do, whatever it is made of.

Subclass and give the fixture `book`.

    class TestMyBook(SilenceBookConformance):
        @pytest.fixture
        def book(self, tmp_path): return MyBook(tmp_path)
"""

from datetime import UTC, datetime, timedelta

import pytest

from resile.model.errors import ConflictError
from resile.model.matcher import Matcher
from resile.model.silence import Silence, recurrence_of
from resile.ports.silence_book import SilenceBook

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at(hours: float) -> datetime:
    """So many hours after the start."""
    return START + timedelta(hours=hours)


def silence(name: str, *, starts: float = 0, ends: float | None = 2, every: str | None = None) -> Silence:
    """A silence, in hours after the start."""
    return Silence(
        id=name,
        matchers=(Matcher("service", "支払い"), Matcher("host", "db-.*", is_pattern=True, is_not=True)),
        starts_at=at(starts),
        ends_at=None if ends is None else at(ends),
        by="user:ann",
        because="a deployment – 🦊",
        made_at=at(0) + timedelta(microseconds=7),
        recurs=None if every is None else recurrence_of(every, "Europe/Berlin"),
    )


class SilenceBookConformance:
    """Tests to be run over a book of silences."""

    def test_new_book_is_empty(self, book: SilenceBook) -> None:
        """Nothing anywhere, and no errors."""
        assert book.silences(now=START) == []
        assert book.newest() == []
        assert book.silence("s1") is None
        assert not book.end("s1", at=START, by="user:ann")
        book.count_muted({}, at=START)
        book.count_muted({"s1": 3}, at=START)

    def test_silence_comes_back_as_it_was_made(self, book: SilenceBook) -> None:
        """Once and recurring, with an end and without."""
        made = [silence("s2"), silence("s1", every="sat,sun 02:00-04:00", ends=None)]
        for one in made:
            book.add(one)

        assert book.silences(now=START) == made
        assert book.silence("s1") == made[1]
        assert book.newest() == made[::-1]
        assert book.newest(limit=1) == made[1:]

    def test_what_is_over_is_no_longer_among_those_that_hold(self, book: SilenceBook) -> None:
        """At its end to the microsecond, and it is kept."""
        for one in (silence("s1"), silence("s2", ends=3), silence("s3", starts=5, ends=6)):
            book.add(one)

        assert [one.id for one in book.silences(now=at(2) - timedelta(microseconds=1))] == ["s1", "s2", "s3"]
        assert [one.id for one in book.silences(now=at(2))] == ["s2", "s3"]
        assert len(book.newest()) == 3  # noqa: PLR2004

    def test_ended_silence_holds_no_longer_and_says_who_ended_it(self, book: SilenceBook) -> None:
        """And cannot be ended twice, nor after it was over."""
        book.add(silence("s1"))
        book.add(silence("s2", ends=3))

        assert book.end("s1", at=at(1), by="user:bob")

        assert [one.id for one in book.silences(now=at(1))] == ["s2"]
        ended = book.silence("s1")
        assert ended is not None
        assert (ended.ended_at, ended.ended_by) == (at(1), "user:bob")
        assert not book.end("s1", at=at(1), by="user:ann")
        assert not book.end("s2", at=at(3), by="user:ann")

    def test_muted_alerts_are_counted(self, book: SilenceBook) -> None:
        """With when it was last; what is counted late moves nothing back."""
        book.add(silence("s1"))
        book.count_muted({"s1": 2, "gone": 1}, at=at(1))
        book.count_muted({"s1": 1}, at=at(0.5))

        counted = book.silence("s1")

        assert counted is not None
        assert (counted.n_muted, counted.muted_at) == (3, at(1))
        assert counted.is_over(at(1)) is False

    def test_silence_is_made_once(self, book: SilenceBook) -> None:
        """The first one stays."""
        book.add(silence("s1"))

        with pytest.raises(ConflictError, match="already"):
            book.add(silence("s1", ends=9))

        assert book.silence("s1") == silence("s1")
