"""Sheets and Parquet files, read in a process of their own with bounded memory.

Both have to be unpacked by foreign code that takes whatever memory a file asks for: a few kilobytes may ask for
terabytes. Here that costs the file, never the program that imports it. What comes back is plain values.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from os import environ
from typing import IO, Any

import msgspec

from resile.model.errors import ConfigError
from resile.sources.messages import received
from resile.sources.opening import Part, TornInputError
from resile.sources.table.readers import Table, TableRow
from resile.sources.table.unpack import CPU_S, MEMORY_BYTES, SAID_DATETIME, Said

MODULE = "resile.sources.table.unpack"
# Each thread of a library would claim address space of its own.
_ONE_THREAD = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}
# A message holds about a thousand rows or some megabytes; a row alone at most a few.
_MAX_FRAME_BYTES = 64 << 20


def open_apart(part: Part, wanted: str | None) -> Table:
    """Read a sheet's or a Parquet file's columns and get ready for its rows.

    Args:
        wanted: the sheet's name.

    Raises:
        ConfigError: it cannot be read at all, or takes too much memory or time.
        TornInputError: it comes out of a damaged archive. The rows raise it too.
    """
    messages = _messages(part, wanted)
    name, columns, n_rows = next(messages)
    done = [0]

    def rows() -> Iterator[TableRow]:
        for found in messages:
            for number, cells, problem in found:
                done[0] = number
                yield TableRow(number, cells, problem)

    return Table(name, columns, rows(), lambda: done[0] / max(n_rows, 1))


def _messages(part: Part, wanted: str | None) -> Iterator[Any]:
    """First (name, columns, number of rows), then lists of rows as [number, cells, problem]."""
    with _on_disk(part) as file:
        process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-P", "-m", MODULE, part.suffix, part.name, *([] if wanted is None else [wanted])],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environ, **_ONE_THREAD},
            # Ctrl-C is for the program that imports: it ends this one.
            start_new_session=True,
        )
    number = 0
    decoder = msgspec.msgpack.Decoder(ext_hook=_value)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        while (frame := received(process.stdout, n_bytes_most=_MAX_FRAME_BYTES)) is not None:
            said, told = decoder.decode(frame)
            if said == Said.END:
                return
            if said == Said.REFUSED:
                raise ConfigError(told)
            if said == Said.TORN:
                raise TornInputError(told)
            if said == Said.ROWS:
                number = told[-1][0]
            yield told
        raise _died(process.wait(), part, number)
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _on_disk(part: Part) -> IO[bytes]:
    """The file itself, or its copy on disk where it comes out of an archive: both kinds are read from their ends."""
    stream = part.open()
    if stream.seekable():
        return stream
    spooled = tempfile.TemporaryFile(prefix="resile-")  # noqa: SIM115 - closed by whoever asked
    try:
        with stream:
            shutil.copyfileobj(stream, spooled, 1 << 20)
    except OSError as error:
        spooled.close()
        raise ConfigError(
            f"{part.name} cannot be unpacked into the temporary folder ({error.strerror}); free space there, or set "
            "TMPDIR to a folder that has some"
        ) from None
    except BaseException:
        spooled.close()
        raise
    spooled.seek(0)
    return spooled


def _value(code: int, said: memoryview) -> datetime | date:
    text = bytes(said).decode()
    return datetime.fromisoformat(text) if code == SAID_DATETIME else date.fromisoformat(text)


def _died(code: int, part: Part, number: int) -> ConfigError | TornInputError:
    if code == -getattr(signal, "SIGXCPU", 24):
        reason = f"takes more than {CPU_S // 60} minutes of computing to unpack; save it as CSV"
    else:
        reason = f"takes more than {MEMORY_BYTES >> 30} GiB of memory to unpack, or is damaged; save it as CSV"
    return TornInputError(reason) if number else ConfigError(f"{part.name} {reason}")
