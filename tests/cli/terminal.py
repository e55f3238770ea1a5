"""The command line within this process: quick, and with the exit code that a shell would see."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from resile.cli.main import app

WIDTH = 80


class Terminal:
    """`resile --data FOLDER` in a terminal of 80 columns without colour."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._runner = CliRunner()
        self._monkeypatch = monkeypatch
        for name in ("RESILE_DATABASE_URL", "RESILE_IS_SIMULATED", "RESILE_BASE_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("COLUMNS", str(WIDTH))
        monkeypatch.setenv("NO_COLOR", "1")

    def run(self, *arguments: str, code: int = 0, given: str | None = None) -> Result:
        """Run a command; the test fails where it ends with another code."""
        done = self._runner.invoke(app, ["--data", str(self.folder), *arguments], input=given)
        assert done.exit_code == code, (
            f"{arguments}: {done.exit_code}\n{done.stdout}\n{done.stderr}\n{done.exception!r}"
        )
        return done

    def is_wide(self, columns: int) -> "Terminal":
        """The same terminal, made narrower or wider."""
        self._monkeypatch.setenv("COLUMNS", str(columns))
        return self

    def says(self, *arguments: str) -> str:
        """What the command writes to standard output."""
        return str(self.run(*arguments).stdout)

    def json(self, *arguments: str) -> Any:
        """What the command says with --json; the test fails where that is not one JSON value and nothing else."""
        return json.loads(self.says(*arguments, "--json"))

    def refuses(self, *arguments: str, code: int = 2) -> str:
        """The sentence on standard error, with nothing on standard output."""
        done = self.run(*arguments, code=code)
        assert done.stdout == ""
        return " ".join(done.stderr.split())
