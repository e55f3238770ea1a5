"""The process of the status page: `python -m resile.web.status.process`.

Reads the settings as JSON from the first line of standard input, says on standard output where it listens, or why it
cannot, and ends when standard input closes: whoever started it has ended then.
"""

import contextlib
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from time import monotonic

import msgspec
import uvicorn
from msgspec import Struct

from resile.app.settings import read_in_process
from resile.app.status_settings import StatusSettings
from resile.app.steady_clock import SteadyClock
from resile.app.system_clock import SystemClock
from resile.app.wiring import Resile, open_resile
from resile.model.errors import ConfigError, ResileError
from resile.web.crowd import crowded_protocol
from resile.web.logs import log_to_stderr
from resile.web.status.app import Board, StatusApp
from resile.web.status.door import SubscriptionDoor
from resile.web.status.keeper import Keeper
from resile.web.status.site import SiteMaker

# Each is an open file, of which a process commonly may have 1,024.
MAX_CONNECTIONS = 800
_SWITCH_S = 0.001
_BACKLOG = 2_048


class Said(Struct, frozen=True):
    """What the process says of itself: where it listens, or why it cannot.

    Attributes:
        address: as readers have it; host, port: on this machine.
    """

    address: str = ""
    host: str = ""
    port: int = 0
    fault: str = ""


def main() -> None:
    """Serve until standard input closes."""
    settings = read_in_process(sys.stdin.readline())
    assert settings.status is not None  # noqa: S101 - nobody starts it otherwise
    log_to_stderr()
    # Whoever stops the whole by a signal to its group stops it in order, and this with it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        listening = _bind(settings.status)
        with (
            contextlib.closing(listening),
            open_resile(settings, clock=SteadyClock(SystemClock(), monotonic)) as resile,
        ):
            _serve(resile, settings.status, listening)
    except ResileError as error:
        _say(Said(fault=str(error)))
        sys.exit(1)


def _serve(resile: Resile, settings: StatusSettings, listening: socket.socket) -> None:
    host, port = str(listening.getsockname()[0]), int(listening.getsockname()[1])
    address = settings.model_copy(update={"port": port}).address
    is_secure = address.startswith("https://")
    subscribers = resile.communication.subscribers
    maker = SiteMaker(
        settings,
        resile.status.ids,
        address=address,
        can_subscribe=bool(subscribers.offered),
        now=resile.clock.now,
    )
    board = Board()
    keeper = Keeper(resile.status.follow(), maker, board, now=resile.clock.now)
    door = SubscriptionDoor(subscribers, maker.frame, is_secure=is_secure) if subscribers.offered else None
    # The first readers find what is so, not that it is not known yet.
    keeper.look()
    listening.listen(_BACKLOG)
    sys.setswitchinterval(_SWITCH_S)
    server = _Server(
        uvicorn.Config(
            StatusApp(board, maker.frame, door, is_secure=is_secure),
            log_config=None,
            access_log=False,
            server_header=False,
            http=crowded_protocol(MAX_CONNECTIONS),
            ws="none",
            lifespan="off",
            # Only behind a proxy that the settings speak of is its word on the reader's address taken.
            proxy_headers=settings.base_url is not None,
            timeout_graceful_shutdown=2,
        )
    )
    _end_with_input(server)
    keeper.start()
    _say(Said(address=address, host=host, port=port))
    try:
        server.run(sockets=[listening])
    finally:
        keeper.stop()


class _Server(uvicorn.Server):
    """uvicorn that leaves signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


def _end_with_input(server: uvicorn.Server) -> None:
    def listen() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=listen, name="standard input", daemon=True).start()


def _bind(settings: StatusSettings) -> socket.socket:
    subject = f"status page on {settings.host}:{settings.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[
            0
        ]
        listening = socket.socket(family, kind, protocol)
    except OSError:
        raise ConfigError(f"{subject}: that is no address of this machine; give another host under [status]") from None
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        is_used = error.errno == errno.EADDRINUSE
        why = "the port is in use; choose another" if is_used else f"{error.strerror}; give another host or port"
        raise ConfigError(f"{subject}: {why} under [status]") from None
    return listening


def _say(said: Said) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
