"""Reads a large history in a process of its own, so that reading and storing have a processor each.

`python -m resile.app.read_apart` takes the question from its standard input and writes readings to its standard output.
Both sides are this program; what goes between them are msgpack messages, each with its length before it.
"""

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from resile.model.errors import ConfigError
from resile.ports.source import Progress, Reading, SourceOptions, Taken, digest_of
from resile.sources.messages import received, send, standard_output
from resile.sources.registry import open_source

# Shorter files are read before a second process has started.
WORTHWHILE_BYTES = 2 << 20
_READINGS_PER_MESSAGE = 1_000


class _Asked(msgspec.Struct, frozen=True):
    kind: str
    options: SourceOptions
    path: str


class _Failed(msgspec.Struct, frozen=True, tag=True):
    """What ended the reading: a sentence for the person who asked."""

    sentence: str


class _Read(msgspec.Struct, frozen=True, tag=True):
    readings: list[Reading]


class _Ended(msgspec.Struct, frozen=True, tag=True):
    """Everything was read."""


def readings_of(kind: str, options: SourceOptions, path: Path) -> Iterator[Reading]:
    """What the source of that kind reads in the file or folder, streaming.

    Raises:
        ConfigError: as Source.read.
    """
    source = open_source(kind, options)
    if path.is_file() and path.stat().st_size >= WORTHWHILE_BYTES:
        return readings_apart(kind, options, path)
    return source.read(path)


def readings_apart(kind: str, options: SourceOptions, path: Path) -> Iterator[Reading]:
    """The same, read by a process of its own, which ends when nobody listens any more.

    Raises:
        ConfigError: as Source.read; or the process was killed.
    """
    try:
        process = _started()
    except OSError:
        # No process to be had: then here, if not as fast.
        yield from open_source(kind, options).read(path)
        return
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    decode = msgspec.msgpack.Decoder(_Failed | _Read | _Ended).decode
    try:
        with suppress(BrokenPipeError):  # It may have ended at once; that is told below.
            _say(process.stdin, _Asked(kind, options, str(path)))
            process.stdin.close()
        while (message := received(process.stdout)) is not None:
            said = decode(message)
            if isinstance(said, _Ended):
                return
            if isinstance(said, _Failed):
                raise ConfigError(said.sentence)
            yield from said.readings
        raise ConfigError(
            f"{path}: the process that read it ended with {process.wait()}, perhaps for want of memory; what was read "
            "before is kept, import it again"
        )
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "resile.app.read_apart"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is for the program that imports: it ends this one.
        start_new_session=True,
    )


def main() -> None:
    """Read what standard input asks for."""
    # Drafts come by the thousand, hold no cycles, and are soon gone.
    gc.set_threshold(200_000, 20, 20)
    message = received(sys.stdin.buffer)
    if message is None:
        return
    asked = msgspec.msgpack.Decoder(_Asked, dec_hook=_path).decode(message)
    out = standard_output()
    # Nothing but messages may go there, whatever a plugin prints.
    sys.stdout = sys.stderr
    try:
        _tell_all(asked, out)
    except BrokenPipeError:
        # Nobody listens any more.
        return


def _tell_all(asked: _Asked, out: IO[bytes]) -> None:
    waiting: list[Reading] = []
    try:
        for reading in open_source(asked.kind, asked.options).read(Path(asked.path)):
            if isinstance(reading, Taken) and reading.digest is None:
                reading = msgspec.structs.replace(reading, digest=digest_of(reading.draft))  # noqa: PLW2901
            waiting.append(reading)
            # Progress is told after what it is about, and a source bounds what it holds by it.
            if isinstance(reading, Progress) or len(waiting) >= _READINGS_PER_MESSAGE:
                _say(out, _Read(waiting))
                waiting = []
    except ConfigError as error:
        last: _Failed | _Ended = _Failed(str(error))
    else:
        last = _Ended()
    _say(out, _Read(waiting))
    _say(out, last)
    out.flush()


def _say(stream: IO[bytes], message: Any) -> None:
    send(stream, msgspec.msgpack.encode(message, enc_hook=str))


def _path(kind: type, said: Any) -> Any:
    return kind(said)


if __name__ == "__main__":
    main()
