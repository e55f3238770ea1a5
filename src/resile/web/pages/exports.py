"""Every picture and table as a file: CSV, SVG, and the Vega-Lite specification."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import vl_convert
from fastapi import APIRouter, Request
from fastapi.responses import Response
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics import charts
from resile.analytics.moved import Moved
from resile.analytics.results import Attribution, GroupStatistics, IncidentDot
from resile.analytics.words import key_name
from resile.app import report
from resile.app.incidents import MAX_PER_PAGE, list_incidents
from resile.app.pictures import everyone, moved
from resile.app.printable import printable_data
from resile.app.wiring import Resile
from resile.model.time import format_instant
from resile.web.pages.compare import windows_asked
from resile.web.pages.delivery_exports import delivery_file, left_out
from resile.web.pages.filters import Asked, ask
from resile.web.pages.incidents import listing_of
from resile.web.pages.rendering import render
from resile.web.pages.restore import MOST_DOTS, attributed, restored, window_name, windows_to_compare

router = APIRouter(include_in_schema=False)

Rows = tuple[list[str], Iterable[Sequence[Any]]]
_ENDINGS = {"csv": "text/csv; charset=utf-8", "svg": "image/svg+xml", "vl.json": "application/json"}
# So many rows of a list leave as one file; the command line and the API give the rest.
MOST_ROWS = 100_000


class Chart(Struct, frozen=True):
    """How a picture leaves: its specification and the rows behind it."""

    specification: Callable[[Resile, Asked], dict[str, Any]] | None
    rows: Callable[[Resile, Asked], Rows]


@router.get("/charts/{file}")
def chart_file(request: Request, file: str) -> Response:
    """A picture or table in the form its ending says."""
    name, _, ending = file.partition(".")
    found = _content(request, name, is_table=ending == "csv") if ending in _ENDINGS else None
    if found is None:
        return render(request, "file_unknown.html", status_code=404, title="Not found", file=file)
    if isinstance(found, tuple):
        body = _csv(*found)
    else:
        # Drawn from the specification, so that both files show the same.
        # Printable: the renderer ends the whole process on a null character.
        specification = printable_data(found)
        encoded = msgspec.json.encode(specification)
        is_drawn = ending == "svg"
        body = (
            vl_convert.vegalite_to_svg(specification).encode() if is_drawn else msgspec.json.format(encoded, indent=1)
        )
    headers = {"content-disposition": f'attachment; filename="{name}.{ending}"'}
    return Response(body, media_type=_ENDINGS[ending], headers=headers)


def _content(request: Request, name: str, *, is_table: bool) -> dict[str, Any] | Rows | None:
    """The rows or the specification; None where there is no such picture."""
    chart = _charts().get(name)
    if chart is None:
        return delivery_file(request, name, is_table=is_table)
    resile: Resile = request.app.state.resile
    if is_table:
        return chart.rows(resile, ask(request))
    return None if chart.specification is None else chart.specification(resile, ask(request))


@lru_cache(maxsize=1)
def _charts() -> dict[str, Chart]:
    return {
        "incidents": Chart(_incidents_spec, _dot_rows),
        "groups": Chart(_groups_spec, _group_rows),
        "phases": Chart(_phases_spec, _phase_rows),
        "distribution": Chart(_distribution_spec, _dot_rows),
        "survival": Chart(_survival_spec, _survival_rows),
        "attribution": Chart(_attribution_spec, _part_rows),
        "medians": Chart(None, _period_rows),
        "incident-list": Chart(None, _list_rows),
    }


def _csv(header: list[str], rows: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    """A cell as it is written. Text that a spreadsheet would take for a formula is led in by an apostrophe."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"}:
        return f"'{value}"
    return "" if value is None else value


def _dots(resile: Resile, asked: Asked) -> list[IncidentDot]:
    return report.dots(resile, asked.query, MOST_DOTS)[0]


def _incidents_spec(resile: Resile, asked: Asked) -> dict[str, Any]:
    return charts.incidents_chart(_dots(resile, asked), report.restore(resile, asked.query).trend)


def _groups_spec(resile: Resile, asked: Asked) -> dict[str, Any]:
    return charts.groups_chart(restored(everyone(resile, asked.query), asked)[1].groups)


