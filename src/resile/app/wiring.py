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


@contextmanager
def open_resile(settings: Settings, *, clock: Clock | None = None) -> Iterator[Resile]:
    """Open the stores that the settings name, making and migrating them as needed; close them afterwards.

    Raises:
        StoreError: locked, read-only, full, damaged or of a newer version.
    """
    from resile.app.catalog import Catalog  # noqa: PLC0415 - drivers load only when needed
    from resile.app.doors import Doors  # noqa: PLC0415
    from resile.app.links import Links  # noqa: PLC0415
    from resile.app.oncall_parts import oncall_over  # noqa: PLC0415
    from resile.app.paging_parts import paging_over  # noqa: PLC0415
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
    from resile.stores.secret_key import read_key, read_or_make_key  # noqa: PLC0415
    from resile.stores.silences import SqlSilenceBook  # noqa: PLC0415
    from resile.stores.timelines import SqlTimelineStore  # noqa: PLC0415

    with ExitStack() as opened:
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
        clock = clock or SystemClock()
        accounts = SqlAccountStore(database)
        doors = Doors(
            SqliteDoorBook(file),
            clock,
            record=accounts.record,
            read_key=lambda: read_key(settings.data),
            make_key=lambda: read_or_make_key(settings.data),
        )
        documents = SqlCatalogStore(database)
        catalog = Catalog(documents, clock)
        paging = SqlPagingStore(database, timelines)
        parts = paging_over(
            paging,
            timelines,
            catalog=catalog,
            documents=documents,
            contact_book=SqlContactBook(database),
            silence_book=SqlSilenceBook(database),
            doors=doors.all,
            links=Links(settings.base_url or "", lambda: read_or_make_key(settings.data)),
            clock=clock,
        )
        duty = oncall_over(
            catalog,
            documents,
            paging,
            SqlFeedBook(database),
            verified=parts.contacts.verified,
            address=settings.base_url,
            key=lambda: read_or_make_key(settings.data),
            clock=clock,
        )
        yield Resile(
            settings=settings,
            clock=clock,
            timelines=timelines,
            facts=facts,
            accounts=accounts,
            deliveries=deliveries,
            delivery_facts=delivery_facts,
            journal=SqliteJournal(file),
            paging=paging,
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
            key=lambda: read_or_make_key(settings.data),
            database_now=database.now,
        )
