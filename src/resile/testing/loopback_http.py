"""A provider that is spoken to by HTTP, on this machine, over a real socket; it fails as it is told to."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from resile.testing.loopback import Loopback, LoopbackServer


class Fault(StrEnum):
    """What happens instead of an answer, once the whole request was read."""

    HANGS = "hangs"  # no answer, the connection stays
    DROPS = "drops"  # no answer, the connection is closed
    TALKS_NONSENSE = "talks_nonsense"  # an answer that is no HTTP
    DRIPS = "drips"  # an answer, of which a byte comes now and then, for ever
    CUTS = "cuts"  # an answer that ends in the middle of its body


class Request(Struct, frozen=True, kw_only=True):
    """A request that arrived.

    Attributes:
        headers: names in small letters.
        query: of a name that comes twice the last.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


class Reply(Struct, frozen=True, kw_only=True):
    """An answer; the body is sent as JSON, bytes as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = {}


class LoopbackHttp(Loopback):
    """Serves what `answer` says, from threads of its own.

    Attributes:
        requests: every request that arrived whole, first to last.
        fails: faults, or replies, in place of the next answers, first to last; None: that one is answered.
    """

    def __init__(self, answer: Callable[[Request], Reply] | None = None) -> None:
        self.requests: list[Request] = []
        self.fails: list[Fault | Reply | None] = []
        self._answer = answer
        super().__init__(_Handler)

    def answer(self, request: Request) -> Reply:
        """What is answered where nothing fails; kinds of provider say their own."""
        return Reply() if self._answer is None else self._answer(request)

    def take(self, request: Request) -> Fault | Reply:
        """Note a request; what comes of it."""
        self.requests.append(request)
        failing = self.fails.pop(0) if self.fails else None
        return self.answer(request) if failing is None else failing


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackServer[LoopbackHttp]
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def _take(self) -> None:
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length", "0"))),
        )
        came = self.server.owner.take(request)
        if isinstance(came, Reply):
            self._send(came)
        else:
            self.close_connection = True
            self._fail(came, request)

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        self._take()

    def do_DELETE(self) -> None:
        self._take()

    def _fail(self, fault: Fault, request: Request) -> None:
        if fault is Fault.HANGS:
            self.server.owner.is_over.wait()
        elif fault is Fault.TALKS_NONSENSE:
            self.wfile.write(b"\x16\x03\x01 what do you want?\r\n\r\n")
        elif fault is Fault.DRIPS:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
            while not self.server.owner.is_over.wait(0.02):
                self.wfile.write(b".")
                self.wfile.flush()
        elif fault is Fault.CUTS:
            self._send(self.server.owner.answer(request), is_cut=True)

    def _send(self, reply: Reply, *, is_cut: bool = False) -> None:
        body = reply.body if isinstance(reply.body, bytes) else msgspec.json.encode(reply.body)
        # Without the date of this machine, which is not that of a simulated clock.
        self.send_response_only(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut else body)

    def log_message(self, *_: object) -> None:
        """Nothing: tests read what they want to know from `requests`."""
