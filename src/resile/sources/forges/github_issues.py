"""Issues of a repository at GitHub that a label makes incidents."""

from collections.abc import Generator, Iterator

from resile.ports.delivery_source import DeliveryReading, IncidentsRead
from resile.ports.source import Progress
from resile.sources.doors.github_issues import incident_of
from resile.sources.doors.naming import digest, fits
from resile.sources.forges.github_repository import Repository
from resile.sources.forges.reading import Listing, items_of, walked
from resile.sources.forges.rest import RestNode

_NEEDS = "Issues: read"
_PAGE = {"state": "all", "sort": "updated", "direction": "desc", "per_page": "100"}


class GitHubIncidents:
    """The stream of issues with a label of incidents; each label is a list of its own."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def read(self) -> Iterator[DeliveryReading]:
        """Those that were touched since the last time."""
        one = self._repository
        labels = yield from self._labels()
        for label in labels:
            listing = Listing(
                cursor=one.cursor(f"issues:{digest(label.casefold())}"),
                unit="issues",
                path=f"{one.path}/issues",
                params={**_PAGE, "labels": label},
                needs=_NEEDS,
                moment=lambda issue: issue["updated_at"].needed_instant(),
                tell=self._told,
                name=lambda issue: f"{one.full_name}, issue {issue.label('number')}",
                since=one.since,
            )
            yield from walked(one.client, listing, one.cursors)

    def _labels(self) -> Generator[Progress, None, list[str]]:
        """The repository's labels that the patterns name; without a pattern among them nobody need be asked."""
        one = self._repository
        patterns = one.options.incident_labels
        plain = [pattern for pattern in patterns if not set("*?") & set(pattern)]
        if len(plain) == len(patterns):
            return plain
        found: list[str] = []
        answer = yield from one.client.get(f"{one.path}/labels", {"per_page": "100"}, needs=_NEEDS)
        while True:
            names = (label["name"].text() for label in items_of(answer))
            found += [name for name in names if name and fits(name, patterns)]
            if answer.next_page is None:
                return found
            answer = yield from one.client.get(answer.next_page, needs=_NEEDS)

    def _told(self, issue: RestNode) -> Iterator[DeliveryReading]:
        # Every pull request is an issue too.
        if issue["pull_request"].is_told:
            return
        yield IncidentsRead((incident_of(issue, self._repository.node, self._repository.naming),))
