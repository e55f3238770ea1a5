"""The doors before the gate: no session and no form, but a signature over the raw bytes, a size, and the journal."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from urllib.parse import parse_qs

import msgspec
import structlog
from anyio import to_thread
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from resile.app.access import Access, Identity
from resile.app.doors import KINDS, Doors
from resile.app.wiring import Resile
from resile.model.errors import ConfigError, ResileError, StoreError
from resile.ports.door_book import Door
from resile.web.doors.json_place import check_json
from resile.web.doors.senders import SENDERS, Headers, delivery_of, routing_key
from resile.web.errors import problem
from resile.web.gate import FORWARDED
from resile.web.security import host_of, is_foreign, is_loopback, is_trusted_host, path_of

CHANGE_EVENTS = KINDS["pagerduty"].path
_FOLDER = "/doors/"
# Of all bodies that are being read at once.
MAX_BYTES_WITHIN = 200_000_000
BODY_WITHIN_S = 30
RETRY_AFTER_S = 5
# A removed door is closed, and a new one open, after so long at the latest.
_KNOWN_FOR_S = 1.0
# Whoever is not recognised has the doors looked at anew, all of them together once in so long.
_LOOK_EVERY_S = 0.1
_BUSY = 4
_COUNT_EVERY_S = 1.0
_log = structlog.get_logger()


class TurnedAwayError(Exception):
    """Whoever knocks is answered this and nothing else."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class OpenDoors:
    """The doors with their secrets, as this process last saw them, and the count of those who were refused.

    Attributes:
        n_within: how many deliveries are being read and written at this moment.
    """

    def __init__(self, doors: Doors) -> None:
        self.n_within = 0
        self._doors = doors
        self._seen_at = 0.0
        self._known: dict[str, tuple[Door, str | None]] = {}
        self._refused: Counter[str] = Counter()
        self._is_counting = False

    def is_busy(self) -> bool:
        """Whether several are to be answered at this moment."""
        return self.n_within >= _BUSY

    async def known(self) -> dict[str, tuple[Door, str | None]]:
        """Every door with its secret, by name; as they were a moment ago."""
        if not self._seen_at or monotonic() - self._seen_at > _KNOWN_FOR_S:
            await self._look_again()
        return self._known

    async def known_since(self, began: float) -> dict[str, tuple[Door, str | None]]:
        """Every door with its secret, by name; none made before `began` (monotonic clock) is missing."""
        if self._seen_at < began:
            await asyncio.sleep(max(0.0, self._seen_at + _LOOK_EVERY_S - monotonic()))
        if self._seen_at < began:
            await self._look_again()
        return self._known

    async def _look_again(self) -> None:
        looked_at = monotonic()
        found = await to_thread.run_sync(self._look)
        if looked_at >= self._seen_at:  # another request's later look may have ended first
            self._known, self._seen_at = found, looked_at

    def _look(self) -> dict[str, tuple[Door, str | None]]:
        before = self._known
        found = {}
        for name, door in self._doors.all().items():
            old = before.get(name)
            found[name] = old if old is not None and old[0] == door else (door, self._secret_of(door))
        return found

    def _secret_of(self, door: Door) -> str | None:
        try:
            return self._doors.secret_of(door)
        except StoreError as error:
            # One door whose key is lost does not close the others; without a secret that fits it refuses everybody.
            _log.error("door has no key", door=door.name, error=str(error))
            return ""

    def refuse(self, name: str) -> None:
        """Count one who was refused; written once a second, so that nobody can busy the disk with it."""
        self._refused[name] += 1
        if not self._is_counting:
            self._is_counting = True
            asyncio.get_running_loop().call_later(_COUNT_EVERY_S, lambda: asyncio.ensure_future(self.write_counts()))

    async def write_counts(self) -> None:
        """Write down who was refused since the last time."""
        refused, self._refused = self._refused, Counter()
        self._is_counting = False
        if not refused:
            return
        try:
            await to_thread.run_sync(self._doors.count_refused, refused)
        except StoreError as error:
            _log.warning("refusals not counted", n=refused.total(), error=str(error))


