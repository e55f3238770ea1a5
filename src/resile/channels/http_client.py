"""One HTTP request to a provider, and whether it certainly was not taken, or may have been.

A connection carries one request: on one that was kept, nobody could tell a request that was lost from one that was
taken when the other side hung up.
"""

import base64
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ssl import SSLContext
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec
from msgspec import Struct
from pydantic import SecretStr

from resile import __version__
from resile.channels.connection import Deadline, PlainSocket, TlsSocket, connect, look_up, start_tls, tls_context, why
from resile.channels.outward import PORTS, Outward, Place, place_of
from resile.channels.words import shortened
from resile.model.errors import ConfigError
from resile.ports.channel import RefusedError, UncertainError

MAX_ANSWER = 1 << 16
_MAX_PROXY_ANSWER = 1 << 14
_PROXY_PORT = 8080
LONGEST_WAIT_S = 86_400.0
_FINE = range(200, 300)
_REDIRECTS = range(300, 400)
_SERVER = 500
# Come from something between us and the provider, or from a provider that lost its thread: who answers so may have
# handed on what it got.
_UNTOLD = frozenset({502, 504, 520, 524})
_LOCKED_OUT = frozenset({401, 403, 407})
# Of the moment, not of the request.
_LATER = frozenset({408, 425, 429})


class HttpAnswer(Struct, frozen=True, kw_only=True):
    """What came back, whatever its status.

    Attributes:
        headers: names in small letters; of several of one name the last.
        body: its first 64 KiB, unless more was asked for.
        is_whole: whether that is all of it; False also where it broke off.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool = True

    def json(self, provider: str) -> Any:
        """The body of an answer that must be JSON.

        Raises:
            UncertainError: it is none.
        """
        try:
            if not self.is_whole:
                raise UncertainError(f"{provider} broke off its answer; look there whether the message arrived")
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UncertainError(
                f"{provider} answered {self.status} with what is no JSON; look there whether the message arrived"
            ) from None


class HttpClient:
    """Asks providers; may be used from several threads.

    Args:
        outward: the guard of addresses that users typed.
    """

    def __init__(self, outward: Outward) -> None:
        self.outward = outward
        self._lock = Lock()
        self._context: SSLContext | None = None

    def ask(
        self,
        method: str,
        url: str,
        *,
        provider: str,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        is_typed: bool = False,
        most_bytes: int = MAX_ANSWER,
    ) -> HttpAnswer:
        """Send one request; redirects are not followed. Errors name `provider` and the host, never the address.

        Args:
            timeout_s: of everything together.
            is_typed: a user typed the address, not an administrator: it is guarded, and no proxy is asked.
            most_bytes: of the answer, more than which are cut off.

        Raises:
            RefusedError: the request did not leave whole, so that nobody took it.
            UncertainError: it left, and no answer came that could be read.
        """
        deadline = Deadline(timeout_s)
        try:
            place = self.outward.check(url) if is_typed else place_of(url)
        except ConfigError as error:
            raise RefusedError(f"{provider}: {error}", is_final=True) from None
        try:
            opened = self._open(place, deadline, is_typed=is_typed)
        except OSError as error:
            raise RefusedError(f"{provider} at {place.host} cannot be reached: {why(error)}") from None
        connection = HTTPConnection(place.host, place.port)
        # Any other port is named in the header Host.
        connection.default_port = PORTS[place.scheme]
        connection.sock = opened
        try:
            all_headers = {**_OUR_HEADERS, **(headers or {})}
            response = _exchange(connection, method, place, all_headers, body, provider=provider)
            return _read(response, most_bytes)
        finally:
            connection.close()

    def _open(self, place: Place, deadline: Deadline, *, is_typed: bool) -> PlainSocket | TlsSocket:
        proxy = None if is_typed else _proxy_for(place)
        host, port = (place.host, place.port) if proxy is None else (proxy.host, proxy.port)
        addresses = look_up(host, port, deadline, is_typed=is_typed)
        if is_typed:
            self.outward.check_addresses(host, addresses)
        opened = connect(addresses, port, deadline)
        try:
            if proxy is not None:
                _tunnel(opened, place, proxy)
            return opened if place.scheme == "http" else start_tls(opened, self._tls(), place.host)
        except BaseException:
            opened.close()
            raise

    def _tls(self) -> SSLContext:
        # Certificates take a tenth of a second to load, which not everybody needs.
        with self._lock:
            if self._context is None:
                self._context = tls_context()
            return self._context


_OUR_HEADERS = {"user-agent": f"resile/{__version__}", "accept": "application/json"}


def _exchange(
    connection: HTTPConnection, method: str, place: Place, headers: Mapping[str, str], body: bytes, *, provider: str
) -> HTTPResponse:
    is_sent = False
    try:
        connection.request(method, place.path, body=body or None, headers=dict(headers))
        is_sent = True
    except TimeoutError:
        raise RefusedError(f"{provider} at {place.host} did not take the request in time") from None
    except OSError:
        # Hung up before it had all of it: perhaps it said why.
        pass
    except (ValueError, HTTPException) as error:
        raise RefusedError(f"{provider}: {type(error).__name__} in a header; check its settings") from None
    try:
        return connection.getresponse()
    except (OSError, HTTPException) as error:
        if not is_sent:
            raise RefusedError(f"{provider} at {place.host} hung up while it was told") from None
        fact = "did not answer in time" if isinstance(error, TimeoutError) else "hung up, or answered with nonsense"
        raise UncertainError(f"{provider} at {place.host} took the request and {fact}") from None


def _read(response: HTTPResponse, most_bytes: int) -> HttpAnswer:
    body, is_whole = b"", True
    try:
        body = response.read(most_bytes + 1)
    except (OSError, HTTPException):
        is_whole = False
    is_whole = is_whole and len(body) <= most_bytes and not response.length
    headers = {name.lower(): value for name, value in response.getheaders()}
    return HttpAnswer(status=response.status, headers=headers, body=body[:most_bytes], is_whole=is_whole)


def taken(answer: HttpAnswer, provider: str, *, ours: str | None = None, said: str = "") -> HttpAnswer:
    """The answer, where its status says that the provider took the message.

    Args:
        ours: the setting by which the provider lets us in, `channels.ntfy.token`; None: there is none.
        said: what the provider said of it in its body; nothing that a stranger's server says should be shown.

    Raises:
        RefusedError: the status says that it did not.
        UncertainError: the status comes from something in between, which may have handed it on.
    """
    status = answer.status
    if status in _FINE:
        return answer
    words = f"{provider} answered {status}" + (f" ({shortened(said, 200)})" if said.strip() else "")
    again_in_s = _again_in_s(answer.headers)
    if status in _UNTOLD:
        raise UncertainError(f"{words}, which leaves open whether the message was taken")
    if status in _LOCKED_OUT:
        raise RefusedError(f"{words}: it does not let us in; check {ours or 'the address'}", again_in_s=again_in_s)
    if status in _REDIRECTS:
        raise RefusedError(f"{words}: it has moved, which is not followed; give its new address", is_final=True)
    is_final = status < _SERVER and status not in _LATER
    raise RefusedError(words, is_final=is_final, again_in_s=again_in_s)


def _again_in_s(headers: Mapping[str, str]) -> float | None:
    """What Retry-After asks for: seconds, or a date, which is taken by the provider's own clock."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT_S)
    try:
        left = (parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(left, 0.0), LONGEST_WAIT_S)


