from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.analytics.facts import FACTS_SCHEMA, facts_of, facts_table
from resile.model.draft import Draft
from resile.model.event import Declared, Detected, Event, Mitigated, Paged, PageMoved, Reopened, Source, Updated
from resile.model.history import record_history
from resile.model.incident import fold
from resile.model.room_event import PlaybookOpened, Risk, StepBegan
from resile.stores.facts_rows import row_of, table_of
from tests.model.strategies import NOW, drafts, timelines


def by_folding(timeline: list[Event]) -> dict[str, object]:
    return facts_of(fold("x:1", timeline), max(event.recorded_at for event in timeline))


def by_name(timeline: list[Event]) -> dict[str, object]:
    row = dict(zip(FACTS_SCHEMA.names, row_of("x:1", timeline), strict=True))
    # What is listed in Arrow alike.
    others = row["other_services"]
    return row | {"other_services": None if others is None else list(others)}


def imported(draft: Draft) -> list[Event]:
    return record_history(draft, [], now=NOW, by="import:x")


@settings(deadline=None)
@given(timelines())
def test_a_row_says_what_the_folded_incident_says(timeline: list[Event]) -> None:
    assert not timeline or by_name(timeline) == by_folding(timeline)


@settings(deadline=None)
@given(drafts)
def test_a_row_of_an_imported_incident_says_what_the_folded_one_says(draft: Draft) -> None:
    assert by_name(imported(draft)) == by_folding(imported(draft))


@settings(deadline=None)
@given(st.lists(drafts.map(imported) | timelines(), max_size=4))
def test_rows_make_the_table_that_folded_incidents_make(listed: list[list[Event]]) -> None:
    told = [timeline for timeline in listed if timeline]

    assert not told or table_of([row_of("x:1", one) for one in told]).equals(facts_table(map(by_folding, told)))


def told(kind: type[Event], second: int, number: int, **more: object) -> Event:
    at = NOW + timedelta(seconds=second)
    common = {"id": f"{number:05d}", "at": at, "recorded_at": at, "by": "resile", "source": Source.MEASURED}
    return kind(**common, **more)


def paged_timeline(*moves: tuple[str, str, int]) -> list[Event]:
    """Two pages are queued at second 1 and 2; then messages move: which one, to which state, in which second."""
    return [
        told(Declared, 0, 1, title="Checkout fails"),
        told(Detected, 0, 2),
        told(Paged, 1, 3, message_id="m1", person="ann"),
        told(Paged, 2, 4, message_id="m2", person="bob"),
        *[
            told(PageMoved, second, place, message_id=name, state=state)
            for place, (name, state, second) in enumerate(moves, 5)
        ],
    ]


def test_an_incident_is_paged_when_a_provider_takes_the_first_page() -> None:
    row = by_name(paged_timeline(("m1", "failed", 3), ("m2", "delivered", 9), ("m2", "handed", 7)))

    assert (row["page_queued_at"], row["paged_at"]) == (NOW + timedelta(seconds=1), NOW + timedelta(seconds=7))


def test_what_failed_or_is_no_page_makes_nobody_paged() -> None:
    timeline = paged_timeline(("m1", "failed", 3), ("m2", "uncertain", 4), ("an update", "handed", 5))

    assert by_name(timeline)["page_queued_at"] == NOW + timedelta(seconds=1)
    assert by_name(timeline)["paged_at"] is None


def test_an_incident_told_twice_is_paged_at_the_same_instant() -> None:
    timeline = [*paged_timeline(("m1", "handed", 3)), told(Detected, 1, 9), told(Updated, 2, 10, text="soon")]

    assert by_name(timeline)["paged_at"] == NOW + timedelta(seconds=3)


@settings(deadline=None)
@given(st.lists(st.none() | st.datetimes(timezones=st.just(UTC)), min_size=1), drafts.map(imported))
def test_instants_keep_their_microseconds_in_any_year(instants: list[datetime | None], timeline: list[Event]) -> None:
    place = FACTS_SCHEMA.names.index("closed")
    row = row_of("x:1", timeline)

    column = table_of([(*row[:place], at, *row[place + 1 :]) for at in instants]).column("closed")

    assert column.combine_chunks().equals(pa.array(instants, FACTS_SCHEMA.field("closed").type))
    assert column.to_pylist() == instants


def of_playbook(kind: type[Event], second: int, name: str, source: Source = Source.MEASURED) -> Event:
    at = NOW + timedelta(seconds=second)
    step = {"run_id": "r", "step": "s", "runner": "shell", "risk": Risk.READ} if kind is StepBegan else {}
    common = {"id": f"{second + 10:05d}", "at": at, "recorded_at": at, "by": "ann", "source": source}
    return kind(**common, playbook=name, number=1, **step)


@pytest.mark.parametrize("also", [[], [told(Reopened, 90, 9)]])
def test_playbook_is_used_where_somebody_opened_it_or_a_step_began_before_mitigation(also: list[Event]) -> None:
    timeline = [
        told(Declared, 0, 1, title="Checkout fails"),
        told(Detected, 0, 2),
        of_playbook(PlaybookOpened, 1, "by-itself"),
        of_playbook(PlaybookOpened, 2, "chosen", Source.HUMAN),
        of_playbook(StepBegan, 3, "run"),
        told(Mitigated, 4, 6),
        of_playbook(StepBegan, 5, "late"),
        of_playbook(PlaybookOpened, 6, "later", Source.HUMAN),
        *also,
    ]
    row = by_name(timeline)

    assert row["playbooks_opened"] == ("by-itself", "chosen", "later")
    assert row["playbooks_used"] == (("chosen", "late", "later", "run") if also else ("chosen", "run"))
