"""A step that a shell runs: its text as it stands in the playbook, its inputs in its environment and nowhere else."""

import contextlib
import json
import os
import re
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import structlog
from msgspec import Struct

from resile.model.room_event import StepOutcome
from resile.ports.runner import Ran, StepRefusedError, Work
from resile.runners.kept_output import KeptOutput
from resile.runners.supervise import remove

SUPERVISE = Path(__file__).with_name("supervise.py")
SHELLS = {"sh": "/bin/sh", "shell": "/bin/sh", "bash": "/bin/bash"}
# Linux takes no longer string in an environment, less some for its name.
MAX_VALUE_BYTES = 100_000
MAX_ENVIRONMENT_BYTES = 1_000_000
# After it was told to end, what has not ended by then is killed.
GRACE_S = 2.0
# Beyond its time, its grace and the killing, whoever watches over it has so long to say so.
_LATE_S = 10.0
_LOOKS_EVERY_S = 0.1
# Once the step has ended, what it wrote is there to be read.
DRAINS_S = 5.0
# Who forks while it is being looked for is looked for again.
_SWEEPS = 50
_PIPE_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# Names that change what the shell, the loader or a language does, rather than what the step sees.
_OURS = re.compile(
    r"PATH|HOME|LANG|LC_.*|TMPDIR|PWD|OLDPWD|SHELL|USER|IFS|ENV|CDPATH|SHELLOPTS|PS4|BASH.*|LD_.*|PYTHON.*|PERL.*|RUBY.*"
    r"|NODE_.*|GIT_.*|DYLD_.*|RESILE_.*"
)
_log = structlog.get_logger()


class ShellLimits(Struct, frozen=True, kw_only=True):
    """What one step may use. Megabytes are 10^6 bytes.

    Attributes:
        output_bytes: shown of what it writes; it may write more.
        memory_mb: of all its processes together, looked at five times a second; one alone may ask for four times as
            much address space.
        cpu_s: of one process.
        file_mb: of one file.
        folder_mb: of all files in its folder, looked at as memory is.
        processes: at one moment.
    """

    output_bytes: int = 16_384
    memory_mb: int = 1_024
    cpu_s: int = 3_600
    file_mb: int = 256
    folder_mb: int = 512
    open_files: int = 256
    processes: int = 128


