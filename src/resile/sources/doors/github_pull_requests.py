"""GitHub's pull requests and what reviewers say on them."""

import re

from resile.model.change import PullRequestReported, ReviewReported, ReviewState
from resile.ports.delivery_door import Understood
from resile.sources.doors.body import MAX_NAME, MAX_TITLE, Node, printable
from resile.sources.doors.naming import Told, digest, repository_of

# Labels, assignees, locks and the like are not kept.
_ACTIONS = frozenset(
    {"opened", "reopened", "closed", "edited", "synchronize", "ready_for_review", "converted_to_draft"}
)
_STATES = {state.value: state for state in ReviewState}
# The button "Revert" writes a title and a body like these.
_REVERT_TITLE = re.compile(r'Revert ".*\(#(\d{1,18})\)"')
_REVERT_LINE = re.compile(r"^Reverts (?:([\w.-]{1,100}/[\w.-]{1,100}))?#(\d{1,18})\s*$", re.MULTILINE)
_MAX_DESCRIPTION = 100_000


def pull_request(body: Node, told: Told) -> Understood:
    """What a pull_request event says."""
    action = body["action"].needed_text()
    if action not in _ACTIONS:
        return Understood(unmapped=f"a pull request was {action}, of which resile keeps nothing")
    return Understood(reports=(pull_request_report(body, told, action),))


def review(body: Node, told: Told) -> Understood:
    """What a pull_request_review event says; authors do not review themselves."""
    said, action = body["review"].needed(), body["action"].needed_text()
    request = body["pull_request"].needed()
    state = "dismissed" if action == "dismissed" else said["state"].needed_text().casefold()
    if action not in {"submitted", "dismissed"} or state not in _STATES:
        return Understood(unmapped=f"a review was {action}, which changes nothing of what resile keeps")
    # When it was dismissed is told by the pull request alone.
    at = request["updated_at"] if action == "dismissed" else said["submitted_at"]
    report = review_report(said, state, at=at, request=request, repo=repository_name(body), told=told)
    if report is None:
        return Understood(unmapped="the author of a pull request said something on it, which is no review")
    # With it comes the pull request, of whose opening nothing may have been heard.
    return Understood(reports=(pull_request_report(body, told, "reviewed"), report))


def review_report(review: Node, state: str, *, at: Node, request: Node, repo: str, told: Told) -> ReviewReported | None:
    """A review that came to a state at an instant; None for its states that are none, and of the author's own.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    # An account that was deleted has no user.
    reviewer = review["user"]["login"].text() or "ghost"
    if state not in _STATES or reviewer == request["user"]["login"].text():
        return None
    return ReviewReported(
        id=f"review:{review['id'].name()}:{state}",
        at=at.needed_instant(),
        repo=repo,
        number=request["number"].name(),
        reviewer=reviewer,
        state=_STATES[state],
        **told,
    )


def repository_name(body: Node) -> str:
    """The repository as github.com/acme/shop."""
    repository = body["repository"].needed()
    name = repository_of(repository["html_url"].url()) or repository["full_name"].text()
    return name or repository["full_name"].refuse("is missing", "send it")


def pull_request_report(body: Node, told: Told, action: str) -> PullRequestReported:
    """A pull request as it stands after an action; `read` where it was asked for.

    Raises:
        ConfigError: a field is missing or of another kind.
    """
    request = body["pull_request"].needed()
    opened_at, at = request["created_at"].instant(), request["updated_at"].needed_instant()
    is_draft, merged_at = request["draft"].flag(), request["merged_at"].instant()
    ready_at = None
    if not is_draft and action in {"opened", "ready_for_review"}:
        ready_at = opened_at if action == "opened" else at
    repo, number = repository_name(body), request["number"].name()
    title, author = request["title"].text(MAX_TITLE), request["user"]["login"].text()
    closed_at, head_sha = request["closed_at"].instant(), request["head"]["sha"].sha()
    # Before the merge this is a commit that only tries it.
    merge_sha = request["merge_commit_sha"].sha() if merged_at is not None else None
    reverts = _reverted(title or "", request["body"].raw_text() or "", repo)
    url = request["html_url"].url()
    said = (repo, number, title, author, opened_at, ready_at, merged_at, closed_at, merge_sha, head_sha, reverts, url)
    return PullRequestReported(
        id=f"{action}:{digest(at, said)}",
        at=at,
        repo=repo,
        number=number,
        title=title,
        author=author,
        opened_at=opened_at,
        ready_at=ready_at,
        merged_at=merged_at,
        closed_at=closed_at,
        merge_sha=merge_sha,
        head_sha=head_sha,
        reverts=reverts,
        url=url,
        is_open=closed_at is None and merged_at is None,
        **told,
    )


def _reverted(title: str, description: str, repo: str) -> str | None:
    """The number of the pull request that is taken back; None if none of this repository is named."""
    for name, number in _REVERT_LINE.findall(description[:_MAX_DESCRIPTION]):
        if not name or f"/{repo}".casefold().endswith(f"/{printable(name, MAX_NAME)}".casefold()):
            return str(number)
    found = _REVERT_TITLE.match(title)
    return found[1] if found else None
