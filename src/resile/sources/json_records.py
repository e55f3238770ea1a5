"""Objects of a JSON document or of JSON Lines in bounded memory, one at a time."""

import re
from collections.abc import Callable, Iterator
from typing import IO, Any

import msgspec
from msgspec import Struct

from resile.model.errors import ConfigError
from resile.sources.csv_records import ERROR_COLUMN, SHOWN_CHARS, detect_encoding

MAX_OBJECT_BYTES = 4 << 20
MAX_DEPTH = 100
CHUNK_BYTES = 1 << 18
_TOO_DEEP = f"its brackets are nested too deeply, in more than {MAX_DEPTH} levels; flatten it"
_TOKENS = re.compile(rb'["{}\[\]]')
_TOLD = re.compile(rb"\s*:\s*([0-9]{1,15}|true|false)\s*(?:,|$)")
_MAX_TOLD = 100
_IN_STRING = re.compile(rb'["\\]')


class JsonRecord(Struct, frozen=True):
    """One object.

    Attributes:
        number: its line in JSON Lines, its place from 1 in an array.
        under: the key of the array that it stands in; empty for a bare array or JSON Lines.
        problem: why it cannot be read; `value` is then empty.
        text: it as it stands there; of what is too long, the beginning.
    """

    number: int
    value: dict[str, Any]
    under: str = ""
    problem: str | None = None
    text: bytes = b""


def json_records(
    start: Callable[[], IO[bytes]], name: str, suffix: str, *, told: dict[str, int] | None = None
) -> Iterator[JsonRecord]:
    """Every object of a file: one per line, or the members of arrays.

    A document is an array of objects, or an object that holds such arrays; several documents may follow each other.

    Args:
        told: is given what a document says of itself beside its arrays, in whole numbers, or true (1) or false (0).

    Raises:
        ConfigError: not UTF-8, or neither of these.
        TornInputError: the input ends in the middle of an archive.
    """
    with start() as stream:
        head = stream.read(CHUNK_BYTES)
    if not head.strip():
        raise ConfigError(f"{name} is empty; export it again")
    if not detect_encoding(head, name).startswith("utf-8"):
        raise ConfigError(f"{name}, row 1: JSON is read as UTF-8 only; save it as UTF-8")
    with start() as stream:
        beginning = head.removeprefix(b"\xef\xbb\xbf").strip()[:SHOWN_CHARS]
        is_array = beginning.startswith(b"[")
        if (suffix in {".jsonl", ".ndjson"} and not is_array) or _is_lines(head):
            yield from _lines(stream)
        elif is_array or beginning.startswith(b"{"):
            yield from _documents(stream, name, {} if told is None else told)
        else:
            raise ConfigError(
                f"{name}, row 1: is no JSON, it begins with {_beginning(beginning)[:40]!r}; export it again"
            )


def _is_lines(head: bytes) -> bool:
    """Whether the first two lines are whole objects each, whatever the file is called."""
    lines = head.removeprefix(b"\xef\xbb\xbf").strip().split(b"\n", 2)
    return len(lines) > 1 and all(line.strip().startswith(b"{") and _is_json(line) for line in lines[:2])


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _lines(stream: IO[bytes]) -> Iterator[JsonRecord]:
    number = 0
    while line := stream.readline(MAX_OBJECT_BYTES):
        number += 1
        if len(line) >= MAX_OBJECT_BYTES and not line.endswith(b"\n"):
            beginning = line[:SHOWN_CHARS]
            while (piece := stream.readline(MAX_OBJECT_BYTES)) and not piece.endswith(b"\n"):
                pass
            yield _too_long(number, beginning)
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip() and (record := _decoded(line, number, "")) is not None:
            yield record


