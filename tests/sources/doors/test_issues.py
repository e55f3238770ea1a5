"""Issues as incidents, whatever the forge."""

from datetime import UTC, datetime
from itertools import permutations

import pytest

from resile.model.severity import Severity
from resile.sources.doors.issues import Change, Issue, draft_of, is_incident


def at(hour: int) -> datetime:
    return datetime(2024, 1, 1, hour, tzinfo=UTC)


def issue(*labels: str, changes: tuple[Change, ...] = (), severity: str | None = None) -> Issue:
    return Issue(
        origin="gitlab",
        path="acme/shop",
        number="23",
        title="Checkout answers 500",
        url=None,
        labels=labels,
        service="shop",
        severity=severity,
        opened_at=at(8),
        as_of=at(12),
        changes=changes,
    )


@pytest.mark.parametrize(
    ("label", "pattern", "fits"),
    [
        ("Incident", "incident", True),
        ("incident::major", "incident", False),
        ("incident::major", "incident*", True),
        ("[ops] outage", "[ops] *", True),
        ("p", "[ops]", False),
        ("bug", "?ug", True),
    ],
)
def test_a_label_means_an_incident_by_its_pattern(label: str, pattern: str, *, fits: bool) -> None:
    assert is_incident(("other", label), (pattern,)) is fits


@pytest.mark.parametrize(
    ("labels", "severity"),
    [
        (("severity::1",), Severity.SEV1),
        (("severity: high",), Severity.SEV2),
        (("Severity/Medium",), Severity.SEV3),
        (("sev=low",), Severity.SEV4),
        (("severity::S4",), Severity.SEV4),
        (("sev-2",), Severity.SEV2),
        (("SEV3",), Severity.SEV3),
        (("P1",), Severity.SEV1),
        (("critical",), Severity.SEV1),
        (("severity::3", "severity::1"), Severity.SEV1),
        (("severity::huge",), None),
        (("priority::1",), None),
        (("minor",), None),
        ((), None),
    ],
)
def test_the_severity_is_the_worst_that_a_label_says(labels: tuple[str, ...], severity: Severity | None) -> None:
    assert draft_of(issue(*labels)).severity is severity


def test_the_forges_own_word_goes_before_labels_unless_it_says_nothing() -> None:
    assert draft_of(issue("severity::3", severity="critical")).severity is Severity.SEV1
    assert draft_of(issue("severity::3", severity="UNKNOWN")).severity is Severity.SEV3


def test_services_and_team_are_named_by_labels_and_else_by_the_repository() -> None:
    draft = draft_of(issue("service::cart", "service: pay", "team::core", "https://x"))

    assert (draft.services, draft.team) == (("cart", "pay"), "core")
    assert draft_of(issue()).services == ("shop",)


def test_closed_and_opened_again_in_turn_whatever_the_order_they_are_told_in() -> None:
    changes = [Change(at(9), is_closed=True), Change(at(10), is_closed=False), Change(at(11), is_closed=True)]

    told = {draft_of(issue(changes=tuple(order))).steps for order in permutations(changes)}

    assert [[(step.kind, step.at.hour) for step in steps] for steps in told] == [
        [("detected", 8), ("restored", 9), ("reopened", 10), ("restored", 11)]
    ]


def test_a_closing_that_is_told_twice_counts_once() -> None:
    steps = draft_of(issue(changes=(Change(at(9), is_closed=True), Change(at(10), is_closed=True)))).steps

    assert [(step.kind, step.at.hour) for step in steps] == [("detected", 8), ("restored", 9)]
