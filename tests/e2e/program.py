"""The installed program, as its user starts it: another process, an empty home, no leftover environment."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
LONGEST_S = 300
ADDRESS = r"http://127\.0\.0\.1:\d+"


class Program:
    """`resile` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("LANG", "TZ") if name in os.environ}
        self.environment = {
            **kept,
            "PATH": f"{BIN}:/usr/bin:/bin",
            "HOME": str(self.home),
            "RESILE_DATA": str(folder / "data"),
            "COLUMNS": "160",
        }

    def copied_to(self, folder: Path) -> "Program":
        """The same in another folder, with everything that this one holds so far."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Program(folder)

    @contextmanager
    def told(self, **variables: str) -> Iterator[None]:
        """With these variables in its environment for as long as the context lasts."""
        before = self.environment
        self.environment = before | variables
        try:
            yield
        finally:
            self.environment = before

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `resile` with these arguments; the test fails where it ends with another code."""
        return self._checked([str(BIN / "resile"), *arguments], code)

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run lines of a shell, as somebody pastes them."""
        return self._checked(["/bin/bash", "-euo", "pipefail", "-c", script], 0)

    def json(self, *arguments: str) -> Any:
        """What a command says with --json."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def _checked(self, command: list[str], code: int) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
        assert done.returncode == code, f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    @contextmanager
    def serving(self, *arguments: str) -> Iterator["Server"]:
        """Start a command that serves, on a port that the system chooses; wait for the address that it prints."""
        process = subprocess.Popen(
            [str(BIN / "resile"), *arguments],
            cwd=self.folder,
            env={**self.environment, "RESILE_PORT": "0", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        server = Server(process)
        try:
            server.wait_until_ready()
            yield server
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            server.drain()


class Server:
    """A serving process and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.address = ""
        self._said: list[str] = []
        self._has_said_more = threading.Condition()
        self._is_over = False
        # A pipe that nobody reads fills up, and the program would stop in the middle of a word.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def said(self) -> str:
        """Everything printed until now."""
        return "".join(self._said)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._has_said_more:
                self._said.append(line)
                self._has_said_more.notify_all()
        with self._has_said_more:
            self._is_over = True
            self._has_said_more.notify_all()

    def wait_for(self, pattern: str) -> str:
        """Block until something like it was printed; what was."""
        with self._has_said_more:
            self._has_said_more.wait_for(lambda: re.search(pattern, self.said) or self._is_over, LONGEST_S)
        found = re.search(pattern, self.said)
        assert found, f"nothing like {pattern!r} was said: {self.said}"
        return found.group(0)

    def wait_until_ready(self) -> None:
        """Block until the address was printed."""
        self.address = self.wait_for(ADDRESS)

    def stop(self, how: signal.Signals) -> int:
        """Send the signal; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(timeout=LONGEST_S)

    def drain(self) -> None:
        """Take what was said last."""
        self._reader.join(timeout=LONGEST_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