class _Proxy(Struct, frozen=True):
    host: str
    port: int
    user: str | None
    password: SecretStr


def _proxy_for(place: Place) -> _Proxy | None:
    """The proxy that the environment (HTTPS_PROXY, NO_PROXY) has for an address; None: none.

    Raises:
        OSError: what stands there is none that we can use.
    """
    given = getproxies().get("https", "")
    if place.scheme != "https" or not given or proxy_bypass(place.host):
        return None
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        port = parts.port or _PROXY_PORT
    except ValueError:
        raise OSError("HTTPS_PROXY is no address") from None
    if parts.scheme != "http" or not parts.hostname:
        raise OSError("HTTPS_PROXY is no http:// address")
    user = None if parts.username is None else unquote(parts.username)
    return _Proxy(parts.hostname, port, user, SecretStr(unquote(parts.password or "")))


def _tunnel(opened: PlainSocket, place: Place, proxy: _Proxy) -> None:
    host = f"[{place.host}]" if ":" in place.host else place.host
    lines = [f"CONNECT {host}:{place.port} HTTP/1.1", f"Host: {host}:{place.port}"]
    if proxy.user is not None:
        pair = f"{proxy.user}:{proxy.password.get_secret_value()}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    opened.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = opened.recv(4_096)
        answer += piece
        if not piece or len(answer) > _MAX_PROXY_ANSWER:
            raise OSError("the proxy does not answer as one")
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise OSError(f"the proxy answered {shortened(b''.join(status).decode('latin-1'), 20)}")
