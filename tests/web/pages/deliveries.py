"""Some months of deliveries in a real store, with figures that can be counted by hand."""

from datetime import datetime, timedelta

from resile.app.wiring import Resile
from resile.model.change import (
    Commit,
    DeploymentKind,
    DeploymentReported,
    DeploymentStatus,
    PullRequestReported,
    ReviewReported,
    ReviewState,
)
from resile.ports.delivery_store import Shipped

from .conftest import NOW, draft, take_in

REPO = "github.com/acme/shop"


def deployed(
    ref: str, *, days_ago: float, service: str | None = "shop", environment: str | None = "production", **more: object
) -> DeploymentReported:
    """It succeeded so many days ago."""
    told: dict[str, object] = {"status": DeploymentStatus.SUCCEEDED, "version": ref, "by": "token:ci", **more}
    at = NOW - timedelta(days=days_ago)
    return DeploymentReported(
        id=f"{ref}-{told['status']}", at=at, recorded_at=at, origin="test", ref=ref, service=service,
        environment=environment, **told,  # type: ignore[arg-type]
    )  # fmt: skip


def commit(sha: str, at: datetime, subject: str = "Change something") -> Commit:
    """A commit of the repository."""
    return Commit(repo=REPO, sha=sha.ljust(40, "0"), authored_at=at, committed_at=at, subject=subject, author="Ann")


def bring(resile: Resile, deployment: DeploymentReported, *hours_before: float) -> list[Commit]:
    """The commits that a deployment was the first to bring, so many hours before it."""
    made = [
        commit(f"{deployment.ref.encode().hex()}{n}", deployment.at - timedelta(hours=hours))
        for n, hours in enumerate(hours_before)
    ]
    resile.deliveries.add_commits(made)
    resile.deliveries.set_shipped([Shipped(deployment.subject, REPO, tuple(one.sha for one in made))])
    return made


def reviewed(resile: Resile, number: str, one: Commit) -> None:
    """A pull request that brought the commit: opened an hour after it, reviewed and approved after two and three."""
    hour = timedelta(hours=1)
    at = one.committed_at
    told = PullRequestReported(
        id=f"pr-{number}", at=at + 5 * hour, recorded_at=at + 5 * hour, by="door:github", repo=REPO, number=number,
        title=f"Make it better ({number})", author="bob", opened_at=at + hour, merged_at=at + 4 * hour,
        merge_sha=one.sha, commits=(one.sha,), url=f"https://github.com/acme/shop/pull/{number}",
    )  # fmt: skip
    reviews = [
        ReviewReported(
            id=f"review-{number}-{n}", at=at + n * hour, recorded_at=at + n * hour, by="door:github", repo=REPO,
            number=number, reviewer="eve", state=state,
        )
        for n, state in ((2, ReviewState.COMMENTED), (3, ReviewState.APPROVED))
    ]  # fmt: skip
    resile.deliveries.record([told, *reviews])


def some_months(resile: Resile) -> None:
    """40 deployments of shop, of which INC caused one, two of search without commits, one that never succeeded."""
    take_in(
        resile,
        [
            draft("outage", days_ago=50 - 1 / 24, minutes=90, title="Checkout fails", services=("shop",), team="web"),
            draft("other", days_ago=33.4, minutes=20, title="Slow pages", services=("billing",), team="web"),
        ],
    )
    told = [deployed(f"v{n}.0.0", days_ago=2 + 3 * n) for n in range(40)]
    resile.deliveries.record(told)
    for number, one in enumerate(told):
        first, *_ = bring(resile, one, 30, 50)
        if number % 2:
            reviewed(resile, str(number), first)
    resile.deliveries.record(
        [
            deployed("s1", days_ago=20, service="search"),
            deployed("s2", days_ago=10, service="search", unplanned=DeploymentKind.HOTFIX),
            deployed("broken", days_ago=5, status=DeploymentStatus.FAILED),
            deployed("v0-staging", days_ago=3, environment="staging"),
        ]
    )
