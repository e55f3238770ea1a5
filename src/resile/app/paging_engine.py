"""The engine of an open resile: what is due is handled, what is queued is sent, receipts are taken."""

import os
import secrets
import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert

from resile.app.drill_results import drills_of
from resile.app.emit import CHANNEL
from resile.app.engine import Engine
from resile.app.links import Links
from resile.app.notify import Measures, Notifier
from resile.app.sinks import Sinks
from resile.app.tell import CHANNEL as SUBSCRIBERS
from resile.app.tell import Spreading
from resile.app.tick import Handler, Ticker
from resile.app.wiring import Resile
from resile.model.errors import ConfigError
from resile.model.policy import Throttle
from resile.ports.channel import Channel
from resile.ports.paging_store import TimerKind


class Outside(Struct, frozen=True, kw_only=True):
    """How an open resile reaches people and systems.

    Attributes:
        channels: those that are set up, by name.
        links: where people reach this resile.
        throttles: by channel.
    """

    channels: Mapping[str, Channel]
    links: Links
    throttles: Mapping[str, Throttle]


def open_outside(resile: Resile, *, address: str) -> Outside:
    """Open the channels that the settings name.

    Args:
        address: where this server listens; what people are told, unless the settings know better.

    Raises:
        ConfigError: a setting of a channel cannot be used.
    """
    from resile.channels.registry import open_channels  # noqa: PLC0415 - for whoever sends
    from resile.stores.secret_key import read_or_make_key  # noqa: PLC0415

    settings = resile.settings

    def key() -> bytes:
        return read_or_make_key(settings.data)

    throttles = {
        name: _throttle(name, given["throttle"]) for name, given in settings.channels.items() if "throttle" in given
    }
    told = {
        name: {setting: value for setting, value in given.items() if setting != "throttle"}
        for name, given in settings.channels.items()
    }
    channels = open_channels(told, clock=resile.clock, allowed=settings.allowed_addresses, key=key)
    if settings.emit:
        channels[CHANNEL] = Sinks(channels["webhook"], settings.emit)
    channels[SUBSCRIBERS] = Spreading(resile.communication.tellings)
    return Outside(channels=channels, links=Links(settings.base_url or address, key), throttles=throttles)


class _ThrottleSetting(Struct, frozen=True, forbid_unknown_fields=True):
    most: Annotated[int, Meta(ge=1, le=10_000)]
    within_s: Annotated[int, Meta(ge=1, le=86_400)]


def _throttle(channel: str, said: object) -> Throttle:
    """What `throttle = {most = 10, within_s = 300}` says."""
    try:
        told = convert(said, type=_ThrottleSetting)
    except ValidationError as error:
        raise ConfigError(
            f"setting 'channels.{channel}.throttle': {error}; write throttle = {{most = 10, within_s = 300}}"
        ) from None
    return Throttle(most=told.most, within=timedelta(seconds=told.within_s))


def handlers_of(resile: Resile) -> dict[TimerKind, Handler]:
    """What is asked when timers are due."""
    return {
        TimerKind.ESCALATION: resile.pager.due,
        TimerKind.SHIFT: resile.shifts.due,
        TimerKind.DRILL: drills_of(resile).due,
        **resile.communication.handlers,
        **resile.alerting.handlers,
        **resile.runs.handlers,
    }


def engine_of(resile: Resile, outside: Outside, *, measures: Measures | None = None) -> Engine:
    """The engine of this process; not started."""
    by = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    notifier = Notifier(
        resile.paging,
        resile.timelines,
        resile.clock,
        outside.channels,
        links=outside.links,
        by=by,
        measures=measures,
        throttles=outside.throttles,
    )
    ticker = Ticker(resile.paging, resile.clock, handlers_of(resile), by=by)
    resile.paging.commit(resile.alerting.heartbeats.begin(resile.clock.now()))
    return Engine(resile.paging, resile.clock, ticker, notifier, listening=resile.alerting.listening)
