"""Which deployment an incident or a later deployment is held against, and which not."""

from datetime import timedelta

import pytest

from tests.analytics.deliveries import deployment, links, only_row, report, told
from tests.analytics.facts import at, incident


def test_an_incident_is_laid_at_the_latest_deployment_before_it() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=1, hours=2)), deployment("c", at(days=1, hours=9))]

    found = links(shipped, [incident("i", at(days=1, hours=3), 60, service="shop")])

    assert told(found) == [("b", "i", None, "window")]
    assert (found[0].failed_at, found[0].restored_at) == (at(days=1, hours=3), at(days=1, hours=3, minutes=1))
    assert "1 h later" in found[0].reason


@pytest.mark.parametrize(("after", "n"), [(timedelta(hours=24), 1), (timedelta(hours=24, seconds=1), 0)])
def test_no_incident_is_laid_at_a_deployment_longer_ago_than_the_window(after: timedelta, n: int) -> None:
    found = links([deployment("a", at(days=1))], [incident("i", at(days=1) + after, 60, service="shop")])

    assert len(found) == n


def test_incidents_of_other_services_are_nobodys_here() -> None:
    shipped = [deployment("a", at(days=1))]
    noticed = [incident("i", at(days=1, hours=1), 60, service="search"), incident("j", at(days=1, hours=1), 60)]

    assert links(shipped, noticed) == []


def test_an_incident_of_several_services_is_laid_at_the_latest_deployment_of_any() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=1, hours=1), service="search")]

    found = links(shipped, [incident("i", at(days=1, hours=2), 60, service="shop", other_services=["search"])])

    assert told(found) == [("b", "i", None, "window")]


def test_a_filter_of_services_does_not_change_what_caused_what() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=1, hours=1), service="search")]
    noticed = [incident("i", at(days=1, hours=2), 60, service="shop", other_services=["search"])]

    assert links(shipped, noticed, services=("shop",)) == []
    assert only_row(shipped, noticed, services=("shop",)).change_fail_rate.failed == 0


def test_what_began_before_a_deployment_was_not_caused_by_it() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=1, hours=2))]
    late = incident("i", at(days=1, hours=3), 60, service="shop", impact_began=at(days=1, hours=1))

    assert told(links(shipped, [late])) == [("a", "i", None, "window")]


@pytest.mark.parametrize("reason", ["planned", "drill", "noise", "test", "merged"])
def test_incidents_that_do_not_count_are_laid_at_nobody(reason: str) -> None:
    shipped = [deployment("a", at(days=1), caused=["i"])]

    assert links(shipped, [incident("i", at(days=1, hours=1), 60, service="shop", exclusion=reason)]) == []


def test_incidents_count_for_production_unless_their_label_says_otherwise() -> None:
    shipped = [deployment("live", at(days=1)), deployment("stage", at(days=1, hours=1), environment="Staging")]
    noticed = [
        incident("i", at(days=1, hours=2), 60, service="shop"),
        incident("j", at(days=1, hours=2), 60, service="shop", labels=[("environment", "staging")]),
    ]

    found = links(shipped, noticed, environments=())

    assert told(found) == [("live", "i", None, "window"), ("stage", "j", None, "window")]
    assert told(links(shipped, noticed)) == [("live", "i", None, "window")]


def test_what_is_said_outweighs_the_window() -> None:
    shipped = [deployment("a", at(days=1), caused=["i"]), deployment("b", at(days=9))]

    found = links(shipped, [incident("i", at(days=9, hours=1), 60, service="shop")])

    assert told(found) == [("a", "i", None, "said")]
    assert found[0].confidence == 1


def test_what_is_said_not_to_be_the_cause_goes_to_the_deployment_before() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=1, hours=1), not_caused=["i"])]
    noticed = [incident("i", at(days=1, hours=2), 60, service="shop")]

    assert told(links(shipped, noticed)) == [("a", "i", None, "window")]
    assert links(shipped[1:], noticed) == []


