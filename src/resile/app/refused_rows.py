"""The file of refused rows: the input's columns and the reason, to be mended and imported again."""

import csv
import re
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from resile.model.errors import ConfigError
from resile.ports.source import Refused

ERROR_COLUMN = "resile_error"
_LINES_SUFFIXES = (".jsonl", ".ndjson")
# Within valid JSON a line only ends between its tokens.
_LINE_ENDS = re.compile(rb"\s*[\r\n]\s*")
_FORMER_REASON = re.compile(rb'\{\s*"' + ERROR_COLUMN.encode() + rb'"\s*:\s*"(?:[^"\\]|\\.)*"\s*,?')


class RefusedRows:
    """Writes refused rows; each file comes into being with the first of them.

    Rows of a table go to CSV, objects of JSON to JSON Lines, each whole. Where an archive holds tables of other
    columns, each kind goes to a file of its own: `name-2.csv`.
    """

    def __init__(self, path: Path, *, source: Path | None = None) -> None:
        """Get ready.

        Args:
            path: the file; it gets the ending of what is written to it.
            source: the file that is being read, which is never written over.
        """
        self._path = path
        self._source = None if source is None else source.resolve()
        self._file: IO[str] | None = None
        self._lines: IO[bytes] | None = None
        self._writer: Any = None
        self._columns: tuple[str, ...] = ()
        self._n_tables = 0
        self.paths: list[Path] = []

    def write(self, refused: Refused) -> None:
        """Add one row; a refusal without anything to mend (a torn file) is not written.

        Raises:
            ConfigError: the file cannot be written.
        """
        reason = f"{refused.place}: {refused.reason}"
        try:
            if refused.record:
                self._write_record(refused.record, reason)
            elif refused.cells:
                self._write_cells(refused.cells, reason)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"refused rows cannot be written to {self._path} ({error.strerror}); name another file with --refused"
        )

    def _write_cells(self, cells: dict[str, str], reason: str) -> None:
        columns = tuple(cells)
        if self._file is None or columns != self._columns:
            self._start_table(columns)
        self._writer.writerow([*cells.values(), reason])

    def _write_record(self, record: bytes, reason: str) -> None:
        """An object gets the reason as its first field; what is none stands whole on a line behind the reason's."""
        if self._lines is None:
            suffixes = _LINES_SUFFIXES
            path = self._path if self._path.suffix.lower() in suffixes else self._path.with_suffix(suffixes[0])
            self._lines = self._checked(path).open("wb")
            self.paths.append(path)
        said = b'{"%s": %s' % (ERROR_COLUMN.encode(), msgspec.json.encode(reason))
        line = _LINE_ENDS.sub(b" ", record.removeprefix(b"\xef\xbb\xbf").strip())
        line = _FORMER_REASON.sub(b"{", line, count=1) if line.startswith(b"{") else line
        if _is_object(line):
            rest = line[1:].lstrip()
            self._lines.write(said + (b"" if rest == b"}" else b", ") + rest + b"\n")
        else:
            self._lines.write(said + b"}\n" + line + b"\n")

    def _start_table(self, columns: tuple[str, ...]) -> None:
        if self._file is not None:
            self._file.close()
        path = self._path.with_suffix(".csv") if self._path.suffix.lower() in _LINES_SUFFIXES else self._path
        self._n_tables += 1
        if self._n_tables > 1:
            path = path.with_name(f"{path.stem}-{self._n_tables}{path.suffix}")
        # With the mark, so that spreadsheets and the importer read it as UTF-8 whatever the mapping says of the input.
        self._file = self._checked(path).open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([*columns, ERROR_COLUMN])
        self._columns = columns
        self.paths.append(path)

    def _checked(self, path: Path) -> Path:
        if path.resolve() == self._source:
            raise ConfigError(f"refused rows would overwrite the input {path}; name another file with --refused")
        return path

    def close(self) -> None:
        """Finish the files.

        Raises:
            ConfigError: what was still to be written cannot be.
        """
        files, self._file, self._lines = (self._file, self._lines), None, None
        try:
            for file in files:
                if file is not None:
                    file.close()
        except OSError as error:
            raise self._failed(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
