"""Delivery: how often, how long, how often it fails, and how soon it is mended; with every deployment behind it."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.delivery_results import STAGES, DoraReport, FailureLink, ServiceDelivery
from resile.analytics.dora_words import (
    busiest,
    delivery_message,
    headlines,
    name_of,
    stage_name,
    stage_order,
)
from resile.analytics.words import duration
from resile.app.deployments import STATES, DeploymentListing, DeploymentPage, in_scope, list_deployments, narrowed
from resile.app.documents.phrases import gathered
from resile.app.dora import Known, counts_of, links_of, refreshed, report_of
from resile.app.wiring import Resile
from resile.web.pages.choices import choices
from resile.web.pages.delivery_filters import DeliveryAsked, ask_of_deliveries, delivery_chips
from resile.web.pages.delivery_trends import trend_pictures
from resile.web.pages.delivery_why import reasons
from resile.web.pages.filters import tidied
from resile.web.pages.pictures.strips import strips
from resile.web.pages.rendering import render

router = APIRouter(include_in_schema=False)

PER_PAGE = 20
# Rows beyond these are in the file and reached by the filters.
MOST_ROWS = 30
_MOST_CHOICES = 300
STATE_WORDS = {
    "all": "all",
    "succeeded": "succeeded",
    "failed": "failed",
    "pending": "pending",
    "unplanned": "fixes",
    "unsuccessful": "never succeeded",
    "unknown_changes": "commits unknown",
}


class StagePiece(Struct, frozen=True, kw_only=True):
    """A stage of lead time as a piece of the bar, its width by its median, and its figures."""

    key: str
    name: str
    kind: str
    x: str
    width: str
    median: str
    p90: str
    n: int


@router.get("/delivery")
def delivery_page(request: Request) -> Response:
    """The page."""
    if (address := tidied(request)) is not None:
        return RedirectResponse(address, status_code=303)
    resile: Resile = request.app.state.resile
    asked = ask_of_deliveries(request)
    if asked.is_empty:
        return render(request, "delivery_empty.html", title="Delivery", base_address=str(request.base_url).rstrip("/"))
    with refreshed(resile) as known:
        report = report_of(resile, known, asked.delivery)
        links = links_of(resile, known, asked.delivery)
        listed = _listed(resile, known, asked, links)
        focus = busiest(report.services)
        context: dict[str, Any] = {
            "title": "Delivery",
            "asked": asked,
            "chips": delivery_chips(asked),
            "choices": choices(asked),
            "report": report,
            "rows": report.services[:MOST_ROWS],
            "n_rows": len(report.services),
            "focus": focus,
            "message": delivery_message(focus, names_it=len(report.services) > 1),
            "missing": gathered(report.missing, ((name_of(row), row.missing) for row in report.services)),
            "strips": strips(_succeeded(known, asked), links, asked.delivery.window, until=resile.clock.now()),
            "state_words": STATE_WORDS,
        }
        context |= listed
        if focus is not None:
            context |= _of_focus(resile, known, asked, report, focus)
    return render(request, "delivery.html", **context, problems=asked.problems)


def _of_focus(
    resile: Resile, known: Known, asked: DeliveryAsked, report: DoraReport, focus: ServiceDelivery
) -> dict[str, Any]:
    """The headlines of one service in one environment, where its lead time goes, and why each figure is so."""
    query = narrowed(asked.delivery, focus.service, focus.environment)

    def address(state: str) -> str:
        return asked.of_place(focus.service, focus.environment, show=state) + "#deployments"

    every, pictures = trend_pictures(resile, known, query, focus)
    return {
        "heads": headlines(focus),
        "focus_name": name_of(focus),
        "every": every,
        "trends": pictures,
        "stages": stage_pieces(focus),
        "whys": reasons(report, focus, counts_of(known, query, focus.service, focus.environment), address),
        "behind": {
            "lead_time": address("succeeded"),
            "deployment_frequency": address("succeeded"),
            "change_fail_rate": address("failed"),
            "recovery_time": address("failed"),
            "rework_rate": address("unplanned"),
        },
    }


def _listed(
    resile: Resile, known: Known, asked: DeliveryAsked, links: Sequence[FailureLink]
) -> dict[str, DeploymentPage | DeploymentListing]:
    """One page of the table of deployments."""
    listing = DeploymentListing(
        query=asked.delivery,
        state=asked.one_of("show", STATES, "all"),
        page=asked.whole_number("page", 1),
        per_page=PER_PAGE,
    )
    found = list_deployments(resile, known, listing, links)
    if found.page > found.n_pages:
        asked.problems.append(f"page {found.page} is beyond the last one, {found.n_pages}")
        found = list_deployments(resile, known, replace(listing, page=found.n_pages), links)
    return {"found": found, "listing": listing}


def _succeeded(known: Known, asked: DeliveryAsked) -> pa.Table:
    table = in_scope(known.deliveries.deployments, asked.delivery)
    table = table.filter(table.deployed_at.notnull())
    return table.select("deployment_id", "service", "environment", "deployed_at").to_pyarrow()


def stage_pieces(row: ServiceDelivery) -> list[StagePiece]:
    """The stages in their order; widths are medians, which need not sum to the median of the whole."""
    known = {key: stage for key, stage in row.lead_time.stages.items() if stage.median_s is not None and stage.n}
    whole = sum(stage.median_s or 0 for stage in known.values()) or 1.0
    pieces, at = [], 0.0
    for key in sorted(known, key=stage_order):
        stage = known[key]
        share = max((stage.median_s or 0) / whole, 0.004) * 100
        pieces.append(
            StagePiece(
                key=key,
                name=stage_name(key),
                kind=key if key in STAGES else "joined",
                x=f"{at:.2f}%",
                width=f"{share:.2f}%",
                median=duration(stage.median_s),
                p90=duration(stage.p90_s),
                n=stage.n,
            )
        )
        at += share
    return pieces


@router.get("/choices/of-deliveries/{name}")
def known_names(request: Request, name: str) -> JSONResponse:
    """The services or environments of which a deployment is known, for the script that fills the suggestions."""
    resile: Resile = request.app.state.resile
    places = list(resile.deliveries.services())
    found = {environment for _, environment in places} if name == "environment" else {service for service, _ in places}
    return JSONResponse(sorted(value for value in found if value)[:_MOST_CHOICES])
