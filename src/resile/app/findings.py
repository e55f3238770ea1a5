"""What an examination finds: what would fail, why, and where it can be mended."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct


class Gravity(StrEnum):
    """What it comes to; the worst first."""

    CRITICAL = "critical"  # somebody will not be paged
    SERIOUS = "serious"  # a page takes longer, or a second fault is needed for it to be lost
    MINOR = "minor"  # nothing is lost, and somebody will wish it had been mended


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that would fail at night.

    Attributes:
        subject: `policy payments`, `channel sms`.
        what: what would happen, a clause without its subject: `reaches nobody now`.
        why: the fact behind it.
        where: where it can be mended, as an order.
    """

    gravity: Gravity
    subject: str
    what: str
    why: str
    where: str

    def __str__(self) -> str:
        """One line."""
        why = f": {self.why}" if self.why else ""
        return f"{self.subject} {self.what}{why}; {self.where}"


def named(names: Sequence[str], one: str, many: str, *, most: int) -> str:
    """`person ann`, or `people ann, bob and 38 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{one if len(names) == 1 else many} {', '.join(names[:most])}{more}"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """In the order in which they should be mended; of one gravity as they were found."""
    return sorted(findings, key=lambda one: list(Gravity).index(one.gravity))
