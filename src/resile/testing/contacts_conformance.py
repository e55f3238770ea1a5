"""What every ContactBook must do, whatever it is made of.

Subclass and give the fixture `book`.

    class TestMyBook(ContactBookConformance):
        @pytest.fixture
        def book(self, tmp_path): return MyBook(tmp_path)
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from resile.ports.contact_book import Check, ContactBook, Verified

START = datetime(2026, 3, 2, 9, 0, 0, 7, tzinfo=UTC)
_N_AT_ONCE, _MOST = 20, 5


def proven(person: str = "ann", contact: str = "mobile", digest: bytes = b"\x00\xff one") -> Verified:
    """An address that was proven."""
    return Verified(person=person, contact=contact, digest=digest, verified_at=START, by="user:ann")


def awaited(person: str = "ann", contact: str = "mobile", salt: bytes = b"\x00salt") -> Check:
    """A code on its way."""
    return Check(
        person=person,
        contact=contact,
        digest=b"\x00\xff one",
        salt=salt,
        code_digest=b"\xff\x00 code",
        asked_at=START,
        expires_at=START + timedelta(minutes=10),
    )


class ContactBookConformance:
    """Tests to be run over a contact book."""

    def test_new_book_is_empty(self, book: ContactBook) -> None:
        """Nothing anywhere, and no errors."""
        assert book.verified() == []
        assert book.verified("ann") == []
        assert book.check("ann", "mobile") is None
        assert not book.forget("ann", "mobile")
        assert not book.count_try(awaited(), most=5)

    def test_what_was_proven_comes_back_by_person_and_contact(self, book: ContactBook) -> None:
        """Names sort by code point."""
        for one in (proven("bob"), proven("ann", "mobile"), proven("ann", "mail"), proven("Zoe")):
            book.verify(one)

        assert book.verified() == [proven("Zoe"), proven("ann", "mail"), proven("ann", "mobile"), proven("bob")]
        assert book.verified("ann") == [proven("ann", "mail"), proven("ann", "mobile")]

    def test_another_address_takes_the_place_of_the_one_before(self, book: ContactBook) -> None:
        """There is one per name."""
        book.verify(proven())
        book.verify(proven(digest=b"two"))

        assert book.verified() == [proven(digest=b"two")]
        assert book.forget("ann", "mobile")
        assert book.verified() == []

    def test_code_is_awaited_until_the_address_is_proven(self, book: ContactBook) -> None:
        """Those of others stay."""
        book.begin(awaited())
        book.begin(awaited("bob"))
        assert book.check("ann", "mobile") == awaited()

        book.verify(proven())

        assert book.check("ann", "mobile") is None
        assert book.check("bob", "mobile") == awaited("bob")

    def test_new_code_replaces_the_one_before_with_its_tries(self, book: ContactBook) -> None:
        """What was read before it was replaced is no code any more."""
        book.begin(awaited())
        assert book.count_try(awaited(), most=5)

        book.begin(awaited(salt=b"another"))

        assert book.check("ann", "mobile") == awaited(salt=b"another")
        assert not book.count_try(awaited(), most=5)
        assert book.check("ann", "mobile") == awaited(salt=b"another")

    def test_tries_at_once_are_no_more_than_allowed(self, book: ContactBook) -> None:
        """Else a thousand guesses that come together were one."""
        book.begin(awaited())

        with ThreadPoolExecutor(_N_AT_ONCE) as pool:
            passed = list(pool.map(lambda _: book.count_try(awaited(), most=_MOST), range(_N_AT_ONCE)))

        assert passed.count(True) == _MOST
        assert book.check("ann", "mobile") == replace(awaited(), n_tries=_MOST)
