"""Pull requests of a repository at GitHub, each with its timeline: commits, reviews, and when it was ready."""

from collections.abc import Generator, Iterator
from datetime import datetime

from msgspec import structs

from resile.model.change import ReviewReported
from resile.ports.delivery_source import DeliveryReading, ReportsRead, Unused
from resile.ports.source import Place, Progress
from resile.sources.doors.body import Node
from resile.sources.doors.github_pull_requests import pull_request_report, review_report
from resile.sources.doors.naming import digest
from resile.sources.forges.github_repository import Repository
from resile.sources.forges.reading import Listing, items_of, walked
from resile.sources.forges.rest import RestNode

# Each costs a question of its own, and a page is the least that is read anew: small enough for 60 questions an hour.
_PAGE = {"state": "all", "sort": "updated", "direction": "desc", "per_page": "30"}
_NEEDS = "Pull requests: read"
_MAX_TIMELINE_PAGES = 20
_TOLD = frozenset({"committed", "reviewed", "review_dismissed", "ready_for_review", "convert_to_draft"})


class GitHubPulls:
    """The stream of pull requests."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def read(self) -> Iterator[DeliveryReading]:
        """Those that were touched since the last time."""
        one = self._repository
        listing = Listing(
            cursor=one.cursor("pulls"),
            unit="pull requests",
            path=f"{one.path}/pulls",
            params=_PAGE,
            needs=_NEEDS,
            moment=lambda request: request["updated_at"].needed_instant(),
            tell=self._told,
            name=lambda request: f"{one.full_name}, pull request {request.label('number')}",
            since=one.since,
        )
        return walked(one.client, listing, one.cursors)

    def _told(self, request: RestNode) -> Iterator[DeliveryReading]:
        one = self._repository
        number = request["number"].name()
        body = one.about(f"pull request {number}", {"pull_request": request.value})
        report = pull_request_report(body, one.told, "read")
        events = yield from self._timeline(number)
        committed = [event for event in events if event["event"].text() == "committed"]
        written = [event["author"]["date"].instant() for event in committed]
        report = structs.replace(
            report,
            commits=tuple(sha for event in committed if (sha := event["sha"].sha())),
            first_commit_at=min((at for at in written if at is not None), default=None),
            ready_at=_ready_at(request, events),
        )
        report = structs.replace(report, id=f"{report.id}:{digest(report.commits, report.ready_at)}")
        reviews = self._reviews(body["pull_request"], events)
        yield ReportsRead((report, *reviews))

    def _timeline(self, number: str) -> Generator[Progress | Unused, None, list[RestNode]]:
        one = self._repository
        events: list[RestNode] = []
        answer = yield from one.client.get(f"{one.path}/issues/{number}/timeline", {"per_page": "100"}, needs=_NEEDS)
        for _ in range(_MAX_TIMELINE_PAGES):
            events += [event for event in items_of(answer) if event["event"].text() in _TOLD]
            if answer.next_page is None:
                return events
            answer = yield from one.client.get(answer.next_page, needs=_NEEDS)
        # Bounded, for each page is a question; only robots write so much on one pull request.
        yield Unused(
            Place(f"{one.full_name}, pull request {number}"),
            f"its timeline has more than {_MAX_TIMELINE_PAGES} pages; what was said later is left out",
        )
        return events

    def _reviews(self, request: Node, events: list[RestNode]) -> Iterator[ReviewReported]:
        one = self._repository
        dismissed = {
            event["dismissed_review"]["review_id"].name(): event
            for event in events
            if event["event"].text() == "review_dismissed"
        }
        for event in events:
            if event["event"].text() != "reviewed":
                continue
            end = dismissed.get(event["id"].name())
            said = end["dismissed_review"] if end is not None else event
            states = [(said["state"].needed_text().casefold(), event["submitted_at"])]
            if end is not None:
                states.append(("dismissed", end["created_at"]))
            for state, at in states:
                report = review_report(event, state, at=at, request=request, repo=one.name, told=one.told)
                if report is not None:
                    yield report


def _ready_at(request: Node, events: list[RestNode]) -> datetime | None:
    """When it was last declared ready; when it was opened, where it never was a draft; None for a draft."""
    if request["draft"].flag():
        return None
    declared = [event["created_at"].instant() for event in events if event["event"].text() == "ready_for_review"]
    known = [at for at in declared if at is not None]
    return max(known) if known else request["created_at"].instant()
