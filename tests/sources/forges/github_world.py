"""A server of GitHub's with a history of our own, and a store that it is imported into."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from resile.app.import_deliveries import DeliveryListeners, DeliverySummary, import_deliveries
from resile.model.change import Deployment, PullRequest
from resile.model.incident import Incident, fold
from resile.model.phases import instants
from resile.ports.delivery_source import DeliveryOptions
from resile.ports.delivery_store import DeliveryStore
from resile.ports.source import Progress
from resile.sources.forges.github import KIND
from resile.testing.memory_deliveries import MemoryDeliveryStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock
from tests.sources.forges.github_server import GitHubServer, sha_of, user

NOW = datetime(2024, 3, 20, tzinfo=UTC)


class GitHubWorld:
    def __init__(self, store: DeliveryStore | None = None) -> None:
        self.server = GitHubServer()
        self.store = store or MemoryDeliveryStore()
        self.timelines = MemoryTimelineStore()
        self.clock = SimulatedClock(NOW)
        self.said: list[str] = []

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for."""
        return [asked.path.removeprefix("/api/v3") for asked in self.server.forge.asked]

    def take(
        self,
        path: str = "acme/shop",
        *,
        token: str | None = "t",  # noqa: S107 - of nobody
        **options: Any,
    ) -> DeliverySummary:
        self.server.forge.asked.clear()
        secret = None if token is None else SecretStr(token)
        source = KIND.open(DeliveryOptions(token=secret, **options), self.clock)
        return import_deliveries(
            source,
            f"{self.server.forge.address}/{path}",
            deliveries=self.store,
            timelines=self.timelines,
            clock=self.clock,
            service=options.get("service"),
            listeners=DeliveryListeners(progress=self._listen),
        )

    def _listen(self, progress: Progress) -> None:
        self.said.append(progress.says or f"{progress.done} {progress.unit}")

    def deployment(self, name: str) -> Deployment:
        found = self.store.deployment(name)
        assert found is not None
        return found

    def pull(self, number: int) -> PullRequest:
        found = self.store.pull_request(f"github.com/acme/shop#{number}")
        assert found is not None
        return found

    def incident(self, number: int) -> Incident:
        name = f"github:acme/shop#{number}"
        return fold(name, self.timelines.read(name))

    def phases(self, number: int) -> tuple[datetime | None, datetime | None]:
        """When it was detected, and restored."""
        known = instants(self.incident(number))
        return known.detected and known.detected.at, known.restored and known.restored.at

    def state(self) -> dict[str, Any]:
        """Everything that a reader could see."""
        deployments = {
            one.id: one
            for service, environment in self.store.services()
            for one in self.store.deployments_of(service, environment)
        }
        repo = "github.com/acme/shop"
        numbers = [pull["number"] for pull in self.server.pulls]
        return {
            "deployments": deployments,
            "shipped": dict(self.store.shipped(sorted(deployments))),
            "pulls": {number: self.store.pull_request(f"{repo}#{number}") for number in numbers},
            "commits": dict(self.store.commits(repo, [commit["sha"] for commit in self.server.commits])),
            "incidents": {one["number"]: self.incident(one["number"]) for one in self.server.issues},
        }


def at(day: int, hour: int = 0, minute: int = 0) -> str:
    return f"2024-03-{day:02d}T{hour:02d}:{minute:02d}:00Z"


def when(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2024, 3, day, hour, minute, tzinfo=UTC)


