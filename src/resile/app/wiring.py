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
    from resile.app.communication_parts import Communication, CommunicationStores
    from resile.app.contacts import Contacts
    from resile.app.doors import Doors
    from resile.app.feeds import Feeds
    from resile.app.links import Links
    from resile.app.message_words import CatalogWords
    from resile.app.oncall import OnCall
    from resile.app.paging import Paging
    from resile.app.playbooks import Playbooks
    from resile.app.receipts import Receipts
    from resile.app.room_parts import RoomParts
    from resile.app.runs import Runs
    from resile.app.shift_notices import ShiftNotices
    from resile.app.status_parts import StatusParts
    from resile.ports.catalog import CatalogStore
    from resile.ports.chat_book import ChatBook
    from resile.ports.contact_book import ContactBook
    from resile.ports.customers_told import CustomersTold
    from resile.ports.door_book import DoorBook
    from resile.ports.feed_book import FeedBook
    from resile.ports.picture_book import PictureBook
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
    runs: "Runs"
    # The key of the data folder, made where there is none.
    key: Callable[[], bytes]
    # What the database's clock shows; None where it has none of its own.
    database_now: Callable[[], datetime | None]
    words: "CatalogWords"
    playbooks: "Playbooks"
    room: "RoomParts"
    communication: "Communication"
    status: "StatusParts"
    chats: "ChatBook"


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
    pictures: "PictureBook"
    communication: "CommunicationStores"
    customers_told: "CustomersTold"
    chats: "ChatBook"
    database_now: Callable[[], datetime | None]


@contextmanager
def open_resile(settings: Settings, *, clock: Clock | None = None) -> Iterator[Resile]:
    """Open the stores that the settings name, making and migrating them as needed; close them afterwards.

    Raises:
        StoreError: locked, read-only, full, damaged or of a newer version.
    """
    with ExitStack() as opened:
        resile = _over(_open_stores(settings, opened), settings, clock or SystemClock())
        # Before the stores are closed, into which the ends of steps are written.
        opened.callback(resile.runs.crew.stop)
        yield resile


def _over(stores: _Stores, settings: Settings, clock: Clock) -> Resile:
    """All use cases over these stores."""
    from resile.app.catalog import Catalog  # noqa: PLC0415 - what checks rights takes a while to load
    from resile.app.communication_parts import communication_over  # noqa: PLC0415
    from resile.app.doors import Doors  # noqa: PLC0415
    from resile.app.links import Links  # noqa: PLC0415
    from resile.app.oncall_parts import oncall_over  # noqa: PLC0415
    from resile.app.paging_parts import paging_over  # noqa: PLC0415
    from resile.app.playbooks import Playbooks  # noqa: PLC0415
    from resile.app.room_parts import room_over  # noqa: PLC0415
    from resile.app.run_parts import runs_over  # noqa: PLC0415
    from resile.app.status_parts import status_over  # noqa: PLC0415
    from resile.app.status_settings import public_address  # noqa: PLC0415
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
        lengths=settings.quiet.lengths,
        address=settings.base_url,
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
    playbooks = Playbooks(catalog, stores.paging, stores.timelines, clock)
    runs = runs_over(
        stores.paging,
        stores.timelines,
        stores.facts,
        playbooks=playbooks,
        pager=parts.pager,
        settings=settings,
        clock=clock,
    )
    communication = communication_over(
        stores.communication,
        stores.timelines,
        stores.paging,
        stores.deliveries,
        catalog=catalog,
        words=parts.words,
        ways=parts.contacts.ways_for,
        rules=settings.updates,
        channels=list(settings.channels),
        allowed=settings.allowed_addresses,
        address=public_address(settings.status, settings.base_url),
        key=make_key,
        clock=clock,
    )
    status = status_over(
        settings.status,
        stores.timelines,
        stores.customers_told,
        catalog,
        stores.communication.windows,
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
        runs=runs,
        words=parts.words,
        playbooks=playbooks,
        room=room_over(stores.pictures, stores.timelines, clock=clock),
        communication=communication,
        status=status,
        chats=stores.chats,
        key=make_key,
        database_now=stores.database_now,
    )


def _open_stores(settings: Settings, opened: ExitStack) -> _Stores:
    """The stores; `opened` closes them, the last first."""
    from resile.app.communication_parts import CommunicationStores  # noqa: PLC0415
    from resile.stores.account_store import SqlAccountStore  # noqa: PLC0415 - drivers load only when needed
    from resile.stores.catalog import SqlCatalogStore  # noqa: PLC0415
    from resile.stores.chat_book import SqlChatBook  # noqa: PLC0415
    from resile.stores.contacts import SqlContactBook  # noqa: PLC0415
    from resile.stores.customers_told import SqlCustomersTold  # noqa: PLC0415
    from resile.stores.deliveries import SqlDeliveryStore  # noqa: PLC0415
    from resile.stores.door_book import SqliteDoorBook  # noqa: PLC0415
    from resile.stores.feeds import SqlFeedBook  # noqa: PLC0415
    from resile.stores.journal import SqliteJournal  # noqa: PLC0415
    from resile.stores.journal_file import JOURNAL_NAME, JournalFile  # noqa: PLC0415
    from resile.stores.lazy_facts import LazyDeliveryFacts, LazyFacts  # noqa: PLC0415
    from resile.stores.maintenance import SqlMaintenanceBook  # noqa: PLC0415
    from resile.stores.opening import open_delivery_facts, open_engine, open_facts  # noqa: PLC0415
    from resile.stores.paging import SqlPagingStore  # noqa: PLC0415
    from resile.stores.pictures import SqlPictureBook  # noqa: PLC0415
    from resile.stores.silences import SqlSilenceBook  # noqa: PLC0415
    from resile.stores.subscribers import SqlSubscriberBook  # noqa: PLC0415
    from resile.stores.tellings import SqlTellingStore  # noqa: PLC0415
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
        pictures=SqlPictureBook(database),
        communication=CommunicationStores(
            subscribers=SqlSubscriberBook(database),
            tellings=SqlTellingStore(database),
            windows=SqlMaintenanceBook(database),
        ),
        customers_told=SqlCustomersTold(database),
        chats=SqlChatBook(database),
        database_now=database.now,
    )
