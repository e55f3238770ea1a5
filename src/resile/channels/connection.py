"""A connection whose every wait ends at one deadline, so that a provider that drips bytes holds nobody."""

import socket
import ssl
import threading
import time
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

# Names that are being looked up at the same time, over all channels: the system's look-up knows no deadline, and one
# that hangs keeps its thread. Those that users typed, who may have one hang as they like, hold up no others.
_MAX_LOOK_UPS = 16
_MAX_ADDRESSES = 8
_look_ups = {is_typed: threading.BoundedSemaphore(_MAX_LOOK_UPS) for is_typed in (False, True)}


class Deadline:
    """The end of one call, by the machine's steady clock."""

    def __init__(self, lasts_s: float) -> None:
        self.lasts_s = lasts_s
        self._until = time.monotonic() + lasts_s

    def left_s(self) -> float:
        """Seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class PlainSocket(socket.socket):
    """A socket that waits no longer than its deadline, however many reads and writes it takes."""

    deadline: Deadline

    def recv_into(self, *args: Any) -> int:
        """As ever, until the deadline."""
        self.settimeout(self.deadline.left_s())
        return super().recv_into(*args)

    def recv(self, *args: Any) -> bytes:
        """As ever, until the deadline."""
        self.settimeout(self.deadline.left_s())
        return super().recv(*args)

    def sendall(self, *args: Any) -> None:
        """As ever, until the deadline, which holds for all of it."""
        self.settimeout(self.deadline.left_s())
        super().sendall(*args)


class TlsSocket(ssl.SSLSocket):
    """The same, encrypted."""

    deadline: Deadline

    def read(self, *args: Any) -> Any:
        """As ever, until the deadline."""
        self.settimeout(self.deadline.left_s())
        return super().read(*args)

    def send(self, *args: Any) -> int:
        """As ever, until the deadline; sendall is made of it."""
        self.settimeout(self.deadline.left_s())
        return super().send(*args)


def look_up(host: str, port: int, deadline: Deadline, *, is_typed: bool = False) -> list[str]:
    """The addresses of a host, at most eight, in the order in which the system would try them.

    Args:
        is_typed: a user typed it, not an administrator.

    Raises:
        OSError: there are none, or they were not found in time.
    """
    if is_number(host):
        return [host]
    room = _look_ups[is_typed]
    if not room.acquire(timeout=deadline.left_s()):
        raise TimeoutError(f"{_MAX_LOOK_UPS} look-ups of names hang")
    found: list[str] = []
    failed: list[OSError] = []
    is_over = threading.Event()

    def ask() -> None:
        try:
            for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(str(address[0]))
        except (OSError, UnicodeError) as error:
            failed.append(error if isinstance(error, OSError) else OSError("that is no name of a host"))
        finally:
            room.release()
            is_over.set()

    try:
        threading.Thread(target=ask, name="look-up", daemon=True).start()
    except RuntimeError:
        room.release()
        raise OSError("there are too many threads to look up its name") from None
    if not is_over.wait(deadline.left_s()):
        raise TimeoutError("its name was not found in time")
    if failed:
        raise failed[0]
    return list(dict.fromkeys(found))[:_MAX_ADDRESSES]


def is_number(host: str) -> bool:
    """Whether a host is an address already, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def connect(addresses: Sequence[str], port: int, deadline: Deadline) -> PlainSocket:
    """A connection to the first address that answers; each has its share of the time that is left.

    Raises:
        OSError: none did.
    """
    last: OSError = OSError("it has no address")
    for number, address in enumerate(addresses):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = PlainSocket(family, socket.SOCK_STREAM)
        opened.deadline = deadline
        try:
            opened.settimeout(deadline.left_s() / (len(addresses) - number))
            opened.connect((address, port))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            opened.close()
            last = error
        else:
            return opened
    raise last


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """How certificates are checked: by those of this machine, and those in `ca_file`.

    Raises:
        OSError: `ca_file` cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = TlsSocket
    return context


def start_tls(opened: PlainSocket, context: ssl.SSLContext, host: str) -> TlsSocket:
    """The connection, encrypted with whoever proves to be `host`.

    Raises:
        OSError: they cannot, or took too long.
    """
    deadline = opened.deadline
    opened.settimeout(deadline.left_s())
    wrapped = context.wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
    assert isinstance(wrapped, TlsSocket)  # noqa: S101 - as tls_context says; mypy cannot know
    wrapped.deadline = deadline
    try:
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped


def why(error: BaseException) -> str:
    """What went wrong with a connection, in a few words that hold no address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"it cannot prove who it is ({error.verify_message}); add its certificate to those of this machine"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as we do"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, OSError):
        return (error.strerror or "").lower() or str(error) or type(error).__name__
    return type(error).__name__
