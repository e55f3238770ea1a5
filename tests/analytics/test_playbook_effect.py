"""Time to mitigate with a playbook and without it: who is on which side, and when nothing can be said."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.analytics.playbook_effect import LEAST, PlaybookEffect, playbook_effects
from resile.model.playbook import Playbook
from resile.model.playbook_match import About, matches
from resile.model.playbook_text import parse_playbook
from resile.model.severity import Severity
from tests.analytics.facts import QUARTER, at, facts, incident, lasting


def playbook(match: str) -> Playbook:
    return parse_playbook("p", f"---\nplaybook: p\nmatch: {match}\n---\n")


def effect(match: str, rows: list[dict[str, Any]]) -> PlaybookEffect:
    (found,) = playbook_effects(facts(rows), [playbook(match)], QUARTER)
    return found


def test_mitigation_ends_the_time_and_restoration_where_nobody_told_of_it() -> None:
    rows = [
        incident("mitigated", at(days=1), 7_200, service="shop", mitigated=at(days=1, minutes=10)),
        incident("restored", at(days=2), 600, service="shop"),
        incident("drill", at(days=3), 600, service="shop", exclusion="drill"),
    ]
    overall = effect("{service: shop}", rows).overall

    assert overall is not None
    assert (overall.without.n, overall.without.median_s, overall.ratio) == (2, 600, None)


def test_ratio_has_an_interval_once_there_are_enough_and_says_so() -> None:
    rows = lasting(*[3_600 + n for n in range(8)], service="shop", severity="SEV2")
    rows += lasting(*[600 + n for n in range(8)], first=at(days=20), service="shop", playbooks_used=["p"])
    found = effect("{service: shop}", rows)

    assert found.overall is not None
    assert found.overall.ratio is not None
    assert found.overall.ratio < 0.2
    assert found.overall.ratio_high is not None
    assert found.overall.ratio_high < 1
    assert found.said.startswith("Mitigation takes less time with it")
    alike = effect(
        "{service: shop}", lasting(*[600 + n for n in range(8)], service="shop", playbooks_used=["p"]) + rows
    )
    assert alike.n_used == 16


def test_where_the_sides_are_alike_nobody_can_tell() -> None:
    rows = lasting(*[600 * n for n in range(1, 11)], service="shop")
    rows += lasting(*[600 * n for n in range(1, 11)], first=at(days=20), service="shop", playbooks_used=["p"])

    assert effect("{service: shop}", rows).said.startswith("Nobody can tell yet whether it helps")


@pytest.mark.parametrize("n", [LEAST - 1, LEAST])
def test_groups_are_shown_where_both_sides_are_enough(n: int) -> None:
    rows = []
    for k, severity in enumerate(("SEV1", "SEV2")):
        rows += lasting(*range(60, 60 + n), first=at(days=10 * k), service="shop", severity=severity)
        used = {"service": "shop", "severity": severity, "playbooks_used": ["p"]}
        rows += lasting(*range(60, 66), first=at(days=10 * k + 5), **used)

    assert [one.of for one in effect("{service: shop}", rows).groups] == (
        ["severity SEV1", "severity SEV2"] if n == LEAST else []
    )


CONDITIONS = st.dictionaries(
    st.sampled_from(["service", "severity", "a", "b", "title"]),
    st.sampled_from(["x", "y", "!x", "~x|y", "!~x.*", "~.*", "SEV1"]),
    max_size=3,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "service": st.sampled_from([None, "x", "y"]),
            "other_services": st.sampled_from([None, ["x"], ["y", "z"]]),
            "severity": st.sampled_from([None, "SEV1", "SEV2"]),
            "labels": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", "xx"])).map(
                lambda labels: list(labels.items())
            ),
            "title": st.sampled_from(["x", "other"]),
        }
    ),
    min_size=1,
    max_size=15,
)


@settings(deadline=None, max_examples=5)
@given(st.lists(CONDITIONS, min_size=8, max_size=8), ROWS)
def test_incidents_are_found_as_the_playbook_would_be_opened_for_them(
    asked: list[dict[str, str]], told: list[dict[str, Any]]
) -> None:
    playbooks = [
        playbook("{" + ", ".join(f'{name}: "{value}"' for name, value in conditions.items()) + "}")
        for conditions in asked
    ]
    rows = [incident(f"i{n}", at(hours=n), 60, **row) for n, row in enumerate(told)]

    def fits(one: Playbook, row: dict[str, Any]) -> bool:
        services = tuple(name for name in (row["service"], *(row["other_services"] or ())) if name)
        severity = None if row["severity"] is None else Severity(row["severity"])
        labels = {"title": row["title"], **dict(row["labels"])}
        return matches(one, About(id="i", services=services, severity=severity, alerts=(labels,))) is not None

    found = playbook_effects(facts(rows), playbooks, QUARTER)

    assert [one.overall.without.n if one.overall else 0 for one in found] == [
        sum(fits(one, row) for row in rows) for one in playbooks
    ]
