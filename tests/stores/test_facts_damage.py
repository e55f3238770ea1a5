"""Damaged, foreign or outdated projections are derived again."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from resile.model.errors import StoreError
from resile.ports.facts_store import FactsStore
from resile.ports.timeline_store import Append
from resile.stores.facts_manifest import nothing, read_manifest, write_manifest
from resile.stores.opening import open_facts
from resile.testing.memory_store import MemoryTimelineStore
from tests.stores.incidents import changed, facts_from_timelines, fill, rows_of
from tests.stores.processes import output_of


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def garble(file: Path) -> None:
    file.write_bytes(b"\xff" * file.stat().st_size)


@pytest.mark.parametrize("harm", [cut_short, garble, Path.unlink, lambda file: file.write_bytes(b"")])
@pytest.mark.parametrize("pattern", ["manifest.json", "*[0-9].parquet", "*.dead.parquet"])
def test_damaged_files_are_derived_again(
    tmp_path: Path,
    store: MemoryTimelineStore,
    facts: FactsStore,
    open_again: Callable[[], FactsStore],
    *,
    pattern: str,
    harm: Callable[[Path], None],
) -> None:
    fill(store, 20)
    facts.refresh()
    store.append([Append("x:000003", 3, (changed(3),))])
    facts.refresh()
    facts.close()
    harmed = sorted((tmp_path / "data" / "facts").glob(pattern))
    assert harmed
    for file in harmed:
        harm(file)

    again = open_again()
    again.refresh()
    # The next change touches every segment.
    store.append([Append("x:000003", 4, (changed(4),)), Append("x:000019", 3, (changed(3),))])
    again.refresh()

    assert rows_of(again) == facts_from_timelines(store)


def test_damage_met_while_reading_is_told_and_mended(
    tmp_path: Path, store: MemoryTimelineStore, facts: FactsStore
) -> None:
    fill(store, 20)
    facts.refresh()
    (segment,) = (tmp_path / "data" / "facts").glob("*.parquet")
    garble(segment)

    with pytest.raises(StoreError, match="damaged"):
        rows_of(facts)

    assert facts.refresh() == 20
    assert rows_of(facts) == facts_from_timelines(store)


def test_projection_thrown_away_while_open_is_derived_again(
    tmp_path: Path, store: MemoryTimelineStore, facts: FactsStore
) -> None:
    fill(store, 20)
    facts.refresh()
    shutil.rmtree(tmp_path / "data" / "facts")

    assert facts.refresh() == 20
    assert rows_of(facts) == facts_from_timelines(store)


def test_projection_thrown_away_before_it_is_read_is_no_empty_one(
    tmp_path: Path, store: MemoryTimelineStore, facts: FactsStore
) -> None:
    fill(store, 20)
    facts.refresh()
    shutil.rmtree(tmp_path / "data" / "facts")

    with pytest.raises(StoreError, match="thrown away"):
        rows_of(facts)


def test_manifest_that_does_not_fit_on_the_disk_leaves_the_one_before(tmp_path: Path) -> None:
    write_manifest(tmp_path, nothing(1))

    assert "File too large" in output_of("replace_manifest_with_limit", str(tmp_path), "200")

    assert read_manifest(tmp_path, 1) == nothing(1)


def test_wrong_question_is_no_damage(store: MemoryTimelineStore, facts: FactsStore) -> None:
    fill(store, 20)
    facts.refresh()

    with pytest.raises(duckdb.Error), facts.table() as table:
        table.title.cast("int64").sum().execute()

    assert facts.refresh() == 0
    assert len(rows_of(facts)) == 20


def test_projection_of_other_facts_is_derived_again(
    tmp_path: Path, store: MemoryTimelineStore, facts: FactsStore, open_again: Callable[[], FactsStore]
) -> None:
    fill(store, 5)
    facts.refresh()
    manifest = tmp_path / "data" / "facts" / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"facts_version": told["facts_version"] + 1}))

    with pytest.raises(StoreError, match="another version"):
        rows_of(facts)
    again = open_again()

    assert again.refresh() == 5
    assert rows_of(again) == facts_from_timelines(store)


def test_projection_of_another_database_is_derived_again(tmp_path: Path, store: MemoryTimelineStore) -> None:
    """A backup put back, or another database_url: the same seq, another event."""
    fill(store, 10)
    first = open_facts(tmp_path, store)
    first.refresh()
    first.close()
    for n_others in (12, 3):
        other = MemoryTimelineStore()
        fill(other, n_others, start=100)

        facts = open_facts(tmp_path, other)
        facts.refresh()

        assert rows_of(facts) == facts_from_timelines(other)
        facts.close()
