"""What every DeliveryStore must do for working out what deployments shipped; part of `delivery_conformance.py`."""

import itertools
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.app.deliver import take_in
from resile.model.change import ChangeReport, Commit, DeploymentStatus
from resile.ports.delivery_store import DeliveryStore, Placed, Shipped
from resile.testing.delivery_model import REPO, brought, commit, deployed, hour, linked, pulled
from resile.testing.memory_deliveries import MemoryDeliveryStore

# A merge of a side line: a - b - d (of b and c) - e, and f on c.
GRAPH: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("d",), "f": ("c",)}
SEARCH = ("search", "production")


def settled(store: DeliveryStore) -> dict[tuple[str | None, str | None], datetime]:
    """Where it has to be worked out what was shipped, and from when on; it counts as done then."""
    lines = store.unsettled()
    assert all(store.settle(line, []) for line in lines)
    assert store.unsettled() == []
    return {(line.service, line.environment): line.since for line in lines}


class ShippingConformance:
    """Tests to be run over a store."""

    def test_where_a_deployment_is_placed_otherwise_is_unsettled_from_the_earlier_place_on(
        self, store: DeliveryStore
    ) -> None:
        """Both where it was and where it is; and nowhere if it stays where it is."""
        store.record([deployed("1", 5), deployed("2", 3), deployed("3", 9, service=None, environment=None)])
        assert settled(store) == {SEARCH: hour(3), (None, None): hour(9)}

        store.record([deployed("1", 6, id="later", version="2"), linked("x:2", "INC-1"), pulled("7", "a")])
        store.record([deployed("4", 1, status=DeploymentStatus.RUNNING)])
        assert settled(store) == {}

        store.record([deployed("2", 8, id="moved", environment="staging")])
        assert settled(store) == {SEARCH: hour(3), ("search", "staging"): hour(3)}
        store.record([deployed("1", 7, id="names", sha="a", repo=REPO)])
        assert settled(store) == {SEARCH: hour(5)}
        store.record([deployed("1", 4, id="earlier")])
        assert settled(store) == {SEARCH: hour(4)}

    def test_what_is_unsettled_twice_is_so_from_the_earlier_instant_on(self, store: DeliveryStore) -> None:
        """In whatever order; also when somebody says so."""
        store.record([deployed("1", 5)])
        store.record([deployed("2", 3)])
        store.record([deployed("3", 4)])
        assert [(line.service, line.environment, line.since) for line in store.unsettled()] == [(*SEARCH, hour(3))]

        store.unsettle("search", "production", hour(4))
        store.unsettle("search", None, hour(9))

        assert settled(store) == {SEARCH: hour(3), ("search", None): hour(9)}

    def test_what_is_settled_by_somebody_who_has_not_seen_all_is_not_written(self, store: DeliveryStore) -> None:
        """Neither what was unsettled anew since, nor what others have settled."""
        store.record([deployed("1", 5)])
        (line,) = store.unsettled()
        store.record([deployed("2", 6)])

        assert not store.settle(line, [brought("1", "a")])
        assert store.shipped(["x:1"]) == {}
        (line,) = store.unsettled()
        assert store.settle(line, [brought("1", "b")])
        before = store.last_seq()
        assert not store.settle(line, [brought("1", "a")])

        assert store.shipped(["x:1"]) == {"x:1": brought("1", "b")}
        assert store.last_seq() == before

    def test_what_a_deployment_brought_is_forgotten_once_it_did_not_succeed(self, store: DeliveryStore) -> None:
        """Such as that of a tag that was withdrawn; it is another's then."""
        store.record([deployed("1", 5), deployed("2", 6)])
        store.set_shipped([brought("1", "a"), Shipped("x:2", REPO, None, ("b",))])
        settled(store)
        gone: dict[str, Any] = {"status": DeploymentStatus.CANCELLED, "supersedes_earlier": True}

        store.record([deployed("1", 7, id="gone", **gone), deployed("2", 7, id="gone", **gone)])

        assert store.shipped(["x:1", "x:2"]) == {"x:1": Shipped("x:1", REPO, None), "x:2": Shipped("x:2", REPO, None)}
        assert settled(store) == {SEARCH: hour(5)}

    def test_whole_commits_unsettle_what_is_not_known_of_their_repository(self, store: DeliveryStore) -> None:
        """From the first deployment on of which not all is known; commits of pushes tell nothing new."""
        named = {"repo": REPO, "sha": "a"}
        store.record([deployed("1", 1, **named), deployed("2", 2, **named), deployed("3", 3, **named)])
        store.record([deployed("4", 4, service="other", **named), deployed("5", 5, service="none", repo=REPO)])
        store.set_shipped([brought("1", "a"), Shipped("x:2", REPO, None, ("a",)), brought("3", "b")])
        settled(store)

        store.add_commits([commit("a", parents=None), commit("a", repo="elsewhere")])
        assert settled(store) == {}
        store.add_commits([commit("a")])
        assert settled(store) == {SEARCH: hour(2), ("other", "production"): hour(4)}
        store.add_commits([commit("a")])
        assert settled(store) == {}

    def test_what_is_settled_by_somebody_who_has_not_seen_commits_told_whole_since_is_not_written(
        self, store: DeliveryStore
    ) -> None:
        """Also where all was known before: worked out anew, it may have come to a hole that is none any more."""
        store.record([deployed("1", 1, repo=REPO, sha="a"), deployed("2", 2, repo=REPO, sha="b")])
        store.add_commits([commit("b", "a")])
        store.set_shipped([Shipped("x:1", REPO, None, ("a",)), brought("2", "b")])
        settled(store)
        gone: dict[str, Any] = {"status": DeploymentStatus.CANCELLED, "supersedes_earlier": True}
        store.record([deployed("1", 3, id="gone", **gone)])
        (line,) = store.unsettled()

        store.add_commits([commit("a", parents=None)])
        assert store.unsettled() == [line]
        store.add_commits([commit("a")])

        assert not store.settle(line, [Shipped("x:2", REPO, None, ("b",))])
        assert settled(store) == {SEARCH: hour(1)}

    def test_deployments_are_placed_in_order_from_an_instant_on(self, store: DeliveryStore) -> None:
        """Those that succeeded, of exactly that service and environment; ties by id."""
        store.record([deployed("b", 2), deployed("a", 2, sha="s", repo=REPO), deployed("c", 1), deployed("é", 3)])
        store.record([deployed("d", 2, status=DeploymentStatus.FAILED), deployed("e", 2, environment=None)])

        assert store.placed(*SEARCH, hour(2)) == [
            Placed("x:a", hour(2), REPO, "s"),
            Placed("x:b", hour(2), None, None),
            Placed("x:é", hour(3), None, None),
        ]
        assert [one.deployment_id for one in store.placed("search", None, hour(0))] == ["x:e"]
        assert store.placed(None, None, hour(0)) == []

    def test_what_was_brought_before_an_instant_is_found(self, store: DeliveryStore) -> None:
        """Of that repository, there; what is known of unknown ones among it."""
        store.record([deployed("1", 1), deployed("2", 2), deployed("3", 3), deployed("4", 1, environment=None)])
        store.set_shipped([brought("1", "a", "b"), Shipped("x:2", REPO, None, ("c",)), brought("3", "d")])
        store.set_shipped([brought("4", "e")])

        assert store.brought(*SEARCH, REPO, before=hour(3)) == {"a", "b", "c"}
        assert store.brought(*SEARCH, REPO, before=hour(2)) == {"a", "b"}
        assert store.brought(*SEARCH, REPO, before=hour(9), shas=["b", "d", "e", "z"]) == {"b", "d"}
        assert store.brought("search", None, REPO, before=hour(9)) == {"e"}
        assert store.brought(*SEARCH, "other", before=hour(9)) == set()

    @pytest.mark.parametrize("n_examples", [25])
    def test_in_whatever_order_they_are_taken_in_deployments_brought_the_same(
        self, store: DeliveryStore, n_examples: int
    ) -> None:
        """Reports and commits, whole ones and those of pushes, in any order and in any portions."""

        @settings(max_examples=n_examples, deadline=None)
        @given(st.data())
        def agree(data: st.DataObject) -> None:
            era = next(eras)
            told = _everything(era)
            straight = MemoryDeliveryStore()
            _take(straight, told)
            shuffled = data.draw(st.permutations(told))
            cuts = sorted(data.draw(st.lists(st.integers(0, len(told)), max_size=6)))
            for start, end in zip([0, *cuts], [*cuts, len(told)], strict=True):
                _take(store, shuffled[start:end])

            names = [f"x:{era}/{n}" for n in range(1, 8)]
            assert _sets(store, names) == _sets(straight, names)
            before = store.last_seq()
            _take(store, told)
            assert store.last_seq() == before

        eras = itertools.count()
        agree()


