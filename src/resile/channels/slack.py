"""Slack: posts with buttons through an app, or plain posts through an incoming webhook.

Slack has no key by which it would know the same message again: one that is sent twice stands there twice.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct
from pydantic import SecretStr

from resile.channels.given import Given
from resile.channels.http_client import HttpAnswer, HttpClient, taken
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.site import site
from resile.channels.slack_blocks import ACKNOWLEDGE, ESCALATE, body_of, escaped
from resile.channels.slack_errors import refusal
from resile.channels.slack_signature import check_signature
from resile.channels.words import shortened
from resile.model.errors import ConfigError, DeliveryError
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError, Reply, UncertainError
from resile.ports.clock import Clock

API = "https://slack.com/api"
HOOKS = "https://hooks.slack.com"
KIND = ChannelKind(
    name="slack",
    title="Slack",
    address_words="a channel's or member's id (C024BE91L, U024BE7LH), #channel, or the address of an incoming webhook",
    settings={
        "token": "the app's bot token, xoxb-...; without it only incoming webhooks are posted to",
        "signing_secret": "the app's signing secret; without it buttons are links",
        "api": f"address of Slack's interface, unless it is {API}",
        "hooks": f"address of Slack's webhooks, unless it is {HOOKS}",
    },
)
_REPLY_WITHIN_S = 5.0
_MAX_SENTENCES = 1_000
_FAULT = 500
_ID = re.compile(r"[CGDUW][A-Z0-9]{5,30}")
_NAME = re.compile(r"#[^\s#@<>&,:]{1,80}")
_HOOK = re.compile(r"/(services|workflows|triggers)/[A-Za-z0-9/_-]{5,200}")
_PROVIDER = "Slack"
_ANSWERS = {ACKNOWLEDGE: "acknowledge", ESCALATE: "escalate"}


class _Posted(Struct):
    ok: bool
    error: str = ""
    channel: str = ""
    ts: str = ""


class _User(Struct, frozen=True):
    id: str = ""
    username: str = ""
    name: str = ""


class _Action(Struct):
    action_id: str = ""
    value: str | None = None
    action_ts: str = ""


class _Pressed(Struct):
    type: str
    user: _User = _User()
    actions: list[_Action] = []
    response_url: str | None = None


class Slack:
    """A workspace.

    Args:
        token: None: there is no app, only incoming webhooks.
        signing_secret: None: no answers come back.
    """

    kind = KIND

    def __init__(
        self,
        http: HttpClient,
        *,
        token: SecretStr | None,
        signing_secret: SecretStr | None,
        clock: Clock,
        api: str = API,
        hooks: str = HOOKS,
    ) -> None:
        self._http = http
        self._token = token
        self._signing_secret = signing_secret
        self._clock = clock
        self._api = api
        self._hooks = hooks

    def address(self, text: str) -> str:
        """An id, a #name or a webhook's address."""
        text = text.strip()
        if text.startswith(f"{self._hooks}/"):
            if not _HOOK.fullmatch(text.removeprefix(self._hooks)):
                raise ConfigError(f"that is no webhook's address; copy it from Slack: {self._hooks}/services/...")
            return text
        if not _ID.fullmatch(text) and not _NAME.fullmatch(text):
            raise ConfigError(f"{shortened(text, 40)!r} is no address at Slack; write {KIND.address_words}")
        if self._token is None:
            raise ConfigError(
                f"{text}: without the app's token resile posts to incoming webhooks alone; set channels.slack.token, "
                "or give a webhook's address"
            )
        return text

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Post it."""
        if outgoing.address.startswith(f"{self._hooks}/"):
            return self._send_to_hook(outgoing, timeout_s)
        if self._token is None:
            raise RefusedError("Slack: the app's token is missing; set channels.slack.token", is_final=True)
        has_buttons = outgoing.receipt_url is not None and self._signing_secret is not None
        body = {"channel": outgoing.address, **body_of(outgoing, has_buttons=has_buttons)}
        posted = self._call("chat.postMessage", body, timeout_s)
        return Handed(ref=f"{posted.channel}:{posted.ts}" if posted.ts else None)

    def check(self, *, timeout_s: float) -> None:
        """Whether Slack knows the app's token; of webhooks nothing can be asked."""
        if self._token is not None:
            self._call("auth.test", {}, timeout_s)

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """What was pressed."""
        del query, url
        small = {name.lower(): value for name, value in headers.items()}
        now = self._clock.now()
        check_signature(self._signing_secret, small, body, now=now, setting="channels.slack.signing_secret")
        try:
            fields = parse_qs(body.decode(), max_num_fields=20)
            pressed = msgspec.json.decode(fields["payload"][0], type=_Pressed)
        except (KeyError, ValueError, msgspec.MsgspecError, RecursionError):
            raise ConfigError(
                "the body holds no payload of Slack's interactivity; give this address there, not for events or "
                "commands"
            ) from None
        if pressed.type != "block_actions":
            return []
        by = shortened(pressed.user.username or pressed.user.name or pressed.user.id, 80)
        return [
            Receipt(
                message_id=action.value,
                answer=_ANSWERS[action.action_id],
                by=f"@{by}" if by else None,
                answer_id=action.action_ts or None,
                reply_to=pressed.response_url,
            )
            for action in pressed.actions
            if action.value and action.action_id in _ANSWERS
        ]

    def reply(self, receipts: Sequence[Receipt], sentences: Sequence[str]) -> Reply:
        """Nothing at once, as Slack wants it; then the sentences, to whoever pressed alone."""
        addresses = {one.reply_to for one in receipts if one.answer is not None and one.reply_to is not None}
        words = shortened(" ".join(sentences), _MAX_SENTENCES)
        address = next(iter(addresses), None)
        if not words or address is None or not self._is_of_slack(address):
            return Reply()
        return Reply(afterwards=partial(self._tell, address, words))

    def _tell(self, address: str, words: str) -> None:
        body = {"response_type": "ephemeral", "replace_original": False, "text": escaped(words)}
        try:
            self._post(address, body, _REPLY_WITHIN_S)
        except DeliveryError:
            # The answer holds; only whoever pressed is not told so here.
            return

    def _is_of_slack(self, address: str) -> bool:
        return address.startswith((f"{self._hooks}/", f"{self._api}/"))

    def _send_to_hook(self, outgoing: Outgoing, timeout_s: float) -> Handed:
        answer = self._post(outgoing.address, body_of(outgoing, has_buttons=False), timeout_s)
        said = answer.body[:200].decode("utf-8", "replace")
        taken(answer, _PROVIDER, ours="the webhook's address", said=said)
        if said.strip() != "ok":
            raise UncertainError("Slack did not answer as a webhook does; look there whether the message arrived")
        return Handed()

    def _call(self, method: str, body: Mapping[str, Any], timeout_s: float) -> _Posted:
        token = "" if self._token is None else self._token.get_secret_value()
        answer = self._post(f"{self._api}/{method}", body, timeout_s, {"authorization": f"Bearer {token}"})
        taken(answer, _PROVIDER, ours="channels.slack.token")
        try:
            posted = msgspec.convert(answer.json(_PROVIDER), _Posted)
        except msgspec.ValidationError:
            raise UncertainError("Slack did not answer as it does; look there whether the message arrived") from None
        if not posted.ok:
            raise refusal(posted.error, setting="channels.slack.token")
        return posted

    def _post(
        self, url: str, body: Mapping[str, Any], timeout_s: float, headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        answer = self._http.ask(
            "POST",
            url,
            provider=_PROVIDER,
            timeout_s=timeout_s,
            headers={"content-type": "application/json; charset=utf-8", **(headers or {})},
            body=msgspec.json.encode(body),
        )
        if answer.status == _FAULT:
            raise UncertainError("Slack had a fault (500), which leaves open whether the message was taken")
        return answer


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> Slack:
    given = Given(KIND, settings)
    return Slack(
        surroundings.http,
        token=given.secret("token"),
        signing_secret=given.secret("signing_secret"),
        clock=surroundings.clock,
        api=site(given, "api", API),
        hooks=site(given, "hooks", HOOKS),
    )


CHANNEL = ChannelPlugin(kind=KIND, open=_open)
