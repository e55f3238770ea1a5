"""What Teams tells resile's app: messages in the team's channels, their edits and ends, and buttons of its cards.

As https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/channel-and-group-conversations has it:
with the right ChannelMessage.Read.Group all that is said, without it what mentions the app.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from resile.channels.microsoft_keys import CHANNEL
from resile.channels.teams_room_card import BUTTON
from resile.channels.teams_webhook import ID, instant_of, plain_of
from resile.channels.words import shortened
from resile.model.chat import Heard, HeardKind
from resile.model.errors import AccessError, ConfigError

PROGRAM = "teams"
_MAX_FILES = 20
_MAX_ADDRESS = 500
_EDITS = {"editMessage": HeardKind.EDITED, "undeleteMessage": HeardKind.EDITED}


class Activity(Struct, frozen=True, kw_only=True):
    """Something that happened in a channel of the team.

    Attributes:
        id: the message's name at Teams.
        conversation, service_url: where an answer goes.
        channel: in which it happened.
        member: whose doing it is, by their object id; empty for a program.
        text: plain, as people see it.
        asked: what somebody wrote to the app; None: it was not spoken to.
        button, incident_id: what somebody pressed; empty: nothing.
        kind: what happened to the message.
        at: when, by Teams' clock.
    """

    id: str
    conversation: str
    service_url: str
    channel: str
    member: str
    member_name: str
    text: str
    asked: str | None
    button: str
    incident_id: str
    kind: HeardKind
    at: datetime

    def heard(self, now: datetime) -> Heard:
        """As it goes into the book."""
        when = "" if self.kind is HeardKind.SAID else f":{self.kind}:{int(self.at.timestamp() * 1_000)}"
        return Heard(
            id=f"{self.channel}:{self.id}{when}"[-200:],
            program=PROGRAM,
            room=self.channel,
            message=self.id,
            kind=self.kind,
            author=self.member,
            author_name=self.member_name,
            text=self.text,
            at=min(self.at, now),
            heard_at=now,
        )


def activity_of(told: object, claims: Mapping[str, Any], *, tenant: str, now: datetime) -> Activity | None:
    """What is told; None: it is nothing to us.

    Args:
        claims: of the token that came with it.
        tenant: the id of our organisation.

    Raises:
        AccessError: the token is of another service or organisation than it says.
        ConfigError: it is not what Teams sends.
    """
    if not isinstance(told, dict) or told.get("channelId") != CHANNEL:
        return None
    service_url, said_url = _text(told, "serviceUrl"), claims.get("serviceurl", claims.get("serviceUrl"))
    if not service_url or said_url != service_url or len(service_url) > _MAX_ADDRESS:
        raise AccessError("the token is for another service than this message")
    data = _of(told, "channelData")
    if _text(_of(data, "tenant"), "id").lower() != tenant.lower():
        raise AccessError("this is said in another organisation; check chat.teams.app.tenant")
    kind = _kind(told, data)
    if kind is None or _is_ours(told):
        return None
    name, channel, at = _text(told, "id"), _text(_of(data, "channel"), "id"), instant_of(told.get("timestamp"))
    if not ID.fullmatch(name) or not ID.fullmatch(channel):
        raise ConfigError("the message has no id, or no channel; Teams gives each both")
    author, value = _of(told, "from"), _of(told, "value")
    member = _text(author, "aadObjectId").lower()
    return Activity(
        id=name,
        conversation=_text(_of(told, "conversation"), "id")[:_MAX_ADDRESS] or channel,
        service_url=service_url,
        channel=channel,
        member=member if ID.fullmatch(member) else "",
        member_name=shortened(_text(author, "name"), 200),
        text=_shown(told),
        asked=plain_of(_text(told, "text")) if _is_asked(told) and kind is HeardKind.SAID else None,
        button=_text(value, BUTTON)[:100],
        incident_id=_text(value, "incident")[:200],
        kind=kind,
        at=now if at is None else at,
    )


def _kind(told: Mapping[str, Any], data: Mapping[str, Any]) -> HeardKind | None:
    match told.get("type"):
        case "message":
            return HeardKind.SAID
        case "messageUpdate":
            return _EDITS.get(_text(data, "eventType"))
        case "messageDelete":
            return HeardKind.DELETED
        case _:
            return None


def _is_ours(told: Mapping[str, Any]) -> bool:
    us = _text(_of(told, "recipient"), "id")
    return bool(us) and _text(_of(told, "from"), "id") == us


def _is_asked(told: Mapping[str, Any]) -> bool:
    """Whether the message begins with a mention of the app."""
    us, entities = _text(_of(told, "recipient"), "id"), told.get("entities")
    listed = [one for one in entities if isinstance(one, dict)] if isinstance(entities, list) else []
    ours = [one for one in listed if one.get("type") == "mention" and _text(_of(one, "mentioned"), "id") == us]
    text = _text(told, "text").lstrip().removeprefix("<p>").lstrip()
    return bool(us) and any(_text(one, "text") and text.startswith(_text(one, "text")) for one in ours)


def _shown(told: Mapping[str, Any]) -> str:
    files = told.get("attachments")
    listed = files[:_MAX_FILES] if isinstance(files, list) else []
    named = [_text(one, "name") for one in listed if isinstance(one, dict)]
    text = plain_of(_text(told, "text"), has_first=True).strip()
    return "\n".join(part for part in (text, *(f"[file {one[:200]}]" for one in named if one)) if part)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _of(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    return value if isinstance(value, dict) else {}
