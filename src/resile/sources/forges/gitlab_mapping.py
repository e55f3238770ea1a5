"""What GitLab's REST API tells, as reports and incidents under the names that its webhooks give them. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from resile.model.change import (
    Commit,
    DeploymentReported,
    DeploymentStatus,
    PullRequestReported,
    ReviewReported,
    ReviewState,
)
from resile.model.draft import Draft
from resile.sources.doors.body import MAX_TITLE, Node, full_sha
from resile.sources.doors.gitlab_issues import issue_of, labels_of, whole_second
from resile.sources.doors.gitlab_objects import (
    ENDED,
    STATUSES,
    Project,
    comment_report,
    deployment_report,
    reverted,
)
from resile.sources.doors.issues import Change, draft_of
from resile.sources.doors.naming import Told, commits_reverted, version_in
from resile.sources.forges.commits import author_of, subject_of
from resile.sources.forges.named import named

# What GitLab itself writes beside a merge request, which alone says when: approvals have no time of their own before
# GitLab 18, requests for changes and drafts none at all. It is stored in English whatever the reader's language.
_SAID = {
    "approved this merge request": ReviewState.APPROVED,
    "unapproved this merge request": ReviewState.DISMISSED,
    "requested changes": ReviewState.CHANGES_REQUESTED,
}
_READY = ("marked this merge request as **ready**", "unmarked as a **work in progress**")


def commit(node: Node, repo: str) -> Commit:
    """A commit with its parents.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    message = node["message"].raw_text() or ""
    parents = (one.raw_text() or "" for one in node["parent_ids"].items())
    return Commit(
        repo=repo,
        sha=node["id"].sha() or node["id"].refuse("is no full id of a commit"),
        parents=tuple(sha for one in parents if (sha := full_sha(one))),
        authored_at=node["authored_date"].instant() or node["committed_date"].needed_instant(),
        committed_at=node["committed_date"].needed_instant(),
        subject=subject_of(message),
        author=author_of(node["author_name"].raw_text()),
        reverts=commits_reverted(message),
    )


def deployment(node: Node, project: Project, told: Told, environment: str | None) -> tuple[DeploymentReported, ...]:
    """A deployment's reports: when it began, as far as that is told, and the status that it has now.

    Raises:
        ConfigError: a field is missing or of another kind, or its status says nothing of how it went.
    """
    word = node["status"].needed_text()
    if word not in STATUSES:
        node["status"].refuse(f"is {word!r}, which says nothing of how it went")
    job = node["deployable"]
    began_at, ended_at = job["started_at"].instant(), job["finished_at"].instant()
    created_at = node["created_at"].needed_instant()
    if STATUSES[word] in ENDED:
        # One without a job was told of by somebody's own tool, last when it ended.
        at = ended_at or node["updated_at"].instant() or created_at
    else:
        at = (began_at or created_at) if STATUSES[word] is DeploymentStatus.RUNNING else created_at
    is_branch = job["tag"].is_told and not job["tag"].flag()

    def report(word: str, at: datetime) -> DeploymentReported:
        return deployment_report(
            project,
            told,
            ref=node["id"].name(),
            word=word,
            at=at,
            environment=environment,
            version=None if is_branch else version_in(node["ref"].text()),
            sha=node["sha"].sha(),
            title=job["commit"]["title"].text(MAX_TITLE),
            url=job["web_url"].url(),
        )

    if STATUSES[word] in ENDED and began_at is not None and began_at <= at:
        return report("running", began_at), report(word, at)
    return (report(word, at),)


def merge_request(
    request: Node, notes: Sequence[Node], commits: Sequence[Node], project: Project, told: Told
) -> tuple[PullRequestReported | ReviewReported, ...]:
    """A merge request as it stands now, and what others than its author said on it, in order of time.

    Args:
        notes, commits: what is listed under it.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    number, head_sha = request["iid"].name(), request["sha"].sha()
    at, opened_at = request["updated_at"].needed_instant(), request["created_at"].needed_instant()
    merged_at = request["merged_at"].instant()
    written = (commit["authored_date"].instant() for commit in commits)
    report = PullRequestReported(
        id="",
        at=at,
        repo=project.repo,
        number=number,
        title=request["title"].text(MAX_TITLE),
        author=request["author"]["username"].text(),
        opened_at=opened_at,
        ready_at=_ready_at(request, notes, opened_at),
        merged_at=merged_at,
        closed_at=merged_at or request["closed_at"].instant(),
        merge_sha=_merge_sha(request, head_sha) if merged_at is not None else None,
        head_sha=head_sha,
        commits=tuple(sha for commit in commits if (sha := commit["id"].sha())),
        first_commit_at=min((one for one in written if one is not None), default=None),
        reverts=reverted(request["description"].raw_text() or "", project.path),
        url=request["web_url"].url(),
        **told,
    )
    return named(report), *_reviews(request, notes, project, told)


def _merge_sha(request: Node, head_sha: str | None) -> str | None:
    # Merged without a merge commit, the last commit is what came to the branch.
    return request["merge_commit_sha"].sha() or request["squash_commit_sha"].sha() or head_sha


def _ready_at(request: Node, notes: Iterable[Node], opened_at: datetime) -> datetime | None:
    """When it was last declared ready; when it was opened where it never was a draft."""
    if request["draft"].flag() or request["work_in_progress"].flag():
        return None
    declared = (note["created_at"].instant() for note in notes if note["system"].flag() and _says(note, _READY))
    return max((at for at in declared if at is not None), default=opened_at)


def _says(note: Node, beginnings: Iterable[str]) -> bool:
    words = (note["body"].raw_text() or "")[:200].strip().casefold()
    return words.startswith(tuple(beginnings))


def _reviews(request: Node, notes: Iterable[Node], project: Project, told: Told) -> list[ReviewReported]:
    author = request["author"]["id"]
    reviews: list[ReviewReported] = []
    for note in notes:
        # An account that was deleted is kept as that of a ghost.
        reviewer = note["author"]["username"].text() or "ghost"
        if author.is_told and note["author"]["id"].value == author.value:
            continue
        number, at = request["iid"].name(), note["created_at"].needed_instant()
        if not note["system"].flag():
            reviews.append(
                comment_report(told, repo=project.repo, number=number, comment=note, reviewer=reviewer, at=at)
            )
            continue
        state = next((state for words, state in _SAID.items() if _says(note, (words,))), None)
        if state is not None:
            name = f"note:{note['id'].name()}:{state}"
            reviews.append(
                ReviewReported(id=name, at=at, repo=project.repo, number=number, reviewer=reviewer, state=state, **told)
            )
    return sorted(reviews, key=lambda review: (review.at, review.id))


def incident(issue: Node, events: Iterable[Node], project: Project) -> Draft:
    """An issue that is an incident, with each time that it was closed and opened again.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    changes = [_change(event) for event in events if event["state"].text() in {"closed", "opened", "reopened"}]
    changes.sort(key=lambda change: change.at)
    if changes and changes[-1].is_closed and issue["state"].text() == "closed" and issue["closed_at"].is_told:
        # The issue's own word on its last closing, which webhooks tell too, may be another by a moment.
        changes.pop()
    url = issue["web_url"].url()
    return draft_of(issue_of(issue, project, labels=labels_of(issue["labels"]), url=url, changes=changes))


def _change(event: Node) -> Change:
    at = whole_second(event["created_at"].needed_instant())
    return Change(at, is_closed=event["state"].text() == "closed")
