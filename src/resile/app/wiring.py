"""The one place that knows everything: opens what the settings name and hands it out as one value."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from resile.app.settings import Settings
from resile.app.system_clock import SystemClock
from resile.ports.account_store import AccountStore
from resile.ports.clock import Clock
from resile.ports.facts_store import FactsStore
from resile.ports.timeline_store import TimelineStore


class Resile(Struct, frozen=True, kw_only=True):
    """An open resile: what every use case is given first."""

    settings: Settings
    clock: Clock
    timelines: TimelineStore
    facts: FactsStore
    accounts: AccountStore


@contextmanager
def open_resile(settings: Settings, *, clock: Clock | None = None) -> Iterator[Resile]:
    """Open the stores that the settings name, making and migrating them as needed; close them afterwards.

    Raises:
        StoreError: locked, read-only, full, damaged or of a newer version.
    """
    from resile.stores.account_store import SqlAccountStore  # noqa: PLC0415 - drivers load only when needed
    from resile.stores.opening import open_engine, open_facts  # noqa: PLC0415
    from resile.stores.timelines import SqlTimelineStore  # noqa: PLC0415

    database = open_engine(settings.data, settings.database_url)
    # The timelines own the database, and close it.
    timelines = SqlTimelineStore(database)
    try:
        facts = open_facts(settings.data, timelines)
        try:
            yield Resile(
                settings=settings,
                clock=clock or SystemClock(),
                timelines=timelines,
                facts=facts,
                accounts=SqlAccountStore(database),
            )
        finally:
            facts.close()
    finally:
        timelines.close()
