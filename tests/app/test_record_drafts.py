"""Incidents as deliveries tell of them: in any order, however often, from several tellers, beside what people say."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from resile.app.import_deliveries import import_deliveries
from resile.app.playbooks import Opening
from resile.app.record_drafts import Outcome, Telling, record_drafts, telling_of
from resile.model.draft import Draft, Step
from resile.model.errors import ConflictError, StoreError
from resile.model.event import Restored
from resile.model.incident import Incident, fold, labels_of, value_of
from resile.model.lifecycle import ChangeSeverity, Correct, Describe, decide
from resile.model.phases import instants
from resile.model.playbook_text import parse_playbook
from resile.model.room_event import PlaybookOpened
from resile.model.severity import Severity
from resile.ports.catalog import Version
from resile.ports.delivery_source import Cursors, DeliveryReading, IncidentsRead, ReadUpTo
from resile.ports.timeline_store import Append
from resile.testing.memory_deliveries import MemoryDeliveryStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock

START = datetime(2024, 1, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ID = "github.com/acme/shop:7"


def issue(minute: int, *, restored: int | None = None, **more: object) -> Draft:
    """An issue as it stood that many minutes after it was opened."""
    steps = (Step("detected", START),)
    if restored is not None:
        steps += (Step("restored", START + restored * MINUTE),)
    fields = {"origin": "github.com/acme/shop", "ref": "7", "title": "Checkout is down", "steps": steps}
    return Draft(**fields | {"as_of": START + minute * MINUTE} | more)  # type: ignore[arg-type]


class World:
    def __init__(self) -> None:
        self.timelines = MemoryTimelineStore()
        self.now = START + timedelta(days=1)

    def hear(self, *tellings: Telling) -> list[Outcome]:
        self.now += MINUTE
        return record_drafts(self.timelines, tellings, now=self.now).outcomes

    def door(self, *drafts: Draft, name: str = "github", heard: int = 0) -> list[Outcome]:
        return self.hear(*(told(draft, heard, name) for draft in drafts))

    @property
    def incident(self) -> Incident:
        return fold(ID, self.timelines.read(ID))

    def state(self) -> tuple[object, ...]:
        """What holds now, whatever way led to it."""
        incident = self.incident
        at = instants(incident)
        return (
            value_of(incident.title, ""),
            value_of(incident.severity, None),
            labels_of(incident),
            at.detected and at.detected.at,
            at.restored and at.restored.at,
        )


def told(draft: Draft, heard: int = 0, name: str = "github") -> Telling:
    return telling_of(draft, by=f"door:{name}", heard_at=START + timedelta(hours=1, seconds=heard))


@pytest.fixture
def world() -> World:
    return World()


def test_an_incident_is_told_once_and_followed(world: World) -> None:
    outcomes = world.door(issue(0)) + world.door(issue(30, restored=30)) + world.door(issue(30, restored=30))

    assert outcomes == [Outcome.NEW, Outcome.UPDATED, Outcome.UNCHANGED]
    assert instants(world.incident).restored is not None
    assert {event.by for event in world.timelines.read(ID)} == {"door:github"}


def test_what_was_told_as_of_earlier_does_not_undo_what_was_told_as_of_later(world: World) -> None:
    world.door(issue(30, restored=30, severity=Severity.SEV1))
    before = world.timelines.read(ID)

    outcomes = world.door(issue(0)) + world.door(issue(29, severity=Severity.SEV3))

    assert outcomes == [Outcome.UNCHANGED, Outcome.UNCHANGED]
    assert world.timelines.read(ID) == before


def test_of_tellings_of_one_second_the_one_heard_last_holds_also_after_a_replay(world: World) -> None:
    world.door(issue(30), heard=1)
    world.door(issue(30, restored=30), heard=2)

    assert world.door(issue(30), heard=1) == [Outcome.UNCHANGED]
    assert world.state()[-1] == START + 30 * MINUTE


def test_one_batch_may_tell_of_an_incident_several_times(world: World) -> None:
    other = issue(0, ref="8")

    outcomes = world.door(issue(0), other, issue(30, restored=30), issue(5), other)

    assert outcomes == [Outcome.NEW, Outcome.NEW, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.UNCHANGED]


def test_a_touch_that_changes_nothing_still_counts_as_later(world: World) -> None:
    world.door(issue(0))

    assert world.door(issue(50)) == [Outcome.UNCHANGED]
    assert world.door(issue(40, title="Late")) == [Outcome.UNCHANGED]
    assert value_of(world.incident.title, "") == "Checkout is down"


def test_without_a_word_on_when_a_telling_counts_as_of_now(world: World) -> None:
    world.door(issue(30, title="Later"))

    assert world.door(issue(0, as_of=None)) == [Outcome.UPDATED]
    assert value_of(world.incident.title, "") == "Checkout is down"
    assert world.door(issue(20, title="Older than the dated one")) == [Outcome.UNCHANGED]


def test_an_import_and_doors_of_other_names_tell_of_one_incident(world: World) -> None:
    world.hear(telling_of(issue(10), by="import:github.com/acme/shop", heard_at=world.now))
    world.door(issue(30, restored=30), name="github")
    n_events = len(world.timelines.read(ID))

    assert world.door(issue(40, restored=35), name="github/renamed") == [Outcome.UPDATED]
    assert instants(world.incident).restored.at == START + 35 * MINUTE  # type: ignore[union-attr]
    assert len(world.timelines.read(ID)) == n_events + 1


def test_what_people_said_stays(world: World) -> None:
    world.door(issue(0, severity=Severity.SEV3))
    said = decide(world.incident, ChangeSeverity(Severity.SEV1), now=world.now, by="user:ann")
    world.timelines.append([Append(ID, world.incident.n_events, tuple(said))])

    world.door(issue(30, restored=30, severity=Severity.SEV3))

    assert value_of(world.incident.severity, None) is Severity.SEV1
    assert instants(world.incident).restored is not None


def test_a_time_that_people_corrected_since_stays_when_what_was_told_before_is_heard_late(world: World) -> None:
    world.door(issue(30, restored=30))
    restored = next(event.id for event in world.timelines.read(ID) if isinstance(event, Restored))
    said = decide(
        world.incident,
        Correct(restored, START + 25 * MINUTE, "the log says so"),
        now=START + 40 * MINUTE,
        by="user:ann",
    )
    world.timelines.append([Append(ID, world.incident.n_events, tuple(said))])

    world.door(issue(35, restored=33))
    assert world.state()[-1] == START + 25 * MINUTE

    # What the tool changed after them is its word again, as an import's would be.
    world.door(issue(50, restored=45))
    assert world.state()[-1] == START + 45 * MINUTE


def test_what_people_said_since_stays_when_what_was_told_before_is_heard_late(world: World) -> None:
    """A delivery that waited, or failed and was replayed, is of then: the words that people changed since are newer."""
    world.door(issue(0, severity=Severity.SEV3))
    for word in (ChangeSeverity(Severity.SEV1), Describe(title="No card can be charged")):
        said = decide(world.incident, word, now=START + 30 * MINUTE, by="user:ann")
        world.timelines.append([Append(ID, world.incident.n_events, tuple(said))])

    assert world.door(issue(20, severity=Severity.SEV2, title="Checkout")) == [Outcome.UPDATED]
    assert world.state()[:2] == ("No card can be charged", Severity.SEV1)

    world.door(issue(40, severity=Severity.SEV2, title="Checkout is slow"))
    assert world.state()[:2] == ("Checkout is slow", Severity.SEV1)


def test_whoever_was_quicker_with_a_later_telling_is_not_undone() -> None:
    class Contended(MemoryTimelineStore):
        """Between reading and appending, somebody takes the same incident as of later, with no event of its own."""

        is_quiet = False

        def append(self, appends: Sequence[Append]) -> int:
            if not self.is_quiet:
                self.is_quiet = True
                record_drafts(self, [told(issue(50))], now=START)
            return super().append(appends)

    world = World()
    world.timelines = Contended()
    world.timelines.is_quiet = True
    world.door(issue(0))
    world.timelines.is_quiet = False

    outcomes = world.door(issue(40, title="Older"))

    assert outcomes == [Outcome.UNCHANGED]
    assert value_of(world.incident.title, "") == "Checkout is down"


def test_endless_contention_is_told() -> None:
    class Lost(MemoryTimelineStore):
        def append(self, _appends: Sequence[Append]) -> int:
            raise ConflictError("somebody else appended first")

    with pytest.raises(ConflictError):
        record_drafts(Lost(), [told(issue(0))], now=START)


def test_the_playbook_is_opened_also_where_others_appended_first() -> None:
    class Busy(MemoryTimelineStore):
        n_refused = 0

        def append(self, appends: Sequence[Append]) -> int:
            if self.n_refused == 0:
                self.n_refused = 1
                raise ConflictError("somebody else appended first")
            return super().append(appends)

    text = "---\nplaybook: shop\nmatch: {service: shop}\n---\n# The shop is down\n"
    version = Version(kind="playbook", name="shop", number=1, body={"text": text}, at=START, by="ann")
    timelines = Busy()
    telling = telling_of(issue(0, services=("shop",)), by="door:github", heard_at=START, is_live=True)

    record_drafts(
        timelines,
        [telling],
        now=START,
        opening=lambda: Opening(lambda: {"shop": (version, parse_playbook("shop", text))}),
    )

    assert timelines.n_refused == 1
    assert [one.playbook for one in timelines.read(ID) if isinstance(one, PlaybookOpened)] == ["shop"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["a", "b"])), min_size=1, max_size=5),
    st.data(),
)
def test_in_any_order_and_however_often_the_same_tellings_end_in_the_same_state(
    told_of: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    # A delivery is named by when it was heard: the same instant twice would be one delivery.
    tellings = [
        told(issue(minute, restored=minute * 10 or None, title=title, labels={title: "x"}), heard=number * 10 + heard)
        for number, (minute, heard, title) in enumerate(told_of)
    ]
    shuffled = data.draw(st.lists(st.sampled_from(tellings), max_size=8)) + data.draw(st.permutations(tellings))
    cuts = data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3))
    straight, crooked = World(), World()

    for telling in tellings:
        straight.hear(telling)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(shuffled)], strict=True):
        crooked.hear(*shuffled[start:end])

    assert crooked.state() == straight.state()
    n_events = crooked.incident.n_events
    crooked.hear(*tellings)
    assert crooked.incident.n_events == n_events


class Forge:
    """A history that tells of incidents, a portion at a time."""

    def __init__(self, *portions: tuple[Draft, ...]) -> None:
        self.portions = portions

    def read(self, target: str, _cursors: Cursors) -> Iterator[DeliveryReading]:
        for drafts in self.portions:
            yield IncidentsRead(drafts)
        yield ReadUpTo(f"forge:{target}", b"end")


class Refreshed:
    n = 0

    def refresh(self) -> int:
        self.n += 1
        return 0


def test_an_import_of_deliveries_takes_its_incidents_and_counts_them() -> None:
    timelines, deliveries, facts = MemoryTimelineStore(), MemoryDeliveryStore(), Refreshed()
    clock = SimulatedClock(START + timedelta(days=1))

    def take(*portions: tuple[Draft, ...]) -> tuple[int, int, int]:
        clock.advance(MINUTE)
        summary = import_deliveries(
            Forge(*portions),
            "x",
            deliveries=deliveries,
            timelines=timelines,
            clock=clock,
            service="shop",
            facts=facts,  # type: ignore[arg-type]
        )
        return summary.n_new_incidents, summary.n_updated_incidents, summary.n_unchanged_incidents

    assert take((issue(0), issue(0, ref="8")), (issue(30, restored=30),)) == (2, 1, 0)
    assert take((issue(30, restored=30),), (issue(0, ref="8"),)) == (0, 0, 2)
    assert facts.n == 1
    assert {event.by for event in timelines.read(ID)} == {"import:github.com/acme/shop"}


def test_an_import_broken_off_while_incidents_are_stored_goes_on_where_it_was() -> None:
    class Full(MemoryTimelineStore):
        is_full = False

        def append(self, appends: Sequence[Append]) -> int:
            if self.is_full:
                raise StoreError("the disk is full")
            return super().append(appends)

    timelines, deliveries, clock = Full(), MemoryDeliveryStore(), SimulatedClock(START + timedelta(days=1))
    source = Forge((issue(0),), (replace(issue(0), ref="8"),))

    def take() -> None:
        import_deliveries(source, "x", deliveries=deliveries, timelines=timelines, clock=clock, service="shop")

    timelines.is_full = True
    with pytest.raises(StoreError):
        take()
    assert deliveries.cursor("forge:x") is None
    timelines.is_full = False
    take()

    assert timelines.n_incidents() == 2
