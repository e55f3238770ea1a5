"""Microsoft on this machine, as an app of Teams meets it: tokens, Graph's channels, the connector, and signing keys.

As https://learn.microsoft.com has it: client credentials, channel-post and its refusals, the connector's activities,
and the tokens by which the Bot Connector signs. Names of channels are taken once, those of the archived too.
"""

import base64
from collections import Counter
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from msgspec import Struct, field

from resile.model.time import format_instant, to_us
from resile.testing.callbacks import Callback
from resile.testing.loopback_http import LoopbackHttp, Reply, Request

TENANT = "11111111-0000-4000-8000-000000000001"
APP = "22222222-0000-4000-8000-000000000002"
TEAM = "33333333-0000-4000-8000-000000000003"
SECRET = "loopback~secret"  # noqa: S105 - of nobody
ISSUER = "https://api.botframework.com"
_MAX_NAME = 50
_UNFIT = frozenset("~#%&*{}+/\\:<>?|'\",")
_HOUR_S = 3_600


class Place(Struct, kw_only=True):
    """A channel of the team; messages by their id."""

    id: str
    name: str
    description: str
    created_at: datetime
    is_archived: bool = False
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def card(self) -> dict[str, Any]:
        """What stands on the card that was posted last."""
        cards = [one for one in self.messages.values() if "attachments" in one]
        content: dict[str, Any] = cards[-1]["attachments"][0]["content"]
        return content

    @property
    def texts(self) -> list[str]:
        """Its lines."""
        return ["".join(run["text"] for run in block["inlines"]) for block in self.card["body"]]


