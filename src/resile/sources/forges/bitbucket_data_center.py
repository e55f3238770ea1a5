"""One repository of a Bitbucket Data Center: commits, tags and pull requests, which is what it can list."""

from collections.abc import Generator, Iterator, Mapping
from datetime import datetime
from functools import partial

from resile.model.change import (
    ChangeReport,
    Commit,
    DeploymentReported,
    DeploymentStatus,
    PullRequestReported,
    ReviewReported,
    ReviewState,
)
from resile.model.time import EARLIEST, LATEST, from_us
from resile.ports.delivery_source import DeliveryReading, ReadUpTo, Unused
from resile.ports.source import Progress, Remark
from resile.sources.doors.body import MAX_TITLE, Node, full_sha
from resile.sources.doors.naming import (
    PRODUCTION,
    bounded_ref,
    commits_reverted,
    last_segment,
    origin_of,
    report_id,
    repository_of,
)
from resile.sources.forges.asked import Asked
from resile.sources.forges.client import Answer, Asking, ForgeClient
from resile.sources.forges.commits import Branch, Page, author_of, read_branch, subject_of
from resile.sources.forges.fit import Tells, cut_at, readings_of, told_or_unused, unless_gone
from resile.sources.forges.named import named
from resile.sources.forges.newest import Began, NewestFirst
from resile.sources.forges.reading import encoded, if_granted
from resile.sources.forges.rest import RestNode
from resile.sources.forges.tags import Tags, tags_known, unreleased
from resile.sources.git_repo import clone_cursor

_PER_PAGE = "100"
_MAX_LISTED = 2_000
_ORIGIN = "bitbucket"
_US_PER_MS = 1_000
_SAID = {
    "APPROVED": ReviewState.APPROVED,
    "UNAPPROVED": ReviewState.DISMISSED,
    # "Needs work", as its button says.
    "REVIEWED": ReviewState.CHANGES_REQUESTED,
}


