"""Slack's channels on this machine: made, filled and archived by its Web API with its refusals; and what Slack sends.

As https://docs.slack.dev has it: the conversations methods, chat.update, pins, users, the Events API, slash commands.
"""

from collections import Counter
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Struct, field

from resile.model.time import to_us
from resile.testing.callbacks import Callback
from resile.testing.loopback_http import Reply, Request
from resile.testing.loopback_slack import SIGNING_SECRET, TOKEN, LoopbackSlack

USER_TOKEN = "xoxp-loopback"  # noqa: S105 - of nobody
VERIFICATION_TOKEN = "loopback-verification-token"  # noqa: S105 - of nobody
BOT, BOT_ID, APP, TEAM = "U0RESILE0", "B0RESILE0", "A0RESILE0", "T0000000"
SCOPES = (
    "channels:history,channels:manage,channels:read,chat:write,commands,groups:history,groups:read,groups:write,"
    "pins:write,users:read,users:read.email"
)
_LONGEST_NAME = 80
_NAME_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class Channel(Struct, kw_only=True):
    """One channel; messages with the first first."""

    id: str
    name: str
    creator: str
    created: int
    is_private: bool = False
    is_archived: bool = False
    purpose: str = ""
    topic: str = ""
    members: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)

    @property
    def card(self) -> dict[str, Any]:
        """What the app posted last."""
        return next(one for one in reversed(self.messages) if one.get("bot_id") == BOT_ID)

    def shown(self) -> dict[str, Any]:
        """As Slack tells it."""
        return {
            "id": self.id,
            "name": self.name,
            "creator": self.creator,
            "created": self.created,
            "is_archived": self.is_archived,
            "purpose": {"value": self.purpose},
            "topic": {"value": self.topic},
        }


