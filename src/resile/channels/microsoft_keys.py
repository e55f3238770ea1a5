"""Whether Microsoft's Bot Connector signed what arrives: a JSON Web Token, checked by the keys that it publishes.

As Microsoft's page "Authenticate requests from the Bot Connector service to your bot" has it: RS256 alone, the issuer,
the app as audience, the times, the address of the service, and a key that is endorsed for Teams.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import jwt
import structlog
from jwt.types import Options
from msgspec import Struct

from resile.channels.http_client import HttpClient, taken
from resile.channels.outward import place_of
from resile.model.errors import AccessError, ConfigError, DeliveryError
from resile.model.time import to_us
from resile.ports.clock import Clock

KEYS = "https://login.botframework.com/v1/.well-known/openidconfiguration"
ISSUER = "https://api.botframework.com"
CHANNEL = "msteams"
PROVIDER = "Microsoft"
_TIMEOUT_S = 5.0
_LASTS = timedelta(hours=24)
# A key that is not known may be a new one; whoever makes names up has them looked for no more often.
_LOOKS_EVERY = timedelta(minutes=1)
_SKEW_S = 300
_MAX_TOKEN = 8_192
_MAX_ANSWER = 1 << 18
_MAX_KEYS = 100
_OPTIONS: Options = {
    "require": ["exp", "iss", "aud"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
_log = structlog.get_logger()


class _Key(Struct, frozen=True):
    key: Any
    endorsements: frozenset[str]


class MicrosoftKeys:
    """The keys, looked up once a day, and where one is not known. May be used from several threads.

    Args:
        address: of the document that says where they are.
        app_id: for whom tokens must be.
    """

    def __init__(self, http: HttpClient, clock: Clock, *, address: str, app_id: str) -> None:
        self._http = http
        self._clock = clock
        self._address = address
        self._app_id = app_id
        self._lock = Lock()
        self._keys: dict[str, _Key] = {}
        self._looked_at: datetime | None = None
        self._is_looking = False

    def check(self, authorization: str) -> Mapping[str, Any]:
        """The claims of a token that holds now.

        Raises:
            AccessError: somebody else speaks, or what was said is long ago.
            DeliveryError: the keys are not known, and Microsoft does not give them now.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN:
            raise AccessError("this is not signed by Microsoft's Bot Connector")
        try:
            head = jwt.get_unverified_header(token)
            if head.get("alg") != "RS256" or not isinstance(head.get("kid"), str):
                raise AccessError("this is not signed as Microsoft's Bot Connector signs")
            key = self._key(head["kid"])
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=self._app_id,
                issuer=ISSUER,
                # The times are compared with our own clock, below.
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise AccessError(
                "this is not signed by Microsoft's Bot Connector for this app; check chat.teams.app.client_id"
            ) from None
        self._check_times(claims)
        if CHANNEL not in key.endorsements:
            raise AccessError("the key by which this is signed is not for Teams")
        return claims

    def look_up(self) -> None:
        """See whether the keys can be had now.

        Raises:
            DeliveryError: Microsoft does not give them.
        """
        self._looked_up()

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now_s = to_us(self._clock.now()) // 1_000_000
        until, since = claims.get("exp"), claims.get("nbf", 0)
        if isinstance(until, bool) or not isinstance(until, int | float) or not isinstance(since, int | float):
            raise AccessError("the token says no time that can be read")
        if now_s > until + _SKEW_S or now_s < since - _SKEW_S:
            raise AccessError("the token holds no more, or not yet; check the server's clock")

    def _key(self, kid: str) -> _Key:
        now = self._clock.now()
        with self._lock:
            since = None if self._looked_at is None else now - self._looked_at
            is_due = since is None or since >= (_LOOKS_EVERY if kid not in self._keys else _LASTS)
            looks = is_due and not self._is_looking
            if looks:
                self._looked_at, self._is_looking = now, True
        if looks:
            self._look()
        with self._lock:
            found = self._keys.get(kid)
            # Whoever makes keys up must not have everybody wait for Microsoft: a new one is told again.
            is_known = bool(self._keys) and not self._is_looking
        if found is not None:
            return found
        if not is_known:
            raise DeliveryError("Microsoft does not say now by which keys its Bot Connector signs")
        raise AccessError("the key by which this is signed is none of Microsoft's Bot Connector")

    def _look(self) -> None:
        """Look the keys up, while others go by those that are known."""
        found: dict[str, _Key] = {}
        try:
            found = self._looked_up()
        except DeliveryError as error:
            # Yesterday's keys hold on.
            _log.warning("keys not looked up", because=str(error))
        finally:
            with self._lock:
                self._keys, self._is_looking = found or self._keys, False

    def _looked_up(self) -> dict[str, _Key]:
        said = self._asked(self._address)
        where = said.get("jwks_uri")
        if not isinstance(where, str) or not _is_safe(where):
            raise DeliveryError("Microsoft does not say where the keys of its Bot Connector are")
        listed = self._asked(where).get("keys")
        found: dict[str, _Key] = {}
        for one in listed[:_MAX_KEYS] if isinstance(listed, list) else []:
            kid = one.get("kid") if isinstance(one, dict) else None
            if not isinstance(kid, str) or one.get("kty") != "RSA":
                continue
            try:
                key = jwt.PyJWK(one, algorithm="RS256").key
            except (jwt.PyJWTError, ValueError, TypeError):
                continue
            endorsed = one.get("endorsements")
            words = endorsed if isinstance(endorsed, list) else []
            found[kid] = _Key(key, frozenset(word for word in words if isinstance(word, str)))
        if not found:
            raise DeliveryError("Microsoft publishes no key of its Bot Connector that can be read")
        return found

    def _asked(self, address: str) -> Mapping[str, Any]:
        answer = self._http.ask("GET", address, provider=PROVIDER, timeout_s=_TIMEOUT_S, most_bytes=_MAX_ANSWER)
        said = taken(answer, PROVIDER, ours="chat.teams.app.keys").json(PROVIDER)
        return said if isinstance(said, dict) else {}


def _is_safe(address: str) -> bool:
    try:
        place = place_of(address)
    except ConfigError:
        return False
    return place.scheme == "https" or place.host in _THIS_MACHINE
