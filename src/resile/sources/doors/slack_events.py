"""Slack's Events API: what happens to messages in channels, as the server wrote it into the journal.

As https://docs.slack.dev/reference/events/message has it. Joins, topics and the like are no messages of anybody; what
the app itself wrote is known already.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from resile.model.chat import Heard, HeardKind
from resile.model.errors import ConfigError
from resile.model.time import from_us
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery

DOOR = "slack_events"
PROGRAM = "slack"
MAX_TEXT = 40_000
_SAID = frozenset({"", "file_share", "me_message", "thread_broadcast", "bot_message"})
_MAX_FILES = 20
_TS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_ID = re.compile(r"[A-Za-z0-9]{1,50}")
_MAX_ID = 200


class SlackEvents:
    """Understands one app's events."""

    def understand(self, delivery: Delivery) -> Understood:
        """What happened to a message."""
        try:
            told = msgspec.json.decode(delivery.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ConfigError("slack_events: the body is no JSON; it must be one of Slack's events") from None
        event = told.get("event") if isinstance(told, dict) else None
        if not isinstance(event, dict) or event.get("type") != "message":
            return Understood(unmapped="an event that is no message")
        heard = _heard(told, event, delivery)
        return Understood(unmapped="nothing that somebody wrote") if heard is None else Understood(heard=(heard,))


def _heard(told: Mapping[str, Any], event: Mapping[str, Any], delivery: Delivery) -> Heard | None:
    kind, message, ts, at = _what(event)
    room, event_id = _text(event, "channel"), _text(told, "event_id") or delivery.id
    if kind is None or not _TS.fullmatch(ts) or not _ID.fullmatch(room) or _is_ours(told, message):
        return None
    return Heard(
        id=event_id[:_MAX_ID],
        program=PROGRAM,
        room=room,
        message=ts,
        kind=kind,
        author=_author(message),
        author_name=_author_name(message),
        text=_shown(message)[:MAX_TEXT],
        # Whose clock is ahead of ours has not said it before we heard it.
        at=min(_instant(at, delivery.received_at), delivery.received_at),
        heard_at=delivery.received_at,
    )


def _what(event: Mapping[str, Any]) -> tuple[HeardKind | None, Mapping[str, Any], str, str]:
    """What happened, to which message, its name, and when."""
    subtype = _text(event, "subtype")
    if subtype == "message_deleted":
        message = _of(event, "previous_message")
        kind = HeardKind.DELETED if _text(message, "subtype") in _SAID else None
        return kind, message, _text(event, "deleted_ts"), _text(event, "event_ts")
    if subtype == "message_changed":
        message = _of(event, "message")
        if _text(message, "subtype") == "tombstone":
            # A message with answers below it, deleted.
            return HeardKind.DELETED, message, _text(message, "ts"), _text(event, "event_ts")
        edited_at = _text(_of(message, "edited"), "ts")
        is_message = _text(message, "subtype") in _SAID
        # A preview of a link that came later is no edit.
        kind = HeardKind.EDITED if edited_at and is_message else None
        return kind, message, _text(message, "ts"), edited_at
    return HeardKind.SAID if subtype in _SAID else None, event, _text(event, "ts"), _text(event, "ts")


def _is_ours(told: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    app, author = _text(told, "api_app_id"), _text(message, "user")
    installed = told.get("authorizations")
    # Not every message of an app names the app; the event says as whom it is heard.
    bots = [one for one in installed if isinstance(one, dict)] if isinstance(installed, list) else []
    is_by_us = bool(author) and any(one.get("is_bot") is True and one.get("user_id") == author for one in bots)
    return is_by_us or (bool(app) and app in {_text(message, "app_id"), _text(_of(message, "bot_profile"), "app_id")})


def _author(message: Mapping[str, Any]) -> str:
    user = _text(message, "user")
    return user if _ID.fullmatch(user) and not _text(message, "bot_id") else ""


def _author_name(message: Mapping[str, Any]) -> str:
    name = _text(message, "username") or _text(_of(message, "bot_profile"), "name")
    return name[:_MAX_ID]


def _shown(message: Mapping[str, Any]) -> str:
    files = message.get("files")
    named = (
        [_text(one, "name") for one in files[:_MAX_FILES] if isinstance(one, dict)] if isinstance(files, list) else []
    )
    return "\n".join(part for part in (_text(message, "text"), *(f"[file {one}]" for one in named if one)) if part)


def _instant(ts: str, otherwise: datetime) -> datetime:
    """Slack names a message by its instant, `1503435956.000247`."""
    whole, _, part = ts.partition(".")
    if not whole.isascii() or not whole.isdigit() or len(whole) > 11:  # noqa: PLR2004 - digits
        return otherwise
    fraction = part[:6].ljust(6, "0")
    return from_us(int(whole) * 1_000_000 + (int(fraction) if fraction.isascii() and fraction.isdigit() else 0))


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _of(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    return value if isinstance(value, dict) else {}


def open_door(options: DoorOptions) -> SlackEvents:
    """What understands them; there is nothing to choose."""
    del options
    return SlackEvents()
