"""Channels of Slack as rooms of incidents: made, dressed, filled with people, archived.

Slack has no key by which it would know a request again. So each thing is looked for before it is made a second time:
a channel by its maker and name, a card by its metadata.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from threading import Lock
from typing import Any

from msgspec import Struct

from resile.channels.slack_api import SlackApi
from resile.channels.slack_errors import SlackRefusedError
from resile.model.time import from_us
from resile.ports.channel import UncertainError

TIMEOUT_S = 5.0
CARD_EVENT = "resile_card"
MAX_TOPIC = 250
# Rooms of this app that are looked through for one, and messages for a card: the newest come first.
_MAX_PAGES = 50
_PER_PAGE = 100
_MAX_LOOKED_AT = 50


class Workspace(Struct, frozen=True, kw_only=True):
    """Where the app is at home, and as whom; `scopes`: the rights that it has, empty where Slack does not tell."""

    team_id: str
    name: str
    url: str
    user_id: str
    scopes: frozenset[str]


class SlackChannel(Struct, frozen=True, kw_only=True):
    """A channel as Slack tells it."""

    id: str
    name: str
    creator: str
    created_at: datetime
    purpose: str
    is_archived: bool


class SlackMember(Struct, frozen=True, kw_only=True):
    """Somebody; `email` only where the workspace is their own, so that it vouches for it."""

    id: str
    name: str
    email: str | None


class SlackRooms:
    """A workspace's channels, for the app that made them. May be used from several threads.

    Args:
        as_person: asks with the token of a person: Slack lets no bot take a channel out of the archive. None: there is
            no such token.
    """

    def __init__(self, api: SlackApi, *, as_person: SlackApi | None = None) -> None:
        self._api = api
        self._as_person = as_person
        self._lock = Lock()
        self._workspace: Workspace | None = None

    def workspace(self, *, anew: bool = False) -> Workspace:
        """Where the app is at home; asked once, unless `anew`."""
        with self._lock:
            known = self._workspace
        if known is not None and not anew:
            return known
        answer = self._api.call("auth.test", timeout_s=TIMEOUT_S)
        said = answer.body
        found = Workspace(
            team_id=_text(said, "team_id"),
            name=_text(said, "team"),
            url=_text(said, "url"),
            user_id=_text(said, "user_id"),
            scopes=answer.scopes,
        )
        with self._lock:
            self._workspace = found
        return found

    def make(self, name: str, *, is_private: bool) -> SlackChannel:
        """Make a channel.

        Raises:
            SlackRefusedError: `name_taken` and others.
        """
        return _channel(self._call("conversations.create", name=name, is_private=is_private).get("channel"))

    def made_by_us(self, name: str, *, is_private: bool) -> SlackChannel | None:
        """The channel of that name that this app made, archived or not."""
        us = self.workspace().user_id
        found = (one for one in self._ours(is_private=is_private) if one.name == name and one.creator == us)
        return next(found, None)

    def _ours(self, *, is_private: bool) -> Iterator[SlackChannel]:
        cursor = ""
        for _ in range(_MAX_PAGES):
            said = self._call(
                "users.conversations",
                types="private_channel" if is_private else "public_channel",
                exclude_archived=False,
                limit=_PER_PAGE,
                cursor=cursor or None,
            )
            yield from (_channel(one) for one in _list(said, "channels"))
            metadata = said.get("response_metadata")
            cursor = _text(metadata, "next_cursor") if isinstance(metadata, dict) else ""
            if not cursor:
                return

    def set_purpose(self, channel: str, purpose: str) -> None:
        """Say what the channel is for."""
        self._call("conversations.setPurpose", channel=channel, purpose=purpose[:MAX_TOPIC])

    def set_topic(self, channel: str, topic: str) -> None:
        """Say what stands at its head."""
        self._call("conversations.setTopic", channel=channel, topic=topic[:MAX_TOPIC])

    def post_card(self, channel: str, card: Mapping[str, Any], *, incident_id: str) -> str:
        """Post a card; its name at Slack."""
        metadata = {"event_type": CARD_EVENT, "event_payload": {"incident": incident_id}}
        ts = _text(self._call("chat.postMessage", channel=channel, metadata=metadata, **card), "ts")
        if not ts:
            raise UncertainError("Slack did not name the card that it posted; look there whether it arrived")
        return ts

    def card_in(self, channel: str, *, incident_id: str) -> str | None:
        """The card that was posted, where the answer to that was lost; None: there is none."""
        said = self._call("conversations.history", channel=channel, limit=_MAX_LOOKED_AT, include_all_metadata=True)
        for message in _list(said, "messages"):
            metadata = message.get("metadata")
            if not isinstance(metadata, dict) or metadata.get("event_type") != CARD_EVENT:
                continue
            payload = metadata.get("event_payload")
            if isinstance(payload, dict) and payload.get("incident") == incident_id:
                return _text(message, "ts") or None
        return None

    def change_card(self, channel: str, ts: str, card: Mapping[str, Any]) -> None:
        """Show something else on a card."""
        self._call("chat.update", channel=channel, ts=ts, **card)

    def pin(self, channel: str, ts: str) -> None:
        """Pin a message; pinned already is as good."""
        self._call("pins.add", channel=channel, timestamp=ts, fine=("already_pinned",))

    def invite(self, channel: str, member: str) -> None:
        """Bring somebody in; who is in already stays."""
        self._call("conversations.invite", channel=channel, users=member, fine=("already_in_channel",))

    def archive(self, channel: str) -> None:
        """Put a channel into the archive; archived already is as good."""
        self._call("conversations.archive", channel=channel, fine=("already_archived",))

    def unarchive(self, channel: str) -> None:
        """Take it out of the archive, and go in again.

        Raises:
            SlackRefusedError: `not_in_channel` and others, where there is no token of a person.
        """
        with_whom = self._as_person or self._api
        try:
            with_whom.call("conversations.unarchive", {"channel": channel}, timeout_s=TIMEOUT_S)
        except SlackRefusedError as error:
            if error.code != "not_archived":
                raise
        if self._as_person is not None:
            # Whoever took it out is in; the app was put out when it was archived.
            fields = {"channel": channel, "users": self.workspace().user_id}
            try:
                self._as_person.call("conversations.invite", fields, timeout_s=TIMEOUT_S)
            except SlackRefusedError as error:
                if error.code != "already_in_channel":
                    raise

    def member(self, member_id: str) -> SlackMember | None:
        """Who somebody is; None: Slack knows nobody of that id."""
        said = self._call("users.info", user=member_id, fine=("user_not_found", "users_not_found", "user_not_visible"))
        return _member(said.get("user"), self.workspace().team_id)

    def member_by_email(self, email: str) -> SlackMember | None:
        """Who has this address; None: nobody."""
        said = self._call("users.lookupByEmail", email=email, fine=("users_not_found", "user_not_found"))
        return _member(said.get("user"), self.workspace().team_id)

    def _call(self, method: str, *, fine: tuple[str, ...] = (), **fields: Any) -> Mapping[str, Any]:
        """What Slack says; nothing where it refuses for a reason that is as good as done."""
        try:
            return self._api.call(method, fields, timeout_s=TIMEOUT_S).body
        except SlackRefusedError as error:
            if error.code in fine:
                return {}
            raise


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _list(said: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = said.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _channel(said: object) -> SlackChannel:
    if not isinstance(said, dict) or not _text(said, "id"):
        raise UncertainError("Slack did not name the channel; look there whether it was made")
    purpose, created = said.get("purpose"), said.get("created")
    return SlackChannel(
        id=_text(said, "id"),
        name=_text(said, "name"),
        creator=_text(said, "creator"),
        created_at=from_us(int(created) * 1_000_000 if isinstance(created, int) else 0),
        purpose=_text(purpose, "value") if isinstance(purpose, dict) else "",
        is_archived=said.get("is_archived") is True,
    )


def _member(said: object, team_id: str) -> SlackMember | None:
    if not isinstance(said, dict) or not _text(said, "id"):
        return None
    profile = said.get("profile")
    told = profile if isinstance(profile, dict) else {}
    name = _text(told, "display_name") or _text(told, "real_name") or _text(said, "real_name") or _text(said, "name")
    # Of a guest from another workspace that one says what their address is: no reason to believe it here.
    is_at_home = not said.get("deleted") and not said.get("is_bot") and _text(said, "team_id") == team_id
    # One that nobody confirmed is what somebody typed.
    is_at_home = is_at_home and said.get("is_email_confirmed") is not False
    email = _text(told, "email")
    return SlackMember(
        id=_text(said, "id"), name=name or _text(said, "id"), email=email if is_at_home and email else None
    )
