"""GitHub's pull requests and reviews, in the shape that GitHub sends."""

from datetime import UTC, datetime

import pytest

from resile.model.change import (
    PullRequest,
    PullRequestReported,
    ReviewReported,
    ReviewState,
    fold_pull_request,
)
from resile.ports.delivery_door import DoorOptions, Understood
from resile.sources.doors.github import open_door
from tests.sources.doors.bodies import PARENT, of_github
from tests.sources.doors.github_bodies import (
    github_pull_request,
    github_review,
)


def understood(event: str, body: object, **options: object) -> Understood:
    return open_door(DoorOptions(**options)).understand(of_github(event, body))


def request(*bodies: tuple[str, object]) -> PullRequest:
    reports = [report for event, body in bodies for report in understood(event, body).reports]
    found = fold_pull_request([one for one in reports if isinstance(one, PullRequestReported | ReviewReported)])
    assert found is not None
    return found


def at(hour: int, minute: int = 0, day: int = 4) -> datetime:
    return datetime(2024, 3, day, hour, minute, tzinfo=UTC)


def test_a_pull_request_goes_from_draft_to_merged() -> None:
    opened = ("pull_request", github_pull_request("opened", draft=True))
    ready = ("pull_request", github_pull_request("ready_for_review", updated_at="2024-03-03T09:00:00Z"))
    pushed = (
        "pull_request",
        github_pull_request("synchronize", updated_at="2024-03-03T10:00:00Z", head={"sha": PARENT}),
    )
    merged = (
        "pull_request",
        github_pull_request(
            "closed",
            updated_at="2024-03-04T09:00:00Z",
            closed_at="2024-03-04T09:00:00Z",
            merged_at="2024-03-04T09:00:00Z",
            merged=True,
            head={"sha": PARENT},
        ),
    )

    found = request(merged, pushed, ready, opened)

    assert found.id == "github.com/acme/shop#17"
    assert (found.author, found.title) == ("ann", "Cart in two steps")
    assert (found.opened_at, found.ready_at, found.merged_at) == (at(9, day=1), at(9, day=3), at(9))
    assert (found.head_sha, found.merge_sha) == (PARENT, "c0de" * 10)
    assert request(opened).ready_at is None
    assert request(opened).merge_sha is None


def test_a_pull_request_that_is_no_draft_is_ready_when_opened() -> None:
    assert request(("pull_request", github_pull_request("opened"))).ready_at == at(9, day=1)


def test_a_closed_pull_request_was_not_merged() -> None:
    found = request(("pull_request", github_pull_request("closed", closed_at="2024-03-04T09:00:00Z")))

    assert (found.closed_at, found.merged_at, found.merge_sha) == (at(9), None, None)


@pytest.mark.parametrize(
    ("title", "body", "reverts"),
    [
        ('Revert "Cart in two steps"', "Reverts acme/shop#12", "12"),
        ('Revert "Cart in two steps"', "It broke.\r\n\r\nReverts #12\r\n", "12"),
        ('Revert "Cart in two steps (#12)" (#18)', None, "12"),
        ('Revert "Cart in two steps"', "Reverts other/shop#12", None),
        ('Revert "Cart in two steps"', None, None),
        ("Cart (#12)", "It reverts acme/shop#12 in part", None),
    ],
)
def test_what_a_pull_request_takes_back_is_read_from_its_words(
    title: str, body: str | None, reverts: str | None
) -> None:
    assert request(("pull_request", github_pull_request("opened", title=title, body=body))).reverts == reverts


def test_a_review_by_another_is_kept_with_its_pull_request() -> None:
    found = request(("pull_request_review", github_review("approved")))

    assert [(one.reviewer, one.state, one.at) for one in found.reviews] == [
        ("bob", ReviewState.APPROVED, at(12, day=1))
    ]
    assert found.opened_at == at(9, day=1)


def test_a_dismissed_review_is_dismissed_when_the_pull_request_says() -> None:
    dismissed = github_review("dismissed", action="dismissed", updated_at="2024-03-02T09:00:00Z")

    found = request(("pull_request_review", github_review("approved")), ("pull_request_review", dismissed))

    assert [(one.state, one.at) for one in found.reviews] == [
        (ReviewState.APPROVED, at(12, day=1)),
        (ReviewState.DISMISSED, at(9, day=2)),
    ]


def test_authors_do_not_review_themselves() -> None:
    said = understood("pull_request_review", github_review("commented", login="ann"))

    assert said.reports == ()
    assert "author" in (said.unmapped or "")
