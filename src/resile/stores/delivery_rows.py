"""Rows of facts on deliveries: of deployments, and of the changes that each first brought."""

from datetime import datetime

from resile.model.change import Commit, Deployment, PullRequest, ReviewState
from resile.ports.delivery_store import Shipped
from resile.stores.arrow_rows import Row

_OF_NO_PULL_REQUEST: Row = (None,) * 6


def deployment_row(deployment: Deployment, noted: Shipped | None, reverts: tuple[str, ...]) -> Row:
    """One deployment's facts in the order of DEPLOYMENTS_SCHEMA; `reverts` is what it takes back."""
    return (
        deployment.id,
        deployment.service,
        deployment.environment,
        deployment.version,
        deployment.repo,
        deployment.sha,
        deployment.origin,
        deployment.url,
        deployment.status,
        deployment.started_at,
        deployment.deployed_at,
        deployment.unplanned,
        deployment.mends,
        [link.incident_id for link in deployment.links if link.is_cause] or None,
        [link.incident_id for link in deployment.links if not link.is_cause] or None,
        reverts or None,
        None if noted is None or noted.shas is None else len(noted.shas),
    )


def change_row(deployment: Deployment, commit: Commit, of_pull_request: Row | None) -> Row:
    """One change's facts in the order of CHANGES_SCHEMA; `of_pull_request` is what pull_request_row says."""
    return (
        deployment.id,
        deployment.service,
        deployment.environment,
        deployment.deployed_at,
        commit.repo,
        commit.sha,
        commit.committed_at,
        *(of_pull_request or _OF_NO_PULL_REQUEST),
    )


def pull_request_row(pull_request: PullRequest) -> Row:
    """Id and instants of a pull request, as CHANGES_SCHEMA ends with them.

    What the author said himself is no review, and what was said after the merge did not lead to it.
    """
    merged_at = pull_request.merged_at
    reviews = [
        review
        for review in pull_request.reviews
        if review.reviewer != pull_request.author and (merged_at is None or review.at <= merged_at)
    ]
    approved: list[datetime] = [review.at for review in reviews if review.state is ReviewState.APPROVED]
    return (
        pull_request.id,
        pull_request.opened_at,
        pull_request.ready_at or pull_request.opened_at,
        reviews[0].at if reviews else None,
        approved[-1] if approved else None,
        merged_at,
    )
