"""From a path to streams of bytes: plain files, gzip and zip, with a bound on how much an archive may unpack to."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from resile.model.errors import ConfigError

# An archive may always unpack to this much; beyond it, only while it stays below so many times its packed size.
FREE_BYTES = 256 * 1024 * 1024
MAX_RATIO = 250
CHUNK_BYTES = 1 << 20
_LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
_DAMAGE = (EOFError, zlib.error, zipfile.BadZipFile, OSError)
# The others of zip unpack a whole block at once, whatever its size.
_READ_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


class TornInputError(Exception):
    """The input ends, is damaged, or cannot be trusted from the middle on; what was read before it is good.

    The message goes on after "the file".
    """


class Part(Struct, frozen=True):
    """One table within the input.

    Attributes:
        name: as shown to the user; within an archive `archive.zip/member.csv`.
        suffix: what it is by its name, in lower case: `.csv`.
        open: a new stream over its bytes from the beginning.
        position: how many bytes of the file on disk have been read.
    """

    name: str
    suffix: str
    open: Callable[[], IO[bytes]]
    position: Callable[[], int]
    total_bytes: int


class Odd(Struct, frozen=True):
    """A member of an archive that is passed over."""

    name: str
    reason: str
    is_fault: bool = False


def parts_of(path: Path, suffixes: frozenset[str]) -> Iterator[Part | Odd]:
    """The tables that a file holds: itself, what it unpacks to, or the members of an archive.

    Args:
        suffixes: which kinds are understood; a name that ends otherwise is refused.

    Raises:
        ConfigError: missing, a folder, empty, unreadable, or of no understood kind.
    """
    size = _checked_size(path)
    suffix = path.suffix.lower()
    if suffix == ".zip":
        yield from _zip_parts(path, size, suffixes)
        return
    inner = Path(path.stem).suffix.lower() if suffix == ".gz" else suffix
    if inner not in suffixes:
        raise ConfigError(
            f"{path.name}: {inner or 'no ending'} is no kind of table that is understood; "
            f"use {', '.join(sorted(suffixes))}, or .gz or .zip of these"
        )
    current: list[IO[bytes]] = []
    budget = _Budget(size)

    def start() -> IO[bytes]:
        raw = path.open("rb")
        current.append(raw)
        if suffix != ".gz":
            return raw
        # GzipFile closes a file that it was handed only when it opened it itself.
        return _bounded(gzip.GzipFile(fileobj=raw, mode="rb"), budget, path.name, raw)

    try:
        yield Part(path.name, inner, start, lambda: _position(current), size)
    finally:
        _close(current)


def _close(files: list[IO[bytes]]) -> None:
    """Whoever read the part may have stopped in the middle."""
    for file in files:
        file.close()


def _checked_size(path: Path) -> int:
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise ConfigError(f"{path} is a folder; give a file")
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        raise ConfigError(f"{path} is not there; check the path") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); check who may read it") from None
    if size == 0:
        raise ConfigError(f"{path.name} is empty; export it again")
    return size


def _position(current: list[IO[bytes]]) -> int:
    return current[-1].tell() if current and not current[-1].closed else 0


def _zip_parts(path: Path, size: int, suffixes: frozenset[str]) -> Iterator[Part | Odd]:
    raw = path.open("rb")
    try:
        try:
            archive = zipfile.ZipFile(raw)
        except zipfile.BadZipFile:
            yield from _salvaged(path, size, suffixes)
            return
        with archive:
            members = [member for member in archive.infolist() if _counts(member.filename, is_folder=member.is_dir())]
            if not members:
                raise ConfigError(f"{path.name} holds no files; export it again")
            budget = _Budget(size)
            for member in members:
                name = f"{path.name}/{member.filename}"
                yield _member(archive, member, name=name, raw=raw, budget=budget, suffixes=suffixes)
    finally:
        raw.close()


def _counts(name: str, *, is_folder: bool) -> bool:
    """Folders, and what macOS adds on its own, are no members."""
    return not is_folder and not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")


def _member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    *,
    name: str,
    raw: IO[bytes],
    budget: "_Budget",
    suffixes: frozenset[str],
) -> Part | Odd:
    suffix = Path(member.filename).suffix.lower()
    if suffix in {".zip", ".gz"}:
        return Odd(
            name, "an archive within an archive is not opened; unpack it and import what it holds", is_fault=True
        )
    if suffix not in suffixes:
        return Odd(name, f"{suffix or 'no ending'} is no kind of table that is understood")
    if member.flag_bits & 0x1:
        return Odd(name, "it is locked by a password; unpack it and import what it holds", is_fault=True)
    if member.compress_type not in _READ_METHODS:
        return Odd(name, "it is packed in a way that is not read; pack it as zip usually does (deflate)", is_fault=True)

    def start() -> IO[bytes]:
        try:
            return _bounded(archive.open(member), budget, f"{member.header_offset} {name}")
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise TornInputError(f"cannot be unpacked ({error})") from None

    return Part(name, suffix, start, raw.tell, budget.packed_bytes)


def _salvaged(path: Path, size: int, suffixes: frozenset[str]) -> Iterator[Part | Odd]:
    """The first member of an archive whose end, with its list of members, is missing."""
    with path.open("rb") as file:
        head = file.read(_LOCAL_HEADER.size)
        if len(head) < _LOCAL_HEADER.size or head[:4] != b"PK\x03\x04":
            raise ConfigError(f"{path.name} is no zip archive, or is damaged; download it again")
        _, _, flags, method, _, _, _, _, _, n_name, n_extra = _LOCAL_HEADER.unpack(head)
        member = file.read(n_name).decode("utf-8", "replace")
    suffix = Path(member).suffix.lower()
    if method not in _READ_METHODS or flags & 0x1 or suffix not in suffixes:
        raise ConfigError(f"{path.name} is cut off and nothing in it can be saved; download it again")
    current: list[IO[bytes]] = []
    budget = _Budget(size)

    def start() -> IO[bytes]:
        raw = path.open("rb")
        raw.seek(_LOCAL_HEADER.size + n_name + n_extra)
        current.append(raw)
        return _bounded(_TornMember(raw, is_packed=method == zipfile.ZIP_DEFLATED), budget, member, raw)

    try:
        yield Part(f"{path.name}/{member}", suffix, start, lambda: _position(current), size)
    finally:
        _close(current)


class _TornMember(io.RawIOBase):
    """What is left of an archive's member, and then its end in the middle."""

    def __init__(self, raw: IO[bytes], *, is_packed: bool) -> None:
        self._raw = raw
        self._unpack = zlib.decompressobj(-zlib.MAX_WBITS) if is_packed else None

    def read(self, size: int = -1, /) -> bytes:
        while self._unpack is None or not self._unpack.eof:
            rest = b"" if self._unpack is None else self._unpack.unconsumed_tail
            packed = rest or self._raw.read(max(size, 1))
            if not packed:
                raise EOFError
            unpacked = packed if self._unpack is None else self._unpack.decompress(packed, max(size, 1))
            if unpacked:
                return unpacked
        raise EOFError


