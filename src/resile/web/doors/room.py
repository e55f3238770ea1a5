"""Room in memory for the bodies that are being read and written at one moment."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from resile.web.doors.answer import TurnedAwayError
from resile.web.doors.proofs import Headers
from resile.web.doors.strangers import SMALL_BYTES

# Of all bodies at once; those who have not shown yet that they know a secret have half of it for what is not small.
MAX_BYTES_WITHIN = 200_000_000
MAX_BYTES_OF_STRANGERS = MAX_BYTES_WITHIN // 2
BODY_WITHIN_S = 30


class Room:
    """Counts what has arrived, not what is announced: announcing costs a stranger nothing."""

    def __init__(self) -> None:
        self._n_bytes = 0
        self._n_bytes_of_strangers = 0

    @contextmanager
    def taken_by(self, *, is_known: bool) -> Iterator["_Share"]:
        """The room that one delivery takes, until it is left."""
        share = _Share(self, is_known=is_known)
        try:
            yield share
        finally:
            self.give_back(share)

    def take(self, share: "_Share", n_bytes: int) -> None:
        """Take more.

        Raises:
            TurnedAwayError: there is no more.
        """
        is_full = self._n_bytes + n_bytes > MAX_BYTES_WITHIN
        # Most deliveries are small; and a sender who delivers seldom is not known yet.
        is_bound = not share.is_known and share.n_bytes + n_bytes > SMALL_BYTES
        if is_full or (is_bound and self._n_bytes_of_strangers + n_bytes > MAX_BYTES_OF_STRANGERS):
            raise TurnedAwayError(503, "too much arrives at once; send it again in a while")
        share.n_bytes += n_bytes
        self._n_bytes += n_bytes
        if not share.is_known:
            self._n_bytes_of_strangers += n_bytes

    def give_back(self, share: "_Share") -> None:
        """Give back all that was taken."""
        self._n_bytes -= share.n_bytes
        if not share.is_known:
            self._n_bytes_of_strangers -= share.n_bytes


class _Share:
    def __init__(self, room: Room, *, is_known: bool) -> None:
        self.is_known = is_known
        self.n_bytes = 0
        self._room = room

    async def read(self, receive: Receive, n_announced: int | None, most: int) -> bytes:
        """The whole body.

        Args:
            n_announced: its size as it is announced; None where it is not.

        Raises:
            TurnedAwayError: it is larger than `most`, there is no room for it, or it takes too long.
            ClientDisconnect: they went away.
        """
        if n_announced is not None and n_announced > most:
            raise TurnedAwayError(413, _too_large(most))
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                return await self._read(receive, most)
        except TimeoutError:
            raise TurnedAwayError(408, f"the body took longer than {BODY_WITHIN_S} s; send it again") from None

    async def _read(self, receive: Receive, most: int) -> bytes:
        parts: list[bytes] = []
        is_more = True
        while is_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            part: bytes = message.get("body", b"")
            if self.n_bytes + len(part) > most:
                raise TurnedAwayError(413, _too_large(most))
            self._room.take(self, len(part))
            parts.append(part)
            is_more = message.get("more_body", False)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def announced_bytes(headers: Headers) -> int | None:
    """The size that a request announces; None where it announces none that can be read."""
    announced = headers.get("content-length", "")
    return int(announced[:20]) if announced.isascii() and announced.isdecimal() else None


def _too_large(most: int) -> str:
    return f"the body has more than {most:,} bytes, the most that this door takes; send less at once"
