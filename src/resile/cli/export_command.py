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
    import duckdb  # noqa: PLC0415 - loads when asked

    resile.facts.refresh()
    unfinished = _unfinished(path)
    try:
        with resile.facts.table() as facts:
            facts.order_by("incident_id").to_parquet(unfinished, compression="zstd")
        unfinished.replace(path)
    except duckdb.Error as error:
        raise StoreError(f"{path}: {str(error).splitlines()[0]}; name a folder with room enough") from None
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that stands under its name only once it is whole."""
    unfinished = _unfinished(path)
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.unfinished")
