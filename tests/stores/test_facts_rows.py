from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.analytics.facts import FACTS_SCHEMA, facts_of, facts_table
from resile.model.draft import Draft
from resile.model.event import Event
from resile.model.history import record_history
from resile.model.incident import fold
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


@settings(deadline=None)
@given(st.lists(st.none() | st.datetimes(timezones=st.just(UTC)), min_size=1), drafts.map(imported))
def test_instants_keep_their_microseconds_in_any_year(instants: list[datetime | None], timeline: list[Event]) -> None:
    place = FACTS_SCHEMA.names.index("closed")
    row = row_of("x:1", timeline)

    column = table_of([(*row[:place], at, *row[place + 1 :]) for at in instants]).column("closed")

    assert column.combine_chunks().equals(pa.array(instants, FACTS_SCHEMA.field("closed").type))
    assert column.to_pylist() == instants
