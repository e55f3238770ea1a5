"""Which files make up a projection of facts, and up to which seq; replaced as a whole, never changed."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from resile.stores.durable_files import private_file, sync_folder

MANIFEST_NAME = "manifest.json"


class Segment(Struct, frozen=True, kw_only=True):
    """A Parquet file of one table's rows, sorted by their key.

    Attributes:
        table: its name; not told by manifests of the time when facts on incidents were all there was.
        path: absolute; relative to the manifest where that rests beside it.
        n_bytes: its size; another size means damage.
        dead: a Parquet file with the numbers of the rows that a later segment replaced; None: there are none.
    """

    path: str
    n_rows: int
    n_bytes: int
    table: str = "facts"
    n_dead: int = 0
    dead: str | None = None

    @property
    def n_live(self) -> int:
        """How many of its rows hold."""
        return self.n_rows - self.n_dead


class Manifest(Struct, frozen=True, kw_only=True):
    """A whole state of the projection.

    Attributes:
        facts_version: of the columns, and of their meaning.
        up_to_seq: everything up to this one is in it.
        anchor: what the origin says of that seq; another database, or a restored backup, says something else.
    """

    facts_version: int
    up_to_seq: int
    anchor: str
    segments: tuple[Segment, ...]

    def files(self) -> set[str]:
        """Every file that it names."""
        return {segment.path for segment in self.segments} | {s.dead for s in self.segments if s.dead is not None}


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Manifest)


def nothing(version: int) -> Manifest:
    """A projection in which there is nothing."""
    return Manifest(facts_version=version, up_to_seq=0, anchor="", segments=())


def read_manifest(folder: Path, version: int) -> Manifest | None:
    """The projection that rests in the folder; None if there is none that is whole and of the version."""
    try:
        told = _decoder.decode((folder / MANIFEST_NAME).read_bytes())
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    # Paths are kept relative, so that a data folder can be moved.
    found = _moved(told, lambda name: str(folder / name))
    return found if found.facts_version == version and all(map(_is_whole, found.segments)) else None


def _moved(manifest: Manifest, to: Callable[[str], str]) -> Manifest:
    return replace(
        manifest,
        segments=tuple(
            replace(segment, path=to(segment.path), dead=None if segment.dead is None else to(segment.dead))
            for segment in manifest.segments
        ),
    )


def _is_whole(segment: Segment) -> bool:
    path = Path(segment.path)
    return (
        path.is_file() and path.stat().st_size == segment.n_bytes and (not segment.dead or Path(segment.dead).is_file())
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest in place of the one before; whenever the power goes, one of the two is there, whole."""
    relative = _moved(manifest, lambda path: os.path.relpath(path, folder) if Path(path).parent == folder else path)
    new = folder / f"{MANIFEST_NAME}.new"
    # Through a file object: os.write may write a part only, where the disk is nearly full.
    with private_file(new) as file, os.fdopen(os.dup(file), "wb") as whole:
        whole.write(_encoder.encode(relative))
    new.replace(folder / MANIFEST_NAME)
    sync_folder(folder)
