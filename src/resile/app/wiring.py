"""The one place that knows everything: opens what the settings name and hands it out as one value."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from resile.app.settings import Settings
from resile.app.system_clock import SystemClock
from resile.ports.clock import Clock
from resile.ports.facts_store import FactsStore
from resile.ports.timeline_store import TimelineStore


class Resile(Struct, frozen=True, kw_only=True):
    """An open resile: what every use case is given first."""

    settings: Settings
    clock: Clock
    timelines: TimelineStore
    facts: FactsStore


@contextmanager
def open_resile(settings: Settings, *, clock: Clock | None = None) -> Iterator[Resile]:
    """Open the stores that the settings name, making and migrating them as needed; close them afterwards.

    Raises:
        StoreError: locked, read-only, full, damaged or of a newer version.
    """
    from resile.stores.opening import open_facts, open_timelines  # noqa: PLC0415 - drivers load only when needed

    timelines = open_timelines(settings.data, settings.database_url)
    try:
        facts = open_facts(settings.data, timelines)
        try:
            yield Resile(settings=settings, clock=clock or SystemClock(), timelines=timelines, facts=facts)
        finally:
            facts.close()
    finally:
        timelines.close()
