"""An incident, a playbook that is open for it, and people who run its steps; programs are real, the clock is not."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic

from resile.app.access import LOCAL
from resile.app.incidents import declare
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.model.event import Exclusion
from resile.model.lifecycle import Declare
from resile.model.room import Room, Run, room_of
from resile.response.playbook import Who
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = Who("user:ann", account="ann")
BOB = Who("user:bob", account="bob")
TOKEN = Who("token:ci")
LOCALLY = Who("local")
LONGEST_S = 30.0

PEOPLE = {
    (Kind.PERSON, "ann"): ({"contacts": [{"name": "mail", "channel": "email", "address": "ann@example.org"}]}, ""),
    (Kind.POLICY, "default"): ({"steps": [{"page": ["person/ann"]}]}, ""),
}

PLAYBOOK = """\
---
playbook: checkout
match: {service: checkout}
owner: payments
inputs: {service: incident.service}
---
# Checkout
## Diagnosis
```sh {name=look risk=read timeout=10s}
printf 'looked at %s' "$service"
```
```sh {name=ask-later risk=read timeout=10s auto=no}
echo later
```
## Mitigation
```sh {name=restart risk=change timeout=20s rollback=undo}
printf '%s' "$service" > "$HOME/restarted"; printf restarted
```
```sh {name=undo risk=change timeout=20s}
printf undone
```
```sh {name=wait risk=change timeout=30s}
echo begun; touch "$HOME/begun"; exec sleep 30
```
```sh {name=wipe risk=danger timeout=20s}
echo wiped >> "$HOME/wiped"
```
## Verify
```sh {name=ok risk=read timeout=10s}
test -e "$HOME/restarted"
```
"""


class World:
    """What a test has: `id` is the incident's."""

    def __init__(self, resile: Resile, clock: SimulatedClock, home: Path) -> None:
        self.resile = resile
        self.clock = clock
        self.home = home
        self.id = ""

    def write(self, text: str, *, name: str = "checkout") -> None:
        """Put a playbook into the catalog, or change it."""
        known = self.resile.playbooks.all().get(name)
        change = self.resile.catalog.change_to(
            Kind.PLAYBOOK, name, {"text": text}, expected=None if known is None else known.number
        )
        if change is not None:
            self.resile.catalog.apply(LOCAL, [change])

    def declare(
        self, *services: str, labels: Mapping[str, str] | None = None, exclusion: Exclusion | None = None
    ) -> str:
        """An incident, for which the playbook is opened."""
        command = Declare(
            title="checkout fails", services=services or ("checkout",), labels=dict(labels or {}), exclusion=exclusion
        )
        self.id = declare(self.resile, command, by="user:ann").incident.id
        return self.id

    def page(self) -> None:
        """Have somebody paged for the incident."""
        self.resile.catalog.apply(LOCAL, self.resile.catalog.changes_to(PEOPLE))
        self.resile.pager.escalate(self.id, who="zoe", by="user:zoe")

    @property
    def room(self) -> Room:
        """The incident's."""
        return room_of(self.resile.timelines.read(self.id))

    def run(self, step: str, who: Who = ANN, **more: object) -> str:
        """Tap a step; the id of its run."""
        return self.resile.runs.run(self.id, "checkout", step, who=who, **more).run_id  # type: ignore[arg-type]

    def begun(self) -> None:
        """Wait until the program of step `wait` runs."""
        ends_at = monotonic() + LONGEST_S
        while not (self.home / "begun").exists():
            assert monotonic() < ends_at, "it does not begin"
            Event().wait(0.01)

    def over(self, run_id: str) -> Run:
        """A run, once it is over."""
        assert self.resile.runs.crew.wait(run_id, LONGEST_S), "it runs still"
        return self.room.runs[run_id]

    def ran(self, step: str, who: Who = ANN, **more: object) -> Run:
        """Tap a step and wait for its end."""
        return self.over(self.run(step, who, **more))


@contextmanager
def opened(folder: Path, *, url: str | None = None, is_allowed: bool = True, **runners: object) -> Iterator[World]:
    """A world whose settings allow the shell."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    shell = {"enabled": is_allowed, "home": str(home)}
    clock = SimulatedClock(NOW)
    settings = Settings(data=folder, database_url=url, runners={"shell": shell, **runners})  # type: ignore[arg-type]
    with open_resile(settings, clock=clock) as resile:
        try:
            yield World(resile, clock, home)
        finally:
            resile.runs.crew.stop()
