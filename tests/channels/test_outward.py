"""Addresses that users typed lead into the world, or are refused; however an address of our own network is written."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from resile.channels.connection import Deadline, look_up
from resile.channels.http_client import HttpClient
from resile.channels.outward import Outward, place_of
from resile.model.errors import ConfigError
from resile.ports.channel import RefusedError
from resile.testing.loopback_http import LoopbackHttp, Reply

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
    "168.63.129.16", "224.0.0.1", "255.255.255.255", "192.0.0.192", "::1", "::", "fe80::1", "fd00:ec2::254", "fec0::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::7f00:1", "fe80::1%eth0", "192.88.99.1", "3fff::1",
]  # fmt: skip
WORLD = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", INSIDE)
def test_no_number_of_our_own_network_is_reached(address: str) -> None:
    with pytest.raises(RefusedError, match="'allowed_addresses'") as refused:
        Outward().check_addresses("hooks.example.org", ["8.8.8.8", address])

    assert refused.value.is_final


@pytest.mark.parametrize("address", WORLD)
def test_numbers_of_the_world_are_reached(address: str) -> None:
    Outward().check_addresses("hooks.example.org", [address])


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "10.0.0.1", "[fe80::1]"])
def test_an_address_that_is_a_number_of_our_own_network_is_refused_when_it_is_typed(host: str) -> None:
    with pytest.raises(ConfigError, match="inside our own network"):
        Outward().check(f"https://{host}/hook")


# As old systems write 127.0.0.1: it is the system that reads them, so it is asked.
@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
def test_no_name_that_leads_to_our_own_network_is_reached(host: str) -> None:
    with LoopbackHttp() as server:
        port = server.address.rpartition(":")[2]
        with pytest.raises(RefusedError):
            HttpClient(Outward()).ask("POST", f"http://{host}:{port}/", provider="P", timeout_s=5, is_typed=True)

    assert server.requests == []


@pytest.mark.parametrize(
    ("allowed", "host", "address", "may"),
    [
        ("10.1.0.0/16", "x.example", "10.1.2.3", True),
        ("10.1.0.0/16", "x.example", "10.2.0.1", False),
        ("10.1.2.3", "x.example", "::ffff:10.1.2.3", True),
        ("hooks.internal", "hooks.internal", "10.9.9.9", True),
        ("hooks.internal.", "hooks.internal", "10.9.9.9", True),
        ("hooks.internal", "other.internal", "10.9.9.9", False),
        ("fd00::/8", "x.example", "fd00::1", True),
        ("LOCALHOST", "localhost", "127.0.0.1", True),
    ],
)
def test_what_the_settings_allow_is_reached_and_nothing_beside_it(
    allowed: str, host: str, address: str, may: bool
) -> None:
    guard = Outward([allowed])

    if may:
        guard.check_addresses(host, [address])
    else:
        with pytest.raises(RefusedError):
            guard.check_addresses(host, [address])


@pytest.mark.parametrize("wrong", ["10.1.0.0/33", "10.1.2.3/16", "10.1", "http://x", "", "a b"])
def test_what_is_no_network_address_or_host_is_named(wrong: str) -> None:
    with pytest.raises(ConfigError, match="'allowed_addresses'"):
        Outward([wrong])


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "ftp://example.org", "file:///etc/passwd", "https://", "https:///x", "https://a b/",
        "https://user:pass@example.org/", "https://8.8.8.8\\@127.0.0.1/", "https://example.org\r\n/x", "https://[::1",
        "https://example.org:99999/", "https://exämple.org/", "javascript:alert(1)", "https://-x-/", "gopher://x/",
        "https://example.org:x/", "https://x" + "y" * 3000, "https://[127.0.0.1]/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        place_of(url)

    assert "pass" not in str(refused.value).replace("password", "")


def test_an_address_is_written_in_one_way() -> None:
    assert str(place_of("https://hooks.example.org./x")) == "https://hooks.example.org/x"
    assert str(place_of(" HTTPS://Hooks.Example.org:443/A?b=c#d ")) == "https://hooks.example.org/A?b=c"
    assert str(place_of("http://[2606:4700::1111]:8080")) == "http://[2606:4700::1111]:8080/"


def test_what_was_looked_at_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        number = "127.0.0.1" if len(asked) > 1 else "192.0.2.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port))]

    # A name server that gives another number the second time is nothing that loopback could be.
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with LoopbackHttp() as server:
        port = server.address.rpartition(":")[2]
        with pytest.raises(RefusedError):
            HttpClient(Outward(["192.0.2.0/24"])).ask(
                "POST", f"http://rebinding.example:{port}/", provider="P", timeout_s=0.3, is_typed=True
            )

    assert asked == ["rebinding.example"]
    assert server.requests == []


def test_redirects_are_not_followed() -> None:
    with LoopbackHttp() as inside, LoopbackHttp() as outside:
        outside.fails = [Reply(status=302, headers={"location": inside.address})]
        answer = HttpClient(Outward(["127.0.0.1"])).ask(
            "POST", outside.address, provider="P", timeout_s=5, is_typed=True
        )

    assert answer.status == 302
    assert inside.requests == []


def test_a_name_that_is_not_found_in_time_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: is_over.wait(10) and [])

    with pytest.raises(TimeoutError):
        look_up("slow.example", 443, Deadline(0.05))
    is_over.set()


def test_many_names_looked_up_at_once_wait_for_each_other() -> None:
    with LoopbackHttp() as server, ThreadPoolExecutor(60) as pool:
        url = f"http://localhost:{server.address.rpartition(':')[2]}/"
        client = HttpClient(Outward())
        answers = pool.map(lambda _: client.ask("POST", url, provider="P", timeout_s=20).status, range(120))

        assert list(answers) == [200] * 120
