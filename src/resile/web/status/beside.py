"""The status page's process as the server sees it: started with it, started anew if it dies, ended with it."""

import subprocess
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec
import structlog

from resile.app.settings import Settings
from resile.model.errors import ConfigError
from resile.web.status.process import Said

_END_WITHIN_S = 10.0
# A process that dies at once is started anew after so long, then twice as long, and so on.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_log = structlog.get_logger()


class StatusBeside:
    """Starts the process where the settings have a status page; without one it does nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
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
            self._process.stdin.write(self._settings.model_dump_json().encode() + b"\n")
            self._process.stdin.flush()

    def _heard(self) -> Said:
        """What it says of itself, once it does."""
        assert self._process is not None  # noqa: S101 - it was begun
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        try:
            return msgspec.json.decode(line, type=Said)
        except msgspec.DecodeError:
            return Said(fault="status page: its process ended before it listened; see what it wrote on standard error")

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
            assert self._process is not None  # noqa: S101 - it was started
            code = self._process.wait()
            if self._is_over.wait(pause_s):
                return
            _log.warning("status page died", code=code)
            self._end()
            self._begin()
            said = self._heard()
            if said.fault:
                _log.warning("status page cannot start", reason=said.fault)
            # Once it listens, the next death is another story.
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S) if said.fault else _FIRST_PAUSE_S
