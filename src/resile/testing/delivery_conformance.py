"""What every DeliveryStore must do, whatever it is made of.

Subclass and give the fixture `open_deliveries`; each call opens the same data once more.

    class TestMyStore(DeliveryStoreConformance):
        @pytest.fixture
        def open_deliveries(self, tmp_path): return lambda: MyStore(tmp_path)
"""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.model.change import (
    ChangeReport,
    DeploymentKind,
    DeploymentStatus,
    fold_deployment,
    fold_pull_request,
)
from resile.model.errors import StoreError
from resile.ports.delivery_store import DeliveryStore, Recorded, Shipped
from resile.testing.commit_conformance import CommitConformance, OpenDeliveries
from resile.testing.delivery_model import (
    REPO,
    START,
    STEPS,
    brought,
    commit,
    deployed,
    hour,
    known_of,
    linked,
    pulled,
    reviewed,
    take_step,
)
from resile.testing.delivery_reverts_conformance import RevertsConformance
from resile.testing.shipping_conformance import ShippingConformance

_N_THREADS = 4
_N_WRITES = 10


class DeliveryStoreConformance(CommitConformance, ShippingConformance, RevertsConformance):
    """Tests to be run over a store."""

    def test_new_store_is_empty(self, store: DeliveryStore) -> None:
        """Nothing anywhere, and no errors."""
        assert store.last_seq() == 0
        assert store.mark(0) == ""
        assert store.commits(REPO, ["a"]) == {}
        assert store.parents(REPO) == {}
        assert store.deployment("x:1") is None
        assert store.deployments(["x:1"]) == {}
        assert store.reports_on("x:1") == []
        assert store.deployments_of("search", "production") == []
        assert store.pull_request(f"{REPO}#1") is None
        assert store.pull_requests_with(REPO, ["a"]) == {}
        assert store.shipped(["x:1"]) == {}
        assert store.taken_back(["x:1"]) == {}
        assert store.unsettled() == []
        assert list(store.deployments_changed(0, 10)) == []
        assert store.cursor("git:shop") is None
        assert list(store.services()) == []
        assert [*store.all_commits(), *store.all_reports(), *store.all_pull_requests()] == []

    def test_deployments_are_what_their_reports_say_together(self, store: DeliveryStore) -> None:
        """Every field, over several calls, in whatever order."""
        told: list[Any] = [
            deployed(
                "1", 3, version="1.2", repo=REPO, sha="a", title="\x00t", url="https://x", caused=("INC-1", "INC-2")
            ),
            deployed("1", 1, status=DeploymentStatus.QUEUED, unplanned=DeploymentKind.HOTFIX, mends="INC-0"),
            linked("x:1", "INC-1", 4),
        ]
        for report in told:
            assert store.record([report]) == Recorded(n_new=1, n_known=0)

        assert store.deployment("x:1") == fold_deployment(told)
        assert store.deployments(["x:1", "x:2"]) == {"x:1": fold_deployment(told)}
        assert store.reports_on("x:1") == sorted(told, key=lambda report: report.at)
        assert store.deployments_of("search", "production") == [fold_deployment(told)]

    def test_pull_requests_are_what_their_reports_say_together(self, store: DeliveryStore) -> None:
        """With their reviews, that may come first."""
        told: list[Any] = [reviewed("17", 5), pulled("17", "a", "b", opened_at=START, merge_sha="m", title="🟥")]
        store.record(told[:1])
        assert store.pull_request(f"{REPO}#17") is None
        store.record([*told[1:], reviewed("18", 1)])

        assert store.pull_request(f"{REPO}#17") == fold_pull_request(told)
        assert store.pull_request(f"{REPO}#18") is None

    def test_known_reports_change_nothing(self, store: DeliveryStore) -> None:
        """Known by subject and id, not by what they say; the very same value told twice, too."""
        first: list[ChangeReport] = [
            deployed("1", version="1"),
            deployed("2"),
            deployed("1", version="again"),
            pulled("1"),
            linked("x:1", "i"),
        ]
        assert store.record(first) == Recorded(n_new=4, n_known=1)
        before = store.last_seq()

        assert store.record([deployed("1", version="2"), pulled("1", "a")]) == Recorded(n_new=0, n_known=2)
        assert store.record(first) == Recorded(n_new=0, n_known=5)
        assert store.record([]) == Recorded(n_new=0, n_known=0)

        assert store.last_seq() == before
        found = store.deployment("x:1")
        assert found is not None
        assert found.version == "1"

    def test_a_pull_request_and_a_deployment_of_one_id_are_two(self, store: DeliveryStore) -> None:
        """Nothing keeps their names apart."""
        store.record([deployed("1#2"), pulled("2", repo="x:1", title="t")])

        deployment, pull_request = store.deployment("x:1#2"), store.pull_request("x:1#2")

        assert deployment is not None
        assert pull_request is not None
        assert (deployment.service, pull_request.title) == ("search", "t")

    def test_a_deployment_of_which_only_a_link_tells_is_none(self, store: DeliveryStore) -> None:
        """Until something is told of it."""
        store.record([linked("x:1", "INC-1")])
        store.set_shipped([brought("2", "a")])
        assert (store.deployment("x:1"), store.deployments(["x:1", "x:2"])) == (None, {})
        assert list(store.services()) == []
        assert list(store.deployments_changed(0, store.last_seq())) == []
        after = store.last_seq()

        store.record([deployed("1")])

        assert list(store.deployments_changed(after, store.last_seq())) == ["x:1"]
        assert [one.id for one in store.deployments_of("search", "production")] == ["x:1"]

    def test_deployments_of_a_service_come_in_order_of_their_time(self, store: DeliveryStore) -> None:
        """Those that have not succeeded last; what was not told is a place of its own."""
        queued = DeploymentStatus.QUEUED
        store.record([deployed("9", 2), deployed("1", 3), deployed("5", 2), deployed("0", 1, status=queued)])
        store.record([deployed("7", service=None, environment=None), deployed("8", environment="staging")])
        store.record([deployed("6", 1, environment="staging"), deployed("6", 2)])

        found = store.deployments_of("search", "production")

        assert [one.id for one in found] == ["x:6", "x:5", "x:9", "x:1", "x:0"]
        assert [one.id for one in store.deployments_of("search", "staging")] == ["x:8"]
        assert [one.id for one in store.deployments_of(None, None)] == ["x:7"]
        assert store.deployments_of("search", None) == []
        places = [("search", "production"), ("search", "staging"), (None, None)]
        assert sorted(store.services(), key=str) == sorted(places, key=str)

    def test_what_was_shipped_is_kept_until_it_is_noted_anew(self, store: DeliveryStore) -> None:
        """In its order; not known is not nothing; the same again changes nothing."""
        noted = [brought("1", "b", "a"), Shipped("x:2", REPO, None), brought("3"), brought("4", "a", repo="other")]
        store.set_shipped(noted)
        assert store.shipped(["x:1", "x:2", "x:3", "x:4", "x:5"]) == {one.deployment_id: one for one in noted}
        before = store.last_seq()
        store.set_shipped(noted)
        assert store.last_seq() == before

        store.set_shipped([brought("1", "c"), brought("2", "a"), brought("2", "b"), Shipped("x:3", REPO, None)])

        found = store.shipped(["x:1", "x:2", "x:3", "x:4"])
        assert [found[f"x:{n}"].shas for n in (1, 2, 3, 4)] == [("c",), ("b",), None, ("a",)]
        assert store.last_seq() > before

    def test_commits_lead_to_their_pull_request(self, store: DeliveryStore) -> None:
        """By merge commit first, then the one merged first; of the same repository; as the last report has it."""
        store.record(
            [
                pulled("1", "a", "b", merged_at=hour(5), merge_sha="m"),
                pulled("2", "b", "c", "m", merged_at=hour(4), merge_sha="n"),
                pulled("3", "c", "d"),
                pulled("4", "e", id="1"),
                pulled("4", "f", id="2", at=hour(1)),
                pulled("5", "a", repo="other"),
            ]
        )

        found = store.pull_requests_with(REPO, ["a", "b", "c", "d", "e", "f", "m", "n", "z"])

        numbers = {sha: one.number for sha, one in found.items()}
        assert numbers == {"a": "1", "b": "2", "c": "2", "d": "3", "f": "4", "m": "1", "n": "2"}
        assert found["m"] == store.pull_request(f"{REPO}#1")

    @pytest.mark.parametrize(
        ("told", "changed"),
        [
            ([deployed("1", 2, version="2")], ["x:1"]),
            ([linked("x:2", "INC-1")], ["x:2"]),
            ([deployed("1", 2, environment="staging")], ["x:1", "x:4"]),
            ([reviewed("1", 2)], ["x:1", "x:4"]),
            ([pulled("1", "c", id="2", at=hour(1))], ["x:1", "x:3", "x:4"]),
            ([pulled("9", "z")], []),
            ([pulled("9", "c", reverts="8")], ["x:3"]),
            ([deployed("new", 1)], ["x:new"]),
        ],
    )
    def test_late_reports_change_the_facts_of_deployments(
        self, store: DeliveryStore, told: list[ChangeReport], changed: list[str]
    ) -> None:
        """Of those that shipped the commits of a pull request, and of those that take them back."""
        self._four_deployments(store)
        after = store.last_seq()

        store.record(told)

        found = list(store.deployments_changed(after, store.last_seq()))
        # More may be named than need be; not those that nothing leads to.
        assert set(changed) <= set(found)
        assert set(found) <= {*changed, "x:4"}
        assert found == sorted(found)

    def _four_deployments(self, store: DeliveryStore) -> None:
        store.record([deployed(f"{n}", n) for n in range(1, 5)])
        store.record([pulled("1", "a", merge_sha="m"), pulled("4", "d", reverts="1")])
        store.set_shipped([brought("1", "a", "m"), brought("2", "b"), brought("3", "c"), brought("4", "d")])

    def test_late_commits_change_the_facts_of_those_that_shipped_them(self, store: DeliveryStore) -> None:
        """And nobody else's."""
        self._four_deployments(store)
        after = store.last_seq()
        store.add_commits([commit("c"), commit("z")])
        between = store.last_seq()
        store.add_commits([commit("b")])

        assert list(store.deployments_changed(between, store.last_seq())) == ["x:2"]
        assert list(store.deployments_changed(after, store.last_seq())) == ["x:2", "x:3"]
        assert list(store.deployments_changed(store.last_seq(), store.last_seq())) == []

    def test_what_is_shipped_no_more_changes_those_that_took_it_back(self, store: DeliveryStore) -> None:
        """What was noted before counts as well as what is noted now."""
        self._four_deployments(store)
        after = store.last_seq()

        store.set_shipped([brought("1"), brought("2", "b")])

        assert list(store.deployments_changed(after, store.last_seq())) == ["x:1", "x:4"]
        assert store.taken_back(["x:4"]) == {}

    def test_changed_deployments_come_in_order_of_code_points(self, store: DeliveryStore) -> None:
        """Whatever the locale, so that two stores tell the same."""
        names = ["é", "e", "Z", "a", "z1", "z-1", "10", "9", "🟥", "\uffff", "a b", "it's", "50%", "?"]
        store.record([deployed(name) for name in names])

        assert list(store.deployments_changed(0, store.last_seq())) == [f"x:{name}" for name in sorted(names)]

    def test_many_are_asked_for_at_once(self, store: DeliveryStore) -> None:
        """More than a statement takes parameters; twice the same is once."""
        n = 40_000
        shas = [f"{number:05x}" for number in range(n)]
        assert store.add_commits([commit(sha) for sha in shas]) == n
        store.record([deployed(f"{number}") for number in range(3_000)])
        store.set_shipped([brought("1", *shas)])

        assert set(store.commits(REPO, [*shas, *shas[:9], "absent"])) == set(shas)
        assert store.shipped(["x:1"])["x:1"].shas == tuple(shas)
        assert len(store.deployments([f"x:{number}" for number in range(4_000)])) == 3_000  # noqa: PLR2004 - all
        assert store.pull_requests_with(REPO, shas) == {}
        assert store.add_commits([commit(sha) for sha in shas]) == 0

    def test_everything_that_was_told_can_be_read_back(self, store: DeliveryStore) -> None:
        """In the order in which it was told, once each; it may be told to another store so."""
        told: list[ChangeReport] = [
            deployed("2"),
            pulled("9", "a"),
            deployed("1", 2, id="2"),
            linked("x:never told", "INC-1"),
            reviewed("9", 1),
            pulled("10"),
            deployed("1", 1, id="1"),
            reviewed("11", 1),
        ]
        for report in told:
            store.record([report, told[0]])
        store.add_commits([commit("b"), commit("a", parents=None), commit("c", "b")])
        store.add_commits([commit("a", "c"), commit("b", "d")])

        assert list(store.all_reports()) == told
        assert list(store.all_commits()) == [commit("b"), commit("c", "b"), commit("a", "c")]
        names = [f"{REPO}#10", f"{REPO}#9"]
        assert list(store.all_pull_requests()) == [store.pull_request(name) for name in names]
        streams: tuple[Any, ...] = (store.all_reports(), store.all_commits(), store.all_pull_requests())
        for stream in streams:
            next(stream)
            store.record([deployed("while it is read")])
            stream.close()

    def test_nul_in_a_name_is_refused_and_leaves_nothing(self, store: DeliveryStore) -> None:
        """With the rest of its batch."""
        for refused in (deployed("a\0"), deployed("a", service="\0"), pulled("1", "a\0"), pulled("1\0")):
            with pytest.raises(StoreError, match="NUL"):
                store.record([deployed("b"), refused])
        with pytest.raises(StoreError, match="NUL"):
            store.add_commits([commit("a"), commit("\0")])
        with pytest.raises(StoreError, match="NUL"):
            store.set_shipped([brought("1", "a"), brought("2", "\0")])

        assert store.last_seq() == 0
        assert store.deployment("x:b") is None
        assert store.commits(REPO, ["a"]) == {}

    def test_cursors_hold_the_last_value(self, store: DeliveryStore) -> None:
        """Any bytes, by name."""
        store.set_cursor("git:a", b"\0\xff")
        store.set_cursor("git:b", b"")
        store.set_cursor("git:a", b"2")

        assert (store.cursor("git:a"), store.cursor("git:b"), store.cursor("git:c")) == (b"2", b"", None)

    def test_everything_is_there_after_opening_again(self, open_deliveries: OpenDeliveries) -> None:
        """And the seq goes on, with its marks."""
        store = open_deliveries()
        self._four_deployments(store)
        store.add_commits([commit("a")])
        store.set_cursor("c", b"1")
        seq, known = store.last_seq(), [known_of(store, f"x:{n}") for n in range(6)]
        mark = store.mark(seq)
        store.close()

        again = open_deliveries()

        assert (again.last_seq(), again.mark(seq), again.cursor("c")) == (seq, mark, b"1")
        assert [known_of(again, f"x:{n}") for n in range(6)] == known
        again.record([deployed("1", 9)])
        assert again.last_seq() > seq
        assert again.mark(seq) == mark
        assert again.mark(again.last_seq()) not in {mark, ""}
        again.close()

    def test_what_many_write_at_once_is_all_there_once(self, open_deliveries: OpenDeliveries) -> None:
        """The same reports from several threads are one; a follower of changes misses nothing."""
        store, other = open_deliveries(), open_deliveries()

        def write(thread: int) -> tuple[int, int]:
            mine = store if thread % 2 else other
            n_new = sum(mine.record([deployed("all", n), deployed(f"{thread}", n)]).n_new for n in range(_N_WRITES))
            return n_new, mine.add_commits([commit("a"), commit(f"{thread}")])

        with ThreadPoolExecutor(_N_THREADS) as pool:
            done = list(pool.map(write, range(_N_THREADS)))

        assert sum(n for n, _ in done) == _N_WRITES * (_N_THREADS + 1)
        assert sum(n for _, n in done) == _N_THREADS + 1
        assert len(list(store.deployments_changed(0, other.last_seq()))) == _N_THREADS + 1
        store.close()
        other.close()

    def test_no_change_of_facts_goes_untold(self, store: DeliveryStore) -> None:
        """Whatever is written in whatever order: deployments whose facts differ are among those that are told."""

        # Within, and not around: Hypothesis will not have one property run by several classes.
        @settings(max_examples=60, deadline=None)
        @given(steps=st.lists(STEPS, min_size=1, max_size=8))
        def agree(steps: list[tuple[str, int, int, int]]) -> None:
            era = next(eras)
            repo, names = f"{REPO}/{era}", [f"x:{era}/{n}" for n in range(3)]
            for serial, step in enumerate(steps):
                before, after = [known_of(store, name) for name in names], store.last_seq()
                take_step(store, step, repo=repo, era=era, serial=serial)
                told = set(store.deployments_changed(after, store.last_seq()))
                now = [known_of(store, name) for name in names]
                differ = {name for name, old, new in zip(names, before, now, strict=True) if old != new}
                assert differ <= told

        eras = itertools.count()
        agree()
