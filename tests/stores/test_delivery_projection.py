"""The projection of deliveries says what the store says, after whatever happened to it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.analytics.delivery_facts import CHANGES_SCHEMA, DEPLOYMENTS_SCHEMA
from resile.model.change import DeploymentKind, DeploymentStatus, ReviewState
from resile.model.errors import StoreError
from resile.ports.delivery_facts import DeliveryFacts
from resile.ports.delivery_store import DeliveryStore, Shipped
from resile.stores import facts_segments
from resile.stores.delivery_rows import change_row, deployment_row, pull_request_row
from resile.stores.opening import open_deliveries, open_delivery_facts
from resile.testing.delivery_model import (
    REPO,
    START,
    STEPS,
    brought,
    commit,
    deployed,
    hour,
    linked,
    pulled,
    reviewed,
    take_step,
)
from resile.testing.memory_deliveries import MemoryDeliveryStore
from tests.stores.processes import said_before_kill

Told = tuple[list[dict[str, Any]], list[dict[str, Any]]]


@pytest.fixture
def deliveries() -> MemoryDeliveryStore:
    return MemoryDeliveryStore()


@pytest.fixture
def open_again(tmp_path: Path, deliveries: DeliveryStore) -> Iterator[Callable[[], DeliveryFacts]]:
    """Open the projection once more, as another process would."""
    opened: list[DeliveryFacts] = []

    def open_one() -> DeliveryFacts:
        opened.append(open_delivery_facts(tmp_path, deliveries))
        return opened[-1]

    yield open_one
    for facts in opened:
        facts.close()


@pytest.fixture
def facts(open_again: Callable[[], DeliveryFacts]) -> DeliveryFacts:
    return open_again()


def listed(table: pa.Table, schema: pa.Schema) -> list[dict[str, Any]]:
    assert table.column_names == schema.names
    nullable = pa.schema([field.with_nullable(nullable=True) for field in schema])
    rows: list[dict[str, Any]] = table.cast(nullable).to_pylist()
    return sorted(rows, key=lambda row: (row["deployment_id"], row["sha"] or ""))


def told_by(facts: DeliveryFacts) -> Told:
    with facts.tables() as tables:
        deployments, changes = tables.deployments.to_pyarrow(), tables.changes.to_pyarrow()
    return listed(deployments, DEPLOYMENTS_SCHEMA), listed(changes, CHANGES_SCHEMA)


def told_by_store(store: DeliveryStore) -> Told:
    """What the projection must hold, one deployment after the other."""
    deployments, changes = [], []
    for name in [one.id for place in store.services() for one in store.deployments_of(*place)]:
        deployment, noted = store.deployment(name), store.shipped([name]).get(name)
        assert deployment is not None
        deployments.append(deployment_row(deployment, noted, store.taken_back([name]).get(name, ())))
        for sha in noted.known if noted is not None else ():
            assert noted is not None
            found, pull = store.commits(noted.repo, [sha]), store.pull_requests_with(noted.repo, [sha]).get(sha)
            of_pull = None if pull is None else pull_request_row(pull)
            changes += [change_row(deployment, one, of_pull) for one in found.values()]
    tables = [
        pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
        for rows, schema in ((deployments, DEPLOYMENTS_SCHEMA), (changes, CHANGES_SCHEMA))
    ]
    return listed(tables[0], DEPLOYMENTS_SCHEMA), listed(tables[1], CHANGES_SCHEMA)


def deploy(store: DeliveryStore, n: int, *, start: int = 0, n_commits: int = 3) -> None:
    """Some deployments of three commits each."""
    for k in range(start, start + n):
        shas = [f"{k:04d}{place}" for place in range(n_commits)]
        store.add_commits([commit(sha, reverts=(f"{k - 3:04d}0",) if k % 2 else ()) for sha in shas])
        store.record([deployed(f"{k:04d}", k)])
        store.set_shipped([brought(f"{k:04d}", *shas)])


def test_new_projection_is_two_empty_tables_with_all_columns(facts: DeliveryFacts) -> None:
    assert told_by(facts) == ([], [])
    assert facts.refresh() == 0
    assert told_by(facts) == ([], [])


def test_of_commits_of_pushes_the_one_that_a_deployment_names_has_its_time(
    deliveries: MemoryDeliveryStore, facts: DeliveryFacts
) -> None:
    deliveries.record([deployed("1", 9, repo=REPO, sha="abc")])
    deliveries.set_shipped([Shipped("x:1", REPO, None, ("abc",))])
    facts.refresh()
    assert told_by(facts)[1] == []

    deliveries.add_commits([commit("abc", parents=None), commit("b", parents=None)])
    facts.refresh()

    (deployment,), (change,) = told_by(facts)
    assert deployment["n_changes"] is None
    assert (change["sha"], change["committed_at"]) == ("abc", hour(3))


def test_every_column_is_kept(deliveries: MemoryDeliveryStore, facts: DeliveryFacts) -> None:
    deliveries.record(
        [
            deployed("0", 1),
            deployed("1", 2, status=DeploymentStatus.RUNNING),
            deployed(
                *("1", 3),
                version="1.2", repo=REPO, sha="b", url="https://x", unplanned=DeploymentKind.HOTFIX, mends="INC-0",
                caused=("INC-1",),
            ),
            linked("x:1", "INC-2", 4),
            linked("x:1", "INC-1", 4),
            type(linked("x:1", "INC-3"))(
                id="no", at=hour(5), recorded_at=hour(5), by="user:ann", deployment_id="x:1", incident_id="INC-3",
                is_cause=False,
            ),
            pulled("17", "a", author="bob", opened_at=hour(1), ready_at=hour(2), merged_at=hour(9), merge_sha="m"),
            reviewed("17", 3, state=ReviewState.COMMENTED, reviewer="bob"),
            reviewed("17", 4, state=ReviewState.COMMENTED),
            reviewed("17", 5),
            reviewed("17", 6),
            reviewed("17", 10),
        ]
    )  # fmt: skip
    deliveries.add_commits([commit("a"), commit("m"), commit("b", reverts=("old",))])
    deliveries.set_shipped([brought("0", "old"), brought("1", "a", "m", "b", "not known")])

    facts.refresh()

    (_, deployment), (a, b, m) = told_by(facts)
    assert deployment == {
        "deployment_id": "x:1",
        "service": "search",
        "environment": "production",
        "version": "1.2",
        "repo": REPO,
        "sha": "b",
        "origin": "x",
        "url": "https://x",
        "status": "succeeded",
        "started_at": hour(2),
        "deployed_at": hour(3),
        "unplanned": "hotfix",
        "mends": "INC-0",
        "caused": ["INC-1", "INC-2"],
        "not_caused": ["INC-3"],
        "reverts": ["x:0"],
        "n_changes": 4,
    }
    instants = {
        "opened_at": hour(1),
        "ready_at": hour(2),
        "first_review_at": hour(4),
        "approved_at": hour(6),
        "merged_at": hour(9),
    }
    its = {
        "deployment_id": "x:1",
        "service": "search",
        "environment": "production",
        "deployed_at": hour(3),
        "repo": REPO,
        "committed_at": hour(1),
    }
    assert a == its | {"sha": "a", "pull_request_id": f"{REPO}#17"} | instants
    assert m == its | {"sha": "m", "pull_request_id": f"{REPO}#17"} | instants
    assert b == its | {"sha": "b", "pull_request_id": None} | dict.fromkeys(instants)


def test_what_is_not_known_is_null_and_not_nothing(deliveries: MemoryDeliveryStore, facts: DeliveryFacts) -> None:
    deliveries.record([deployed(n) for n in "123"])
    deliveries.record([pulled("1", "a", opened_at=START), reviewed("2", 1)])
    deliveries.add_commits([commit("a")])
    deliveries.set_shipped([Shipped("x:2", REPO, None), brought("3"), brought("4", "a"), brought("1", "a")])

    facts.refresh()

    deployments, (change,) = told_by(facts)
    assert [row["n_changes"] for row in deployments] == [1, None, 0]
    assert [row["reverts"] for row in deployments] == [None, None, None]
    assert (change["ready_at"], change["first_review_at"], change["merged_at"]) == (START, None, None)


def test_refresh_takes_in_what_is_new_and_nothing_else(deliveries: MemoryDeliveryStore, facts: DeliveryFacts) -> None:
    deploy(deliveries, 10)
    assert facts.refresh() == 10
    assert facts.refresh() == 0
    deploy(deliveries, 2, start=10)
    assert facts.refresh() == 2
    deliveries.record([pulled("1", "00030", merged_at=START)])
    assert facts.refresh() == 1
    # Taken back by 0007, which is written anew with it.
    deliveries.set_shipped([brought("0004", "00040")])
    assert facts.refresh() == 2

    assert told_by(facts) == told_by_store(deliveries)


def test_changes_that_a_deployment_has_no_more_are_gone(deliveries: MemoryDeliveryStore, facts: DeliveryFacts) -> None:
    deploy(deliveries, 4)
    facts.refresh()

    deliveries.set_shipped([brought("0002")])
    facts.refresh()

    assert {row["deployment_id"] for row in told_by(facts)[1]} == {"x:0000", "x:0001", "x:0003"}
    assert told_by(facts) == told_by_store(deliveries)


def test_many_refreshes_leave_few_files(tmp_path: Path, deliveries: MemoryDeliveryStore, facts: DeliveryFacts) -> None:
    for n in range(40):
        deploy(deliveries, 1, start=n)
        facts.refresh()

    assert len(list((tmp_path / "delivery-facts").glob("*.parquet"))) <= 28
    assert told_by(facts) == told_by_store(deliveries)


def test_large_projection_is_cut_into_segments(
    monkeypatch: pytest.MonkeyPatch, deliveries: MemoryDeliveryStore, facts: DeliveryFacts
) -> None:
    monkeypatch.setattr(facts_segments, "_ROWS_PER_GROUP", 7)
    monkeypatch.setattr(facts_segments, "_ROWS_PER_SEGMENT", 20)
    deploy(deliveries, 30)
    assert facts.refresh() == 30
    assert told_by(facts) == told_by_store(deliveries)

    deliveries.record([deployed(f"{n:04d}", 99) for n in range(0, 30, 3)])
    facts.refresh()

    assert told_by(facts) == told_by_store(deliveries)


def test_random_writes_in_random_portions(tmp_path: Path) -> None:
    folders = iter(range(10_000))

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.lists(STEPS, min_size=1, max_size=5), min_size=1, max_size=4))
    def agree(portions: list[list[tuple[str, int, int, int]]]) -> None:
        store = MemoryDeliveryStore()
        facts = open_delivery_facts(tmp_path / str(next(folders)), store)
        serial = iter(range(100))
        for portion in portions:
            for step in portion:
                take_step(store, step, repo=REPO, era=0, serial=next(serial))
            facts.refresh()
            assert told_by(facts) == told_by_store(store)
        facts.close()

    agree()


def test_rebuild_derives_everything_again(
    tmp_path: Path, deliveries: MemoryDeliveryStore, facts: DeliveryFacts
) -> None:
    for n in range(8):
        deploy(deliveries, 1, start=n)
        facts.refresh()

    assert facts.rebuild() == 8

    assert told_by(facts) == told_by_store(deliveries)
    assert len(list((tmp_path / "delivery-facts").glob("*.parquet"))) == 2


def test_second_opening_finds_the_work_done(
    deliveries: MemoryDeliveryStore, facts: DeliveryFacts, open_again: Callable[[], DeliveryFacts]
) -> None:
    deploy(deliveries, 5)
    facts.refresh()

    again = open_again()

    assert again.refresh() == 0
    assert told_by(again) == told_by_store(deliveries)


def test_projection_of_another_store_is_derived_again(
    tmp_path: Path, facts: DeliveryFacts, deliveries: MemoryDeliveryStore
) -> None:
    deploy(deliveries, 5)
    facts.refresh()
    # Of the same numbers, and of smaller ones.
    for n in (5, 2):
        other = MemoryDeliveryStore()
        deploy(other, n, start=100)

        again = open_delivery_facts(tmp_path, other)
        again.refresh()

        assert told_by(again) == told_by_store(other)
        again.close()


def test_damaged_files_are_told_and_derived_again(
    tmp_path: Path, deliveries: MemoryDeliveryStore, facts: DeliveryFacts
) -> None:
    deploy(deliveries, 5)
    facts.refresh()
    for file in (tmp_path / "delivery-facts").glob("*.parquet"):
        file.write_bytes(b"\xff" * file.stat().st_size)

    with pytest.raises(StoreError, match="damaged"):
        told_by(facts)

    assert facts.refresh() == 5
    assert told_by(facts) == told_by_store(deliveries)
    shutil.rmtree(tmp_path / "delivery-facts")
    assert facts.refresh() == 5


@pytest.mark.parametrize("is_postgresql", [False, True])
def test_facts_are_right_whenever_the_process_is_killed(
    tmp_path: Path, request: pytest.FixtureRequest, *, is_postgresql: bool
) -> None:
    url = request.getfixturevalue("postgresql_url") if is_postgresql else None
    for n_lines in (1, 6):
        said = said_before_kill(n_lines, "deliver_for_ever", str(tmp_path), url or "")
        assert len(said) >= n_lines

        store = open_deliveries(tmp_path, url)
        facts = open_delivery_facts(tmp_path, store)
        facts.refresh()
        assert told_by(facts) == told_by_store(store)
        assert len(told_by(facts)[0]) >= int(said[-1].split()[0])
        facts.close()
        store.close()


def test_refresh_tells_how_far_it_is_and_costs_what_is_new(
    deliveries: MemoryDeliveryStore, facts: DeliveryFacts
) -> None:
    deploy(deliveries, 60)
    heard: list[tuple[int, int]] = []

    facts.refresh(lambda done, total: heard.append((done, total)))
    first = list(heard)
    heard.clear()
    deploy(deliveries, 1, start=60)
    n_written = facts.refresh(lambda done, total: heard.append((done, total)))

    assert first == [(25, 60), (50, 60), (60, 60)]
    # The new one, and the one whose change it takes back.
    assert n_written <= 2
    assert heard == [(n_written, n_written)]
