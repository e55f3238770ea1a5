"""A resile on the simulated clock with a status page over it: what is published, and what the public is answered."""

import asyncio
import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from starlette.types import Message

from resile.app.access import LOCAL
from resile.app.growing import Growing
from resile.app.incidents import command_incident
from resile.app.settings import Settings
from resile.app.status_settings import StatusSettings
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.model.event import Source, Updated
from resile.model.incident import InstantName
from resile.model.lifecycle import Declare, Reach
from resile.model.severity import Severity
from resile.testing.simulated_clock import SimulatedClock
from resile.web.status.app import Board, StatusApp
from resile.web.status.door import SubscriptionDoor
from resile.web.status.keeper import Keeper
from resile.web.status.site import SiteMaker

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
STATUS = StatusSettings(title="Acme status", base_url="https://status.acme.example")
COMPONENTS: dict[str, dict[str, Any]] = {
    "shop": {"title": "Online shop", "description": "Browsing and basket", "services": ["checkout"], "order": 1},
    "api": {"title": "API", "group": "For developers", "order": 2},
    "hooks": {"title": "Webhooks", "group": "For developers", "order": 3, "services": ["deliverer"]},
    "cellar": {"title": "Cellar", "public": False},
}


class Answer(Struct, frozen=True):
    """What came back."""

    code: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, unpacked where it was packed."""
        packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class StatusWorld:
    """The page and what is behind it; `elapsed_s` is its clock that only runs forward."""

    def __init__(self, resile: Resile) -> None:
        self.resile = resile
        self.elapsed_s = 0.0
        self.restart()

    def restart(self) -> None:
        """Another process that remembers nothing."""
        resile, now = self.resile, self.resile.clock.now
        maker = SiteMaker(
            resile.status.settings,
            resile.status.ids,
            address=resile.status.settings.address,
            can_subscribe=True,
            now=now,
        )
        board = Board()
        follows = resile.status.follow()
        self.keeper = Keeper(follows, maker, board, now=now, elapsed_s=lambda: self.elapsed_s)
        subscribers = resile.communication.subscribers
        door = SubscriptionDoor(subscribers, maker.frame, is_secure=True, elapsed_s=lambda: self.elapsed_s)
        self.app = StatusApp(board, maker.frame, door, is_secure=True)
        self.board = board

    @property
    def clock(self) -> SimulatedClock:
        """The one of everything."""
        assert isinstance(self.resile.clock, SimulatedClock)
        return self.resile.clock

    def catalog(self, **components: dict[str, Any]) -> None:
        """Have the catalog list these components, and services."""
        wanted: dict[Any, Any] = {(Kind.SERVICE, name): ({}, "") for name in ("checkout", "deliverer")}
        wanted |= {(Kind.COMPONENT, name): (body, "") for name, body in components.items()}
        self.resile.catalog.apply(LOCAL, self.resile.catalog.changes_to(wanted))

    def declare(self, title: str = "INTERNAL db-7 is on fire") -> str:
        """An incident; its id."""
        return declared(self.resile, title)

    def publish(self, incident_id: str, text: str, status: str, title: str = "", **components: str) -> None:
        """Publish an update for customers."""
        tell(self.resile, incident_id, text=text, status=status, title=title, components=components)

    def restore(self, incident_id: str) -> None:
        """Service is back, and nobody is told."""
        command_incident(self.resile, incident_id, Reach(InstantName.RESTORED), by="ann")

    def look(self) -> None:
        """Let the page follow once."""
        self.keeper.look()

    def get(self, path: str, *, looks: bool = True, method: str = "GET", **headers: str) -> Answer:
        """Read an address after the page has followed."""
        if looks:
            self.look()
        return self.ask(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, body: str = "", *, host: str = "198.51.100.7", **headers: str) -> Answer:
        """Send a form."""
        told = {"content-type": "application/x-www-form-urlencoded"} | headers
        return self.ask("POST", path, body=body.encode(), headers=told, host=host)

    def ask(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, host: str = "x"
    ) -> Answer:
        """One request to the application."""
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            told.append(message)

        raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": raw,
            "client": (host, 1),
            "query_string": b"",
        }
        asyncio.run(self.app(scope, receive, send))
        start, *rest = told
        names = [name.decode() for name, _ in start["headers"]]
        assert len(set(names)) == len(names), names
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(one["body"] for one in rest))

    def everything(self) -> bytes:
        """Every byte that is served, headers too."""
        self.look()
        site = self.board.site
        assert site is not None
        parts = [one.body + repr(one.headers).encode() + path.encode() for path, one in site.answers.items()]
        return b"\n".join([*parts, repr(site.moved).encode(), self.get("/subscribe").body])


def declared(resile: Resile, title: str) -> str:
    """Declare an incident; its id."""
    incident_id = f"INC-{resile.timelines.next_number()}"
    declare = Declare(title=title, severity=Severity.SEV1, services=("checkout",))
    command_incident(resile, incident_id, declare, by="ann")
    return incident_id


def tell(resile: Resile, incident_id: str, *, audience: str | None = "customers", **fields: Any) -> None:
    """Write an update on a timeline."""
    growing = Growing(incident_id, resile.timelines.read(incident_id), now=resile.clock.now(), by="ann")
    growing.tell(Updated, source=Source.HUMAN, audience=audience, **fields)
    resile.timelines.append(growing.appends())


@contextmanager
def opened_world(folder: Path, **settings: Any) -> Iterator[StatusWorld]:
    """A world in a data folder."""
    given = Settings(data=folder, status=STATUS, **settings)
    with open_resile(given, clock=SimulatedClock(NOW)) as resile:
        yield StatusWorld(resile)
