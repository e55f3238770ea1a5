"""Answers of a REST API as people save them: one JSON file, or a folder of them."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from resile.model.errors import ConfigError

MAX_BYTES = 100_000_000
MAX_FILES = 20_000


def answers(path: Path) -> Iterator[tuple[Any, str]]:
    """Each answer with the file that holds it; a file may hold several, one a line or in a list.

    Raises:
        ConfigError: there are none, or one cannot be read.
    """
    files = sorted(one for one in path.rglob("*.json") if one.is_file()) if path.is_dir() else [path]
    if not files:
        raise ConfigError(f"{path} holds no *.json; save the answers of the API there")
    if len(files) > MAX_FILES:
        raise ConfigError(f"{path} holds more than {MAX_FILES} files; name a smaller folder")
    for file in files:
        yield from ((answer, str(file)) for answer in _answers_in(file))


def _answers_in(file: Path) -> Iterator[Any]:
    try:
        with file.open("rb") as opened:
            body = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}); check the path") from None
    if len(body) > MAX_BYTES:
        raise ConfigError(f"{file} is larger than {MAX_BYTES} bytes; save each answer in a file of its own")
    body = _utf_8(body)
    try:
        whole = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from _lines(file, body)
        return
    yield from whole if isinstance(whole, list) else [whole]


def _utf_8(body: bytes) -> bytes:
    """As JSON is written; a shell of Windows saves what it is told to in UTF-16, or with a mark before it."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace").encode()
    return body.removeprefix(codecs.BOM_UTF8)


def _lines(file: Path, body: bytes) -> Iterator[Any]:
    """What curl appended, one answer a line."""
    for number, line in enumerate(body.splitlines(), start=1):
        if line.strip():
            try:
                yield msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise ConfigError(f"{file}, row {number}: no JSON ({error}); save the answer of the API anew") from None