class DoorFront:
    """Answers what arrives under the doors' addresses, and passes everything else on."""

    def __init__(self, app: ASGIApp, resile: Resile, access: Access, doors: OpenDoors) -> None:
        self._app = app
        self._resile = resile
        self._access = access
        self._doors = doors
        self._n_bytes_within = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not (path.startswith(_FOLDER) or path == CHANGE_EVENTS):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            return
        except TurnedAwayError as error:
            answer = problem(error.status, error.detail)
        except StoreError as error:
            # Who knocks is a stranger: where the journal lies is for the log alone.
            _log.error("delivery not taken", path=path, error=str(error))
            answer = problem(503, "the journal cannot be written now, nothing was taken; send it again in a while")
        except ResileError as error:
            answer = problem(400, str(error))
        if answer.status_code == 503:  # noqa: PLR2004 - Service Unavailable
            answer.headers["retry-after"] = str(RETRY_AFTER_S)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            raise TurnedAwayError(405, f"{request.method} is not possible at a door; send the delivery by POST")
        kind = _kind_of(path_of(request))
        async with self._room(request, KINDS[kind].max_bytes) as body:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
            if kind == "pagerduty":
                # The key is in the body: who cannot be read cannot be recognised.
                check_json(kind, body)
            door = await self._recognised(request, kind, headers, body)
            request.state.identity = Identity(by=f"door:{door.name}", name=door.name, scopes=frozenset())
            _check_form(headers)
            check_json(door.name, _json_in(kind, headers, body))
            delivery = delivery_of(door.name, SENDERS[door.kind], headers, body, received_at=self._resile.clock.now())
            is_new = await asyncio.wrap_future(self._resile.journal.submit(delivery))
        return _taken(kind, delivery.id, is_new=is_new)

    @asynccontextmanager
    async def _room(self, request: Request, most: int) -> AsyncIterator[bytes]:
        """The body, as long as there is room for it among those that are being read and written."""
        announced = request.headers.get("content-length", "")
        n_announced = int(announced[:20]) if announced.isascii() and announced.isdecimal() else most
        if n_announced > most and announced:
            raise TurnedAwayError(413, _too_large(most))
        if self._n_bytes_within + n_announced > MAX_BYTES_WITHIN:
            raise TurnedAwayError(503, "too much arrives at once; send it again in a while")
        self._n_bytes_within += n_announced
        self._doors.n_within += 1
        try:
            yield await _body(request, most)
        finally:
            self._n_bytes_within -= n_announced
            self._doors.n_within -= 1

    async def _recognised(self, request: Request, kind: str, headers: Headers, body: bytes) -> Door:
        """The door at which they knock, once they have shown that they know its secret.

        Raises:
            TurnedAwayError: there is no such door, or they do not.
        """
        began = monotonic()
        door = await self._door_at(request, kind, headers, body, await self._doors.known())
        if door is not None:
            return door
        # It may have been made, or made anew, a moment ago.
        known = await self._doors.known_since(began)
        door = await self._door_at(request, kind, headers, body, known)
        if door is not None:
            return door
        name = _name_of(path_of(request), kind)
        if kind != "pagerduty" and name not in known:
            made = f"resile door add {kind}" + (f" --name {name.partition('/')[2]}" if "/" in name else "")
            raise TurnedAwayError(404, f"there is no door {name[:100]}; make it with `{made[:160]}`")
        self._doors.refuse(name)
        if name in known and known[name][1] is None:
            raise TurnedAwayError(
                401, f"door {name} has no secret: it answers this machine alone; make it anew with one"
            )
        raise TurnedAwayError(401, f"door {name}: the signature is missing or wrong; {SENDERS[kind].way_out}")

    async def _door_at(
        self,
        request: Request,
        kind: str,
        headers: Headers,
        body: bytes,
        known: dict[str, tuple[Door, str | None]],
    ) -> Door | None:
        proves = SENDERS[kind].proves
        if kind == "pagerduty":
            given = routing_key(headers, body)
            candidates = [] if given is None else [one for one in known.values() if one[0].kind == kind]
        else:
            candidates = [known[name]] if (name := _name_of(path_of(request), kind)) in known else []
        for door, secret in candidates:
            if secret is None:
                if await self._is_at_home(request):
                    return door
            elif secret and proves(secret, headers, body):
                return door
        return None

    async def _is_at_home(self, request: Request) -> bool:
        """Whether a program on this machine asks, and nobody needs to log in here."""
        if await to_thread.run_sync(self._access.has_accounts):
            return False
        settings = self._resile.settings
        is_near = request.client is None or is_loopback(request.client.host)
        return (
            is_near
            and not any(name in request.headers for name in FORWARDED)
            and is_trusted_host(host_of(request), settings, has_accounts=False)
            and not is_foreign(request, settings)
        )


def _kind_of(path: str) -> str:
    kind = "pagerduty" if path == CHANGE_EVENTS else path.removeprefix(_FOLDER).partition("/")[0]
    if kind not in KINDS or (kind == "pagerduty") is not (path == CHANGE_EVENTS):
        kinds = ", ".join(one.path for one in KINDS.values())
        raise TurnedAwayError(404, f"there is no door of the kind {kind[:64]!r}; doors are at {kinds}")
    return kind


def _name_of(path: str, kind: str) -> str:
    return kind if path == CHANGE_EVENTS else path.removeprefix(_FOLDER).rstrip("/").lower()


def _check_form(headers: Headers) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise TurnedAwayError(415, "the body is compressed; send it as it is")


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


async def _body(request: Request, most: int) -> bytes:
    parts: list[bytes] = []
    n_bytes = 0
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in request.stream():
                n_bytes += len(part)
                if n_bytes > most:
                    raise TurnedAwayError(413, _too_large(most))
                parts.append(part)
    except TimeoutError:
        raise TurnedAwayError(408, f"the body took longer than {BODY_WITHIN_S} s; send it again") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(most: int) -> str:
    return f"the body has more than {most:,} bytes, the most that this door takes; send less at once"


def _taken(kind: str, name: str, *, is_new: bool) -> Response:
    if kind == "pagerduty":
        # As its senders' libraries expect it.
        told = {"status": "success", "message": "Change event processed" if is_new else "Known already", "id": name}
        return Response(msgspec.json.encode(told), status_code=202, media_type="application/json")
    told = {"status": "accepted" if is_new else "known", "id": name}
    return Response(msgspec.json.encode(told), status_code=202 if is_new else 200, media_type="application/json")
