"""`resile export`: everything leaves as plain files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from resile.cli.invocation import invocation_of
from resile.model.errors import StoreError

if TYPE_CHECKING:
    from resile.app.wiring import Resile

TIMELINES, FACTS = "timelines.jsonl", "facts.parquet"
_ROWS = 100_000


def add_to(root: typer.Typer) -> None:
    """Make `resile export` a command."""
    root.command()(export)


def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go; made where it is missing.")],
) -> None:
    """Write everything as plain files: timelines.jsonl (an incident per line, with its events) and facts.parquet."""
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            n = _write_timelines(resile, folder / TIMELINES)
            _write_facts(resile, folder / FACTS)
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be written: {error.strerror}; name a folder that you may write"
            ) from None
    invocation.out.print(
        f"{n} timelines in {folder / TIMELINES}, facts in {folder / FACTS}", markup=False, soft_wrap=True
    )


def _write_timelines(resile: "Resile", path: Path) -> int:
    import msgspec  # noqa: PLC0415 - loads when asked

    encoder = msgspec.json.Encoder()
    n = 0
    with _whole(path) as file:
        for incident_id, events in resile.timelines.incidents_changed(0, resile.timelines.last_seq()):
            file.write(encoder.encode({"incident_id": incident_id, "events": events}) + b"\n")
            n += 1
    return n


def _write_facts(resile: "Resile", path: Path) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - loads when asked

    resile.facts.refresh()
    with resile.facts.table() as facts, _whole(path) as file:
        batches = facts.order_by("incident_id").to_pyarrow_batches(chunk_size=_ROWS)
        with pq.ParquetWriter(file, batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that stands under its name only once it is whole."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
