"""Files that have reached the disk, and that only their owner may read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_file(path: Path) -> Iterator[int]:
    """A new file, open for writing as a descriptor; on the disk once the context is left without an exception."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        yield file
        os.fsync(file)
    finally:
        os.close(file)


def sync_file(path: Path) -> None:
    """Bring to the disk what a library wrote, and close the file to others."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(file, 0o600)
        os.fsync(file)
    finally:
        os.close(file)


def sync_folder(folder: Path) -> None:
    """Bring names to the disk: those of new files and of renamed ones."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
