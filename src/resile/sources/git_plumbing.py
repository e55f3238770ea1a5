"""git as a program that reads one repository, which may come from anybody: nothing that stands in it is run."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from resile.model.errors import ConfigError

# Of one field of a commit no more is kept: messages of any size come by, and what matters stands at their beginning.
MAX_FIELD_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 20
# What a repository's own configuration could otherwise have git run or fetch while it only reads.
_INERT = (
    *("-c", "core.fsmonitor="),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.sshCommand=false"),
    *("-c", "log.showSignature=false"),
    *("-c", "protocol.allow=never"),
)
# Where the user keeps which folders of others may be read.
_KEPT = {"GIT_CONFIG_GLOBAL"}


class Git:
    """Runs git's plumbing in one repository.

    Raises:
        ConfigError: git is missing, or the folder is no repository that it reads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise ConfigError(f"{path} is not there; check the path")
        if path.is_file():
            raise ConfigError(f"{path} is a file; give the folder of the git repository")
        self._environment = _environment(path)
        is_shallow = self.answer("rev-parse", "--is-shallow-repository").strip()
        self.is_shallow = is_shallow == "true"

    def answer(self, *arguments: str, lines: Iterable[str] = ()) -> str:
        """What git prints, given these lines on its standard input.

        Raises:
            ConfigError: it failed; says what it said.
        """
        return b"".join(self.stream(*arguments, lines=lines)).decode("utf-8", "replace")

    def stream(self, *arguments: str, lines: Iterable[str] = ()) -> Iterator[bytes]:
        """The same, piece by piece."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.writelines(f"{line}\n".encode("utf-8", "surrogateescape") for line in lines)
            given.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603 - git itself, no shell
                    ["git", "--no-pager", "-C", str(self.path), *_INERT, *arguments],  # noqa: S607 - on the path
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    env=self._environment,
                )
            except FileNotFoundError:
                raise ConfigError("git is not installed; install it to read a git repository") from None
            with process:
                assert process.stdout is not None  # noqa: S101 - it is a pipe
                try:
                    while piece := process.stdout.read1(_CHUNK_BYTES):  # type: ignore[attr-defined]
                        yield piece
                except GeneratorExit:
                    process.kill()
                    raise
            if process.returncode:
                said.seek(0)
                raise ConfigError(_failure(self.path, said.read(_CHUNK_BYTES).decode("utf-8", "replace")))

    def fields(self, *arguments: str, lines: Iterable[str] = ()) -> Iterator[list[str]]:
        """What git prints, cut at NUL, a piece at a time; of a field longer than any its beginning."""
        rest = b""
        for piece in self.stream(*arguments, lines=lines):
            whole, is_cut, begun = piece.rpartition(b"\0")
            if is_cut:
                yield (rest + whole).decode("utf-8", "replace").split("\0")
                rest = begun
            else:
                # A field that is longer than any is not gathered: its further pieces fall away.
                rest = (rest + begun)[:MAX_FIELD_BYTES]

    def name(self) -> str:
        """What the repository is called: by its remote's address, without credentials, else by its folder."""
        try:
            listed = self.answer("config", "--null", "--get-regexp", r"^remote\..*\.url$")
        except ConfigError:  # git answers so where there is no remote
            listed = ""
        pairs = [pair.partition("\n") for pair in listed.split("\0") if pair]
        remotes = {key.removeprefix("remote.").removesuffix(".url"): address for key, _, address in pairs}
        address = remotes.get("origin") or (next(iter(remotes.values())) if len(remotes) == 1 else "")
        folder = self.path.resolve()
        own = folder.parent.name if folder.name == ".git" else folder.name
        return name_of_address(address) or own.removesuffix(".git") or "repository"


def name_of_address(address: str) -> str:
    """Host and path of a remote, such as `github.com/acme/shop`; of a folder its name; nothing of credentials."""
    address = address.strip()
    if "://" in address:
        try:
            parts = urlsplit(address)
            host, path = parts.hostname or "", parts.path
        except ValueError:  # no host can be made out
            return ""
        if parts.scheme == "file":
            host, path = "", path.rstrip("/").rpartition("/")[2]
    elif ":" in address.partition("/")[0]:
        # The short form of ssh: user@host:path.
        host, _, path = address.rpartition("@")[2].partition(":")
    else:
        host, path = "", address.rstrip("/").rpartition("/")[2]
    path, host = path.strip("/").removesuffix(".git"), host.lower()
    return f"{host}/{path}"[:200] if host and path else path[:200]


def _environment(path: Path) -> dict[str, str]:
    """Such that git looks into that folder alone, whatever a hook that runs us has pointed to, and asks nobody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_CEILING_DIRECTORIES": str(path.resolve().parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        # A partial clone would fetch what it lacks from wherever it says.
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
    }


def _failure(path: Path, said: str) -> str:
    first = said.strip().partition("\n")[0]
    if "dubious ownership" in said:
        return (
            f"{path} belongs to another user, and git reads it only once you trust it; say so with "
            f"git config --global --add safe.directory {path.resolve()}"
        )
    if "not a git repository" in said:
        return f"{path} is no git repository; give the folder of a clone, bare or not"
    return f"{path} cannot be read as a git repository ({first[:300]}); check it with git fsck"
