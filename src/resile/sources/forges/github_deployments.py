"""Deployments, workflow runs and releases of a repository at GitHub."""

from collections.abc import Generator, Iterator
from datetime import datetime, timedelta

from msgspec import Struct, structs

from resile.model.change import DeploymentReported, DeploymentStatus
from resile.ports.delivery_source import DeliveryReading, ReadUpTo, ReportsRead, Unused
from resile.ports.source import Place, Progress
from resile.sources.doors.body import full_sha
from resile.sources.doors.github_objects import GitHubDeployments
from resile.sources.doors.naming import report_id
from resile.sources.forges.client import WithheldError
from resile.sources.forges.github_repository import Repository
from resile.sources.forges.reading import Listing, decoded, encoded, if_fit, items_of, walked
from resile.sources.forges.rest import RestNode

_PAGE = {"per_page": "100"}
# Each costs a question of its own, and a page is the least that is read anew: small enough for 60 questions an hour.
_DEPLOYMENTS_PAGE = {"per_page": "30"}
_DEPLOYMENTS = "Deployments: read"
_ACTIONS = "Actions: read"
_CONTENTS = "Contents: read"
# A run may take so long, wait so long to be approved, or be run again so long after.
_LONGEST = timedelta(days=35)
# What was carried out may still be said to have failed, for so long.
_SETTLES = timedelta(days=1)
_ENDS = frozenset({"success", "failure", "error", "inactive"})
_RAN = frozenset({"success", "failure", "timed_out"})
_MAX_ATTEMPTS = 100
_MAX_DIGITS = 10
_OPEN_AT_ONCE = 50
_NOT_FOUND = 404


class _Open(Struct):
    """Deployments of which more may be told, by id, with when each was made."""

    made_at: dict[str, datetime] = {}


class _Released(Struct):
    """Ids of the releases that were told of."""

    ids: set[str] = set()


