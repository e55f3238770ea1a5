"""Looking into the journal of what arrived at doors, and having it processed once more."""

from datetime import datetime

from msgspec import Struct

from resile.app.access import Identity, require
from resile.app.wiring import Resile
from resile.model.errors import ConfigError
from resile.ports.account_store import Scope
from resile.ports.journal import Entry, Verdict

MAX_LINES = 1_000


class JournalLine(Struct, frozen=True, kw_only=True):
    """A delivery without its body.

    Attributes:
        id: the sender's name of it.
        verdict: waiting, taken, unmapped or failed.
        reason: why it is unmapped or failed.
    """

    seq: int
    door: str
    id: str
    received_at: datetime
    n_bytes: int
    verdict: str
    reason: str
    headers: dict[str, str]


class JournalLines(Struct, frozen=True, kw_only=True):
    """Deliveries, the newest first.

    Attributes:
        before: asks for those before; None where there are no more.
    """

    entries: list[JournalLine]
    before: int | None = None


def lines_of(
    resile: Resile,
    by: Identity,
    *,
    door: str | None = None,
    verdict: Verdict | None = None,
    before_seq: int | None = None,
    limit: int = 100,
) -> JournalLines:
    """The deliveries, newest first, at most 1000.

    Raises:
        AccessError: who asks is no admin.
        StoreError: the journal cannot be read.
    """
    require(by, Scope.ADMIN)
    limit = min(max(1, limit), MAX_LINES)
    found = resile.journal.entries(
        door=door, verdict=verdict, before_seq=before_seq, limit=limit + 1, with_bodies=False
    )
    shown = [line_of(entry) for entry in found[:limit]]
    return JournalLines(entries=shown, before=shown[-1].seq if len(found) > limit else None)


def entry_of(resile: Resile, by: Identity, seq: int) -> Entry:
    """One delivery with its body.

    Raises:
        AccessError: who asks is no admin.
        ConfigError: there is none at that place.
        StoreError: the journal cannot be read.
    """
    require(by, Scope.ADMIN)
    found = resile.journal.entry(seq)
    if found is None:
        raise ConfigError(f"journal entry {seq} is not there, or was let go; `resile journal list` shows them")
    return found


def replay(
    resile: Resile,
    by: Identity,
    *,
    door: str | None = None,
    verdict: Verdict | None = None,
    since: datetime | None = None,
) -> int:
    """Let deliveries wait again; how many. What they say is known already, or is stored now: nothing is doubled.

    Raises:
        AccessError: who asks is no admin.
        StoreError: the journal cannot be written.
    """
    require(by, Scope.ADMIN)
    return resile.journal.replay(door=door, verdict=verdict, since=since)


def line_of(entry: Entry) -> JournalLine:
    """A delivery without its body."""
    delivery = entry.delivery
    return JournalLine(
        seq=entry.seq,
        door=delivery.door,
        id=delivery.id,
        received_at=delivery.received_at,
        n_bytes=entry.n_bytes,
        verdict=entry.verdict.value,
        reason=entry.reason,
        headers=delivery.headers,
    )
