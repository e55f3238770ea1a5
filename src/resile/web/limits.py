"""How much anybody may send, and how many at once."""

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resile.web.errors import problem
from resile.web.security import path_of

MAX_BODY_BYTES = 1_000_000
MAX_IMPORT_BYTES = 500_000_000
MAX_CONNECTIONS = 500
# Each keeps its upload on disk and a thread busy, and they write to the database in turn anyway.
MAX_IMPORTS = 2
RETRY_AFTER_S = 30
_IMPORTS = "/api/v1/imports"


def max_body_bytes(path: str) -> int:
    """The most bytes that a request to this path may carry."""
    return MAX_IMPORT_BYTES if path == _IMPORTS else MAX_BODY_BYTES


def too_large(path: str) -> str:
    """The sentence on a body that has more."""
    return f"the body has more than {max_body_bytes(path):,} bytes; send less at once"


def announced_bytes(request: Request) -> int:
    """The length that the request announces; 0 where it announces none."""
    announced = request.headers.get("content-length", "0")
    return int(announced[:20]) if announced.isascii() and announced.isdecimal() else 0


def cut_off(receive: Receive, path: str) -> Receive:
    """The body, ending with a failure (413) where it grows beyond what the path may carry."""
    most = max_body_bytes(path)
    n_received = 0

    async def bounded() -> Message:
        nonlocal n_received
        message = await receive()
        n_received += len(message.get("body", b""))
        if n_received > most:
            raise HTTPException(413, too_large(path))
        return message

    return bounded


class ImportDoor:
    """Lets so many imports in at once, and turns others away before their bodies are read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._n_within = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer that there are enough."""
        if scope["type"] != "http" or scope["method"] != "POST" or path_of(Request(scope)) != _IMPORTS:
            await self._app(scope, receive, send)
            return
        if self._n_within >= MAX_IMPORTS:
            answer = problem(
                503, f"{MAX_IMPORTS} imports are under way, the most at once; hand this one in again when one has ended"
            )
            answer.headers["retry-after"] = str(RETRY_AFTER_S)
            await answer(scope, receive, send)
            return
        self._n_within += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._n_within -= 1
