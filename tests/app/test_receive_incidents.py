"""What waits in the journal is stored, with the incidents that it tells of."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from resile.app.access import LOCAL
from resile.app.receive import receiver_of
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.model.draft import Draft, Step
from resile.model.event import Exclusion
from resile.model.incident import fold
from resile.model.phases import instants
from resile.model.room_event import PlaybookOpened
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery, Verdict
from resile.testing.simulated_clock import SimulatedClock

START = datetime(2024, 1, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Drafts:
    """A door whose bodies are drafts as JSON."""

    def understand(self, delivery: Delivery) -> Understood:
        return Understood(incidents=(msgspec.json.decode(delivery.body, type=Draft),))


def drafts_of(_kind: str, _options: DoorOptions) -> Drafts:
    return Drafts()


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(START + timedelta(days=1))) as opened:
        yield opened


def deliver(resile: Resile, name: str, draft: Draft, *, heard_at: datetime) -> None:
    body = msgspec.json.encode(draft)
    resile.journal.append(Delivery(door="test", id=name, received_at=heard_at, body=body))


def issue(minute: int, *steps: Step, ref: str = "7") -> Draft:
    return Draft(
        origin="forge/shop",
        ref=ref,
        title="down",
        steps=(Step("detected", START), *steps),
        as_of=START + minute * MINUTE,
    )


def test_incidents_told_at_a_door_are_kept_once_and_as_told_last(resile: Resile) -> None:
    restored = Step("restored", START + 30 * MINUTE)
    deliver(resile, "closed", issue(30, restored), heard_at=START + 31 * MINUTE)
    deliver(resile, "opened", issue(0), heard_at=START + 32 * MINUTE)
    deliver(resile, "bad", issue(0, Step("exploded", START), ref="8"), heard_at=START + 33 * MINUTE)
    receiver = receiver_of(resile, understands=drafts_of)

    receiver.process_waiting()

    verdicts = {entry.delivery.id: entry.verdict for entry in resile.journal.entries()}
    assert verdicts == {"closed": Verdict.TAKEN, "opened": Verdict.TAKEN, "bad": Verdict.FAILED}
    timeline = resile.timelines.read("forge/shop:7")
    assert instants(fold("forge/shop:7", timeline)).restored.at == restored.at  # type: ignore[union-attr]
    assert {event.by for event in timeline} == {"door:test"}
    assert resile.journal.replay() == 3
    receiver.process_waiting()
    assert resile.timelines.read("forge/shop:7") == timeline


PLAYBOOK = "---\nplaybook: shop\nmatch: {service: shop}\n---\n# The shop is down\n"


def opened_for(resile: Resile, ref: str) -> list[str]:
    timeline = resile.timelines.read(f"forge/shop:{ref}")
    return [f"{one.playbook} by {one.by}" for one in timeline if isinstance(one, PlaybookOpened)]


def test_what_is_told_live_and_goes_on_opens_its_playbook_once(resile: Resile) -> None:
    resile.catalog.apply(LOCAL, resile.catalog.changes_to({(Kind.PLAYBOOK, "shop"): ({"text": PLAYBOOK}, "")}))
    now = resile.clock.now()
    goes_on = replace(issue(0, ref="1"), services=("shop",))
    over = replace(issue(0, Step("restored", START + MINUTE), ref="2"), services=("shop",))
    planned = replace(issue(0, ref="3"), services=("shop",), exclusion=Exclusion.PLANNED)
    short = [replace(issue(n, *steps, ref="4"), services=("shop",)) for n, steps in enumerate(((), over.steps))]
    told = {"goes on": goes_on, "over": over, "planned": planned, "began": short[0], "ended": short[1]}
    for name, draft in told.items():
        deliver(resile, name, draft, heard_at=now)
    deliver(resile, "old", replace(issue(0, ref="5"), services=("shop",)), heard_at=now - 61 * MINUTE)
    deliver(resile, "other", replace(issue(0, ref="6"), services=("search",)), heard_at=now)
    receiver = receiver_of(resile, understands=drafts_of)

    receiver.process_waiting()

    assert [ref for ref in "123456" if opened_for(resile, ref)] == ["1"]
    deliver(resile, "more", replace(goes_on, title="still down", as_of=START + MINUTE), heard_at=now)
    resile.journal.replay()
    receiver.process_waiting()
    assert opened_for(resile, "1") == ["shop by resile"]
    assert resile.playbooks.of_incident("forge/shop:1") is not None
