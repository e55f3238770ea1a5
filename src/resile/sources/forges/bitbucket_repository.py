"""One repository of Bitbucket Cloud: commits, deployments, pipelines, tags, pull requests, incidents."""

from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import datetime
from functools import partial

from resile.ports.delivery_source import DeliveryReading, ReadUpTo, Unused
from resile.ports.source import Progress, Remark
from resile.sources.doors.body import full_sha
from resile.sources.doors.issues import is_incident
from resile.sources.doors.naming import digest
from resile.sources.forges import bitbucket_mapping as mapping
from resile.sources.forges.asked import Asked
from resile.sources.forges.client import Answer, Asking, ForgeClient, WithheldError
from resile.sources.forges.commits import Branch, Page, read_branch
from resile.sources.forges.fit import Tells, cut_at, readings_of, told_or_unused, unless_gone
from resile.sources.forges.newest import Began, Known, NewestFirst
from resile.sources.forges.reading import decoded, encoded, if_granted
from resile.sources.forges.rest import RestNode
from resile.sources.forges.since import ChangeWalk, Since, items_of
from resile.sources.forges.tags import Tags, tags_known, unreleased
from resile.sources.git_repo import clone_cursor

_PER_PAGE = "100"
# Bitbucket gives no more pull requests, and of what happened to one, at once.
_FEW_PER_PAGE = "50"
_MAX_LISTED = 2_000
_STATES = "state=OPEN&state=MERGED&state=DECLINED&state=SUPERSEDED"


