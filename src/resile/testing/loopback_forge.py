"""A forge on this machine, over a real socket: answers as it is told to, and fails as it is told to."""

from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Struct

from resile.testing.loopback import Loopback, LoopbackServer


class Asked(Struct, frozen=True, kw_only=True):
    """A question that arrived.

    Attributes:
        params: of the query; of a name that comes twice the last.
        headers: names in lower case.
    """

    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]


class Reply(Struct, frozen=True, kw_only=True):
    """An answer.

    Attributes:
        body: sent as JSON, bytes as they are.
        is_dropped: the connection breaks in the middle of it.
    """

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = {}
    is_dropped: bool = False


class LoopbackForge(Loopback):
    """Serves what `answer` says, from a thread of its own.

    Attributes:
        asked: every question so far.
        fails: replies in place of the next answers, first to last, whatever is asked; None: that one is answered.
    """

    def __init__(self, answer: Callable[[Asked], Reply]) -> None:
        self.asked: list[Asked] = []
        self.fails: list[Reply | None] = []
        self._answer = answer
        super().__init__(_Handler)

    def reply(self, asked: Asked) -> Reply:
        """What is answered to a question."""
        self.asked.append(asked)
        failing = self.fails.pop(0) if self.fails else None
        return self._answer(asked) if failing is None else failing


def paged(asked: Asked, items: list[Any], address: str, *, field: str = "") -> Reply:
    """One page of the items, as `page` and `per_page` ask for it, with the next one in the header Link.

    Args:
        address: of the forge's site.
        field: where the list stands in the answer; empty: it is the answer.
    """
    number, size = int(asked.params.get("page", "1")), int(asked.params.get("per_page", "30"))
    page = items[(number - 1) * size : number * size]
    headers = {}
    if number * size < len(items):
        query = urlencode({**asked.params, "page": str(number + 1)})
        headers["link"] = f'<{address}{asked.path}?{query}>; rel="next"'
    return Reply(body={"total_count": len(items), field: page} if field else page, headers=headers)


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackServer[LoopbackForge]
    protocol_version = "HTTP/1.1"
    # Head and body in one piece: in two, the second would wait until the first is acknowledged, 40 ms each time.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(path=parts.path, params=dict(parse_qsl(parts.query)), headers=headers)
        self._send(self.server.owner.reply(asked))

    def _send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else msgspec.json.encode(reply.body)
        # Without the date of this machine, which is not that of a simulated clock.
        self.send_response_only(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if reply.is_dropped else body)
        self.close_connection = self.close_connection or reply.is_dropped

    def log_message(self, *_: object) -> None:
        """Nothing: tests read what they want to know from `asked`."""
