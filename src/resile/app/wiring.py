"""The one place that knows everything: opens what the settings name and hands it out as one value."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from resile.app.settings import Settings
from resile.app.system_clock import SystemClock
from resile.ports.account_store import AccountStore
from resile.ports.clock import Clock
from resile.ports.delivery_facts import DeliveryFacts
from resile.ports.delivery_store import DeliveryStore
from resile.ports.facts_store import FactsStore
from resile.ports.journal import Journal
from resile.ports.paging_store import PagingStore
from resile.ports.timeline_store import TimelineStore

if TYPE_CHECKING:  # what checks rights hashes passwords, which takes a while to load
    from resile.app.alert_parts import Alerting
    from resile.app.calendar_in import CalendarIn
    from resile.app.catalog import Catalog
    from resile.app.contacts import Contacts
    from resile.app.doors import Doors
    from resile.app.feeds import Feeds
    from resile.app.links import Links
    from resile.app.message_words import CatalogWords
    from resile.app.oncall import OnCall
    from resile.app.paging import Paging
    from resile.app.receipts import Receipts
    from resile.app.shift_notices import ShiftNotices
    from resile.ports.catalog import CatalogStore
    from resile.ports.contact_book import ContactBook
    from resile.ports.door_book import DoorBook
    from resile.ports.feed_book import FeedBook
    from resile.ports.silence_book import SilenceBook


class Resile(Struct, frozen=True, kw_only=True):
    """An open resile: what every use case is given first."""

    settings: Settings
    clock: Clock
    timelines: TimelineStore
    facts: FactsStore
    accounts: AccountStore
    deliveries: DeliveryStore
    delivery_facts: DeliveryFacts
    journal: Journal
    paging: PagingStore
    doors: "Doors"
    catalog: "Catalog"
    oncall: "OnCall"
    calendars: "CalendarIn"
    feeds: "Feeds"
    shifts: "ShiftNotices"
    pager: "Paging"
    receipts: "Receipts"
    links: "Links"
    alerting: "Alerting"
    contacts: "Contacts"
    # The key of the data folder, made where there is none.
    key: Callable[[], bytes]
    # What the database's clock shows; None where it has none of its own.
    database_now: Callable[[], datetime | None]
    words: "CatalogWords"


class _Stores(Struct, frozen=True, kw_only=True):
    """Where everything rests, open."""

    timelines: TimelineStore
    facts: FactsStore
    accounts: AccountStore
    deliveries: DeliveryStore
    delivery_facts: DeliveryFacts
    journal: Journal
    paging: PagingStore
    documents: "CatalogStore"
    doors: "DoorBook"
    contacts: "ContactBook"
    silences: "SilenceBook"
    feeds: "FeedBook"
    database_now: Callable[[], datetime | None]


@contextmanager
def open_resile(settings: Settings, *, clock: Clock | None = None) -> Iterator[Resile]:
    """Open the stores that the settings name, making and migrating them as needed; close them afterwards.

    Raises:
        StoreError: locked, read-only, full, damaged or of a newer version.
    """
    with ExitStack() as opened:
        yield _over(_open_stores(settings, opened), settings, clock or SystemClock())


def _over(stores: _Stores, settings: Settings, clock: Clock) -> Resile:
    """All use cases over these stores."""
    from resile.app.catalog import Catalog  # noqa: PLC0415 - what checks rights takes a while to load
    from resile.app.doors import Doors  # noqa: PLC0415
    from resile.app.links import Links  # noqa: PLC0415
    from resile.app.oncall_parts import oncall_over  # noqa: PLC0415
    from resile.app.paging_parts import paging_over  # noqa: PLC0415
    from resile.stores.secret_key import read_key, read_or_make_key  # noqa: PLC0415

    make_key = partial(read_or_make_key, settings.data)
    catalog = Catalog(stores.documents, clock)
    doors = Doors(
        stores.doors,
        clock,
        record=stores.accounts.record,
        read_key=partial(read_key, settings.data),
        make_key=make_key,
    )
    parts = paging_over(
        stores.paging,
        stores.timelines,
        catalog=catalog,
        documents=stores.documents,
        contact_book=stores.contacts,
        silence_book=stores.silences,
        doors=doors.all,
        links=Links(settings.base_url or "", make_key),
        clock=clock,
    )
    duty = oncall_over(
        catalog,
        stores.documents,
        stores.paging,
        stores.feeds,
        stores.accounts,
        verified=parts.contacts.verified,
        address=settings.base_url,
        key=make_key,
        clock=clock,
    )
    return Resile(
        settings=settings,
        clock=clock,
        timelines=stores.timelines,
        facts=stores.facts,
        accounts=stores.accounts,
        deliveries=stores.deliveries,
        delivery_facts=stores.delivery_facts,
        journal=stores.journal,
        paging=stores.paging,
        doors=doors,
        catalog=catalog,
        oncall=duty.oncall,
        calendars=duty.calendars,
        feeds=duty.feeds,
        shifts=duty.shifts,
        pager=parts.pager,
        receipts=parts.receipts,
        links=parts.links,
        alerting=parts.alerting,
        contacts=parts.contacts,
        words=parts.words,
        key=make_key,
        database_now=stores.database_now,
    )


def _open_stores(settings: Settings, opened: ExitStack) -> _Stores:
    """The stores; `opened` closes them, the last first."""
    from resile.stores.account_store import SqlAccountStore  # noqa: PLC0415 - drivers load only when needed
    from resile.stores.catalog import SqlCatalogStore  # noqa: PLC0415
    from resile.stores.contacts import SqlContactBook  # noqa: PLC0415
    from resile.stores.deliveries import SqlDeliveryStore  # noqa: PLC0415
    from resile.stores.door_book import SqliteDoorBook  # noqa: PLC0415
    from resile.stores.feeds import SqlFeedBook  # noqa: PLC0415
    from resile.stores.journal import SqliteJournal  # noqa: PLC0415
    from resile.stores.journal_file import JOURNAL_NAME, JournalFile  # noqa: PLC0415
    from resile.stores.lazy_facts import LazyDeliveryFacts, LazyFacts  # noqa: PLC0415
    from resile.stores.opening import open_delivery_facts, open_engine, open_facts  # noqa: PLC0415
    from resile.stores.paging import SqlPagingStore  # noqa: PLC0415
    from resile.stores.silences import SqlSilenceBook  # noqa: PLC0415
    from resile.stores.timelines import SqlTimelineStore  # noqa: PLC0415

    database = open_engine(settings.data, settings.database_url)
    # The timelines own the database, and close it.
    timelines = SqlTimelineStore(database)
    opened.callback(timelines.close)
    deliveries = SqlDeliveryStore(database)
    facts = LazyFacts(partial(open_facts, settings.data, timelines))
    opened.callback(facts.close)
    delivery_facts = LazyDeliveryFacts(partial(open_delivery_facts, settings.data, deliveries))
    opened.callback(delivery_facts.close)
    file = JournalFile(settings.data / JOURNAL_NAME)
    opened.callback(file.close)
    return _Stores(
        timelines=timelines,
        facts=facts,
        accounts=SqlAccountStore(database),
        deliveries=deliveries,
        delivery_facts=delivery_facts,
        journal=SqliteJournal(file),
        paging=SqlPagingStore(database, timelines),
        documents=SqlCatalogStore(database),
        doors=SqliteDoorBook(file),
        contacts=SqlContactBook(database),
        silences=SqlSilenceBook(database),
        feeds=SqlFeedBook(database),
        database_now=database.now,
    )
