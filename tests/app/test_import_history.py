from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from resile.app import import_history as module
from resile.app.import_history import Listeners, RowOutcome, import_history
from resile.model.draft import Draft, Step
from resile.model.errors import ConfigError, ConflictError, StoreError
from resile.model.event import Exclusion, Noted, Source
from resile.model.incident import fold, labels_of, value_of
from resile.model.lifecycle import Describe, Note, decide
from resile.model.phases import instants
from resile.model.severity import Severity
from resile.ports.source import Place, Reading, Refused, Remark, Skipped, Taken
from resile.ports.timeline_store import Append
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock

START = datetime(2024, 1, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def draft(n: int, *, hours: int = 1, **fields: object) -> Draft:
    steps = (Step("detected", START + n * HOUR), Step("restored", START + (n + hours) * HOUR))
    return Draft(origin="desk", ref=str(n), **({"title": f"Trouble {n}", "steps": steps} | fields))  # type: ignore[arg-type]


def readings(*drafts: Draft) -> Iterator[Reading]:
    for row, one in enumerate(drafts, start=2):
        yield Taken(one, Place("desk.csv", row))


class World:
    """A store in memory and a clock that moves by a day from import to import."""

    def __init__(self) -> None:
        self.timelines = MemoryTimelineStore()
        self.clock = SimulatedClock(datetime(2024, 6, 1, tzinfo=UTC))

    def take(self, *drafts: Draft, **options: object):
        self.clock.advance(timedelta(days=1))
        return import_history(readings(*drafts), timelines=self.timelines, facts=None, clock=self.clock, **options)  # type: ignore[arg-type]

    def incident(self, n: int):
        return fold(f"desk:{n}", self.timelines.read(f"desk:{n}"))


@pytest.fixture
def world() -> World:
    return World()


def counts(summary) -> tuple[int, int, int]:
    return summary.n_new, summary.n_updated, summary.n_unchanged


def test_a_history_is_new_once_and_then_unchanged(world: World) -> None:
    first = world.take(draft(1), draft(2))
    seq = world.timelines.last_seq()

    again = world.take(draft(1), draft(2))

    assert (counts(first), counts(again)) == ((2, 0, 0), (0, 0, 2))
    assert world.timelines.last_seq() == seq
    assert world.incident(1).origin == "desk"


def test_what_the_source_tells_differently_becomes_corrections(world: World) -> None:
    world.take(draft(1, labels={"cause": "disk"}), draft(2))

    summary = world.take(draft(1, hours=3, severity=Severity.SEV2, labels={"cause": "net"}), draft(2))

    assert counts(summary) == (0, 1, 1)
    incident = world.incident(1)
    assert instants(incident).restored.at == START + 4 * HOUR
    assert (value_of(incident.severity, None), labels_of(incident)) == (Severity.SEV2, {"cause": "net"})
    assert world.take(draft(1, hours=3, severity=Severity.SEV2, labels={"cause": "net"})).n_unchanged == 1


def test_what_people_wrote_and_changed_stays(world: World) -> None:
    world.take(draft(1))
    timeline = world.timelines.read("desk:1")
    said = decide(fold("desk:1", timeline), Describe(title="The real title"), now=world.clock.now(), by="user:ann")
    world.timelines.append([Append("desk:1", len(timeline), tuple(said))])
    incident = world.incident(1)
    noted = decide(incident, Note(text="It was the pool."), now=world.clock.now(), by="user:ann")
    world.timelines.append([Append("desk:1", incident.n_events, tuple(noted))])

    summary = world.take(draft(1, hours=5))

    assert counts(summary) == (0, 1, 0)
    incident = world.incident(1)
    assert value_of(incident.title, "") == "The real title"
    assert instants(incident).restored.at == START + 6 * HOUR
    assert any(isinstance(event, Noted) for event in world.timelines.read("desk:1"))


def test_a_time_that_a_person_corrected_stays_corrected_when_the_source_changes_another(world: World) -> None:
    world.take(draft(1))
    timeline = world.timelines.read("desk:1")
    from resile.model.lifecycle import Correct  # noqa: PLC0415

    detected = instants(fold("desk:1", timeline)).detected
    moved = decide(
        fold("desk:1", timeline),
        Correct(detected.event_id, START, "the log says so"),
        now=world.clock.now(),
        by="user:ann",
    )
    world.timelines.append([Append("desk:1", len(timeline), tuple(moved))])

    world.take(draft(1, hours=2))

    assert instants(world.incident(1)).detected.at == START
    assert instants(world.incident(1)).restored.at == START + 3 * HOUR


def test_an_appender_at_the_same_moment_makes_the_batch_decide_again(world: World) -> None:
    class Contended(MemoryTimelineStore):
        n_conflicts = 0

        def append(self, appends):
            if self.n_conflicts == 0:
                self.n_conflicts += 1
                note = Noted(id="99001", at=START, recorded_at=START, by="user:ann", source=Source.HUMAN, text="first")
                super().append([Append("desk:1", 0, (note,))])
            return super().append(appends)

    world.timelines = Contended()
    summary = world.take(draft(1), draft(2))

    assert summary.n_incidents == 2
    assert isinstance(world.timelines.read("desk:1")[0], Noted)
    assert instants(world.incident(1)).restored.at == START + 2 * HOUR


def test_a_store_that_is_never_free_ends_in_a_conflict(world: World) -> None:
    class Stubborn(MemoryTimelineStore):
        def append(self, appends):  # noqa: ARG002 - whatever it is
            raise ConflictError("somebody else appended first")

    world.timelines = Stubborn()

    with pytest.raises(ConflictError):
        world.take(draft(1))


def test_a_dry_run_counts_and_stores_nothing(world: World) -> None:
    summary = world.take(draft(1), is_dry_run=True)

    assert (counts(summary), summary.is_dry_run) == ((1, 0, 0), True)
    assert world.timelines.n_incidents() == 0


def test_batches_are_transactions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_DRAFTS", 3)

    def broken_off() -> Iterator[Reading]:
        yield from readings(*(draft(n) for n in range(7)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_history(broken_off(), timelines=world.timelines, facts=None, clock=world.clock)

    assert world.timelines.n_incidents() == 6
    assert counts(world.take(*(draft(n) for n in range(7)))) == (1, 0, 6)


def test_what_was_read_before_the_input_failed_is_kept(world: World) -> None:
    def failing() -> Iterator[Reading]:
        yield from readings(draft(1), draft(2))
        raise ConfigError("the second file of the archive is no table")

    with pytest.raises(ConfigError):
        import_history(failing(), timelines=world.timelines, clock=world.clock)

    assert world.timelines.n_incidents() == 2


class _FullAfter(MemoryTimelineStore):
    """Takes so many appends, then its disk is full."""

    def __init__(self, n_appends: int) -> None:
        super().__init__()
        self._n_left = n_appends

    def append(self, appends: Sequence[Append]) -> int:
        if not self._n_left:
            raise StoreError("the disk is full")
        self._n_left -= 1
        return super().append(appends)


def test_a_store_that_fails_ends_the_import_after_the_batches_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_DRAFTS", 3)
    full, told, n_read = _FullAfter(2), [], 0

    def counted() -> Iterator[Reading]:
        nonlocal n_read
        for reading in readings(*(draft(n) for n in range(100))):
            n_read += 1
            yield reading

    with pytest.raises(StoreError, match="disk is full"):
        import_history(counted(), timelines=full, clock=world.clock, listeners=Listeners(row=told.append))

    assert full.n_incidents() == 6
    assert [row.incident_id for row in told] == [f"desk:{n}" for n in range(6)]
    assert n_read == 12  # The batch that failed, and the one read meanwhile.


def test_what_became_of_each_row_is_told_in_order(world: World) -> None:
    told: list[RowOutcome] = []
    mixed: list[Reading] = [
        Taken(draft(1), Place("d", 2), ("a doubt",)),
        Skipped(Place("d", 3), "where: site is 'x'"),
        Refused(Place("d", 4, "began"), "'soon' is no time", {"began": "soon"}),
        Remark("by the way"),
        Taken(draft(2), Place("d", 5)),
    ]

    summary = import_history(
        mixed, timelines=world.timelines, facts=None, clock=world.clock, listeners=Listeners(row=told.append)
    )

    assert [(row.place.row, row.outcome.value, row.incident_id, row.sentences) for row in told] == [
        (2, "new", "desk:1", ("a doubt",)),
        (3, "skipped", None, ("where: site is 'x'",)),
        (4, "refused", None, ("'soon' is no time",)),
        (5, "new", "desk:2", ()),
    ]
    assert (summary.n_skipped, summary.n_refused, summary.n_doubtful, summary.remarks) == (1, 1, 1, ["by the way"])


def test_reasons_that_differ_in_figures_and_words_only_are_one_kind(world: World) -> None:
    refused = [Refused(Place("d", row, "began"), f"'{row}/13' is no time; correct it", {}) for row in range(2, 9)]

    summary = import_history(refused, timelines=world.timelines, facts=None, clock=world.clock)

    assert [(kind.count, kind.column, kind.place) for kind in summary.refused] == [
        (7, "began", "d, row 2, column 'began'")
    ]


def test_exclusions_severities_and_contradictions_are_counted(world: World) -> None:
    backwards = replace(draft(3), steps=(Step("detected", START), Step("restored", START - HOUR)))

    summary = world.take(draft(1, exclusion=Exclusion.PLANNED), draft(2, severity=Severity.SEV1), backwards)

    assert summary.excluded == {"planned": 1}
    assert summary.severities == {"SEV1": 1, "none": 2}
    assert (summary.n_contradictory, summary.n_doubtful) == (1, 1)
    assert summary.doubts[0].example.startswith("restored 2024-01-01 07:00:00 is before detected 2024-01-01 08:00:00")


def test_an_instant_in_the_future_is_taken_with_a_doubt_instead_of_missing_in_silence(world: World) -> None:
    year = 366 * 24
    ahead = replace(draft(1), steps=(Step("detected", START + year * HOUR),))

    summary = world.take(ahead, draft(2, hours=year), draft(3))

    assert (summary.n_new, summary.n_doubtful, summary.n_contradictory) == (3, 2, 0)
    assert [doubt.example for doubt in summary.doubts] == [
        "detected 2025-01-01 08:00:00 lies in the future, and is left out until then; correct it, or the time zone",
        "restored 2025-01-01 10:00:00 lies in the future, and is left out until then; correct it, or the time zone",
    ]


def test_the_same_incident_twice_in_one_input_ends_as_the_last_one_tells(world: World) -> None:
    world.take(draft(1), draft(1, hours=4))

    assert instants(world.incident(1)).restored.at == START + 5 * HOUR
