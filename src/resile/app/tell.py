"""What subscribers are to be told waits in the outbox, written with what it tells of; from there it is spread to them.

The outbox hands it over at least once; spreading is by the telling's id, so that it happens once.
"""

from collections.abc import Mapping

import msgspec

from resile.model.errors import AccessError, ConfigError
from resile.model.message import Message, MessageClass
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError
from resile.ports.telling_store import Telling, TellingStore

CHANNEL = "subscribers"
KIND = ChannelKind(name=CHANNEL, title="Subscribers", address_words="all who subscribed")


def told_by(telling: Telling) -> Message:
    """The row of the outbox that says that subscribers are to be told."""
    return Message(
        id=telling.id,
        message_class=MessageClass.EMITTED,
        channel=CHANNEL,
        address=CHANNEL,
        title=telling.title,
        text="",
        queued_at=telling.made_at,
        due_at=telling.made_at,
        extra={"telling": msgspec.json.encode(telling).decode()},
    )


class Spreading:
    """The channel that makes one copy for each subscriber."""

    kind = KIND

    def __init__(self, tellings: TellingStore) -> None:
        self._tellings = tellings

    def address(self, text: str) -> str:
        """None: nobody has this channel as a contact."""
        raise ConfigError(f"{text[:40]!r}: people are not told by this channel; use email")

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Write down who is told."""
        del timeout_s
        try:
            telling = msgspec.json.decode(outgoing.extra.get("telling", ""), type=Telling)
        except msgspec.MsgspecError:
            raise RefusedError("what subscribers are to be told cannot be read", is_final=True) from None
        self._tellings.spread(telling)
        return Handed(ref=outgoing.id)

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """None."""
        del headers, query, body, url
        raise AccessError("nobody answers to what subscribers are told")

    def check(self, *, timeout_s: float) -> None:
        """Nothing: it leads nowhere but to the store."""
        del timeout_s
