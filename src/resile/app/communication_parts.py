"""What tells the world, put together over one database: subscribers and maintenance windows."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from resile.app.catalog import Catalog
from resile.app.maintenance import Maintenance
from resile.app.maintenance_marks import Marking, MarkingThread
from resile.app.message_words import CatalogWords
from resile.app.outward_settings import UpdateSettings
from resile.app.persons import may_be_one
from resile.app.silences import Ways
from resile.app.subscribers import Subscribers
from resile.app.teller import Teller
from resile.app.telling import Outcomes, TellingThreads, own_name
from resile.app.tick import Handler
from resile.app.update_drafts import Drafting
from resile.app.update_publishing import Publishing
from resile.app.update_reminders import UpdateReminders, timer_of
from resile.app.update_rules import rule_for
from resile.app.updates import Updates
from resile.channels.outward import Outward
from resile.model.catalog import Kind
from resile.model.component_document import ComponentDocument
from resile.ports.channel import Channel
from resile.ports.clock import Clock
from resile.ports.delivery_store import DeliveryStore
from resile.ports.maintenance_book import MaintenanceBook
from resile.ports.paging_store import PagingStore, TimerKind
from resile.ports.subscriber_book import SubscriberBook
from resile.ports.telling_store import TellingStore
from resile.ports.timeline_store import TimelineStore

if TYPE_CHECKING:
    from resile.app.wiring import Resile


class CommunicationStores(Struct, frozen=True, kw_only=True):
    """Where it rests."""

    subscribers: SubscriberBook
    tellings: TellingStore
    windows: MaintenanceBook


class Communication(Struct, frozen=True, kw_only=True):
    """The use cases of communication."""

    subscribers: Subscribers
    maintenance: Maintenance
    marking: Marking
    updates: Updates
    reminders: UpdateReminders
    outcomes: Outcomes
    tellings: TellingStore

    @property
    def handlers(self) -> dict[TimerKind, Handler]:
        """What is asked when timers are due."""
        return {TimerKind.MAINTENANCE: self.maintenance.due, TimerKind.UPDATE: self.reminders.due}


def communication_over(
    stores: CommunicationStores,
    timelines: TimelineStore,
    paging: PagingStore,
    deliveries: DeliveryStore,
    *,
    catalog: Catalog,
    words: CatalogWords,
    ways: Ways,
    rules: Sequence[UpdateSettings],
    channels: Sequence[str],
    allowed: Sequence[str],
    address: str,
    key: Callable[[], bytes],
    clock: Clock,
) -> Communication:
    """All of it over these stores.

    Args:
        channels: that the settings name.
        allowed: places inside our own network to which messages may go.
        address: where links lead.
    """
    marking = Marking(stores.windows, timelines, paging, deliveries, clock)
    subscribers = Subscribers(
        stores.subscribers,
        stores.tellings,
        clock,
        offered=[*channels, "webhook"],
        outward=Outward(allowed),
        address=address,
        key=key,
    )
    drafting = Drafting(
        rules=partial(rule_for, rules),
        words=lambda facts, now: words.words_of(facts, channel="", now=now),
        components=partial(_components_of, catalog),
    )
    updates = Updates(
        timelines,
        paging,
        clock,
        drafting=drafting,
        publishing=Publishing(drafting=drafting, ways=ways, timer=timer_of, n_told=stores.subscribers.n_hearing),
        timer=timer_of,
        counts=stores.tellings.counts,
        may_be_one=lambda one, other: may_be_one(one, other, catalog.people()),
    )
    return Communication(
        subscribers=subscribers,
        updates=updates,
        reminders=UpdateReminders(timelines, people=catalog.people, ways=ways),
        outcomes=Outcomes(stores.tellings, timelines, paging, clock, let_go=subscribers.let_go),
        maintenance=Maintenance(stores.windows, paging, catalog, clock, look=marking),
        marking=marking,
        tellings=stores.tellings,
    )


def _components_of(catalog: Catalog, services: Sequence[str]) -> dict[str, str]:
    """The components that stand for some services, by name their title; where the catalog has none, the services."""
    components = catalog.all_of(Kind.COMPONENT, ComponentDocument)
    if components:
        touched = {name: one for name, one in components.items() if one.public and set(one.services) & set(services)}
        return {name: one.title or name for name, one in touched.items()}
    known = catalog.services()
    return {name: (known[name].title if name in known else "") or name for name in services}


def threads_of(resile: "Resile", channels: Mapping[str, Channel]) -> list[TellingThreads | MarkingThread]:
    """What runs for as long as the server does; not started."""
    parts, by = resile.communication, own_name()
    teller = Teller(parts.tellings, parts.subscribers, resile.clock, channels, by=by)
    telling = TellingThreads(parts.tellings, parts.outcomes, resile.clock, teller)
    return [telling, MarkingThread(parts.marking, resile.timelines.wait)]
