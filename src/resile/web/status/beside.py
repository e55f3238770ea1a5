"""The status page's process as the server sees it: started with it, anew if it dies or hangs, and ended with it."""

import ipaddress
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec
import structlog
from msgspec import Struct

from resile.app.settings import Settings, written_for_process
from resile.model.errors import ConfigError
from resile.web.status.process import Said

_END_WITHIN_S = 10.0
# A process that dies at once is started anew after so long, then twice as long, and so on.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
# Until it listens it reads what was published, on which the database may have it wait for ever.
_LISTENS_WITHIN_S = 180.0
_QUESTION = b"GET /healthz HTTP/1.1\r\nHost: status\r\nConnection: close\r\n\r\n"
_log = structlog.get_logger()


class Patience(Struct, frozen=True, kw_only=True):
    """When a process that lives counts as hanging: it was asked so often in a row, and sent not one byte.

    Attributes:
        every_s: how often it is asked; within_s: how long an answer may take.
    """

    every_s: float = 1.0
    within_s: float = 5.0
    n_unanswered: int = 3


class StatusBeside:
    """Starts the process where the settings have a status page; without one it does nothing."""

    def __init__(self, settings: Settings, patience: Patience | None = None) -> None:
        self._settings = settings
        self._patience = patience or Patience()
        self._asked_at: tuple[str, int] = ("", 0)
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="status page", daemon=True)
        self.address: str | None = None

    @property
    def pid(self) -> int | None:
        """The process; None while there is none."""
        return None if self._process is None else self._process.pid

    def __enter__(self) -> Self:
        """Start it, and go on meanwhile."""
        if self._settings.status is not None:
            self._begin()
        return self

    def wait_until_ready(self) -> None:
        """Block until it listens.

        Raises:
            ConfigError: it cannot listen where it is to.
        """
        if self._settings.status is None:
            return
        said = self._heard()
        if said.fault:
            self._end()
            raise ConfigError(said.fault)
        self.address = said.address
        self._asked_at = _near(said.host), said.port
        # What was any free port stays the same one when it is started anew.
        chosen = self._settings.status.model_copy(update={"port": said.port})
        self._settings = self._settings.model_copy(update={"status": chosen})
        self._watcher.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._end()
        if self._watcher.is_alive():
            self._watcher.join(timeout=_END_WITHIN_S)
            # It may have been about to start another one.
            self._end()

    def _begin(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "resile.web.status.process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        # One that died already says nothing, which is told when it is heard.
        with suppress(BrokenPipeError):
            self._process.stdin.write(written_for_process(self._settings))
            self._process.stdin.flush()

    def _heard(self) -> Said:
        """What it says of itself, once it does; one that takes too long for it is ended."""
        process = self._process
        assert process is not None  # noqa: S101 - it was begun
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        too_long = threading.Timer(_LISTENS_WITHIN_S, process.kill)
        too_long.daemon = True
        too_long.start()
        try:
            return msgspec.json.decode(process.stdout.readline(), type=Said)
        except msgspec.DecodeError:
            return Said(fault="status page: its process ended before it listened; see what it wrote on standard error")
        finally:
            too_long.cancel()

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        try:
            process.communicate(timeout=_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def _watch(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._is_over.is_set():
            why = self._until_over()
            if self._is_over.wait(pause_s):
                return
            _log.warning("status page restarted", reason=why)
            self._end()
            self._begin()
            said = self._heard()
            if said.fault:
                _log.warning("status page cannot start", reason=said.fault)
            # Once it listens, the next death is another story.
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S) if said.fault else _FIRST_PAUSE_S

    def _until_over(self) -> str:
        """Wait until it is dead, and say why; one that hangs is ended by us."""
        process = self._process
        assert process is not None  # noqa: S101 - it was started
        n_unanswered = 0
        while not self._is_over.wait(self._patience.every_s):
            code = process.poll()
            if code is not None:
                return f"it died with code {code}"
            n_unanswered = 0 if self._answers() else n_unanswered + 1
            if n_unanswered >= self._patience.n_unanswered:
                process.kill()
                return f"it lived and did not answer {n_unanswered} times within {self._patience.within_s:g} s"
        return "the server ends"

    def _answers(self) -> bool:
        """Whether it says anything at all: that it is too busy is an answer."""
        try:
            with socket.create_connection(self._asked_at, timeout=self._patience.within_s) as asking:
                asking.sendall(_QUESTION)
                return bool(asking.recv(1))
        except OSError:
            return False


def _near(host: str) -> str:
    """Where this machine reaches what listens there."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - as in IPv4