class GitHubDeployed:
    """The streams of what was deployed."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._told = GitHubDeployments(repository.options)

    def deployments(self) -> Iterator[DeliveryReading]:
        """Those made since the last time, and what came of those that were under way."""
        one = self._repository
        known = decoded(one.cursors(one.cursor("deployments:open")), _Open)
        yield from self._under_way(known)
        listing = Listing(
            cursor=one.cursor("deployments"),
            unit="deployments",
            path=f"{one.path}/deployments",
            params=_DEPLOYMENTS_PAGE,
            needs=_DEPLOYMENTS,
            moment=lambda deployment: deployment["created_at"].needed_instant(),
            tell=lambda deployment: self._deployment(deployment, known),
            name=lambda deployment: f"{one.full_name}, deployment {deployment.label('id')}",
            since=one.since,
        )
        yield from walked(one.client, listing, one.cursors)

    def _under_way(self, known: _Open) -> Iterator[DeliveryReading]:
        """Ask again for those of which more may have become known."""
        one = self._repository
        for number in list(known.made_at):
            try:
                answer = yield from one.client.get(f"{one.path}/deployments/{number}", needs=_DEPLOYMENTS)
            except WithheldError as error:
                if error.status != _NOT_FOUND:
                    raise
                del known.made_at[number]
                continue
            yield from if_fit(f"{one.full_name}, deployment {number}", self._deployment(answer.json(), known))
        yield ReadUpTo(one.cursor("deployments:open"), encoded(known))

    def _deployment(self, deployment: RestNode, known: _Open) -> Iterator[DeliveryReading]:
        one = self._repository
        number, made_at = deployment["id"].name(), deployment["created_at"].needed_instant()
        about = f"deployment {number}"
        reports = [*self._told.deployment(one.about(about, {"deployment": deployment.value}), one.told).reports]
        states = set()
        answer = yield from one.client.get(f"{one.path}/deployments/{number}/statuses", _PAGE, needs=_DEPLOYMENTS)
        while True:
            for status in items_of(answer):
                states.add(status["state"].text() or "")
                body = one.about(about, {"deployment": deployment.value, "deployment_status": status.value})
                reports += self._told.deployment_status(body, one.told).reports
            if answer.next_page is None:
                break
            answer = yield from one.client.get(answer.next_page, needs=_DEPLOYMENTS)
        age = one.told["recorded_at"] - made_at
        if age > _LONGEST or (age > _SETTLES and states & _ENDS):
            known.made_at.pop(number, None)
        elif number not in known.made_at:
            known.made_at[number] = made_at
            # Before the list goes on: asked for once more than needed, nothing is lost.
            yield ReadUpTo(one.cursor("deployments:open"), encoded(known))
        yield ReportsRead(tuple(reports))

    def runs(self) -> Iterator[DeliveryReading]:
        """Runs of the workflows that are named as deployments; those of the last weeks may have been run again."""
        one = self._repository
        if not one.options.runs:
            return
        workflows = yield from self._workflows()
        if not workflows:
            names = ", ".join(sorted(one.options.runs))
            yield Unused(Place(one.full_name), f"it has no workflow called {names}; check --run")
        for number in workflows:
            listing = Listing(
                cursor=one.cursor(f"runs:{number}"),
                unit="workflow runs",
                path=f"{one.path}/actions/workflows/{number}/runs",
                params=_PAGE,
                needs=_ACTIONS,
                moment=lambda run: run["created_at"].needed_instant(),
                tell=self._run,
                name=lambda run: f"{one.full_name}, run {run.label('id')}",
                since=one.since,
                field="workflow_runs",
                overlap=_LONGEST,
            )
            yield from walked(one.client, listing, one.cursors)

    def _workflows(self) -> Generator[Progress, None, list[str]]:
        one = self._repository
        found: list[str] = []
        answer = yield from one.client.get(f"{one.path}/actions/workflows", _PAGE, needs=_ACTIONS)
        while True:
            found += [
                workflow["id"].name()
                for workflow in items_of(answer, "workflows")
                if self._told.run_environment(workflow) is not None
            ]
            if answer.next_page is None:
                return found
            answer = yield from one.client.get(answer.next_page, needs=_ACTIONS)

    def _run(self, run: RestNode) -> Iterator[DeliveryReading]:
        one = self._repository
        number = run["id"].name()
        n_attempts = min(_attempt(run["run_attempt"]), _MAX_ATTEMPTS)
        attempts = [run]
        for attempt in range(1, n_attempts):
            answer = yield from one.client.get(f"{one.path}/actions/runs/{number}/attempts/{attempt}", needs=_ACTIONS)
            attempts.append(answer.json())
        reports: list[DeploymentReported] = []
        for told in attempts:
            for action in _actions(told):
                body = one.about(f"run {number}", {"action": action, "workflow_run": told.value})
                reports += self._told.workflow_run(body, one.told).reports  # type: ignore[arg-type]
        yield ReportsRead(tuple(reports))

    def releases(self) -> Iterator[DeliveryReading]:
        """Releases that were not told of so far, with the commits that their tags name."""
        one = self._repository
        if not one.options.counts_releases:
            return
        known = decoded(one.cursors(one.cursor("releases")), _Released)
        told: list[DeploymentReported] = []
        ids: set[str] = set()
        answer = yield from one.client.get(f"{one.path}/releases", _PAGE, needs=_CONTENTS)
        while True:
            for release in items_of(answer):
                number = release["id"].name()
                ids.add(number)
                if number in known.ids:
                    continue
                place = f"{one.full_name}, release {release.label('tag_name')}"
                n_before = len(told)
                for reading in if_fit(place, self._release(release, place)):
                    if isinstance(reading, ReportsRead):
                        told += reading.reports  # type: ignore[arg-type]
                    else:
                        yield reading
                if len(told) == n_before:
                    # It may count later: a prerelease that becomes a release.
                    ids.discard(number)
            if answer.next_page is None:
                break
            answer = yield from one.client.get(answer.next_page, needs=_CONTENTS)
        if told:
            yield ReportsRead(tuple(told))
            commits = yield from self._tagged({one.version or "" for one in told})
            yield ReportsRead(tuple(_with_commit(one, sha) for one in told if (sha := commits.get(one.version or ""))))
        yield ReadUpTo(one.cursor("releases"), encoded(_Released(ids)))

    def _release(self, release: RestNode, place: str) -> Iterator[DeliveryReading]:
        one = self._repository
        at = release["published_at"].instant()
        if one.since is not None and at is not None and at < one.since:
            return
        understood = self._told.release(one.about(place, {"action": "published", "release": release.value}), one.told)
        if understood.unmapped is not None:
            yield Unused(Place(place[:400]), understood.unmapped)
        else:
            yield ReportsRead(understood.reports)

    def _tagged(self, names: set[str]) -> Generator[Progress, None, dict[str, str]]:
        """By tag, the commit that it names."""
        one = self._repository
        found: dict[str, str] = {}
        answer = yield from one.client.get(f"{one.path}/tags", _PAGE, needs=_CONTENTS)
        while True:
            for tag in items_of(answer):
                name, sha = tag["name"].text() or "", full_sha(tag["commit"]["sha"].text() or "")
                if name in names and sha is not None:
                    found[name] = sha
            if answer.next_page is None or len(found) == len(names):
                return found
            answer = yield from one.client.get(answer.next_page, needs=_CONTENTS)


def _attempt(told: RestNode) -> int:
    """Which attempt at a run it is; installations of before it was told have one each."""
    name = told.name() if told.is_told else "1"
    return int(name) if name.isascii() and name.isdigit() and len(name) < _MAX_DIGITS else told.refuse("is no number")


def _actions(run: RestNode) -> Iterator[str]:
    """What webhooks told of a run until it came to where it is."""
    yield "requested"
    status, conclusion = run["status"].text(), run["conclusion"].text()
    if status == "in_progress" or conclusion in _RAN:
        yield "in_progress"
    if status == "completed":
        yield "completed"


def _with_commit(report: DeploymentReported, sha: str) -> DeploymentReported:
    """A second report that adds the commit; the first has the name under which a webhook tells it, without it."""
    return structs.replace(
        report, id=f"{report_id(DeploymentStatus.SUCCEEDED, 'tag')}:{sha}", sha=sha, status=None, title=None, url=None
    )
