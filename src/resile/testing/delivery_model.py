"""Commits and reports of no meaning, to hold stores of deliveries against; and all that facts are made of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from resile.model.change import (
    Commit,
    DeploymentReported,
    DeploymentStatus,
    LinkReported,
    PullRequestReported,
    ReviewReported,
    ReviewState,
)
from resile.ports.delivery_store import DeliveryStore, Shipped

START = datetime(2024, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
REPO = "github.com/acme/shop"


def hour(number: int) -> datetime:
    """The n-th hour."""
    return START + timedelta(hours=number)


def commit(sha: str, *parents: str, **more: Any) -> Commit:
    """A commit; of REPO, written in the hour that its name is long."""
    at = hour(len(sha))
    common: dict[str, Any] = {"repo": REPO, "parents": parents, "authored_at": at, "committed_at": at}
    return Commit(**(common | {"sha": sha} | more))


def deployed(ref: str, number: int = 1, **more: Any) -> DeploymentReported:
    """Deployment `x:REF` of search to production, said to have succeeded in the n-th hour."""
    at = hour(number)
    common: dict[str, Any] = {"id": f"{number:05d}", "at": at, "recorded_at": at, "by": "door:x", "origin": "x"}
    told = {"service": "search", "environment": "production", "status": DeploymentStatus.SUCCEEDED}
    return DeploymentReported(**(common | {"ref": ref} | told | more))


def pulled(number: str, *commits: str, **more: Any) -> PullRequestReported:
    """Pull request `REPO#NUMBER` with these commits."""
    common: dict[str, Any] = {"id": "1", "at": START, "recorded_at": START, "by": "door:x", "repo": REPO}
    return PullRequestReported(**(common | {"number": number, "commits": commits} | more))


def reviewed(number: str, n: int, **more: Any) -> ReviewReported:
    """That ann approved a pull request in the n-th hour."""
    at = hour(n)
    common: dict[str, Any] = {"id": f"r{n}", "at": at, "recorded_at": at, "by": "door:x", "repo": REPO}
    told = {"reviewer": "ann", "state": ReviewState.APPROVED}
    return ReviewReported(**(common | told | {"number": number} | more))


def linked(deployment_id: str, incident_id: str, n: int = 1) -> LinkReported:
    """Somebody says that a deployment caused an incident."""
    at = hour(n)
    return LinkReported(
        id=f"l{n}", at=at, recorded_at=at, by="user:ann", deployment_id=deployment_id, incident_id=incident_id
    )


def brought(ref: str, *shas: str, repo: str = REPO) -> Shipped:
    """What deployment `x:REF` shipped."""
    return Shipped(f"x:{ref}", repo, shas)


def known_of(store: DeliveryStore, deployment_id: str) -> tuple[object, ...] | None:
    """Everything that facts on a deployment are made of; None if nothing is told of it."""
    deployment = store.deployment(deployment_id)
    if deployment is None:
        return None
    noted = store.shipped([deployment_id]).get(deployment_id)
    shas = noted.known if noted is not None else ()
    repo = noted.repo if noted is not None else ""
    return (
        deployment,
        noted,
        dict(store.commits(repo, shas)),
        dict(store.pull_requests_with(repo, shas)),
        store.taken_back([deployment_id]).get(deployment_id),
    )


# What is written, and which of three deployments, commits or pull requests it is about.
STEPS = st.tuples(
    st.sampled_from(["commit", "deployed", "pulled", "reviewed", "shipped"]),
    *(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)),
)


def take_step(store: DeliveryStore, step: tuple[str, int, int, int], *, repo: str, era: int, serial: int) -> None:
    """One write, on one of three deployments, commits and pull requests."""
    kind, which, other, third = step
    common: dict[str, Any] = {"id": f"{serial}", "at": hour(third), "repo": repo}
    if kind == "commit":
        parents = None if third else ()
        store.add_commits([commit(f"{which}", repo=repo, reverts=(f"{other}",), parents=parents)])
    elif kind == "deployed":
        store.record([deployed(f"{era}/{which}", id=f"{serial}", at=hour(third), environment=f"{other // 2}")])
    elif kind == "pulled":
        store.record([pulled(f"{which}", f"{other}", **common, reverts=f"{third}", merge_sha=f"{third}")])
    elif kind == "reviewed":
        store.record([reviewed(f"{which}", serial, repo=repo)])
    else:
        shas = tuple(dict.fromkeys((f"{other}", f"{third}")))
        is_hole = other > third
        note = Shipped(f"x:{era}/{which}", repo, None if is_hole else shas, shas[:third] if is_hole else ())
        store.set_shipped([note])
