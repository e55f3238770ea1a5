"""What every DeliveryStore must know of deployments that take others back; part of DeliveryStoreConformance."""

from resile.ports.delivery_store import DeliveryStore
from resile.testing.delivery_model import brought, commit, deployed, pulled


class RevertsConformance:
    """Tests to be run over a store."""

    def test_a_deployment_takes_back_what_its_commits_or_pull_requests_say(self, store: DeliveryStore) -> None:
        """Of the same service and environment, and not of itself."""
        store.record([deployed(f"{n}", n) for n in range(1, 6)])
        store.record([deployed("6", environment="staging"), deployed("7")])
        store.record([pulled("1", "d", merge_sha="m"), pulled("2", "f", reverts="1"), pulled("3", "z", reverts="9")])
        store.add_commits([commit("a"), commit("e", reverts=("a", "b", "y")), commit("g", reverts=("g0",))])
        store.set_shipped([brought("1", "a"), brought("2", "b", "c"), brought("3", "m"), brought("4", "e", "f", "z")])
        store.set_shipped([brought("6", "a"), brought("7", "g", "g0"), brought("5", "a", repo="other")])

        assert store.taken_back([f"x:{n}" for n in range(10)]) == {"x:4": ("x:1", "x:2", "x:3")}
        assert store.taken_back([]) == {}

    def test_the_beginning_of_an_id_takes_back_the_one_commit_that_has_it(self, store: DeliveryStore) -> None:
        """Seven digits at least; two commits that begin so are none."""
        one, other, third = "abcdef1" + 33 * "0", "abcdef2" + 33 * "0", "abcdef1" + 33 * "1"
        store.record([deployed(f"{n}", n) for n in range(1, 5)])
        store.add_commits([commit("t", reverts=("abcdef1",)), commit("u", reverts=("abcdef",)), commit(other)])
        store.set_shipped([brought("1", one), brought("2", other, third), brought("3", "t"), brought("4", "u")])
        assert store.taken_back(["x:3", "x:4"]) == {}
        after = store.last_seq()

        store.add_commits([commit(one)])
        between = store.last_seq()

        assert store.taken_back(["x:3", "x:4"]) == {"x:3": ("x:1",)}
        assert "x:3" in set(store.deployments_changed(after, between))

        store.add_commits([commit(third)])

        assert store.taken_back(["x:3", "x:4"]) == {}
        assert "x:3" in set(store.deployments_changed(between, store.last_seq()))
