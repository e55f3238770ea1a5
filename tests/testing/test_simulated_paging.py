"""Paging in simulated worlds: what must hold, and that planted bugs are found."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resile.model.errors import ConfigError
from resile.testing.simulate import engines_of, main, run, run_seed, seeds_of
from tests.testing.mutants import MUTANTS
from tests.testing.worlds import in_memory

# With those on databases, in test_simulated_paging_on_*.py, three hundred.
IN_MEMORY = range(220)
# Worlds in which bugs of the product were found that are mended, or what must hold was wrongly said: pages that were
# noted as arrived before anybody could look, that came through when tried again, or failed after all was over.
FOUND = (
    4059,
    4104,
    4595,
    5535,
    6556,
    6592,
    8213,
    8971,
    9312,
    9609,
    576,
    1479,
    3277,
    3579,
    8436,
    9750,
    5364,
    2870,
    9246,
)
# So many worlds at most until a planted bug is found.
MOST_WORLDS = 700
# Worlds in which the rarest of them shows itself, which is looked at first.
RARE = (1659,)


def test_paging_holds_in_every_world() -> None:
    outcomes = list(run(IN_MEMORY, "memory"))

    assert [fault for outcome in outcomes for fault in outcome.violations] == []
    assert sum(outcome.n_pages for outcome in outcomes) > 1_000
    assert sum(outcome.n_crashes for outcome in outcomes) > 300
    assert sum(outcome.n_unreachable for outcome in outcomes) > 50
    # Only where somebody died or stood still while sending; the invariants look at each of them.
    assert sum(outcome.n_duplicates for outcome in outcomes if not outcome.n_broken_off) == 0


@pytest.mark.parametrize("seed", FOUND)
def test_paging_holds_where_it_once_did_not(seed: int) -> None:
    assert run_seed(seed, in_memory(), n_engines=engines_of(seed, "memory")).violations == ()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_planted_bug_is_found(mutant: Callable[[], Any]) -> None:
    seeds = (*RARE, *range(MOST_WORLDS))
    with mutant():
        found = next(
            (seed for seed in seeds if run_seed(seed, in_memory(), n_engines=1 + seed % 3).violations),
            None,
        )

    assert found is not None


def test_same_seed_is_the_same_world() -> None:
    assert run_seed(17, in_memory(), n_engines=3) == run_seed(17, in_memory(), n_engines=3)


def test_same_seed_is_the_same_world_in_other_processes() -> None:
    seeds = range(40, 52)
    parts = [list(run(seeds[:6], "memory")), list(run(seeds[6:], "memory"))]

    assert list(run(seeds, "memory", n_processes=2)) == [*parts[0], *parts[1]]


def test_program_says_what_it_saw(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "0:3", "--store", "memory", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["seeds"] == 3
    assert told["violations"] == []
    assert told["pages"] > 0
    assert set(told) >= {"crashes", "duplicates", "incidents"}


def test_violation_ends_with_1_and_the_command_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    mutant = next(one for one in MUTANTS if one.__name__ == "gives_up_in_silence")

    with mutant():
        assert main(["--seeds", "0:20", "--store", "memory"]) == 1

    told = capsys.readouterr().out
    assert "replay: python -m resile.testing.simulate --seeds " in told


def test_program_starts_as_documented(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "resile.testing.simulate", "--seeds", "3", "--json"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seeds"] == 1


def test_seeds_are_read() -> None:
    assert seeds_of("0:10") == range(10)
    assert seeds_of("7") == range(7, 8)
    with pytest.raises(ConfigError, match="0:100"):
        seeds_of("x:y")
