"""What answers the public: everything from memory, but for those few who subscribe or leave."""

import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime

from starlette.types import Receive, Scope, Send

from resile.web.status.answers import HTML, Headers, Ready, uncached
from resile.web.status.door import SubscriptionDoor
from resile.web.status.site import Frame, Site, page

_GZIP = re.compile(rb"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)", re.IGNORECASE)
# Browsers send one of a handful of texts.
_MAX_KNOWN_ENCODINGS = 200
_READING = ("GET", "HEAD")


class Board:
    """What is served now; put there by the thread that makes it, in one piece."""

    def __init__(self) -> None:
        self.site: Site | None = None


class StatusApp:
    """The ASGI application.

    Args:
        door: for subscribers; None: nobody can subscribe.
        is_secure: it is reached by https.
    """

    def __init__(self, board: Board, frame: Frame, door: SubscriptionDoor | None, *, is_secure: bool) -> None:
        self._board = board
        self._door = door
        self._frame = frame
        self._is_secure = is_secure
        self._encodings: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        site, path, method = self._board.site, scope["path"], scope["method"]
        found = None if site is None else site.answers.get(path)
        if found is not None and method in _READING:
            await self._send_ready(found, scope, send)
        elif self._door is not None and self._door.is_for(path):
            await self._door(scope, receive, send, site)
        elif site is not None and path in site.moved and method in _READING:
            # Not for good: what was merged may be parted again.
            moved = [("location", site.moved[path])]
            await _send(send, 302, uncached(b"", HTML, secure=self._is_secure, more=moved), b"")
        elif found is not None or (site is not None and path in site.moved):
            await self._words(send, 405, "Not allowed", "This page can only be read.", [("allow", "GET, HEAD")])
        elif path == "/healthz" and method in _READING:
            body = b"ok\n"
            await _send(send, 200, uncached(body, "text/plain; charset=utf-8", secure=self._is_secure), body)
        elif site is None:
            said = "Our records have not been read yet. Try again in a moment."
            await self._words(send, 503, "Not known yet", said, [("retry-after", "5")])
        else:
            await self._words(send, 404, "Not found", "There is nothing at this address.", [])

    async def _send_ready(self, found: Ready, scope: Scope, send: Send) -> None:
        known_tags, known_since, takes_gzip = b"", b"", False
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                takes_gzip = takes_gzip or self._takes_gzip(value)
            elif name == b"if-none-match":
                known_tags = value
            elif name == b"if-modified-since":
                known_since = value
        if _is_known(found, known_tags, known_since):
            await _send(send, 304, found.zipped_unchanged if takes_gzip else found.unchanged, b"")
            return
        headers, body = (found.zipped_headers, found.zipped) if takes_gzip else (found.headers, found.body)
        await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else body)

    def _takes_gzip(self, said: bytes) -> bool:
        known = self._encodings.get(said)
        if known is None:
            if len(self._encodings) >= _MAX_KNOWN_ENCODINGS:
                self._encodings.clear()
            known = self._encodings[said] = len(said) <= 500 and _GZIP.search(said) is not None  # noqa: PLR2004 - none is longer
        return known

    async def _words(self, send: Send, code: int, heading: str, said: str, more: Sequence[tuple[str, str]]) -> None:
        body = page("words.html", site=self._frame, stale=None, heading=heading, said=said, action=None, button="")
        await _send(send, code, uncached(body, HTML, secure=self._is_secure, more=more), body)


async def _send(send: Send, code: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_known(found: Ready, tags: bytes, since: bytes) -> bool:
    """Whether the reader has it already; a tag goes before a date (RFC 9110, 13.1.3)."""
    if tags:
        return tags.strip() == b"*" or any(one.strip().removeprefix(b"W/") in found.tags for one in tags.split(b","))
    if not since:
        return False
    # That very date: a later one may come of a clock that was set back since, and says nothing of what its reader has.
    return found.is_date_sure and _date(since) == found.modified_at


def _date(said: bytes) -> datetime | None:
    try:
        at = parsedate_to_datetime(said[:60].decode("latin-1"))
    except (ValueError, OverflowError):
        return None
    # Without a zone it is no date of HTTP's.
    return at if at.tzinfo is not None else None
