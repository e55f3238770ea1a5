"""The process in which a sheet or a Parquet file is unpacked: `python -m ...table.unpack SUFFIX NAME [SHEET]`.

Reads the file from standard input, which must be seekable, and writes messages of plain values to standard output,
each with its length before it. The other end is resile.sources.table.apart.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from enum import IntEnum
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import IO, Any

import msgspec

from resile.model.errors import ConfigError
from resile.sources.csv_records import shown
from resile.sources.messages import send, standard_output
from resile.sources.opening import TornInputError
from resile.sources.table.cells import words_of
from resile.sources.table.readers import TableRow, Unpacked

MEMORY_BYTES = 2 << 30
CPU_S = 600
# As much as an object of JSON.
MAX_ROW_BYTES = 4 << 20
SAID_DATETIME, SAID_DATE = 1, 2
_ROWS_PER_MESSAGE = 1_000
_BYTES_PER_MESSAGE = 4 << 20
_PLAIN = frozenset({str, float, bool, type(None)})
_LEAST, _MOST = -(2**63), 2**64
_encode = msgspec.msgpack.Encoder().encode


class Said(IntEnum):
    """What a message is about."""

    TABLE = 0
    ROWS = 1
    END = 2
    REFUSED = 3
    TORN = 4


def main() -> None:
    """Unpack what standard input holds."""
    suffix, name, *wanted = sys.argv[1:]
    out = standard_output()
    row = 0
    try:
        # What the libraries take for themselves does not count, so they come before the bound.
        unpack = _reader_of(suffix)
        _bound_memory_and_time()
        table = unpack(sys.stdin.buffer, name, wanted[0] if wanted else None)
        _say(out, Said.TABLE, (table.name, table.columns, table.n_rows))
        for row, rows in _messages(table):  # noqa: B007 - told of below, where it went wrong
            _say(out, Said.ROWS, rows)
        _say(out, Said.END, None)
    except BrokenPipeError:
        # Nobody listens any more; nor may the interpreter try to write when it ends.
        sys.stdout = None
    except TornInputError as error:
        _say(out, Said.TORN, str(error))
    except ConfigError as error:
        _say(out, Said.REFUSED, str(error))
    except MemoryError:
        told = f"takes more than {MEMORY_BYTES >> 30} GiB of memory to unpack; save it as CSV"
        _say(out, *((Said.TORN, f"{told} (after row {row})") if row else (Said.REFUSED, f"{name} {told}")))
    except BaseException as error:  # noqa: BLE001 - foreign code fails as it likes, its panics are no Exception even
        told = f"({type(error).__name__}: {_line(error)})"
        torn = (Said.TORN, f"is damaged after row {row} {told}")
        _say(out, *(torn if row else (Said.REFUSED, f"{name} cannot be read {told}; save it again")))


class _WithoutPandas(MetaPathFinder):
    """Hides pandas: where it is installed, pyarrow would load it for seconds, and read nanoseconds as its own type."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def _reader_of(suffix: str) -> Callable[[IO[bytes], str, str | None], Unpacked]:
    if suffix == ".parquet":
        sys.meta_path.insert(0, _WithoutPandas())
        from resile.sources.table.parquet import open_parquet  # noqa: PLC0415 - pyarrow loads only when needed

        return lambda stream, name, _: open_parquet(stream, name)
    from resile.sources.table.sheets import open_sheet  # noqa: PLC0415 - calamine loads only when needed

    return open_sheet


def _bound_memory_and_time() -> None:
    """Let the system end this process before it takes too much; where the system cannot, it is not bounded."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not everywhere

        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES, taken + MEMORY_BYTES))
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 10))


def _say(out: IO[bytes], said: Said, told: Any) -> None:
    send(out, _encode((said, told)))
    out.flush()


def _messages(table: Unpacked) -> Iterator[tuple[int, list[msgspec.Raw]]]:
    """Rows as they are sent, some at a time, with the number of the last; those before damage go before it is told."""
    waiting: list[msgspec.Raw] = []
    n_bytes = number = 0
    try:
        for row in table.rows:
            number = row.number
            body = _body(row, table.columns)
            waiting.append(msgspec.Raw(body))
            n_bytes += len(body)
            if len(waiting) >= _ROWS_PER_MESSAGE or n_bytes >= _BYTES_PER_MESSAGE:
                yield number, waiting
                waiting, n_bytes = [], 0
    except TornInputError:
        if waiting:
            yield number, waiting
        raise
    if waiting:
        yield number, waiting


def _body(row: TableRow, columns: list[str]) -> bytes:
    cells = [cell if type(cell) in _PLAIN else _plain(cell) for cell in row.cells]
    body = _encode((row.number, cells, row.problem))
    if len(body) <= MAX_ROW_BYTES:
        return body
    sizes = [len(_encode(cell)) for cell in cells]
    at = sizes.index(max(sizes))
    column = columns[at] if at < len(columns) else f"column {at + 1}"
    problem = f"with column {column!r} the row holds more than {MAX_ROW_BYTES} bytes, the most that is read; shorten it"
    return _encode((row.number, [shown(words_of(cell)[:1_000]) for cell in cells], problem))


def _plain(cell: Any) -> Any:
    """A value that can be sent: moments are marked as such, what is of no usual type goes as words."""
    if isinstance(cell, int):
        return cell if _LEAST <= cell < _MOST else str(cell)
    if isinstance(cell, datetime):
        return msgspec.msgpack.Ext(SAID_DATETIME, cell.isoformat().encode())
    if isinstance(cell, date):
        return msgspec.msgpack.Ext(SAID_DATE, cell.isoformat().encode())
    if isinstance(cell, dict):
        return {str(key): _plain(value) for key, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [_plain(value) for value in cell]
    return cell if isinstance(cell, str | float | None) else words_of(cell)


def _line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]


if __name__ == "__main__":
    main()
