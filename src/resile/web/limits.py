"""How much anybody may send, for how long, and how many at once."""

import asyncio

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resile.ports.picture_book import MAX_BYTES as MAX_PICTURE_BYTES
from resile.web.errors import problem
from resile.web.security import path_of

MAX_BODY_BYTES = 1_000_000
MAX_IMPORT_BYTES = 500_000_000
# From when a body is asked for until it is whole. Who sends none would hold a connection for ever, and need no right.
BODY_WITHIN_S = 60.0
MAX_CONNECTIONS = 500
# Each keeps its upload on disk and a thread busy, and they write to the database in turn anyway.
MAX_IMPORTS = 2
RETRY_AFTER_S = 30
_IMPORTS = "/api/v1/imports"
# With what a form wraps around it.
_MAX_UPLOAD_BYTES = MAX_PICTURE_BYTES + 100_000


def max_body_bytes(path: str) -> int:
    """The most bytes that a request to this path may carry."""
    if path == _IMPORTS:
        return MAX_IMPORT_BYTES
    return _MAX_UPLOAD_BYTES if _is_picture(path) else MAX_BODY_BYTES


def too_large(path: str) -> str:
    """The sentence on a body that has more."""
    if _is_picture(path):
        return f"the picture has more than {MAX_PICTURE_BYTES:,} bytes; cut out the part that shows it"
    return f"the body has more than {max_body_bytes(path):,} bytes; send less at once"


def _is_picture(path: str) -> bool:
    return path.startswith(("/api/v1/incidents/", "/incidents/")) and path.endswith("/pictures")


def announced_bytes(request: Request) -> int:
    """The length that the request announces; 0 where it announces none."""
    announced = request.headers.get("content-length", "0")
    return int(announced[:20]) if announced.isascii() and announced.isdecimal() else 0


def cut_off(receive: Receive, path: str) -> Receive:
    """The body, ending with a failure where it grows beyond what the path may carry (413), or takes too long (408)."""
    most = max_body_bytes(path)
    n_received = 0
    # An import may take as long as it takes; there are two at once, and nobody begins one without a right.
    is_awaited = path != _IMPORTS
    due_at: float | None = None

    async def bounded() -> Message:
        nonlocal n_received, is_awaited, due_at
        if not is_awaited:
            message = await receive()
        else:
            due_at = due_at or asyncio.get_running_loop().time() + BODY_WITHIN_S
            try:
                async with asyncio.timeout_at(due_at):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body took longer than {BODY_WITHIN_S:g} s; send it again") from None
            # After it, who waits here waits for the connection to end.
            is_awaited = message.get("more_body", False)
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
