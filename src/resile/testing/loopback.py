"""A server on this machine, over a real socket, in threads of its own, for as long as it is entered."""

import sys
import threading
from socketserver import BaseRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class LoopbackServer(ThreadingTCPServer, Generic[T]):
    """Listens on a free port of 127.0.0.1; whoever goes away in the middle, as the killed do, is no fault of it."""

    daemon_threads = True
    allow_reuse_address = True
    # Of the five that are usual, those that come beyond them at one moment wait a second or more.
    request_queue_size = 512

    def __init__(self, owner: T, handler: type[BaseRequestHandler]) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say so, unless whoever spoke went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Loopback:
    """What a server is for its tests.

    Attributes:
        is_over: set when it ends, for whoever keeps a connection open.
    """

    def __init__(self, handler: type[BaseRequestHandler]) -> None:
        self.is_over = threading.Event()
        self._server = LoopbackServer(self, handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        """Of 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """The site, without a path, where it speaks HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