class LoopbackSlackRooms(LoopbackSlack):
    """A workspace with an app that makes channels.

    Attributes:
        channels_made: by id.
        people: by id, name and e-mail.
        refuses: by method, what is answered in place of the next calls, first to last: an error's name.
        calls: how often each method was called.
        scopes: the rights of the app.
    """

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now
        self.channels_made: dict[str, Channel] = {}
        self.people: dict[str, dict[str, str]] = {}
        self.refuses: dict[str, list[str]] = {}
        self.calls: Counter[str] = Counter()
        self.scopes = SCOPES
        self._n = 0

    def joins(self, member: str, name: str, email: str, *, team: str = TEAM, is_confirmed: bool = True) -> None:
        """Somebody has a profile here, or comes from another workspace."""
        self.people[member] = {"name": name, "email": email, "team": team, "confirmed": str(is_confirmed)}

    def taken(self, name: str) -> Channel:
        """A channel that somebody else made."""
        return self._make(name, "U0SOMEBODY", is_private=False)

    def channel(self, name: str) -> Channel:
        """The channel of that name."""
        return next(one for one in self.channels_made.values() if one.name == name)

    def _called(self, request: Request) -> Reply:
        method = request.path.removeprefix("/api/")
        self.calls[method] += 1
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in {TOKEN, USER_TOKEN}:
            return _no("invalid_auth")
        if self.refuses.get(method):
            error = self.refuses[method].pop(0)
            if error == "ratelimited":
                return Reply(status=429, body={"ok": False, "error": error}, headers={"retry-after": "30"})
            return _no(error)
        fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        do = getattr(self, "_" + method.replace(".", "_"), None)
        if do is None:
            return super()._called(request)
        reply: Reply = do(fields, token)
        return Reply(status=reply.status, body=reply.body, headers={**reply.headers, "x-oauth-scopes": self.scopes})

    def _auth_test(self, fields: dict[str, str], token: str) -> Reply:
        del fields
        user = BOT if token == TOKEN else "U0ADMIN00"
        return _yes(team="loopback", team_id=TEAM, url="https://loopback.slack.com/", user_id=user, bot_id=BOT_ID)

    def _make(self, name: str, creator: str, *, is_private: bool) -> Channel:
        self._n += 1
        made = Channel(
            id=f"C0MADE{self._n:03d}",
            name=name,
            creator=creator,
            created=to_us(self.now) // 1_000_000,
            is_private=is_private,
            members=[creator],
        )
        self.channels_made[made.id] = made
        return made

    def _conversations_create(self, fields: dict[str, str], token: str) -> Reply:
        del token
        name = fields.get("name", "")
        if not name or len(name) > _LONGEST_NAME or not set(name) <= _NAME_SIGNS:
            return _no("invalid_name_specials" if name else "invalid_name_required")
        # Names of archived channels are taken as well.
        if any(one.name == name for one in self.channels_made.values()):
            return _no("name_taken")
        return _yes(channel=self._make(name, BOT, is_private=fields.get("is_private") == "true").shown())

    def _users_conversations(self, fields: dict[str, str], token: str) -> Reply:
        del token
        is_private = fields.get("types") == "private_channel"
        ours = [one for one in self.channels_made.values() if BOT in one.members and one.is_private == is_private]
        at, limit = int(fields.get("cursor", "0")), int(fields.get("limit", "100"))
        cursor = str(at + limit) if at + limit < len(ours) else ""
        shown = [one.shown() for one in ours[at : at + limit]]
        return _yes(channels=shown, response_metadata={"next_cursor": cursor})

    def _of(self, fields: dict[str, str], *, may_be_archived: bool = False) -> Channel | Reply:
        found = self.channels_made.get(fields.get("channel", ""))
        if found is None:
            return _no("channel_not_found")
        if found.is_archived and not may_be_archived:
            return _no("is_archived")
        return found if BOT in found.members or may_be_archived else _no("not_in_channel")

    def _conversations_setPurpose(self, fields: dict[str, str], token: str) -> Reply:  # noqa: N802 - Slack's name
        del token
        found = self._of(fields)
        if isinstance(found, Reply):
            return found
        found.purpose = fields["purpose"]
        return _yes()

    def _conversations_setTopic(self, fields: dict[str, str], token: str) -> Reply:  # noqa: N802 - Slack's name
        del token
        found = self._of(fields)
        if isinstance(found, Reply):
            return found
        found.topic = fields["topic"]
        return _yes()

    def _conversations_invite(self, fields: dict[str, str], token: str) -> Reply:
        found = self._of(fields, may_be_archived=token == USER_TOKEN)
        if isinstance(found, Reply):
            return found
        member = fields["users"]
        if member not in self.people and member != BOT:
            return _no("user_not_found")
        if member in found.members:
            return _no("already_in_channel")
        found.members.append(member)
        return _yes()

    def _chat_postMessage(self, fields: dict[str, str], token: str) -> Reply:  # noqa: N802 - Slack's name
        del token
        found = self._of(fields)
        if isinstance(found, Reply):
            return found
        self._n += 1
        ts = f"{to_us(self.now) // 1_000_000}.{self._n:06d}"
        found.messages.append({"ts": ts, "bot_id": BOT_ID, **_message(fields)})
        return _yes(channel=found.id, ts=ts)

    def _chat_update(self, fields: dict[str, str], token: str) -> Reply:
        del token
        found = self._of(fields)
        if isinstance(found, Reply):
            return found
        message = next((one for one in found.messages if one["ts"] == fields.get("ts")), None)
        if message is None:
            return _no("message_not_found")
        message |= {name: value for name, value in _message(fields).items() if name != "metadata"}
        return _yes(ts=fields["ts"])

    def _conversations_history(self, fields: dict[str, str], token: str) -> Reply:
        del token
        found = self._of(fields)
        return found if isinstance(found, Reply) else _yes(messages=list(reversed(found.messages)))

    def _pins_add(self, fields: dict[str, str], token: str) -> Reply:
        del token
        found = self._of(fields)
        if isinstance(found, Reply):
            return found
        ts = fields["timestamp"]
        if ts in found.pins:
            return _no("already_pinned")
        if not any(one["ts"] == ts for one in found.messages):
            return _no("message_not_found")
        found.pins.append(ts)
        return _yes()

    def _conversations_archive(self, fields: dict[str, str], token: str) -> Reply:
        del token
        found = self._of(fields, may_be_archived=True)
        if isinstance(found, Reply):
            return found
        if found.is_archived:
            return _no("already_archived")
        found.is_archived = True
        # As Slack does: apps are put out of what is archived.
        found.members = [one for one in found.members if one != BOT]
        return _yes()

    def _conversations_unarchive(self, fields: dict[str, str], token: str) -> Reply:
        if token == TOKEN:
            return _no("not_in_channel")
        found = self._of(fields, may_be_archived=True)
        if isinstance(found, Reply):
            return found
        if not found.is_archived:
            return _no("not_archived")
        found.is_archived = False
        return _yes()

    def _users_info(self, fields: dict[str, str], token: str) -> Reply:
        del token
        member = fields.get("user", "")
        return _yes(user=self._user(member)) if member in self.people else _no("user_not_found")

    def _users_lookupByEmail(self, fields: dict[str, str], token: str) -> Reply:  # noqa: N802 - Slack's name
        del token
        email = fields.get("email", "").lower()
        found = next((one for one, told in self.people.items() if told["email"].lower() == email), None)
        return _no("users_not_found") if found is None else _yes(user=self._user(found))

    def _user(self, member: str) -> dict[str, Any]:
        told = self.people[member]
        profile = {"display_name": told["name"], "real_name": told["name"], "email": told["email"]}
        is_confirmed = told["confirmed"] == "True"
        known = {"id": member, "team_id": told["team"], "name": told["name"], "profile": profile}
        return {**known, "is_email_confirmed": is_confirmed}

    # What Slack sends.

    def says(
        self,
        url: str,
        channel: Channel,
        member: str,
        text: str,
        *,
        at: datetime,
        event_id: str,
        secret: str = SIGNING_SECRET,
        **more: Any,
    ) -> Callback:
        """Somebody writes something."""
        ts = f"{to_us(at) // 1_000_000}.{to_us(at) % 1_000_000:06d}"
        event = {"type": "message", "channel": channel.id, "user": member, "text": text, "ts": ts, "event_ts": ts}
        return self.tells(url, {**event, **more}, at=at, event_id=event_id, secret=secret)

    def tells(
        self, url: str, event: dict[str, Any], *, at: datetime, event_id: str, secret: str = SIGNING_SECRET
    ) -> Callback:
        """Something happened."""
        body = {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": APP,
            "token": VERIFICATION_TOKEN,
            "authorizations": [{"team_id": TEAM, "user_id": BOT, "is_bot": True}],
            "event_id": event_id,
            "event_time": to_us(at) // 1_000_000,
            "event": event,
        }
        told = self.signed(url, msgspec.json.encode(body), at=at, secret=secret)
        return Callback(url=url, headers={**told.headers, "Content-Type": "application/json"}, body=told.body)

    def asks(
        self, url: str, text: str, *, member: str, channel: str, at: datetime, secret: str = SIGNING_SECRET
    ) -> Callback:
        """Somebody writes `/resile text`."""
        self._n += 1
        fields = {
            "command": "/resile",
            "text": text,
            "user_id": member,
            "user_name": member.lower(),
            "channel_id": channel,
            "team_id": TEAM,
            "trigger_id": f"{self._n}.{to_us(at)}.0123456789abcdef",
            "response_url": f"{self.address}/actions/T0000000/2/command",
        }
        return self.signed(url, urlencode(fields).encode(), at=at, secret=secret)

    def taps(
        self,
        url: str,
        channel: Channel,
        action_id: str,
        *,
        member: str,
        at: datetime,
        press: str,
        within: str | None = None,
    ) -> Callback:
        """Somebody presses a button of the channel's card; `within`: as if it stood in another channel."""
        buttons = [one for block in channel.card["blocks"] for one in block.get("elements", ())]
        button = next(one for one in buttons if one.get("action_id") == action_id)
        payload = {
            "type": "block_actions",
            "user": {"id": member, "username": member.lower(), "team_id": TEAM},
            "channel": {"id": within or channel.id, "name": channel.name},
            "response_url": f"{self.address}/actions/T0000000/3/button",
            "actions": [{"type": "button", "action_ts": press, **button}],
        }
        return self.signed_payload(url, payload, at=at)


def _message(fields: dict[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"text": fields.get("text", "")}
    for name in ("blocks", "metadata"):
        if name in fields:
            told[name] = msgspec.json.decode(fields[name])
    return told


def _yes(**more: Any) -> Reply:
    return Reply(body={"ok": True, **more})


def _no(error: str) -> Reply:
    return Reply(body={"ok": False, "error": error})
