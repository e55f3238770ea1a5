"""Incidents of which customers were told are found by what stands in their events, whatever else does."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resile.model.event import Declared, Event, Noted, Source, Updated
from resile.ports.timeline_store import Append
from resile.stores.customers_told import SqlCustomersTold
from resile.stores.opening import open_engine
from resile.stores.timelines import SqlTimelineStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Both = tuple[SqlTimelineStore, SqlCustomersTold]


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest, tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Both]:
    is_sqlite = request.param == "sqlite"
    url = None if is_sqlite else request.getfixturevalue("fresh_postgresql_url")
    database = open_engine(fresh_data(tmp_path), url)
    timelines = SqlTimelineStore(database)
    yield timelines, SqlCustomersTold(database)
    timelines.close()


def event(kind: type[Event], number: int, **fields: object) -> Event:
    told: Event = kind(id=f"{number}", at=NOW, recorded_at=NOW, by="ann", source=Source.HUMAN, **fields)  # type: ignore[arg-type]
    return told


def test_only_what_is_for_customers_is_found(both: Both) -> None:
    timelines, told = both
    looks_so = event(Noted, 2, text='he wrote "audience":"customers" %')
    first = timelines.append(
        [
            Append("quiet", 0, (event(Declared, 1), looks_so)),
            Append("inner", 0, (event(Declared, 1), event(Updated, 2, text="x", audience="responders"))),
            Append("told", 0, (event(Declared, 1), event(Updated, 2, text="x", audience="customers"))),
        ]
    )
    assert list(told.incidents(first)) == ["told"]
    assert list(told.incidents(first - 1)) == []

    last = timelines.append(
        [
            Append("told", 2, (event(Noted, 3, text="more"),)),
            Append("quiet", 2, (event(Updated, 3, text="x", audience="customers"),)),
        ]
    )

    assert sorted(told.changed(first, last)) == [("quiet", True), ("told", False)]
    assert list(told.changed(last, last)) == []
    assert sorted(told.incidents(last)) == ["quiet", "told"]
