"""Where the catalog rests: documents with every version they ever had, and overrides of on-call schedules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from resile.model.schedule import Override


class Version(Struct, frozen=True, kw_only=True):
    """What a document said from `at` on.

    Attributes:
        number: from 1, without holes.
        body: as its file says it, but for kind and name; None: it was taken out of the catalog.
    """

    kind: str
    name: str
    number: int
    body: dict[str, Any] | None
    at: datetime
    by: str


class Writing(Struct, frozen=True, kw_only=True):
    """A document as it is to be.

    Attributes:
        expected: number of its version when this was decided; 0: there was none.
    """

    kind: str
    name: str
    body: dict[str, Any] | None
    expected: int


class EnteredOverride(Struct, frozen=True, kw_only=True):
    """An override of a schedule.

    Attributes:
        removed_at, removed_by: None while it holds.
    """

    schedule: str
    override: Override
    entered_at: datetime
    removed_at: datetime | None = None
    removed_by: str | None = None


class CatalogStore(Protocol):
    """The catalog. Instances may be used from several threads; every method may raise StoreError."""

    def documents(self) -> list[Version]:
        """What is in the catalog now, by kind and name."""
        ...

    def newest(self) -> list[Version]:
        """The newest version of everything that ever was in the catalog, by kind and name."""
        ...

    def document(self, kind: str, name: str) -> Version | None:
        """One document as it is now; None where there is none or it was taken out."""
        ...

    def versions(self, kind: str, name: str) -> list[Version]:
        """Every version of a document, the newest first."""
        ...

    def write(self, writings: Sequence[Writing], *, at: datetime, by: str) -> None:
        """Write all of them or none.

        Raises:
            ConflictError: one of them was written by somebody else meanwhile.
        """
        ...

    def overrides(self, schedule: str, *, ends_after: datetime | None = None) -> list[EnteredOverride]:
        """Those that hold, in the order in which they were entered."""
        ...

    def add_overrides(self, schedule: str, overrides: Sequence[Override], *, at: datetime) -> None:
        """Enter all of them or none.

        Raises:
            ConflictError: there is one of that id.
        """
        ...

    def override(self, override_id: str) -> EnteredOverride | None:
        """The one of that id that holds; None where none does."""
        ...

    def remove_override(self, override_id: str, *, at: datetime, by: str) -> bool:
        """Let it hold no longer; it is kept with who removed it. False if none of that id holds."""
        ...

    def replace_overrides(
        self, schedule: str, *, removed: Sequence[str], added: Sequence[Override], at: datetime, by: str
    ) -> None:
        """Let some hold no longer and enter others, all of it or nothing.

        The id of one that holds no longer may be used again; the earlier one is kept under another.

        Raises:
            ConflictError: one that is removed does not hold, or one that is added does already.
        """
        ...
