"""The interface of Twilio, and of whoever speaks it: messages and calls are made by a form, and reported by forms."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from resile.channels.given import Given
from resile.channels.http_client import HttpAnswer, HttpClient, taken
from resile.channels.site import site
from resile.channels.words import shortened
from resile.model.errors import AccessError, ConfigError
from resile.ports.channel import ChannelKind, Outgoing, RefusedError, UncertainError

BASE = "https://api.twilio.com"
MAX_FIELDS = 200
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SEPARATORS = re.compile(r"[\s().\-/\u00a0\u202f\u2010-\u2013]+")
_FAULT = 500
# What Twilio says of a request that it will take from nobody: our settings, not the number that is called.
_OURS = {
    20003: "it does not let us in",
    21212: "the sender is no number",
    21603: "the sender is missing",
    21606: "the sender may not send to this number",
    21659: "the sender is none of the account's numbers",
    21660: "the sender is none of the account's numbers",
    21210: "the caller is none of the account's numbers",
    21701: "the messaging service is not known",
}
# It has too much to do: the same will be taken later.
_LATER = frozenset({20429, 21611, 14107, 30001})
_MESSAGE = "message"
SETTINGS = {
    "account_sid!": "the account's id, AC...",
    "auth_token!": "the account's token; by it receipts and answers are checked",
    "api_key": "a key of the account, SK..., by which to send instead of by the account's token",
    "api_secret": "the key's secret",
    "base": f"address of another provider with the same interface, unless it is {BASE}",
    "receipt_within_s": "without a receipt in so many seconds it counts as not arrived (60); 0: none is awaited",
}


class Created(Struct):
    """A message or a call, as Twilio has made it."""

    sid: str
    status: str = ""


class _Problem(Struct):
    code: int | None = None
    message: str = ""


class TwilioAccount:
    """An account.

    Args:
        base: address of the interface, without a path.
        user, password: a key of the account and its secret, else the account's id and its token.
        auth_token: by which Twilio signs what it tells.
        settings_name: of the table with the settings: `channels.sms`.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        base: str,
        account_sid: str,
        user: str,
        password: str,
        auth_token: str,
        settings_name: str,
    ) -> None:
        self._http = http
        self._root = f"{base.rstrip('/')}/2010-04-01/Accounts/{quote(account_sid, safe='')}"
        self._authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._auth_token = auth_token.encode()
        self._provider = "Twilio" if base.rstrip("/") == BASE else (urlsplit(base).hostname or "the provider")
        self._settings_name = settings_name

    def create(self, resource: str, fields: Sequence[tuple[str, str]], *, timeout_s: float) -> Created:
        """Make a message or a call. Twilio takes no key by which it would know the same one again.

        Raises:
            RefusedError: it was certainly not made.
            UncertainError: it may have been.
        """
        answer = self._ask("POST", f"{self._root}/{resource}.json", urlencode(fields).encode(), timeout_s)
        self._check(answer)
        try:
            created = msgspec.convert(answer.json(self._provider), Created)
        except msgspec.ValidationError:
            raise UncertainError(
                f"{self._provider} answered {answer.status} without the name of what it made; look into its log"
            ) from None
        if created.status in {"failed", "undelivered", "canceled"}:
            raise RefusedError(f"{self._provider} took it and gave it up at once ({created.status})")
        return created

    def check(self, *, timeout_s: float) -> None:
        """Whether the account lets us in and is active.

        Raises:
            DeliveryError: it does not, or is not.
        """
        answer = self._ask("GET", f"{self._root}.json", b"", timeout_s)
        self._check(answer)
        told = answer.json(self._provider)
        status = told.get("status") if isinstance(told, dict) else None
        if status not in {None, "active"}:
            raise RefusedError(f"the account at {self._provider} is {shortened(str(status), 40)}; look there why")

    def told(self, headers: Mapping[str, str], body: bytes, *, url: str) -> dict[str, str]:
        """The fields of a callback, its signature being right.

        Raises:
            AccessError: it is not.
            ConfigError: it is no form.
        """
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise ConfigError("the body is no form, or has too many fields; let Twilio send it as a form") from None
        given = next((value for name, value in headers.items() if name.lower() == "x-twilio-signature"), "")
        if not any(
            hmac.compare_digest(signature(self._auth_token, form, pairs).encode(), given.encode())
            for form in _forms_of(url)
        ):
            raise AccessError(
                f"this is not signed by the account; check {self._settings_name}.auth_token, and that base_url is the "
                "address which the provider calls"
            )
        return dict(pairs)

    def _ask(self, method: str, url: str, body: bytes, timeout_s: float) -> HttpAnswer:
        headers = {"authorization": self._authorization}
        if body:
            headers["content-type"] = "application/x-www-form-urlencoded"
        return self._http.ask(method, url, provider=self._provider, timeout_s=timeout_s, headers=headers, body=body)

    def _check(self, answer: HttpAnswer) -> None:
        if answer.status == _FAULT:
            raise UncertainError(f"{self._provider} had a fault (500), which leaves open whether the message was taken")
        problem = _problem_of(answer)
        if problem is not None and problem.code in _OURS:
            raise RefusedError(
                f"{self._provider} refused it ({problem.code}): {_OURS[problem.code]}; check {self._settings_name}"
            )
        if problem is not None and problem.code in _LATER:
            raise RefusedError(f"{self._provider} has too much to do ({problem.code})", again_in_s=_wait_s(answer))
        said = f"{problem.code}: {problem.message}" if problem is not None and problem.code else ""
        taken(answer, self._provider, ours=f"{self._settings_name}.auth_token", said=said)


