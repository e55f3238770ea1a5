"""What GitHub's webhooks told and what its REST API tells of the same history are one, whichever came first."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from resile.app.deliver import take_in
from resile.app.record_drafts import record_drafts, telling_of
from resile.model.incident import value_of
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.github import open_door
from tests.sources.doors.bodies import RECEIVED, of_github
from tests.sources.forges.github_server import GitHubServer, user
from tests.sources.forges.github_world import GitHubWorld, at, filled

RUNS = {"Deploy": "production"}


def events(server: GitHubServer) -> Iterator[tuple[str, dict[str, Any]]]:
    """The webhooks of the server's history, each with the object as it was at that moment."""
    for deployment in server.deployments:
        yield "deployment", {"action": "created", "deployment": deployment}
        for status in reversed(server.statuses[deployment["id"]]):
            yield "deployment_status", {"action": "created", "deployment": deployment, "deployment_status": status}
    for run in [*server.attempts.values(), *server.runs]:
        yield "workflow_run", {"action": "requested", "workflow_run": run}
        yield "workflow_run", {"action": "in_progress", "workflow_run": run}
        if run["status"] == "completed":
            yield "workflow_run", {"action": "completed", "workflow_run": run}
    for release in server.releases:
        yield "release", {"action": "published", "release": release}
        yield "release", {"action": "released", "release": {**release, "updated_at": release["published_at"]}}
    for pull in server.pulls:
        yield from of_pull(pull, server.timelines[pull["number"]])
    for issue in server.issues:
        opened = {**issue, "state": "open", "closed_at": None, "state_reason": None, "updated_at": issue["created_at"]}
        yield "issues", {"action": "opened", "issue": opened}
        if issue["closed_at"] is not None:
            yield "issues", {"action": "closed", "issue": issue}


def of_pull(pull: dict[str, Any], timeline: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    was_draft = any(event["event"] == "ready_for_review" for event in timeline)
    young = {**pull, "merged_at": None, "closed_at": None, "state": "open", "merge_commit_sha": None}
    opened = {**young, "updated_at": pull["created_at"], "draft": was_draft or pull["draft"]}
    yield "pull_request", {"action": "opened", "pull_request": opened}
    for event in timeline:
        if event["event"] == "ready_for_review":
            ready = {**young, "updated_at": event["created_at"], "draft": False}
            yield "pull_request", {"action": "ready_for_review", "pull_request": ready}
        elif event["event"] == "reviewed":
            then = {**young, "updated_at": event["submitted_at"]}
            said = event if event["state"] != "dismissed" else {**event, "state": "approved"}
            yield "pull_request_review", {"action": "submitted", "pull_request": then, "review": said}
        elif event["event"] == "review_dismissed":
            then = {**young, "updated_at": event["created_at"]}
            review = next(one for one in timeline if one.get("id") == event["dismissed_review"]["review_id"])
            yield "pull_request_review", {"action": "dismissed", "pull_request": then, "review": review}
    if pull["merged_at"] is not None:
        yield "pull_request", {"action": "closed", "pull_request": pull}


def hear(world: GitHubWorld) -> None:
    """Take in everything that the webhooks told."""
    door = open_door(DoorOptions(runs=RUNS))
    for event, body in events(world.server):
        told = door.understand(
            of_github(event, {**body, "repository": world.server.repositories[0], "sender": user("ann")})
        )
        take_in(world.store, told.commits, told.reports)
        tellings = [telling_of(draft, by="door:github", heard_at=RECEIVED) for draft in told.incidents]
        record_drafts(world.timelines, tellings, now=RECEIVED)


def seen(world: GitHubWorld) -> dict[str, Any]:
    """What a reader sees; of incidents without who said so, and when."""
    incidents = {}
    for issue in world.server.issues:
        known = world.incident(issue["number"])
        said = value_of(known.title, ""), value_of(known.severity, None), value_of(known.services, ())
        incidents[issue["number"]] = (*said, *world.phases(issue["number"]))
    return world.state() | {"incidents": incidents}


@pytest.mark.parametrize("order", ["read", "heard, read", "read, heard", "read, heard, read", "heard, read, heard"])
def test_the_same_history_read_and_heard_in_any_order_is_one(order: str) -> None:
    world = GitHubWorld()
    filled(world.server)
    # Opened again and closed again, of which webhooks and API tell the same end.
    world.server.add_issue(26, "Incident", opened=at(9), updated=at(11), state="closed", closed_at=at(11))
    with world.server.forge:
        for step in order.split(", "):
            if step == "heard":
                hear(world)
            else:
                world.take(runs=RUNS)

        assert seen(world) == expected()


def expected() -> dict[str, Any]:
    world = GitHubWorld()
    filled(world.server)
    world.server.add_issue(26, "Incident", opened=at(9), updated=at(11), state="closed", closed_at=at(11))
    with world.server.forge:
        world.take(runs=RUNS)
        return seen(world)


def test_no_report_that_was_heard_is_told_anew() -> None:
    world = GitHubWorld()
    filled(world.server)
    hear(world)
    before = {one: len(world.store.reports_on(one)) for one in world.state()["deployments"]}
    with world.server.forge:
        world.take(runs=RUNS)

    after = {one: len(world.store.reports_on(one)) for one in before}
    # A release's tag names its commit, which webhooks do not tell.
    assert {one for one in after if after[one] != before[one]} == {"github:release:55"}


def test_reviews_are_in_order_of_time() -> None:
    world = GitHubWorld()
    filled(world.server)
    hear(world)
    with world.server.forge:
        world.take()

    reviews = world.pull(17).reviews
    assert len(reviews) == 4
    assert all(one.at <= other.at for one, other in pairwise(reviews))