class _Budget:
    """How much a file on disk may unpack to, all its members together; one that is read again counts once."""

    def __init__(self, packed_bytes: int) -> None:
        self.packed_bytes = packed_bytes
        self._n_bytes: dict[str, int] = {}
        self._total = 0

    def is_exceeded(self, member: str, n_bytes: int) -> bool:
        """Whether it is, now that so many bytes of the member were read."""
        before = self._n_bytes.get(member, 0)
        if n_bytes > before:
            self._n_bytes[member] = n_bytes
            self._total += n_bytes - before
        return self._total > FREE_BYTES and self._total > MAX_RATIO * self.packed_bytes


class _Unpacked(io.RawIOBase):
    """A stream that stops with TornInputError at damage, and where it turns out to be a bomb."""

    def __init__(self, inner: Any, budget: _Budget, member: str, *behind: IO[bytes]) -> None:
        self._inner = inner
        # One piece at a time: a longer read would lose what stands before the damage.
        self._read = getattr(inner, "read1", inner.read)
        self._budget = budget
        self._member = member
        self._behind = behind
        self._n_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        try:
            read = self._read(len(buffer))
        except _DAMAGE:
            raise TornInputError("ends in the middle or is damaged") from None
        self._n_bytes += len(read)
        if self._budget.is_exceeded(self._member, self._n_bytes):
            raise TornInputError(
                f"unpacks to more than {MAX_RATIO} times its size, as no table does (unpack it yourself if it is one)"
            )
        buffer[: len(read)] = read
        return len(read)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
            for file in self._behind:
                file.close()
        super().close()


def _bounded(inner: Any, budget: _Budget, member: str, *behind: IO[bytes]) -> IO[bytes]:
    return io.BufferedReader(_Unpacked(inner, budget, member, *behind), CHUNK_BYTES)
