"""Open the stores that the settings name, making and migrating them as needed."""

from pathlib import Path

from resile.ports.delivery_facts import DeliveryFacts
from resile.ports.delivery_store import DeliveryStore
from resile.ports.facts_store import FactsStore
from resile.ports.paging_store import PagingStore
from resile.ports.timeline_store import TimelineStore
from resile.stores.deliveries import SqlDeliveryStore
from resile.stores.engine import Database, connect_postgresql, connect_sqlite
from resile.stores.migrate import migrate
from resile.stores.paging import SqlPagingStore
from resile.stores.timelines import SqlTimelineStore


def open_engine(data: Path, database_url: str | None) -> Database:
    """The database, in the shape that this version knows: PostgreSQL at the URL, else SQLite in the data folder.

    Raises:
        StoreError: locked, read-only, full, damaged, of a newer version, or not reachable.
        ConfigError: the URL cannot be used.
    """
    database = connect_sqlite(data) if database_url is None else connect_postgresql(database_url)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def open_timelines(data: Path, database_url: str | None) -> TimelineStore:
    """The timelines of the database; see open_engine."""
    return SqlTimelineStore(open_engine(data, database_url))


def open_paging(data: Path, database_url: str | None) -> tuple[PagingStore, TimelineStore]:
    """Paging and the timelines it tells of, which close the database for both; see open_engine."""
    database = open_engine(data, database_url)
    timelines = SqlTimelineStore(database)
    return SqlPagingStore(database, timelines), timelines


def open_deliveries(data: Path, database_url: str | None) -> DeliveryStore:
    """The deliveries of the database, for whoever needs nothing else of it; see open_engine."""
    return SqlDeliveryStore(open_engine(data, database_url), is_owner=True)


def open_facts(data: Path, timelines: TimelineStore) -> FactsStore:
    """The projection of facts in the data folder, whatever the database; brought up to date by refresh()."""
    from resile.stores.facts import ParquetFactsStore  # noqa: PLC0415 - the engine loads only when facts are asked for

    return ParquetFactsStore(data / "facts", timelines)


def open_delivery_facts(data: Path, deliveries: DeliveryStore) -> DeliveryFacts:
    """The projection of deliveries in the data folder; as open_facts."""
    from resile.stores.delivery_projection import ParquetDeliveryFacts  # noqa: PLC0415 - as in open_facts

    return ParquetDeliveryFacts(data / "delivery-facts", deliveries)
