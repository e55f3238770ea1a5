"""`/subscribe`, and the links that subscribers are sent: to confirm, and to leave."""

import asyncio
from collections.abc import Callable
from functools import partial
from time import monotonic
from urllib.parse import parse_qs

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.types import Receive, Scope, Send

from resile.app.subscribers import CONFIRM_PATH, LEAVE_PATH, Subscribers, TooManyAsksError
from resile.model.errors import AccessError, ConfigError, StoreError
from resile.web.doors.strangers import network_of
from resile.web.readings import Readings
from resile.web.status.answers import HTML, uncached
from resile.web.status.site import Frame, Site, page

SUBSCRIBE = "/subscribe"
CONFIRM = (CONFIRM_PATH, "/confirm/")
LEAVE = (LEAVE_PATH, "/leave/")
MAX_BODY_BYTES = 20_000
BODY_WITHIN_S = 10.0
_MAX_FIELDS = 60
_MAX_ADDRESS = 2_000
# Whoever subscribes waits for the database, and must not keep the page from anybody.
_AT_ONCE = 2
_FORM = b"application/x-www-form-urlencoded"
_SENT = "We have written to this address, if it can be written to. Follow the link in the message within a day."
_log = structlog.get_logger()


class Answered(Exception):  # noqa: N818 - no error: the answer is known before all of it was looked at
    """An answer in words: its code, heading, sentence and, where something is to be done, where to post and on what."""

    def __init__(self, code: int, heading: str, said: str, *, action: str | None = None, button: str = "") -> None:
        super().__init__(said)
        self.code, self.heading, self.said = code, heading, said
        self.action, self.button = action, button


