"""Messages between a process and those that it starts: bytes, each with its length before it."""

import os
import struct
import sys
from typing import IO

_HEAD = struct.Struct("<I")


def standard_output() -> IO[bytes]:
    """Standard output as a stream that writes all it is given.

    `sys.stdout.buffer` need not: with PYTHONUNBUFFERED it is the bare file, which writes a part when a signal comes.
    """
    return os.fdopen(sys.stdout.fileno(), "wb", closefd=False)


def send(stream: IO[bytes], body: bytes) -> None:
    """Write one message; it may wait in the stream until that is flushed."""
    stream.write(_HEAD.pack(len(body)))
    stream.write(body)


def received(stream: IO[bytes], *, n_bytes_most: int = 1 << 32) -> bytes | None:
    """One message; None where the other side ended, or says that it will send more than may be."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    n_bytes = _HEAD.unpack(head)[0]
    body = stream.read(n_bytes) if n_bytes <= n_bytes_most else b""
    return body if len(body) == n_bytes else None