class BitbucketRepository:
    """Reads one repository.

    Args:
        node: as GET /repositories/{workspace}/{repo_slug} gives it.
    """

    def __init__(self, client: ForgeClient, node: RestNode, asked: Asked) -> None:
        self._client = client
        self._node = node
        self._options = asked.options
        self._naming = asked.naming
        self._told = asked.told
        self._cursors = asked.cursors
        self._repository = mapping.repository(node, asked.naming)
        self._path = f"repositories/{self._repository.path}"
        # By its uuid: renamed, it is read on from where it was.
        self._name = f"bitbucket:{self._repository.uuid}"
        self._full: dict[str, str | None] = {}

    def readings(self) -> Iterator[DeliveryReading]:
        """Every stream in turn; one that is withheld leaves the others alone."""
        streams = {
            "commits": self._commits(),
            "deployments": self._deployments(),
            "pipelines": self._pipelines(),
            "tags": self._tags(),
            "pull requests": self._pull_requests(),
            "incidents": self._incidents(),
        }
        for what, stream in streams.items():
            yield from if_granted(f"{what} of {self._repository.repo}", stream)

    def _commits(self) -> Iterator[DeliveryReading]:
        branch, repo = self._node["mainbranch"]["name"].text(), self._repository.repo
        if branch is None:
            return
        if self._cursors(clone_cursor(repo)) is not None:
            yield Remark(f"commits of {repo} are not read: its clone was imported, which has them all")
            return
        answer = yield from self._asked("commits", {"include": branch, "pagelen": "1"}, "repository")
        newest = next((node["hash"].sha() for node in _values(answer)), None)
        if newest is None:
            return

        def ask(branch: Branch) -> Generator[Progress, None, Page]:
            excluded = {"exclude": branch.head} if branch.head else {}
            params = None if branch.address else {"include": branch.goal, "pagelen": _PER_PAGE, **excluded}
            answer = yield from self._asked(branch.address or "commits", params, "repository")
            return Page(list(_values(answer)), _next(answer))

        tell = partial(mapping.commit, repo=repo)
        yield from read_branch(f"{self._name}:commits", self._cursors, newest, ask, tell, place=f"commit of {repo}")

    def _deployments(self) -> Iterator[DeliveryReading]:
        environments = yield from self._environments()

        def tell(nodes: list[RestNode]) -> Iterator[DeliveryReading]:
            told: list[Tells] = []
            for node in nodes:
                named = node["release"]["commit"]["hash"].raw_text() or node["deployable"]["commit"]["hash"].raw_text()
                sha = yield from self._sha(named or "")
                said = partial(
                    mapping.deployment,
                    *(node, self._repository, self._told),
                    environments=environments,
                    sha=sha,
                )
                told.append(told_or_unused(f"deployment of {self._repository.repo}", said))
            yield from readings_of(told)

        def began(node: RestNode) -> Began:
            state = node["state"]
            at = state["start_date"].instant() or node["release"]["created_on"].instant()
            has_begun = mapping.status_of(state, state["status"]) is not None
            has_ended = (state["name"].text() or "").upper() == "COMPLETED"
            return Began(node, mapping.uuid_of(node["uuid"]), at if has_begun else None, has_ended)

        yield from self._newest_first("deployments", "-state.start_date", began, tell, "pipeline")

    def _environments(self) -> Generator[Progress | Unused, None, dict[str, str | None]]:
        found = yield from self._listed("environments", {"pagelen": _PER_PAGE}, "pipeline")
        return {mapping.uuid_of(node["uuid"]): mapping.environment(node, self._naming) for node in found}

    def _pipelines(self) -> Iterator[DeliveryReading]:
        if not self._options.runs:
            return

        def tell(nodes: list[RestNode]) -> Iterator[DeliveryReading]:
            yield from ()
            told: list[Tells] = []
            for node in nodes:
                environment = self._naming.run_environment(*mapping.run_names(node))
                if environment is not None:
                    said = partial(mapping.pipeline, node, self._repository, self._told, environment=environment)
                    told.append(told_or_unused(f"pipeline of {self._repository.repo}", said))
            yield from readings_of(told)

        def began(node: RestNode) -> Began:
            is_named = self._naming.run_environment(*mapping.run_names(node)) is not None
            has_ended = (node["state"]["name"].text() or "").upper() == "COMPLETED"
            at = node["created_on"].needed_instant()
            return Began(node, mapping.uuid_of(node["uuid"]), at, has_ended or not is_named)

        # Named otherwise, they are read anew.
        asked = digest(sorted(self._options.runs.items()))
        yield from self._newest_first("pipelines", "-created_on", began, tell, "pipeline", asked=asked)

    def _newest_first(
        self,
        place: str,
        sort: str,
        began: Callable[[RestNode], Began],
        tell: Callable[[list[RestNode]], Iterator[DeliveryReading]],
        right: str,
        *,
        asked: str = "",
    ) -> Iterator[DeliveryReading]:
        def ask(address: str) -> Generator[Progress, None, tuple[list[Began], str | None]]:
            params = None if address else {"sort": sort, "pagelen": _PER_PAGE}
            answer = yield from self._asked(address or place, params, right)
            return [began(node) for node in _values(answer)], _next(answer)

        def ask_one(name: str) -> Generator[Progress, None, Began]:
            answer = yield from self._asked(f"{place}/%7B{name}%7D", None, right)
            return began(answer.json())

        cursor = ":".join(filter(None, (self._name, place, asked)))
        listed = NewestFirst(cursor=cursor, ask=ask, ask_one=ask_one, tell=tell, earliest=self._options.since)
        yield from listed.readings(self._cursors)

    def _tags(self) -> Iterator[DeliveryReading]:
        """Tags that are versions, which are Bitbucket's only releases, where nothing else tells of deployments."""
        if not self._options.counts_releases:
            return
        if decoded(self._cursors(f"{self._name}:deployments"), Known).at is not None:
            yield Remark(
                f"tags of {self._repository.repo} are not counted as releases: it tells of its deployments itself"
            )
            return
        name = f"{self._name}:tags"
        known = tags_known(self._cursors(name), self._options.since)
        found = yield from self._listed("refs/tags", {"pagelen": _PER_PAGE, "sort": "name"}, "repository", limit=None)
        told: list[Tells] = []
        now: dict[str, str] = {}
        for node in found:
            tag, commit = node.label("name"), (node["target"]["hash"].raw_text() or "")[:12]
            now[tag] = commit
            if known.known.get(tag) != commit and not known.is_early(_tagged_at(node)):
                told.append((yield from self._tag(node, tag)))
        yield from readings_of(told)
        yield ReadUpTo(name, encoded(Tags(now, known.since)))

    def _tag(self, node: RestNode, tag: str) -> Generator[Progress | Unused, None, Tells]:
        unused = unreleased(tag, service=self._repository.service, repo=self._repository.repo)
        if unused is not None:
            return unused
        sha = yield from self._sha(node["target"]["hash"].raw_text() or "")
        return told_or_unused(f"tag {tag}", lambda: (mapping.release(node, self._repository, self._told, sha=sha),))

    def _pull_requests(self) -> Iterator[DeliveryReading]:
        name = f"{self._name}:pullrequests"
        walk = ChangeWalk(decoded(self._cursors(name), Since), asked="", earliest=self._options.since)
        n_read = 0
        while not walk.is_over:
            # A parameter that comes several times does not fit among the others.
            answer = yield from self._asked(f"pullrequests?{_STATES}", _changed(walk, _FEW_PER_PAGE), "pullrequest")
            place = f"pull requests of {self._repository.repo}"
            page, unused = items_of(_values(answer), changed="updated_on", place=place)
            yield from unused
            fresh = walk.fresh(page, is_last=_next(answer) is None)
            told: list[Tells] = []
            for item in fresh:
                what = f"pull request {item.name} of {self._repository.repo}"
                one = yield from unless_gone(what, self._pull_request(item.node))
                told.append(one)
            yield from readings_of(told)
            n_read += len(fresh)
            yield Progress(n_read, None, "pull requests")
            yield ReadUpTo(name, encoded(walk.cursor))

    def _pull_request(self, node: RestNode) -> Generator[Progress | Unused, None, Tells]:
        place = f"pullrequests/{node['id'].name()}"
        activity = yield from self._listed(f"{place}/activity", {"pagelen": _FEW_PER_PAGE}, "pullrequest")
        commits = yield from self._commits_of(f"{place}/commits")
        merge_sha = yield from self._sha(node["merge_commit"]["hash"].raw_text() or "")
        tell = partial(
            mapping.pull_request, *(node, activity, commits, self._repository, self._told), merge_sha=merge_sha
        )
        return told_or_unused(f"pull request {node.label('id')} of {self._repository.repo}", tell)

    def _commits_of(self, place: str) -> Generator[Progress | Unused, None, list[RestNode]]:
        try:
            return (yield from self._listed(place, {"pagelen": _PER_PAGE}, "pullrequest"))
        except WithheldError:
            # Of one whose source was deleted they are gone; the rest of it is still told.
            return []

    def _incidents(self) -> Iterator[DeliveryReading]:
        if not self._node["has_issues"].flag():
            return
        labels = self._options.incident_labels
        name = f"{self._name}:issues"
        # Labelled otherwise, they are read anew.
        known = decoded(self._cursors(name), Since)
        walk = ChangeWalk(known, asked=digest(sorted(labels)), earliest=self._options.since)
        n_read = 0
        while not walk.is_over:
            answer = yield from self._asked("issues", _changed(walk, _PER_PAGE), "issue")
            place = f"issues of {self._repository.repo}"
            page, unused = items_of(_values(answer), changed="updated_on", place=place)
            yield from unused
            fresh = walk.fresh(page, is_last=_next(answer) is None)
            told: list[Tells] = []
            for item in fresh:
                if is_incident(mapping.labels_of(item.node), labels):
                    what = f"issue {item.name} of {self._repository.repo}"
                    one = yield from unless_gone(what, self._incident(item.node))
                    told.append(one)
            yield from readings_of(told)
            n_read += len(fresh)
            yield Progress(n_read, None, "issues")
            yield ReadUpTo(name, encoded(walk.cursor))

    def _incident(self, node: RestNode) -> Generator[Progress | Unused, None, Tells]:
        changes = yield from self._listed(f"issues/{node['id'].name()}/changes", {"pagelen": _PER_PAGE}, "issue")
        what = f"issue {node.label('id')} of {self._repository.repo}"
        return told_or_unused(what, lambda: (mapping.incident(node, changes, self._repository),))

    def _sha(self, text: str) -> Generator[Progress, None, str | None]:
        """The full id of a commit, which Bitbucket tells in short in many places."""
        if not text or full_sha(text) is not None:
            return full_sha(text)
        if text not in self._full:
            try:
                answer = yield from self._asked(f"commit/{text}", {"fields": "hash"}, "repository")
                self._full[text] = answer.json()["hash"].sha()
            except WithheldError:
                self._full[text] = None
        return self._full[text]

    def _listed(
        self, place: str, params: Mapping[str, str], right: str, *, limit: int | None = _MAX_LISTED
    ) -> Generator[Progress | Unused, None, list[RestNode]]:
        """All of what stands at a place; where it is cut, that is said."""
        found: list[RestNode] = []
        address: str | None = place
        asked: Mapping[str, str] | None = params
        while address is not None and (limit is None or len(found) < limit):
            answer = yield from self._asked(address, asked, right)
            found += _values(answer)
            address, asked = _next(answer), None
        if address is not None and limit is not None:
            yield cut_at(limit, f"{place} of {self._repository.repo}")
        return found

    def _asked(self, place: str, params: Mapping[str, str] | None, right: str) -> Asking:
        address = place if "://" in place else f"{self._path}/{place}"
        return self._client.get(address, params, needs=f"the scope {right}")


def _values(answer: Answer) -> Iterator[RestNode]:
    return answer.json()["values"].needed().items()


def _next(answer: Answer) -> str | None:
    return answer.json()["next"].raw_text() or None


def _tagged_at(tag: RestNode) -> datetime | None:
    return tag["date"].instant() or tag["target"]["date"].instant()


def _changed(walk: ChangeWalk, size: str) -> dict[str, str]:
    """The next page of a list by when its items were changed, in Bitbucket's words."""
    since = {} if walk.since is None else {"q": f"updated_on>={walk.since.isoformat()}"}
    page = {} if walk.page == 1 else {"page": str(walk.page)}
    return {"sort": "updated_on", "pagelen": size, **since, **page}
