"""Paging in simulated worlds on PostgreSQL, with one to three engines each."""

from resile.testing.postgresql import PostgresqlServer
from resile.testing.simulate import run


def test_paging_holds_on_postgresql(postgresql: PostgresqlServer) -> None:
    outcomes = list(run(range(2_000, 2_012), "postgresql", url=postgresql.new_database()))

    assert [fault for outcome in outcomes for fault in outcome.violations] == []
    assert sum(outcome.n_pages for outcome in outcomes) > 30
