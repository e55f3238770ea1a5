"""A GitLab on this machine with a project, and stores that it is imported into."""

from collections.abc import Iterator
from datetime import UTC, datetime

from resile.sources.forges.gitlab import KIND
from resile.testing.simulated_clock import SimulatedClock
from tests.sources.forges import gitlab_answers as answers
from tests.sources.forges.gitlab_server import TOKEN, GitLabServer
from tests.sources.forges.world import NOW, ForgeWorld

HOST = "127.0.0.1"
SHOP = f"{HOST}/acme/platform/shop"


class World(ForgeWorld):
    server: GitLabServer


def made(*, root: str = "") -> Iterator[World]:
    clock = SimulatedClock(NOW)
    server = GitLabServer(clock, root=root)
    with server:
        server.projects.append(answers.project(f"{server.address}{root}"))
        server.groups |= {"acme", "acme/platform"}
        yield World(KIND, server, clock, TOKEN)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 1, 1, hour, minute, tzinfo=UTC)


def filled(world: World) -> World:
    """A project with one of each."""
    server = world.server
    server.of("repository/commits").extend(
        [answers.commit(answers.HEAD, answers.FIRST, at="2024-01-01T09:00:00.000+00:00"), answers.commit(answers.FIRST)]
    )
    server.of("deployments").append(answers.deployment())
    server.of("merge_requests").append(answers.merge_request())
    server.of("merge_requests/17/notes").extend(
        [
            answers.note(1, answers.BOB, "Why two?", "2024-01-01T08:20:00.000Z"),
            answers.note(2, answers.BOB, "requested changes", "2024-01-01T08:21:00.000Z", is_system=True),
            answers.note(3, answers.ANN, "Because.", "2024-01-01T08:25:00.000Z"),
            answers.note(4, answers.BOB, "approved this merge request", "2024-01-01T08:30:00.000Z", is_system=True),
            answers.note(5, answers.BOB, "mentioned in commit a3f0", "2024-01-01T08:31:00.000Z", is_system=True),
        ]
    )
    server.of("merge_requests/17/commits").append(answers.commit(answers.FIRST))
    server.of("labels").extend([{"id": 1, "name": "bug"}, {"id": 2, "name": "Incident"}])
    closed = {"state": "closed", "closed_at": "2024-01-01T11:00:00.400Z"}
    server.of("issues").extend(
        [
            answers.issue(22, "bug"),
            answers.issue(23, "Incident", "severity::2", **closed),
            answers.issue(24, hour=9, issue_type="incident", type="INCIDENT", severity="CRITICAL"),
        ]
    )
    server.of("issues/23/resource_state_events").extend(
        [
            answers.state_event(1, "closed", "2024-01-01T09:00:00.077Z"),
            answers.state_event(2, "reopened", "2024-01-01T09:30:00.077Z"),
            answers.state_event(3, "closed", "2024-01-01T10:59:59.977Z"),
        ]
    )
    return world


def many(world: World, n: int = 7) -> None:
    """So many merge requests, one an hour, and two at the same instant."""
    world.server.max_per_page = 2
    world.server.of("merge_requests").extend(
        answers.merge_request(number, hour=9 + number // 2 * 2) for number in range(n)
    )
