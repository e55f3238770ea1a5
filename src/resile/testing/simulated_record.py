"""What a simulation of paging rests on, how wild it is, and what happened in it."""

from datetime import datetime

from msgspec import Struct

from resile.ports.catalog import CatalogStore
from resile.ports.paging_store import PagingStore
from resile.ports.silence_book import SilenceBook
from resile.ports.timeline_store import TimelineStore
from resile.testing.simulated_channel import Accepted, Arrival


class Chances(Struct, frozen=True, kw_only=True):
    """How often what happens.

    Attributes:
        crash: at each place around a commit, a claim or a send.
        stall: that an engine stands still for a while at such a place.
        meanwhile: that others run at such a place.
        jump: that an engine's clock is set, each time it wakes.
    """

    crash: float
    stall: float
    meanwhile: float
    jump: float


class Stores(Struct, frozen=True, kw_only=True):
    """Where a simulation rests."""

    paging: PagingStore
    timelines: TimelineStore
    catalog: CatalogStore
    silences: SilenceBook


class Record(Struct, kw_only=True):
    """What happened in the world, whatever resile thinks of it."""

    declared: dict[str, datetime] = {}
    accepted: list[Accepted] = []
    arrivals: list[Arrival] = []
    crashes: list[tuple[str, datetime]] = []
    # When a provider was called for a message the first time.
    called: dict[str, datetime] = {}
    # Messages whose sender died, or stood still for long, between the claim and the note.
    broken_off: set[str] = set()
    handed_after_ack: list[str] = []
    # Of those told after a clock was set: incident and event, and when it was in the world.
    unreachable_at: dict[tuple[str, str], datetime] = {}
    n_jumps: int = 0
    n_stalls: int = 0
    problems: list[str] = []

    @property
    def is_calm(self) -> bool:
        """Whether no process died or stood still, and no clock was set."""
        return not self.crashes and not self.n_jumps and not self.n_stalls
