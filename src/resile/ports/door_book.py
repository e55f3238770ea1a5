"""Where it is written which doors are open, and how often somebody knocked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from resile.ports.delivery_door import DoorOptions


class Door(Struct, frozen=True, kw_only=True):
    """A door that somebody made.

    Attributes:
        name: `github`, or of several of one kind `github/shop`.
        kind: which sender it understands, e.g. `github`.
        options: what its maker said of it: services, environments.
        salt: from which, with the key of this data folder, its secret is derived; None where it is not.
        secret_digest: SHA-256 of a derived secret, by which a wrong key is recognised.
        sealed: a secret that the sender made, encrypted under the key of this data folder; None where it has none.
    """

    name: str
    kind: str
    made_at: datetime
    options: DoorOptions = DoorOptions()
    salt: bytes | None = None
    secret_digest: bytes | None = None
    sealed: bytes | None = None

    @property
    def has_secret(self) -> bool:
        """Whether who knocks must show that they know one."""
        return self.salt is not None or self.sealed is not None

    def __repr__(self) -> str:
        # Neither salt nor digest nor sealed secret has a place in logs and tracebacks.
        return f"Door(name={self.name!r}, kind={self.kind!r}, options={self.options!r})"


class DoorCounts(Struct, frozen=True, kw_only=True):
    """What became of those who knocked.

    Attributes:
        n_received: deliveries taken into the journal since the door was made.
        n_refused: turned away for want of a right signature.
        n_waiting, n_unmapped, n_failed: of those that the journal still holds.
        last_at: when the last one was received.
    """

    n_received: int = 0
    n_refused: int = 0
    n_waiting: int = 0
    n_unmapped: int = 0
    n_failed: int = 0
    last_at: datetime | None = None


class DoorBook(Protocol):
    """The doors. Instances may be used from several threads; every method may raise StoreError."""

    def doors(self) -> list[Door]:
        """All doors by name."""
        ...

    def add(self, door: Door) -> bool:
        """Make a door; False if there is one of that name."""
        ...

    def remove(self, name: str) -> bool:
        """Close a door for good; what it received stays in the journal. False if there is none."""
        ...

    def count_refused(self, refused: Mapping[str, int]) -> None:
        """Add to the counts of those who were turned away, by the door's name."""
        ...

    def counts(self) -> dict[str, DoorCounts]:
        """By the door's name; also those through which something came without their being made, such as the API's."""
        ...