def _everything(era: int) -> list[Commit | ChangeReport]:
    """Merges, a hole, a deployment that moves, one that fails, two services, and one that names no commit."""
    repo = f"{REPO}/{era}"

    def told(ref: int, n: int, sha: str | None, **more: Any) -> ChangeReport:
        return deployed(f"{era}/{ref}", n, sha=sha, repo=repo, **{"service": f"s{era}"} | more)

    return [
        *(commit(sha, *parents, repo=repo) for sha, parents in GRAPH.items()),
        commit("h", "gone", repo=repo),
        *(commit(sha, parents=None, repo=repo) for sha in "bfz"),
        told(1, 1, "b"),
        told(2, 2, "f"),
        told(2, 4, "f", id="failed", status=DeploymentStatus.FAILED),
        told(3, 3, "e"),
        told(3, 1, "e", id="earlier", environment="canary"),
        told(4, 5, "f", service=f"other{era}"),
        told(5, 2, "z"),
        told(6, 2, None),
        told(7, 6, "h"),
    ]


def _take(store: DeliveryStore, told: list[Commit | ChangeReport]) -> None:
    commits = [one for one in told if isinstance(one, Commit)]
    take_in(store, commits, [one for one in told if not isinstance(one, Commit)])


def _sets(store: DeliveryStore, names: list[str]) -> dict[str, tuple[object, ...]]:
    return {
        name: (one.repo, None if one.shas is None else frozenset(one.shas), frozenset(one.at_least))
        for name, one in store.shipped(names).items()
    }
