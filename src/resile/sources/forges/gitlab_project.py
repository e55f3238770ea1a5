"""One project of GitLab, stream by stream: commits, deployments, pipelines, releases, merge requests, incidents."""

from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial

from resile.model.change import ChangeReport
from resile.model.draft import Draft
from resile.model.time import format_instant
from resile.ports.delivery_source import (
    DeliveryReading,
    ReadUpTo,
    ReportsRead,
    Unused,
)
from resile.ports.source import Progress, Remark
from resile.sources.doors.gitlab_issues import is_of_type, labels_of
from resile.sources.doors.gitlab_objects import environment_of, pipeline_report, project_of, release_report
from resile.sources.doors.issues import is_incident
from resile.sources.doors.naming import PRODUCTION, digest, fits
from resile.sources.forges import gitlab_mapping as mapping
from resile.sources.forges.asked import Asked
from resile.sources.forges.client import ForgeClient, WithheldError
from resile.sources.forges.commits import Branch, Page, read_branch
from resile.sources.forges.fit import Tells, cut_at, readings_of, told_or_unused, unless_gone
from resile.sources.forges.production import ToProduction
from resile.sources.forges.reading import Listing, decoded, encoded, if_granted, walked
from resile.sources.forges.rest import RestNode
from resile.sources.forges.since import ChangeWalk, Since, items_of
from resile.sources.git_repo import clone_cursor

_RIGHT = "read_api"
_PER_PAGE = "100"
# Notes of a merge request, events of an issue: what lies beyond is hardly by people.
_MAX_LISTED = 2_000
# Each branch may have an environment of its own, and a project has the labels of all groups above it.
_MAX_NAMES = 20_000

Tell = Callable[[RestNode], Generator[Progress | Unused, None, Tells]]


