"""What Bitbucket Cloud's REST API tells, as reports and incidents. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from msgspec import Struct

from resile.model.change import (
    Commit,
    DeploymentReported,
    DeploymentStatus,
    PullRequestReported,
    ReviewReported,
    ReviewState,
)
from resile.model.draft import Draft
from resile.model.time import format_instant
from resile.sources.doors.body import MAX_TITLE, Node, full_sha
from resile.sources.doors.issues import Change, Issue, draft_of
from resile.sources.doors.naming import (
    PRODUCTION,
    Naming,
    Told,
    bounded_ref,
    commits_reverted,
    last_segment,
    origin_of,
    report_id,
    repository_of,
    version_in,
)
from resile.sources.forges.commits import author_of, subject_of
from resile.sources.forges.named import named

ORIGIN = "bitbucket"
PUBLIC_HOST = "bitbucket.org"
_RESULTS = {
    "SUCCESSFUL": DeploymentStatus.SUCCEEDED,
    "FAILED": DeploymentStatus.FAILED,
    "ERROR": DeploymentStatus.FAILED,
    "STOPPED": DeploymentStatus.CANCELLED,
    "EXPIRED": DeploymentStatus.CANCELLED,
}
_STATES = {
    "IN_PROGRESS": DeploymentStatus.RUNNING,
    "PENDING": DeploymentStatus.QUEUED,
}
_OPEN_ISSUE = frozenset({"new", "open", "on hold", "submitted"})
_VOID_ISSUE = frozenset({"invalid", "duplicate", "wontfix"})
_PRIORITIES = {"blocker": "SEV1", "critical": "SEV1", "major": "SEV2", "minor": "SEV3", "trivial": "SEV4"}
# The button "Revert" writes a title like this.
_REVERT_TITLE = re.compile(r'Revert ".*\(pull request #(\d{1,18})\)')
_RAW_AUTHOR = re.compile(r"\s*([^<]{1,200}?)\s*<")


class _What(TypedDict):
    ref: str
    environment: str | None
    version: str | None
    sha: str | None
    title: str | None
    url: str | None


class Repository(Struct, frozen=True, kw_only=True):
    """A repository under the names by which its deliveries are known.

    Attributes:
        path: workspace and slug, `acme/shop`.
        uuid: without braces; stays where it is renamed.
        page: its address for people.
    """

    origin: str
    repo: str
    service: str | None
    path: str
    uuid: str
    page: str | None


def repository(node: Node, naming: Naming) -> Repository:
    """A repository as the API describes it.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    path, page = node["full_name"].needed_text(), node["links"]["html"]["href"].url()
    return Repository(
        origin=origin_of(page, public_host=PUBLIC_HOST, name=ORIGIN),
        repo=repository_of(page) or f"{PUBLIC_HOST}/{path}",
        service=naming.service(path, node["name"].text(), otherwise=last_segment(path)),
        path=path,
        uuid=uuid_of(node["uuid"]),
        page=page,
    )


def uuid_of(node: Node) -> str:
    """A name such as {3f2a-…} without its braces.

    Raises:
        ConfigError: it is missing or no text.
    """
    return node.name().strip("{}")


def commit(node: Node, repo: str) -> Commit:
    """A commit with its parents; Bitbucket tells one time of it.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    message, at = node["message"].raw_text() or "", node["date"].needed_instant()
    parents = (parent["hash"].raw_text() or "" for parent in node["parents"].items())
    raw = _RAW_AUTHOR.match(node["author"]["raw"].raw_text() or "")
    return Commit(
        repo=repo,
        sha=node["hash"].sha() or node["hash"].refuse("is no full id of a commit"),
        parents=tuple(sha for one in parents if (sha := full_sha(one))),
        authored_at=at,
        committed_at=at,
        subject=subject_of(message),
        author=author_of(raw[1] if raw else node["author"]["user"]["display_name"].raw_text()),
        reverts=commits_reverted(message),
    )


def status_of(state: Node, result: Node) -> DeploymentStatus | None:
    """How far something has come; None where it has not begun, such as a step that waits for somebody."""
    name = (state["name"].text() or "").upper()
    if name == "COMPLETED":
        return _RESULTS.get((result["name"].text() or "").upper())
    return _STATES.get(name)


def environment(node: Node, naming: Naming) -> str | None:
    """What an environment is called; whatever Bitbucket itself has for one of production is production."""
    is_production = (node["environment_type"]["name"].text() or "").casefold() == PRODUCTION
    return PRODUCTION if is_production else naming.environment(node["name"].text())


def deployment(
    node: Node, repository: Repository, told: Told, *, environments: Mapping[str, str | None], sha: str | None
) -> tuple[DeploymentReported, ...]:
    """A deployment's reports: when it began, and how it ended.

    Args:
        environments: names by uuid, without braces.
        sha: of the commit that was deployed.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    state, release = node["state"].needed(), node["release"]
    status = status_of(state, state["status"])
    if status is None:
        return ()
    began_at, ended_at = state["start_date"].instant(), state["completion_date"].instant()
    what = _What(
        ref=uuid_of(node["uuid"]),
        environment=environments.get(uuid_of(node["environment"]["uuid"])),
        version=version_in(release["name"].text()),
        sha=sha,
        title=release["name"].text(MAX_TITLE),
        url=state["url"].url() or release["url"].url(),
    )
    began_at = began_at or release["created_on"].instant()
    if status in _STATES.values():
        return (_report(repository, told, status, began_at or node["last_update_time"].needed_instant(), what),)
    end = _report(repository, told, status, ended_at or node["last_update_time"].needed_instant(), what)
    if began_at is None or began_at > end.at:
        return (end,)
    return _report(repository, told, DeploymentStatus.RUNNING, began_at, what), end


