"""Pictures at rest: each once for its incident, and not more than an incident may have."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resile.model.errors import ConflictError
from resile.ports.picture_book import KnownPicture, Picture
from resile.stores.engine import Database
from resile.stores.opening import open_engine
from resile.stores.pictures import SqlPictureBook

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlPictureBook]:
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    database: Database = open_engine(tmp_path / "data", url)
    yield SqlPictureBook(database)
    database.close()


def picture(picture_id: str, incident_id: str = "INC-1", content: bytes = b"\x00\xff" * 50) -> Picture:
    known = KnownPicture(
        incident_id=incident_id,
        id=picture_id,
        media_type="image/png",
        width=8,
        height=6,
        n_bytes=len(content),
        added_at=NOW,
        added_by="user:ann",
    )
    return Picture(known=known, content=content)


def test_picture_comes_back_as_it_was_to_its_incident_alone(book: SqlPictureBook) -> None:
    assert book.add(picture("p1"), most_bytes=1_000)
    assert book.add(picture("p1", "INC-2"), most_bytes=1_000)

    assert book.picture("INC-1", "p1") == picture("p1")
    assert book.picture("INC-1", "p2") is None
    assert book.picture("INC-3", "p1") is None


def test_picture_that_is_there_is_not_kept_twice(book: SqlPictureBook) -> None:
    book.add(picture("p2"), most_bytes=1_000)
    book.add(picture("p1"), most_bytes=1_000)

    assert not book.add(picture("p2"), most_bytes=1_000)
    assert book.pictures("INC-1") == [picture("p2").known, picture("p1").known]


def test_incident_has_no_more_bytes_of_pictures_than_it_may(book: SqlPictureBook) -> None:
    book.add(picture("p1"), most_bytes=150)

    with pytest.raises(ConflictError, match="INC-1 has 100 bytes of pictures, and 150 are the most"):
        book.add(picture("p2"), most_bytes=150)
    assert book.add(picture("p2", content=b"x" * 50), most_bytes=150)
    assert book.add(picture("p3", "INC-2"), most_bytes=150)