class GitLabProject:
    """Reads one project.

    Args:
        node: as GET /projects/:id gives it.
    """

    def __init__(self, client: ForgeClient, node: RestNode, asked: Asked) -> None:
        self._client = client
        self._node = node
        self._options = asked.options
        self._naming = asked.naming
        self._told = asked.told
        self._cursors = asked.cursors
        self._project = project_of(node, asked.naming)
        number = node["id"].name()
        self._path = f"projects/{number}"
        # By its number: moved to another group, it is read on from where it was.
        self._name = f"gitlab:{self._project.origin}:{number}"
        # Tiers of environments by name; None: not asked for so far.
        self._tiers: dict[str, str | None] | None = None

    def readings(self) -> Iterator[DeliveryReading]:
        """Every stream in turn; one that is withheld leaves the others alone."""
        to_production = ToProduction(self._project.repo)
        streams = {
            "commits": self._commits(),
            "deployments": to_production.heard("deployments", self._deployments()),
            "pipelines": to_production.heard("pipelines", self._pipelines()),
            "releases": to_production.heard("releases", self._releases()),
            "merge requests": self._merge_requests(),
            "incidents": self._incidents(),
        }
        for what, stream in streams.items():
            yield from if_granted(f"{what} of {self._project.repo}", stream)
        yield from to_production.remarks()

    def _commits(self) -> Iterator[DeliveryReading]:
        branch, place = self._node["default_branch"].text(), f"{self._path}/repository/commits"
        if branch is None:
            return
        if self._cursors(clone_cursor(self._project.repo)) is not None:
            yield Remark(f"commits of {self._project.repo} are not read: its clone was imported, which has them all")
            return
        answer = yield from self._client.get(place, {"ref_name": branch, "per_page": "1"}, needs=_RIGHT)
        newest = next((node["id"].sha() for node in answer.json().items()), None)
        if newest is None:
            return

        def ask(branch: Branch) -> Generator[Progress, None, Page]:
            span = f"{branch.head}..{branch.goal}" if branch.head else branch.goal
            params = None if branch.address else {"ref_name": span, "per_page": _PER_PAGE}
            answer = yield from self._client.get(branch.address or place, params, needs=_RIGHT)
            return Page(list(answer.json().items()), answer.next_page)

        tell = partial(mapping.commit, repo=self._project.repo)
        name, what = f"{self._name}:commits", f"commit of {self._project.repo}"
        yield from read_branch(name, self._cursors, newest, ask, tell, place=what)

    def _deployments(self) -> Iterator[DeliveryReading]:
        def tell(node: RestNode) -> Generator[Progress | Unused, None, Tells]:
            environment = yield from self._environment(node["environment"])
            return self._tell("deployment", node, mapping.deployment, self._project, self._told, environment)

        yield from self._walked("deployments", "deployments", {}, tell)

    def _environment(self, environment: RestNode) -> Generator[Progress | Unused, None, str | None]:
        """What an environment is called; a deployment does not tell its tier."""
        name = environment["name"].text()
        if name is None or self._naming.environment(name) == PRODUCTION:
            return self._naming.environment(name)
        if self._tiers is None:
            # Once: of those that were deleted since, such as a branch's own, nothing is told any more.
            try:
                found = yield from self._listed("environments", {}, limit=_MAX_NAMES)
            except WithheldError:
                found = []
            self._tiers = {one.label("name"): one["tier"].text() for one in found}
        return environment_of(name, self._tiers.get(name), self._naming)

    def _pipelines(self) -> Iterator[DeliveryReading]:
        if not self._options.runs:
            return

        def tell(node: RestNode) -> Generator[Progress | Unused, None, Tells]:
            environment = self._naming.run_environment(node["name"].text())
            if environment is None:
                return ()
            # When it ended is told by the pipeline alone.
            answer = yield from self._client.get(f"{self._path}/pipelines/{node['id'].name()}", needs=_RIGHT)
            return self._tell("pipeline", answer.json(), self._told_by_pipeline, environment)

        asked = digest(sorted(self._options.runs.items()))
        yield from self._walked("pipelines", "pipelines", {}, tell, asked=asked)

    def _releases(self) -> Iterator[DeliveryReading]:
        if not self._options.counts_releases:
            return

        def tell(node: RestNode) -> Iterator[DeliveryReading]:
            yield ReportsRead(self._told_by_release(node))

        listing = Listing(
            cursor=f"{self._name}:releases",
            unit="releases",
            path=f"{self._path}/releases",
            params={"order_by": "created_at", "sort": "desc", "per_page": _PER_PAGE},
            needs=_RIGHT,
            moment=lambda node: node["created_at"].needed_instant(),
            tell=tell,
            name=lambda node: f"release {node.label('tag_name')} of {self._project.repo}",
            since=self._options.since,
        )
        yield from walked(self._client, listing, self._cursors)

    def _told_by_release(self, node: RestNode) -> tuple[ChangeReport, ...]:
        found = release_report(self._project, self._told, node, tag=node["tag_name"], url=node["_links"]["self"].url())
        if found is None:
            node["tag_name"].refuse(
                f"is {node['tag_name'].text()!r}, a prerelease, which is not deployed to production"
            )
        return (found,)

    def _merge_requests(self) -> Iterator[DeliveryReading]:
        def tell(node: RestNode) -> Generator[Progress | Unused, None, Tells]:
            place = f"merge_requests/{node['iid'].name()}"
            notes = yield from self._listed(f"{place}/notes", {"sort": "asc", "order_by": "created_at"})
            commits = yield from self._listed(f"{place}/commits", {})
            return self._tell("merge request", node, mapping.merge_request, notes, commits, self._project, self._told)

        yield from self._walked("merge requests", "merge_requests", {"scope": "all", "state": "all"}, tell)

    def _incidents(self) -> Iterator[DeliveryReading]:
        """Issues of type incident, and those with each label that says so."""
        found = yield from self._listed("labels", {}, limit=_MAX_NAMES)
        names = sorted({name for label in found if (name := label["name"].text())})
        labels = [name for name in names if fits(name, self._options.incident_labels)]

        def tell(node: RestNode) -> Generator[Progress | Unused, None, Tells]:
            # A GitLab of before 13.12 does not mind the type.
            if not is_of_type(node) and not is_incident(labels_of(node["labels"]), self._options.incident_labels):
                return ()
            events = yield from self._listed(f"issues/{node['iid'].name()}/resource_state_events", {})
            return self._tell("issue", node, lambda issue: (mapping.incident(issue, events, self._project),))

        asked = [{"issue_type": "incident"}, *({"labels": label} for label in labels)]
        for params in asked:
            word = next(iter(params.values()))
            yield from self._walked(
                "incidents", "issues", {"scope": "all", **params}, tell, stream=f"issues:{next(iter(params))}:{word}"
            )

    def _walked(
        self, what: str, place: str, params: Mapping[str, str], tell: Tell, *, stream: str = "", asked: str = ""
    ) -> Iterator[DeliveryReading]:
        """A list in order of the last change, from where the last reading ended; each page is a place to go on."""
        name = f"{self._name}:{stream or place}"
        walk = ChangeWalk(decoded(self._cursors(name), Since), asked=asked, earliest=self._options.since)
        n_read = 0
        while not walk.is_over:
            since = {} if walk.since is None else {"updated_after": format_instant(walk.since)}
            asked_for = _page(walk.page, order_by="updated_at", sort="asc", **since, **params)
            answer = yield from self._client.get(f"{self._path}/{place}", asked_for, needs=_RIGHT)
            page, unused = items_of(
                answer.json().items(), changed="updated_at", place=f"{what} of {self._project.repo}"
            )
            yield from unused
            fresh = walk.fresh(page, is_last=answer.next_page is None)
            told: list[Tells] = []
            for item in fresh:
                named = f"{what[:-1]} {item.node.label('iid')} of {self._project.repo}"
                one = yield from unless_gone(named, tell(item.node))
                told.append(one)
            yield from readings_of(told)
            n_read += len(fresh)
            if fresh:
                yield Progress(n_read, None, what)
            yield ReadUpTo(name, encoded(walk.cursor))

    def _tell(
        self, what: str, node: RestNode, tell: Callable[..., tuple[ChangeReport | Draft, ...]], *more: object
    ) -> Tells:
        """What an item tells; where a field of it is not as it should be, why it is left out."""
        return told_or_unused(f"{what} of {self._project.repo}", partial(tell, node, *more))

    def _told_by_pipeline(self, node: RestNode, environment: str) -> tuple[ChangeReport, ...]:
        url = node["web_url"].url()
        found = pipeline_report(self._project, self._told, node, environment=environment, title=None, url=url)
        return () if found is None else (found,)

    def _listed(
        self, place: str, params: Mapping[str, str], *, limit: int = _MAX_LISTED
    ) -> Generator[Progress | Unused, None, list[RestNode]]:
        """All of what stands under something, such as the notes of a merge request; where it is cut, that is said."""
        found: list[RestNode] = []
        address: str | None = f"{self._path}/{place}"
        asked: Mapping[str, str] | None = {"per_page": _PER_PAGE, **params}
        while address is not None and len(found) < limit:
            answer = yield from self._client.get(address, asked, needs=_RIGHT)
            found += answer.json().items()
            address, asked = answer.next_page, None
        if address is not None:
            yield cut_at(limit, f"{place} of {self._project.repo}")
        return found


def _page(number: int, **params: str) -> dict[str, str]:
    page = {} if number == 1 else {"page": str(number)}
    return {"per_page": _PER_PAGE, **params, **page}
