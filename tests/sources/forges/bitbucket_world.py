"""A Bitbucket Cloud on this machine with a repository, and stores that it is imported into."""

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from resile.sources.forges.bitbucket import KIND, Bitbucket
from resile.testing.simulated_clock import SimulatedClock
from tests.sources.forges import bitbucket_answers as answers
from tests.sources.forges.bitbucket_server import TOKEN, BitbucketServer
from tests.sources.forges.world import NOW, ForgeWorld

SHOP = "bitbucket.org/acme/shop"


class World(ForgeWorld):
    server: BitbucketServer
    target = "acme/shop"

    @property
    def host(self) -> None:
        """Bitbucket Cloud is at one place alone."""


def made() -> Iterator[World]:
    clock = SimulatedClock(NOW)
    with BitbucketServer(clock) as server:
        server.repositories.append(answers.repository())
        kind = replace(KIND, open=lambda options, clock: Bitbucket(options, clock, api=f"{server.address}/2.0"))
        yield World(kind, server, clock, TOKEN)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 1, 1, hour, minute, tzinfo=UTC)


def filled(world: World) -> World:
    """A repository with one of each."""
    server = world.server
    server.of("commits").extend(
        [answers.commit(answers.HEAD, answers.FIRST, at="2024-01-01T09:00:00+00:00"), answers.commit(answers.FIRST)]
    )
    server.of("environments").append(answers.environment())
    server.of("deployments").append(answers.deployment())
    server.of("pullrequests").append(answers.pull_request())
    server.of("pullrequests/17/activity").extend(
        [
            answers.update("MERGED", "2024-01-01T09:00:00.500000+00:00"),
            answers.said("approval", answers.BOB, "2024-01-01T08:30:00+00:00"),
            answers.comment(3, answers.ANN, "2024-01-01T08:25:00+00:00"),
            answers.said("changes_requested", answers.BOB, "2024-01-01T08:21:00+00:00"),
            answers.comment(2, answers.BOB, "2024-01-01T08:20:30+00:00", is_deleted=True),
            answers.comment(1, answers.BOB, "2024-01-01T08:20:00+00:00"),
            answers.update("OPEN", "2024-01-01T08:00:00+00:00"),
        ]
    )
    server.of("pullrequests/17/commits").append(answers.commit(answers.FIRST))
    server.of("issues").extend([answers.issue(22, "docs"), answers.issue(23, hour=11, state="resolved")])
    server.of("issues/23/changes").extend(
        [
            answers.change(1, "new", "open", "2024-01-01T08:10:00+00:00"),
            answers.change(2, "open", "resolved", "2024-01-01T09:00:00+00:00"),
            answers.change(3, "resolved", "open", "2024-01-01T09:30:00+00:00"),
            answers.change(4, "open", "resolved", "2024-01-01T11:00:00+00:00"),
        ]
    )
    return world