class ShellRunner:
    """Runs steps in a session, a folder and an environment of their own, each under a process that watches over it.

    Args:
        path, home: of the environment; those of resile where they are None.
        grace_s: between being told to end and being killed.
    """

    def __init__(
        self,
        limits: ShellLimits | None = None,
        *,
        path: str | None = None,
        home: str | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        self._limits = limits or ShellLimits()
        self._path = path or os.environ.get("PATH", os.defpath)
        self._home = home or os.environ.get("HOME", "/")
        self._grace_s = grace_s

    def run(self, work: Work, stop: Event) -> Ran:
        """Run it.

        Raises:
            StepRefusedError: this machine cannot, or an input cannot be given to a program.
        """
        if sys.platform != "linux":
            raise StepRefusedError("steps for a shell run on Linux alone; run resile there, or run the step by hand")
        shell = SHELLS.get(work.language)
        if shell is None or not Path(shell).exists():
            raise StepRefusedError(f"there is no shell {work.language[:40]!r} here; write ```sh")
        given = checked_environment(work)
        if "\x00" in work.body:
            raise StepRefusedError("the step holds a NUL character, which no program can be given; take it out")
        with _folder() as folder:
            environment = {"PATH": self._path, "HOME": self._home, "LANG": "C.UTF-8", "TMPDIR": folder, **given}
            told = {
                "arguments": [shell, "-c", work.body],
                "environment": environment,
                "folder": folder,
                "timeout_s": work.timeout_s,
                "grace_s": self._grace_s,
                "limits": {
                    **{name: getattr(self._limits, name) for name in self._limits.__struct_fields__},
                    "address_mb": 4 * self._limits.memory_mb,
                },
            }
            return self._watched(told, stop, work.timeout_s)

    def _watched(self, told: dict[str, Any], stop: Event, timeout_s: float) -> Ran:
        reads, writes = os.pipe()
        with open(reads, "rb", buffering=0) as output:  # noqa: PTH123 - it is a descriptor
            _widen(reads)
            try:
                watcher = subprocess.Popen(  # noqa: S603 - our own file, by our own interpreter
                    [sys.executable, "-I", "-S", str(SUPERVISE)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(writes,),
                    start_new_session=True,
                    cwd="/",
                    env={},
                    bufsize=0,
                )
            except OSError as error:
                raise StepRefusedError(f"no process could be started: {error.strerror}; look at the machine") from None
            finally:
                os.close(writes)
            with watcher:
                body = json.dumps({**told, "output": writes}).encode()
                watch = _Watch(watcher, output.fileno(), KeptOutput(self._limits.output_bytes))
                watch.say(b"%08d" % len(body) + body)
                ran = watch.to_its_end(stop, within_s=timeout_s + self._grace_s + _LATE_S)
                if ran.outcome is StepOutcome.UNKNOWN:
                    kill_all_of(told["folder"])
                return ran


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """The name of a folder that nobody has, which whoever watches over the step makes; removed afterwards."""
    folder = f"{tempfile.gettempdir()}/resile-step-{secrets.token_hex(8)}"
    try:
        yield folder
    finally:
        remove(folder)


def checked_environment(work: Work) -> dict[str, str]:
    """What a step's program finds in its environment, byte for byte what was given.

    Raises:
        StepRefusedError: a name or a value cannot be passed on as it is.
    """
    given = {**work.inputs, **work.secrets}
    n_bytes = 0
    for name, value in given.items():
        if not _NAME.fullmatch(name) or _OURS.fullmatch(name):
            raise StepRefusedError(f"an input cannot be called {name[:64]!r} in a shell; rename it in the playbook")
        if "\x00" in value:
            raise StepRefusedError(
                f"input {name!r} holds a NUL character, which no program can be given; it is not run"
            )
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise StepRefusedError(f"input {name!r} holds half a character, which no program can be given") from None
        if size > MAX_VALUE_BYTES:
            raise StepRefusedError(f"input {name!r} has {size:,} bytes; a program can be given {MAX_VALUE_BYTES:,}")
        n_bytes += size + len(name)
    if n_bytes > MAX_ENVIRONMENT_BYTES:
        raise StepRefusedError(f"all inputs have {n_bytes:,} bytes; a program can be given {MAX_ENVIRONMENT_BYTES:,}")
    return given


def kill_all_of(folder: str) -> None:
    """Kill what is left of a step whose watcher died, as far as it can be known: by its folder.

    That stands in its environment, and is where it works; a process that changed both is not found.
    """
    mark = f"TMPDIR={folder}".encode()
    for _ in range(_SWEEPS):
        found = [int(process.name) for process in Path("/proc").glob("[0-9]*") if _is_of(process, folder, mark)]
        if not found:
            return
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _is_of(process: Path, folder: str, mark: bytes) -> bool:
    with contextlib.suppress(OSError):
        if mark in (process / "environ").read_bytes().split(b"\0"):
            return True
    with contextlib.suppress(OSError):
        # Of a folder that is gone, the kernel says so after its name.
        where = str((process / "cwd").readlink()).removesuffix(" (deleted)")
        return where == folder or where.startswith(f"{folder}/")
    return False


class _Watch:
    """What is heard of one step while it runs."""

    def __init__(self, watcher: "subprocess.Popen[bytes]", output: int, kept: KeptOutput) -> None:
        self._watcher = watcher
        self._output = output
        self._kept = kept
        self._report = bytearray()
        self._is_lost = False
        self._began = monotonic()

    def say(self, told: bytes) -> None:
        """Tell whoever watches over it; where they have died, that is seen by itself."""
        stdin = self._watcher.stdin
        with contextlib.suppress(OSError):
            while told and stdin is not None:
                told = told[stdin.write(told) or 0 :]

    def to_its_end(self, stop: Event, *, within_s: float) -> Ran:
        """Hear all that it writes until it has ended and nothing of it is left."""
        is_told = False
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ, self._kept.take)
            if self._watcher.stdout is not None:
                selector.register(self._watcher.stdout.fileno(), selectors.EVENT_READ, self._report.extend)
            while selector.get_map() and not self._is_lost:
                if stop.is_set() and not is_told:
                    is_told = True
                    self.say(b"stop\n")
                if monotonic() - self._began > within_s:
                    if not self._report:
                        _log.error("step's watcher does not end", pid=self._watcher.pid)
                    break
                for key, _ in selector.select(_LOOKS_EVERY_S):
                    piece = os.read(key.fd, _PIPE_BYTES)
                    if piece:
                        key.data(piece)
                    else:
                        selector.unregister(key.fd)
                        if key.fd != self._output:
                            # Whoever else was handed the output may hold it open for as long as they like.
                            self._is_lost = not self._report
                            within_s = monotonic() - self._began + DRAINS_S
        # It has closed everything, or hangs.
        self._watcher.kill()
        return self._told_by(self._told())

    def _told(self) -> Mapping[str, Any]:
        try:
            return dict(json.loads(self._report))
        except ValueError:
            return {}

    def _told_by(self, told: Mapping[str, Any]) -> Ran:
        why, code = told.get("why", "lost"), told.get("exit_code")
        outcome, because = _WHY.get(why, (StepOutcome.DONE if code == 0 else StepOutcome.FAILED, ""))
        left = told.get("n_left", 0)
        clauses = [because] if because else []
        if why == "ended" and code is not None and code < 0:
            clauses.append(f"signal {-code} ended it")
        if why == "ended" and left:
            clauses.append(f"{left} of its processes were still there when it had ended, and were ended too")
        if told.get("n_unkillable"):
            clauses.append(f"{told['n_unkillable']} of its processes cannot be killed")
        return Ran(
            outcome=outcome,
            exit_code=code if code is None or code >= 0 else 128 - code,
            head=self._kept.head,
            tail=self._kept.tail,
            n_output_bytes=self._kept.n_bytes,
            because="; ".join(clauses),
            lasted_s=monotonic() - self._began,
        )


_WHY = {
    "timeout": (StepOutcome.TIMED_OUT, ""),
    "stop": (StepOutcome.STOPPED, ""),
    "memory": (StepOutcome.STOPPED, "it used more memory than a step may"),
    "folder": (StepOutcome.STOPPED, "it filled its folder with more than a step may"),
    "processes": (StepOutcome.STOPPED, "it had more processes than a step may"),
    "orphaned": (StepOutcome.UNKNOWN, "nobody watched over it any more"),
    "unstarted": (StepOutcome.FAILED, "its folder or its process could not be made"),
    "lost": (StepOutcome.UNKNOWN, "whoever watched over it died"),
}


def _widen(pipe: int) -> None:
    """So that much output costs few wake-ups."""
    import fcntl  # noqa: PLC0415 - not everywhere

    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