class DataCenterRepository:
    """Reads one repository.

    Args:
        node: as GET /projects/{projectKey}/repos/{repositorySlug} gives it.
    """

    def __init__(self, client: ForgeClient, node: RestNode, asked: Asked) -> None:
        self._client = client
        self._options = asked.options
        self._told = asked.told
        self._cursors = asked.cursors
        key, slug = node["project"]["key"].needed_text(), node["slug"].needed_text()
        path = f"{key}/{slug}"
        clone = _link(node["links"]["clone"], "http") or _link(node["links"]["clone"], "https")
        page = _link(node["links"]["self"], None)
        self._origin = origin_of(page or clone, public_host="", name=_ORIGIN)
        # As a clone of it calls its remote, so that the two are one.
        self._repo = repository_of(clone) or path
        self._page = page.removesuffix("/browse") if page else None
        self._service = asked.naming.service(path, node["name"].text(), otherwise=last_segment(path))
        self._path = f"projects/{key}/repos/{slug}"
        self._name = f"bitbucket:{self._origin}:{node['id'].name()}"

    def readings(self) -> Iterator[DeliveryReading]:
        """Every stream in turn; one that is withheld leaves the others alone."""
        streams = {"commits": self._commits(), "tags": self._tags(), "pull requests": self._pull_requests()}
        for what, stream in streams.items():
            yield from if_granted(f"{what} of {self._repo}", stream)

    def _commits(self) -> Iterator[DeliveryReading]:
        if self._cursors(clone_cursor(self._repo)) is not None:
            yield Remark(f"commits of {self._repo} are not read: its clone was imported, which has them all")
            return
        answer = yield from self._asked("commits", {"limit": "1"})
        newest = next((node["id"].sha() for node in _values(answer)), None)
        if newest is None:
            return

        def ask(branch: Branch) -> Generator[Progress, None, Page]:
            since = {"since": branch.head} if branch.head else {}
            start = {"start": branch.address} if branch.address else {}
            answer = yield from self._asked("commits", {"until": branch.goal, "limit": _PER_PAGE, **since, **start})
            return Page(list(_values(answer)), _start(answer))

        tell = partial(_commit, repo=self._repo)
        yield from read_branch(
            f"{self._name}:commits", self._cursors, newest, ask, tell, place=f"commit of {self._repo}"
        )

    def _tags(self) -> Iterator[DeliveryReading]:
        """Tags that are versions, as releases; they have no time but that of their commit."""
        if not self._options.counts_releases:
            return
        name = f"{self._name}:tags"
        known = tags_known(self._cursors(name), self._options.since)
        now: dict[str, str] = {}
        told: list[Tells] = []
        for node in (yield from self._listed("tags", {"orderBy": "ALPHABETICAL"}, limit=None)):
            tag, sha = node.label("displayId"), node["latestCommit"].sha() or ""
            now[tag] = sha
            if known.known.get(tag) != sha:
                one = yield from self._tag(tag, sha, known)
                told.append(one)
        yield from readings_of(told)
        yield ReadUpTo(name, encoded(Tags(now, known.since)))

    def _tag(self, tag: str, sha: str, known: Tags) -> Generator[Progress | Unused, None, Tells]:
        unused = unreleased(tag, service=self._service, repo=self._repo)
        if unused is not None:
            return unused
        commit = (yield from self._asked(f"commits/{sha}", None)).json()

        def release() -> tuple[ChangeReport, ...]:
            at = _instant(commit["committerTimestamp"])
            return () if known.is_early(at) else self._release(tag, sha, at)

        return told_or_unused(f"tag {tag}", release)

    def _release(self, tag: str, sha: str, at: datetime) -> tuple[ChangeReport, ...]:
        report = DeploymentReported(
            id=report_id(DeploymentStatus.SUCCEEDED, "released"),
            at=at,
            origin=self._origin,
            ref=bounded_ref(f"release:{self._repo}:{tag}"),
            status=DeploymentStatus.SUCCEEDED,
            service=self._service,
            environment=PRODUCTION,
            version=tag,
            repo=self._repo,
            sha=sha,
            url=self._page,
            **self._told,
        )
        return (report,)

    def _pull_requests(self) -> Iterator[DeliveryReading]:
        def began(node: RestNode) -> Began:
            has_ended = node["state"].text() != "OPEN"
            return Began(node, node["id"].name(), _instant(node["updatedDate"]), has_ended)

        def ask(start: str) -> Generator[Progress, None, tuple[list[Began], str | None]]:
            params = {"state": "ALL", "order": "NEWEST", "limit": _PER_PAGE, **({"start": start} if start else {})}
            answer = yield from self._asked("pull-requests", params)
            return [began(node) for node in _values(answer)], _start(answer)

        def ask_one(number: str) -> Generator[Progress, None, Began]:
            return began((yield from self._asked(f"pull-requests/{number}", None)).json())

        def tell(nodes: list[RestNode]) -> Iterator[DeliveryReading]:
            told: list[Tells] = []
            for node in nodes:
                what = f"pull request {node.label('id')} of {self._repo}"
                one = yield from unless_gone(what, self._pull_request(node))
                told.append(one)
            yield from readings_of(told)

        cursor = f"{self._name}:pull-requests"
        listed = NewestFirst(cursor=cursor, ask=ask, ask_one=ask_one, tell=tell, earliest=self._options.since)
        yield from listed.readings(self._cursors)

    def _pull_request(self, node: RestNode) -> Generator[Progress | Unused, None, Tells]:
        place = f"pull-requests/{node['id'].name()}"
        activities = yield from self._listed(f"{place}/activities", {})
        commits = yield from self._listed(f"{place}/commits", {})
        tell = partial(self._told_by, node, activities, commits)
        return told_or_unused(f"pull request {node.label('id')} of {self._repo}", tell)

    def _told_by(self, node: RestNode, activities: list[RestNode], commits: list[RestNode]) -> tuple[ChangeReport, ...]:
        number, author = node["id"].name(), node["author"]["user"]
        ended_at = None if node["state"].text() == "OPEN" else _instant(node["closedDate"])
        merged_at = ended_at if node["state"].text() == "MERGED" else None
        merges = [one["commit"]["id"].sha() for one in activities if one["action"].text() == "MERGED"]
        merge_sha = node["properties"]["mergeCommit"]["id"].sha() or next(iter(merges), None)
        opened_at = _instant(node["createdDate"])
        report = PullRequestReported(
            id="",
            at=_instant(node["updatedDate"]),
            repo=self._repo,
            number=number,
            title=node["title"].text(MAX_TITLE),
            author=author["name"].text(),
            opened_at=opened_at,
            ready_at=None if node["draft"].flag() else opened_at,
            merged_at=merged_at,
            closed_at=ended_at,
            merge_sha=merge_sha if merged_at is not None else None,
            head_sha=node["fromRef"]["latestCommit"].sha(),
            commits=tuple(sha for one in commits if (sha := one["id"].sha())),
            first_commit_at=min((_instant(one["authorTimestamp"]) for one in commits), default=None),
            url=_link(node["links"]["self"], None),
            **self._told,
        )
        return named(report), *self._reviews(number, author, activities)

    def _reviews(self, number: str, author: Node, activities: list[RestNode]) -> list[ReviewReported]:
        reviews: list[ReviewReported] = []
        for one in activities:
            action, user = one["action"].text() or "", one["user"]
            is_comment = action == "COMMENTED" and one["commentAction"].text() == "ADDED"
            state = ReviewState.COMMENTED if is_comment else _SAID.get(action)
            if state is None or user["id"].value == author["id"].value:
                continue
            reviews.append(
                ReviewReported(
                    id=f"activity:{one['id'].name()}",
                    at=_instant(one["createdDate"]),
                    repo=self._repo,
                    number=number,
                    reviewer=user["name"].text() or "ghost",
                    state=state,
                    **self._told,
                )
            )
        return sorted(reviews, key=lambda review: (review.at, review.id))

    def _listed(
        self, place: str, params: Mapping[str, str], *, limit: int | None = _MAX_LISTED
    ) -> Generator[Progress | Unused, None, list[RestNode]]:
        """All of what stands at a place; where it is cut, that is said."""
        found: list[RestNode] = []
        start: str | None = "0"
        while start is not None and (limit is None or len(found) < limit):
            answer = yield from self._asked(place, {"limit": _PER_PAGE, "start": start, **params})
            found += _values(answer)
            start = _start(answer)
        if start is not None and limit is not None:
            yield cut_at(limit, f"{place} of {self._repo}")
        return found

    def _asked(self, place: str, params: Mapping[str, str] | None) -> Asking:
        return self._client.get(f"{self._path}/{place}", params, needs="the right to read the repository")


