"""The server as a process: it says when it is ready, ends in good order, and listens only where it may."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog
from fastapi import FastAPI

from resile.app.access import Access
from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.model.errors import ConfigError
from resile.web.server import is_near, log_to_stderr, serve

from .conftest import PASSWORDS
from .visitor import ADMIN, Visitor

SERVE = """
import sys
from pathlib import Path

from resile.app.settings import load_settings
from resile.web.server import serve

serve(load_settings(data=Path(sys.argv[1]), port=0), say=lambda line: print(line, flush=True))
"""


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own; killed at the end if it still runs."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("RESILE_")} | environment
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}: the port is in use.*RESILE_PORT"):
            serve(Settings(data=tmp_path, port=port))


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "host.invalid"])
def test_a_host_that_is_not_this_machine_is_one_clear_sentence(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="RESILE_HOST"):
        serve(Settings(data=tmp_path, host=host, port=0))


def test_beyond_loopback_nothing_listens_until_there_is_an_admin(tmp_path: Path) -> None:
    heard: list[str] = []

    with pytest.raises(ConfigError, match="without accounts resile listens on loopback alone"):
        serve(Settings(data=tmp_path, host="0.0.0.0", port=0), say=heard.append)  # noqa: S104

    assert heard == []


def test_with_an_admin_it_may_listen_beyond_loopback(tmp_path: Path) -> None:
    with open_resile(Settings(data=tmp_path)) as resile:
        access = Access(resile.accounts, resile.clock, PASSWORDS)
        access.set_up(access.make_set_up_link(), *ADMIN)

    class ReadyError(Exception):
        pass

    def stop(_resile: object) -> None:
        raise ReadyError

    with pytest.raises(ReadyError):
        serve(Settings(data=tmp_path, host="0.0.0.0", port=0), prepare=stop)  # noqa: S104


@pytest.mark.parametrize(("host", "near"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False)])  # noqa: S104
def test_only_loopback_is_near(host: str, near: bool) -> None:
    listening = SimpleNamespace(getsockname=lambda: (host, 80))

    assert is_near(listening) is near  # type: ignore[arg-type]


def test_the_log_of_a_fault_holds_no_values_of_variables(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        password = "a secret" + " value"
        raise ZeroDivisionError(len(password))

    app.add_api_route("/api/v1/fail", fail)
    log_to_stderr()
    try:
        Visitor(app).get("/api/v1/fail?token=a+secret+value")
    finally:
        structlog.reset_defaults()

    told = capsys.readouterr().err
    assert "ZeroDivisionError" in told
    assert "a secret value" not in told
    assert "a+secret" not in told
