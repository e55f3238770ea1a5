"""Records of a CSV file in bounded memory: a huge cell, bad bytes or an open quote cost one record, not the file."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO

from msgspec import Struct

from resile.model.errors import ConfigError

MAX_RECORD_CHARS = 1 << 20
SHOWN_CHARS = 200
# How a refused cell ends that was too long to be kept.
CUT = "… (cut)"
SNIFFED_CHARS = 1 << 16
_DELIMITERS = ",;\t|"
# The column in which refused rows carry their reason; passed over when the mended file is read again.
ERROR_COLUMN = "resile_error"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKS = tuple(mark for mark, _ in _BOMS)
# Reading on from after an open quote costs a second pass over what follows it; this many are granted per file.
_MAX_SECOND_CHANCES = 100
_QUOTE_OR_END = re.compile(r'["\r\n]')
_FIRST_LOW_SURROGATE, _LAST_LOW_SURROGATE = 0xDC80, 0xDCFF


class Record(Struct, frozen=True, gc=False):
    """One record.

    Attributes:
        line: the line on which it starts, from 1.
        problem: why it cannot be used; its cells are then shortened and meant to be shown.
    """

    line: int
    cells: list[str]
    problem: str | None = None


class _TooLongError(Exception):
    pass


class _OpenQuoteError(Exception):
    pass


def detect_encoding(start: bytes, name: str) -> str:
    """The encoding that a file's first bytes show; UTF-8 where they show none.

    Raises:
        ConfigError: they look like UTF-16 without its mark.
    """
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding
    if b"\x00" in start[:4]:
        guess = "utf-16-be" if start[:1] == b"\x00" else "utf-16-le"
        raise ConfigError(f"{name}, row 1: looks like UTF-16 without its mark; say `encoding: {guess}` in the mapping")
    return "utf-8"


def sniff_delimiter(sample: str) -> str:
    """The delimiter that parts a sample's first lines into the most cells, alike in number."""
    lines = sample.splitlines()[:20]
    if len(sample) >= SNIFFED_CHARS and len(lines) > 1:
        lines = lines[:-1]

    def score(delimiter: str) -> tuple[int, int]:
        widths = [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells]
        if not widths or widths[0] == 1:
            return 0, 0
        return sum(width == widths[0] for width in widths), widths[0]

    return max(_DELIMITERS, key=score)


class CsvRecords:
    """The records of one CSV file, one pass per instance."""

    def __init__(
        self, start: Callable[[], IO[bytes]], name: str, *, encoding: str | None = None, delimiter: str | None = None
    ) -> None:
        # The record's own bound strikes first; the csv module's is for the whole process and small.
        csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_RECORD_CHARS))
        with start() as stream:
            head = stream.read(SNIFFED_CHARS)
        if not head:
            raise ConfigError(f"{name} is empty; export it again")
        detected = detect_encoding(head, name) if encoding is None or head.startswith(_MARKS) else None
        self.encoding = detected or encoding or "utf-8"
        try:
            text = io.TextIOWrapper(io.BytesIO(head), self.encoding, errors="replace", newline="").read()
        except (LookupError, UnicodeError):
            raise ConfigError(f"encoding {self.encoding!r} is unknown; use utf-8, cp1252, utf-16 or the like") from None
        if text.partition("\n")[0].rstrip("\r").endswith(f",{ERROR_COLUMN}"):
            # A file of refused rows is written one way, whatever the mapping says of the file they came from.
            delimiter = ","
        self.delimiter = delimiter or sniff_delimiter(text)
        self._lines = _Lines(start, self.encoding, self.delimiter)

    def __iter__(self) -> Iterator[Record]:
        """Every record but blank ones, the header first.

        Raises:
            TornInputError: the input ends in the middle of an archive.
        """
        lines = self._lines
        n_chances = 0
        try:
            while True:
                reader = csv.reader(lines, delimiter=self.delimiter)
                try:
                    yield from self._records(reader)
                except _TooLongError:
                    yield self._too_long()
                except _OpenQuoteError:
                    yield self._open_quote(lines.taken[0])
                    n_chances += 1
                    if n_chances > _MAX_SECOND_CHANCES:
                        return
                    lines.give_back()
                else:
                    return
        finally:
            lines.close()

    def _records(self, reader: Iterator[list[str]]) -> Iterator[Record]:
        lines = self._lines
        taken = lines.taken
        while True:
            taken.clear()
            lines.n_chars = 0
            number = lines.number + 1
            cells = next(reader, None)
            if cells is None:
                return
            if lines.is_dubious:
                lines.is_dubious = False
                if (problem := _bad_bytes(cells, self.encoding)) is not None:
                    yield Record(number, [legible(cell) for cell in cells], problem)
                    continue
            if cells:
                yield Record(number, cells)

    def _too_long(self) -> Record:
        lines = self._lines
        number = lines.number - len(lines.taken) + 1
        cells = self._parsed("".join(lines.taken))  # its last cell is where the bound struck
        is_closed = lines.skip_record()
        if not is_closed and len(lines.taken) > 1 and lines.n_restarts < 3:  # noqa: PLR2004 - a bound
            lines.restart(after=number)
            return Record(number, [shown(cell) for cell in cells], _open_quote_problem(cells))
        problem = (
            f"cell {len(cells)} holds more than {MAX_RECORD_CHARS} characters, the most that is read; shorten it"
            + ("" if is_closed else " (its quote is never closed)")
        )
        return Record(number, [shown(cell) for cell in cells], problem)

    def _open_quote(self, first_line: str) -> Record:
        cells = self._parsed(first_line)
        number = self._lines.number - len(self._lines.taken) + 1
        return Record(number, [shown(cell) for cell in cells], _open_quote_problem(cells))

    def _parsed(self, text: str) -> list[str]:
        return next(csv.reader([text.rstrip("\r\n")], delimiter=self.delimiter), [])


