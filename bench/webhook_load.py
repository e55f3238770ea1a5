"""A load of signed webhooks over HTTP/1.1 with keep-alive, so cheap that the server is what is measured.

Every connection sends its next delivery as soon as the last was answered. Bodies and signatures are made beforehand;
one thread without an event loop serves all connections, about 25 µs of processor time for a body of 2 KB.
"""

import hashlib
import hmac
import json
import os
import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from msgspec import Struct

PROGRAM = Path(sys.executable).with_name("resile")
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)

Address = tuple[str, int]
# A request as parts that are sent one after another; None: nothing more is to be sent.
NextRequest = Callable[[], tuple[int, list[bytes]] | None]


class Answered(Struct):
    """What came of a load.

    Attributes:
        numbers: of the requests that were answered 2xx.
        took_s: how long each of these took.
        seconds: from the first request to the last answer.
        processor_s: processor time of the load itself.
        other: first lines of the answers that were not 2xx.
    """

    numbers: list[int] = []
    took_s: list[float] = []
    other: list[bytes] = []
    seconds: float = 0.0
    processor_s: float = 0.0


class _Connection:
    """One sender: at most one request under way."""

    def __init__(self, address: Address, following: NextRequest, answered: Answered) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0)
        self._following = following
        self._answered = answered
        self._unsent: list[memoryview] = []
        self._got = b""
        self._number = 0
        self._began = 0.0
        self.is_over = False

    def start(self) -> None:
        """Send the next request; it is over where there is none."""
        following = self._following()
        if following is None:
            self.is_over = True
            return
        self._number, parts = following
        self._unsent = [memoryview(part) for part in parts]
        self._began = time.perf_counter()
        self.send()

    def send(self) -> None:
        """As much as the socket takes."""
        while self._unsent:
            try:
                n_sent = self.socket.sendmsg(self._unsent)
            except BlockingIOError:
                return
            while self._unsent and n_sent >= len(self._unsent[0]):
                n_sent -= len(self._unsent.pop(0))
            if n_sent:
                self._unsent[0] = self._unsent[0][n_sent:]

    def is_sending(self) -> bool:
        """Whether the socket is to tell when it takes more."""
        return bool(self._unsent)

    def receive(self) -> None:
        """Read; once the answer is whole, send the next request.

        Raises:
            ConnectionError: the server is gone.
        """
        got = self.socket.recv(65_536)
        if not got:
            raise ConnectionResetError
        self._got += got
        head, end, rest = self._got.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or length is None or len(rest) < int(length[1]):
            return
        if head.startswith(b"HTTP/1.1 2"):
            self._answered.numbers.append(self._number)
            self._answered.took_s.append(time.perf_counter() - self._began)
        else:
            self._answered.other.append(head.partition(b"\r\n")[0] + b" " + rest)
        self._got = b""
        self.start()


def run_load(address: Address, following: NextRequest, *, n_senders: int, until: Callable[[], bool]) -> Answered:
    """Send until `until()` or until nothing more is to be sent; a server that goes away ends its connections.

    What is under way when `until()` becomes true is not waited for: it counts as unanswered.
    """
    answered = Answered()
    began, began_processor = time.perf_counter(), time.process_time()
    selector = selectors.DefaultSelector()
    connections = [_Connection(address, following, answered) for _ in range(n_senders)]
    try:
        for one in connections:
            one.start()
            selector.register(one.socket, _events(one), one)
        while selector.get_map() and not until():
            for key, events in selector.select(0.05):
                _serve(selector, key.data, events)
    finally:
        selector.close()
        for one in connections:
            one.socket.close()
    answered.seconds = time.perf_counter() - began
    answered.processor_s = time.process_time() - began_processor
    return answered


def _serve(selector: selectors.BaseSelector, one: _Connection, events: int) -> None:
    wanted = _events(one)
    try:
        if events & selectors.EVENT_WRITE:
            one.send()
        if events & selectors.EVENT_READ:
            one.receive()
    except OSError:
        one.is_over = True
    if one.is_over:
        selector.unregister(one.socket)
    elif _events(one) != wanted:
        selector.modify(one.socket, _events(one), one)


def _events(one: _Connection) -> int:
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if one.is_sending() else 0)


def head_of(address: Address, secret: str, body: bytes, *, event: str) -> bytes:
    """The head of a request to the GitHub door, but for the delivery's name, which ends it."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return (
        f"POST /doors/github HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\nUser-Agent: GitHub-Hookshot/044aadd\r\n"
        f"Accept: */*\r\nContent-Type: application/json\r\nX-GitHub-Event: {event}\r\nX-GitHub-Hook-ID: 292430182\r\n"
        "X-GitHub-Hook-Installation-Target-ID: 79929171\r\nX-GitHub-Hook-Installation-Target-Type: repository\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\nX-GitHub-Delivery: "
    ).encode()


def make_door(environment: dict[str, str]) -> str:
    """The GitHub door of a new data folder; its secret."""
    added = subprocess.run(
        [PROGRAM, "door", "add", "github", "--json"], env=environment, capture_output=True, text=True, check=True
    )
    secret: str = json.loads(added.stdout)["secret"]
    return secret


def started(
    environment: dict[str, str], log: int | IO[bytes] = subprocess.DEVNULL
) -> tuple["subprocess.Popen[str]", Address]:
    """`resile up`, and where it listens."""
    server = subprocess.Popen([PROGRAM, "up"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    assert server.stdout is not None
    found = re.search(r"http://([\d.]+):(\d+)/", server.stdout.readline())
    assert found is not None
    return server, (found[1], int(found[2]))


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
