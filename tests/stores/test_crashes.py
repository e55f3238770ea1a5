"""What was acknowledged is there after kill -9, and what two processes write at once does not mix."""

import subprocess
from pathlib import Path

import pytest

from resile.model.event import Noted
from resile.stores.opening import open_facts, open_timelines
from tests.stores.incidents import facts_from_timelines, rows_of
from tests.stores.processes import ROOT, command, said_before_kill


def check_all_there(data: Path, url: str | None, acknowledged: int) -> None:
    store = open_timelines(data, url)
    for n in range(1, acknowledged + 1):
        assert len(store.read(f"i{n}")) == 3
        assert len(store.read(f"j{n}")) == 1
    told = store.follow(0)
    assert [stored.seq for stored in told] == list(range(1, len(told) + 1))
    # Whole batches only: one more may have been committed and not yet acknowledged.
    n_batches = len(told) // 4
    assert len(told) == 4 * n_batches
    assert n_batches in {acknowledged, acknowledged + 1}
    assert len(store.taken("table", [f"i{n}" for n in range(1, n_batches + 1)])) == n_batches
    store.close()


@pytest.mark.parametrize("n_lines", [1, 9, 60])
def test_what_sqlite_acknowledged_is_there_after_a_kill(tmp_path: Path, n_lines: int) -> None:
    said = said_before_kill(n_lines, "append_for_ever", str(tmp_path), "")

    check_all_there(tmp_path, None, int(said[-1]))


@pytest.mark.parametrize("n_lines", [1, 30])
def test_what_postgresql_acknowledged_is_there_after_a_kill(tmp_path: Path, postgresql_url: str, n_lines: int) -> None:
    said = said_before_kill(n_lines, "append_for_ever", str(tmp_path), postgresql_url)

    check_all_there(tmp_path, postgresql_url, int(said[-1]))


def test_facts_are_right_whenever_the_process_is_killed(tmp_path: Path) -> None:
    for n_lines in [1, 3, 8, 25]:
        said = said_before_kill(n_lines, "refresh_for_ever", str(tmp_path), "")
        assert len(said) >= n_lines

        store = open_timelines(tmp_path, None)
        facts = open_facts(tmp_path, store)
        facts.refresh()
        assert rows_of(facts) == facts_from_timelines(store)
        facts.close()
        store.close()


def test_two_processes_may_append_to_one_timeline(tmp_path: Path) -> None:
    open_timelines(tmp_path, None).close()
    programs = [
        subprocess.Popen(command("append_to_one", str(tmp_path), name, "40"), cwd=ROOT) for name in ("one", "two")
    ]
    assert [program.wait(120) for program in programs] == [0, 0]

    store = open_timelines(tmp_path, None)
    timeline = store.read("a")
    assert [event.id for event in timeline] == [f"{n:05d}" for n in range(1, 81)]
    texts = [event.text for event in timeline if isinstance(event, Noted)]
    for name in ("one", "two"):
        assert [text for text in texts if text.startswith(name)] == [f"{name}/{n}" for n in range(40)]
    store.close()


def test_two_processes_may_refresh_one_projection(tmp_path: Path) -> None:
    one = subprocess.Popen(
        command("refresh_for_ever", str(tmp_path), ""), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    store = open_timelines(tmp_path, None)
    facts = open_facts(tmp_path, store)
    try:
        for _ in range(25):
            assert one.stdout is not None
            one.stdout.readline()
            facts.refresh()
            seen = rows_of(facts)
            assert len(seen) >= 1
            assert len({row["incident_id"] for row in seen}) == len(seen)
        assert one.poll() is None, one.communicate()
    finally:
        one.kill()
        one.communicate()
    facts.refresh()
    assert rows_of(facts) == facts_from_timelines(store)
    facts.close()
    store.close()
