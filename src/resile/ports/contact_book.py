"""Which addresses of people were proven to be theirs, and the codes that are on their way to prove one."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Verified(Struct, frozen=True, kw_only=True):
    """An address that was proven.

    Attributes:
        contact: as the person calls it.
        digest: of channel and address: another address under the same name is not proven by it.
        by: who entered the code.
    """

    person: str
    contact: str
    digest: bytes
    verified_at: datetime
    by: str


class Check(Struct, frozen=True, kw_only=True):
    """A code that is on its way to an address.

    Attributes:
        digest: of channel and address, as they were when it was sent.
        salt, code_digest: all that rests of the code.
        n_tries: how often one was entered.
    """

    person: str
    contact: str
    digest: bytes
    salt: bytes
    code_digest: bytes
    asked_at: datetime
    expires_at: datetime
    n_tries: int = 0


class ContactBook(Protocol):
    """The book. Instances may be used from several threads; every method may raise StoreError."""

    def verified(self, person: str | None = None) -> list[Verified]:
        """What was proven last of each contact, of one person or of all, by person and contact."""
        ...

    def verify(self, verified: Verified) -> None:
        """Note it in place of what was proven before of that contact; its code is used up."""
        ...

    def forget(self, person: str, contact: str) -> bool:
        """Take a contact for proven no longer; False if it was not."""
        ...

    def begin(self, check: Check) -> None:
        """Await a code; an earlier one of that contact holds no longer."""
        ...

    def check(self, person: str, contact: str) -> Check | None:
        """The code that is awaited, however old."""
        ...

    def count_try(self, check: Check, *, most: int) -> bool:
        """Count a try of this very code before it is looked at; False where there were as many, or it was replaced."""
        ...
