"""Locks between processes on files that nobody writes; let go by the system when a process dies."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resile.model.errors import StoreError

_LOOK_EVERY_S = 0.05


@contextmanager
def alone(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Hold the lock as the only one.

    Raises:
        StoreError: somebody else held it all the time.
    """
    with _opened(path, os.O_RDWR | os.O_CREAT) as lock:
        never = threading.Event()
        waited_s = 0.0
        while not _taken(lock, fcntl.LOCK_EX):
            if waited_s >= timeout_s:
                raise StoreError(f"{path} is held by another process for over {timeout_s:.0f} s; wait for it or end it")
            never.wait(_LOOK_EVERY_S)
            waited_s += _LOOK_EVERY_S
        yield


@contextmanager
def alone_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock as the only one, if nobody holds it now; whether that came to be."""
    with _opened(path, os.O_RDWR | os.O_CREAT) as lock:
        yield _taken(lock, fcntl.LOCK_EX)


@contextmanager
def together(path: Path) -> Iterator[None]:
    """Hold the lock among others; without a lock file, in a folder that cannot be written, there is nothing to hold."""
    try:
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    lock = os.open(path, flags, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def _taken(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
