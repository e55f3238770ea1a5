"""Doors in for deliveries: each reads one kind of history and gives commits and reports."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from resile.model.change import ChangeReport, Commit
from resile.ports.source import Place, Progress, Remark


class CommitsRead(Struct, frozen=True, tag=True):
    """Commits of one repository, in any order, at most a few thousand at a time."""

    commits: tuple[Commit, ...]


class ReportsRead(Struct, frozen=True, tag=True):
    """Reports, at most a few thousand at a time."""

    reports: tuple[ChangeReport, ...]


class Unused(Struct, frozen=True, tag=True):
    """Something that was found and does not count, such as a tag that is no version.

    Attributes:
        reason: one sentence: the fact and, where there is one, the way out.
    """

    place: Place
    reason: str


class ReadUpTo(Struct, frozen=True, tag=True):
    """Everything before this has been given; the next reading may start from here.

    Attributes:
        name: of the cursor, e.g. `git:github.com/acme/shop`.
    """

    name: str
    cursor: bytes


DeliveryReading = CommitsRead | ReportsRead | Unused | ReadUpTo | Progress | Remark


class DeliverySource(Protocol):
    """Reads one kind of delivery history."""

    def cursor_name(self, path: Path) -> str:
        """Under which the cursor for this path is kept.

        Raises:
            ConfigError: as read.
        """
        ...

    def read(self, path: Path, cursor: bytes | None) -> Iterator[DeliveryReading]:
        """Read what is new since the cursor (None: everything), streaming.

        Raises:
            ConfigError: it cannot be read: missing, no repository, not of this kind, damaged.
        """
        ...
