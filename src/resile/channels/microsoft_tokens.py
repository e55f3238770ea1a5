"""Tokens by which an app speaks to Microsoft: client credentials, each kept in memory until shortly before its end."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from resile.channels.http_client import HttpClient, taken
from resile.channels.refusals import WordedRefusalError
from resile.channels.words import shortened
from resile.ports.channel import UncertainError
from resile.ports.clock import Clock

LOGIN = "https://login.microsoftonline.com"
SETTING = "chat.teams.app.client_secret"
PROVIDER = "Microsoft"
TIMEOUT_S = 5.0
_EARLY = timedelta(minutes=5)
_SHORTEST_S, _LONGEST_S = 60, 86_400
_REFUSED = range(400, 500)
_TOO_OFTEN = 429


class MicrosoftTokens:
    """An app's tokens, by what they are for. May be used from several threads.

    Args:
        login: where Microsoft lets in.
        tenant: the organisation's id or domain.
    """

    def __init__(
        self, http: HttpClient, clock: Clock, *, login: str, tenant: str, client_id: str, client_secret: SecretStr
    ) -> None:
        self._http = http
        self._clock = clock
        self._url = f"{login}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        self._client_id = client_id
        self._client_secret = client_secret
        self._lock = Lock()
        self._known: dict[str, tuple[SecretStr, datetime]] = {}

    def token(self, scope: str) -> SecretStr:
        """A token that holds for some minutes yet.

        Raises:
            RefusedError, UncertainError: Microsoft gives none now.
        """
        now = self._clock.now()
        with self._lock:
            known = self._known.get(scope)
        if known is not None and known[1] > now:
            return known[0]
        said = self._asked(scope)
        token, lasts_s = said.get("access_token"), said.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(lasts_s, int):
            raise UncertainError("Microsoft gave no token, but no reason either; try again in a while")
        lasts = timedelta(seconds=min(max(lasts_s, _SHORTEST_S), _LONGEST_S))
        with self._lock:
            self._known[scope] = (SecretStr(token), now + max(lasts - _EARLY, lasts / 2))
        return SecretStr(token)

    def forget(self, scope: str) -> None:
        """It was refused: the next one is asked for anew."""
        with self._lock:
            self._known.pop(scope, None)

    def _asked(self, scope: str) -> Mapping[str, Any]:
        fields = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
            "scope": scope,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = self._http.ask(
            "POST",
            self._url,
            provider=PROVIDER,
            timeout_s=TIMEOUT_S,
            headers=headers,
            body=urlencode(fields).encode(),
        )
        said = answer.json(PROVIDER) if answer.status in {200, *_REFUSED} - {_TOO_OFTEN} else {}
        if answer.status in _REFUSED and answer.status != _TOO_OFTEN:
            code = shortened(str(said.get("error", "")), 60) if isinstance(said, dict) else ""
            raise WordedRefusalError(f"Microsoft does not let us in ({code}); check {SETTING}", code, is_final=False)
        taken(answer, PROVIDER)
        return said if isinstance(said, dict) else {}
