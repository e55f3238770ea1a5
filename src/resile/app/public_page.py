"""What the public sees, kept up to date with the store."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from msgspec import Struct

from resile.app.catalog import Catalog
from resile.app.public_ids import PublicIds
from resile.model.catalog import Kind
from resile.model.component_document import ComponentDocument
from resile.model.time import DAY
from resile.ports.clock import Clock
from resile.ports.customers_told import CustomersTold
from resile.ports.timeline_store import TimelineStore
from resile.response.public_status import MAX_SHOWN, N_DAYS, Announced, Listed, PublicStatus, public_status
from resile.response.published import Published, ToldOf, published, told_of

# Of so many the states of the last days follow; of older ones the timelines tell.
MAX_INCIDENTS = 10_000
_LONG_OVER: timedelta = (N_DAYS + 2) * DAY
# So many at once are read of the store.
_CHUNK = 500


class PublicPage:
    """Follows what was published. Each instance is used by one thread at a time.

    Args:
        windows: the maintenance windows that were announced, as they are at an instant.
        zone: in which the page's days are.
    """

    def __init__(
        self,
        timelines: TimelineStore,
        told: CustomersTold,
        catalog: Catalog,
        windows: Callable[[datetime], Sequence[Announced]],
        *,
        ids: PublicIds,
        clock: Clock,
        zone: ZoneInfo,
    ) -> None:
        self.ids = ids
        self._timelines = timelines
        self._store = told
        self._catalog = catalog
        self._windows = windows
        self._clock = clock
        self._zone = zone
        self._seen: int | None = None
        self._told: dict[str, ToldOf] = {}
        self._incidents: list[Published] = []
        self._since: dict[str, datetime] = {}
        self._known: _Known | None = None

    @property
    def n_seen(self) -> int:
        """The seq of the last event that was looked at."""
        return self._seen or 0

    def look(self) -> PublicStatus:
        """What the public sees now; the same object as before where nothing of it has changed.

        Raises:
            StoreError: the store cannot be read; what was given before stays true as of then.
        """
        self._catch_up()
        now = self._clock.now()
        listed, windows = self._listed(), self._windows(now)
        known = self._known
        if (
            known is not None
            and now < known.status.until
            and (known.incidents, known.listed, known.windows) == (self._incidents, listed, windows)
        ):
            return known.status
        status = public_status(self._incidents, listed, windows, now=now, zone=self._zone)
        self._known = _Known(incidents=self._incidents, listed=listed, windows=windows, status=status)
        return status

    def was_told(self, incident_id: str) -> bool:
        """Whether customers were told anything of an incident that still stands, at the last look."""
        told = self._told.get(incident_id)
        return told is not None and any(one.withdrawn_at is None for one in told.updates)

    def wait(self, timeout_s: float) -> None:
        """Block until something new is on a timeline, or the time has passed."""
        self._timelines.wait(self.n_seen, timeout_s)

    def _catch_up(self) -> None:
        last = self._timelines.last_seq()
        if self._seen is None:
            names = self._store.incidents(last)
        elif last > self._seen:
            changed = self._store.changed(self._seen, last)
            names = [name for name, is_told in changed if is_told or name in self._told]
        else:
            return
        if names:
            self._read(names)
            self._incidents = self._newest()
        # Only now: what could not be read is looked for again.
        self._seen = last

    def _newest(self) -> list[Published]:
        """Those that can be seen, or may still be seen in the states of the last days."""
        since = self._clock.now() - _LONG_OVER
        known = published(self._told.values())
        recent = (one for one in known[MAX_SHOWN:] if one.is_open or one.updates[-1].at > since)
        return [*known[:MAX_SHOWN], *islice(recent, MAX_INCIDENTS - MAX_SHOWN)]

    def _read(self, names: Iterable[str]) -> None:
        """Read timelines, and those of the incidents that carry on for them."""
        wanted = sorted(set(names))
        while wanted:
            for first in range(0, len(wanted), _CHUNK):
                some = wanted[first : first + _CHUNK]
                found = self._timelines.read_many(some)
                self._told.update({name: told_of(name, found.get(name, [])) for name in some})
            into = {one.merged_into for one in self._told.values() if one.merged_into is not None}
            wanted = sorted(into - self._told.keys())

    def _listed(self) -> list[Listed]:
        found = []
        for name, told in self._catalog.all_of(Kind.COMPONENT, ComponentDocument).items():
            if told.public:
                found.append(
                    Listed(
                        name=name,
                        title=told.title or name,
                        description=told.description,
                        group=told.group,
                        order=told.order,
                        keys=frozenset({name, *told.services}),
                        since=self._listed_since(name),
                    )
                )
        return found

    def _listed_since(self, name: str) -> datetime:
        if name not in self._since:
            self._since[name] = self._catalog.history(Kind.COMPONENT, name)[-1].at
        return self._since[name]


class _Known(Struct, frozen=True):
    """What was shown, and of what it was made."""

    incidents: list[Published]
    listed: list[Listed]
    windows: Sequence[Announced]
    status: PublicStatus
