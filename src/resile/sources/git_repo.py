"""A local clone, bare or not: its commits, and its release tags as deployments.

A release is dated as git dates it: an annotated tag by its tagger, a lightweight one by its commit.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path

import msgspec
from msgspec import Struct

from resile.model.change import DeploymentReported, DeploymentStatus
from resile.model.errors import ConfigError
from resile.ports.clock import Clock
from resile.ports.delivery_source import (
    CommitsRead,
    Cursors,
    DeliveryKind,
    DeliveryOptions,
    DeliveryReading,
    ReadUpTo,
    ReportsRead,
    Unused,
)
from resile.ports.source import Place, Progress, Remark
from resile.sources.git_commits import BATCH, CommitReader, instant_of
from resile.sources.git_plumbing import Git
from resile.sources.git_refs import Ref, read_refs
from resile.sources.git_releases import ReleaseRules, Rule, parsed_environments, release_of

ORIGIN = "git"
BY = "import:git"
_LONGEST_NAME = 200


class GitOptions(Struct, frozen=True, kw_only=True):
    """What a user may say about a repository.

    Attributes:
        service: whose deployments its releases are.
        repo: its name; None: by its remote's address, else by its folder.
        rules: what a release is.
    """

    service: str
    repo: str | None = None
    rules: ReleaseRules = ReleaseRules()


class _Known(Struct, array_like=True):
    """What was last told of a deployment; `digest` is empty once it was withdrawn."""

    digest: str
    n_told: int
    at: datetime
    environment: str


class _Cursor(Struct):
    """What an earlier reading has seen.

    Attributes:
        tips: ids of objects whose whole history was read.
        tags: by tag, what was told of its release.
        lines: by branch that is deployed, its tip.
    """

    tips: list[str] = []
    tags: dict[str, _Known] = {}
    lines: dict[str, str] = {}


def open_source(options: DeliveryOptions, clock: Clock) -> "GitRepo":
    """The source over a local clone with these options.

    Raises:
        ConfigError: an option cannot be used, or the service is not named.
    """
    service = (options.service or "").strip()
    if not service:
        raise ConfigError("git says nothing of services; name the one that is released from it with --service NAME")
    if len(service) > _LONGEST_NAME or "\0" in service:
        raise ConfigError(f"service {service[:50]!r} cannot be used; give a name of 1 to {_LONGEST_NAME} characters")
    rules, environment = parsed_environments(options.environments)
    named = ReleaseRules(
        names=frozenset({service.casefold()}), patterns=options.tags, rules=rules, environment=environment
    )
    return GitRepo(GitOptions(service=service, repo=options.name, rules=named), clock)


KIND = DeliveryKind(open=open_source, fits=frozenset({"service", "name", "environments", "tags", "first_parent"}))


def clone_cursor(repo: str) -> str:
    """The name under which it is remembered that all commits of a repository came from a clone."""
    return f"clone:{repo}"


class GitRepo:
    """The DeliverySource over a local clone."""

    def __init__(self, options: GitOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    def read(self, target: str, cursors: Cursors) -> Iterator[DeliveryReading]:
        """Read the commits of all branches and tags, newest first, then the releases.

        Raises:
            ConfigError: it is no repository, has no commits, is a shallow clone, or is damaged.
        """
        path = Path(target)
        git = Git(path)
        if git.is_shallow:
            raise ConfigError(
                f"{path} is a shallow clone: its older commits are missing, so what each release brought would be "
                f"miscounted; complete it with git -C {path} fetch --unshallow"
            )
        repo = self._options.repo or git.name()
        known = _decoded(cursors(f"git:{repo}:{self._options.service}"))
        refs = read_refs(git)
        if not refs:
            raise ConfigError(f"{path} is a git repository without commits; give a clone that has some")
        yield from _Reading(git, repo, self._options, known, self._clock.now()).readings(refs)


class _Reading:
    def __init__(self, git: Git, repo: str, options: GitOptions, known: _Cursor, now: datetime) -> None:
        self._git = git
        self._service = options.service
        self._rules = options.rules
        self._repo = repo
        self._place = git.path.name or str(git.path)
        self._known = known
        self._now = now

    def readings(self, refs: list[Ref]) -> Iterator[DeliveryReading]:
        tips = sorted({ref.commit for ref in refs if ref.commit is not None})
        yield from self._commits(tips)
        tags: dict[str, _Known] = {}
        yield from self._releases(refs, tags)
        lines: dict[str, str] = {}
        for rule in self._rules.rules:
            if rule.is_branch:
                yield from self._line(rule, refs, lines)
        cursor = msgspec.msgpack.encode(_Cursor(tips, tags, lines))
        yield ReadUpTo(f"git:{self._repo}:{self._service}", cursor)
        yield ReadUpTo(clone_cursor(self._repo), b"1")

    def _commits(self, tips: list[str]) -> Iterator[DeliveryReading]:
        before = set(self._known.tips)
        fresh = [tip for tip in tips if tip not in before]
        if not fresh and before == set(tips):
            return
        # Tips that a rewritten history has left behind may be gone from the clone altogether.
        there = _present(self._git, self._known.tips)
        gone = sorted(before - set(tips))
        yield from self._rewritten([tip for tip in gone if tip in there], tips, n_missing=len(set(gone) - there))
        if not fresh:
            return
        lines = [*fresh, *(f"^{tip}" for tip in there)]
        total = int(self._git.answer("rev-list", "--count", "--stdin", lines=lines))
        reader = CommitReader(self._git, self._repo)
        n_read = 0
        for batch in reader.batches(lines, is_continued=bool(there)):
            n_read += len(batch)
            yield CommitsRead(batch)
            yield Progress(min(n_read, total), total, "commits")
        if reader.n_odd_times:
            yield Remark(
                f"{reader.n_odd_times} commits have times that are none, before 1970 or after 2100; such a time is "
                "taken from the commit's other time, else as the nearest possible"
            )

    def _rewritten(self, gone: list[str], tips: list[str], *, n_missing: int) -> Iterator[Remark]:
        """Say so where commits that were read before belong to no branch or tag any more."""
        n_commits = 0
        if gone:
            lines = [*gone, *(f"^{tip}" for tip in tips)]
            n_commits = int(self._git.answer("rev-list", "--count", "--stdin", lines=lines))
        if n_commits or n_missing:
            what = f"{n_commits:,} of the commits" if n_commits else "tips of branches or tags"
            verb = "is" if n_commits == 1 else "are"
            yield Remark(
                f"{what} read before {verb} in no branch or tag any more: the history was rewritten, or a branch "
                "removed that was not merged as it was; what is gone counts only in so far as a release contains it"
            )

    def _releases(self, refs: list[Ref], told: dict[str, _Known]) -> Iterator[DeliveryReading]:
        reports: list[DeploymentReported] = []
        moved: list[str] = []
        n_releases = 0
        for ref in refs:
            if not ref.is_tag:
                continue
            report = self._release(ref)
            if isinstance(report, str):
                yield Unused(Place(f"{self._place}, tag {ref.name}"[:400]), report)
                continue
            n_releases += 1
            before = self._known.tags.get(ref.name)
            now = _digest(report)
            n_told = 0 if before is None else before.n_told
            if before is None or before.digest != now:
                if before is not None:
                    moved.append(ref.name)
                reports.append(self._numbered(report, now, n_told))
                n_told += 1
            told[ref.name] = _Known(now, n_told, report.at, report.environment or "")
        if not n_releases and not any(rule.is_branch for rule in self._rules.rules):
            yield Remark(
                "no tag is a release; --explain says why not; name them with --tags, or branches with --environment"
            )
        withdrawn = [name for name in self._known.tags if name not in told]
        if n_releases or not withdrawn:
            reports += self._withdrawals(withdrawn, told)
        else:
            told.update(self._known.tags)
            yield Remark("none of the releases known before is there; a clone without tags takes none of them back")
        yield from _of_changes(moved, [name for name in withdrawn if n_releases and self._known.tags[name].digest])
        for start in range(0, len(reports), BATCH):
            yield ReportsRead(tuple(reports[start : start + BATCH]))

    def _release(self, ref: Ref) -> DeploymentReported | str:
        release = release_of(ref.name, self._rules)
        if isinstance(release, str):
            return release
        if ref.commit is None:
            return f"the tag {ref.name!r} names no commit but a {ref.kind}"
        at = instant_of(ref.seconds)
        if at is None:
            return f"the tag {ref.name!r} has the time {ref.seconds!r}, which is none; it cannot be placed"
        return DeploymentReported(
            id="",
            at=at,
            recorded_at=self._now,
            by=BY,
            origin=ORIGIN,
            ref=f"{self._repo}:{self._service}:{ref.name}",
            service=self._service,
            environment=release.environment,
            version=release.version,
            repo=self._repo,
            sha=ref.commit,
            status=DeploymentStatus.SUCCEEDED,
            unplanned=release.unplanned,
        )

    def _numbered(self, report: DeploymentReported, digest: str, n_told: int) -> DeploymentReported:
        # The number keeps a tag that moved there and back from being taken for the report that is known already.
        name = f"{digest}.{n_told}" if n_told else digest
        return msgspec.structs.replace(report, id=name, supersedes_earlier=bool(n_told))

    def _withdrawals(self, names: list[str], told: dict[str, _Known]) -> list[DeploymentReported]:
        reports = []
        for name in names:
            known = self._known.tags[name]
            if known.digest:
                report = DeploymentReported(
                    id="",
                    at=known.at,
                    recorded_at=self._now,
                    by=BY,
                    origin=ORIGIN,
                    ref=f"{self._repo}:{self._service}:{name}",
                    service=self._service,
                    environment=known.environment,
                    status=DeploymentStatus.CANCELLED,
                    title="the tag is no release any more",
                )
                reports.append(self._numbered(report, "withdrawn", known.n_told))
            told[name] = _Known("", known.n_told + bool(known.digest), known.at, known.environment)
        return reports

    def _line(self, rule: Rule, refs: list[Ref], lines: dict[str, str]) -> Iterator[DeliveryReading]:
        """The commits on the first-parent line of each branch of the rule, each as a deployment at its own time."""
        for name, tip in _branches(rule, refs).items():
            key = f"{rule.environment}={name}"
            lines[key] = tip
            before = self._known.lines.get(key)
            if before == tip:
                continue
            there = [] if before is None else sorted(_present(self._git, [before]))
            fresh = [tip, *(f"^{one}" for one in there)]
            if there:
                left = self._git.answer("rev-list", "--count", "--first-parent", "--stdin", lines=[*there, f"^{tip}"])
                if int(left):
                    yield Remark(f"the branch {name!r} was rewritten; what was deployed from it before stays counted")
            if before is None:
                yield Remark(
                    f"commits on the branch {name!r} count as deployed when they were committed, so that lead time "
                    "leaves out how long they waited for the real deployment; let the pipeline tell of that where it "
                    "matters"
                )
            yield from self._deployed(rule, name, fresh)

    def _deployed(self, rule: Rule, name: str, lines: list[str]) -> Iterator[ReportsRead]:
        reports: list[DeploymentReported] = []
        arguments = ("log", "-z", "--first-parent", "--no-show-signature", "--format=%H%x09%ct", "--stdin")
        for line in chain.from_iterable(self._git.fields(*arguments, lines=lines)):
            sha, _, seconds = line.partition("\t")
            at = instant_of(seconds)
            if at is None:
                continue
            reports.append(
                DeploymentReported(
                    id=sha,
                    at=at,
                    recorded_at=self._now,
                    by=BY,
                    origin=ORIGIN,
                    ref=f"{self._repo}:{self._service}:{rule.environment}={name}@{sha}",
                    service=self._service,
                    environment=rule.environment,
                    version=sha[:12],
                    repo=self._repo,
                    sha=sha,
                    status=DeploymentStatus.SUCCEEDED,
                )
            )
            if len(reports) >= BATCH:
                yield ReportsRead(tuple(reports))
                reports = []
        if reports:
            yield ReportsRead(tuple(reports))


def _branches(rule: Rule, refs: list[Ref]) -> Mapping[str, str]:
    """By name, the tip of each branch that fits; of a branch here and at a remote, the one here."""
    found: dict[str, str] = {}
    for ref in sorted(refs, key=lambda ref: ref.is_remote):
        # HEAD is no branch of its own but one of the others, or one that was said in so many words.
        if ref.name == "HEAD" != rule.pattern:
            continue
        if not ref.is_tag and ref.commit is not None and ref.fits(rule.pattern):
            found.setdefault(ref.name, ref.commit)
    return found


def _of_changes(moved: list[str], withdrawn: list[str]) -> Iterator[Remark]:
    for names, what in ((moved, "moved, or count otherwise than before"), (withdrawn, "are no releases any more")):
        if names:
            rest = f" and {len(names) - 5} more" if len(names) > 5 else ""  # noqa: PLR2004 - a line, not a list
            yield Remark(f"tags {what}: {', '.join(names[:5])}{rest}; what they say now counts")


def _digest(report: DeploymentReported) -> str:
    # Without when it was learnt, which differs with each reading.
    told = (report.at, report.environment, report.version, report.sha, report.unplanned)
    return hashlib.blake2b(msgspec.msgpack.encode(told), digest_size=12).hexdigest()


def _present(git: Git, tips: list[str]) -> set[str]:
    """Those of the objects that the clone still has."""
    if not tips:
        return set()
    answers = git.answer("cat-file", "--batch-check=%(objectname) %(objecttype)", lines=tips).splitlines()
    return {sha for sha, _, kind in (line.partition(" ") for line in answers) if kind == "commit"}


def _decoded(cursor: bytes | None) -> _Cursor:
    if cursor is None:
        return _Cursor()
    try:
        return msgspec.msgpack.decode(cursor, type=_Cursor)
    except msgspec.MsgspecError:
        raise ConfigError(
            "what an earlier import of this repository remembered cannot be read by this resile; update resile"
        ) from None
