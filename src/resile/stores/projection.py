"""A columnar projection of what a store holds: Parquet files beside a manifest, read in place by DuckDB.

Nothing is loaded: a query reads the columns it needs from the files. That is as fast as a table in memory, and ten
million incidents take half a gigabyte while a query runs instead of four for good.
"""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import ibis
from msgspec.structs import replace

from resile.model.errors import StoreError
from resile.stores.facts_manifest import MANIFEST_NAME, Manifest, nothing, read_manifest, write_manifest
from resile.stores.facts_readers import ReaderPool
from resile.stores.facts_segments import SegmentWriter, is_readable
from resile.stores.failures import told_of_file
from resile.stores.file_lock import alone, alone_if_free, together
from resile.stores.projection_shape import Origin, Told

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
# Another process may be deriving ten million incidents.
_WAIT_FOR_WRITER_S = 900.0
_MEMORY_LIMIT = "1200MiB"
_WRITER_LOCK = "writer.lock"
_READERS_LOCK = "readers.lock"


class ParquetProjection:
    """A projection in a folder. Several processes and threads may use the same folder at once.

    In a folder that cannot be written, what is there is read in place and what is new goes to a temporary folder.
    """

    def __init__(self, folder: Path, origin: Origin) -> None:
        self._origin = origin
        self._nothing = nothing(origin.shape.version)
        self._until_closed = ExitStack()
        self._folder = self._opened(folder.absolute())
        self._connecting = threading.Lock()
        self._connected: duckdb.DuckDBPyConnection | None = None
        self._refreshing = threading.Lock()
        self._known: Manifest | None = None
        self._readers = ReaderPool(self._connection, origin.shape)

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Made when first needed: it takes longer than many a command that never asks for these facts."""
        with self._connecting:
            if self._connected is None:
                self._connected = duckdb.connect(
                    config={
                        "memory_limit": _MEMORY_LIMIT,
                        "temp_directory": str(self._folder / f"spill-{os.getpid()}"),
                        "autoinstall_known_extensions": "false",
                    }
                )
            return self._connected

    def _opened(self, folder: Path) -> Path:
        """The folder, made if need be; in its place a temporary one that starts with what the folder holds."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                for lock in (_WRITER_LOCK, _READERS_LOCK):
                    os.close(os.open(folder / lock, os.O_CREAT | os.O_RDWR, 0o600))
                return folder
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise told_of_file(f"facts folder {folder} cannot be made", error) from error
        mine = Path(self._until_closed.enter_context(tempfile.TemporaryDirectory(prefix="resile-facts-")))
        # Held until the end, so that nobody who may write there takes away the files that are read from here.
        self._until_closed.enter_context(together(folder / _READERS_LOCK))
        write_manifest(mine, self._read(folder) or self._nothing)
        return mine

    def _read(self, folder: Path) -> Manifest | None:
        return read_manifest(folder, self._origin.shape.version)

    def refresh(self, told: Told | None = None) -> int:
        """Take in what the origin got since the last time; costs one look at their last seq if that is nothing.

        Args:
            told: hears how far it is.

        Raises:
            StoreError: the folder is full or cannot be written, or another process has been at it for 15 minutes.
        """
        with self._refreshing:
            if self._known is not None and self._known.up_to_seq == self._origin.last_seq() and self._is_there():
                return 0
            return self._derive(anew=False, told=told)

    def _is_there(self) -> bool:
        """Whether nobody has thrown the projection away, as anybody may."""
        return (self._folder / MANIFEST_NAME).exists()

    def rebuild(self) -> int:
        """Throw everything away and derive it again from its origin.

        Raises:
            StoreError: as refresh.
        """
        with self._refreshing:
            return self._derive(anew=True)

    def _derive(self, *, anew: bool, told: Told | None = None) -> int:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with alone(self._folder / _WRITER_LOCK, timeout_s=_WAIT_FOR_WRITER_S):
                try:
                    return self._derive_alone(self._nothing if anew else self._resting(), told)
                finally:
                    self._drop_garbage()
        except OSError as error:
            raise told_of_file(f"facts in {self._folder} cannot be written", error) from error

    def _resting(self) -> Manifest:
        """The projection in the folder; nothing, if it was not derived from this origin."""
        resting = self._read(self._folder) or self._nothing
        return resting if resting.anchor == self._origin.anchor(resting.up_to_seq) else self._nothing

    def _derive_alone(self, before: Manifest, told: Told | None) -> int:
        try:
            n_written, after = self._derived(before, told)
        except duckdb.Error:
            # A file is not what the manifest says of it. The origin is.
            n_written, after = self._derived(self._nothing, told)
        if after != self._read(self._folder):
            write_manifest(self._folder, after)
        self._known = after
        return n_written

    def _derived(self, before: Manifest, told: Told | None) -> tuple[int, Manifest]:
        up_to = self._origin.last_seq()
        shape = self._origin.shape
        with self._connection().cursor() as cursor:
            writer = SegmentWriter(self._folder, cursor, shape)
            newer = writer.from_rows(self._origin.derived(before.up_to_seq, up_to, told))
            older = writer.bury(before.segments, newer) if newer else list(before.segments)
            segments = writer.compacted([*older, *newer])
        after = replace(before, up_to_seq=up_to, anchor=self._origin.anchor(up_to), segments=tuple(segments))
        return sum(segment.n_rows for segment in newer if segment.table == shape.main), after

    def _drop_garbage(self) -> None:
        """Delete what the manifest does not name, unless somebody is reading just now; then the next one will."""
        with alone_if_free(self._folder / _READERS_LOCK) as is_alone:
            if not is_alone:
                return
            named = {MANIFEST_NAME, _WRITER_LOCK, _READERS_LOCK, f"spill-{os.getpid()}"}
            named |= {Path(file).name for file in (self._read(self._folder) or self._nothing).files()}
            for found in self._folder.iterdir():
                if found.name.startswith("spill-") and found.name not in named:
                    shutil.rmtree(found, ignore_errors=True)
                elif found.name not in named:
                    found.unlink()

    @contextmanager
    def reading(self) -> Iterator[Mapping[str, ibis.Table]]:
        """The tables by name; the same rows as long as the context lasts.

        Raises:
            StoreError: the files are damaged or gone, or another version of resile wrote there in the meantime.
        """
        known = self._known
        if known is not None and known.segments and not self._is_there():
            # Without this, it would be a table without rows, and nobody would wonder.
            raise StoreError(f"facts in {self._folder} were thrown away; they are derived again, try again")
        try:
            with together(self._folder / _READERS_LOCK), self._readers.reading(self._folder) as tables:
                yield tables
        except duckdb.Error:
            # The question may be wrong, or the files are.
            if self._is_readable():
                raise
            self._forget()
            raise StoreError(f"facts in {self._folder} are damaged; they are derived again, try again") from None

    def _is_readable(self) -> bool:
        with self._refreshing, together(self._folder / _READERS_LOCK):
            manifest = self._read(self._folder)
            return manifest is not None and all(map(is_readable, manifest.files()))

    def _forget(self) -> None:
        """Have the next refresh derive everything."""
        with self._refreshing, alone(self._folder / _WRITER_LOCK, timeout_s=_WAIT_FOR_WRITER_S):
            self._known = None
            (self._folder / MANIFEST_NAME).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of files and connections."""
        self._readers.close()
        if self._connected is not None:
            self._connected.close()
        self._until_closed.close()
