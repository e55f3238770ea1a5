"""The public status page's use cases, put together."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from resile.app.catalog import Catalog
from resile.app.public_ids import PublicIds
from resile.app.public_page import PublicPage
from resile.app.status_settings import StatusSettings
from resile.model.time import DAY
from resile.ports.clock import Clock
from resile.ports.customers_told import CustomersTold
from resile.ports.maintenance_book import MaintenanceBook, Window
from resile.ports.timeline_store import TimelineStore
from resile.response.public_status import N_DAYS, Announced

# What is over is shown for as long as incidents are.
_BEFORE: timedelta = (N_DAYS + 1) * DAY


class StatusParts(Struct, frozen=True, kw_only=True):
    """What the public page is made of.

    Attributes:
        settings: as set, or as they would be: the page can be looked at before it is switched on.
        follow: begins to follow what was published; each for one thread.
    """

    settings: StatusSettings
    is_set: bool
    ids: PublicIds
    follow: Callable[[], PublicPage]


def status_over(
    settings: StatusSettings | None,
    timelines: TimelineStore,
    told: CustomersTold,
    catalog: Catalog,
    windows: MaintenanceBook,
    *,
    key: Callable[[], bytes],
    clock: Clock,
) -> StatusParts:
    """All of it over these stores."""
    ids = PublicIds(key)
    chosen = settings or StatusSettings()

    def announced(now: datetime) -> Sequence[Announced]:
        return [_announced(one, now) for one in windows.windows(since=now - _BEFORE) if one.is_announced]

    def follow() -> PublicPage:
        return PublicPage(timelines, told, catalog, announced, ids=ids, clock=clock, zone=chosen.clock)

    return StatusParts(settings=chosen, is_set=settings is not None, ids=ids, follow=follow)


def _announced(window: Window, now: datetime) -> Announced:
    return Announced(
        id=window.id,
        title=window.title,
        text=window.text,
        keys=frozenset(window.services),
        names=frozenset(window.shown_on),
        phase=window.phase_at(now),
        starts_at=window.starts_at,
        ends_at=window.over_at,
        announced_at=window.made_at,
        changed_at=window.changed_at,
    )
