"""Slack's Web API, one call at a time: what it says, or why it does not."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from pydantic import SecretStr

from resile.channels.http_client import HttpClient, taken
from resile.channels.refusals import RATE_LIMITED, Rests, asked_rest_s
from resile.channels.slack_errors import SlackRefusedError, refusal
from resile.ports.channel import UncertainError
from resile.ports.clock import Clock

API = "https://slack.com/api"
PROVIDER = "Slack"
_FAULT = 500
# Lists of channels and messages are longer than what is said to a page.
_MAX_ANSWER = 1 << 20
_SCOPES = "x-oauth-scopes"
_TOO_OFTEN = 429
# Where Slack does not say how long to rest.
_RESTS_S = 30.0
# Counted by Slack for each channel; all else for the workspace.
_BY_CHANNEL = frozenset({"chat.postMessage"})


class SlackAnswer(Struct, frozen=True, kw_only=True):
    """What Slack said; `scopes`: the rights that the token has, where Slack tells."""

    body: Mapping[str, Any]
    scopes: frozenset[str]


class SlackApi:
    """Asks as an app. What Slack takes no more for a while is not asked of it until then, for whichever channel.

    Args:
        setting: where the token stands, for sentences.
    """

    def __init__(self, http: HttpClient, *, token: SecretStr, api: str = API, setting: str, clock: Clock) -> None:
        self._http = http
        self._rests = Rests(clock, PROVIDER, SlackRefusedError)
        self._token = token
        self._api = api
        self._setting = setting

    def is_of_slack(self, address: str, hooks: str) -> bool:
        """Whether an address that came with a request may be answered: it is Slack's own."""
        return address.startswith((f"{hooks}/", f"{self._api}/"))

    def call(self, method: str, fields: Mapping[str, Any] | None = None, *, timeout_s: float) -> SlackAnswer:
        """Call a method; fields that are None are left out, lists and mappings are written as JSON.

        Raises:
            RefusedError: Slack did not do it; a SlackRefusedError says its word for it.
            UncertainError: nobody knows whether it did.
        """
        given = {name: _written(value) for name, value in (fields or {}).items() if value is not None}
        which = (method, given.get("channel", "") if method in _BY_CHANNEL else "")
        self._rests.check(which)
        answer = self._http.ask(
            "POST",
            f"{self._api}/{method}",
            provider=PROVIDER,
            timeout_s=timeout_s,
            headers={
                # Half of the methods read no JSON; all read forms.
                "content-type": "application/x-www-form-urlencoded; charset=utf-8",
                "authorization": f"Bearer {self._token.get_secret_value()}",
            },
            body=urlencode(given).encode(),
            most_bytes=_MAX_ANSWER,
        )
        if answer.status == _FAULT:
            raise UncertainError(f"Slack had a fault (500), which leaves open whether it did {method}")
        if answer.status == _TOO_OFTEN:
            raise self._rests.rest(which, asked_rest_s(answer.headers.get("retry-after", ""), _RESTS_S))
        said = taken(answer, PROVIDER, ours=self._setting).json(PROVIDER)
        if not isinstance(said, dict):
            raise UncertainError(f"Slack did not answer {method} as it does; look there whether it was done")
        if said.get("ok") is not True:
            if said.get("error") == RATE_LIMITED:
                raise self._rests.rest(which, _RESTS_S)
            needed = said.get("needed")
            error = refusal(
                str(said.get("error", "")), setting=self._setting, needed=needed if isinstance(needed, str) else "it"
            )
            raise error
        scopes = frozenset(one.strip() for one in answer.headers.get(_SCOPES, "").split(",") if one.strip())
        return SlackAnswer(body=said, scopes=scopes)

    def tell(self, address: str, words: str, *, timeout_s: float) -> None:
        """Answer whoever pressed or asked something, and nobody else, at the address that came with it."""
        body = {"response_type": "ephemeral", "replace_original": False, "text": words}
        headers = {"content-type": "application/json; charset=utf-8"}
        answer = self._http.ask(
            "POST",
            address,
            provider=PROVIDER,
            timeout_s=timeout_s,
            headers=headers,
            body=msgspec.json.encode(body),
        )
        taken(answer, PROVIDER)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict | tuple):
        return msgspec.json.encode(value).decode()
    return str(value)
