"""The channels that there are: whatever is installed under the entry-point group `resile.channels`.

An entry point names a ChannelPlugin. Those that somebody wrote settings for are open, and those that need none.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from resile.channels.http_client import HttpClient
from resile.channels.outward import Outward
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.model.errors import ConfigError
from resile.ports.channel import Channel, ChannelKind
from resile.ports.clock import Clock

GROUP = "resile.channels"
_OURS = "resile"


def open_channels(
    settings: Mapping[str, Mapping[str, Any]],
    *,
    clock: Clock,
    allowed: Sequence[str] = (),
    key: Callable[[], bytes] | None = None,
) -> dict[str, Channel]:
    """Every channel that is set up, by name.

    Args:
        settings: as in `[channels.NAME]`.
        allowed: what of our own network users' addresses may reach; see Outward.
        key: the key of the data folder.

    Raises:
        ConfigError: a setting cannot be used, or there is no channel of that name.
    """
    surroundings = Surroundings(http=HttpClient(Outward(allowed)), clock=clock, key=key)
    points = _installed()
    for name, given in settings.items():
        if name not in points:
            near = get_close_matches(name, points, n=1)
            there_are = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(points)}"
            raise ConfigError(f"setting 'channels.{name}': there is no such channel; {there_are}")
        if not isinstance(given, Mapping):
            raise ConfigError(f"setting 'channels.{name}' is no table; write [channels.{name}] and its settings below")
    opened: dict[str, Channel] = {}
    for name, plugin in _plugins(points, needed=frozenset(settings)).items():
        if name in settings or plugin.works_unset:
            opened[name] = plugin.open(settings.get(name, {}), surroundings)
    return opened


def kinds() -> dict[str, ChannelKind]:
    """What is known of every channel that is installed, by name; without those whose package is broken."""
    return {name: plugin.kind for name, plugin in _plugins(_installed(), needed=frozenset()).items()}


def _plugins(points: Mapping[str, EntryPoint], *, needed: frozenset[str]) -> dict[str, ChannelPlugin]:
    """What can be loaded; what is not needed and cannot is left out: it must not hold up the pages of the others."""
    found = {}
    for name, point in points.items():
        try:
            found[name] = _load(name, point)
        except ConfigError:
            if name in needed:
                raise
    return found


def _load(name: str, point: EntryPoint) -> ChannelPlugin:
    try:
        plugin = point.load()
    except Exception as error:  # noqa: BLE001 - a stranger's package, which may fail in any way while it loads
        fact = str(error) or type(error).__name__
        raise ConfigError(f"channel {name!r} cannot be loaded ({fact}); reinstall the package it comes from") from None
    if not isinstance(plugin, ChannelPlugin) or plugin.kind.name != name:
        raise ConfigError(f"channel {name!r} names no ChannelPlugin of that name; update the package it comes from")
    return plugin


def _installed() -> dict[str, EntryPoint]:
    """The entry points by name; of two of one name ours, else that of the first package by name."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=GROUP), key=_order):
        found.setdefault(point.name, point)
    return found


def _order(point: EntryPoint) -> tuple[str, bool, str]:
    package = "" if point.dist is None else point.dist.name
    return point.name, package != _OURS, package
