"""Whatever bytes a provider sends: a message is handed over, refused or uncertain, and nothing else comes out."""

import socket
import threading
from types import TracebackType
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.channels.registry import open_channels
from resile.ports.channel import Channel, RefusedError, UncertainError
from resile.testing.simulated_clock import SimulatedClock
from tests.channels.messages import NOW, page

http_bytes = st.lists(
    st.sampled_from(
        [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"503", b" x\r\n", b"content-length: 5\r\n", b"content-length: -1\r\n"]
    )
    | st.sampled_from(
        [b"transfer-encoding: chunked\r\n", b"\r\n", b"zz\r\n", b"5\r\n", b'{"id":"a"}', b"retry-after: 9\r\n"]
    )
    | st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"x" * 70_000, b"a: b\r\n" * 200, b"\xff\x00: \x01\r\n"])
    | st.binary(max_size=40),
    max_size=12,
).map(b"".join)
smtp_bytes = st.lists(
    st.sampled_from(
        [b"220 hello\r\n", b"250 fine\r\n", b"250-AUTH PLAIN\r\n", b"354 go on\r\n", b"550 no\r\n", b"250-\n"]
    )
    | st.sampled_from([b"2", b"\r\n", b"999 x\r\n", b"250x\r\n", b"x" * 5_000, b"250-a\r\n" * 150])
    | st.binary(max_size=20),
    max_size=14,
).map(b"".join)


class Speaker:
    """Says the same bytes to whoever connects, then hears them out."""

    def __init__(self, words: bytes, *, waits: bool) -> None:
        self._words = words
        self._waits = waits
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join()
        self._listening.close()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def _run(self) -> None:
        accepted, _ = self._listening.accept()
        with accepted:
            try:
                # A request of these tests ends with its JSON.
                while self._waits and not accepted.recv(65_536).endswith(b"}"):
                    pass
                accepted.sendall(self._words)
                accepted.shutdown(socket.SHUT_WR)
                while accepted.recv(65_536):
                    pass
            except OSError:
                pass


@given(words=http_bytes, name=st.sampled_from(["webhook", "ntfy", "telegram"]))
@settings(deadline=None, max_examples=100)
def test_over_http(words: bytes, name: str) -> None:
    with Speaker(words, waits=True) as speaker:
        site = f"http://127.0.0.1:{speaker.port}"
        channels = open_channels(
            {"ntfy": {"server": site}, "telegram": {"token": "1:a", "api": site}},
            clock=SimulatedClock(NOW),
            allowed=["127.0.0.1"],
        )
        address = {"webhook": site, "ntfy": "topic", "telegram": "42"}[name]
        said = what_came_of(channels[name], address)

    assert said.isprintable()
    assert len(said) < 500


@given(words=smtp_bytes)
@settings(deadline=None, max_examples=100)
def test_over_smtp(words: bytes) -> None:
    with Speaker(words, waits=False) as speaker:
        told = {"host": "127.0.0.1", "port": speaker.port, "tls": "none", "from": "resile@example.org"}
        channel = open_channels({"email": told}, clock=SimulatedClock(NOW))["email"]
        said = what_came_of(channel, "ann@example.org")

    assert said.isprintable()
    assert len(said) < 500


def what_came_of(channel: Channel, address: str) -> str:
    """The error's sentence, or the provider's name of the message; any other exception fails the test."""
    try:
        return channel.send(page(address), timeout_s=5).ref or ""
    except (RefusedError, UncertainError) as error:
        return str(error)


def test_a_server_that_answers_before_it_is_asked_has_not_taken_the_message() -> None:
    words = b"220 hello\r\n" + b"250 fine\r\n" * 3 + b"354 go on\r\n" + b"250 fine\r\n" * 3
    with Speaker(words, waits=False) as speaker:
        told = {"host": "127.0.0.1", "port": speaker.port, "tls": "none", "from": "resile@example.org"}
        channel = open_channels({"email": told}, clock=SimulatedClock(NOW))["email"]

        with pytest.raises(RefusedError, match="before it was asked"):
            channel.send(page("ann@example.org"), timeout_s=5)
