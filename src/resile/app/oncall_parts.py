"""What has to do with on-call duty, put together over one database."""

from collections.abc import Callable

from msgspec import Struct

from resile.app.calendar_in import CalendarIn
from resile.app.catalog import Catalog
from resile.app.directory import Verified
from resile.app.feeds import Feeds
from resile.app.oncall import OnCall
from resile.app.shift_notices import ShiftNotices
from resile.ports.account_store import AccountStore
from resile.ports.catalog import CatalogStore
from resile.ports.clock import Clock
from resile.ports.feed_book import FeedBook
from resile.ports.paging_store import PagingStore


class OnCallParts(Struct, frozen=True, kw_only=True):
    """The use cases of on-call duty."""

    oncall: OnCall
    calendars: CalendarIn
    feeds: Feeds
    shifts: ShiftNotices


def oncall_over(
    catalog: Catalog,
    documents: CatalogStore,
    paging: PagingStore,
    book: FeedBook,
    accounts: AccountStore,
    *,
    verified: Verified,
    address: str | None,
    key: Callable[[], bytes],
    clock: Clock,
) -> OnCallParts:
    """All of it over these stores; `verified` and `address` as in ShiftNotices, `key` as in Feeds."""
    shifts = ShiftNotices(catalog, documents, paging, clock, verified=verified, address=address)
    catalog.when_changed(shifts.ensure_timers)
    oncall = OnCall(catalog, documents, clock, hear=shifts.changed)
    return OnCallParts(
        oncall=oncall,
        calendars=CalendarIn(catalog, documents, oncall, clock),
        feeds=Feeds(catalog, oncall, book, accounts, clock, key=key),
        shifts=shifts,
    )
