"""GitLab's merge requests, their approvals, and comments on them."""

import re
from datetime import datetime

from resile.model.change import PullRequestReported, ReviewReported, ReviewState
from resile.ports.delivery_door import Understood
from resile.sources.doors.body import MAX_TITLE, Node
from resile.sources.doors.naming import Told, digest, repository_of

# One of several approvals that are needed, or the last of them; and each taken back.
_APPROVALS = {
    "approval": ReviewState.APPROVED,
    "approved": ReviewState.APPROVED,
    "unapproval": ReviewState.DISMISSED,
    "unapproved": ReviewState.DISMISSED,
}
_ACTIONS = frozenset({"open", "reopen", "close", "merge", "update"})
# What an update must have changed to be kept.
_KEPT = ("draft", "work_in_progress", "title", "description")
# The button "Revert" writes this.
_REVERTED = re.compile(r"\bThis reverts merge request (?:[\w./-]{1,200})?!(\d{1,18})\b")
_MAX_DESCRIPTION = 100_000


def merge_request(body: Node, told: Told) -> Understood:
    """What a merge_request event says."""
    request = body["object_attributes"].needed()
    action = request["action"].text()
    if action in _APPROVALS:
        return _reviewed(body, told, request, _APPROVALS[action], f"{action}:{request['id'].name()}")
    if action not in _ACTIONS:
        return Understood(unmapped=f"a merge request was {action or 'touched'}, of which resile keeps nothing")
    changes = body["changes"]
    if action == "update" and not (request["oldrev"].is_told or any(changes[name].is_told for name in _KEPT)):
        return Understood(unmapped="a merge request was updated, in nothing that resile keeps")
    return Understood(reports=(_merge_request(body, told, request, action),))


def note(body: Node, told: Told) -> Understood:
    """What a comment says: by others than the author on a merge request, it is a review."""
    comment = body["object_attributes"].needed()
    if comment["noteable_type"].text() != "MergeRequest" or comment["system"].flag():
        return Understood(unmapped="a comment on something other than a merge request")
    request = body["merge_request"].needed()
    name = f"note:{comment['id'].name()}"
    return _reviewed(body, told, request, ReviewState.COMMENTED, name, at=comment["created_at"])


def project_name(body: Node) -> str:
    """The repository as gitlab.com/acme/shop."""
    project = body["project"].needed()
    name = repository_of(project["web_url"].url()) or project["path_with_namespace"].text()
    return name or project["web_url"].refuse("is missing", "send it")


def _reviewed(
    body: Node, told: Told, request: Node, state: ReviewState, name: str, *, at: Node | None = None
) -> Understood:
    user = body["user"].needed()
    if user["id"].name() == request["author_id"].name():
        return Understood(unmapped="the author of a merge request said something on it, which is no review")
    reviewer = user["username"].needed_text()
    said_at = (at or request["updated_at"]).needed_instant()
    report = ReviewReported(
        id=f"{name}:{digest(reviewer, said_at)}",
        at=said_at,
        repo=project_name(body),
        number=request["iid"].name(),
        reviewer=reviewer,
        state=state,
        **told,
    )
    # With it comes the merge request, of whose opening nothing may have been heard.
    return Understood(reports=(_merge_request(body, told, request, "reviewed"), report))


def _merge_request(body: Node, told: Told, request: Node, action: str) -> PullRequestReported:
    at, opened_at = request["updated_at"].needed_instant(), request["created_at"].instant()
    is_draft = request["draft"].flag() or request["work_in_progress"].flag()
    last_commit = request["last_commit"]["id"].sha()
    is_merged = action == "merge"
    # Merged without a merge commit, the last commit is what came to the branch.
    merge_sha = request["merge_commit_sha"].sha() or request["squash_commit_sha"].sha() or last_commit
    repo, number = project_name(body), request["iid"].name()
    title, reverts = request["title"].text(MAX_TITLE), _reverted(request["description"].raw_text() or "")
    author, url = _author(body, request, action), request["url"].url()
    ready_at = _ready_at(body, action, is_draft=is_draft)
    said = (repo, number, title, author, opened_at, ready_at, merge_sha if is_merged else "", last_commit, reverts, url)
    return PullRequestReported(
        id=f"{action}:{digest(at, said)}",
        at=at,
        repo=repo,
        number=number,
        title=title,
        author=author,
        opened_at=opened_at,
        ready_at=ready_at,
        # The moment of a merge or of closing has no field of its own; it is the last change then.
        merged_at=at if is_merged else None,
        closed_at=at if action in {"merge", "close"} else None,
        merge_sha=merge_sha if is_merged else None,
        head_sha=last_commit,
        reverts=reverts,
        url=url,
        **told,
    )


def _author(body: Node, request: Node, action: str) -> str | None:
    """The author's name, where the one who acts is the author: else only a number is told."""
    user = body["user"]
    if action != "open" and (not user["id"].is_told or user["id"].name() != request["author_id"].name()):
        return None
    return user["username"].text()


def _ready_at(body: Node, action: str, *, is_draft: bool) -> datetime | None:
    if is_draft:
        return None
    request = body["object_attributes"]
    if action == "open":
        return request["created_at"].instant()
    changes = body["changes"]
    was_draft = changes["draft"]["previous"].flag() or changes["work_in_progress"]["previous"].flag()
    return request["updated_at"].instant() if action == "update" and was_draft else None


def _reverted(description: str) -> str | None:
    found = _REVERTED.search(description[:_MAX_DESCRIPTION])
    return found[1] if found else None