def run_names(pipeline: Node) -> tuple[str | None, ...]:
    """By what a pipeline may be named: the name of a custom one, the pattern or branch that started it."""
    target = pipeline["target"]
    return target["selector"]["pattern"].text(), target["ref_name"].text(), target["selector"]["type"].text()


def pipeline(node: Node, repository: Repository, told: Told, *, environment: str) -> tuple[DeploymentReported, ...]:
    """A pipeline that deploys.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    state, target = node["state"].needed(), node["target"]
    status, created_at = status_of(state, state["result"]), node["created_on"].needed_instant()
    if status is None:
        return ()
    is_tag = target["ref_type"].text() == "tag"
    has_ended = status not in _STATES.values()
    page = repository.page
    what = _What(
        ref=f"pipeline:{uuid_of(node['uuid'])}",
        environment=environment,
        version=version_in(target["ref_name"].text()) if is_tag else None,
        sha=target["commit"]["hash"].sha(),
        title=None,
        url=f"{page}/pipelines/results/{node['build_number'].name()}" if page else None,
    )
    at = node["completed_on"].needed_instant() if has_ended else created_at
    return (_report(repository, told, status, at, what),)


def release(tag: Node, repository: Repository, told: Told, *, sha: str | None) -> DeploymentReported:
    """A tag as a deployment to production, at the tagger's time where it is told, else the commit's.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    name = tag["name"].needed_text()
    what = _What(
        ref=bounded_ref(f"release:{repository.uuid}:{tag['name'].raw_text()}"),
        environment=PRODUCTION,
        version=name,
        sha=sha,
        title=None,
        url=tag["links"]["html"]["href"].url(),
    )
    at = tag["date"].instant() or tag["target"]["date"].needed_instant()
    return _report(repository, told, DeploymentStatus.SUCCEEDED, at, what, name="released")


def _report(
    repository: Repository, told: Told, status: DeploymentStatus, at: datetime, what: _What, *, name: str = ""
) -> DeploymentReported:
    return DeploymentReported(
        id=report_id(status, name or format_instant(at)),
        at=at,
        origin=repository.origin,
        status=status,
        service=repository.service,
        repo=repository.repo,
        **what,
        **told,
    )


