"""HTTP as it is spoken on the socket, whatever a sender offers and however slow it is."""

import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from tests.web.doors.world import LONGEST_S, World, served


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with served(tmp_path / "data") as made:
        yield made


@pytest.mark.parametrize(
    "offer",
    [
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
    ],
)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_is_read_though_the_sender_offers_another_protocol(world: World, offer: bytes, is_chunked: bool) -> None:
    # Java's own client offers HTTP/2 so with every request to an address without TLS.
    secret = world.door("cdevents")
    body = b"[]"
    size, sent = (
        (b"Transfer-Encoding: chunked", b"2\r\n[]\r\n0\r\n\r\n") if is_chunked else (b"Content-Length: 2", body)
    )
    head = (
        b"POST /doors/cdevents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\nce-id: %d\r\n"
        b"ce-type: x\r\nce-source: y\r\nce-specversion: 1.0\r\n%b%b\r\n\r\n"
    )
    requests = [head % (secret.encode(), number, offer, size) + sent for number in range(4)]
    host, port = world.address.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port)), timeout=LONGEST_S) as sender:
        # Together, and cut within the body.
        sender.sendall(requests[0] + requests[1] + requests[2][:-3])
        answered = _answers(sender, 2)
        sender.sendall(requests[2][-3:])
        answered += _answers(sender, 1)
        sender.sendall(requests[3])
        answered += _answers(sender, 1)

    assert answered == [202] * 4


@pytest.mark.parametrize("last", [b"HTTP/1.1\r\nConnection: Upgrade, close", b"HTTP/1.0\r\nConnection: Upgrade"])
def test_last_request_of_a_connection_is_answered_though_it_offers_another_protocol(world: World, last: bytes) -> None:
    host, port = world.address.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port)), timeout=5) as sender:
        sender.sendall(b"GET /healthz %b\r\nHost: localhost\r\nUpgrade: h2c\r\n\r\n" % last)
        answer = sender.recv(1_000)

    assert answer.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"POST /doors/cdevents HTTP/1.1\r\nHost: loc",
        # Answered before its body, which does not come.
        b"POST /doors/cdevents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n{}",
    ],
)
def test_connection_on_which_no_request_comes_is_ended(
    world: World, begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resile.web.protocol.HEAD_WITHIN_S", 0.5)
    host, port = world.address.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port)), timeout=10) as stranger:
        stranger.sendall(begin)
        if begin.endswith(b"{}"):
            assert _answers(stranger, 1) == [413]
            stranger.sendall(b"{}")
        assert stranger.recv(1) == b""


def test_body_may_take_longer_than_its_head(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.web.protocol.HEAD_WITHIN_S", 0.5)
    secret = world.door("cdevents")
    head = b"POST /doors/cdevents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\nContent-Length: 2\r\n\r\n["
    host, port = world.address.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port)), timeout=LONGEST_S) as sender:
        sender.sendall(head % secret.encode())
        threading.Event().wait(1.2)
        sender.sendall(b"]")

        assert _answers(sender, 1) == [202]


@pytest.mark.parametrize("path", ["/answer/guessed", "/login"])
def test_stranger_whose_body_does_not_come_holds_no_connection(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resile.web.limits.BODY_WITHIN_S", 0.5)
    monkeypatch.setattr("resile.web.protocol.HEAD_WITHIN_S", 0.5)
    host, port = world.address.removeprefix("http://").split(":")
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
    form = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"

    with socket.create_connection((host, int(port)), timeout=10) as stranger:
        stranger.sendall((head + form).encode())

        assert _answers(stranger, 1) == [408]
        assert stranger.recv(1) == b""


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system cannot end what nobody reads")
def test_stranger_who_does_not_read_holds_no_connection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.web.protocol.READ_WITHIN_S", 0.5)

    with _asking(world, 2_000) as stranger:
        here, there = stranger.getsockname()[1], stranger.getpeername()[1]
        until = time.monotonic() + 10
        while _is_connected(there, here):
            assert time.monotonic() < until, "the server keeps the connection"
            threading.Event().wait(0.05)


def test_slow_reader_gets_every_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resile.web.protocol.READ_WITHIN_S", 0.5)

    n_answers, rest = 0, b""
    with _asking(world, 400) as reader:
        while n_answers < 400:
            piece = reader.recv(65_536)
            assert piece, f"the connection ended after {n_answers} answers"
            n_answers += (rest + piece).count(b"HTTP/1.1 200")
            rest = piece[-len(b"HTTP/1.1 20") :]
            threading.Event().wait(0.01)


def _is_connected(near: int, far: int) -> bool:
    """Whether the system knows of an open connection on this machine from one port to another."""
    known = (line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(
        is_at.endswith(f":{near:04X}") and leads_to.endswith(f":{far:04X}") and state == "01"
        for is_at, leads_to, state in known
    )


@contextmanager
def _asking(world: World, n: int) -> Iterator[socket.socket]:
    """A connection on which so much is asked for at once that it does not fit into what is on its way."""
    host, port = world.address.removeprefix("http://").split(":")
    with socket.socket() as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        asking.settimeout(LONGEST_S)
        asking.connect((host, int(port)))
        asking.sendall(b"GET /static/app.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * n)
        yield asking


def _answers(sender: socket.socket, n: int) -> list[int]:
    statuses: list[int] = []
    while len(statuses) < n:
        received = sender.recv(65_536)
        assert received, f"the connection ended after {statuses}"
        statuses += [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", received)]
    return statuses


@pytest.mark.parametrize("n_asked", [1, 2, 400])
def test_stranger_who_leaves_while_answered_is_no_fault(world: World, n_asked: int) -> None:
    with structlog.testing.capture_logs() as logged:
        for _ in range(5):
            with _asking(world, n_asked) as stranger:
                stranger.recv(1)
                # Reset, not ended: what was asked for is dropped.
                stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert world.post("/healthz", b"").status_code == 405

    assert [line for line in logged if line["log_level"] == "error"] == []