class LoopbackTeamsApp(LoopbackHttp):
    """An organisation with one team, to which the app was added.

    Attributes:
        places: channels by id.
        members: object ids of the team's members.
        known: object ids of people of the organisation.
        refuses: by call (`token`, `make`, `find`, `add`, `archive`, `unarchive`, `post`, `change`), what is answered in
            place of the next ones: a status.
        calls: how often each was made.
        replies: texts of the app's answers.
        kid: by which name tokens are signed from now on; `rotate` changes it.
    """

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now
        self.places: dict[str, Place] = {}
        self.members: set[str] = set()
        self.known: set[str] = set()
        self.refuses: dict[str, list[int]] = {}
        self.calls: Counter[str] = Counter()
        self.replies: list[str] = []
        self.endorsements = ["msteams"]
        self.kid = "key1"
        self.keys: dict[str, RSAPrivateKey] = {self.kid: _new_key()}
        self.tokens: set[str] = set()
        self._n = 0

    def settings(self, **more: Any) -> dict[str, Any]:
        """`[chat.teams.app]`."""
        return {
            "tenant": TENANT,
            "client_id": APP,
            "client_secret": SECRET,
            "team": TEAM,
            "login": self.address,
            "graph": self.address,
            "connector": f"{self.address}/teams",
            "keys": f"{self.address}/openid",
            **more,
        }

    def rotate(self) -> None:
        """Sign by another key from now on; the one before is published no more."""
        self.kid = f"key{int(self.kid.removeprefix('key')) + 1}"
        self.keys = {self.kid: _new_key()}

    def place(self, name: str) -> Place:
        """The channel of that name."""
        return next(one for one in self.places.values() if one.name == name)

    def taken(self, name: str, description: str = "") -> Place:
        """A channel that somebody else made."""
        self._n += 1
        made = Place(id=f"19:{self._n:032x}@thread.tacv2", name=name, description=description, created_at=self.now)
        self.places[made.id] = made
        return made

    def answer(self, request: Request) -> Reply:
        """As Microsoft answers."""
        call, parts = _call_of(request), [unquote(one) for one in request.path.strip("/").split("/")]
        self.calls[call] += 1
        if self.refuses.get(call):
            status = self.refuses[call].pop(0)
            return _refused(status, "TooManyRequests" if status == 429 else "Refused")  # noqa: PLR2004 - a status
        if call in {"openid", "keys"}:
            return self._keys(call)
        if call == "token":
            return self._token(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens or (call in {"post", "change", "reply"}) != token.startswith("bot"):
            return _refused(401, "InvalidAuthenticationToken")
        reply: Reply = getattr(self, f"_{call}")(request, parts)
        return reply

    def _keys(self, call: str) -> Reply:
        if call == "openid":
            return Reply(body={"issuer": ISSUER, "jwks_uri": f"{self.address}/keys"})
        return Reply(body={"keys": [_published(kid, key, self.endorsements) for kid, key in self.keys.items()]})

    def _token(self, request: Request) -> Reply:
        fields = dict(one.split("=", 1) for one in request.body.decode().split("&"))
        if unquote(fields["client_secret"]) != SECRET or fields["client_id"] != APP or TENANT not in request.path:
            return Reply(status=401, body={"error": "invalid_client", "error_description": "AADSTS7000215"})
        self._n += 1
        token = f"{'bot' if 'botframework' in fields['scope'] else 'graph'}-token-{self._n}"
        self.tokens.add(token)
        return Reply(body={"token_type": "Bearer", "expires_in": _HOUR_S, "access_token": token})

    # Graph.

    def _make(self, request: Request, parts: list[str]) -> Reply:
        del parts
        told = request.json()
        name = told["displayName"]
        if not name or len(name) > _MAX_NAME or _UNFIT & set(name):
            return _refused(400, "InvalidChannelName")
        if any(one.name == name for one in self.places.values()):
            inner = {"code": "NameAlreadyExists"}
            return Reply(status=400, body={"error": {"code": "BadRequest", "innerError": inner}})
        return Reply(status=201, body=_shown(self.taken(name, told.get("description", ""))))

    def _find(self, request: Request, parts: list[str]) -> Reply:
        del parts
        wanted = request.query["$filter"].removeprefix("displayName eq '").removesuffix("'")
        return Reply(body={"value": [_shown(one) for one in self.places.values() if one.name == wanted]})

    def _add(self, request: Request, parts: list[str]) -> Reply:
        del parts
        member = request.json()["user@odata.bind"].split("'")[1]
        if member not in self.known:
            return _refused(404, "NotFound")
        if member in self.members:
            return _refused(409, "Conflict")
        self.members.add(member)
        return Reply(status=201, body={})

    def _archive(self, request: Request, parts: list[str]) -> Reply:
        del request
        return self._moved(parts[4], is_archived=True)

    def _unarchive(self, request: Request, parts: list[str]) -> Reply:
        del request
        return self._moved(parts[4], is_archived=False)

    def _moved(self, name: str, *, is_archived: bool) -> Reply:
        place = self.places.get(name)
        if place is None:
            return _refused(404, "NotFound")
        place.is_archived = is_archived
        return Reply(status=202, body=b"")

    # The connector.

    def _post(self, request: Request, parts: list[str]) -> Reply:
        place = self.places.get(parts[3])
        if place is None:
            return _refused(404, "ConversationNotFound")
        self._n += 1
        name = f"17456{self._n:08d}"
        place.messages[name] = request.json()
        return Reply(status=201, body={"id": name})

    def _change(self, request: Request, parts: list[str]) -> Reply:
        place = self.places.get(parts[3])
        if place is None or parts[5] not in place.messages:
            return _refused(404, "ActivityNotFoundInConversation")
        place.messages[parts[5]] = request.json()
        return Reply(body={"id": parts[5]})

    def _reply(self, request: Request, parts: list[str]) -> Reply:
        del parts
        self.replies.append(request.json()["text"])
        self._n += 1
        return Reply(status=201, body={"id": f"17457{self._n:08d}"})

    # What Teams sends.

    def tells(
        self, url: str, place: Place, text: str, *, member: str, name: str, at: datetime, **more: Any
    ) -> Callback:
        """Somebody writes something in a channel; `more` replaces what the activity says."""
        self._n += 1
        message = more.pop("id", f"17458{self._n:08d}")
        activity = {
            "type": "message",
            "id": message,
            "timestamp": format_instant(at),
            "serviceUrl": f"{self.address}/teams/",
            "channelId": "msteams",
            "from": {"id": f"29:{member}", "name": name, "aadObjectId": member},
            "recipient": {"id": f"28:{APP}", "name": "resile"},
            "conversation": {"isGroup": True, "id": f"{place.id};messageid={message}", "tenantId": TENANT},
            "channelData": {"channel": {"id": place.id}, "team": {"id": "19:team"}, "tenant": {"id": TENANT}},
            "textFormat": "plain",
            "text": text,
            **more,
        }
        return self.signed(url, activity, at=at)

    def asks(self, url: str, place: Place, text: str, *, member: str, name: str, at: datetime, **more: Any) -> Callback:
        """Somebody writes `@resile text`."""
        mention = {"type": "mention", "text": "<at>resile</at>", "mentioned": {"id": f"28:{APP}", "name": "resile"}}
        words = f"<at>resile</at> {text}"
        return self.tells(url, place, words, member=member, name=name, at=at, entities=[mention], **more)

    def presses(
        self, url: str, place: Place, action: str, *, member: str, name: str, at: datetime, **more: Any
    ) -> Callback:
        """Somebody presses a button of the channel's card."""
        (pressed,) = [one for one in place.card["actions"] if one.get("data", {}).get("resile") == action]
        return self.tells(url, place, "", member=member, name=name, at=at, value=pressed["data"], **more)

    def signed(self, url: str, activity: Any, *, at: datetime, **claims: Any) -> Callback:
        """An activity with the token that the Bot Connector makes; `claims` replaces what that says."""
        now_s = to_us(at) // 1_000_000
        service_url = activity.get("serviceUrl", "") if isinstance(activity, dict) else ""
        said = {"iss": ISSUER, "aud": APP, "nbf": now_s - 300, "exp": now_s + _HOUR_S, "serviceurl": service_url}
        token = jwt.encode({**said, **claims}, self.keys[self.kid], algorithm="RS256", headers={"kid": self.kid})
        return with_token(url, activity, token)


def with_token(url: str, activity: Any, token: str) -> Callback:
    """An activity with a token of whatever kind."""
    headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {token}"}
    return Callback(url=url, headers=headers, body=msgspec.json.encode(activity))


def _call_of(request: Request) -> str:
    path, method = request.path, request.method
    if path.endswith("/oauth2/v2.0/token"):
        return "token"
    if path in {"/openid", "/keys"}:
        return path[1:]
    if path.startswith("/teams/"):
        is_below = path.rpartition("/activities")[2] != ""
        return "change" if method == "PUT" else "reply" if is_below else "post"
    last = path.rsplit("/", 1)[1]
    return {"channels": "make" if method == "POST" else "find", "members": "add"}.get(last, last)


def _shown(place: Place) -> dict[str, Any]:
    return {
        "id": place.id,
        "displayName": place.name,
        "description": place.description,
        "createdDateTime": format_instant(place.created_at),
        "webUrl": f"https://teams.microsoft.com/l/channel/{place.id}",
    }


def _new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=2_048)


def _published(kid: str, key: RSAPrivateKey, endorsements: list[str]) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    named = {"kty": "RSA", "use": "sig", "kid": kid, "x5t": kid, "endorsements": endorsements}
    return {**named, "n": _encoded(numbers.n), "e": _encoded(numbers.e)}


def _encoded(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def _refused(status: int, code: str) -> Reply:
    headers = {"retry-after": "20"} if status == 429 else {}  # noqa: PLR2004 - a status
    return Reply(status=status, body={"error": {"code": code, "message": "as said"}}, headers=headers)