def _decoded(text: bytes, number: int, under: str) -> JsonRecord | None:
    """The record; None of a line that only says why the next one was refused."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return JsonRecord(number, {}, under, f"it is not JSON: {error}; correct it", text)
    except RecursionError:
        return JsonRecord(number, {}, under, _TOO_DEEP, text)
    if not isinstance(value, dict):
        return JsonRecord(number, {}, under, "it is no JSON object; write one object per line", text)
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_deep(value):
        return JsonRecord(number, {}, under, _TOO_DEEP, text)
    if value.pop(ERROR_COLUMN, None) is not None and not value:
        return None
    return JsonRecord(number, value, under, None, text)


def _is_deep(value: Any) -> bool:
    """Whether brackets are nested more deeply than whoever reads the record may have to follow."""
    level = [value]
    for _ in range(MAX_DEPTH):
        within: list[Any] = []
        for one in level:
            within += one.values() if isinstance(one, dict) else one
        level = [one for one in within if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def _too_long(number: int, text: bytes, under: str = "") -> JsonRecord:
    problem = (
        f"it is longer than {MAX_OBJECT_BYTES} bytes, the most that is read; shorten it where it comes from "
        "(of one that long, only the beginning is kept)"
    )
    return JsonRecord(number, {}, under, problem, text[:SHOWN_CHARS])


def _beginning(text: bytes) -> str:
    return text[:SHOWN_CHARS].decode("utf-8", "replace").strip()


def _documents(stream: IO[bytes], name: str, told: dict[str, int]) -> Iterator[JsonRecord]:
    cutter = _Cutter(told)
    n_objects = 0
    while chunk := stream.read(CHUNK_BYTES):
        # An escape must not be parted: the character after the backslash would be read as a token.
        while chunk.endswith(b"\\") and (more := stream.read(1)):
            chunk += more
        for text, under in cutter.feed(chunk):
            n_objects += 1
            if len(text) > MAX_OBJECT_BYTES:
                yield _too_long(n_objects, text, under)
            elif (record := _decoded(text, n_objects, under)) is not None:
                yield record
    if cutter.depth:
        where = f"after object {n_objects}" if n_objects else "at its beginning"
        yield JsonRecord(n_objects + 1, {}, "", f"the document ends in the middle, {where}; get the file again")
    elif not cutter.n_arrays:
        raise ConfigError(f"{name} holds no array of objects; export it as an array, or as JSON Lines")
    elif cutter.stray:
        reason = "among its objects stands what is none; it is passed over, export it as an array of objects"
        yield JsonRecord(n_objects + 1, {}, "", reason, bytes(cutter.stray))


class _Cutter:
    """Cuts a stream of JSON into the objects of its arrays: of the document itself, or right under its top object."""

    def __init__(self, told: dict[str, int]) -> None:
        self._told = told
        self._between = b""
        self._stack = bytearray()
        self._is_quoted = False
        self._string = bytearray()
        self._key = ""
        self._record: bytearray | None = None
        self._record_depth = 0
        self.n_arrays = 0
        self.stray = bytearray()

    @property
    def depth(self) -> int:
        """How many brackets are open."""
        return len(self._stack)

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes, str]]:
        """The objects that end in this chunk with the key of their array; ones that are too long are cut."""
        at, kept = 0, 0
        while (found := (_IN_STRING if self._is_quoted else _TOKENS).search(chunk, at)) is not None:
            token, before, at = found.group(), at, found.end()
            if not self._is_quoted and self._record is None:
                self._look_between(chunk[before : found.start()], token)
            if token == b"\\":
                at += 1
            elif token == b'"':
                kept = self._quoted(chunk, at, kept)
            elif token in b"{[":
                kept = self._opened(token, found.start(), kept)
            elif self._closed():
                self._keep(chunk[kept:at])
                yield bytes(self._record or b""), self._key
                self._record = None
        if self._record is not None:
            self._keep(chunk[kept:])
        elif not self._is_quoted:
            self._between = (self._between + chunk[at:])[-SHOWN_CHARS:]
        elif len(self._stack) == 1:
            self._keep_string(chunk[kept:])

    def _look_between(self, piece: bytes, token: bytes) -> None:
        """Remember what stands right within an array of objects and is none: a number, a word, a list."""
        whole, self._between = self._between + piece, b""
        if len(self._stack) == 1 and len(self._told) < _MAX_TOLD and (found := _TOLD.match(whole)) is not None:
            word = found.group(1)
            self._told[self._string.decode("utf-8", "replace")] = int(word) if word.isdigit() else word == b"true"
        if bytes(self._stack[:3]) in {b"[", b"{["} and len(self.stray) < SHOWN_CHARS:
            within = piece.strip(b" \t\r\n,") + (token if token in b'"[' else b"")
            self.stray += within[:SHOWN_CHARS]

    def _quoted(self, chunk: bytes, at: int, kept: int) -> int:
        """A string begins or ends; those right within the top object may be the key of an array."""
        self._is_quoted = not self._is_quoted
        if self._record is not None or len(self._stack) != 1:
            return kept
        if self._is_quoted:
            self._string.clear()
            return at
        self._keep_string(chunk[kept : at - 1])
        return kept

    def _opened(self, token: bytes, start: int, kept: int) -> int:
        # No more than the outermost: a copy of the whole stack for each bracket would take for ever in a deep one.
        outermost = bytes(self._stack[:3])
        if token == b"[" and outermost in {b"", b"{"}:
            self.n_arrays += 1
            self._key = self._string.decode("utf-8", "replace") if self._stack else ""
        elif token == b"{" and self._record is None and outermost in {b"[", b"{["}:
            self._record, self._record_depth = bytearray(), len(self._stack)
            kept = start
        self._stack += token
        return kept

    def _closed(self) -> bool:
        """A bracket closes; True if a record ends with it."""
        if self._stack:
            self._stack.pop()
        return self._record is not None and len(self._stack) == self._record_depth

    def _keep(self, piece: bytes) -> None:
        if self._record is not None and len(self._record) <= MAX_OBJECT_BYTES:
            self._record += piece[: MAX_OBJECT_BYTES + 1]

    def _keep_string(self, piece: bytes) -> None:
        self._string += piece[: SHOWN_CHARS - len(self._string)] if len(self._string) < SHOWN_CHARS else b""
