"""Commits of a repository's default branch at GitHub, where no clone told them."""

from collections.abc import Generator, Iterator
from functools import partial
from urllib.parse import quote

from resile.model.change import Commit
from resile.ports.delivery_source import DeliveryReading
from resile.ports.source import Progress, Remark
from resile.sources.doors.body import Node
from resile.sources.doors.naming import commits_reverted
from resile.sources.forges.client import WithheldError
from resile.sources.forges.commits import Branch, Page, author_of, read_branch, subject_of
from resile.sources.forges.github_repository import Repository
from resile.sources.forges.reading import items_of
from resile.sources.git_repo import clone_cursor

_NEEDS = "Contents: read"
_PAGE = {"per_page": "100"}
_EMPTY = 409


class GitHubCommits:
    """The stream of commits."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def read(self) -> Iterator[DeliveryReading]:
        """Those that came to the default branch since the last time."""
        one = self._repository
        if one.cursors(clone_cursor(one.name)) is not None:
            yield Remark(f"commits of {one.name} come from its clone; import that again for new ones")
            return
        try:
            answer = yield from one.client.get(f"{one.path}/git/ref/heads/{quote(one.default_branch)}", needs=_NEEDS)
        except WithheldError as error:
            if error.status == _EMPTY:
                return
            raise
        newest = _sha(answer.json()["object"])
        place = f"commits of {one.name}"
        tell = partial(_commit, one.name)
        yield from read_branch(one.cursor("commits"), one.cursors, newest, self._page, tell, place=place)

    def _page(self, branch: Branch) -> Generator[Progress, None, Page]:
        """Newest first of a whole history; of what came since, oldest first."""
        one = self._repository
        if branch.address:
            answer = yield from one.client.get(branch.address, needs=_NEEDS)
        elif branch.head:
            answer = yield from one.client.get(f"{one.path}/compare/{branch.head}...{branch.goal}", _PAGE, needs=_NEEDS)
        else:
            answer = yield from one.client.get(f"{one.path}/commits", {**_PAGE, "sha": branch.goal}, needs=_NEEDS)
        return Page(list(items_of(answer, "commits" if branch.head else "")), answer.next_page)


def _commit(repo: str, commit: Node) -> Commit:
    """The same as git itself tells of it."""
    said = commit["commit"].needed()
    message = said["message"].raw_text() or ""
    authored_at, committed_at = said["author"]["date"].instant(), said["committer"]["date"].instant()
    at = committed_at or authored_at or said["committer"]["date"].needed_instant()
    return Commit(
        repo=repo,
        sha=_sha(commit),
        parents=tuple(_sha(parent) for parent in commit["parents"].items()),
        authored_at=authored_at or at,
        committed_at=at,
        subject=subject_of(message),
        author=author_of(said["author"]["name"].raw_text()),
        reverts=commits_reverted(message),
    )


def _sha(commit: Node) -> str:
    return commit["sha"].sha() or commit["sha"].refuse("is no full id of a commit")
