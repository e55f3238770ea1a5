"""HTTP as it is spoken on the socket, whatever a sender offers and however slow it is."""

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    body = b"{}"
    size, sent = (
        (b"Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n") if is_chunked else (b"Content-Length: 2", body)
    )
    head = b"POST /doors/cdevents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\nce-id: %d\r\n%b%b\r\n\r\n"
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
    head = b"POST /doors/cdevents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\nContent-Length: 2\r\n\r\n{"
    host, port = world.address.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port)), timeout=LONGEST_S) as sender:
        sender.sendall(head % secret.encode())
        threading.Event().wait(1.2)
        sender.sendall(b"}")

        assert _answers(sender, 1) == [202]


def _answers(sender: socket.socket, n: int) -> list[int]:
    statuses: list[int] = []
    while len(statuses) < n:
        received = sender.recv(65_536)
        assert received, f"the connection ended after {statuses}"
        statuses += [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", received)]
    return statuses