def account_of(given: Given, kind: ChannelKind, http: HttpClient) -> TwilioAccount:
    """The account in a channel's settings.

    Raises:
        ConfigError: one of them cannot be used.
    """
    base = site(given, "base", BASE)
    account_sid, token = given.text("account_sid"), given.secret("auth_token")
    key, secret = given.text("api_key"), given.secret("api_secret")
    if bool(key) is (secret is None):
        raise given.error("api_key", "and api_secret stand alone", "give both, or neither")
    if not re.fullmatch(r"[A-Za-z0-9_-]{2,64}", account_sid):
        raise given.error("account_sid", "is no account's id", "copy it from the provider's console")
    if token is None:
        raise given.error("auth_token", "is empty", kind.settings["auth_token!"])
    return TwilioAccount(
        http,
        base=base,
        account_sid=account_sid,
        user=key or account_sid,
        password=(secret or token).get_secret_value(),
        auth_token=token.get_secret_value(),
        settings_name=f"channels.{kind.name}",
    )


def receipt_within(given: Given) -> timedelta | None:
    """For how long a receipt is awaited; None: none is."""
    within_s = given.number("receipt_within_s", 60, least=0, most=3_600)
    return timedelta(seconds=within_s) if within_s else None


def number(text: str) -> str:
    """A telephone number in the form that holds all over the world.

    Raises:
        ConfigError: it is not in that form.
    """
    plain = _SEPARATORS.sub("", text.strip())
    if not _E164.fullmatch(plain):
        raise ConfigError(
            f"{shortened(text, 40)!r} is no telephone number with its country; write +, the country and the number: "
            "+4915112345678"
        )
    return plain


def number_to(outgoing: Outgoing) -> str:
    """The number of a message's address, which people may have written in any way.

    Raises:
        RefusedError: it is none.
    """
    try:
        return number(outgoing.address)
    except ConfigError as error:
        raise RefusedError(str(error), is_final=True) from None


def with_message(url: str, message_id: str) -> str:
    """The address for receipts, with the message in it: a receipt may come before the answer, or without one."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode({_MESSAGE: message_id})) if part)
    return urlunsplit(parts._replace(query=query))


def message_in(query: Mapping[str, str]) -> str | None:
    """The message in an address made by with_message."""
    return query.get(_MESSAGE) or None


def signature(token: bytes, url: str, pairs: Sequence[tuple[str, str]]) -> str:
    """How Twilio signs a form that it sends to an address: HMAC-SHA1, by its rules."""
    text = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.new(token, text.encode(), hashlib.sha1).digest()).decode()


def _forms_of(url: str) -> list[str]:
    """The address with and without its port: Twilio signs now this, now that."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return [url]
    bare, full = (urlunsplit(parts._replace(netloc=netloc)) for netloc in (host, f"{host}:{port}"))
    return list(dict.fromkeys((url, bare, full)))


def _problem_of(answer: HttpAnswer) -> _Problem | None:
    if answer.status < 400:  # noqa: PLR2004 - success, as RFC 9110 has it
        return None
    try:
        return msgspec.json.decode(answer.body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _wait_s(answer: HttpAnswer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text[:5]) if text.isascii() and text.isdigit() else None
