"""The doors before everything else: no session and no form, but a signature over the raw bytes, and the journal."""

from time import monotonic, perf_counter

from anyio import to_thread
from fastapi import Request
from msgspec import Struct
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from resile.app.door_kinds import KINDS
from resile.app.opened_doors import OpenedDoors
from resile.app.wiring import Resile
from resile.model.errors import ResileError, StoreError
from resile.ports.door_book import Door
from resile.ports.journal import Delivery
from resile.sources.doors.registry import TEST
from resile.web.doors.addresses import Place, is_address, place_of, shown
from resile.web.doors.alertmanager_api import OPEN, AlertmanagerApi, well
from resile.web.doors.answer import Answer, TurnedAwayError, refused, send_answer
from resile.web.doors.json_place import check_json
from resile.web.doors.landing import Landing
from resile.web.doors.open_doors import Known, OpenDoors
from resile.web.doors.proofs import ADDRESS_SECRET, Headers, is_same_secret
from resile.web.doors.room import Room, announced_bytes
from resile.web.doors.senders import SENDERS, Sender, delivery_of
from resile.web.doors.strangers import SMALL_BYTES, Strangers, network_of
from resile.web.gate import FORWARDED
from resile.web.security import host_of, is_foreign, is_loopback, is_trusted_host

# Looking through so much takes long enough that others should be answered meanwhile.
_LARGE = 500_000
# Of which even the alerts within are looked at in some milliseconds.
_QUICK = 30_000
_REFUSED_FROM = 400
# Told to wait already, or the fault is here.
_NO_FAULT_OF_THEIRS = {429, 500, 503}


class _Knock(Struct, gc=False):
    """Who knocks where, as far as it is known.

    Attributes:
        path: without a secret in it.
        place: where they knock; None where there are no doors.
        sender: how they are known and answered.
        network: by what they are remembered.
    """

    scope: Scope
    receive: Receive
    path: str
    place: Place | None
    sender: Sender | None
    network: str
    is_near: bool
    headers: dict[str, str]
    began_s: float
    by: str | None = None

    @property
    def kind(self) -> str:
        """At what kind of door; empty: at none."""
        return "" if self.place is None else self.place.kind

    def refused(self, status: int, detail: str, *, retry_after_s: int | None = None) -> Answer:
        """A refusal in the words that the sender expects."""
        refuses = refused if self.sender is None else self.sender.refuses
        return refuses(status, detail, retry_after_s=retry_after_s)