def test_what_is_said_not_to_be_the_cause_outweighs_all_else() -> None:
    shipped = [
        deployment("a", at(days=1), caused=["i"], not_caused=["i"], version="1"),
        deployment("b", at(days=1, hours=3), unplanned="rollback", mends="i", version="0"),
    ]

    assert links(shipped, [incident("i", at(days=1, hours=2), 60, service="shop")]) == []


def test_an_incident_that_several_are_said_to_have_caused_is_the_latest_ones() -> None:
    shipped = [deployment("a", at(days=1), caused=["i"]), deployment("b", at(days=2), caused=["i"])]

    assert told(links(shipped, [incident("i", at(days=3), 60)])) == [("b", "i", None, "said")]


def test_a_deployment_said_to_have_caused_an_unknown_incident_failed() -> None:
    shipped = [deployment("a", at(days=1), caused=["gone"])]

    found = report(shipped)

    assert found.services[0].change_fail_rate.failed == 1
    assert found.services[0].recovery_time.median_s is None
    assert "gone" in found.missing[0]


@pytest.mark.parametrize("by", ["version", "sha"])
def test_a_release_that_comes_back_rolls_back_what_ran(by: str) -> None:
    shipped = [
        deployment(name, at(days=day), **{by: release})
        for name, day, release in (("a", 1, "x"), ("b", 9, "y"), ("c", 30, "x"))
    ]

    found = links(shipped)

    assert told(found) == [("b", None, "c", "rollback")]
    assert found[0].restored_at is None
    assert only_row(shipped).rework_rate.unplanned == 1


def test_going_forward_again_after_a_rollback_is_none() -> None:
    shipped = [deployment(f"{n}", at(days=n), version=version) for n, version in enumerate(("x", "y", "x", "y"))]

    assert told(links(shipped)) == [("1", None, "2", "rollback")]


def test_deploying_the_same_release_again_is_no_rollback() -> None:
    shipped = [deployment(f"{n}", at(days=n), version=version) for n, version in enumerate(("x", "y", "y"))]

    assert links(shipped) == []


def test_a_branch_as_the_version_is_no_release_beside_commits() -> None:
    told_as = (("main", "1"), ("fix", "2"), ("main", "3"))
    shipped = [deployment(sha, at(days=n), version=branch, sha=sha) for n, (branch, sha) in enumerate(told_as)]

    assert links(shipped) == []


def test_deployments_of_two_repositories_do_not_take_each_others_place() -> None:
    shipped = [
        deployment(f"{n}", at(days=n), repo=repo, sha=sha)
        for n, (repo, sha) in enumerate((("a", "1"), ("b", "2"), ("a", "1")))
    ]

    assert links(shipped) == []


@pytest.mark.parametrize(("kind", "evidence"), [("hotfix", "hotfix"), ("rollback", "rollback"), ("revert", "revert")])
def test_what_the_sender_calls_a_fix_marks_the_one_before(kind: str, evidence: str) -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=1, hours=2), unplanned=kind)]

    assert told(links(shipped)) == [("a", None, "b", evidence)]


@pytest.mark.parametrize(("kind", "n"), [("hotfix", 0), ("revert", 0), ("rollback", 1)])
def test_long_after_only_a_rollback_marks_the_one_before(kind: str, n: int) -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=5), unplanned=kind)]

    assert len(links(shipped)) == n
    assert only_row(shipped).rework_rate.unplanned == 1


def test_a_revert_marks_the_deployment_that_had_brought_the_change() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=2)), deployment("c", at(days=9), reverts=["a"])]

    assert told(links(shipped)) == [("a", None, "c", "revert")]


def test_the_next_patch_of_the_same_minor_marks_the_one_before() -> None:
    versions = (("1.1.0", 0), ("2.0.0", 1), ("1.1.1", 2), ("2.0.1-rc1", 3), ("2.0.1", 4), ("2.0.2", 40))
    shipped = [deployment(version, at(days=1, hours=hours), version=version) for version, hours in versions]

    found = links(shipped)

    assert told(found) == [("1.1.0", None, "1.1.1", "next_patch"), ("2.0.0", None, "2.0.1", "next_patch")]
    assert only_row(shipped).rework_rate.unplanned == 2


