"""Upptime's git history: each check is a commit such as `🟥 NAME is down (500 in 312 ms)`.

The first "down" (or "degraded") of a name begins an outage and its next "up" ends it; repeated ones change nothing.
Checks run every few minutes, so a beginning is late by up to one interval.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from resile.model.draft import Draft, Step
from resile.model.errors import ConfigError
from resile.model.event import Source
from resile.ports.source import Place, Progress, Reading, Refused, Remark, Skipped, SourceOptions, Taken

_CHECK = re.compile(
    r"(?:🟩|🟨|🟥|:[a-z_]+:)?\s*(?P<name>.+?) (?:is|was) (?P<state>up|down|degraded)"
    r" \((?P<code>-?\d+) in (?P<ms>\d+) ?ms\)",
)
MAX_LINE_BYTES = 1 << 16
_COMMITS_PER_PROGRESS = 1_000
_NEWEST_S = 4_102_444_800  # the year 2100: a later commit time is an error of somebody's clock


class _Outage(Struct):
    row: int
    began: datetime
    state: str
    code: str


def open_source(options: SourceOptions) -> "UpptimeSource":
    """The door for Upptime with these options."""
    return UpptimeSource(options)


class UpptimeSource:
    """Reads an Upptime repository, bare or not."""

    def __init__(self, options: SourceOptions) -> None:
        self._origin = options.name or "upptime"

    def read(self, path: Path) -> Iterator[Reading]:
        """Read every commit of HEAD, oldest first."""
        if _git(path, "rev-parse", "--is-shallow-repository").strip() == "true":
            raise ConfigError(
                f"{path} is a shallow clone: its older checks are missing, so outages would be miscounted; complete it "
                f"with git -C {path} fetch --unshallow"
            )
        n_commits = int(_git(path, "rev-list", "--count", "--all"))
        if not n_commits:
            raise ConfigError(f"{path} is a git repository without commits; give a clone that has some")
        n_commits = int(_git(path, "rev-list", "--count", "HEAD"))
        # The present folder, which is a clone as often as not, has no name until it is resolved.
        place_name = path.name or path.resolve().name
        outages: dict[str, _Outage] = {}
        names: dict[str, bool] = {}
        for row, line in enumerate(_log(path), start=1):
            yield self._reading(Place(place_name, row), line, outages, names)
            if row % _COMMITS_PER_PROGRESS == 0:
                yield Progress(row, n_commits)
        if not names:
            raise ConfigError(
                f"nothing was found in {path}: no commit of it is a check such as 'NAME is down (500 in 312 ms)'; "
                "give the repository in which Upptime keeps its checks"
            )
        for name, outage in outages.items():
            yield Taken(self._draft(name, outage, None), Place(place_name, outage.row))
        n_down = sum(names.values())
        yield Remark(f"{len(names)} services are checked; {n_down} of them had outages, {len(outages)} are still down")

    def _reading(self, place: Place, line: bytes, outages: dict[str, _Outage], names: dict[str, bool]) -> Reading:
        seconds, _, subject = line.decode("utf-8", "replace").rstrip("\n").partition("\t")
        found = _CHECK.match(subject)
        if found is None:
            return Skipped(place, "the commit is no check")
        name, state = found["name"], found["state"]
        names.setdefault(name, False)
        if not seconds.isdecimal() or int(seconds) > _NEWEST_S:
            return Refused(place, f"the commit's time {seconds!r} is no time; it stays out", {})
        if state == "up":
            outage = outages.pop(name, None)
            if outage is None:
                return Skipped(place, "the check found it up, as before")
            restored = datetime.fromtimestamp(int(seconds), UTC)
            return Taken(self._draft(name, outage, restored), Place(place.file, outage.row))
        known = outages.get(name)
        if known is not None:
            known.state = "down" if state == "down" else known.state
            return Skipped(place, "the check found it still down; the outage is known")
        outages[name] = _Outage(place.row, datetime.fromtimestamp(int(seconds), UTC), state, found["code"])
        names[name] = True
        return Skipped(place, "the check begins an outage, which is taken when it ends")

    def _draft(self, name: str, outage: _Outage, restored: datetime | None) -> Draft:
        steps = [Step("detected", outage.began, Source.MEASURED)]
        if restored is not None:
            steps.append(Step("restored", restored, Source.MEASURED))
        return Draft(
            origin=self._origin,
            ref=f"{name[:400]}@{int(outage.began.timestamp())}",
            title=f"{name} is {outage.state}",
            services=(name,),
            labels={"worst": outage.state, "code": outage.code},
            steps=tuple(steps),
        )


def _environment(path: Path) -> dict[str, str]:
    """Such that git looks into that folder alone: not into one around it, nor where a hook that runs us has pointed."""
    kept = {name: value for name, value in os.environ.items() if name not in {"GIT_DIR", "GIT_WORK_TREE"}}
    around = str(path.resolve().parent)
    return {
        **kept, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_CEILING_DIRECTORIES": around,
    }  # fmt: skip


def _git(path: Path, *arguments: str) -> str:
    """What git answers.

    Raises:
        ConfigError: git is missing, or the path is no repository with commits.
    """
    if not path.exists():
        raise ConfigError(f"{path} is not there; check the path")
    if path.is_file():
        raise ConfigError(f"{path} is a file; give the folder of the git repository")
    try:
        ran = subprocess.run(  # noqa: S603 - git itself, no shell
            ["git", "-C", str(path), *arguments],  # noqa: S607 - the one on the path
            capture_output=True,
            check=False,
            env=_environment(path),
        )
    except FileNotFoundError:
        raise ConfigError("git is not installed; install it to read an Upptime repository") from None
    if ran.returncode:
        said = ran.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise ConfigError(f"{path} cannot be read as a git repository ({said}); give a clone that has commits")
    return ran.stdout.decode("utf-8", "replace")


def _log(path: Path) -> Iterator[bytes]:
    """Committer time and subject of every commit, oldest first, parents before their children."""
    command = ["git", "-C", str(path), "log", "--reverse", "--date-order", "--no-show-signature", "--format=%ct%x09%s"]
    with subprocess.Popen(  # noqa: S603 - git itself, no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(path)
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            while line := process.stdout.readline(MAX_LINE_BYTES):
                while not line.endswith(b"\n") and (rest := process.stdout.readline(MAX_LINE_BYTES)):
                    # The rest of a subject longer than any name; what matters stands at its beginning.
                    if rest.endswith(b"\n"):
                        break
                yield line
        finally:
            process.kill()
        if process.wait() > 0:
            raise ConfigError(f"git could not read the history of {path} to its end; check it with git fsck")
