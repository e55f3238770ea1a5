"""Messages of resile's app to channels of Teams, by the Bot Framework's connector: posted, changed, answered."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from resile.channels.http_client import HttpAnswer, HttpClient, taken
from resile.channels.microsoft_tokens import TIMEOUT_S, MicrosoftTokens
from resile.channels.refusals import Rests, WordedRefusalError, asked_rest_s
from resile.ports.channel import UncertainError
from resile.ports.clock import Clock

CONNECTOR = "https://smba.trafficmanager.net/teams"
SCOPE = "https://api.botframework.com/.default"
PROVIDER = "Teams"
NOT_FOUND, NOT_IN, CHANNEL_GONE = "message_not_found", "not_in_team", "channel_not_found"
_RESTS_S = 5.0
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_OFTEN, _FAULT = 401, 403, 404, 429, 500
# Teams asks for patience with these as well.
_LATER = frozenset({_TOO_OFTEN, 412, 503})


class TeamsConnector:
    """Speaks as the app. May be used from several threads.

    Args:
        connector: where Microsoft takes messages; the address that comes with what people write is taken only where it
            is on the same host.
    """

    def __init__(self, http: HttpClient, tokens: MicrosoftTokens, clock: Clock, *, connector: str) -> None:
        self._http = http
        self._tokens = tokens
        self._connector = connector
        self._rests = Rests(clock, PROVIDER)

    def check(self) -> None:
        """See whether Microsoft lets the app in.

        Raises:
            DeliveryError: it does not.
        """
        self._tokens.token(SCOPE)

    def post(self, channel: str, activity: Mapping[str, Any]) -> str:
        """Begin a thread in a channel; Teams' name of the message.

        Raises:
            RefusedError: it was not posted; a WordedRefusalError says why.
            UncertainError: nobody knows whether it was.
        """
        said = self._call("POST", self._connector, channel, "", activity)
        name = said.get("id")
        if not isinstance(name, str) or not name:
            raise UncertainError("Teams did not name the card that it posted; look there whether it arrived")
        return name

    def change(self, channel: str, message: str, activity: Mapping[str, Any]) -> None:
        """Show something else in a message."""
        self._call("PUT", self._connector, channel, message, {**activity, "id": message})

    def reply(self, service_url: str, conversation: str, message: str, text: str) -> None:
        """Answer below a message, plain."""
        activity = {"type": "message", "textFormat": "plain", "text": text, "replyToId": message}
        self._call("POST", self._near(service_url), conversation, message, activity)

    def _near(self, service_url: str) -> str:
        try:
            given, ours = urlsplit(service_url), urlsplit(self._connector)
        except ValueError:
            return self._connector
        is_ours = (given.scheme, given.netloc) == (ours.scheme, ours.netloc)
        return service_url.rstrip("/") if is_ours and not given.query else self._connector

    def _call(
        self, method: str, base: str, conversation: str, message: str, activity: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        which = ("messages", conversation)
        self._rests.check(which)
        path = f"/v3/conversations/{quote(conversation, safe='')}/activities"
        url = f"{base}{path}" + (f"/{quote(message, safe='')}" if message else "")
        answer = self._asked(method, url, activity)
        if answer.status == _UNAUTHORIZED:
            self._tokens.forget(SCOPE)
            answer = self._asked(method, url, activity)
        if answer.status in _LATER:
            raise self._rests.rest(which, asked_rest_s(answer.headers.get("retry-after", ""), _RESTS_S))
        if answer.status == _FAULT:
            raise UncertainError("Teams had a fault (500), which leaves open whether the message was taken")
        if answer.status == _NOT_FOUND:
            code = NOT_FOUND if message else CHANNEL_GONE
            raise WordedRefusalError("Teams does not know the channel or the message", code, is_final=True)
        if answer.status == _FORBIDDEN:
            words = "Teams does not let the app write there; add the app to the team, see docs/how-to/teams.md"
            raise WordedRefusalError(words, NOT_IN, is_final=True)
        taken(answer, PROVIDER, ours="[chat.teams.app]")
        said = answer.json(PROVIDER) if answer.body.strip() else {}
        return said if isinstance(said, dict) else {}

    def _asked(self, method: str, url: str, activity: Mapping[str, Any]) -> HttpAnswer:
        token = self._tokens.token(SCOPE).get_secret_value()
        return self._http.ask(
            method,
            url,
            provider=PROVIDER,
            timeout_s=TIMEOUT_S,
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            body=msgspec.json.encode(activity),
        )
