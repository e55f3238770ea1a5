"""Asks a forge's REST API: politely, with patience, and without ever letting the token go elsewhere.

Every question is a generator: it yields Progress while it waits, and returns the answer.
"""

import re
import ssl
from collections.abc import Callable, Generator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import httpx2
import msgspec
import stamina
import stamina.instrumentation
from msgspec import Struct
from pydantic import SecretStr

from resile.model.errors import ConfigError
from resile.ports.clock import SleepingClock
from resile.ports.source import Progress
from resile.sources.doors.body import printable
from resile.sources.forges.address import is_loopback
from resile.sources.forges.limits import UNTOLD, limit_of, reset_of
from resile.sources.forges.rest import RestNode

MAX_ANSWER_BYTES = 64 << 20
_MAX_REDIRECTS = 5
_ATTEMPTS = 6
_MAX_LIMITS = 10
# Of the whole answer; a host that sends a byte a minute would else hold us for ever.
_LONGEST_ANSWER = timedelta(minutes=5)
_TIMEOUT = httpx2.Timeout(60.0, connect=15.0)
_NEXT = re.compile(r'<([^<>]{1,4000})>\s*;[^,]*\brel="?next"?')
_REDIRECTS = frozenset({301, 302, 307, 308})
_FINE = 200
_UNCHANGED = 304
_LONGEST_MARK = 200
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_SERVER = 500
# What is there no more, or never was.
GONE = frozenset({404, 410, 451})
# What is not there, or not for this token; 409: an empty repository; 410: switched off.
_WITHHELD = frozenset({403, 404, 409, 410, 451})