def filled(server: GitHubServer) -> None:
    """Two weeks of a shop: five commits, three pull requests, deployments of three kinds, an incident."""
    server.add_commit("a", at=at(1))
    server.add_commit("b", "a", at=at(2))
    server.add_commit("c", "a", at=at(3))
    server.add_commit("d", "b", "c", at=at(4), message='Merge "cart"\n\nwith all of it')
    server.add_commit("e", "d", at=at(6), message=f"Revert it\n\nThis reverts commit {sha_of('c')}.")
    server.add_pull(17, opened=at(1, 10), updated=at(3, 12), merged=at(3, 12))
    server.timelines[17] = [
        committed("c1", at(1, 8)),
        committed("c2", at(1, 9)),
        {"id": 1, "event": "labeled", "created_at": at(1, 11), "label": {"name": "x"}},
        {"id": 2, "event": "ready_for_review", "actor": user("ann"), "created_at": at(1, 12)},
        reviewed(8001, "bob", "commented", at(2, 9)),
        reviewed(8002, "ann", "commented", at(2, 10)),
        reviewed(8003, "bob", "dismissed", at(2, 11)),
        {
            "id": 3,
            "event": "review_dismissed",
            "actor": user("ann"),
            "created_at": at(2, 12),
            "dismissed_review": {"state": "approved", "review_id": 8003, "dismissal_message": "again"},
        },
        reviewed(8004, "carol", "approved", at(3, 11)),
    ]
    server.add_pull(18, opened=at(4), updated=at(5), body="Reverts acme/shop#17")
    server.add_pull(19, opened=at(6), updated=at(6), draft=True)
    success = (("queued", at(4, 10)), ("in_progress", at(4, 10, 1)), ("success", at(4, 10, 5)))
    server.add_deployment(81, at(4, 10), *success, sha=sha_of("d"))
    server.add_deployment(80, at(2, 10), ("success", at(2, 10, 5)), sha=sha_of("b"), ref="main", environment="staging",
                          production_environment=False)  # fmt: skip
    server.statuses[80][0]["environment"] = "staging"
    server.add_deployment(82, at(6, 10), ("failure", at(6, 10, 5)), sha=sha_of("e"), ref="main", task="deploy:rollback")
    server.add_deployment(83, at(7, 10), ("success", at(7, 10, 5)), ("inactive", at(8)), sha=sha_of("e"), ref="main")
    server.workflows = [
        {"id": 44, "name": "Deploy", "path": ".github/workflows/deploy.yml", "state": "active"},
        {"id": 45, "name": "Test", "path": ".github/workflows/test.yml", "state": "active"},
    ]
    first = run(6001, 1, "failure", at(9, 10), at(9, 10, 5))
    server.attempts[6001, 1] = first
    server.runs = [
        run(6001, 2, "success", at(9, 11), at(9, 11, 5), created=at(9, 10)),
        run(6002, 1, None, at(19), at(19)),
    ]
    server.releases = [
        release(55, "v1.4.2", at(4), at(5, 10)),
        release(56, "v1.5.0-rc.1", at(6), at(6, 10), prerelease=True),
    ]
    server.tags = [{"name": "v1.4.2", "commit": {"sha": sha_of("d")}}, {"name": "v1.0", "commit": {"sha": sha_of("a")}}]
    server.labels = [{"id": 1, "name": "incident"}, {"id": 2, "name": "bug"}]
    server.add_issue(23, "incident", "severity:1", "service:api", opened=at(6, 11), updated=at(6, 13), state="closed",
                     closed_at=at(6, 12), state_reason="completed")  # fmt: skip
    server.add_issue(24, "bug", opened=at(7), updated=at(7))
    server.add_issue(25, "incident", opened=at(8), updated=at(8))


def committed(name: str, written: str) -> dict[str, Any]:
    who = {"name": "Ann", "email": "ann@example.org", "date": written}
    return {"sha": sha_of(name), "author": who, "committer": who, "message": "x", "parents": [], "event": "committed"}


def reviewed(number: int, login: str, state: str, said: str) -> dict[str, Any]:
    return {
        "id": number,
        "user": user(login),
        "body": "",
        "state": state,
        "html_url": f"https://github.com/acme/shop/pull/17#pullrequestreview-{number}",
        "submitted_at": said,
        "commit_id": sha_of("c2"),
        "event": "reviewed",
    }


def run(number: int, attempt: int, conclusion: str | None, started: str, updated: str, *, created: str | None = None):
    return {
        "id": number,
        "name": "Deploy",
        "path": ".github/workflows/deploy.yml@main",
        "head_branch": "main",
        "head_sha": sha_of("e"),
        "display_title": "Cart in two steps",
        "run_number": 12,
        "run_attempt": attempt,
        "event": "push",
        "status": "in_progress" if conclusion is None else "completed",
        "conclusion": conclusion,
        "workflow_id": 44,
        "html_url": f"https://github.com/acme/shop/actions/runs/{number}",
        "created_at": created or started,
        "run_started_at": started,
        "updated_at": updated,
    }


def release(number: int, tag: str, created: str, published: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "html_url": f"https://github.com/acme/shop/releases/tag/{tag}",
        "tag_name": tag,
        "target_commitish": "main",
        "name": tag,
        "draft": False,
        "prerelease": False,
        "author": user("ann"),
        "created_at": created,
        "published_at": published,
        "assets": [],
        "body": "",
        **more,
    }


def later(days: int) -> timedelta:
    return timedelta(days=days)
