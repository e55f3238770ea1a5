"""The doors before everything else: no session and no form, but a signature over the raw bytes, and the journal."""

from time import monotonic, perf_counter
from urllib.parse import parse_qs

import msgspec
import structlog
from anyio import to_thread
from fastapi import Request
from msgspec import Struct
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from resile.app.access import Access
from resile.app.doors import KINDS
from resile.app.wiring import Resile
from resile.model.errors import ConfigError, ResileError, StoreError
from resile.ports.door_book import Door
from resile.web.access_log import log_answer
from resile.web.doors.answer import Answer, TurnedAwayError, refused, send_answer
from resile.web.doors.json_place import check_json
from resile.web.doors.landing import Landing
from resile.web.doors.open_doors import Known, OpenDoors
from resile.web.doors.room import Room, announced_bytes
from resile.web.doors.senders import SENDERS, Headers, delivery_of, is_same_secret, routing_key
from resile.web.doors.strangers import SMALL_BYTES, Strangers, network_of
from resile.web.gate import FORWARDED
from resile.web.security import host_of, is_foreign, is_loopback, is_trusted_host

CHANGE_EVENTS = KINDS["pagerduty"].path
_FOLDER = "/doors/"
# Looking through so much takes long enough that others should be answered meanwhile.
_LARGE = 500_000
# Told to wait already, or the fault is here.
_NO_FAULT_OF_THEIRS = {429, 500, 503}
_log = structlog.get_logger()


class _Knock(Struct, gc=False):
    """Who knocks where, as far as it is known.

    Attributes:
        host: the address from which they come.
        network: by what they are remembered.
    """

    scope: Scope
    receive: Receive
    path: str
    host: str | None
    network: str
    is_near: bool
    headers: dict[str, str]
    kind: str = ""
    by: str | None = None


class DoorFront:
    """Answers what arrives under the doors' addresses.

    It stands before the application, for a delivery needs nothing of what pages need; what it answers has the same
    headers, and the same line in the log.
    """

    def __init__(self, resile: Resile, access: Access, doors: OpenDoors, strangers: Strangers) -> None:
        self._resile = resile
        self._access = access
        self._doors = doors
        self._strangers = strangers
        self._room = Room()
        self._landing: Landing | None = None
        self._is_https = (resile.settings.base_url or "").startswith("https://")

    @staticmethod
    def is_for(scope: Scope) -> bool:
        """Whether a request is for a door."""
        if scope["type"] != "http":
            return False
        path: str = scope["path"]
        return path.startswith(_FOLDER) or path == CHANGE_EVENTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        began_s = perf_counter()
        knock = _knock_of(scope, receive)
        try:
            answer = await self._answered(knock)
        except ClientDisconnect:
            return
        await send_answer(send, answer, is_https=self._is_https or scope.get("scheme") == "https")
        log_answer(scope, answer.status, perf_counter() - began_s, by=knock.by)

    async def _answered(self, knock: _Knock) -> Answer:
        answer = await self._answered_whoever_it_is(knock)
        # Who is turned away without having shown a secret is a stranger, whatever was wrong.
        if knock.by is not None or answer.status in _NO_FAULT_OF_THEIRS:
            return answer
        wait_s = self._strangers.wait_s(knock.network)
        self._strangers.refuse(knock.network)
        return answer if wait_s is None else _too_often(wait_s)

    async def _answered_whoever_it_is(self, knock: _Knock) -> Answer:
        try:
            return await self._taken(knock)
        except TurnedAwayError as error:
            return refused(error.status, error.detail)
        except StoreError as error:
            # Who knocks is a stranger: where the journal lies is for the log alone.
            _log.error("delivery not taken", path=knock.path, error=str(error))
            return refused(503, "the journal cannot be written now, nothing was taken; send it again in a while")
        except ResileError as error:
            return refused(400, str(error))
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - nobody stands before this who would answer
            _log.error("request failed", path=knock.path, error=type(error).__name__, exc_info=error)
            return refused(500, "this is a fault of resile; the server's log says more, please report it")

    async def _taken(self, knock: _Knock) -> Answer:
        scope = knock.scope
        if scope["method"] != "POST":
            raise TurnedAwayError(405, f"{scope['method']} is not possible at a door; send the delivery by POST")
        n_announced = announced_bytes(knock.headers)
        # Programs of this machine are always listened to, and so is everybody behind a proxy that does not tell them
        # apart: one of them may be the sender.
        if not knock.is_near and not _is_small(n_announced):
            wait_s = self._strangers.wait_s(knock.network)
            if wait_s is not None:
                return _too_often(wait_s)
        knock.kind = kind = _kind_of(knock.path)
        is_known = knock.is_near or self._strangers.has_proven(knock.network)
        with self._room.taken_by(is_known=is_known) as room:
            body = await room.read(knock.receive, n_announced, KINDS[kind].max_bytes)
            door = await self._let_in(knock, body)
            self._doors.n_within += 1
            try:
                return await self._kept(knock, door, body)
            finally:
                self._doors.n_within -= 1

    async def _let_in(self, knock: _Knock, body: bytes) -> Door:
        """The door at which they knock, once they have shown that they know its secret."""
        kind = knock.kind
        if kind == "pagerduty":
            # The key is in the body: who cannot be read cannot be recognised.
            check_json(kind, body)
        door = await self._recognised(knock, body)
        self._strangers.prove(knock.network)
        knock.by = f"door:{door.name}"
        return door

    async def _kept(self, knock: _Knock, door: Door, body: bytes) -> Answer:
        """The answer once it is durable."""
        kind, headers = knock.kind, knock.headers
        _check_form(headers)
        if len(body) < _LARGE:
            _check_content(door.name, kind, headers, body)
        else:
            await to_thread.run_sync(_check_content, door.name, kind, headers, body)
        delivery = delivery_of(door.name, SENDERS[door.kind], headers, body, received_at=self._resile.clock.now())
        if self._landing is None:
            self._landing = Landing()
        is_new = await self._landing.awaited(self._resile.journal.submit(delivery))
        return _accepted(kind, delivery.id, is_new=is_new)

    async def _recognised(self, knock: _Knock, body: bytes) -> Door:
        """The door at which they knock, once they have shown that they know its secret.

        Raises:
            TurnedAwayError: there is no such door, or they do not.
        """
        began = monotonic()
        door = await self._door_at(knock, body, await self._doors.known())
        if door is not None:
            return door
        # It may have been made, or made anew, a moment ago.
        known = await self._doors.known_since(began)
        door = await self._door_at(knock, body, known)
        if door is not None:
            return door
        kind = knock.kind
        name = _name_of(knock.path, kind)
        if kind != "pagerduty" and name not in known:
            made = f"resile door add {kind}" + (f" --name {name.partition('/')[2]}" if "/" in name else "")
            raise TurnedAwayError(404, f"there is no door {name[:100]}; make it with `{made[:160]}`")
        self._doors.refuse(name)
        if name in known and known[name][1] is None:
            raise TurnedAwayError(
                401,
                f"door {name} has no secret: it answers this machine alone; make it anew with one",
            )
        raise TurnedAwayError(401, f"door {name}: the signature is missing or wrong; {SENDERS[kind].way_out}")

    async def _door_at(self, knock: _Knock, body: bytes, known: Known) -> Door | None:
        kind = knock.kind
        if kind == "pagerduty":
            # Read once, however many doors there are.
            key = routing_key(knock.headers, body)
            if key is None:
                return None
            its = (one for one in known.values() if one[0].kind == kind)
            return next((door for door, secret in its if secret and is_same_secret(key, secret)), None)
        found = known.get(_name_of(knock.path, kind))
        if found is None:
            return None
        door, secret = found
        if secret is None:
            return door if await self._is_at_home(knock) else None
        if not secret:
            return None
        proves = SENDERS[kind].proves
        if len(body) < _LARGE:
            return door if proves(secret, knock.headers, body) else None
        return door if await to_thread.run_sync(proves, secret, knock.headers, body) else None

    async def _is_at_home(self, knock: _Knock) -> bool:
        """Whether a program on this machine asks, and nobody needs to log in here."""
        if not knock.is_near or await to_thread.run_sync(self._access.has_accounts):
            return False
        request, settings = Request(knock.scope), self._resile.settings
        return (
            not any(name in knock.headers for name in FORWARDED)
            and is_trusted_host(host_of(request), settings, has_accounts=False)
            and not is_foreign(request, settings)
        )


