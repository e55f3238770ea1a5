"""Histories handed in through the API: what `resile import` does, for one file."""

import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.import_history import Listeners, import_history
from resile.app.import_summary import ImportSummary
from resile.model.errors import ConfigError
from resile.ports.source import Reading, Refused, SourceOptions
from resile.sources.registry import open_source
from resile.web.api.asking import resile_of
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["imports"])

MAX_REFUSED = 1_000
_MAX_MAPPING_BYTES = 100_000
_NAME = re.compile(r"[^:\x00]{1,100}")


class RefusedRow(Struct, frozen=True, kw_only=True):
    """A row that could not be read: where it stood, and why it was refused."""

    row: int
    column: str
    reason: str


class Imported(Struct, frozen=True, kw_only=True):
    """What the import did.

    Attributes:
        refused_rows: the first 1000 of them, to be mended and handed in again.
    """

    n_incidents: int
    summary: ImportSummary
    refused_rows: list[RefusedRow]


@router.post("/imports", summary="Bring a history in", responses=answers(Imported, also=(413, 503)))
def import_file(
    request: Request,
    *,
    kind: Annotated[str, Form(max_length=100, description="table, servicenow, statuspage, pagerduty, opsgenie, jira.")],
    file: Annotated[UploadFile, File(description="The file; its ending says its format.")],
    mapping: Annotated[UploadFile | None, File(description="Of a table: the YAML mapping file.")] = None,
    name: Annotated[str | None, Form(max_length=100, description="Under which name the incidents are kept.")] = None,
    timezone: Annotated[str | None, Form(max_length=100, description="IANA zone of times without an offset.")] = None,
    dry_run: Annotated[bool, Form(description="Read and compare, store nothing.")] = False,
) -> Response:
    """Read a file as `resile import KIND FILE` does; handed in again, it changes only what it tells differently."""
    if name is not None and not _NAME.fullmatch(name.strip()):
        raise ConfigError(f"name {name!r} cannot be used; give one of 1 to 100 characters without a colon")
    resile = resile_of(request)
    refused: list[RefusedRow] = []

    def keep(row: Refused) -> None:
        if len(refused) < MAX_REFUSED:
            refused.append(RefusedRow(row=row.place.row, column=row.place.column, reason=row.reason))

    with tempfile.TemporaryDirectory(prefix="resile-import-") as folder:
        options = SourceOptions(
            name=None if name is None else name.strip(),
            mapping=_mapping_file(mapping, Path(folder)),
            timezone=timezone or None,
            severity_aliases={alias.casefold(): meant for alias, meant in resile.settings.severity_aliases.items()},
        )
        source = open_source(kind, options)
        read = source.read(_stored(file, Path(folder) / "input"))
        with _closing(read):
            summary = import_history(
                _until(request.app.state.is_ending, read),
                timelines=resile.timelines,
                facts=resile.facts,
                clock=resile.clock,
                listeners=Listeners(refused=keep),
                is_dry_run=dry_run,
            )
    return as_json(Imported(n_incidents=summary.n_incidents, summary=summary, refused_rows=refused))


def _until(is_ending: Event, readings: Iterator[Reading]) -> Iterator[Reading]:
    """The readings, for as long as the server is not told to end: it would have to wait for them."""
    for reading in readings:
        if is_ending.is_set():
            raise HTTPException(
                503,
                "the server is ending; a part of the history is stored, hand the same file in again when it is back",
            )
        yield reading


@contextmanager
def _closing(readings: Iterator[Reading]) -> Iterator[None]:
    """Let go of files and processes behind the readings, even when they are broken off."""
    try:
        yield
    finally:
        if isinstance(readings, Generator):
            readings.close()


def _mapping_file(mapping: UploadFile | None, folder: Path) -> Path | None:
    if mapping is None or not mapping.filename:
        return None
    if (mapping.size or 0) > _MAX_MAPPING_BYTES:
        raise ConfigError(f"the mapping has more than {_MAX_MAPPING_BYTES:,} bytes; that is no mapping file")
    return _stored(mapping, folder / "mapping")


def _stored(upload: UploadFile, folder: Path) -> Path:
    """The upload as a file under the last part of its own name, for its ending says what it is and errors name it."""
    folder.mkdir()
    last = Path((upload.filename or "").replace("\\", "/")).name
    path = folder / (re.sub(r"[^\w.-]", "_", last).lstrip(".")[-100:] or "upload")
    with path.open("wb") as target:
        shutil.copyfileobj(upload.file, target)
    return path
