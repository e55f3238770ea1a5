"""Pages through a Telegram bot, with buttons that answer."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from pydantic import SecretStr

from resile.channels.connection import Deadline
from resile.channels.given import Given
from resile.channels.http_client import LONGEST_WAIT_S, HttpAnswer, HttpClient, taken
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.site import site
from resile.channels.words import lines, one_line, shortened
from resile.model.errors import AccessError, ConfigError, DeliveryError
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError, Reply, UncertainError

PUBLIC = "https://api.telegram.org"
KIND = ChannelKind(
    name="telegram",
    title="Telegram",
    address_words="the number of a chat that began with the bot, or @channel",
    settings={
        "token!": "the bot's token, as @BotFather tells it; or token_file",
        "secret": "by which we know Telegram's calls, letters and digits; else one that nobody needs to know",
        "api": f"where the Bot API is, for servers of one's own; else {PUBLIC}",
    },
    has_receipts=True,
)
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}")
_PRESSED = re.compile(r"([ae]):([\x21-\x7e]{1,45}):([A-Za-z0-9_-]{16})")
_DEEDS = {"a": "acknowledge", "e": "escalate"}
_HEADER = "x-telegram-bot-api-secret-token"
# Telegram counts the halves of UTF-16.
_MAX_TEXT = 4_096
_MAX_CALLBACK_BYTES = 64
_MARK_SIGNS = 16
_MAX_UPDATE = 1 << 20
_MAX_REPLY = 200
_REGISTER_WITHIN_S = 5.0
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404


class Telegram:
    """A bot.

    Args:
        secret: what Telegram's calls must carry; None: there is no key to make one of, and no button calls.
    """

    kind = KIND

    def __init__(self, http: HttpClient, api: str, token: SecretStr, secret: SecretStr | None) -> None:
        self._http = http
        self._api = api
        self._token = token
        self._secret = secret
        self._registered: str | None = None

    def address(self, text: str) -> str:
        """A chat's number, or the name of a public channel."""
        chat = text.strip()
        if not _CHAT.fullmatch(chat):
            raise ConfigError(
                f"{shortened(text, 60)!r} is no chat of Telegram; write its number, 123456789, or @channel"
            )
        return chat

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Send it to a chat."""
        try:
            chat = self.address(outgoing.address)
        except ConfigError as error:
            raise RefusedError(str(error), is_final=True) from None
        deadline = Deadline(timeout_s)
        text, rows = self._written(outgoing)
        told: dict[str, Any] = {"chat_id": chat, "text": text, "link_preview_options": {"is_disabled": True}}
        if rows:
            told["reply_markup"] = {"inline_keyboard": rows}
        answer = self._call("sendMessage", told, timeout_s=timeout_s, message_id=outgoing.id)
        result = _result(answer)
        if not isinstance(result, dict) or not isinstance(result.get("message_id"), int):
            raise UncertainError("Telegram does not say which message it took; look into the chat")
        self._register(outgoing.receipt_url, deadline)
        return Handed(ref=f"{chat}/{result['message_id']}")

    def _written(self, outgoing: Outgoing) -> tuple[str, list[list[dict[str, str]]]]:
        """The text, and rows of buttons: such as call us where we can be reached, else such as open a page."""
        buttons, links = [], []
        for letter, words, page in (("a", "Acknowledge", outgoing.ack_url), ("e", "Escalate", outgoing.escalate_url)):
            if page is None:
                continue
            data = f"{letter}:{outgoing.id}:{self._mark(letter, outgoing.id)}"
            if self._hears(outgoing.receipt_url) and len(data.encode()) <= _MAX_CALLBACK_BYTES:
                buttons.append({"text": words, "callback_data": data})
            elif _is_public(page):
                buttons.append({"text": words, "url": page})
            else:
                links.append(f"{words}: {page}")
        rows = [buttons] if buttons else []
        if outgoing.url and _is_public(outgoing.url):
            rows.append([{"text": "Open the incident", "url": outgoing.url}])
        elif outgoing.url:
            links.append(outgoing.url)
        end = "".join(f"\n\n{link}" for link in links)
        head = _cut(f"{one_line(outgoing.title)}\n\n{lines(outgoing.text)}".strip() or "resile", _MAX_TEXT - len(end))
        return head + end, rows

    def _mark(self, letter: str, message_id: str) -> str:
        """What shows that we made a button: whoever has a chat with the bot can have any text sent as pressed."""
        secret = "" if self._secret is None else self._secret.get_secret_value()
        made = hmac.digest(f"button {secret}".encode(), f"{letter}:{message_id}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made)[:_MARK_SIGNS].decode()

    def _hears(self, receipt_url: str | None) -> bool:
        return self._secret is not None and receipt_url is not None and receipt_url.startswith("https://")

    def _register(self, receipt_url: str | None, deadline: Deadline) -> None:
        """Have Telegram call us when a button is pressed; what was pressed before, it tells then."""
        if self._secret is None or not self._hears(receipt_url) or receipt_url == self._registered:
            return
        told = {
            "url": receipt_url,
            "secret_token": self._secret.get_secret_value(),
            "allowed_updates": ["callback_query"],
        }
        try:
            _result(self._call("setWebhook", told, timeout_s=min(deadline.left_s(), _REGISTER_WITHIN_S)))
        except (DeliveryError, TimeoutError):
            # The message is out; the next one tries again.
            return
        self._registered = receipt_url

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """Who pressed which button; other updates tell nothing."""
        del query, url
        shown = next((value for name, value in headers.items() if name.lower() == _HEADER), "")
        right = "" if self._secret is None else self._secret.get_secret_value()
        if not right or not hmac.compare_digest(shown.encode(), right.encode()):
            raise AccessError("this call is not from Telegram: its secret token is wrong")
        try:
            update = msgspec.json.decode(body[:_MAX_UPDATE])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ConfigError("Telegram: the update is no JSON; send it as the Bot API has it") from None
        pressed = update.get("callback_query") if isinstance(update, dict) else None
        if not isinstance(pressed, dict):
            return []
        found = _PRESSED.fullmatch(str(pressed.get("data", "")))
        if found is None or not hmac.compare_digest(self._mark(found[1], found[2]), found[3]):
            return []
        query_id = pressed.get("id") if isinstance(pressed.get("id"), str) else None
        return [
            Receipt(
                message_id=found[2],
                answer=_DEEDS[found[1]],
                by=_name_of(pressed.get("from")),
                answer_id=query_id,
                reply_to=query_id,
            )
        ]

    def reply(self, receipts: Sequence[Receipt], sentences: Sequence[str]) -> Reply:
        """What came of it, to whoever pressed: Telegram takes the call of a method for an answer."""
        query_id = next((one.reply_to for one in receipts if one.reply_to is not None), None)
        if query_id is None:
            return Reply()
        words = shortened(" ".join(sentences), _MAX_REPLY)
        told = {"method": "answerCallbackQuery", "callback_query_id": query_id, "text": words, "show_alert": True}
        return Reply(body=msgspec.json.encode(told), content_type="application/json")

    def check(self, *, timeout_s: float) -> None:
        """Whether Telegram knows the bot."""
        _result(self._call("getMe", {}, timeout_s=timeout_s))

    def _call(self, method: str, told: Mapping[str, Any], *, timeout_s: float, message_id: str = "") -> HttpAnswer:
        headers = {"content-type": "application/json"}
        if message_id:
            headers["idempotency-key"] = message_id
        return self._http.ask(
            "POST",
            f"{self._api}/bot{self._token.get_secret_value()}/{method}",
            provider="Telegram",
            timeout_s=timeout_s,
            headers=headers,
            body=msgspec.json.encode(told),
        )


def _result(answer: HttpAnswer) -> Any:
    """What Telegram gave.

    Raises:
        RefusedError: it did not take it.
        UncertainError: it said 2xx, and nothing that can be understood.
    """
    said = _said(answer)
    words, parameters = str(said.get("description", "")), said.get("parameters")
    if answer.status in {_UNAUTHORIZED, _NOT_FOUND}:
        raise RefusedError(
            f"Telegram answered {answer.status}: it does not know the bot; check 'channels.telegram.token'"
        )
    if answer.status == _FORBIDDEN:
        raise RefusedError(f"Telegram answered 403 ({shortened(words, 200)})", is_final=True)
    again_in_s = parameters.get("retry_after") if isinstance(parameters, dict) else None
    try:
        taken(answer, "Telegram", ours="channels.telegram.token", said=words)
    except RefusedError as error:
        if isinstance(again_in_s, int) and again_in_s > 0:
            error.again_in_s = float(min(again_in_s, LONGEST_WAIT_S))
        raise
    if said.get("ok") is not True or "result" not in said:
        raise UncertainError("Telegram answered 200 with nonsense; look into the chat whether the message is there")
    return said["result"]


def _said(answer: HttpAnswer) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _name_of(user: object) -> str | None:
    if not isinstance(user, dict):
        return None
    if user.get("username"):
        return shortened(f"@{user['username']}", 100)
    return shortened(f"{user.get('first_name', '')} {user.get('last_name', '')}", 100) or None


def _is_public(url: str) -> bool:
    """Whether Telegram takes it for a button: it refuses the whole message where a host has no dot in its name."""
    host = urlsplit(url).hostname or ""
    return "." in host and not host.replace(".", "").isdigit()


def _cut(text: str, limit: int) -> str:
    halves = text.encode("utf-16-le")
    if len(halves) <= limit * 2:
        return text
    return halves[: (limit - 1) * 2].decode("utf-16-le", "ignore") + "…"


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> Telegram:
    given = Given(KIND, settings)
    token, secret = given.secret("token"), given.secret("secret")
    if token is None or not _TOKEN.fullmatch(token.get_secret_value()):
        raise given.error("token", "is no token of a bot", "write what @BotFather tells, 123456:ABC...")
    if secret is not None and not _SECRET.fullmatch(secret.get_secret_value()):
        raise given.error("secret", "is no secret", "write 16 to 256 letters, digits, - and _")
    derived = surroundings.secret("telegram")
    if secret is None and derived is not None:
        secret = SecretStr(derived.hex())
    # The token stands in every address that is asked there.
    return Telegram(surroundings.http, site(given, "api", PUBLIC), token, secret)


CHANNEL = ChannelPlugin(kind=KIND, open=_open)
