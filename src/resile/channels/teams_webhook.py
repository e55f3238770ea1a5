"""The outgoing webhook of Microsoft Teams: what somebody wrote to `@resile`, signed, and the answer to it.

As Microsoft's page "Create an outgoing webhook" has it: HMAC-SHA256 over the raw body, keyed by the security token that
Teams shows once, which is base64.
"""

import base64
import binascii
import hashlib
import hmac
import html
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from pydantic import SecretStr

from resile.channels.words import cut, shortened
from resile.model.errors import AccessError, ConfigError

SETTING = "chat.teams.security_token"
# An older message is somebody's who repeats what he overheard.
MAX_AGE_S = 300
MAX_TEXT = 4_000
_LEAST_KEY = 16
# Within limits, so that no text takes long to look through.
_AT = re.compile(r"<at[^<>]{0,100}>[^<>]{0,200}</at>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div)\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_SPACES = re.compile(r"[ \t\xa0]+")
ID = re.compile(r"[A-Za-z0-9:;_.@=+/|-]{1,300}")


class TeamsMessage(Struct, frozen=True, kw_only=True):
    """What somebody wrote.

    Attributes:
        id: Teams' name of it.
        member: the author's object id at Microsoft, in small letters; empty where Teams does not say it.
        text: plain, without the mention of the webhook.
    """

    id: str
    member: str
    member_name: str
    text: str
    at: datetime


def key_of(security_token: SecretStr) -> bytes:
    """The key by which Teams signs.

    Raises:
        ConfigError: it is no token of Teams.
    """
    try:
        key = base64.b64decode(security_token.get_secret_value().strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _LEAST_KEY:
        raise ConfigError(f"setting {SETTING!r} is none of Teams'; copy it when the outgoing webhook is made")
    return key


def signature(key: bytes, body: bytes) -> str:
    """The header `Authorization` of a body."""
    return "HMAC " + base64.b64encode(hmac.digest(key, body, hashlib.sha256)).decode()


def message_of(key: bytes, headers: Mapping[str, str], body: bytes, *, now: datetime) -> TeamsMessage | None:
    """What Teams tells; None where it is no message.

    Args:
        headers: names in small letters.

    Raises:
        AccessError: somebody else speaks, or repeats what he overheard.
        ConfigError: it is not what Teams sends.
    """
    given = headers.get("authorization", "")
    if not hmac.compare_digest(signature(key, body).encode(), given.encode()):
        raise AccessError(f"this is not signed by the outgoing webhook of Teams; check {SETTING}")
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ConfigError("the body is no JSON; give this address to an outgoing webhook of Teams") from None
    if not isinstance(told, dict) or told.get("type") != "message":
        return None
    at = instant_of(told.get("timestamp"))
    if at is None or abs((now - at).total_seconds()) > MAX_AGE_S:
        raise AccessError("Teams sent this more than 5 minutes ago, or the clocks differ; check the server's clock")
    message_id = _text(told, "id")
    if not ID.fullmatch(message_id):
        raise ConfigError("the message has no id; Teams gives each one")
    author = told.get("from")
    author = author if isinstance(author, dict) else {}
    member = _text(author, "aadObjectId").lower()
    return TeamsMessage(
        id=message_id,
        member=member if ID.fullmatch(member) else "",
        member_name=shortened(_text(author, "name"), 200),
        text=plain_of(_text(told, "text")),
        at=min(at, now),
    )


def plain_of(text: str, *, has_first: bool = False) -> str:
    """A text of Teams as people see it.

    Args:
        has_first: with its first mention, too; else that one is of resile itself.
    """
    text = text[: MAX_TEXT * 8]
    text = text if has_first else _AT.sub(" ", text, count=1)
    text = _AT.sub(lambda found: "@" + _TAG.sub("", found[0]), text)
    shown = html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
    return cut(_SPACES.sub(" ", shown), MAX_TEXT)


def answer_of(said: str) -> dict[str, Any]:
    """What Teams shows below the message; it reads Markdown in it, of which nothing is left."""
    return {"type": "message", "textFormat": "plain", "text": cut(said, MAX_TEXT)}


def instant_of(said: object) -> datetime | None:
    """An instant as Teams writes it; None: it is none."""
    if not isinstance(said, str):
        return None
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return None
    return None if at.tzinfo is None else at


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
