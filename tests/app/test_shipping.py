"""Which commits a deployment was the first to bring, in whatever order deployments and commits come to be known."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from resile.app.deliver import follow_first_parents, take_in
from resile.model.change import Commit, DeploymentReported, DeploymentStatus
from resile.ports.delivery_store import DeliveryStore, Shipped
from resile.testing.memory_deliveries import MemoryDeliveryStore

START = datetime(2024, 1, 1, tzinfo=UTC)
REPO = "github.com/acme/shop"
# A merge of a side line: a - b - d(merge of b and c) - e, and f on c.
GRAPH: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("d",), "f": ("c",)}


def commit(sha: str, **more: Any) -> Commit:
    at = START + timedelta(minutes=ord(sha[0]))
    told: dict[str, Any] = {"repo": REPO, "sha": sha, "parents": GRAPH.get(sha), "authored_at": at, "committed_at": at}
    return Commit(**told | more)


def deployed(ref: str, sha: str | None, day: int, *, id: str = "1", **more: Any) -> DeploymentReported:  # noqa: A002
    at = START + timedelta(days=day)
    told: dict[str, Any] = {
        "service": "shop", "environment": "production", "status": DeploymentStatus.SUCCEEDED,
        "repo": REPO, "sha": sha, "id": id, "at": at, "recorded_at": at, "by": "door:x", "origin": "x",
    }  # fmt: skip
    return DeploymentReported(ref=ref, **told | more)


@pytest.fixture
def store() -> MemoryDeliveryStore:
    return MemoryDeliveryStore()


def brought(store: DeliveryStore, *refs: str) -> dict[str, set[str] | None]:
    noted = store.shipped([f"x:{ref}" for ref in refs])
    return {name.removeprefix("x:"): None if one.shas is None else set(one.shas) for name, one in noted.items()}


def whole(*shas: str) -> list[Commit]:
    return [commit(sha) for sha in shas]


def test_deployments_that_come_before_their_commits_get_them_later(store: MemoryDeliveryStore) -> None:
    take_in(store, [], [deployed("1", "b", 1), deployed("2", "e", 2)])
    assert brought(store, "1", "2") == {"1": None, "2": None}

    take_in(store, whole("e", "d", "c"), [])
    assert brought(store, "1", "2") == {"1": None, "2": None}
    take_in(store, whole("a", "b"), [])

    assert brought(store, "1", "2") == {"1": {"a", "b"}, "2": {"c", "d", "e"}}


def test_a_deployment_that_comes_late_takes_its_share_from_those_after_it(store: MemoryDeliveryStore) -> None:
    take_in(store, whole(*GRAPH), [deployed("2", "e", 2)])
    assert brought(store, "2") == {"2": {"a", "b", "c", "d", "e"}}

    take_in(store, [], [deployed("1", "f", 1)])

    assert brought(store, "1", "2") == {"1": {"a", "c", "f"}, "2": {"b", "d", "e"}}


def test_each_service_and_environment_has_its_own_first(store: MemoryDeliveryStore) -> None:
    told = [
        deployed("1", "b", 1),
        deployed("2", "e", 2, service="search"),
        deployed("3", "e", 3, environment="staging"),
        deployed("4", "e", 4),
        deployed("5", "e", 5, service=None, environment=None),
    ]

    take_in(store, whole(*GRAPH), told)

    everything = {"a", "b", "c", "d", "e"}
    assert brought(store, *"12345") == {
        "1": {"a", "b"},
        "2": everything,
        "3": everything,
        "4": {"c", "d", "e"},
        "5": everything,
    }


def test_first_parents_leave_out_what_a_merge_brought(store: MemoryDeliveryStore) -> None:
    take_in(store, whole(*GRAPH), [deployed("1", "b", 1), deployed("2", "e", 2)])

    follow_first_parents(store, "shop", is_first_parent=True)
    assert brought(store, "1", "2") == {"1": {"a", "b"}, "2": {"d", "e"}}
    take_in(store, [], [deployed("3", "f", 3)])
    assert brought(store, "3") == {"3": {"c", "f"}}
    follow_first_parents(store, "shop", is_first_parent=False)

    assert brought(store, "1", "2", "3") == {"1": {"a", "b"}, "2": {"c", "d", "e"}, "3": {"f"}}


def test_what_a_failed_deployment_would_have_brought_is_the_next_ones(store: MemoryDeliveryStore) -> None:
    take_in(store, whole(*GRAPH), [deployed("1", "b", 1, status=DeploymentStatus.FAILED), deployed("2", "e", 2)])
    assert brought(store, "1", "2") == {"2": {"a", "b", "c", "d", "e"}}

    take_in(store, [], [deployed("1", "b", 1, id="2")])

    assert brought(store, "1", "2") == {"1": {"a", "b"}, "2": {"c", "d", "e"}}


def test_commits_of_pushes_are_no_roots_and_count_where_a_deployment_names_them(store: MemoryDeliveryStore) -> None:
    pushed = [commit(sha, parents=None) for sha in "bde"]

    take_in(store, pushed, [deployed("1", "b", 1), deployed("2", "e", 2), deployed("3", "b", 3)])

    assert store.shipped(["x:1", "x:2", "x:3"]) == {
        "x:1": Shipped("x:1", REPO, None, ("b",)),
        "x:2": Shipped("x:2", REPO, None, ("e",)),
        # Whatever it holds, the first one brought it.
        "x:3": Shipped("x:3", REPO, ()),
    }
    take_in(store, whole(*GRAPH), [])
    assert brought(store, "1", "2", "3") == {"1": {"a", "b"}, "2": {"c", "d", "e"}, "3": set()}


def test_a_push_looks_at_no_deployment(store: MemoryDeliveryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(store, whole("a"), [deployed("1", "a", 1), deployed("2", "b", 2)])
    after = store.last_seq()

    def looks(*_: object) -> None:
        raise AssertionError("it looked")

    monkeypatch.setattr(type(store), "placed", looks)
    take_in(store, [commit("b", parents=None)], [])

    # Its facts are looked at anew all the same: now the time of its commit is known.
    assert list(store.deployments_changed(after, store.last_seq())) == ["x:2"]


def test_what_was_recorded_and_never_worked_out_is_worked_out_with_whatever_comes_next(
    store: MemoryDeliveryStore,
) -> None:
    take_in(store, whole(*GRAPH), [deployed("1", "b", 1), deployed("2", "e", 2)])
    # Told late: the second went out before the first, and to staging as well. Then the power fails.
    store.record([deployed("2", "e", 0, id="0"), deployed("3", "f", 1, environment="staging")])

    take_in(store, [], [deployed("4", None, 9, service="other")])

    assert brought(store, "1", "2", "3") == {"1": set(), "2": {"a", "b", "c", "d", "e"}, "3": {"a", "c", "f"}}


def test_a_hole_is_passed_over_by_what_comes_after_it(store: MemoryDeliveryStore) -> None:
    holed = [commit("h", parents=("gone",)), commit("i", parents=("h",))]
    take_in(store, holed, [deployed("1", "i", 1)])

    take_in(store, [commit("j", parents=("i",))], [deployed("2", "j", 2)])

    assert store.shipped(["x:1", "x:2"]) == {
        "x:1": Shipped("x:1", REPO, None, ("i", "h")),
        "x:2": Shipped("x:2", REPO, ("j",)),
    }


def test_one_deployment_more_costs_the_same_however_many_there_were(monkeypatch: pytest.MonkeyPatch) -> None:
    store, n = MemoryDeliveryStore(), 3_000
    shas = [f"{number:05d}" for number in range(n)]
    commits = [commit(sha, parents=shas[max(0, number - 1) : number]) for number, sha in enumerate(shas)]
    take_in(store, [replace(one, parents=tuple(one.parents or ())) for one in commits], [])
    take_in(store, [], [deployed("1", shas[n - 2], 1)])
    asked: list[object] = []
    for name in ("commits", "ancestry", "parents", "brought", "placed", "shipped"):
        plain = getattr(type(store), name)

        def counted(*given: Any, _plain: Any = plain, _name: str = name, **more: Any) -> Any:
            asked.append(_name)
            return _plain(*given, **more)

        monkeypatch.setattr(type(store), name, counted)
    take_in(store, [], [deployed("2", shas[n - 1], 2)])

    # Its own commit, and then those before it, of which the first was brought before.
    assert sorted(str(one) for one in asked) == ["ancestry", "brought", "brought", "commits", "placed", "shipped"]
    assert store.shipped(["x:2"])["x:2"].shas == (shas[n - 1],)


def test_deployments_without_a_clone_are_looked_up_together() -> None:
    n = 40
    store = Counting()
    for number in range(n):
        take_in(store, [], [deployed(f"{number}", f"{number:040x}", number)])

    assert store.n_asked <= n
    noted = store.shipped([f"x:{number}" for number in range(n)])
    assert [one.shas for one in noted.values()] == [None] * n


class Counting(MemoryDeliveryStore):
    """Counts how often it is asked for commits."""

    n_asked = 0

    def commits(self, repo: str, shas: Sequence[str]) -> Mapping[str, Commit]:
        self.n_asked += 1
        return super().commits(repo, shas)