class DoorFront:
    """Answers what arrives under the doors' addresses.

    It stands before the application, for a delivery needs nothing of what pages need; what it answers has the same
    headers, and the same line in the log.
    """

    def __init__(self, resile: Resile, doors: OpenDoors, strangers: Strangers) -> None:
        self._resile = resile
        self._doors = doors
        self._strangers = strangers
        self._room = Room()
        self._opened = OpenedDoors()
        self._api = AlertmanagerApi(resile)
        self._landing: Landing | None = None
        self._is_https = (resile.settings.base_url or "").startswith("https://")

    @staticmethod
    def is_for(scope: Scope) -> bool:
        """Whether a request is for a door."""
        return scope["type"] == "http" and is_address(scope["path"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        began_s = perf_counter()
        knock = _knock_of(scope, receive, began_s)
        try:
            answer = await self._answered(knock)
        except ClientDisconnect:
            return
        await send_answer(send, answer, is_https=self._is_https or scope.get("scheme") == "https")
        logged = scope if knock.path == scope["path"] else {**scope, "path": knock.path}
        self._doors.log.answered(logged, answer.status, perf_counter() - began_s, by=knock.by, kind=knock.kind)

    async def _answered(self, knock: _Knock) -> Answer:
        answer = await self._answered_whoever_it_is(knock)
        # Who is turned away without having shown a secret is a stranger, whatever was wrong.
        if knock.by is not None or answer.status < _REFUSED_FROM or answer.status in _NO_FAULT_OF_THEIRS:
            return answer
        wait_s = self._strangers.wait_s(knock.network)
        self._strangers.refuse(knock.network)
        return answer if wait_s is None else _too_often(knock, wait_s)

    async def _answered_whoever_it_is(self, knock: _Knock) -> Answer:
        try:
            return await self._taken(knock)
        except TurnedAwayError as error:
            return knock.refused(error.status, error.detail)
        except StoreError as error:
            # Who knocks is a stranger: where the journal lies is for the log alone.
            self._doors.log.failed("delivery not taken", kind=knock.kind, error=error, path=knock.path)
            return knock.refused(503, "the journal cannot be written now, nothing was taken; send it again in a while")
        except ResileError as error:
            return knock.refused(400, str(error))
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - nobody stands before this who would answer
            self._doors.log.failed("request failed", kind=knock.kind, error=error, path=knock.path, is_ours=True)
            return knock.refused(500, "this is a fault of resile; the server's log says more, please report it")

    async def _taken(self, knock: _Knock) -> Answer:
        place, sender = _known_place(knock)
        method = knock.scope["method"]
        is_asked = AlertmanagerApi.is_asked(place, method)
        if not is_asked and method not in sender.methods:
            possible = " or ".join(sorted(sender.methods))
            raise TurnedAwayError(405, f"{method} is not possible here; use {possible}")
        n_announced = announced_bytes(knock.headers)
        # Programs of this machine are always listened to, and so is everybody behind a proxy that does not tell them
        # apart: one of them may be the sender.
        if not knock.is_near and not _is_small(n_announced):
            wait_s = self._strangers.wait_s(knock.network)
            if wait_s is not None:
                return _too_often(knock, wait_s)
        is_known = knock.is_near or self._strangers.has_proven(knock.network)
        with self._room.taken_by(is_known=is_known) as room:
            body = await room.read(knock.receive, n_announced, KINDS[place.kind].max_bytes)
            if is_asked and place.asked in OPEN and place.door in await self._doors.known():
                return well()
            door = await self._let_in(knock, place, sender, body)
            if is_asked:
                return await to_thread.run_sync(
                    self._api.answer, place, door.name, knock.scope.get("query_string", b"")
                )
            self._doors.n_within += 1
            try:
                return await self._kept(knock, place, sender, door, body)
            finally:
                self._doors.n_within -= 1

    async def _let_in(self, knock: _Knock, place: Place, sender: Sender, body: bytes) -> Door:
        """The door at which they knock, once they have shown that they know its secret."""
        if sender.key_is_in_body:
            # Who cannot be read cannot be recognised.
            check_json(place.kind, body)
        door = await self._recognised(knock, place, sender, body)
        self._strangers.prove(knock.network)
        knock.by = f"door:{door.name}"
        return door

    async def _kept(self, knock: _Knock, place: Place, sender: Sender, door: Door, body: bytes) -> Answer:
        """The answer once it is durable."""
        headers = knock.headers
        _check_form(headers)
        received_at = self._resile.clock.now()
        is_test = await self._is_test(door, headers, body)

        def delivery() -> Delivery:
            text = sender.json_of(headers, body)
            if text is not None:
                check_json(door.name, text)
            return delivery_of(
                door.name, sender, headers, body, received_at=received_at, said=place.said, is_test=is_test
            )

        made = delivery() if len(body) < _LARGE else await to_thread.run_sync(delivery)
        if self._landing is None:
            self._landing = Landing()
        submitted = self._resile.journal.submit(made)
        # Looked at while the disk writes; whatever is said of it, it is in the journal.
        fault = None
        if sender.faulty is not None and len(body) < _LARGE:
            look = self._opened.fault_in
            fault = look(door, made) if len(body) < _QUICK else await to_thread.run_sync(look, door, made)
        is_new = await self._landing.awaited(submitted)
        if fault is not None and sender.faulty is not None:
            return knock.refused(sender.faulty, fault)
        return sender.accepts(made, is_new=is_new, took_s=perf_counter() - knock.began_s)

    async def _is_test(self, door: Door, headers: Headers, body: bytes) -> bool:
        """Whether they may have the server try its ways, and want that.

        Raises:
            TurnedAwayError: they want it and may not; taken for an alert it would page somebody.
        """
        given = headers.get(TEST)
        if given is None:
            return False
        if not await to_thread.run_sync(self._resile.doors.is_trial, door, given, body):
            raise TurnedAwayError(401, f"door {door.name}: only `resile door test` sends {TEST}; leave it out")
        return True

    async def _recognised(self, knock: _Knock, place: Place, sender: Sender, body: bytes) -> Door:
        """The door at which they knock, once they have shown that they know its secret.

        Raises:
            TurnedAwayError: there is no such door, or they do not.
        """
        began = monotonic()
        door = await self._door_at(knock, place, sender, body, await self._doors.known())
        if door is not None:
            return door
        # It may have been made, or made anew, a moment ago.
        known = await self._doors.known_since(began)
        door = await self._door_at(knock, place, sender, body, known)
        if door is not None:
            return door
        name = place.door or place.kind
        if place.door is not None and name not in known:
            called = shown(name.partition("/")[2])
            made = f"resile door add {place.kind}" + (f" --name {called}" if called else "")
            raise TurnedAwayError(404, f"there is no door {shown(name)[:100]}; make it with `{made[:160]}`")
        self._doors.refuse(name)
        if name in known and known[name][1] is None:
            raise TurnedAwayError(
                401,
                f"door {name} has no secret: it answers this machine alone; make it anew with one",
            )
        if sender.key_of is not None and not sender.key_of(knock.headers, body):
            raise TurnedAwayError(sender.keyless, f"door {name}: the {sender.shows} is missing; {sender.way_out}")
        raise TurnedAwayError(401, f"door {name}: the {sender.shows} is missing or wrong; {sender.way_out}")

    async def _door_at(self, knock: _Knock, place: Place, sender: Sender, body: bytes, known: Known) -> Door | None:
        if sender.key_of is not None:
            # Read once, however many doors there are.
            key = sender.key_of(knock.headers, body)
            if key is None:
                return None
            its = (one for one in known.values() if one[0].kind == place.kind)
            return next((door for door, secret in its if secret and is_same_secret(key, secret)), None)
        found = known.get(place.door or "")
        if found is None:
            return None
        door, secret = found
        if secret is None:
            return door if self._is_at_home(knock) else None
        if not secret:
            return None
        if len(body) < _LARGE:
            return door if sender.proves(secret, knock.headers, body) else None
        return door if await to_thread.run_sync(sender.proves, secret, knock.headers, body) else None

    def _is_at_home(self, knock: _Knock) -> bool:
        """Whether a program on this machine asks, and nobody needs to log in here."""
        if not knock.is_near or self._doors.asks_all:
            return False
        request, settings = Request(knock.scope), self._resile.settings
        return (
            not any(name in knock.headers for name in FORWARDED)
            and is_trusted_host(host_of(request), settings, has_accounts=False)
            and not is_foreign(request, settings)
        )


def _knock_of(scope: Scope, receive: Receive, began_s: float) -> _Knock:
    client = scope.get("client")
    host = None if client is None else client[0]
    path: str = scope["path"]
    place = place_of(path, scope.get("query_string", b""))
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if place is not None and place.secret is not None:
        headers[ADDRESS_SECRET] = place.secret
    return _Knock(
        scope=scope,
        receive=receive,
        path=shown(path),
        place=place,
        sender=None if place is None else SENDERS[place.sender],
        network=network_of(host),
        is_near=host is None or host == "127.0.0.1" or is_loopback(host),
        headers=headers,
        began_s=began_s,
    )


def _known_place(knock: _Knock) -> tuple[Place, Sender]:
    if knock.place is None or knock.sender is None:
        kinds = ", ".join(sorted({one.path for one in KINDS.values()}))
        raise TurnedAwayError(404, f"there are no doors at {knock.path[:64]!r}; they are at {kinds}")
    return knock.place, knock.sender


def _is_small(n_announced: int | None) -> bool:
    return n_announced is not None and n_announced <= SMALL_BYTES


def _check_form(headers: Headers) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise TurnedAwayError(415, "the body is compressed; send it as it is")


def _too_often(knock: _Knock, wait_s: int) -> Answer:
    detail = "too many refused deliveries came from this address; check the secret, and send it again in a while"
    return knock.refused(429, detail, retry_after_s=wait_s)
