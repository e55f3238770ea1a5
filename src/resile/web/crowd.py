"""Room for whoever comes next: of too many connections the one on which nothing was asked for longest is ended.

Whoever opens connections and asks nothing would else keep the page from everybody; it takes one machine and one line.
"""

import asyncio
from typing import ClassVar

from resile.web.protocol import BoundedProtocol


class CrowdedProtocol(BoundedProtocol):
    """HTTP/1.1 as bounded elsewhere, on a limited number of connections.

    Attributes:
        connections_by_request: all that are open, the one whose last request is the oldest first; of one event loop.
        most: there may be so many.
    """

    connections_by_request: ClassVar[dict["CrowdedProtocol", None]]
    most: ClassVar[int]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        self._comes_last()
        if len(self.connections_by_request) > self.most:
            longest_silent = next(iter(self.connections_by_request))
            # At once, for it may be read from no more; and no later than the next one comes.
            del self.connections_by_request[longest_silent]
            longest_silent.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self.connections_by_request.pop(self, None)
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """The head of a request is whole."""
        self._comes_last()
        super().on_headers_complete()

    def _comes_last(self) -> None:
        self.connections_by_request.pop(self, None)
        self.connections_by_request[self] = None


def crowded_protocol(most: int) -> type[CrowdedProtocol]:
    """The protocol of one server."""
    return type("Crowded", (CrowdedProtocol,), {"connections_by_request": {}, "most": most})
