"""Starts one program and sees to it that nothing of it is left: a process of its own, `python -I -S supervise.py`.

It reads eight digits, so many bytes of JSON that say what to run, and then waits for one of: the program ended, its
time passed, it uses too much, `stop` is said, or nobody is there any more who could say it. Whatever forked away from
the program comes back to this process, however it forked (PR_SET_CHILD_SUBREAPER), and is ended with it. The last line
on standard output says how it ended. It knows nothing of resile, so that it starts in a moment.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import select
import signal
import sys
import time
from typing import Any

SUBREAPER, DEATH_SIGNAL = 36, 1
LOOKS_EVERY_S = 0.2
# Of what is killed, nothing is left after this long but what the kernel itself holds.
KILLS_WITHIN_S = 5.0
MAX_FILES = 20_000
VERY_MUCH = 1 << 62
PAGE = resource.getpagesize()
MB = 1_000_000


class Processes:
    """The living descendants of this process, and what they use.

    Attributes:
        pids: of those that are no zombies.
        n_bytes: memory that is theirs, shared parts counted for each.
    """

    def __init__(self) -> None:
        children: dict[int, list[int]] = {}
        living: dict[int, int] = {}
        for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib takes a while to load
            if name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - as above
                        fields = file.read().rpartition(b")")[2].split()
                    children.setdefault(int(fields[1]), []).append(int(name))
                    if fields[0] not in (b"Z", b"X"):
                        living[int(name)] = int(fields[21]) * PAGE
        found, new = [], [os.getpid()]
        while new:
            new = [child for parent in new for child in children.get(parent, ())]
            found += new
        self.pids = [pid for pid in found if pid in living]
        self.n_bytes = sum(living[pid] for pid in self.pids)

    def signal(self, number: int) -> None:
        """Tell all of them."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


