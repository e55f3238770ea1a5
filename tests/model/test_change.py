"""Deployments and pull requests are folded from reports that come in any order, and more than once."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from resile.model.change import (
    ChangeReport,
    DeploymentReported,
    DeploymentStatus,
    LinkReported,
    PullRequestReported,
    ReviewReported,
    ReviewState,
    decode_report,
    encode_report,
    fold_deployment,
    fold_pull_request,
)

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
TEXTS = st.none() | st.sampled_from(["a", "b"])
TIMES = st.integers(0, 5).map(lambda hours: NOON + timedelta(hours=hours))
COMMON = {"id": st.uuids().map(str), "at": TIMES, "recorded_at": TIMES, "by": st.just("door:test")}
OF_DEPLOYMENT = st.builds(
    DeploymentReported,
    **COMMON,
    origin=st.just("github"),
    ref=st.just("7"),
    service=TEXTS,
    version=TEXTS,
    supersedes_earlier=st.booleans(),
    status=st.none() | st.sampled_from(DeploymentStatus),
    caused=st.lists(st.sampled_from(["INC-1", "INC-2"]), max_size=2).map(tuple),
) | st.builds(
    LinkReported,
    **COMMON,
    deployment_id=st.just("github:7"),
    incident_id=st.sampled_from(["INC-1", "INC-2"]),
    is_cause=st.booleans(),
)
OF_PULL_REQUEST = st.builds(
    PullRequestReported,
    **COMMON,
    repo=st.just("shop"),
    number=st.just("17"),
    title=TEXTS,
    opened_at=st.none() | TIMES,
    commits=st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
) | st.builds(
    ReviewReported,
    **COMMON,
    repo=st.just("shop"),
    number=st.just("17"),
    reviewer=st.just("ann"),
    state=st.sampled_from(ReviewState),
)


def deployed(hour: int, status: DeploymentStatus | None, **told: str) -> DeploymentReported:
    at = NOON + timedelta(hours=hour)
    return DeploymentReported(
        id=f"{hour}", at=at, recorded_at=at, by="door:test", origin="github", ref="7", status=status, **told
    )


@given(reports=st.lists(OF_DEPLOYMENT, max_size=6), order=st.randoms(use_true_random=False))
def test_a_deployment_is_the_same_in_whatever_order_its_reports_come(reports, order):
    shuffled = list(reports)
    order.shuffle(shuffled)

    assert fold_deployment(reports) == fold_deployment(shuffled)


@given(reports=st.lists(OF_PULL_REQUEST, max_size=6), order=st.randoms(use_true_random=False))
def test_a_pull_request_is_the_same_in_whatever_order_its_reports_come(reports, order):
    shuffled = list(reports)
    order.shuffle(shuffled)

    assert fold_pull_request(reports) == fold_pull_request(shuffled)


@given(report=OF_DEPLOYMENT | OF_PULL_REQUEST)
def test_a_report_is_read_as_it_was_written(report: ChangeReport):
    assert decode_report(encode_report(report)) == report


def test_a_deployment_happened_when_it_first_succeeded_although_the_news_came_late():
    succeeded = deployed(2, DeploymentStatus.SUCCEEDED)
    running = deployed(1, DeploymentStatus.RUNNING)

    found = fold_deployment([succeeded, running, deployed(5, DeploymentStatus.SUCCEEDED)])

    assert found is not None
    assert found.deployed_at == NOON + timedelta(hours=2)
    assert found.started_at == NOON + timedelta(hours=1)


def test_what_a_later_report_does_not_tell_is_kept():
    found = fold_deployment([deployed(1, None, service="search", version="1"), deployed(2, None, version="2")])

    assert found is not None
    assert (found.service, found.version) == ("search", "2")


def test_nothing_is_known_of_a_deployment_of_which_only_a_link_tells():
    link = LinkReported(id="1", at=NOON, recorded_at=NOON, by="user:ann", deployment_id="github:7", incident_id="INC-1")

    assert fold_deployment([link]) is None


def test_the_last_word_on_a_cause_holds():
    said = deployed(1, None)
    blamed = LinkReported(
        id="2", at=NOON + timedelta(hours=2), recorded_at=NOON, by="user:ann", deployment_id="github:7",
        incident_id="INC-1",
    )  # fmt: skip
    cleared = LinkReported(
        id="3", at=NOON + timedelta(hours=3), recorded_at=NOON, by="user:bob", deployment_id="github:7",
        incident_id="INC-1", is_cause=False,
    )  # fmt: skip

    found = fold_deployment([cleared, blamed, said])

    assert found is not None
    assert [(link.incident_id, link.is_cause, link.by) for link in found.links] == [("INC-1", False, "user:bob")]


def test_a_report_that_supersedes_drops_what_the_same_sender_told_before_whatever_it_was_dated():
    first = deployed(5, DeploymentStatus.SUCCEEDED, sha="a", version="1.0")
    moved = DeploymentReported(
        id="moved",
        at=NOON + timedelta(hours=2),
        recorded_at=NOON + timedelta(hours=9),
        by="door:test",
        origin="github",
        ref="7",
        status=DeploymentStatus.SUCCEEDED,
        sha="b",
        supersedes_earlier=True,
    )
    other = DeploymentReported(
        id="other", at=NOON, recorded_at=NOON, by="token:ci", origin="github", ref="7", title="as told"
    )

    deployment = fold_deployment([first, other, moved])

    assert deployment is not None
    assert (deployment.sha, deployment.version, deployment.title) == ("b", None, "as told")
    assert deployment.deployed_at == NOON + timedelta(hours=2)


def test_a_pull_request_that_was_opened_again_is_not_closed():
    def told(day: int, **what: object) -> PullRequestReported:
        at = datetime(2024, 3, day, tzinfo=UTC)
        return PullRequestReported(id=str(day), at=at, recorded_at=at, by="x", repo="r", number="1", **what)

    closed = told(1, closed_at=datetime(2024, 3, 1, tzinfo=UTC))
    opened, silent = told(2, is_open=True), told(3, title="Other words")
    closed_again = told(4, closed_at=datetime(2024, 3, 4, tzinfo=UTC))

    def closed_at(*reports: PullRequestReported) -> datetime | None:
        folded = fold_pull_request(reports)
        assert folded is not None
        return folded.closed_at

    assert closed_at(closed, silent) == closed.closed_at
    assert closed_at(closed, opened, silent) is None
    assert closed_at(silent, opened, closed_again, closed) == closed_again.closed_at
