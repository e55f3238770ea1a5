"""Routes, silences, inhibitions and what belongs together, told as stories."""

import pytest

from resile.model.event import (
    AlertFired,
    Exclusion,
    PagingBegan,
    SeverityChanged,
)
from resile.model.incident import value_of
from resile.model.lifecycle import Absorb, Declare, Mark, Merge
from resile.model.severity import Severity
from resile.model.time import HOUR, MINUTE
from tests.app.alerts.world import ANN, AlertWorld


def test_alert_of_the_same_service_joins_without_a_second_page(world: AlertWorld) -> None:
    made = world.fires("errors")
    world.clock.advance(14 * MINUTE)

    assert world.fires("latency") == made

    assert world.pages() == [made]
    assert [event.alert_id for event in world.told(made, AlertFired)] == [
        world.row("errors").id,
        world.row("latency").id,
    ]
    assert "of shop too" in world.why("latency")["correlate"]


def test_alert_of_the_same_service_much_later_is_another_incident(world: AlertWorld) -> None:
    made = world.fires("errors")
    world.clock.advance(16 * MINUTE)

    assert world.fires("latency") != made


@pytest.mark.parametrize("depends", ["shop", "database"])
def test_alert_of_a_neighbouring_service_joins_either_way(world: AlertWorld, depends: str) -> None:
    for name in ("shop", "database", "mail"):
        others = {"shop", "database"} - {name} if name == depends else set()
        world.write("service", name, depends_on=sorted(others))
    made = world.fires("errors", service="database")

    assert world.fires("latency", service="shop") == made
    assert world.fires("bounces", service="mail") != made

    assert "next to which shop stands" in world.why("latency")["correlate"]


def test_worse_alert_raises_the_severity_and_a_lesser_one_does_not(world: AlertWorld) -> None:
    made = world.fires("errors", severity=Severity.SEV3)

    world.fires("latency", severity=Severity.SEV4)
    world.fires("down", severity=Severity.SEV1)

    assert [event.severity for event in world.told(made, SeverityChanged)] == [Severity.SEV1]


def test_test_alert_pages_and_counts_in_no_measure(world: AlertWorld) -> None:
    made = world.fires("try", is_test=True)

    assert value_of(world.incident(made).exclusion, None) is Exclusion.TEST
    assert world.pages() == [made]
    # What is real is not lost in it.
    assert world.fires("errors") != made


def test_alert_does_not_join_what_was_marked_as_noise(world: AlertWorld) -> None:
    made = world.fires("errors")
    world.append(made, Mark(Exclusion.NOISE))

    assert world.fires("latency") != made


def test_merged_incident_is_followed(world: AlertWorld) -> None:
    made = world.fires("errors")
    other = world.fires("bounces", service="mail")
    world.append(made, Merge(other))
    world.append(other, Absorb(made or ""))

    world.clears("bounces", service="mail")
    assert not world.is_over(other)
    world.clears("errors")

    assert world.is_over(other)
    assert world.fires("errors") == other
    assert world.row("errors").incident_id == other


def test_alert_joins_what_people_declared_without_paging_and_pages(world: AlertWorld) -> None:
    made = "INC-77"
    world.append(made, Declare(title="the shop is slow", services=("shop",)))

    assert world.fires("errors") == made

    assert world.pages() == [made]


def test_nobody_answers_is_said_once(world: AlertWorld) -> None:
    world.take_out("policy", "default")

    made = world.fires("errors")
    world.fires("latency")

    (began,) = world.told(made, PagingBegan)
    assert began.policy is None
    assert "no policy fits" in world.why("errors")["route"]


def test_route_decides_severity_policy_and_whether_it_pages(world: AlertWorld) -> None:
    world.write("policy", "quiet", steps=[{"page": ["person/ann"], "after": "1h"}])
    world.write("route", "later", match={"env": "~st.*"}, pages=False, order=5)
    world.write("route", "shop", match={"service": "shop", "env": "!test"}, policy="quiet", severity="SEV4", team="ops")
    world.write("team", "ops")

    staging = world.fires("errors", labels={"env": "staging"})
    world.clock.advance(HOUR)
    shop = world.fires("errors", fingerprint="other", labels={"env": "prod"})

    assert world.pages() == []
    assert world.told(staging, PagingBegan)[0].policy is None
    assert world.told(shop, PagingBegan)[0].policy == "quiet"
    assert value_of(world.incident(shop).severity, None) is Severity.SEV4
    assert value_of(world.incident(shop).team, None) == "ops"


