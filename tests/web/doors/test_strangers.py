"""Whoever does not know a secret cannot busy the server; whoever does is never turned away for another's sake."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.web.doors.strangers import BURST, MAX_ADDRESSES, SMALL_BYTES, Strangers, network_of
from resile.web.server import create_app
from tests.web.doors.world import KEEPER, LONGEST_S, World, served, signature


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    # A clock that stands still: how fast this machine is decides nothing.
    with served(tmp_path / "data", elapsed_s=Clock()) as made:
        yield made


def test_address_is_limited_after_many_refusals_and_free_again_in_a_while() -> None:
    clock = Clock()
    strangers = Strangers(clock)
    for _ in range(BURST):
        assert strangers.wait_s("192.0.2.1") is None
        strangers.refuse("192.0.2.1")

    assert strangers.wait_s("192.0.2.1") == 1
    assert strangers.wait_s("192.0.2.2") is None
    clock.now += 1.1
    assert strangers.wait_s("192.0.2.1") is None
    strangers.refuse("192.0.2.1")
    assert strangers.wait_s("192.0.2.1") == 1


def test_address_that_showed_a_right_signature_is_not_limited_for_an_hour() -> None:
    clock = Clock()
    strangers = Strangers(clock)
    strangers.prove("192.0.2.1")
    for _ in range(2 * BURST):
        strangers.refuse("192.0.2.1")

    assert strangers.wait_s("192.0.2.1") is None
    clock.now += 3_601
    for _ in range(2 * BURST):
        strangers.refuse("192.0.2.1")
    assert strangers.wait_s("192.0.2.1") is not None


def test_memory_of_addresses_is_bounded() -> None:
    strangers = Strangers(Clock())
    for number in range(MAX_ADDRESSES + 50):
        strangers.refuse(f"a{number}")
        strangers.prove(f"a{number}")

    assert (len(strangers._refused), len(strangers._proven_at)) == (MAX_ADDRESSES, MAX_ADDRESSES)


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a:b", "a:b"),
        (None, ""),
    ],
)
def test_network_stands_for_its_addresses(host: str | None, network: str) -> None:
    assert network_of(host) == network


def test_wrong_signatures_are_told_to_wait_and_right_ones_from_this_machine_never(world: World) -> None:
    secret = world.door("github")
    with httpx2.Client(timeout=LONGEST_S) as client:
        first = [client.post(f"{world.address}/doors/nothing", content=b"{}") for _ in range(BURST - 1)]
        answers = [client.post(f"{world.address}/doors/github", content=b"{}") for _ in range(3)]

    assert {one.status_code for one in first} == {404}
    assert [one.status_code for one in answers] == [401, 429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "too many refused deliveries" in answers[-1].json()["detail"]
    assert world.github(secret, b"{}").status_code == 202
    assert world.github(secret, b"{}", x_github_delivery="2").status_code == 202
    assert httpx2.get(f"{world.address}/healthz", timeout=LONGEST_S).text == "ok\n"


def test_stranger_from_afar_is_turned_away_before_the_body_is_read(tmp_path: Path) -> None:
    with open_resile(Settings(data=tmp_path)) as resile:
        _, secret = resile.doors.add(KEEPER, "github", None)
        app = create_app(resile, elapsed_s=Clock())

        async def knock(
            address: str, given: str, path: str = "/doors/github", n_bytes: int | None = 2
        ) -> tuple[int, bool]:
            is_read = False
            statuses: list[int] = []

            async def receive() -> dict[str, Any]:
                nonlocal is_read
                is_read = True
                return {"type": "http.request", "body": b"{}", "more_body": False}

            async def send(message: Any) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])

            scope = {
                "type": "http",
                "method": "POST",
                "scheme": "http",
                "path": path,
                "client": (address, 1234),
                "headers": [
                    (b"x-github-event", b"ping"),
                    (b"x-hub-signature-256", given.encode()),
                    *([] if n_bytes is None else [(b"content-length", b"%d" % n_bytes)]),
                ],
            }
            await app(scope, receive, send)
            return statuses[0], is_read

        async def story() -> None:
            right = signature(secret or "", b"{}")
            for _ in range(BURST - 2):
                assert await knock("192.0.2.1", "", "/doors/nothing") == (404, False)
            assert await knock("192.0.2.1", "sha256=0", n_bytes=99_000_000) == (413, False)
            assert await knock("192.0.2.1", "sha256=0") == (401, True)
            assert await knock("192.0.2.1", "", n_bytes=SMALL_BYTES + 1) == (429, False)
            assert await knock("192.0.2.1", "", n_bytes=None) == (429, False)
            assert await knock("192.0.2.1", "", "/doors/nothing") == (429, False)
            for _ in range(BURST):
                assert await knock("192.0.2.1", "sha256=0") == (429, True)
            # A stranger was first where its sender's deliveries come from too; they are seldom.
            assert await knock("192.0.2.1", right) == (202, True)
            assert await knock("192.0.2.1", "", n_bytes=SMALL_BYTES + 1) == (401, True)
            # Its sender shares this one with a stranger, and came first.
            assert (await knock("192.0.2.2", right))[0] in {200, 202}
            for _ in range(BURST + 5):
                assert await knock("192.0.2.2", "", "/doors/nothing") == (404, False)
            assert await knock("192.0.2.2", "sha256=0") == (401, True)
            assert (await knock("192.0.2.2", right))[0] in {200, 202}

        asyncio.run(story())


def test_announcing_large_bodies_takes_no_room_from_others(world: World) -> None:
    secret = world.door("github")
    host, port = world.address.removeprefix("http://").split(":")
    head = b"POST /doors/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: 24000000\r\n\r\n{"
    waiting = [socket.create_connection((host, int(port))) for _ in range(12)]
    try:
        for one in waiting:
            one.sendall(head)

        assert world.github(secret, b"{}").status_code == 202
    finally:
        for one in waiting:
            one.close()


def test_headers_that_do_not_end_are_cut_off(world: World) -> None:
    host, port = world.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(b"POST /doors/github HTTP/1.1\r\nHost: localhost\r\n")
        stranger.settimeout(20)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            _send_headers_for_ever(stranger)

    assert httpx2.get(f"{world.address}/healthz", timeout=LONGEST_S).text == "ok\n"


def _send_headers_for_ever(stranger: socket.socket) -> None:
    for number in range(10_000):
        stranger.sendall(b"x-%d: %b\r\n" % (number, b"y" * 8_000))


def test_large_body_is_not_taken_for_headers(world: World) -> None:
    secret = world.door("github")
    body = json.dumps({"zen": "x" * 3_000_000}).encode()

    answers = [world.github(secret, body, x_github_delivery=str(n), x_github_event="ping") for n in range(2)]

    assert [one.status_code for one in answers] == [202, 202]
    assert world.concluded(2)[0].n_bytes == len(body)


def test_one_of_many_routing_keys_is_found_by_reading_the_body_once(world: World) -> None:
    secrets = [world.door("pagerduty", f"service-{number}") for number in range(30)]
    event = {"payload": {"summary": "x", "timestamp": "2024-05-01T10:00:00Z"}, "images": [{}] * 20_000}

    answer = world.post("/v2/change/enqueue", json.dumps({"routing_key": secrets[-1], **event}).encode())

    assert answer.status_code == 202
    assert world.concluded()[0].delivery.door == "pagerduty/service-29"
