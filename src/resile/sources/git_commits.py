"""The commits of a repository, streamed from `git log`, with what they say to revert."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

from msgspec import structs

from resile.model.change import Commit
from resile.sources.git_plumbing import Git

BATCH = 5_000
MAX_SUBJECT = 500
MAX_AUTHOR = 200
# So many of one message's reverts are kept.
_MAX_REVERTS = 50
_NEWEST_S = 4_102_444_800  # the year 2100: a later time is an error of somebody's clock
_LONGEST = len(str(_NEWEST_S))
_N_FIELDS = 7
_FORMAT = "%H%x00%P%x00%at%x00%ct%x00%an%x00%s%x00%b"
_REVERTS_ID = re.compile(r"This reverts commit ([0-9a-f]{7,64})\b")
# With the number of a pull request behind it, as forges write it.
_REVERTS_SUBJECT = re.compile(r'Revert "(.+)"(?: \(#[0-9]+\))?')
# Nothing that a terminal would obey is kept, nor what turns the order of letters.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


class CommitReader:
    """Reads commits, newest first; a revert that names a subject waits for the commit that has it.

    Attributes:
        n_odd_times: commits with a time that is none.
    """

    def __init__(self, git: Git, repo: str) -> None:
        self._git = git
        self._repo = repo
        self._waiting: dict[str, list[Commit]] = {}
        self.n_odd_times = 0

    def batches(self, lines: list[str], *, is_continued: bool) -> Iterator[tuple[Commit, ...]]:
        """Commits of these revisions, `^` before those whose history is left out; each is given once.

        Args:
            lines: ids, as for `git log --stdin`.
            is_continued: something is left out, where a reverted commit may be.
        """
        batch: list[Commit] = []
        for commit in self._commits(lines):
            batch += self._settled(commit)
            if len(batch) >= BATCH:
                yield tuple(batch)
                batch = []
        if self._waiting and is_continued:
            batch += self._found_before(lines)
        batch += [one for waiting in self._waiting.values() for one in waiting]
        self._waiting = {}
        for start in range(0, len(batch), BATCH):
            yield tuple(batch[start : start + BATCH])

    def _commits(self, lines: list[str]) -> Iterator[Commit]:
        for sha, parents, authored, committed, author, subject, body in self._rows(lines):
            authored_at, committed_at = self._times(authored, committed)
            reverts = tuple(dict.fromkeys(_REVERTS_ID.findall(body)))[:_MAX_REVERTS] if "This reverts" in body else ()
            yield Commit(
                repo=self._repo,
                sha=sha,
                parents=tuple(parents.split()),
                authored_at=authored_at,
                committed_at=committed_at,
                subject=inert(subject, MAX_SUBJECT),
                author=inert(author, MAX_AUTHOR) or None,
                reverts=reverts,
            )

    def _rows(self, lines: list[str]) -> Iterator[tuple[str, ...]]:
        arguments = ("log", "-z", "--no-show-signature", "--encoding=UTF-8", f"--format={_FORMAT}", "--stdin")
        rest: list[str] = []
        for fields in self._git.fields(*arguments, lines=lines):
            rest += fields
            n_whole = len(rest) // _N_FIELDS * _N_FIELDS
            yield from zip(*(iter(rest[:n_whole]),) * _N_FIELDS, strict=True)
            rest = rest[n_whole:]

    def _times(self, authored: str, committed: str) -> tuple[datetime, datetime]:
        committed_at = instant_of(committed)
        authored_at = committed_at if authored == committed else instant_of(authored)
        if authored_at is None or committed_at is None:
            self.n_odd_times += 1
            nearest = _nearest(committed)
            return authored_at or committed_at or nearest, committed_at or authored_at or nearest
        return authored_at, committed_at

    def _settled(self, commit: Commit) -> list[Commit]:
        """The commit, unless it waits; with those that waited for one of its subject."""
        settled = [_reverting(one, commit.sha) for one in self._waiting.pop(commit.subject, ())]
        if not commit.reverts and (found := _REVERTS_SUBJECT.fullmatch(commit.subject)) is not None:
            self._waiting.setdefault(found[1], []).append(commit)
        else:
            settled.append(commit)
        return settled

    def _found_before(self, lines: list[str]) -> list[Commit]:
        """Those that waited for a commit that an earlier reading has given."""
        settled: list[Commit] = []
        known = [line.removeprefix("^") for line in lines if line.startswith("^")]
        fields = self._git.fields(
            *("log", "-z", "--no-show-signature", "--encoding=UTF-8", "--format=%H%x09%s", "--stdin"), lines=known
        )
        for line in chain.from_iterable(fields):
            sha, _, subject = line.partition("\t")
            settled += [_reverting(one, sha) for one in self._waiting.pop(inert(subject, MAX_SUBJECT), ())]
            if not self._waiting:
                break
        return settled


def instant_of(seconds: str) -> datetime | None:
    """Unix seconds as git writes them; None where they are no time of a commit."""
    if not seconds.isdecimal() or len(seconds) > _LONGEST or int(seconds) > _NEWEST_S:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def _nearest(seconds: str) -> datetime:
    return datetime.fromtimestamp(_NEWEST_S if seconds.isdecimal() and int(seconds) else 0, UTC)


def _reverting(commit: Commit, sha: str) -> Commit:
    return structs.replace(commit, reverts=(sha,))


def inert(text: str, longest: int) -> str:
    """A text of a commit as it is kept: cut, on one line, without what a terminal would obey."""
    text = text[:longest]
    return text if text.isprintable() else _CONTROLS.sub(" ", text)
