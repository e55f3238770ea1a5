"""Doors in for deliveries: each reads one kind of history and gives commits, reports and incidents."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct
from pydantic import SecretStr

from resile.model.change import ChangeReport, Commit
from resile.model.draft import Draft
from resile.ports.clock import SleepingClock
from resile.ports.source import Place, Progress, Remark


class CommitsRead(Struct, frozen=True, tag=True):
    """Commits of one repository, in any order, at most a few thousand at a time."""

    commits: tuple[Commit, ...]


class ReportsRead(Struct, frozen=True, tag=True):
    """Reports, at most a few thousand at a time."""

    reports: tuple[ChangeReport, ...]


class IncidentsRead(Struct, frozen=True, tag=True):
    """Incidents that the same history tells of, such as a forge's issues with a certain label, a few hundred at a time.

    A draft tells the whole of its incident as known now; the same incident told anew replaces what was told before.
    """

    drafts: tuple[Draft, ...]


class Unused(Struct, frozen=True, tag=True):
    """Something that was found and does not count, such as a tag that is no version.

    Attributes:
        reason: one sentence: the fact and, where there is one, the way out.
    """

    place: Place
    reason: str


class ReadUpTo(Struct, frozen=True, tag=True):
    """Everything before this has been given, and is stored; the next reading may start from here.

    A reading may have many cursors, one for each stream that it reads, and move each as often as it likes.

    Attributes:
        name: of the cursor, e.g. `git:github.com/acme/shop`.
    """

    name: str
    cursor: bytes


class BrokenOff(Struct, frozen=True, tag=True):
    """The reading ended before all was read; what was given holds, and the same command goes on later.

    Attributes:
        reason: one sentence: why, and when to go on.
    """

    reason: str


DeliveryReading = CommitsRead | ReportsRead | IncidentsRead | Unused | ReadUpTo | BrokenOff | Progress | Remark

# Gives what an earlier reading left under the name of a cursor; None where there is nothing.
Cursors = Callable[[str], bytes | None]


class DeliverySource(Protocol):
    """Reads one kind of delivery history."""

    def read(self, target: str, cursors: Cursors) -> Iterator[DeliveryReading]:
        """Read what is new since the cursors, streaming.

        Args:
            target: a folder, a repository's name, an address: as the kind has it.

        Raises:
            ConfigError: it cannot be read: missing, no repository, not of this kind, damaged.
        """
        ...


class DeliveryOptions(Struct, frozen=True, kw_only=True):
    """What a user may say about any delivery history; which of it fits, its kind says.

    Attributes:
        service: whose deployments these are; None: as the kind has it, such as the repository's name.
        name: under which name the repository is kept.
        environments: as typed: `production=v*`, `staging=branch:main`, `staging`.
        tags: patterns of tags that are releases.
        host: of a forge, where it is not the public one: `git.acme.example`, or an address.
        token: that opens a forge, whatever its host; None: read what everybody may read.
        public_token: the same, for the forge's public host alone.
        since: what was last touched before it is left out at first; later readings skip nothing since the last.
        runs: environment by name of a workflow or pipeline whose runs are deployments.
        incident_labels: issues with one of these labels are incidents; `*` and `?` stand for any.
        counts_releases: whether a published release is a deployment to production.
        patience: for how long a forge's limit is waited for at most, at a time.
    """

    service: str | None = None
    name: str | None = None
    environments: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    host: str | None = None
    token: SecretStr | None = None
    public_token: SecretStr | None = None
    since: datetime | None = None
    runs: Mapping[str, str] = {}
    incident_labels: tuple[str, ...] = ("incident",)
    counts_releases: bool = True
    patience: timedelta = timedelta(minutes=65)


class DeliveryKind(Struct, frozen=True, kw_only=True):
    """A kind of delivery history: what an entry point of `resile.delivery_sources` names.

    Attributes:
        open: gives the source; raises ConfigError where an option cannot be used.
        fits: names of fields of DeliveryOptions that mean something to it; also `first_parent`, where its releases may
            be followed by first parents alone.
        token_variable: the environment variable in which its token is looked for.
        public_token_variable: the one of the forge's own tools; what stands there is for its public host alone.
    """

    open: Callable[[DeliveryOptions, SleepingClock], DeliverySource]
    fits: frozenset[str]
    token_variable: str | None = None
    public_token_variable: str | None = None
