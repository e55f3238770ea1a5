"""Channels of a team in Microsoft Teams, by Microsoft Graph: made, found again, filled with people, archived.

As https://learn.microsoft.com/graph/api/channel-post has it. Graph knows no request again; a channel is found by its
name, and known by its description, which is written in the same request.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from resile.channels.http_client import HttpAnswer, HttpClient, taken
from resile.channels.microsoft_tokens import TIMEOUT_S, MicrosoftTokens
from resile.channels.refusals import Rests, WordedRefusalError, asked_rest_s
from resile.channels.words import shortened
from resile.ports.channel import UncertainError
from resile.ports.clock import Clock

GRAPH = "https://graph.microsoft.com"
PROVIDER = "Microsoft Graph"
MAX_NAME = 50
NAME_TAKEN, GONE, NO_RIGHT, NOBODY = "name_taken", "channel_not_found", "no_right", "person_not_found"
_ADD = "add a person"
# A team's channels, of which 1,000 are allowed, come in one answer.
_MAX_ANSWER = 1 << 20
_RESTS_S = 30.0
_MAX_URL = 2_000
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _TOO_OFTEN, _FAULT = 401, 403, 404, 409, 429, 500
# Graph says of these statuses that they are of the moment, and for how long.
_LATER = frozenset({_TOO_OFTEN, 503})
_RIGHTS = {
    "make a channel": "Channel.Create.Group",
    "look for a channel": "ChannelSettings.Read.Group",
    "archive a channel": "ChannelSettings.ReadWrite.Group",
    "unarchive a channel": "ChannelSettings.ReadWrite.Group",
    _ADD: "TeamMember.ReadWrite.All",
}


class TeamsChannel(Struct, frozen=True, kw_only=True):
    """A channel as Graph tells it; `url` leads people to it."""

    id: str
    name: str
    description: str
    created_at: datetime | None
    url: str | None


class TeamsGraph:
    """One team's channels. May be used from several threads.

    Args:
        team: the id of its group.
    """

    def __init__(self, http: HttpClient, tokens: MicrosoftTokens, clock: Clock, *, graph: str, team: str) -> None:
        self._http = http
        self._tokens = tokens
        self._graph = graph
        self._scope = f"{graph}/.default"
        self._channels = f"/teams/{quote(team, safe='')}/channels"
        self._members = f"/teams/{quote(team, safe='')}/members"
        self._rests = Rests(clock, PROVIDER)

    def make(self, name: str, description: str) -> TeamsChannel:
        """Make a channel that the whole team sees.

        Raises:
            WordedRefusalError: `name_taken` and others.
        """
        body = {"displayName": name, "description": description, "membershipType": "standard"}
        return _channel(self._call("make a channel", "POST", self._channels, body))

    def called(self, name: str) -> TeamsChannel | None:
        """The channel of that name; None: there is none."""
        # An apostrophe within is doubled; names of ours have none.
        wanted = quote(f"displayName eq '{name.replace(chr(39), chr(39) * 2)}'")
        found = self._call("look for a channel", "GET", f"{self._channels}?$filter={wanted}").get("value")
        listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        return next((_channel(one) for one in listed if one.get("displayName") == name), None)

    def archive(self, channel: str) -> None:
        """Put a channel into the archive; there already is as good."""
        self._call("archive a channel", "POST", f"{self._channels}/{quote(channel, safe='')}/archive", {})

    def unarchive(self, channel: str) -> None:
        """Take it out again."""
        self._call("unarchive a channel", "POST", f"{self._channels}/{quote(channel, safe='')}/unarchive", {})

    def add(self, member: str) -> None:
        """Make somebody a member of the team, who sees its channels then; who is one stays one.

        Args:
            member: their object id.

        Raises:
            WordedRefusalError: `person_not_found`, `no_right` and others.
        """
        body = {
            "@odata.type": "#microsoft.graph.aadUserConversationMember",
            "roles": [],
            "user@odata.bind": f"{self._graph}/v1.0/users('{quote(member, safe='')}')",
        }
        try:
            self._call(_ADD, "POST", self._members, body)
        except WordedRefusalError as error:
            if error.code != NAME_TAKEN:
                raise

    def _call(self, what: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        which = (what, "")
        self._rests.check(which)
        answer = self._asked(method, path, body)
        if answer.status == _UNAUTHORIZED:
            # A token may be taken back before its end.
            self._tokens.forget(self._scope)
            answer = self._asked(method, path, body)
        if answer.status in _LATER:
            raise self._rests.rest(which, asked_rest_s(answer.headers.get("retry-after", ""), _RESTS_S))
        if answer.status == _FAULT:
            raise UncertainError(f"Microsoft Graph had a fault (500), which leaves open whether it did {what}")
        if answer.status in {400, _FORBIDDEN, _NOT_FOUND, _CONFLICT}:
            raise _refusal(what, answer)
        taken(answer, PROVIDER, ours="[chat.teams.app]")
        said = answer.json(PROVIDER) if answer.body.strip() else {}
        return said if isinstance(said, dict) else {}

    def _asked(self, method: str, path: str, body: Mapping[str, Any] | None) -> HttpAnswer:
        token = self._tokens.token(self._scope).get_secret_value()
        return self._http.ask(
            method,
            f"{self._graph}/v1.0{path}",
            provider=PROVIDER,
            timeout_s=TIMEOUT_S,
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            body=b"" if body is None else msgspec.json.encode(body),
            most_bytes=_MAX_ANSWER,
        )


def _refusal(what: str, answer: HttpAnswer) -> WordedRefusalError:
    """What a refusal means; Graph says the same of names in several ways."""
    said = _error_of(answer)
    words = {shortened(str(one), 60) for one in said if one}
    if answer.status == _CONFLICT or "NameAlreadyExists" in words:
        return WordedRefusalError(f"{PROVIDER} has one of that name already", NAME_TAKEN, is_final=True)
    if answer.status == _NOT_FOUND:
        # Somebody who left the organisation is no reason to leave the channel.
        code, whom = (NOBODY, "person") if what == _ADD else (GONE, "channel")
        return WordedRefusalError(f"{PROVIDER} does not know the team or the {whom}", code, is_final=True)
    if answer.status == _FORBIDDEN:
        right = _RIGHTS[what]
        sentence = f"{PROVIDER} does not let the app {what}; give it the right {right}, see docs/how-to/teams.md"
        return WordedRefusalError(sentence, NO_RIGHT, is_final=True)
    code = min(words) if words else "it does not say why"
    return WordedRefusalError(f"{PROVIDER} refused to {what} ({code})", code, is_final=True)


def _error_of(answer: HttpAnswer) -> tuple[object, object]:
    try:
        error = msgspec.json.decode(answer.body).get("error", {})
        inner = error.get("innerError", {})
        return error.get("code"), inner.get("code") if isinstance(inner, dict) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError):
        return None, None


def _channel(said: Mapping[str, Any]) -> TeamsChannel:
    name = _text(said, "id")
    if not name:
        raise UncertainError("Microsoft Graph did not name the channel; look there whether it was made")
    url, created = _text(said, "webUrl"), _text(said, "createdDateTime")
    try:
        created_at = datetime.fromisoformat(created)
    except ValueError:
        created_at = None
    return TeamsChannel(
        id=name,
        name=_text(said, "displayName"),
        description=_text(said, "description"),
        created_at=None if created_at is None or created_at.tzinfo is None else created_at,
        url=url if url.startswith("https://") and len(url) <= _MAX_URL else None,
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""
