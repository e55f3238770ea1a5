"""What every PagingStore must do with alerts; subclass as PagingStoreConformance, with the fixture `open_paging`."""

from typing import Any

import pytest

from resile.model.alert import AlertState, Outcome
from resile.model.errors import ConflictError
from resile.ports.paging_store import Counted, DeclaredFor, PagingStore
from resile.ports.timeline_store import TimelineStore
from resile.testing.paging_conformance import PagingFixtures
from resile.testing.paging_model import alert, at, changes, decision
from resile.testing.timeline_model import append_of


class PagingAlertsConformance(PagingFixtures):
    """Tests of alerts and of what was decided of them."""

    def test_alerts_told_again_are_counted_at_whatever_version_they_are(self, paging: PagingStore) -> None:
        """How often, and until when they live; what is told late moves nothing back; unknown ones are passed over.

        Whoever decided by what was known before is in conflict.
        """
        paging.commit(changes(alert("x", expires_at=at(5)), alert("y")))
        told = [
            Counted(alert_id="x", n_more=2, told_at=at(2), expires_at=at(7), holds_until=at(4)),
            Counted(alert_id="x", n_more=1, told_at=at(1), expires_at=at(6), holds_until=at(3)),
            Counted(alert_id="y", n_more=1, told_at=at(3)),
            Counted(alert_id="z", n_more=1, told_at=at(3)),
        ]

        paging.commit(changes(counted=tuple(told)))

        known = paging.alerts(["x", "y", "z"])
        assert known["x"] == alert("x", 3, n_told=4, told_at=at(2), expires_at=at(7), holds_until=at(4))
        assert known["y"] == alert("y", 2, n_told=2, told_at=at(3))
        assert set(known) == {"x", "y"}
        with pytest.raises(ConflictError):
            paging.commit(changes(alert("x", 2)))
        paging.commit(changes(alert("x", 4), counted=(Counted(alert_id="x", n_more=1, told_at=at(9)),)))
        assert paging.alerts(["x"])["x"] == alert("x", 5, n_told=2, told_at=at(9))

    def test_group_for_which_others_made_an_incident_since_gets_no_second_one(
        self, paging: PagingStore, timelines: TimelineStore
    ) -> None:
        """Of what is declared, the rest is not written either; other groups and older incidents are in nobody's way."""
        odd = "shop\0"
        paging.commit(changes(alert("x", incident_id="a", group_key=odd), appends=(append_of("a", 1),)))
        since = timelines.last_seq()
        paging.commit(changes(alert("y", incident_id="b", group_key="login"), appends=(append_of("b", 1),)))
        second = changes(alert("z", incident_id="c", group_key=odd), appends=(append_of("c", 1),))

        for seen, keys in ((0, (odd,)), (since, (odd, "login"))):
            with pytest.raises(ConflictError, match="have an incident by now"):
                paging.commit(second + changes(declared_for=(DeclaredFor(since=seen, group_keys=keys),)))
        assert timelines.read("c") == []
        assert paging.alerts(["z"]) == {}
        paging.commit(second + changes(declared_for=(DeclaredFor(since=since, group_keys=(odd,)),)))

        assert set(paging.alerts(["z"])) == {"z"}

    def test_alerts_of_an_incident_that_fire_are_found_but_for_those_that_are_muted(self, paging: PagingStore) -> None:
        """Not all where fewer are asked for."""
        states = {
            "a": AlertState.FIRING,
            "b": AlertState.ACKNOWLEDGED,
            "c": AlertState.RESOLVED,
            "d": AlertState.FIRING,
        }
        outcomes = {"d": Outcome.SILENCED}
        paging.commit(
            changes(
                *(
                    alert(name, incident_id="i", state=state, outcome=outcomes.get(name, Outcome.JOINED))
                    for name, state in states.items()
                ),
                alert("e", incident_id="j"),
            )
        )

        assert sorted(paging.firing_of("i", limit=10)) == ["a", "b"]
        assert set(paging.firing_of("i", limit=1)) < {"a", "b"}
        assert [paging.firing_of(name, limit=10) for name in ("j", "k", "i\0")] == [["e"], [], []]

    def test_alerts_are_found_by_incident_group_and_state(self, paging: PagingStore) -> None:
        """Of incidents the oldest first, else the newest decision first."""
        paging.commit(
            changes(
                alert("a", decided=1, incident_id="i", group_key="g", first_at=at(2)),
                alert("b", decided=3, incident_id="j", group_key="g", first_at=at(1), state=AlertState.RESOLVED),
                alert("c", decided=2, incident_id="i", group_key="h", first_at=at(0), state=AlertState.ACKNOWLEDGED),
            )
        )

        assert [one.id for one in paging.alerts_of(["i", "j", "i", "k"])] == ["c", "b", "a"]
        assert [one.id for one in paging.alerts_of(["i"])] == ["c", "a"]
        assert [one.id for one in paging.alerts_of(["i", "j"], limit=2)] == ["c", "b"]
        assert [paging.n_alerts_of(name) for name in ("i", "j", "i\0")] == [2, 1, 0]
        assert [one.id for one in paging.alerts_firing()] == ["c", "a"]
        assert [one.id for one in paging.alerts_firing(limit=1)] == ["c"]
        told = paging.alerts_in_groups(["g", "none", "h", "g"])
        assert {key: [one.id for one in its] for key, its in told.items()} == {"g": ["b", "a"], "h": ["c"]}

    def test_firing_alerts_are_counted_by_door(self, paging: PagingStore) -> None:
        """What somebody took fires on; what is resolved does not."""
        paging.commit(
            changes(
                alert("a", door="grafana/shop"),
                alert("b", state=AlertState.RESOLVED),
                alert("c", door="x"),
                alert("d", state=AlertState.ACKNOWLEDGED, door="grafana/shop"),
            )
        )

        assert paging.firing_counts() == {"grafana/shop": 2, "x": 1}

    def test_firing_alerts_are_counted_by_what_became_of_them(self, paging: PagingStore) -> None:
        """As they are now, not as they were; none that is resolved."""
        paging.commit(
            changes(
                alert("a", outcome=Outcome.JOINED),
                alert("b"),
                alert("c", state=AlertState.ACKNOWLEDGED),
                alert("d", outcome=Outcome.JOINED),
            )
        )
        before = paging.firing_outcomes()
        paging.commit(changes(alert("d", version=2, state=AlertState.RESOLVED, outcome=Outcome.JOINED)))

        usual = alert("b").outcome
        assert (before, paging.firing_outcomes()) == ({Outcome.JOINED: 2, usual: 2}, {Outcome.JOINED: 1, usual: 2})

    def test_alerts_of_a_group_are_a_thousand_at_most(self, paging: PagingStore) -> None:
        """Those decided upon last."""
        paging.commit(changes(*(alert(f"x{n:04d}", decided=n, group_key="g") for n in range(1_001))))

        told = paging.alerts_in_groups(["g", "h"])["g"]

        assert [told[0].id, told[-1].id, len(told)] == ["x1000", "x0001", 1_000]

    def test_recent_alerts_are_searched_by_words_outcome_and_time(self, paging: PagingStore) -> None:
        """In titles, services and doors, in any case; what stands for anything elsewhere stands for itself here."""
        paging.commit(
            changes(
                alert("a", decided=1, title="Straße GESPERRT 100%"),
                alert("b", decided=2, service="Checkout_1", outcome=Outcome.SILENCED),
                alert("c", decided=3, door="grafana/shop", title="x"),
            )
        )

        def found(**asked: Any) -> list[str]:
            return [one.id for one in paging.recent_alerts(**asked)]

        assert found() == ["c", "b", "a"]
        assert found(limit=1) == ["c"]
        assert found(before=at(3)) == ["b", "a"]
        assert found(text="strasse gesperrt") == found(text="100%") == ["a"]
        assert found(text="CHECKOUT_1") == found(outcome="silenced") == ["b"]
        assert found(text="Grafana/") == ["c"]
        assert found(text="checkout%") == found(text="checkout1") == found(outcome="cleared") == []

    def test_decisions_of_an_alert_are_the_newest_first(self, paging: PagingStore) -> None:
        """Of one instant the one written last."""
        paging.commit(changes(decision("x", 1, "first"), decision("x", 1, "second"), decision("y", 1)))
        paging.commit(changes(decision("x", 3, "fourth"), decision("x", 2, "third")))

        told = [one.verdicts[0].reason for one in paging.decisions("x")]

        assert told == ["fourth", "third", "second", "first"]
        assert paging.decisions("x", limit=2) == paging.decisions("x")[:2]
