"""`resile export`: everything leaves as plain files."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from resile.cli.invocation import invocation_of
from resile.model.errors import StoreError

if TYPE_CHECKING:
    from resile.app.wiring import Resile
    from resile.ports.delivery_store import DeliveryStore

TIMELINES, FACTS, CATALOG = "timelines.jsonl", "facts.parquet", "catalog"
DEPLOYMENTS, PULL_REQUESTS, COMMITS, REPORTS = (
    "deployments.jsonl", "pull-requests.jsonl", "commits.jsonl", "delivery-reports.jsonl",
)  # fmt: skip
_AT_ONCE = 1_000


def add_to(root: typer.Typer) -> None:
    """Make `resile export` a command."""
    root.command()(export)


def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go; made where it is missing.")],
) -> None:
    """Write everything as plain files: incidents with their events, deliveries as told and as known, and facts.

    timelines.jsonl has an incident per line, with no word of what was withdrawn; facts.parquet, the table behind every
    measure of them. commits.jsonl and delivery-reports.jsonl hold all that was told of deliveries; deployments.jsonl
    and pull-requests.jsonl, what that comes to. Documents of the catalog go under catalog/, as `resile apply` reads
    them.
    """
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            n = _write_timelines(resile, folder / TIMELINES)
            _write_facts(resile, folder / FACTS)
            n_documents = _write_catalog(resile, folder / CATALOG)
            n_deployments = _write_deployments(resile.deliveries, folder / DEPLOYMENTS)
            _write_lines(resile.deliveries.all_pull_requests(), folder / PULL_REQUESTS)
            _write_lines(resile.deliveries.all_commits(), folder / COMMITS)
            _write_lines(resile.deliveries.all_reports(), folder / REPORTS)
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be written: {error.strerror}; name a folder that you may write"
            ) from None
    said = (
        f"{n} timelines in {folder / TIMELINES}, facts in {folder / FACTS}, {n_deployments} deployments in "
        f"{folder / DEPLOYMENTS}, and what was told of them in {REPORTS} and {COMMITS} beside it; "
        f"{n_documents} documents of the catalog under {folder / CATALOG}"
    )
    invocation.out.print(said, markup=False, soft_wrap=True)


def _write_timelines(resile: "Resile", path: Path) -> int:
    from resile.app.withdrawn import shown_timeline  # noqa: PLC0415 - loads when asked

    changed = resile.timelines.incidents_changed(0, resile.timelines.last_seq())
    return _write_lines(
        ({"incident_id": incident_id, "events": shown_timeline(events)} for incident_id, events in changed), path
    )


def _write_deployments(deliveries: "DeliveryStore", path: Path) -> int:
    """Each with the ids of the commits that it first brought; null where they are not known."""
    names = deliveries.deployments_changed(0, deliveries.last_seq())

    def lines() -> Iterator[dict[str, object]]:
        while some := list(islice(names, _AT_ONCE)):
            told, shipped = deliveries.deployments(some), deliveries.shipped(some)
            for name in some:
                noted = shipped.get(name)
                yield {"deployment": told[name], "commits": None if noted is None else noted.shas}

    return _write_lines(lines(), path)


def _write_lines(values: Iterable[object], path: Path) -> int:
    """One JSON object per line; how many."""
    import msgspec  # noqa: PLC0415 - loads when asked

    encoder = msgspec.json.Encoder()
    n = 0
    with _whole(path) as file:
        for value in values:
            file.write(encoder.encode(value) + b"\n")
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


def _write_catalog(resile: "Resile", folder: Path) -> int:
    """Each document in its file, as `resile apply` reads it; other files there are left alone."""
    from resile.sources.catalog_folder import file_text, path_of  # noqa: PLC0415 - loads when asked

    versions = resile.catalog.versions()
    paths = {folder / path_of(kind, name): file_text(kind, name, one.body) for (kind, name), one in versions.items()}
    for path, body in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with _whole(path) as file:
            file.write(body.encode())
    return len(paths)


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