class SubscriptionDoor:
    """Answers whoever subscribes, confirms or leaves. Nothing is done by GET: mail programs follow every link.

    Args:
        elapsed_s: a clock that only runs forward, in seconds.
    """

    def __init__(
        self,
        subscribers: Subscribers,
        frame: Frame,
        *,
        is_secure: bool,
        elapsed_s: Callable[[], float] = monotonic,
    ) -> None:
        self._subscribers = subscribers
        self._frame = frame
        self._is_secure = is_secure
        self._often = Readings(elapsed_s)
        self._threads = CapacityLimiter(_AT_ONCE)

    def is_for(self, path: str) -> bool:
        """Whether a path is one of these."""
        return path == SUBSCRIBE or path.startswith((*CONFIRM, *LEAVE))

    async def __call__(self, scope: Scope, receive: Receive, send: Send, site: Site | None) -> None:
        """Answer."""
        try:
            body = await self._answer(scope, receive, site)
        except Answered as told:
            await self._say(send, told)
            return
        await self._send(send, 200, body)

    async def _answer(self, scope: Scope, receive: Receive, site: Site | None) -> bytes:
        """The form; or all other answers, raised."""
        method, path = scope["method"], scope["path"]
        if method not in ("GET", "HEAD", "POST"):
            raise Answered(405, "Not allowed", "This address can be read, and written to by its form.")
        if path == SUBSCRIBE and method != "POST":
            return self._form(site)
        client = scope.get("client")
        network = network_of(client[0] if client else None)
        if path == SUBSCRIBE:
            self._count(network)
        fields = await _fields(scope, receive) if method == "POST" else {}
        if path == SUBSCRIBE:
            return await self._ask(fields, network, site)
        raise await self._link(path, network, is_done=method == "POST")

    def _count(self, network: str) -> None:
        wait_s = self._often.wait_s(network)
        if wait_s is not None:
            raise Answered(429, "Too often", f"That was asked for too often. Try again in {wait_s} seconds.")

    async def _ask(self, fields: dict[str, list[str]], network: str, site: Site | None) -> bytes:
        channel = fields.get("channel", ["email"])[0]
        address = fields.get("address", [""])[0][:_MAX_ADDRESS].strip()
        chosen = set(fields.get("component", ()))
        keys = [key for own, _, keys in (() if site is None else site.components) if own in chosen for key in keys]
        ask = partial(self._subscribers.ask, channel, address, sorted(set(keys)), host=network)
        try:
            await self._in_thread(ask)
        except ConfigError as error:
            return self._form(site, channel=channel, address=address, chosen=chosen, fault=_sentence(error))
        except TooManyAsksError as error:
            raise Answered(429, "Too often", _sentence(error)) from None
        raise Answered(200, "One more step", _SENT)

    async def _link(self, path: str, network: str, *, is_done: bool) -> Answered:
        """What becomes of a link that was followed or pressed.

        A right one is always heard: from one network of a mail provider leave all who read their mail there.
        """
        start = next(one for one in (*CONFIRM, *LEAVE) if path.startswith(one))
        token, is_leaving = path[len(start) :], start in LEAVE
        use = self._subscribers
        deeds: dict[tuple[bool, bool], Callable[[str], object]] = {
            (False, False): use.asked,
            (False, True): use.confirm,
            (True, False): use.may_leave,
            (True, True): use.leave,
        }
        try:
            await self._in_thread(partial(deeds[is_leaving, is_done], token))
        except AccessError as error:
            self._count(network)
            return Answered(404, "This link leads nowhere", _sentence(error))
        if is_done and is_leaving:
            return Answered(200, "You will hear no more", "Your address is forgotten.")
        if is_done:
            return Answered(200, "You will be told", "From now on we write when something is published here.")
        if is_leaving:
            said = "Press the button, and your address is forgotten."
            return Answered(200, "Leave", said, action=path, button="Send me no more updates")
        return Answered(200, "Confirm", "Press the button to get updates.", action=path, button="Send me updates")

    async def _in_thread(self, deed: Callable[[], object]) -> None:
        try:
            await to_thread.run_sync(deed, limiter=self._threads)
        except StoreError as error:
            _log.warning("subscription waits for the store", error=str(error))
            said = "Our records cannot be written to at the moment. Try again in some minutes."
            raise Answered(503, "Not now", said) from None

    def _form(
        self,
        site: Site | None,
        *,
        channel: str = "email",
        address: str = "",
        chosen: set[str] | None = None,
        fault: str = "",
    ) -> bytes:
        components = [] if site is None else [{"id": own, "title": title} for own, title, _ in site.components]
        return page(
            "subscribe.html",
            site=self._frame,
            stale=None,
            channel=channel if channel in self._subscribers.offered else self._subscribers.offered[0],
            offered=self._subscribers.offered,
            address=address,
            components=components,
            chosen=chosen or set(),
            fault=fault,
        )

    async def _say(self, send: Send, told: Answered) -> None:
        body = page(
            "words.html",
            site=self._frame,
            stale=None,
            heading=told.heading,
            said=told.said,
            action=told.action,
            button=told.button,
        )
        await self._send(send, told.code, body)

    async def _send(self, send: Send, code: int, body: bytes) -> None:
        headers = uncached(body, HTML, secure=self._is_secure, more=[("x-robots-tag", "noindex")])
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _fields(scope: Scope, receive: Receive) -> dict[str, list[str]]:
    """The fields of a form, within limits; a mail program that leaves sends one as well (RFC 8058)."""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            body = await _body(receive)
    except TimeoutError:
        raise Answered(408, "Too slow", f"Send the form within {BODY_WITHIN_S:.0f} seconds.") from None
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    if kind.split(b";")[0].strip().lower() != _FORM:
        return {}
    try:
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise Answered(400, "Not understood", f"Send at most {_MAX_FIELDS} fields.") from None


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Answered(400, "Not understood", "The form came in part.")
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY_BYTES:
            raise Answered(413, "Too much", f"Send at most {MAX_BODY_BYTES:,} bytes.")
        if not message.get("more_body", False):
            return body


def _sentence(error: Exception) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}."