def test_versions_that_are_dates_do_not_patch_each_other() -> None:
    shipped = [deployment(f"{n}", at(days=n, hours=12), version=f"2024.01.{n + 1:02}") for n in range(5)]

    assert links(shipped) == []


def test_a_fix_that_mends_an_incident_lays_it_at_what_it_fixed() -> None:
    shipped = [
        deployment("a", at(days=1)),
        deployment("b", at(days=1, hours=4), unplanned="hotfix", mends="i"),
    ]
    noticed = [incident("i", at(days=1, hours=1), 60, service="shop")]

    found = links(shipped, noticed)

    assert told(found) == [("a", "i", "b", "hotfix")]
    assert "to mend incident i" in found[0].reason


def test_the_strongest_evidence_of_a_pair_counts_alone() -> None:
    shipped = [
        deployment("a", at(days=1), version="1.0.0"),
        deployment("b", at(days=1, hours=1), version="1.0.1", unplanned="hotfix", reverts=["a"]),
    ]

    assert told(links(shipped)) == [("a", None, "b", "revert")]


def test_one_deployments_links_are_found_outside_of_the_window() -> None:
    shipped = [deployment("a", at(days=-20)), deployment("b", at(days=1))]
    noticed = [
        incident("i", at(days=-20, hours=1), 60, service="shop"),
        incident("j", at(days=1, hours=1), service="shop"),
    ]

    assert told(links(shipped, noticed, deployment_id="a")) == [("a", "i", None, "window")]
    assert told(links(shipped, noticed)) == [("b", "j", None, "window")]


def test_what_came_after_the_present_is_not_looked_at() -> None:
    shipped = [deployment("a", at(days=1)), deployment("b", at(days=1, hours=5), unplanned="rollback")]
    noticed = [incident("i", at(days=1, hours=3), 60, service="shop")]

    assert links(shipped, noticed, known_until=at(days=1, hours=2)) == []
    assert only_row(shipped, noticed, known_until=at(days=1, hours=2)).change_fail_rate.pending == 1


def test_of_two_deployments_at_once_the_same_one_is_held_responsible_however_they_are_stored() -> None:
    shipped = [deployment("a", at(days=1), caused=["i"]), deployment("b", at(days=1), service="search", caused=["i"])]
    noticed = [incident("i", at(days=1, hours=1), 60, service="shop")]

    assert told(links(shipped, noticed)) == told(links(shipped[::-1], noticed))


def test_which_environments_are_asked_for_never_moves_an_incident() -> None:
    shipped = [deployment("a", at(hours=1)), deployment("b", at(hours=2), environment="prod")]
    noticed = [incident("i", at(hours=3), 60, service="shop")]

    assert told(links(shipped, noticed)) == [("b", "i", None, "window")]
    assert told(links(shipped, noticed, environments=("prod",))) == [("b", "i", None, "window")]
    assert told(links(shipped, noticed, environments=("production",))) == []


@pytest.mark.parametrize(("label", "failed"), [("prod", ["a"]), ("Live", ["a"]), ("staging", []), ("live-eu", [])])
def test_a_label_that_means_production_finds_it_under_another_name(label: str, failed: list[str]) -> None:
    shipped = [deployment("a", at(hours=1)), deployment("other", at(hours=2), service="search", environment="prod")]
    noticed = [incident("i", at(hours=3), 60, service="shop", labels=[("environment", label)])]

    assert [link.deployment_id for link in links(shipped, noticed)] == failed


def test_a_label_finds_the_environment_of_its_very_name_first() -> None:
    shipped = [deployment("a", at(hours=1), environment="prod"), deployment("b", at(hours=2))]
    noticed = [incident("i", at(hours=3), 60, service="shop", labels=[("environment", "prod")])]

    assert told(links(shipped, noticed)) == [("a", "i", None, "window")]
