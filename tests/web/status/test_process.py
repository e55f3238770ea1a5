"""The real process: started with the server, started anew when it is killed, gone when the server is."""

import base64
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from structlog.testing import capture_logs

from resile.app.settings import Settings
from resile.app.status_settings import StatusSettings
from resile.app.wiring import open_resile
from resile.model.errors import ConfigError
from resile.web.status.beside import Patience, StatusBeside
from tests.e2e.program import Program

from .world import declared, tell

LONGEST_S = 60.0


def read(address: str | None, path: str = "/") -> bytes:
    with urlopen(f"{address}{path}", timeout=10) as answer:  # noqa: S310 - an address of our own
        return bytes(answer.read())


def until(holds: Callable[[], bool]) -> None:
    end, pause = time.monotonic() + LONGEST_S, threading.Event()
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        pause.wait(0.05)


def answers(address: str | None) -> bool:
    try:
        return bool(read(address))
    except (URLError, ConnectionError):
        return False


def test_it_follows_what_is_published_and_outlives_a_kill_and_a_hang(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    settings = Settings(data=fresh_data(tmp_path), status=StatusSettings(port=0, title="Acme"))
    hasty = Patience(every_s=0.1, within_s=2.0, n_unanswered=2)
    with capture_logs() as logs, open_resile(settings) as resile, StatusBeside(settings, hasty) as status:
        status.wait_until_ready()
        assert b"No Known Incidents" in read(status.address)
        its = declared(resile, "INNER")
        tell(resile, its, text="Payments fail.", status="investigating", title="Payments")
        until(lambda: b"Payments fail." in read(status.address))
        before = {path: read(status.address, path) for path in ("/", "/history", "/api/v2/summary.json")}

        for number in (signal.SIGKILL, signal.SIGSTOP):
            pid = status.pid
            assert pid is not None
            os.kill(pid, number)
            until(lambda pid=pid: status.pid != pid and answers(status.address))  # type: ignore[misc]
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

            assert {path: read(status.address, path) for path in before} == before
        address = status.address
    assert [one["reason"] for one in logs if one["event"] == "status page restarted"] == [
        "it died with code -9",
        "it lived and did not answer 2 times within 2 s",
    ]
    until(lambda: not answers(address))


def test_port_that_is_taken_is_one_sentence(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        settings = Settings(data=fresh_data(tmp_path), status=StatusSettings(port=port))
        said = rf"status page on 127.0.0.1:{port}: the port is in use"
        with StatusBeside(settings) as status, pytest.raises(ConfigError, match=said):
            status.wait_until_ready()


def test_server_prints_its_address_and_takes_it_along(tmp_path: Path) -> None:
    program = Program(tmp_path)
    # Masked, none of these addresses could be read.
    others = {
        "RESILE_RUNNERS__QUERY__SHOP__URL": "postgresql://reader:secret@db/shop",
        "RESILE_RUNNERS__SECRETS__DEPLOY_TOKEN": "a-secret-of-deployments",
        "RESILE_CHAT__TEAMS__WORKFLOW": "https://example.org/workflow",
        "RESILE_CHAT__TEAMS__SECURITY_TOKEN": base64.b64encode(bytes(32)).decode(),
        "RESILE_HEARTBEAT__URL": "https://example.org/heartbeat",
    }
    status = {"RESILE_STATUS__PORT": "0", "RESILE_STATUS__TITLE": "Acme"}
    with program.told(**status, **others), program.serving("up") as server:
        address = server.wait_for(r"The public status page: http://127\.0\.0\.1:\d+").split(": ", 1)[1]
        assert b"Acme" in read(address)

        server.stop(signal.SIGKILL)

        until(lambda: not answers(address))