class Manners(Struct, frozen=True, kw_only=True):
    """How one forge is spoken to.

    Attributes:
        title: GitHub, GitLab.
        token_header: from a token, the name and value of the header that carries it.
        token_is_from: where a user puts a token, for sentences.
        headers: sent with every question.
        granted: header of an answer that names the right which was missing; empty: there is none.
    """

    title: str
    token_header: Callable[[str], tuple[str, str]]
    token_is_from: str
    headers: Mapping[str, str] = {}
    granted: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """What a forge answered, 2xx, or that nothing changed.

    Attributes:
        is_unchanged: it is what it was when it had the mark that was named; the body is empty.
        base: the API's address, with a slash at its end.
        address: that was asked for.
        subject: what it is, for sentences.
    """

    headers: httpx2.Headers
    body: bytes
    base: str
    address: str
    subject: str
    is_unchanged: bool = False

    @property
    def mark(self) -> str:
        """By which the forge knows this answer again; empty: it does not."""
        mark = self.headers.get("etag", "")
        return mark if len(mark) <= _LONGEST_MARK else ""

    def json(self) -> RestNode:
        """The body.

        Raises:
            ConfigError: it is no JSON.
        """
        try:
            return RestNode(self.subject, "", msgspec.json.decode(self.body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ConfigError(
                f"{self.subject}: the answer is no JSON; check that {self.address.partition('?')[0]} is a forge's API"
            ) from None

    @property
    def next_page(self) -> str | None:
        """The page after this one, as the header Link has it: a path, so that it holds under another address too.

        A page that does not lie under the API's address is left as it stands, and is not asked for.
        """
        found = _NEXT.search(self.headers.get("link", ""))
        return urljoin(self.address, found[1]).removeprefix(self.base) if found else None


Asking = Generator[Progress, None, Answer]


class WithheldError(ConfigError):
    """This one thing is not there or not for this token; others may be.

    Attributes:
        status: 403, 404, 409, 410 or 451.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class LimitedError(ConfigError):
    """The forge's limit lasts longer than we wait."""


class _AgainError(Exception):
    """Worth another attempt."""


class ForgeClient:
    """One forge's API at one address.

    Args:
        address: what paths stand under: `https://api.github.com`.
        patience: for how long a limit is waited for at most, at a time.
    """

    def __init__(
        self, manners: Manners, address: str, token: SecretStr | None, clock: SleepingClock, *, patience: timedelta
    ) -> None:
        self._manners = manners
        self._base = httpx2.URL(address.rstrip("/") + "/")
        self._has_token = token is not None
        self._clock = clock
        self._patience = patience
        self._not_before: datetime | None = None
        headers = {"user-agent": "resile", "accept": "application/json", **manners.headers}
        if token is not None:
            name, value = manners.token_header(token.get_secret_value())
            headers[name] = value
        # Redirects are followed below, where it is seen to it that they lead to the same host. Proxies are as the
        # environment has them, but not for this machine itself; certificates are the machine's.
        self._client = httpx2.Client(
            headers=headers,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=not is_loopback(self._base.host),
            # Over plain http to this machine there is nobody to prove anything, and the machine's certificates take a
            # tenth of a second to load.
            verify=self._base.scheme == "https",
        )
        # Progress tells of attempts; by default each would be logged.
        stamina.instrumentation.set_on_retry_hooks(())

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def get(self, path: str, params: Mapping[str, str] | None = None, *, needs: str = "", mark: str = "") -> Asking:
        """Ask for a path under the API's address, or for an address there, such as that of a next page.

        Args:
            needs: the right that a token must have for it, for sentences: `Deployments: read`.
            mark: of an earlier answer: only what is otherwise by now is wanted, which many forges do not count.

        Raises:
            WithheldError: it is not there, or the token does not reach it.
            LimitedError: the forge's limit lasts longer than the patience.
            ConfigError: the token is refused, or the forge cannot be reached or does not answer as one.
        """
        url = self._joined(self._base, path.lstrip("/") if "://" not in path else path)
        if params:
            url = url.copy_merge_params(dict(params))
        for number in range(_MAX_LIMITS):
            if self._not_before is not None:
                yield from self._wait_until(self._not_before)
                self._not_before = None
            answer = yield from self._answer(url, {"if-none-match": mark} if mark else {})
            now = self._clock.now()
            limited = limit_of(answer.status_code, answer.headers, answer.content, now=now)
            if limited is None:
                self._not_before = reset_of(answer.headers, now=now)
                return self._fine(answer, path, needs)
            self._not_before = limited.until or now + UNTOLD * 2**number
        raise LimitedError(
            f"{self._manners.title} turned the same question away {_MAX_LIMITS} times for its limit; what was read is "
            "kept, run the same command again later"
        )

    def _wait_until(self, at: datetime) -> Generator[Progress, None, None]:
        left = at - self._clock.now()
        if left <= timedelta():
            return
        limit = f"{self._manners.title}'s rate limit"
        moment = f"{at:%H:%M}" if left < timedelta(hours=12) else f"{at:%Y-%m-%d %H:%M}"
        if left > self._patience:
            more = "" if self._has_token else f"; with a token it is far higher ({self._manners.token_is_from})"
            raise LimitedError(
                f"{limit} is used up until {moment} UTC; what was read is kept, run the same command again after "
                f"that{more}"
            )
        yield Progress(says=f"waiting for {limit} until {moment} UTC")
        # The questions that follow come at once, and a clock may be a little behind.
        self._clock.sleep(left.total_seconds())

    def _answer(self, url: httpx2.URL, headers: Mapping[str, str]) -> Generator[Progress, None, httpx2.Response]:
        """The answer, after as many attempts as it takes; redirects followed."""
        for _ in range(_MAX_REDIRECTS + 1):
            self._check_host(url)
            answer = yield from self._persistently(url, headers)
            if answer.status_code not in _REDIRECTS:
                return answer
            url = self._joined(url, answer.headers.get("location", ""))
        raise ConfigError(f"{self._manners.title} redirects in a circle; check that the address is right")

    def _persistently(self, url: httpx2.URL, headers: Mapping[str, str]) -> Generator[Progress, None, httpx2.Response]:
        why = ""
        try:
            for attempt in stamina.retry_context(
                on=_AgainError, attempts=_ATTEMPTS, timeout=None, wait_initial=1.0, wait_max=30.0
            ):
                answers: list[httpx2.Response] = []
                why = ""
                with attempt:
                    try:
                        answers.append(self._once(url, headers))
                    except _AgainError as error:
                        why = str(error)
                        raise
                if answers:
                    return answers[0]
                # Other errors come out where the next attempt would begin.
                if why:
                    yield Progress(says=f"{self._manners.title} {why}; trying again")
        except _AgainError:
            pass
        raise ConfigError(
            f"{self._manners.title} at {url.host} {why}, {_ATTEMPTS} times in a row; what was read is kept, run the "
            "same command again once it answers"
        )

    def _once(self, url: httpx2.URL, headers: Mapping[str, str]) -> httpx2.Response:
        """One attempt.

        Raises:
            _AgainError: another one may succeed.
            ConfigError: none will.
        """
        until = self._clock.now() + _LONGEST_ANSWER
        try:
            with self._client.stream("GET", url, headers=headers) as answer:
                body = bytearray()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise ConfigError(
                            f"{self._manners.title} answered with more than {MAX_ANSWER_BYTES >> 20} MB to one "
                            "question; check that the address is that of a forge"
                        )
                    if self._clock.now() > until:
                        raise _AgainError("takes too long to answer")
        except httpx2.TimeoutException:
            raise _AgainError("did not answer in time") from None
        except httpx2.TransportError as error:
            if _is_of_certificate(error):
                raise ConfigError(
                    f"{url.host} cannot prove who it is ({printable(str(error), 200)}); add its certificate to those "
                    "of this machine"
                ) from None
            raise _AgainError(f"cannot be reached ({printable(str(error), 200) or type(error).__name__})") from None
        except httpx2.DecodingError:
            raise _AgainError("answered with what cannot be unpacked") from None
        if answer.status_code >= _SERVER and limit_of(answer.status_code, answer.headers, b"", now=until) is None:
            raise _AgainError(f"answered {answer.status_code}")
        # What arrived is unpacked already, and must not be once more.
        kept = [(name, value) for name, value in answer.headers.multi_items() if name.lower() != "content-encoding"]
        return httpx2.Response(answer.status_code, headers=kept, content=bytes(body))

    def _joined(self, url: httpx2.URL, path: str) -> httpx2.URL:
        try:
            return url.join(path)
        except httpx2.InvalidURL:
            raise ConfigError(
                f"{self._manners.title} at {url.host} leads on to {printable(path, 100)!r}, which is no address"
            ) from None

    def _check_host(self, url: httpx2.URL) -> None:
        # Whatever an answer names as its next page or new place: the token stays with its host.
        if (url.scheme, url.host, url.port) != (self._base.scheme, self._base.host, self._base.port):
            raise ConfigError(
                f"{self._manners.title} at {self._base.host} leads on to {printable(url.host, 100)}, where the token "
                "is not sent; give the address that it has now"
            )

    def _fine(self, answer: httpx2.Response, path: str, needs: str) -> Answer:
        """The answer where it is one; else the error that says why not, and what is missing."""
        status, title = answer.status_code, self._manners.title
        subject = printable(path.partition("?")[0].removeprefix(str(self._base)), 200)
        if _FINE <= status < 300 or status == _UNCHANGED:  # noqa: PLR2004 - success, as RFC 9110 has it
            body = answer.content
            return Answer(
                headers=answer.headers,
                body=body,
                base=str(self._base),
                address=str(self._base.join(path)),
                subject=f"{title}'s {subject}",
                is_unchanged=status == _UNCHANGED,
            )
        if status == _UNAUTHORIZED:
            what = "refuses the token" if self._has_token else "wants a token"
            raise ConfigError(f"{title} {what} (401); put one that holds into {self._manners.token_is_from}")
        if status in _WITHHELD:
            raise WithheldError(self._withheld(answer, subject, needs), status)
        raise ConfigError(
            f"{title} answered {status} for {subject}: {_message(answer)}; check that the address is a forge's API"
        )

    def _withheld(self, answer: httpx2.Response, subject: str, needs: str) -> str:
        title, status = self._manners.title, answer.status_code
        right = printable(answer.headers.get(self._manners.granted, ""), 200) if self._manners.granted else ""
        right = right or needs
        wanted = f"; the token needs {right}" if right and self._has_token else ""
        if not self._has_token:
            wanted = f"; perhaps it wants a token, in {self._manners.token_is_from}"
        if status == _FORBIDDEN:
            return f"{title} does not let this token read {subject} (403: {_message(answer)}){wanted}"
        if status in {409, 410}:
            return f"{title} has nothing at {subject} ({status}: {_message(answer)})"
        return f"{title} knows no {subject}, or does not show it ({status}){wanted}"


def _message(answer: httpx2.Response) -> str:
    """What a forge says of an error, in a few words."""
    try:
        said: Any = msgspec.json.decode(answer.content[:100_000])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    # Bitbucket wraps it once more, its Data Center in a list.
    if isinstance(said, dict):
        inner = said.get("error") or said.get("errors")
        inner = inner[0] if isinstance(inner, list) and inner else inner
        said = inner if isinstance(inner, dict) else said
    words = (
        next((said[name] for name in ("message", "error") if isinstance(said.get(name), str)), "")
        if isinstance(said, dict)
        else ""
    )
    return printable(words, 200) or "it does not say why"


def _is_of_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