def pull_request(
    node: Node,
    activity: Sequence[Node],
    commits: Sequence[Node],
    repository: Repository,
    told: Told,
    *,
    merge_sha: str | None,
) -> tuple[PullRequestReported | ReviewReported, ...]:
    """A pull request as it stands now, and what others than its author said on it, in order of time.

    Args:
        activity, commits: what is listed under it.
        merge_sha: the full id of its merge commit.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    number, state = node["id"].name(), (node["state"].text() or "").upper()
    at, opened_at = node["updated_on"].needed_instant(), node["created_on"].needed_instant()
    ended_at = None if state == "OPEN" else _reached(activity, state) or node["closed_on"].instant() or at
    merged_at = ended_at if state == "MERGED" else None
    shas = tuple(sha for one in commits if (sha := one["hash"].sha()))
    head = (node["source"]["commit"]["hash"].raw_text() or "").lower()
    written = (one["date"].instant() for one in commits)
    found = _REVERT_TITLE.match(node["title"].raw_text() or "")
    report = PullRequestReported(
        id="",
        at=at,
        repo=repository.repo,
        number=number,
        title=node["title"].text(MAX_TITLE),
        author=_name(node["author"]),
        opened_at=opened_at,
        ready_at=_ready_at(node, activity, opened_at),
        merged_at=merged_at,
        closed_at=ended_at,
        merge_sha=merge_sha if merged_at is not None else None,
        # Its head is told in short; in full it is the newest of its commits.
        head_sha=next((sha for sha in shas if head and sha.startswith(head)), None),
        commits=shas,
        first_commit_at=min((one for one in written if one is not None), default=None),
        reverts=found[1] if found else None,
        url=node["links"]["html"]["href"].url(),
        **told,
    )
    reviews = _reviews(node, activity, repository, number, told)
    return named(report), *sorted(reviews, key=lambda review: (review.at, review.id))


def _name(user: Node) -> str | None:
    return user["nickname"].text() or user["display_name"].text()


def _reached(activity: Iterable[Node], state: str) -> datetime | None:
    """When a pull request came to the state that it has: the first of the updates that say so at its end."""
    updates = [one["update"] for one in activity if one["update"].is_told]
    dated = ((update["date"].instant(), (update["state"].text() or "").upper()) for update in updates)
    times = sorted((at, word) for at, word in dated if at is not None)
    reached: datetime | None = None
    for at, word in times:
        if word != state:
            reached = None
        elif reached is None:
            reached = at
    return reached


def _ready_at(node: Node, activity: Iterable[Node], opened_at: datetime) -> datetime | None:
    """When it was last declared ready; when it was opened where it never was a draft."""
    if node["draft"].flag():
        return None
    updates = [one["update"] for one in activity if one["update"]["draft"].is_told]
    drafts = (update["date"].instant() for update in updates if update["draft"].flag())
    last = max((at for at in drafts if at is not None), default=None)
    if last is None:
        return opened_at
    ready = (update["date"].instant() for update in updates if not update["draft"].flag())
    return min((at for at in ready if at is not None and at > last), default=None)


def _reviews(
    node: Node, activity: Iterable[Node], repository: Repository, number: str, told: Told
) -> Iterator[ReviewReported]:
    author = node["author"]["uuid"]
    for one in activity:
        said = _said(one)
        if said is None:
            continue
        state, user, at, name = said
        if author.is_told and user["uuid"].value == author.value:
            continue
        yield ReviewReported(
            id=name, at=at, repo=repository.repo, number=number, reviewer=_name(user) or "ghost", state=state, **told
        )


def _said(one: Node) -> tuple[ReviewState, Node, datetime, str] | None:
    """What a reviewer did: state, who, when, and the name of the report."""
    for kind, state in (("approval", ReviewState.APPROVED), ("changes_requested", ReviewState.CHANGES_REQUESTED)):
        if one[kind].is_told:
            user, at = one[kind]["user"], one[kind]["date"].needed_instant()
            # It has no name of its own: one at a time of each reviewer.
            return state, user, at, f"{kind}:{user['uuid'].text() or ''}:{format_instant(at)}"
    comment = one["comment"]
    if not comment.is_told or comment["deleted"].flag():
        return None
    at = comment["created_on"].needed_instant()
    return ReviewState.COMMENTED, comment["user"], at, f"comment:{comment['id'].name()}"


def labels_of(issue: Node) -> tuple[str, ...]:
    """What stands for labels, which Bitbucket's issues have none of: kind, component, milestone."""
    words = (issue["kind"].text(), issue["component"]["name"].text(), issue["milestone"]["name"].text())
    return tuple(word for word in words if word)


def incident(issue: Node, changes: Iterable[Node], repository: Repository) -> Draft:
    """An issue that is an incident, with each time that it was closed and opened again.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    state = (issue["state"].text() or "").casefold()
    told = [found for change in changes if (found := _change(change)) is not None]
    as_of = issue["updated_on"].needed_instant()
    if not told and state not in _OPEN_ISSUE:
        # Of one that was closed as it was made, or in another system, nothing else is told.
        told = [Change(as_of, is_closed=True)]
    priority = (issue["priority"].text() or "").casefold()
    return draft_of(
        Issue(
            origin=repository.origin,
            path=repository.path,
            number=issue["id"].name(),
            title=issue["title"].text(MAX_TITLE),
            url=issue["links"]["html"]["href"].url(),
            labels=labels_of(issue),
            service=repository.service,
            severity=_PRIORITIES.get(priority),
            opened_at=issue["created_on"].needed_instant(),
            as_of=as_of,
            changes=tuple(told),
            is_void=state in _VOID_ISSUE,
        )
    )


def _change(change: Node) -> Change | None:
    """A change of an issue that closed or opened it; None for any other."""
    state = change["changes"]["state"]
    before, after = ((state[which].text() or "").casefold() for which in ("old", "new"))
    if not after or (before in _OPEN_ISSUE) == (after in _OPEN_ISSUE):
        return None
    return Change(change["created_on"].needed_instant(), is_closed=after not in _OPEN_ISSUE)
