"""The columnar projection of incident facts: Parquet files beside a manifest, read in place by DuckDB.

Nothing is loaded: a query reads the columns it needs from the files. That is as fast as a table in memory, and ten
million incidents take half a gigabyte while a query runs instead of four for good.
"""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import ibis
from msgspec.structs import replace

from resile.model.errors import StoreError
from resile.ports.timeline_store import TimelineStore
from resile.stores.facts_manifest import (
    MANIFEST_NAME,
    NOTHING,
    Manifest,
    anchor_of,
    read_manifest,
    write_manifest,
)
from resile.stores.facts_readers import ReaderPool
from resile.stores.facts_segments import SegmentWriter, is_readable
from resile.stores.failures import told_of_file
from resile.stores.file_lock import alone, alone_if_free, together

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
# Another process may be deriving ten million incidents.
_WAIT_FOR_WRITER_S = 900.0
_MEMORY_LIMIT = "1200MiB"
_WRITER_LOCK = "writer.lock"
_READERS_LOCK = "readers.lock"


class ParquetFactsStore:
    """The FactsStore in a folder. Several processes and threads may use the same folder at once.

    In a folder that cannot be written, what is there is read in place and what is new goes to a temporary folder.
    """

    def __init__(self, folder: Path, timelines: TimelineStore) -> None:
        self._timelines = timelines
        self._until_closed = ExitStack()
        self._folder = self._opened(folder.absolute())
        self._connection = duckdb.connect(
            config={
                "memory_limit": _MEMORY_LIMIT,
                "temp_directory": str(self._folder / f"spill-{os.getpid()}"),
                "autoinstall_known_extensions": "false",
            }
        )
        self._refreshing = threading.Lock()
        self._known: Manifest | None = None
        self._readers = ReaderPool(self._connection)

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
        write_manifest(mine, read_manifest(folder) or NOTHING)
        return mine

    def refresh(self) -> int:
        """Take in what the timelines got since the last time; costs one look at their last seq if that is nothing.

        Raises:
            StoreError: the folder is full or cannot be written, or another process has been at it for 15 minutes.
        """
        with self._refreshing:
            if self._known is not None and self._known.up_to_seq == self._timelines.last_seq() and self._is_there():
                return 0
            return self._derive(anew=False)

    def _is_there(self) -> bool:
        """Whether nobody has thrown the projection away, as anybody may."""
        return (self._folder / MANIFEST_NAME).exists()

    def rebuild(self) -> int:
        """Throw everything away and derive it again from the timelines.

        Raises:
            StoreError: as refresh.
        """
        with self._refreshing:
            return self._derive(anew=True)

    def _derive(self, *, anew: bool) -> int:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with alone(self._folder / _WRITER_LOCK, timeout_s=_WAIT_FOR_WRITER_S):
                try:
                    return self._derive_alone(NOTHING if anew else self._resting())
                finally:
                    self._drop_garbage()
        except OSError as error:
            raise told_of_file(f"facts in {self._folder} cannot be written", error) from error

    def _resting(self) -> Manifest:
        """The projection in the folder; nothing, if it was not derived from these timelines."""
        resting = read_manifest(self._folder) or NOTHING
        return resting if resting.anchor == anchor_of(self._timelines, resting.up_to_seq) else NOTHING

    def _derive_alone(self, before: Manifest) -> int:
        try:
            n_written, after = self._derived(before)
        except duckdb.Error:
            # A file is not what the manifest says of it. The timelines are.
            n_written, after = self._derived(NOTHING)
        if after != read_manifest(self._folder):
            write_manifest(self._folder, after)
        self._known = after
        return n_written

    def _derived(self, before: Manifest) -> tuple[int, Manifest]:
        up_to = self._timelines.last_seq()
        with self._connection.cursor() as cursor:
            writer = SegmentWriter(self._folder, cursor)
            newer = writer.from_timelines(self._timelines.incidents_changed(before.up_to_seq, up_to))
            older = writer.bury(before.segments, newer) if newer else list(before.segments)
            segments = writer.compacted([*older, *newer])
        after = replace(before, up_to_seq=up_to, anchor=anchor_of(self._timelines, up_to), segments=tuple(segments))
        return sum(segment.n_rows for segment in newer), after

    def _drop_garbage(self) -> None:
        """Delete what the manifest does not name, unless somebody is reading just now; then the next one will."""
        with alone_if_free(self._folder / _READERS_LOCK) as is_alone:
            if not is_alone:
                return
            named = {MANIFEST_NAME, _WRITER_LOCK, _READERS_LOCK, f"spill-{os.getpid()}"}
            named |= {Path(file).name for file in (read_manifest(self._folder) or NOTHING).files()}
            for found in self._folder.iterdir():
                if found.name.startswith("spill-") and found.name not in named:
                    shutil.rmtree(found, ignore_errors=True)
                elif found.name not in named:
                    found.unlink()

    @contextmanager
    def table(self) -> Iterator[ibis.Table]:
        """One row per incident in the columns of analytics/facts.py; the same rows as long as the context lasts.

        Raises:
            StoreError: the files are damaged or gone, or another version of resile wrote there in the meantime.
        """
        known = self._known
        if known is not None and known.segments and not self._is_there():
            # Without this, it would be a table without incidents, and nobody would wonder.
            raise StoreError(f"facts in {self._folder} were thrown away; they are derived again, try again")
        try:
            with together(self._folder / _READERS_LOCK), self._readers.reading(self._folder) as table:
                yield table
        except duckdb.Error:
            # The question may be wrong, or the files are.
            if self._is_readable():
                raise
            self._forget()
            raise StoreError(f"facts in {self._folder} are damaged; they are derived again, try again") from None

    def _is_readable(self) -> bool:
        with self._refreshing, together(self._folder / _READERS_LOCK):
            manifest = read_manifest(self._folder)
            return manifest is not None and all(map(is_readable, manifest.files()))

    def _forget(self) -> None:
        """Have the next refresh derive everything."""
        with self._refreshing, alone(self._folder / _WRITER_LOCK, timeout_s=_WAIT_FOR_WRITER_S):
            self._known = None
            (self._folder / MANIFEST_NAME).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of files and connections."""
        self._readers.close()
        self._connection.close()
        self._until_closed.close()
