"""Maintenance windows and subscribers as data: the same for the terminal and the API."""

from datetime import datetime

from msgspec import Struct

from resile.model.component import MaintenancePhase
from resile.model.message import shown_address
from resile.ports.maintenance_book import Window
from resile.ports.subscriber_book import Subscriber


class WindowOut(Struct, frozen=True, kw_only=True):
    """A maintenance window.

    Attributes:
        components: names of services, and `component/NAME` of components.
        ends_at: when it ended, where that was before its time.
    """

    id: str
    title: str
    text: str
    components: list[str]
    phase: MaintenancePhase
    starts_at: datetime
    ends_at: datetime
    is_announced: bool
    by: str
    version: int


class SubscriberOut(Struct, frozen=True, kw_only=True):
    """A subscriber.

    Attributes:
        address: whole for who may write, else enough of it to know which one it is.
        components: those of which it hears; empty: of all.
        because: why nothing is sent there, or why the last message was refused.
    """

    id: str
    channel: str
    address: str
    components: list[str]
    confirmed_at: datetime
    is_told: bool
    n_bounced: int
    because: str


def window_out(window: Window, now: datetime) -> WindowOut:
    """As it is at an instant."""
    return WindowOut(
        id=window.id,
        title=window.title,
        text=window.text,
        components=list(window.components),
        phase=window.phase_at(now),
        starts_at=window.starts_at,
        ends_at=window.over_at,
        is_announced=window.is_announced,
        by=window.by,
        version=window.version,
    )


def subscriber_out(subscriber: Subscriber, *, is_whole: bool) -> SubscriberOut:
    """With its address, or enough of it."""
    return SubscriberOut(
        id=subscriber.id,
        channel=subscriber.channel,
        address=subscriber.address if is_whole else shown_address(subscriber.address),
        components=list(subscriber.components),
        confirmed_at=subscriber.confirmed_at,
        is_told=subscriber.is_told,
        n_bounced=subscriber.n_bounced,
        because=subscriber.because,
    )
