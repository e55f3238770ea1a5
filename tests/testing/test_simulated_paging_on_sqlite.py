"""Paging in simulated worlds on SQLite, with one engine each."""

from resile.testing.simulate import run


def test_paging_holds_on_sqlite() -> None:
    outcomes = list(run(range(1_000, 1_040), "sqlite"))

    assert [fault for outcome in outcomes for fault in outcome.violations] == []
    assert sum(outcome.n_pages for outcome in outcomes) > 100
