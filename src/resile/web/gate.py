"""The gate before every address: who asks, and whether they may. What is not listed as open is closed."""

from urllib.parse import quote

import structlog
from anyio import to_thread
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resile.app.access import LOCAL, Access, Identity
from resile.app.doors import API_PATH
from resile.app.settings import Settings
from resile.model.errors import StoreError
from resile.ports.account_store import Scope as Right
from resile.web.access_log import loggable
from resile.web.errors import STORE_FAILED, problem, refusal
from resile.web.limits import announced_bytes, cut_off, max_body_bytes, too_large
from resile.web.security import (
    CSRF_HEADER,
    FORGED,
    SAFE_METHODS,
    cookie_name,
    csrf_token_for,
    host_of,
    is_foreign,
    is_loopback,
    is_own_form,
    is_trusted_host,
    new_visitor,
    path_of,
    set_cookie,
)

API = "/api/"
# Asked for by programs: they cannot log in on a page.
_FOR_PROGRAMS = (API, "/metrics")
# For everybody, without a look at who asks; what providers and chat programs tell is signed, and so is the address of a
# feed, which is checked there.
_OPEN = ("/static", "/healthz", "/receipts", "/feeds", "/chat/slack", "/chat/teams")
# For whoever holds a signed link, which is looked at there.
_SIGNED = ("/answer", "/act", "/subscriptions")
# For everybody who is not logged in yet.
_DOORS = ("/login", "/setup", "/welcome", "/theme")
# Where people keep their own account; what an admin alone may do is checked by the use case.
_OWN = ("/settings", "/logout")
# Where programs and scripts keep what is their own: no right to write is needed, the use case looks whose it is.
_OWN_BY_API = ("/api/v1/feeds",)
# What proxies add; none of it is there when somebody on this machine asks directly.
FORWARDED = (
    "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-server", "x-real-ip",
)  # fmt: skip
_log = structlog.get_logger()


class Gate:
    """Sets `request.state.identity`, `.user` and `.csrf_token`, or answers in the application's place."""

    def __init__(self, app: ASGIApp, settings: Settings, access: Access) -> None:
        self._app = app
        self._settings = settings
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or turn it away."""
        if scope["type"] != "http":
            # There are no WebSockets here; lifespan passes.
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        turned_away = await self._turned_away(request)
        if turned_away is not None:
            await turned_away(scope, receive, send)
            return
        bounded = cut_off(receive, path_of(request))
        await self._app(scope, bounded, self._keeping_visitor(request, send))

    async def _turned_away(self, request: Request) -> Response | None:
        request.state.identity = None
        request.state.user = None
        request.state.csrf_token = ""
        request.state.new_visitor = None
        path = path_of(request)
        try:
            has_accounts = await to_thread.run_sync(self._access.has_accounts)
            unreachable = self._unreachable(request, has_accounts=has_accounts)
            if unreachable is not None:
                return problem(*unreachable)
            if _is_under(path, _OPEN):
                return None
            if "\x00" in path:
                return problem(400, "the path holds a NUL character; leave it out")
            if announced_bytes(request) > max_body_bytes(path):
                return refusal(request, 413, too_large(path))
            if _is_under(path, _SIGNED):
                return None
            identity, secret = await self._identify(request, has_accounts=has_accounts)
        except StoreError as error:
            # Nobody knows yet who asks: where the database lies is for the log alone.
            _log.error("store failed", path=loggable(path), error=str(error))
            return refusal(request, 503, STORE_FAILED)
        request.state.identity = identity
        request.state.user = identity.name if identity is not None and identity.user is not None else None
        is_program = secret is None
        if not is_program:
            request.state.csrf_token = csrf_token_for(secret or "")
        if identity is None and not _is_under(path, _DOORS):
            return self._ask_to_log_in(request)
        return self._forbidden(request, identity, is_program=is_program)

    def _unreachable(self, request: Request, *, has_accounts: bool) -> tuple[int, str] | None:
        """Why nobody is answered under this name, or from there; None where they are."""
        host = host_of(request)
        if not is_trusted_host(host, self._settings, has_accounts=has_accounts):
            return 400, f"host name {host!r} is not this server's; set base_url to the address by which people reach it"
        if has_accounts:
            return None
        is_near = request.client is None or is_loopback(request.client.host)
        if not is_near or any(name in request.headers for name in FORWARDED):
            return (
                403,
                "without accounts resile answers its own machine alone; make the admin there by the printed link",
            )
        return None

    async def _identify(self, request: Request, *, has_accounts: bool) -> tuple[Identity | None, str | None]:
        """Who asks, and the secret to which their forms are tied; None for a program with a token."""
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return await to_thread.run_sync(self._access.of_token, value.strip()), None
        session = request.cookies.get(cookie_name(request, self._settings, "session"))
        identity = await to_thread.run_sync(self._access.of_session, session) if session else None
        if identity is not None and session:
            return identity, session
        visitor = request.cookies.get(cookie_name(request, self._settings, "visitor"))
        if not visitor:
            visitor = request.state.new_visitor = new_visitor()
        return (None if has_accounts else LOCAL), visitor

    def _ask_to_log_in(self, request: Request) -> Response:
        path = path_of(request)
        if path.startswith(_FOR_PROGRAMS) or request.method not in SAFE_METHODS:
            answer = problem(401, "who asks is not known; log in, or send `Authorization: Bearer TOKEN`")
            answer.headers["www-authenticate"] = "Bearer"
            return answer
        target = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/login" if target == "/" else f"/login?next={quote(target, safe='')}", status_code=303)

    def _forbidden(self, request: Request, identity: Identity | None, *, is_program: bool) -> Response | None:
        """The refusal of a change, or of a look, that they may not have; None where they may."""
        path = path_of(request)
        is_change = request.method not in SAFE_METHODS
        if is_change and not is_program and is_foreign(request, self._settings):
            return refusal(request, 403, "this request comes from another site; open resile itself and repeat")
        if identity is None or _is_under(path, _DOORS + _OWN):
            return None
        right = Right.WRITE if is_change else Right.READ
        # The endpoint looks itself whether they may: a key of a build pipeline opens nothing else.
        is_looked_at = is_change and (path == API_PATH or _is_under(path, _OWN_BY_API))
        if right not in identity.scopes and not is_looked_at:
            return refusal(request, 403, f"{identity.name} may not {right.value} here; ask an admin")
        # Pages check their forms themselves, the token is in the body; programs with a token of their own need none.
        is_script = is_change and identity.session is not None and path.startswith(API)
        if is_script and not is_own_form(request, request.headers.get(CSRF_HEADER, "")):
            return refusal(request, 403, FORGED)
        return None

    def _keeping_visitor(self, request: Request, send: Send) -> Send:
        visitor = request.state.new_visitor
        if visitor is None or path_of(request).startswith(API):
            return send

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                cookie = Response()
                set_cookie(cookie, request, self._settings, "visitor", visitor)
                MutableHeaders(scope=message).append("set-cookie", cookie.headers["set-cookie"])
            await send(message)

        return keep


def _is_under(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