class Supervisor:
    """Over one program.

    Args:
        given: `arguments`, `environment`, `folder`, `output` (a file descriptor), `timeout_s`, `grace_s`, `limits`.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._limits = given["limits"]
        self._status: int | None = None
        self._woken, wakes = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._is_told_to_end = False
        signal.signal(signal.SIGTERM, self._end)

    def _end(self, *_: object) -> None:
        self._is_told_to_end = True

    def run(self) -> dict[str, Any]:
        """Run it to its end, whatever that is."""
        control("PR_SET_CHILD_SUBREAPER", SUBREAPER, 1)
        # What the child is told before it is the program would be heard by nobody.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self._child = os.fork()
        if self._child == 0:
            self._become()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.close(self._given["output"])
        why = self._watch()
        n_left = self._end_all(self._given["grace_s"])
        remove(self._given["folder"])
        status = self._status
        code = None if status is None else os.waitstatus_to_exitcode(status)
        return {"why": why, "exit_code": code, "n_left": n_left, "n_unkillable": len(Processes().pids)}

    def _watch(self) -> str:
        """Wait; why it is over."""
        ends_at = time.monotonic() + self._given["timeout_s"]
        looks_at = 0.0
        while True:
            now = time.monotonic()
            self._reap()
            if self._status is not None:
                return "ended"
            if now >= ends_at:
                return "timeout"
            if self._is_told_to_end:
                return "stop"
            if now >= looks_at:
                looks_at = now + LOOKS_EVERY_S
                why = self._too_much()
                if why:
                    return why
            ready, _, _ = select.select([0, self._woken], [], [], min(ends_at - now, LOOKS_EVERY_S))
            if self._woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._woken, 4_096)
            if 0 in ready:
                return "stop" if os.read(0, 64) else "orphaned"

    def _too_much(self) -> str:
        processes = Processes()
        if len(processes.pids) > self._limits["processes"]:
            return "processes"
        if processes.n_bytes > self._limits["memory_mb"] * MB:
            return "memory"
        return "folder" if used_in(self._given["folder"]) > self._limits["folder_mb"] * MB else ""

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if pid == self._child:
                    self._status = status

    def _end_all(self, grace_s: float) -> int:
        """Tell everything that is left to end, and kill what does not; how many were there when the program ended."""
        processes = Processes()
        n_left = len(processes.pids)
        processes.signal(signal.SIGTERM)
        # What is stopped hears nothing before it goes on.
        processes.signal(signal.SIGCONT)
        until = time.monotonic() + grace_s
        while self._are_left() and time.monotonic() < until:
            select.select([], [], [], 0.01)
        until = time.monotonic() + KILLS_WITHIN_S
        while self._are_left() and time.monotonic() < until:
            self._kill()
        return n_left

    def _are_left(self) -> bool:
        self._reap()
        return bool(Processes().pids)

    def _kill(self) -> None:
        """Hold all of them first, until none is new: who forks faster than it is killed would never be gone."""
        held: set[int] = set()
        for _ in range(50):
            processes = Processes()
            if held.issuperset(processes.pids):
                break
            held.update(processes.pids)
            processes.signal(signal.SIGSTOP)
        Processes().signal(signal.SIGKILL)
        select.select([], [], [], 0.005)

    def _become(self) -> None:
        """In the child: be the program, with its limits, and nothing of ours."""
        try:
            os.setsid()
            control("PR_SET_PDEATHSIG", DEATH_SIGNAL, signal.SIGKILL)
            os.chdir(self._given["folder"])
            os.umask(0o077)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(self._given["output"], 1)
            os.dup2(self._given["output"], 2)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            self._limit()
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            arguments = self._given["arguments"]
            environment = {name.encode(): value.encode() for name, value in self._given["environment"].items()}
            os.execve(arguments[0], [one.encode() for one in arguments], environment)  # noqa: S606 - it is the point
        except BaseException as error:  # noqa: BLE001 - a copy of the supervisor must not go on
            with contextlib.suppress(OSError):
                os.write(2, f"the step could not be started: {error}\n".encode())
        finally:
            os._exit(126)

    def _limit(self) -> None:
        limits = self._limits
        for kind, most in (
            (resource.RLIMIT_CPU, limits["cpu_s"]),
            (resource.RLIMIT_AS, limits["address_mb"] * MB),
            (resource.RLIMIT_FSIZE, limits["file_mb"] * MB),
            (resource.RLIMIT_NOFILE, limits["open_files"]),
            (resource.RLIMIT_CORE, 0),
        ):
            _, hardest = resource.getrlimit(kind)
            at_most = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
            resource.setrlimit(kind, (at_most, at_most))


def remove(folder: str) -> None:
    """Remove a step's folder: resile may have died, and nobody else be left to do it.

    What lies deeper is moved up first: neither the depth of folders nor the length of paths ends it, nor that nobody
    may look into one. It gives up once it comes no further.
    """
    n_moved = 0
    is_going_on = not os.path.islink(folder)  # noqa: PTH114 - pathlib takes a while to load
    if not is_going_on:
        # The step put it there: whatever it leads to is not its folder.
        os.unlink(folder)  # noqa: PTH108 - as above
    while is_going_on:
        is_going_on = False
        for entry in listed(folder):
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    for inner in listed(entry.path):
                        if inner.is_dir(follow_symlinks=False):
                            os.chmod(inner.path, 0o700)  # noqa: PTH101 - as above
                            n_moved += 1
                            os.rename(inner.path, f"{folder}/resile moved {n_moved}")  # noqa: PTH104 - as above
                        else:
                            os.unlink(inner.path)  # noqa: PTH108 - as above
                        is_going_on = True
                    os.rmdir(entry.path)  # noqa: PTH106 - as above
                else:
                    os.unlink(entry.path)  # noqa: PTH108 - as above
                is_going_on = True
    with contextlib.suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106 - as above


def listed(folder: str) -> "list[os.DirEntry[str]]":
    """What is in a folder, which is opened for it; nothing where that cannot be."""
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)  # noqa: PTH101 - as above
        with os.scandir(folder) as found:
            return list(found)
    return []


def control(name: str, option: int, value: int) -> None:
    """Ask the kernel for something about this process."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), name)


def used_in(folder: str) -> int:
    """How many bytes the files of a folder take, as far as can be counted; very many, or very deep, count as very much.

    Unlike os.walk it does not go down by calling itself, which ends at a thousand folders within one another.
    """
    n_bytes, n_files, folders = 0, 0, [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    n_files += 1
                    if n_files > MAX_FILES:
                        return VERY_MUCH
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        with contextlib.suppress(OSError):
                            n_bytes += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError as error:
            # Gone meanwhile, or closed to us: not so what is too deep to be looked at.
            if error.errno == errno.ENAMETOOLONG:
                return VERY_MUCH
    return n_bytes


def read_exactly(n_bytes: int) -> bytes:
    """So many bytes of standard input, not one more; fewer where it ends before."""
    told = b""
    while len(told) < n_bytes:
        piece = os.read(0, n_bytes - len(told))
        if not piece:
            break
        told += piece
    return told


def main() -> None:
    """Run what standard input says."""
    told = read_exactly(8)
    body = read_exactly(int(told)) if len(told) == 8 else b""  # noqa: PLR2004 - the digits
    if body[-1:] != b"}":
        # resile died before it had said what to run.
        return
    given = json.loads(body)
    try:
        # Made here, so that there is none without somebody who removes it.
        os.mkdir(given["folder"], 0o700)  # noqa: PTH102 - pathlib takes a while to load
        found = Supervisor(given).run()
    except OSError as error:
        found = {"why": "unstarted", "error": error.strerror}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