def test_owner_teams_policy_comes_before_the_default(world: AlertWorld) -> None:
    world.write("policy", "theirs", steps=[{"page": ["person/ann"]}])
    world.write("team", "payments", policy="theirs")
    world.write("service", "shop", owner="payments")

    made = world.fires()

    assert world.told(made, PagingBegan)[0].policy == "theirs"
    assert "of team payments, which owns shop" in world.why("errors")["route"]


def test_grouping_by_a_label_makes_an_incident_of_each_value(world: AlertWorld) -> None:
    world.write("route", "hosts", group_by=["host"])
    one = world.fires("down", fingerprint="a", service=None, labels={"host": "a"})
    other = world.fires("down", fingerprint="b", service=None, labels={"host": "b"})

    assert one != other
    assert world.fires("slow", service=None, labels={"host": "a"}) == one


def test_throttled_alerts_join_without_a_page(world: AlertWorld) -> None:
    world.write("route", "all", throttle={"most": 2, "within": "10m"})
    made = world.fires()
    for _ in range(3):
        world.clears()
        assert world.fires() == made

    # Declared and reopened once with a page; after that two had fired within ten minutes.
    assert len(world.told(made, PagingBegan)) == 2
    world.clears()
    world.clock.advance(11 * MINUTE)
    world.fires()
    assert len(world.told(made, PagingBegan)) == 3


def test_first_of_an_incident_pages_however_many_fired(world: AlertWorld) -> None:
    world.write("route", "all", throttle={"most": 1, "within": "1h"}, reopens_within="0")
    first = world.fires()
    world.clears()
    world.clock.advance(MINUTE)

    second = world.fires()

    assert first != second
    assert world.pages() == [first, second]


def test_silenced_alert_pages_once_its_silence_is_over(world: AlertWorld) -> None:
    made = world.parts.silences.add(ANN, ["service=shop"], because="deploy", lasts=HOUR)

    assert world.fires() is None
    world.fires()
    row = world.row("errors")
    assert (row.outcome, row.because_of, row.n_told) == ("silenced", made.id, 2)
    assert row.why == "silenced until 2026-03-02 13:00 UTC by ann: deploy"
    world.pass_by(59 * MINUTE)
    assert world.n_incidents() == 0
    world.pass_by(2 * MINUTE)

    assert world.row("errors").outcome == "declared"
    assert world.pages() == ["INC-1"]
    listed = world.parts.silences.listed(over=True)
    assert (listed[0].n_muted, listed[0].is_over) == (1, True)


def test_ended_silence_lets_what_still_fires_page_at_once(world: AlertWorld) -> None:
    made = world.parts.silences.add(ANN, ["service=shop"], because="deploy", lasts=HOUR)
    world.fires()

    world.parts.silences.end(ANN, made.id)
    world.tick()

    assert world.pages() == ["INC-1"]


def test_silenced_alert_that_clears_makes_no_incident(world: AlertWorld) -> None:
    world.parts.silences.add(ANN, ["service=shop"], because="deploy", lasts=HOUR)
    world.fires()
    world.clears()

    world.pass_by(2 * HOUR)

    assert world.n_incidents() == 0
    assert world.row("errors").outcome == "cleared"


def test_silence_does_not_stop_what_pages_already_nor_hide_that_it_cleared(world: AlertWorld) -> None:
    made = world.fires()
    world.parts.silences.add(ANN, ["service=shop"], because="deploy", lasts=HOUR)

    world.fires()
    assert world.row("errors").outcome == "declared"
    world.clears()

    assert world.is_over(made)


def test_inhibited_alert_pages_once_what_inhibits_it_has_cleared(world: AlertWorld) -> None:
    world.write(
        "inhibition", "cluster", while_firing={"title": "cluster down"}, mute={"severity": "!SEV1"}, equal=["cluster"]
    )
    world.fires("cluster down", service=None, severity=Severity.SEV1, labels={"cluster": "a"})

    assert world.fires("errors", labels={"cluster": "a"}) is None
    elsewhere = world.fires("latency", labels={"cluster": "b"})
    assert elsewhere is not None
    assert world.row("errors").why == "muted by inhibition cluster while 'cluster down' fires"
    world.clears("cluster down", service=None, labels={"cluster": "a"})
    world.pass_by(3 * MINUTE)

    assert world.row("errors").incident_id == elsewhere
