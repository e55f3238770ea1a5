"""Pictures and tables of deliveries as files, as exports.py hands them out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fastapi import Request
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.chart_parts import Spec
from resile.analytics.delivery_charts import (
    delivery_chart,
    stages_chart,
    strips_chart,
    trend_chart,
)
from resile.analytics.delivery_results import DeliveryTrend, ServiceDelivery
from resile.analytics.dora_words import METRIC_NAMES, busiest, stage_name
from resile.app.delivery_pictures import marks_of, trend_of
from resile.app.deployments import MAX_PER_PAGE, STATES, DeploymentListing, list_deployments
from resile.app.documents.phrases import stage_path
from resile.app.dora import Known, Look, look, refreshed, report_of
from resile.app.wiring import Resile
from resile.model.time import format_instant
from resile.web.pages.delivery_filters import DeliveryAsked, ask_of_deliveries

MOST_ROWS = 100_000
Rows = tuple[list[str], Iterable[Sequence[Any]]]


def left_out(n: int, header: Sequence[str]) -> list[str]:
    """The last row of a table that is cut: a file must not look whole where it is not."""
    return [f"{n} more are left out; narrow the filters", *[""] * (len(header) - 1)]


class DeliveryChart(Struct, frozen=True):
    """How a picture of deliveries leaves: its specification and the rows behind it."""

    specification: Callable[[Resile, DeliveryAsked, Known], Spec] | None
    rows: Callable[[Resile, DeliveryAsked, Known], Rows]


def delivery_file(request: Request, name: str, *, is_table: bool) -> Spec | Rows | None:
    """What the picture of that name holds under the address's question; None where there is no such picture.

    Rows are read to their end while the facts are open.
    """
    chart = CHARTS.get(name)
    if chart is None or (not is_table and chart.specification is None):
        return None
    resile: Resile = request.app.state.resile
    asked = ask_of_deliveries(request)
    with refreshed(resile) as known:
        if not is_table and chart.specification is not None:
            return chart.specification(resile, asked, known)
        header, rows = chart.rows(resile, asked, known)
        return header, list(rows)


def _services(resile: Resile, asked: DeliveryAsked, known: Known) -> list[ServiceDelivery]:
    return report_of(resile, known, asked.delivery).services


def _delivery_spec(resile: Resile, asked: DeliveryAsked, known: Known) -> Spec:
    return delivery_chart(_services(resile, asked, known))


def _delivery_rows(resile: Resile, asked: DeliveryAsked, known: Known) -> Rows:
    """One row per service and environment: every field of every metric, by its name in the JSON report."""
    services = _services(resile, asked, known)
    fields = {
        key: [name for name in getattr(services[0], key).__struct_fields__ if name != "stages"] if services else []
        for key in METRIC_NAMES
    }
    header = ["service", "environment", *(f"{key}.{name}" for key, names in fields.items() for name in names)]
    return header, (
        [
            row.service,
            row.environment,
            *(getattr(getattr(row, key), name) for key, names in fields.items() for name in names),
        ]
        for row in services
    )


def _deployments_spec(resile: Resile, asked: DeliveryAsked, known: Known) -> Spec:
    seen, marks = look(resile, known, asked.delivery), marks_of(known, asked.delivery)
    links = seen.links(seen.places(marks.id_hashes))
    return strips_chart(marks.shown, links, until=resile.clock.now())


def _failure_rows(resile: Resile, asked: DeliveryAsked, known: Known) -> Rows:
    """What is drawn: deployments, and for each failed one what is held against it."""
    return _rows_of(look(resile, known, asked.delivery), "succeeded")


def _list_rows(resile: Resile, asked: DeliveryAsked, known: Known) -> Rows:
    return _rows_of(look(resile, known, asked.delivery), asked.one_of("show", STATES, "all"))


def _rows_of(seen: Look, state: str) -> Rows:
    listing = DeploymentListing(state=state, per_page=MAX_PER_PAGE)
    header = [
        "deployment_id", "service", "environment", "version", "sha", "status", "started_at", "deployed_at",
        "unplanned", "n_changes", "origin", "is_pending", "evidence", "confidence", "incidents", "reason",
    ]  # fmt: skip

    def rows() -> Iterable[Sequence[Any]]:
        for page in range(1, MOST_ROWS // MAX_PER_PAGE + 1):
            found = list_deployments(seen, replace(listing, page=page))
            for row in found.rows:
                cells: dict[str, Any] = {name: getattr(row, name, None) for name in header}
                for name in ("started_at", "deployed_at"):
                    cells[name] = None if cells[name] is None else format_instant(cells[name])
                if row.links:
                    strongest = row.links[0]
                    cells |= {name: getattr(strongest, name) for name in ("evidence", "confidence", "reason")}
                cells["incidents"] = " ".join(link.incident_id for link in row.links if link.incident_id) or None
                yield [cells[name] for name in header]
            if page >= found.n_pages:
                return
        yield left_out(found.total - MOST_ROWS, header)

    return header, rows()


def _focus(resile: Resile, asked: DeliveryAsked, known: Known) -> ServiceDelivery | None:
    """The row whose figures the page shows first."""
    return busiest(_services(resile, asked, known))


def _stages_spec(resile: Resile, asked: DeliveryAsked, known: Known) -> Spec:
    row = _focus(resile, asked, known)
    stages = {} if row is None else row.lead_time.stages
    return stages_chart((key, stages[key]) for key in stage_path(stages)[0])


def _stage_rows(resile: Resile, asked: DeliveryAsked, known: Known) -> Rows:
    row = _focus(resile, asked, known)
    stages = {} if row is None else row.lead_time.stages
    path, beside = stage_path(stages)
    header = ["service", "environment", "stage", "name", "is_on_path", "n", "median_s", "p90_s"]
    return header, (
        [
            None if row is None else row.service,
            None if row is None else row.environment,
            key,
            stage_name(key),
            key in path,
            stages[key].n,
            stages[key].median_s,
            stages[key].p90_s,
        ]
        for key in [*path, *beside]
    )


def _trend(resile: Resile, asked: DeliveryAsked, known: Known) -> DeliveryTrend | None:
    seen = look(resile, known, asked.delivery)
    row = busiest(seen.report().services)
    return None if row is None else trend_of(seen, row)


def _trend_spec(resile: Resile, asked: DeliveryAsked, known: Known) -> Spec:
    nothing: dict[str, Any] = {key: [] for key in METRIC_NAMES}
    found = _trend(resile, asked, known)
    return trend_chart(found or DeliveryTrend(service=None, environment=None, every="month", **nothing))


def _trend_rows(resile: Resile, asked: DeliveryAsked, known: Known) -> Rows:
    found = _trend(resile, asked, known)
    header = ["service", "environment", "every", "metric", "start", "n", "value", "low", "high"]
    if found is None:
        return header, []
    return header, (
        [
            found.service,
            found.environment,
            found.every,
            key,
            format_instant(one.start),
            one.n,
            one.value,
            one.low,
            one.high,
        ]
        for key in METRIC_NAMES
        for one in getattr(found, key)
    )


CHARTS: dict[str, DeliveryChart] = {
    "delivery": DeliveryChart(_delivery_spec, _delivery_rows),
    "delivery-trend": DeliveryChart(_trend_spec, _trend_rows),
    "deployments": DeliveryChart(_deployments_spec, _failure_rows),
    "lead-time-stages": DeliveryChart(_stages_spec, _stage_rows),
    "deployment-list": DeliveryChart(None, _list_rows),
}
