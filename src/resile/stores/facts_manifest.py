"""Which files make up the projection of facts, and up to which event; replaced as a whole, never changed."""

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.facts import FACTS_VERSION
from resile.model.event import encode_event
from resile.ports.timeline_store import TimelineStore
from resile.stores.durable_files import private_file, sync_folder

MANIFEST_NAME = "manifest.json"


class Segment(Struct, frozen=True, kw_only=True):
    """A Parquet file of facts, sorted by incident id, each incident at most once.

    Attributes:
        path: absolute; relative to the manifest where that rests beside it.
        n_bytes: its size; another size means damage.
        dead: a Parquet file with the numbers of the rows that a later segment replaced; None: there are none.
    """

    path: str
    n_rows: int
    n_bytes: int
    n_dead: int = 0
    dead: str | None = None

    @property
    def n_live(self) -> int:
        """How many of its rows hold."""
        return self.n_rows - self.n_dead


class Manifest(Struct, frozen=True, kw_only=True):
    """A whole state of the projection.

    Attributes:
        up_to_seq: all events up to this one are in it.
        anchor: digest of that event: the same seq in another database, or in a restored backup, is another event.
    """

    facts_version: int
    up_to_seq: int
    anchor: str
    segments: tuple[Segment, ...]

    def files(self) -> set[str]:
        """Every file that it names."""
        return {segment.path for segment in self.segments} | {s.dead for s in self.segments if s.dead is not None}


NOTHING = Manifest(facts_version=FACTS_VERSION, up_to_seq=0, anchor="", segments=())
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Manifest)


def anchor_of(timelines: TimelineStore, seq: int) -> str:
    """The digest of the event at `seq`; empty if there is none, or for 0."""
    found = timelines.follow(seq - 1, limit=1) if seq else []
    if not found or found[0].seq != seq:
        return ""
    place = f"{found[0].incident_id}\n{found[0].version}\n".encode()
    return blake2b(place + encode_event(found[0].event), digest_size=16).hexdigest()


def read_manifest(folder: Path) -> Manifest | None:
    """The projection that rests in the folder; None if there is none that is whole and of this version."""
    try:
        told = _decoder.decode((folder / MANIFEST_NAME).read_bytes())
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    # Paths are kept relative, so that a data folder can be moved.
    found = _moved(told, lambda name: str(folder / name))
    return found if found.facts_version == FACTS_VERSION and all(map(_is_whole, found.segments)) else None


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
