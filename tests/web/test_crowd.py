"""Too many connections: whoever asks is answered, and whoever asked nothing for longest makes room."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import uvicorn
from starlette.types import Receive, Scope, Send

from resile.web.crowd import crowded_protocol

QUESTION = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def says_yes(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"yes"})


@contextmanager
def serving(most: int) -> Iterator[tuple[str, int]]:
    """A server that keeps so many connections; where it listens."""
    config = uvicorn.Config(says_yes, http=crowded_protocol(most), log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join()


def is_answered(connection: socket.socket) -> bool:
    try:
        connection.sendall(QUESTION)
        return connection.recv(1_000).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False


def test_whoever_asked_nothing_for_longest_makes_room() -> None:
    with serving(3) as address, ExitStack() as opened:
        first, second, third = (opened.enter_context(socket.create_connection(address, timeout=10)) for _ in range(3))
        assert is_answered(second)
        assert is_answered(third)
        assert is_answered(first)

        for _ in range(20):
            with socket.create_connection(address, timeout=10) as other:
                assert is_answered(other)
                assert is_answered(third)
                assert is_answered(first)

        assert not is_answered(second)