def _open_quote_problem(cells: list[str]) -> str:
    return f"the quote opened in cell {len(cells)} is never closed; close it or double it"


class _Lines:
    """Physical lines for csv.reader, which asks for one more as long as a quote is open."""

    def __init__(self, start: Callable[[], IO[bytes]], encoding: str, delimiter: str) -> None:
        self._start = start
        self._encoding = encoding
        self._delimiter = delimiter
        self._errors = "replace" if encoding.lower().startswith(("utf-16", "utf-32", "utf16")) else "surrogateescape"
        self._pushed_back: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0
        self.n_chars = 0
        self.n_restarts = 0
        self.is_dubious = False
        self._open()

    def _open(self) -> None:
        self._text = io.TextIOWrapper(self._start(), self._encoding, errors=self._errors, newline="")
        self._readline = self._text.readline

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._pushed_back.popleft() if self._pushed_back else self._readline(MAX_RECORD_CHARS)
        if not line:
            if self.taken:
                raise _OpenQuoteError
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        self.n_chars += len(line)
        if self.n_chars >= MAX_RECORD_CHARS:
            raise _TooLongError
        if not line.isascii():
            self.is_dubious = True
        return line

    def give_back(self) -> None:
        """Read again from the line after the one on which the record started."""
        again = self.taken[1:]
        self.number -= len(again)
        self._pushed_back.extendleft(reversed(again))

    def restart(self, *, after: int) -> None:
        """Open the input anew and go on after that line."""
        self.n_restarts += 1
        self.close()
        self._open()
        self._pushed_back.clear()
        self.number = 0
        while self.number < after and (line := self._readline(MAX_RECORD_CHARS)):
            self.number += line.endswith(("\n", "\r"))

    def skip_record(self) -> bool:
        """Read to the end of the record that was too long.

        Returns:
            Whether it ended; False: the input did first, within a quoted cell.
        """
        scan = _RecordEnd(self._delimiter)
        is_over = False
        for line in self.taken:
            is_over = scan.is_reached_in(line)
        # A line read in pieces counts once, at its end.
        self.number -= not self.taken[-1].endswith(("\n", "\r"))
        while not is_over:
            piece = self._readline(MAX_RECORD_CHARS)
            if not piece:
                return not scan.is_quoted
            self.number += piece.endswith(("\n", "\r"))
            is_over = scan.is_reached_in(piece)
        return True

    def close(self) -> None:
        self._text.close()


class _RecordEnd:
    """Follows quotes through the pieces of a record, to find where it ends."""

    def __init__(self, delimiter: str) -> None:
        self._opens_after = {delimiter, '"', ""}
        self._last = ""
        self.is_quoted = False

    def is_reached_in(self, piece: str) -> bool:
        at = 0
        while at < len(piece):
            if self.is_quoted:
                at = piece.find('"', at) + 1
                if at == 0:
                    break
                self.is_quoted = False
                continue
            found = _QUOTE_OR_END.search(piece, at)
            if found is None:
                break
            if found.group() != '"':
                return True
            before = piece[found.start() - 1] if found.start() else self._last
            self.is_quoted = before in self._opens_after
            at = found.end()
        self._last = piece[-1]
        return False


def _bad_bytes(cells: list[str], encoding: str) -> str | None:
    for number, cell in enumerate(cells, start=1):
        for character in cell:
            if _FIRST_LOW_SURROGATE <= ord(character) <= _LAST_LOW_SURROGATE:
                byte = ord(character) - 0xDC00
                return (
                    f"cell {number}: byte 0x{byte:02X} is not {encoding.removesuffix('-sig').upper()}; save the file "
                    "as UTF-8, or say `encoding: cp1252` in the mapping if it comes from Windows"
                )
            if character == "\ufffd" and encoding.lower().startswith(("utf-16", "utf-32", "utf16")):
                return f"cell {number}: bytes that are not {encoding.upper()}; export the file again as UTF-8"
    return None


def shown(cell: str) -> str:
    """A cell as it may be written down: huge ones cut, bytes that are not UTF-8 read as Windows would."""
    return legible(cell if len(cell) <= SHOWN_CHARS else f"{cell[:SHOWN_CHARS]}{CUT}")


def legible(cell: str) -> str:
    """A cell as it may be written down whole: bytes that are not UTF-8 read as Windows would."""
    return cell if cell.isascii() else "".join(_legible(character) for character in cell)


def _legible(character: str) -> str:
    if _FIRST_LOW_SURROGATE <= ord(character) <= _LAST_LOW_SURROGATE:
        return bytes([ord(character) - 0xDC00]).decode("cp1252", "replace")
    return character