def _values(answer: Answer) -> Iterator[RestNode]:
    return answer.json()["values"].needed().items()


def _start(answer: Answer) -> str | None:
    """Where the next page begins; None: that was the last."""
    page = answer.json()
    return None if page["isLastPage"].flag() or not page["nextPageStart"].is_told else page["nextPageStart"].name()


def _link(links: Node, name: str | None) -> str | None:
    """The address of that name, or the first."""
    found = (one for one in links.items() if name is None or one["name"].text() == name)
    return next((address for one in found if (address := one["href"].url()) is not None), None)


def _instant(node: Node) -> datetime:
    """A time, told in milliseconds since 1970."""
    value = node.needed().value
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 1 << 45:
        node.refuse("is no time in milliseconds")
    at = from_us(value * _US_PER_MS)
    return at if EARLIEST <= at <= LATEST else node.refuse("is no time from 1900 to 2200")


def _commit(node: Node, repo: str) -> Commit:
    """A commit with its parents.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    message = node["message"].raw_text() or ""
    parents = (parent["id"].raw_text() or "" for parent in node["parents"].items())
    return Commit(
        repo=repo,
        sha=node["id"].sha() or node["id"].refuse("is no full id of a commit"),
        parents=tuple(sha for one in parents if (sha := full_sha(one))),
        authored_at=_instant(node["authorTimestamp"]),
        committed_at=_instant(node["committerTimestamp"]),
        subject=subject_of(message),
        author=author_of(node["author"]["name"].raw_text()),
        reverts=commits_reverted(message),
    )
