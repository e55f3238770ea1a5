"""The channel of emitted events: it alone knows the addresses, and posts as webhooks do."""

import threading
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from resile.app.emit import CHANNEL, name_of
from resile.app.outward_settings import EmitSettings
from resile.model.errors import AccessError, ConfigError
from resile.ports.channel import Channel, ChannelKind, Handed, Outgoing, Receipt, RefusedError

KIND = ChannelKind(name=CHANNEL, title="Events for other systems", address_words="the name of one of [[emit]]")
# Calls to one system at a moment: one that hangs must not keep pages waiting for a sender.
_AT_ONCE = 2
_TURN_WITHIN_S = 0.5
_AGAIN_IN_S = 2.0


class Sinks:
    """Posts events.

    Args:
        webhook: the channel that signs and guards what goes to addresses of the web.

    Raises:
        ConfigError: an address cannot be used.
    """

    kind = KIND

    def __init__(self, webhook: Channel, sinks: Sequence[EmitSettings]) -> None:
        self._webhook = webhook
        self._urls = {name_of(sink): webhook.address(sink.url) for sink in sinks}
        self._rooms = {name: threading.BoundedSemaphore(_AT_ONCE) for name in self._urls}

    def address(self, text: str) -> str:
        """The name of a system."""
        if text not in self._urls:
            raise ConfigError(f"{text[:40]!r} is none of [[emit]]; people are not told by this channel")
        return text

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Post it."""
        url = self._urls.get(outgoing.address)
        if url is None:
            raise RefusedError("its system stands in [[emit]] no longer", is_final=True)
        room = self._rooms[outgoing.address]
        if not room.acquire(timeout=_TURN_WITHIN_S):
            raise RefusedError("its system is busy with others", again_in_s=_AGAIN_IN_S)
        try:
            return self._webhook.send(replace(outgoing, address=url), timeout_s=timeout_s - _TURN_WITHIN_S)
        finally:
            room.release()

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """None."""
        del headers, query, body, url
        raise AccessError("nobody answers to events")

    def check(self, *, timeout_s: float) -> None:
        """Nothing: whether a system takes an event shows only with an event."""
        self._webhook.check(timeout_s=timeout_s)
