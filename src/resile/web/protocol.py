"""HTTP/1.1 as uvicorn speaks it by httptools, with a bound on what comes before a body, and no other protocol."""

import asyncio
import socket
from array import array
from contextlib import suppress
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

# First line and headers of a request, or what follows its body, together.
MAX_HEAD_BYTES = 65_536
# From the connection, or the answer before, until the head of a request is whole; there is room for so many connections
# and no more, and who sends nothing would hold one for ever.
HEAD_WITHIN_S = 30.0
# Who takes nothing of an answer for so long does not read it, and would hold the connection and whoever answers.
READ_WITHIN_S = 30.0
_SENTENCE = "the headers are larger than 64 KiB; send less of them"
_OFFER = b"upgrade"


class BoundedProtocol(HttpToolsProtocol):
    """Ends a connection on which headers do not end, or do not come, or answers are not read.

    The parser would keep headers, however many they become, and wait for them, however long it takes; and whoever
    answers waits until there is room for more.

    Whoever offers another protocol, as some clients do with every request, is answered in this one. The parser would
    leave the body to the other protocol; so it is given the head once more, without the offer.
    """

    _n_around = 0
    _head_due: asyncio.TimerHandle | None = None
    _answering: RequestResponseCycle | None = None

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.parser = _Parser(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        _hang_up_unread(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        # The server tells it to the request that came last alone, which may wait for its turn.
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        self._stop_expecting()

    def on_response_complete(self) -> None:
        """An answer is given; another request may follow, and what is left of this one."""
        self._answering = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        if not self.transport.is_closing():
            self._expect_head()

    def _expect_head(self) -> None:
        self._stop_expecting()
        self._head_due = self.loop.call_later(HEAD_WITHIN_S, self._end_idle)

    def _stop_expecting(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _end_idle(self) -> None:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if not is_answering:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Take in what arrived."""
        self._n_around += len(data)
        super().data_received(data)
        if self._n_around > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(_SENTENCE)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._n_around = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head of a request is whole."""
        if not self.has_offer():
            super().on_headers_complete()
            if not self.pipeline:
                self._answering = self.cycle

    def on_body(self, body: bytes) -> None:
        """A piece of a body: what came until here was none too many headers."""
        self._n_around = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has ended."""
        self._n_around = 0
        if not self.has_offer():
            super().on_message_complete()

    def has_offer(self) -> bool:
        """Whether the request that is being read offers another protocol."""
        return self.parser.should_upgrade() and any(name == _OFFER for name, _ in self.headers)

    def head_without_offer(self) -> bytes:
        """The head of that request again."""
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != _OFFER]
        return b"\r\n".join([*lines, b"", b""])


def _hang_up_unread(transport: asyncio.Transport) -> None:
    """Have the system end the connection once nothing of what is on its way is taken; not every system can."""
    opened = transport.get_extra_info("socket")
    if opened is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(READ_WITHIN_S * 1_000))


class _Parser(httptools.HttpRequestParser):
    def __init__(self, protocol: BoundedProtocol) -> None:
        super().__init__(protocol)
        self._protocol = protocol
        self.set_dangerous_leniencies(lenient_data_after_close=True)

    def feed_data(self, data: "bytes | bytearray | memoryview[int] | array[int]") -> None:
        """Read what arrived."""
        rest, parser = memoryview(data), self
        while True:
            try:
                httptools.HttpRequestParser.feed_data(parser, rest)
            except httptools.HttpParserUpgrade as offered:
                if not self._protocol.has_offer():
                    raise
                head = self._protocol.head_without_offer()
                # A new one: after a request that is to be the last on its connection the old one reads no more.
                self._protocol.parser = parser = _Parser(self._protocol)
                httptools.HttpRequestParser.feed_data(parser, head)
                rest = rest[offered.args[0] :]
            else:
                return
