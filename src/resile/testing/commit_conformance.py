"""What every DeliveryStore must do with commits; part of `delivery_conformance.py`."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from resile.model.errors import StoreError
from resile.ports.delivery_store import DeliveryStore, Shipped
from resile.testing.delivery_model import REPO, brought, commit, deployed, hour

OpenDeliveries = Callable[[], DeliveryStore]


class CommitConformance:
    """Tests to be run over a store; `open_deliveries` opens the same data once more."""

    @pytest.fixture
    def store(self, open_deliveries: OpenDeliveries) -> Iterator[DeliveryStore]:
        """The store, open."""
        opened = open_deliveries()
        yield opened
        opened.close()

    def test_commits_come_back_as_they_were_added(self, store: DeliveryStore) -> None:
        """To the microsecond, before 1970 too, words in any script."""
        at = datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
        told = [
            commit("a", subject='Zahlung "hängt" 🟥\n\x00\\', author="Ä\x00"),
            commit("b", "a", "c", authored_at=at, committed_at=hour(1), reverts=("a", "c"), author=None),
            commit("a", repo="other", subject=""),
        ]

        assert store.add_commits(told) == 3  # noqa: PLR2004 - all

        assert store.commits(REPO, ["a", "b", "z"]) == {"a": told[0], "b": told[1]}
        assert store.commits("other", ["a", "b"]) == {"a": told[2]}
        assert store.parents(REPO) == {"a": (), "b": ("a", "c")}
        assert store.parents("other") == {"a": ()}

    def test_commits_without_parents_are_known_and_lead_nowhere(self, store: DeliveryStore) -> None:
        """They are no roots; told again without parents, they change nothing."""
        pushed = [commit("a", parents=None, subject="pushed", reverts=("z",)), commit("b", parents=None)]

        assert store.add_commits([*pushed, commit("c", "b")]) == 3  # noqa: PLR2004 - all
        before = store.last_seq()

        assert store.add_commits([commit("a", parents=None, subject="again"), commit("c", parents=None)]) == 0
        assert store.last_seq() == before
        assert store.commits(REPO, ["a", "b", "c"]) == {"a": pushed[0], "b": pushed[1], "c": commit("c", "b")}
        assert store.parents(REPO) == {"c": ("b",)}

    def test_a_commit_told_whole_takes_the_place_of_one_without_parents(self, store: DeliveryStore) -> None:
        """Once, with its words and what it reverts; within one batch too, in whatever order."""
        store.add_commits([commit("a", parents=None, subject="pushed", reverts=("old",)), commit("b", parents=None)])
        store.record([deployed("1", 1), deployed("2", 2), deployed("3", 3), deployed("4", 4)])
        store.set_shipped([brought("1", "old"), brought("2", "new"), brought("3", "a"), brought("4", "b")])
        assert store.taken_back(["x:3"]) == {"x:3": ("x:1",)}
        after = store.last_seq()
        whole = commit("a", "p", "q", subject="whole", reverts=("new",))

        told = [commit("a", parents=None), whole, commit("a", "r"), commit("c", parents=None), commit("c", "b")]
        assert store.add_commits(told) == 2  # noqa: PLR2004 - a and c

        assert store.commits(REPO, ["a", "c"]) == {"a": whole, "c": commit("c", "b")}
        assert store.parents(REPO) == {"a": ("p", "q"), "c": ("b",)}
        assert store.taken_back(["x:3"]) == {"x:3": ("x:2",)}
        assert list(store.deployments_changed(after, store.last_seq())) == ["x:3"]
        assert store.add_commits([commit("a", "s"), commit("a", parents=None)]) == 0

    def test_of_unknown_commits_those_that_are_known_are_kept(self, store: DeliveryStore) -> None:
        """They lead to their deployment, and are no count of all."""
        store.record([deployed("1", 1), deployed("2", 2), deployed("3", 3)])
        noted = [Shipped("x:1", REPO, None, ("a",)), Shipped("x:2", REPO, None), brought("3", "b")]
        store.set_shipped(noted)
        after = store.last_seq()
        store.set_shipped(noted)

        assert store.last_seq() == after
        assert store.shipped(["x:1", "x:2", "x:3"]) == {one.deployment_id: one for one in noted}
        store.add_commits([commit("a", parents=None), commit("b", reverts=("a",))])
        assert list(store.deployments_changed(after, store.last_seq())) == ["x:1", "x:3"]
        assert store.taken_back(["x:3"]) == {"x:3": ("x:1",)}
        store.set_shipped([brought("1", "a", "c"), Shipped("x:3", REPO, None, ("b",))])
        assert store.shipped(["x:1", "x:3"]) == {
            "x:1": brought("1", "a", "c"),
            "x:3": Shipped("x:3", REPO, None, ("b",)),
        }
        with pytest.raises(StoreError, match="NUL"):
            store.set_shipped([Shipped("x:1", REPO, None, ("a\0",))])

    def test_known_commits_change_nothing(self, store: DeliveryStore) -> None:
        """Within a batch and over batches."""
        assert store.add_commits([commit("a"), commit("a", subject="again"), commit("b")]) == 2  # noqa: PLR2004 - a and b
        before = store.last_seq()

        assert store.add_commits([commit("b", subject="again")]) == 0
        assert store.add_commits([]) == 0

        assert store.last_seq() == before
        assert store.commits(REPO, ["a", "b"]) == {"a": commit("a"), "b": commit("b")}
        twice = commit("c", reverts=("a",))
        assert store.add_commits([twice, commit("d"), twice]) == 2  # noqa: PLR2004 - c and d

    def test_a_commits_ancestry_is_walked_as_far_as_is_asked(self, store: DeliveryStore) -> None:
        """Over merges, each once; not beyond what is known, and not into another repository."""
        graph = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("d", "pushed"), "f": ("e",), "z": ("gone",)}
        store.add_commits([commit(sha, *parents) for sha, parents in graph.items()])
        store.add_commits([commit("pushed", parents=None), commit("gone", repo="other"), commit("e", repo="other")])

        assert store.ancestry(REPO, "e", most=100) == {sha: graph[sha] for sha in "abcde"}
        assert store.ancestry(REPO, "z", most=100) == {"z": ("gone",)}
        assert store.ancestry("other", "e", most=100) == {"e": ()}
        assert store.ancestry(REPO, "pushed", most=100) == store.ancestry(REPO, "x", most=100) == {}
        some = store.ancestry(REPO, "f", most=3)
        assert len(some) <= 3  # noqa: PLR2004 - as asked
        assert some["f"] == ("e",)
        assert some == {sha: graph[sha] for sha in some}

    def test_ids_of_any_characters_have_an_ancestry(self, store: DeliveryStore) -> None:
        """Not every one need be reached in one walk, but none is wrong."""
        names = ["it's", 'a"b', "50%s", "a\\b", "[1]", "{}", ":x", "?", "日本", '","', "null", "a\nb".strip()]
        names = [name for name in names if len(name.split()) == 1]
        told = [commit(name, *names[max(0, n - 1) : n]) for n, name in enumerate(names)]
        store.add_commits(told)

        for one in told:
            found = store.ancestry(REPO, one.sha, most=100)
            assert found[one.sha] == one.parents
            assert all(found[sha] == store.commits(REPO, [sha])[sha].parents for sha in found)
