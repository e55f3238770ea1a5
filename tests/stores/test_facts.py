"""The projection says what the timelines say, after whatever happened to it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.analytics.facts import FACTS_VERSION
from resile.model.event import Described, Event, Merged, Reopened, Source
from resile.model.severity import Severity
from resile.ports.facts_store import FactsStore
from resile.ports.timeline_store import Append
from resile.stores import facts as facts_store
from resile.stores import facts_manifest, facts_segments
from resile.stores.opening import open_facts, open_timelines
from resile.testing.memory_store import MemoryTimelineStore
from tests.model.strategies import timelines
from tests.stores.incidents import START, changed, declared, facts_from_timelines, fill, rows_of


def test_new_projection_is_an_empty_table_with_all_columns(facts: FactsStore) -> None:
    assert rows_of(facts) == []
    assert facts.refresh() == 0
    assert rows_of(facts) == []


def test_refresh_takes_in_what_is_new_and_nothing_else(store: MemoryTimelineStore, facts: FactsStore) -> None:
    fill(store, 10)
    assert facts.refresh() == 10
    assert facts.refresh() == 0
    fill(store, 3, start=10)
    store.append([Append("x:000004", 3, (changed(3),))])
    assert facts.refresh() == 4

    rows = rows_of(facts)
    assert rows == facts_from_timelines(store)
    assert len(rows) == 13
    assert [row["incident_id"] for row in rows if row["severity"] == "SEV1"] == ["x:000004"]


def test_newest_row_of_an_incident_wins_however_often_it_changed(store: MemoryTimelineStore, facts: FactsStore) -> None:
    fill(store, 40)
    facts.refresh()
    for n in range(40):
        name, version = f"x:{n % 7:06d}", len(store.read(f"x:{n % 7:06d}"))
        store.append([Append(name, version, (changed(version, list(Severity)[n % 5]),))])
        assert facts.refresh() == 1
        assert rows_of(facts) == facts_from_timelines(store)


def test_many_refreshes_leave_few_files(tmp_path: Path, store: MemoryTimelineStore, facts: FactsStore) -> None:
    for n in range(100):
        fill(store, 1, start=n)
        facts.refresh()

    assert len(list((tmp_path / "data" / "facts").glob("*.parquet"))) <= 16
    assert len(rows_of(facts)) == 100


def test_incidents_rewritten_by_the_thousand_are_joined_and_not_named(
    store: MemoryTimelineStore, facts: FactsStore, open_again: Callable[[], FactsStore]
) -> None:
    fill(store, 1_500)
    facts.refresh()
    store.append([Append(f"x:{n:06d}", 3, (changed(3),)) for n in range(0, 1_500, 2)])

    assert facts.refresh() == 750

    assert rows_of(facts) == facts_from_timelines(store)
    assert rows_of(open_again()) == facts_from_timelines(store)


def test_large_projection_is_cut_into_segments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: MemoryTimelineStore, facts: FactsStore
) -> None:
    monkeypatch.setattr(facts_store, "_ROWS_AT_ONCE", 10)
    monkeypatch.setattr(facts_segments, "_ROWS_PER_GROUP", 20)
    monkeypatch.setattr(facts_segments, "_ROWS_PER_SEGMENT", 40)
    fill(store, 95)

    assert facts.refresh() == 95

    manifest = facts_manifest.read_manifest(tmp_path / "data" / "facts", FACTS_VERSION)
    assert manifest is not None
    assert [segment.n_rows for segment in manifest.segments] == [40, 40, 15]
    store.append([Append(f"x:{n:06d}", 3, (changed(3),)) for n in range(0, 95, 3)])
    facts.refresh()
    assert rows_of(facts) == facts_from_timelines(store)


def test_rebuild_derives_everything_again(tmp_path: Path, store: MemoryTimelineStore, facts: FactsStore) -> None:
    fill(store, 10)
    facts.refresh()
    for n in range(10):
        store.append([Append(f"x:{n:06d}", 3, (changed(3),))])
        facts.refresh()

    assert facts.rebuild() == 10

    assert rows_of(facts) == facts_from_timelines(store)
    assert len(list((tmp_path / "data" / "facts").glob("*.parquet"))) == 1


def test_second_opening_finds_the_work_done(
    store: MemoryTimelineStore, facts: FactsStore, open_again: Callable[[], FactsStore]
) -> None:
    fill(store, 10)
    facts.refresh()

    again = open_again()

    assert again.refresh() == 0
    assert rows_of(again) == facts_from_timelines(store)


def test_projection_sees_what_another_process_derived(
    store: MemoryTimelineStore, facts: FactsStore, open_again: Callable[[], FactsStore]
) -> None:
    other = open_again()
    fill(store, 5)
    facts.refresh()
    assert len(rows_of(other)) == 5
    assert other.refresh() == 0
    fill(store, 5, start=5)

    assert other.refresh() == 5

    assert rows_of(facts) == facts_from_timelines(store)


def test_moved_data_folder_is_still_up_to_date(tmp_path: Path, store: MemoryTimelineStore, facts: FactsStore) -> None:
    fill(store, 5)
    facts.refresh()
    facts.close()
    (tmp_path / "data").rename(tmp_path / "elsewhere")

    moved = open_facts(tmp_path / "elsewhere", store)

    assert moved.refresh() == 0
    assert rows_of(moved) == facts_from_timelines(store)
    moved.close()


def test_readers_keep_their_rows_while_others_refresh(store: MemoryTimelineStore, facts: FactsStore) -> None:
    fill(store, 30)
    facts.refresh()

    with facts.table() as table:
        before = table.count().to_pyarrow().as_py()
        fill(store, 30, start=30)
        facts.refresh()
        facts.rebuild()
        after = table.count().to_pyarrow().as_py()

    assert (before, after) == (30, 30)
    assert len(rows_of(facts)) == 60


def test_threads_may_read_and_refresh_at_once(store: MemoryTimelineStore, facts: FactsStore) -> None:
    fill(store, 20)
    facts.refresh()
    done = threading.Event()

    def read() -> set[int]:
        seen = set()
        while not done.is_set():
            facts.refresh()
            rows = rows_of(facts)
            assert len({row["incident_id"] for row in rows}) == len(rows)
            seen.add(len(rows))
        return seen

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(6)]
        try:
            for n in range(20, 60):
                fill(store, 1, start=n)
                store.append([Append(f"x:{n - 15:06d}", 3, (changed(3),))])
                facts.refresh()
        finally:
            done.set()
        assert all(reader.result(60) for reader in readers)

    assert rows_of(facts) == facts_from_timelines(store)


def test_every_column_is_kept(store: MemoryTimelineStore, facts: FactsStore) -> None:
    at = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)
    common: dict[str, Any] = {"at": at, "recorded_at": at, "by": "x", "source": Source.MEASURED}
    timeline = (
        *declared(1, severity=Severity.SEV2, team="pay", labels={"b": "2", "a": ""}, origin="x", ref="1"),
        Reopened(id="00004", **common),
        Merged(id="00005", into="x:2", **common),
        Described(id="00006", labels={"b": None}, **common),
    )
    store.append([Append("x:1", 0, timeline)])

    facts.refresh()

    (row,) = rows_of(facts)
    assert row["labels"] == [("a", "")]
    assert row["other_services"] == ["search"]
    assert (row["severity"], row["team"], row["origin"], row["ref"]) == ("SEV2", "pay", "x", "1")
    assert (row["exclusion"], row["n_reopened"], row["restored"], row["n_events"]) == ("merged", 1, None, 6)
    assert (row["detected"], row["detected_source"]) == (START + timedelta(minutes=1), "reported")
    assert row["last_recorded_at"] == at


def test_random_timelines_in_random_portions(tmp_path: Path) -> None:
    folders = iter(range(10_000))

    @settings(max_examples=30, deadline=None)
    @given(
        told=st.lists(timelines(max_size=5), min_size=1, max_size=6),
        cuts=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    )
    def agree(told: list[list[Event]], cuts: list[int]) -> None:
        store = MemoryTimelineStore()
        facts = open_facts(tmp_path / str(next(folders)), store)
        for cut in [*cuts, 5]:
            for number, timeline in enumerate(told):
                version = len(store.read(f"x:{number}"))
                store.append([Append(f"x:{number}", version, tuple(timeline[version : max(cut, version)]))])
            facts.refresh()
            assert rows_of(facts) == facts_from_timelines(store)
        facts.close()

    agree()


def test_facts_of_a_postgresql_database_rest_in_the_data_folder(tmp_path: Path, postgresql_url: str) -> None:
    store = open_timelines(tmp_path, postgresql_url)
    fill(store, 50)
    facts = open_facts(tmp_path, store)

    assert facts.refresh() == 50

    assert rows_of(facts) == facts_from_timelines(store)
    assert not (tmp_path / "resile.db").exists()
    facts.close()
    store.close()
