"""Pages to a phone through ntfy, on https://ntfy.sh or on a server of one's own."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace
from pydantic import SecretStr

from resile.channels.given import Given
from resile.channels.http_client import HttpAnswer, HttpClient, taken
from resile.channels.outward import Place, place_of
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.site import site
from resile.channels.title import title_of
from resile.channels.words import cut_to_bytes, shortened
from resile.model.errors import AccessError, ConfigError
from resile.model.message import MessageClass
from resile.model.severity import Severity
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError, UncertainError

PUBLIC = "https://ntfy.sh"
KIND = ChannelKind(
    name="ntfy",
    title="ntfy",
    address_words="a topic, or its address on another server, https://ntfy.example.org/my-topic",
    settings={
        "server": f"where topics are that are written without one; else {PUBLIC}",
        "token": "by which that server lets us publish, tk_...; or token_file",
    },
)
_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
_MAX_TITLE = 250
# What is longer becomes a file to download. The title and addresses do not count.
_MAX_MESSAGE_BYTES = 4_000
_PAGE_PRIORITY = {Severity.SEV1: 5, Severity.SEV2: 5, Severity.SEV3: 4, Severity.SEV4: 3, Severity.SEV5: 3}
_WORST, _USUAL = 5, 3


class Ntfy:
    """Publishes to topics.

    Args:
        server: without a path; trusted, as an administrator named it.
        token: sent to that server alone.
    """

    kind = KIND

    def __init__(self, http: HttpClient, server: Place, token: SecretStr | None) -> None:
        self._http = http
        self._server = server
        self._token = token

    def address(self, text: str) -> str:
        """The whole address of a topic."""
        text = text.strip()
        if "://" not in text:
            text = f"{_site(self._server)}/{text}"
        place = place_of(text, "the topic's address")
        topic = place.path.strip("/")
        if not _TOPIC.fullmatch(topic):
            raise ConfigError(
                f"{shortened(topic, 80)!r} is no topic of ntfy; use 1 to 64 letters, digits, - and _, hard to guess"
            )
        if not self._is_ours(place):
            self._http.outward.check(text, "the topic's address")
        return f"{_site(place)}/{topic}"

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Publish it; the same message twice replaces itself on the phone."""
        try:
            place = place_of(self.address(outgoing.address))
        except ConfigError as error:
            raise RefusedError(str(error), is_final=True) from None
        told = _published(outgoing, place.path.strip("/"))
        answer = self._ask("POST", place, "/", timeout_s, body=msgspec.json.encode(told), message_id=outgoing.id)
        ours = "channels.ntfy.token" if self._is_ours(place) else None
        taken(answer, "ntfy", ours=ours, said=_said(answer) if self._is_ours(place) else "")
        named = answer.json("ntfy")
        if not isinstance(named, dict) or not isinstance(named.get("id"), str):
            raise UncertainError(
                f"{place.host} does not answer as ntfy does; check that the topic is on an ntfy server"
            )
        return Handed(ref=shortened(named["id"], 100))

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """None: ntfy calls nobody; its buttons post to `act_url`."""
        del headers, query, body, url
        raise AccessError("ntfy sends no receipts; its buttons post to act_url")

    def check(self, *, timeout_s: float) -> None:
        """Whether the server of the settings is there and knows the token."""
        path = "/v1/health" if self._token is None else "/v1/account"
        answer = taken(self._ask("GET", self._server, path, timeout_s), "ntfy", ours="channels.ntfy.token")
        if not isinstance(answer.json("ntfy"), dict):
            raise UncertainError("ntfy does not answer as it should; check 'channels.ntfy.server'")

    def _ask(
        self, method: str, place: Place, path: str, timeout_s: float, *, body: bytes = b"", message_id: str = ""
    ) -> HttpAnswer:
        headers = {"content-type": "application/json", "idempotency-key": message_id} if message_id else {}
        if self._token is not None and self._is_ours(place):
            headers["authorization"] = f"Bearer {self._token.get_secret_value()}"
        return self._http.ask(
            method,
            _site(place) + path,
            provider="ntfy",
            timeout_s=timeout_s,
            headers=headers,
            body=body,
            is_typed=not self._is_ours(place),
        )

    def _is_ours(self, place: Place) -> bool:
        return _site(place) == _site(self._server)


def _published(outgoing: Outgoing, topic: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "topic": topic,
        "title": title_of(outgoing, _MAX_TITLE),
        "message": cut_to_bytes(outgoing.text, _MAX_MESSAGE_BYTES),
        "priority": _priority(outgoing),
        "tags": _tags(outgoing),
        "actions": _actions(outgoing),
    }
    if outgoing.url:
        told["click"] = outgoing.url
    if _TOPIC.fullmatch(outgoing.id):
        told["sequence_id"] = outgoing.id
    return told


def _priority(outgoing: Outgoing) -> int:
    if outgoing.message_class is not MessageClass.PAGE:
        return _USUAL
    return _WORST if outgoing.severity is None else _PAGE_PRIORITY[outgoing.severity]


def _tags(outgoing: Outgoing) -> list[str]:
    # The first one is shown as a picture.
    sign = ["rotating_light"] if outgoing.message_class is MessageClass.PAGE else []
    return sign + ([outgoing.severity.value] if outgoing.severity else [])


def _actions(outgoing: Outgoing) -> list[dict[str, Any]]:
    """At most three, as ntfy has it."""
    actions: list[dict[str, Any]] = []
    for words, deed, page in (
        ("Acknowledge", "acknowledge", outgoing.ack_url),
        ("Escalate", "escalate", outgoing.escalate_url),
    ):
        if page and outgoing.act_url:
            url = f"{outgoing.act_url}?do={deed}"
            actions.append({"action": "http", "label": words, "url": url, "method": "POST", "clear": True})
        elif page:
            actions.append({"action": "view", "label": words, "url": page})
    if outgoing.url:
        actions.append({"action": "view", "label": "Open", "url": outgoing.url})
    return actions


def _said(answer: HttpAnswer) -> str:
    try:
        said = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return str(said.get("error", "")) if isinstance(said, dict) else ""


def _site(place: Place) -> str:
    return str(replace(place, path=""))


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> Ntfy:
    given = Given(KIND, settings)
    try:
        server = place_of(given.text("server", PUBLIC), f"setting {given.name('server')!r}")
    except ConfigError:
        raise given.error("server", "is no address", f"write it like {PUBLIC}") from None
    if server.path != "/":
        raise given.error("server", "has a path", f"write it like {PUBLIC}")
    token = given.secret("token")
    if token is not None:
        site(given, "server", PUBLIC)
    return Ntfy(surroundings.http, server, token)


CHANNEL = ChannelPlugin(kind=KIND, open=_open, works_unset=True)
