"""Imports through the API are bounded in number, and do not keep the server from ending."""

import asyncio
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.web.limits import MAX_IMPORTS, ImportDoor

from .test_imports import MAPPING, ROWS, hand_in
from .test_server import first_line, running
from .visitor import Visitor

N_ROWS = 60_000
HANGING = """
import socket, sys, threading
from fastapi import FastAPI
from resile.app.settings import Settings
from resile.web.server import _Server

app = FastAPI()
app.state.is_ending = threading.Event()

@app.get("/")
def hang() -> None:
    print("hangs", flush=True)
    threading.Event().wait(120)

listening = socket.create_server(("127.0.0.1", 0))
_Server(app, Settings(), lambda: print(listening.getsockname()[1], flush=True)).run(sockets=[listening])
"""


def many_rows() -> bytes:
    rows = (f"{n},Search is slow,2024-03-01 10:{n % 60:02},2024-03-01 11:00,search,1\n" for n in range(N_ROWS))
    return (ROWS.splitlines(keepends=True)[0].decode() + "".join(rows)).encode()


def test_the_server_ends_soon_with_an_import_under_way(tmp_path: Path) -> None:
    body = many_rows()
    answers: list[Any] = []

    def hand_it_in(address: str) -> None:
        files = {"file": ("failures.csv", body), "mapping": ("failures.yaml", MAPPING)}
        try:
            answers.append(httpx2.post(f"{address}api/v1/imports", data={"kind": "table"}, files=files, timeout=120))
        except httpx2.TransportError as error:
            answers.append(error)

    with running(tmp_path) as process:
        address = first_line(process).removeprefix("resile is ready: ").strip()
        importing = threading.Thread(target=hand_it_in, args=(address,))
        importing.start()
        await_stored(address)

        # That SIGINT does the same, test_first_hour.py sees: both end in one handler.
        process.terminate()
        # Five seconds of grace and three to break off; the rest is for machines that are busy with other tests.
        _, errors = process.communicate(timeout=60)

        assert process.returncode == 0
        assert "Traceback" not in errors
    importing.join(60)
    [answer] = answers
    assert isinstance(answer, httpx2.TransportError) or answer.status_code == 503
    if not isinstance(answer, httpx2.TransportError):
        assert "hand the same file in again" in answer.json()["detail"]
    with open_resile(Settings(data=tmp_path)) as resile:
        from resile.web.server import create_app  # noqa: PLC0415

        again = hand_in(Visitor(create_app(resile)), rows=body).json()["summary"]
    assert again["n_new"] + again["n_unchanged"] == N_ROWS
    assert 0 < again["n_unchanged"] < N_ROWS


def await_stored(address: str) -> None:
    """Wait until the first batch can be seen."""
    for _ in range(600):
        if httpx2.get(f"{address}api/v1/incidents", timeout=60).json()["total"]:
            return
        threading.Event().wait(0.1)
    pytest.fail("nothing was stored within a minute")


def test_the_server_ends_even_if_a_request_never_does() -> None:
    def ask(port: int) -> None:
        with suppress(httpx2.TransportError):
            httpx2.get(f"http://127.0.0.1:{port}/", timeout=60)

    with subprocess.Popen(
        [sys.executable, "-c", HANGING], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            asking = threading.Thread(target=ask, args=(int(first_line(process)),))
            asking.start()
            assert first_line(process) == "hangs\n"

            process.terminate()
            # Half as long as the request would take.
            said, _ = process.communicate(timeout=60)

            assert process.returncode == 0
            assert "ended with a request under way" in said
            asking.join(60)
        finally:
            process.kill()


def test_beyond_a_few_at_once_imports_are_turned_away_before_they_are_read() -> None:
    async def story() -> None:
        may_end = asyncio.Event()

        async def app(_scope: Any, _receive: Any, _send: Any) -> None:
            await may_end.wait()

        async def receive() -> Any:
            raise AssertionError

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        door = ImportDoor(app)
        scope = {"type": "http", "method": "POST", "path": "/api/v1/imports", "headers": [], "root_path": ""}
        within = [asyncio.create_task(door(scope, receive, send)) for _ in range(MAX_IMPORTS)]
        await asyncio.sleep(0)

        await door(scope, receive, send)

        assert sent[0]["status"] == 503
        assert (b"retry-after", b"30") in sent[0]["headers"]
        assert b"2 imports are under way, the most at once; hand this one in again" in sent[1]["body"]
        may_end.set()
        await asyncio.gather(*within)
        sent.clear()
        await door(scope, receive, send)
        assert sent == []

    asyncio.run(story())
