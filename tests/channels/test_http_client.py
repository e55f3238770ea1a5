"""Of every way in which a request can fail: whether it certainly was not taken, or may have been."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resile.channels.http_client import HttpAnswer, HttpClient, taken
from resile.channels.outward import Outward
from resile.ports.channel import RefusedError, UncertainError
from resile.testing.loopback_http import Fault, LoopbackHttp, Reply

TIMEOUT_S = 1.0
LONGEST_S = 20


@pytest.fixture
def server() -> Iterator[LoopbackHttp]:
    with LoopbackHttp() as running:
        yield running


@pytest.fixture
def client() -> HttpClient:
    return HttpClient(Outward())


def post(client: HttpClient, address: str, body: bytes = b"{}") -> HttpAnswer:
    return client.ask("POST", address, provider="the provider", timeout_s=TIMEOUT_S, body=body)


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.DROPS, Fault.TALKS_NONSENSE, Fault.DRIPS])
def test_without_an_answer_after_the_request_nobody_knows(
    server: LoopbackHttp, client: HttpClient, fault: Fault
) -> None:
    server.fails = [fault]

    with pytest.raises(UncertainError, match=r"the provider at 127[.]0[.]0[.]1 took the request and"):
        post(client, server.address)

    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.DRIPS])
def test_no_answer_holds_anybody_longer_than_the_deadline(
    server: LoopbackHttp, client: HttpClient, fault: Fault
) -> None:
    server.fails = [fault]
    began = time.monotonic()

    with pytest.raises(UncertainError):
        post(client, server.address)

    assert time.monotonic() - began < TIMEOUT_S + 2


def test_whoever_is_not_there_refuses(client: HttpClient) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(RefusedError, match="cannot be reached: connection refused"):
            post(client, f"http://127.0.0.1:{bound.getsockname()[1]}")


def test_a_name_that_nobody_knows_refuses(client: HttpClient) -> None:
    with pytest.raises(RefusedError, match="cannot be reached"):
        post(client, "https://nobody.invalid/")


def test_a_request_that_did_not_leave_whole_was_not_taken(client: HttpClient) -> None:
    # Takes the connection and reads nothing, so that a long body stays here.
    with (
        socket.create_server(("127.0.0.1", 0)) as deaf,
        pytest.raises(RefusedError, match="did not take the request in time"),
    ):
        post(client, f"http://127.0.0.1:{deaf.getsockname()[1]}", body=b"x" * 50_000_000)


def test_an_answer_before_the_whole_body_was_sent_counts(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            accepted, _ = listening.accept()
            with accepted:
                accepted.recv(1_000)
                accepted.sendall(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                accepted.shutdown(socket.SHUT_WR)
                while accepted.recv(1 << 20):
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        answer = client.ask(
            "POST", f"http://127.0.0.1:{listening.getsockname()[1]}", provider="P", timeout_s=5, body=b"x" * 5_000_000
        )
        thread.join()

    assert answer.status == 413


def test_a_broken_body_leaves_the_status_standing(server: LoopbackHttp, client: HttpClient) -> None:
    server.fails = [Fault.CUTS]

    answer = post(client, server.address)

    assert (answer.status, answer.is_whole) == (200, False)
    with pytest.raises(UncertainError, match="broke off"):
        answer.json("the provider")


def test_an_endless_body_is_read_only_so_far(server: LoopbackHttp, client: HttpClient) -> None:
    server.fails = [Reply(body=b"[" * 1_000_000)]

    answer = post(client, server.address)

    assert (len(answer.body), answer.is_whole) == (65_536, False)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 60_000, b"\xff", b'{"a":'])
def test_nonsense_where_json_is_expected_is_uncertain(server: LoopbackHttp, client: HttpClient, body: bytes) -> None:
    server.fails = [Reply(body=body)]

    with pytest.raises(UncertainError):
        post(client, server.address).json("the provider")


@pytest.mark.parametrize(
    ("status", "is_final", "words"),
    [
        (400, True, "answered 400"),
        (401, False, "check channels.x.token"),
        (403, False, "check channels.x.token"),
        (404, True, "answered 404"),
        (410, True, "answered 410"),
        (408, False, "answered 408"),
        (429, False, "answered 429"),
        (500, False, "answered 500"),
        (503, False, "answered 503"),
        (302, True, "has moved"),
    ],
)
def test_a_status_that_is_no_success_refuses(status: int, is_final: bool, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as refused:
        taken(HttpAnswer(status=status, headers={}, body=b""), "P", ours="channels.x.token")

    assert refused.value.is_final is is_final
    assert refused.value.again_in_s is None


@pytest.mark.parametrize("status", [502, 504, 520, 524])
def test_a_gateway_that_lost_the_answer_leaves_it_open(status: int) -> None:
    with pytest.raises(UncertainError, match=str(status)):
        taken(HttpAnswer(status=status, headers={}, body=b""), "P")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_counts_as_taken(status: int) -> None:
    answer = HttpAnswer(status=status, headers={}, body=b"")

    assert taken(answer, "P") is answer


@pytest.mark.parametrize(
    ("headers", "again_in_s"),
    [
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "99999999999"}, 86_400.0),
        ({"retry-after": "Sun, 01 Mar 2026 02:31:00 GMT", "date": "Sun, 01 Mar 2026 02:30:00 GMT"}, 60.0),
        ({"retry-after": "Sun, 01 Mar 2026 02:31:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_how_long_to_wait_is_taken_from_the_answer(
    status: int, headers: dict[str, str], again_in_s: float | None
) -> None:
    with pytest.raises(RefusedError) as refused:
        taken(HttpAnswer(status=status, headers=headers, body=b""), "P")

    assert refused.value.again_in_s == again_in_s
    assert not refused.value.is_final


def test_headers_with_line_breaks_never_leave(server: LoopbackHttp, client: HttpClient) -> None:
    with pytest.raises(RefusedError):
        client.ask("POST", server.address, provider="P", timeout_s=5, headers={"x": "a\r\nevil: b"}, body=b"{}")

    assert server.requests == []


def test_certificates_are_checked_by_those_of_the_machine(
    server_context: ssl.SSLContext, certificate: Path, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _tls_server(server_context) as port:
        with pytest.raises(RefusedError, match="cannot prove who it is"):
            post(client, f"https://localhost:{port}/")

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusting = HttpClient(Outward())
        assert post(trusting, f"https://localhost:{port}/").status == 204
        with pytest.raises(RefusedError, match="cannot prove who it is"):
            post(trusting, f"https://127.0.0.1:{port}/")


def test_what_an_administrator_named_goes_through_the_proxy_of_the_environment(
    server_context: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    heads: list[bytes] = []
    with _tls_server(server_context) as port, _Proxy(port, heads) as proxy:
        monkeypatch.setenv("https_proxy", f"http://ann:p%40ss@127.0.0.1:{proxy}")
        answer = post(HttpClient(Outward()), f"https://localhost:{port}/")

    assert answer.status == 204
    assert heads[0].startswith(f"CONNECT localhost:{port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic YW5uOnBAc3M=\r\n" in heads[0]


@pytest.mark.parametrize(
    ("site", "host"),
    [
        ("https://localhost", "localhost"),
        ("https://localhost:443", "localhost"),
        ("https://localhost:8443", "localhost:8443"),
        ("https://localhost:80", "localhost:80"),
    ],
)
def test_the_host_is_named_as_every_browser_names_it(
    server_context: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch, site: str, host: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    running = _tls_server(server_context)
    # Through a proxy, as no test may listen on port 443.
    with running as port, _Proxy(port, []) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy}")
        post(HttpClient(Outward()), f"{site}/hook")

    (asked,) = running.server.requests
    assert asked.headers["host"] == host


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://127.0.0.1:many", "http://", "[::1"])
def test_a_proxy_that_is_none_refuses(client: HttpClient, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")

    with pytest.raises(RefusedError, match="HTTPS_PROXY is no"):
        post(client, "https://api.example.org/")


def test_names_that_users_typed_and_that_hang_hold_up_no_provider(
    server: LoopbackHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over, known = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: str, *args: Any, **named: Any) -> Any:
        # As a name does whose servers belong to somebody who has time.
        if host.endswith(".hangs.example"):
            is_over.wait(LONGEST_S)
            raise OSError("gone")
        return known(host, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    client = HttpClient(Outward())
    try:
        for number in range(20):
            with pytest.raises(RefusedError, match="in time"):
                client.ask(
                    "POST", f"https://{number}.hangs.example/", provider="P", timeout_s=0.05, body=b"{}", is_typed=True
                )
        port = server.address.rpartition(":")[2]
        assert post(client, f"http://localhost:{port}/").status == 200
    finally:
        is_over.set()


class _tls_server:  # noqa: N801 - used as a function
    """Answers every request 204 over TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.server = LoopbackHttp(lambda _: Reply(status=204, body=b""))
        inner = self.server._server
        inner.socket = context.wrap_socket(inner.socket, server_side=True)

    def __enter__(self) -> int:
        self.server.__enter__()
        return int(self.server.address.rpartition(":")[2])

    def __exit__(self, *_: object) -> None:
        self.server.__exit__(None, None, None)


class _Proxy:
    """Opens one tunnel to a port of this machine."""

    def __init__(self, port: int, heads: list[bytes]) -> None:
        self.port, self.heads = port, heads
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> int:
        self.thread.start()
        return int(self.listening.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self.thread.join()
        self.listening.close()

    def run(self) -> None:
        near, _ = self.listening.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += near.recv(4_096)
        self.heads.append(head)
        with near, socket.create_connection(("localhost", self.port)) as far:
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(far, near))
            back.start()
            _copy(near, far)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(4_096):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
