"""What a channel brings along, ours or another package's: what it is, and how it is opened."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from resile.channels.http_client import HttpClient
from resile.ports.channel import Channel, ChannelKind
from resile.ports.clock import Clock


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a channel is opened with besides its settings.

    Attributes:
        http: by which requests go out; guards addresses that users typed.
        key: the key of the data folder; None: there is none.
    """

    http: HttpClient
    clock: Clock
    key: Callable[[], bytes] | None = None

    def secret(self, purpose: str) -> bytes | None:
        """32 bytes that nobody else knows, the same for the same purpose; None: there is no key."""
        if self.key is None:
            return None
        return hmac.digest(self.key(), f"resile channel {purpose}".encode(), hashlib.sha256)


class ChannelPlugin(Struct, frozen=True, kw_only=True):
    """What an entry point of the group `resile.channels` names.

    Attributes:
        open: takes the settings in `[channels.NAME]`; raises ConfigError where one cannot be used.
        works_unset: it is there although nobody wrote settings for it.
    """

    kind: ChannelKind
    open: Callable[[Mapping[str, Any], Surroundings], Channel]
    works_unset: bool = False
