"""What protects a browser: headers, cookies, tokens against forged forms, and the check of host and origin."""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resile.app.settings import Settings

CSRF_FIELD = "csrf_token"
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Style attributes carry coordinates and widths of pictures; style elements and scripts come from files only.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_HSTS = "max-age=31536000"
# What one person may see must not be kept by a cache for another.
_CACHE_CONTROL = "private, no-cache"
FORGED = "this form is not from a page of this session; open the page again and repeat"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_LOOPBACK_NAMES = frozenset({"localhost"})


class SecurityHeaders:
    """Adds the headers to every answer, errors too; a header that the answer sets itself stays."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the answer's headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", _CACHE_CONTROL)
                if is_https(Request(scope), self._settings):
                    headers.setdefault("strict-transport-security", _HSTS)
            await send(message)

        await self._app(scope, receive, complete)


def answer_headers(*, is_https: bool) -> tuple[tuple[bytes, bytes], ...]:
    """The same headers for an answer that is sent without the application."""
    return _RAW_HTTPS if is_https else _RAW


_RAW = tuple((name.encode(), value.encode()) for name, value in {**HEADERS, "cache-control": _CACHE_CONTROL}.items())
_RAW_HTTPS = (*_RAW, (b"strict-transport-security", _HSTS.encode()))


def is_https(request: Request, settings: Settings) -> bool:
    """Whether the reader's side of the connection is encrypted, here or at a proxy before us."""
    return request.url.scheme == "https" or (settings.base_url or "").startswith("https://")


def is_loopback(host: str) -> bool:
    """Whether a host's name or address means this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in _LOOPBACK_NAMES


def host_of(request: Request) -> str | None:
    """The name in the Host header, without its port; None if there is none that can be read."""
    given = request.headers.getlist("host")
    # Two of them, or one with a path or a user in it, would be read differently further on.
    if len(given) != 1 or not _HOST.fullmatch(given[0]):
        return None
    try:
        return urlsplit(f"//{given[0]}").hostname
    except ValueError:
        return None


def path_of(request: Request) -> str:
    """The path by which the application routes; `request.url` is put together from the Host header, which may lie."""
    path: str = request.scope["path"]
    return path


def is_trusted_host(host: str | None, settings: Settings, *, has_accounts: bool) -> bool:
    """Whether the reader came under a name of ours.

    A foreign name that leads to this machine is how another site's script would reach it (DNS rebinding). An address in
    figures cannot be rebound. Without accounts only loopback is ours.
    """
    if host is None:
        return False
    if is_loopback(host):
        return True
    if not has_accounts:
        return False
    if host in {settings.host.lower(), urlsplit(settings.base_url or "").hostname}:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_loopback(settings.host)


def is_foreign(request: Request, settings: Settings) -> bool:
    """Whether a browser says that another site sent this request. Programs say nothing and are not foreign."""
    if request.headers.get("sec-fetch-site", "none") in {"cross-site", "same-site"}:
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return False
    base = urlsplit(settings.base_url or "")
    ours = {f"{request.url.scheme}://{request.headers.get('host', '')}", f"{base.scheme}://{base.netloc}"}
    return origin.lower() not in {one.lower() for one in ours}


def cookie_name(request: Request, settings: Settings, name: str) -> str:
    """The cookie's full name; over https browsers let nobody but this very host set a `__Host-` cookie."""
    return f"__Host-resile_{name}" if is_https(request, settings) else f"resile_{name}"


def set_cookie(
    response: Response, request: Request, settings: Settings, name: str, value: str, *, max_age_s: int | None = None
) -> None:
    """Set one of our secret cookies: not for scripts, not sent with other sites' forms, encrypted where possible.

    Without `max_age_s` it ends with the browser.
    """
    response.set_cookie(
        cookie_name(request, settings, name),
        value,
        max_age=max_age_s,
        path="/",
        secure=is_https(request, settings),
        httponly=True,
        samesite="lax",
    )


def delete_cookie(response: Response, request: Request, settings: Settings, name: str) -> None:
    """Take one of our cookies away; over https browsers heed that only of a header that is marked as secure."""
    response.delete_cookie(
        cookie_name(request, settings, name),
        path="/",
        secure=is_https(request, settings),
        httponly=True,
        samesite="lax",
    )


def new_visitor() -> str:
    """The secret that ties the forms of somebody who is not logged in to their browser."""
    return secrets.token_urlsafe(24)


def csrf_token_for(secret: str) -> str:
    """The token that forms must carry; it comes from the cookie's secret, which no other site can read or set."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


async def check_form(request: Request) -> None:
    """A dependency: a form that changes something must carry the token that this browser was given.

    Raises:
        HTTPException: 403, it does not.
    """
    if request.method in SAFE_METHODS:
        return
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        field = (await request.form()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else ""
    if not is_own_form(request, given):
        raise HTTPException(403, FORGED)


def is_own_form(request: Request, given: str) -> bool:
    """Whether the token is the one that this browser was given; compared in constant time."""
    wanted: str = request.state.csrf_token
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