def _knock_of(scope: Scope, receive: Receive) -> _Knock:
    client = scope.get("client")
    host = None if client is None else client[0]
    return _Knock(
        scope=scope,
        receive=receive,
        path=scope["path"],
        host=host,
        network=network_of(host),
        is_near=host is None or host == "127.0.0.1" or is_loopback(host),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
    )


def _kind_of(path: str) -> str:
    kind = "pagerduty" if path == CHANGE_EVENTS else path.removeprefix(_FOLDER).partition("/")[0]
    if kind not in KINDS or (kind == "pagerduty") is not (path == CHANGE_EVENTS):
        kinds = ", ".join(one.path for one in KINDS.values())
        raise TurnedAwayError(404, f"there is no door of the kind {kind[:64]!r}; doors are at {kinds}")
    return kind


def _name_of(path: str, kind: str) -> str:
    return kind if path == CHANGE_EVENTS else path.removeprefix(_FOLDER).rstrip("/").lower()


def _is_small(n_announced: int | None) -> bool:
    return n_announced is not None and n_announced <= SMALL_BYTES


def _check_form(headers: Headers) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise TurnedAwayError(415, "the body is compressed; send it as it is")


def _check_content(name: str, kind: str, headers: Headers, body: bytes) -> None:
    check_json(name, _json_in(kind, headers, body))


def _json_in(kind: str, headers: Headers, body: bytes) -> bytes:
    """The JSON of a body; GitHub sends it as a field of a form unless the webhook says otherwise."""
    if kind != "github" or not headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return body
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=8)
    except ValueError:
        raise ConfigError(f"{kind}: the body is no form; set the webhook's content type to application/json") from None
    if "payload" not in fields:
        raise ConfigError(f"{kind}: the form has no payload; set the webhook's content type to application/json")
    return fields["payload"][0].encode()


def _too_often(wait_s: int) -> Answer:
    detail = "too many refused deliveries came from this address; check the secret, and send it again in a while"
    return refused(429, detail, retry_after_s=wait_s)


def _accepted(kind: str, name: str, *, is_new: bool) -> Answer:
    if kind == "pagerduty":
        # As its senders' libraries expect it.
        told = {"status": "success", "message": "Change event processed" if is_new else "Known already", "id": name}
        return Answer(202, msgspec.json.encode(told))
    told = {"status": "accepted" if is_new else "known", "id": name}
    return Answer(202 if is_new else 200, msgspec.json.encode(told))