def _phases_spec(resile: Resile, asked: Asked) -> dict[str, Any]:
    return charts.phases_chart(report.phases(resile, replace(asked.query, by=())))


def _distribution_spec(resile: Resile, asked: Asked) -> dict[str, Any]:
    return charts.distribution_chart(_dots(resile, asked), report.restore(resile, asked.query).overall)


def _survival_spec(resile: Resile, asked: Asked) -> dict[str, Any]:
    return charts.survival_chart(report.survival(resile, asked.query))


def _attribution(resile: Resile, asked: Asked) -> Moved:
    """The attribution that the address shows: between the sides it names, else between parts of its window."""
    is_named = any(asked.has(name) for name in ("a_from", "a_to", "b_from", "b_to"))
    sides = windows_asked(asked) if is_named else windows_to_compare(asked.query.window, asked.value("against", "auto"))
    return moved(resile, attributed(asked), *sides)


def _attribution_spec(resile: Resile, asked: Asked) -> dict[str, Any]:
    found = _attribution(resile, asked)
    unmoved = Attribution(by=[], mean_before_s=0.0, mean_after_s=0.0, change_s=0.0, parts=[])
    names = (window_name(found.before), window_name(found.after))
    return charts.waterfall_chart(found.attribution or unmoved, names=names)


def _dot_rows(resile: Resile, asked: Asked) -> Rows:
    header = ["incident_id", "title", "started_at", "duration_s", "is_open", "severity", "service"]
    return header, (
        (
            dot.incident_id,
            dot.title,
            format_instant(dot.started_at),
            dot.duration_s,
            dot.is_open,
            dot.severity,
            dot.service,
        )
        for dot in _dots(resile, asked)
    )


def _group_rows(resile: Resile, asked: Asked) -> Rows:
    fields = [name for name in GroupStatistics.__struct_fields__ if name not in {"key", "notes"}]
    found = restored(everyone(resile, asked.query), asked)[1]
    header = [*found.by, *fields]
    return header, (
        [*(group.key.get(name) for name in found.by), *(getattr(group, name) for name in fields)]
        for group in found.groups
    )


def _period_rows(resile: Resile, asked: Asked) -> Rows:
    trend = report.restore(resile, asked.query).trend
    fields = [name for name in trend.periods[0].__struct_fields__ if name != "start"] if trend.periods else []
    return ["start", *fields], (
        [format_instant(period.start), *(getattr(period, name) for name in fields)] for period in trend.periods
    )


def _phase_rows(resile: Resile, asked: Asked) -> Rows:
    phases = report.phases(resile, replace(asked.query, by=())).overall.phases
    fields = list(phases[0].__struct_fields__) if phases else ["phase"]
    return fields, ([getattr(phase, name) for name in fields] for phase in phases)


def _survival_rows(resile: Resile, asked: Asked) -> Rows:
    points = report.survival(resile, asked.query).points
    header = ["after_s", "share", "low", "high", "n_at_risk"]
    return header, ((point.after_s, point.share, point.low, point.high, point.n_at_risk) for point in points)


def _part_rows(resile: Resile, asked: Asked) -> Rows:
    found = _attribution(resile, asked).attribution
    header = ["kind", "class", "phase", "seconds", "n_before", "n_after"]
    return header, (
        (part.kind, key_name(part.key), part.phase, part.seconds, part.n_before, part.n_after)
        for part in ([] if found is None else found.parts)
    )


def _list_rows(resile: Resile, asked: Asked) -> Rows:
    listing = replace(listing_of(asked), per_page=MAX_PER_PAGE)
    header = [
        "incident_id", "title", "severity", "services", "team", "origin", "status", "started_at", "ended_at",
        "duration_s", "is_open", "excluded_because", "n_reopened",
    ]  # fmt: skip

    def rows() -> Iterable[Sequence[Any]]:
        for page in range(1, MOST_ROWS // MAX_PER_PAGE + 1):
            found = list_incidents(resile, replace(listing, page=page))
            for row in found.rows:
                cells = {name: getattr(row, name) for name in header}
                cells["services"] = " ".join(row.services)
                for name in ("started_at", "ended_at"):
                    cells[name] = None if cells[name] is None else format_instant(cells[name])
                yield [cells[name] for name in header]
            if page >= found.n_pages:
                return
        yield left_out(found.total - MOST_ROWS, header)

    return header, rows()
