"""GitLab's merge requests, their approvals, and comments on them."""

from datetime import datetime

from resile.model.change import PullRequestReported, ReviewReported, ReviewState
from resile.ports.delivery_door import Understood
from resile.sources.doors.body import MAX_TITLE, Node
from resile.sources.doors.gitlab_objects import comment_report, repository_name, reverted
from resile.sources.doors.naming import Told, digest

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


def merge_request(body: Node, told: Told) -> Understood:
    """What a merge_request event says."""
    request = body["object_attributes"].needed()
    action = request["action"].text()
    if action in _APPROVALS:
        return _approved(body, told, request, action)
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
    request, user = body["merge_request"].needed(), body["user"].needed()
    if comment["author_id"].is_told and comment["author_id"].name() != user["id"].name():
        return Understood(unmapped="a comment that somebody else than its author edited")
    if (unmapped := _by_author(user, request)) is not None:
        return unmapped
    report = comment_report(
        told,
        repo=_repo(body),
        number=request["iid"].name(),
        comment=comment,
        reviewer=user["username"].needed_text(),
        at=comment["created_at"].needed_instant(),
    )
    # With it comes the merge request, of whose opening nothing may have been heard.
    return Understood(reports=(_merge_request(body, told, request, "reviewed"), report))


def _approved(body: Node, told: Told, request: Node, action: str) -> Understood:
    user = body["user"].needed()
    if (unmapped := _by_author(user, request)) is not None:
        return unmapped
    reviewer, at = user["username"].needed_text(), request["updated_at"].needed_instant()
    report = ReviewReported(
        id=f"{action}:{request['id'].name()}:{digest(reviewer, at)}",
        at=at,
        repo=_repo(body),
        number=request["iid"].name(),
        reviewer=reviewer,
        state=_APPROVALS[action],
        **told,
    )
    return Understood(reports=(_merge_request(body, told, request, "reviewed"), report))


def _by_author(user: Node, request: Node) -> Understood | None:
    if user["id"].name() != request["author_id"].name():
        return None
    return Understood(unmapped="the author of a merge request said something on it, which is no review")


def _repo(body: Node) -> str:
    return repository_name(body["project"].needed())


def _merge_request(body: Node, told: Told, request: Node, action: str) -> PullRequestReported:
    at, opened_at = request["updated_at"].needed_instant(), request["created_at"].instant()
    is_draft = request["draft"].flag() or request["work_in_progress"].flag()
    last_commit = request["last_commit"]["id"].sha()
    is_merged = action == "merge"
    # Merged without a merge commit, the last commit is what came to the branch.
    merge_sha = request["merge_commit_sha"].sha() or request["squash_commit_sha"].sha() or last_commit
    repo, number, path = _repo(body), request["iid"].name(), body["project"]["path_with_namespace"].text()
    title, taken_back = request["title"].text(MAX_TITLE), reverted(request["description"].raw_text() or "", path)
    author, url = _author(body, request, action), request["url"].url()
    ready_at = _ready_at(body, action, is_draft=is_draft)
    said = (
        repo,
        number,
        title,
        author,
        opened_at,
        ready_at,
        merge_sha if is_merged else "",
        last_commit,
        taken_back,
        url,
    )
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
        reverts=taken_back,
        url=url,
        is_open=True if action in {"open", "reopen"} else None,
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
