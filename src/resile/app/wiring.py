"""The one place that knows everything: opens what the settings name and hands it out as one value."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
from resile.ports.timeline_store import TimelineStore

if TYPE_CHECKING:  # what checks rights hashes passwords, which takes a while to load
    from resile.app.catalog import Catalog
    from resile.app.doors import Doors
    from resile.app.oncall import OnCall


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
    doors: "Doors"
    catalog: "Catalog"
    oncall: "OnCall"


@contextmanager
def open_resile(settings: Settings, *, clock: Clock | None = None) -> Iterator[Resile]:
    """Open the stores that the settings name, making and migrating them as needed; close them afterwards.

    Raises:
        StoreError: locked, read-only, full, damaged or of a newer version.
    """
    from resile.app.catalog import Catalog  # noqa: PLC0415 - drivers load only when needed
    from resile.app.doors import Doors  # noqa: PLC0415
    from resile.app.oncall import OnCall  # noqa: PLC0415
    from resile.stores.account_store import SqlAccountStore  # noqa: PLC0415 - drivers load only when needed
    from resile.stores.catalog import SqlCatalogStore  # noqa: PLC0415
    from resile.stores.deliveries import SqlDeliveryStore  # noqa: PLC0415
    from resile.stores.door_book import SqliteDoorBook  # noqa: PLC0415
    from resile.stores.journal import SqliteJournal  # noqa: PLC0415
    from resile.stores.journal_file import JOURNAL_NAME, JournalFile  # noqa: PLC0415
    from resile.stores.lazy_facts import LazyDeliveryFacts, LazyFacts  # noqa: PLC0415
    from resile.stores.opening import open_delivery_facts, open_engine, open_facts  # noqa: PLC0415
    from resile.stores.secret_key import read_key, read_or_make_key  # noqa: PLC0415
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
        doors = Doors(
            SqliteDoorBook(file),
            clock,
            read_key=lambda: read_key(settings.data),
            make_key=lambda: read_or_make_key(settings.data),
        )
        documents = SqlCatalogStore(database)
        catalog = Catalog(documents, clock)
        yield Resile(
            settings=settings,
            clock=clock,
            timelines=timelines,
            facts=facts,
            accounts=SqlAccountStore(database),
            deliveries=deliveries,
            delivery_facts=delivery_facts,
            journal=SqliteJournal(file),
            doors=doors,
            catalog=catalog,
            oncall=OnCall(catalog, documents, clock),
        )
