"""Delivery: how often, how long, how often it fails, and how soon it is mended; with every deployment behind it."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.delivery_query import Definitions
from resile.analytics.delivery_results import STAGES, DoraReport, ServiceDelivery
from resile.analytics.delivery_shipments import NONE
from resile.analytics.dora_words import (
    busiest,
    delivery_message,
    headlines,
    name_of,
    stage_name,
)
from resile.analytics.words import counted, duration
from resile.app.deployments import (
    STATE_BEHIND,
    STATES,
    DeploymentListing,
    DeploymentPage,
    in_scope,
    list_deployments,
)
from resile.app.documents.phrases import missing_sentences, stage_path
from resile.app.dora import Counts, Look, counts_of, look, refreshed
from resile.app.wiring import Resile
from resile.web.pages.choices import choices
from resile.web.pages.delivery_filters import DeliveryAsked, ask_of_deliveries, delivery_chips
from resile.web.pages.delivery_trends import trend_pictures
from resile.web.pages.delivery_why import reasons
from resile.web.pages.filters import tidied
from resile.web.pages.pictures.strips import Strips, strips
from resile.web.pages.rendering import render

router = APIRouter(include_in_schema=False)

PER_PAGE = 20
# Rows beyond these are in the file and reached by the filters.
MOST_ROWS = 30
_MOST_CHOICES = 300
# So many sentences on what is not known stand open; the others are unfolded.
_MOST_MISSING = 5
STATE_WORDS = {
    "all": "all",
    "succeeded": "succeeded",
    "failed": "failed",
    "incident_known": "failed, incident known",
    "pending": "pending",
    "unplanned": "fixes",
    "known_changes": "commits known",
    "unknown_changes": "commits unknown",
    "unsuccessful": "did not succeed",
}


class StagePiece(Struct, frozen=True, kw_only=True):
    """A stage of lead time as a piece of the bar, its width by its median, and its figures.

    Attributes:
        is_beside: of changes in which a border between is not known; no piece of the bar.
    """

    key: str
    name: str
    kind: str
    x: str
    width: str
    median: str
    p90: str
    n: int
    is_beside: bool = False


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
        seen = look(resile, known, asked.delivery)
        report, listed = seen.report(), _listed(seen, asked)
        first = busiest(report.services)
        focus = first if first is not None and first.deployment_frequency.n else None
        context: dict[str, Any] = {
            "title": "Delivery",
            "asked": asked,
            "chips": delivery_chips(asked),
            "choices": choices(asked),
            "report": report,
            "rows": report.services[:MOST_ROWS],
            "n_rows": len(report.services),
            "focus": focus,
            "message": delivery_message(first, names_it=len(report.services) > 1),
            "missing": missing_sentences(report, report.services),
            "most_missing": _MOST_MISSING,
            "states_behind": states_behind(report),
            "strips": _strips(seen, asked, resile.clock.now()),
            "state_words": STATE_WORDS,
        }
        context |= listed
        if focus is not None:
            context |= _of_focus(seen, asked, report, focus)
    return render(request, "delivery.html", **context, problems=asked.problems)


def _of_focus(seen: Look, asked: DeliveryAsked, report: DoraReport, focus: ServiceDelivery) -> dict[str, Any]:
    """The headlines of one service in one environment, where its lead time goes, and why each figure is so."""
    of = seen.of_place(focus.service, focus.environment)
    assert of is not None  # noqa: S101 - it is a row of this very report

    def address(state: str) -> str:
        return asked.of_place(focus.service, focus.environment, show=state) + "#deployments"

    every, pictures = trend_pictures(of, focus)
    counts = counts_of(of)
    return {
        "heads": headlines(focus),
        "behind_words": behind_words(focus, counts),
        "focus_name": name_of(focus),
        "every": every,
        "trends": pictures,
        "stages": stage_pieces(focus),
        "whys": reasons(report, focus, counts, address),
        "behind": {key: address(state) for key, state in states_behind(report).items()},
    }


def states_behind(report: DoraReport) -> dict[str, str]:
    """Of each metric the state of the deployments behind it.

    Middleware's recovery time has none: it is of incidents, whatever caused them.
    """
    is_middleware = report.definitions == Definitions.MIDDLEWARE
    return {key: state for key, state in STATE_BEHIND.items() if not is_middleware or key != "recovery_time"}


def behind_words(row: ServiceDelivery, counts: Counts) -> dict[str, str]:
    """What each figure rests on, in words that count what the list behind it shows."""
    told = {one.key: one.rests_on for one in headlines(row)}
    changes, *left_out = told["lead_time"].split(", ", 1)
    n_known = counts.n_succeeded - counts.n_unknown_changes
    lead = ", ".join([f"{changes} in {counted(n_known, 'deployment')}", *left_out])
    return told | {"lead_time": lead}


def _listed(seen: Look, asked: DeliveryAsked) -> dict[str, DeploymentPage | DeploymentListing]:
    """One page of the table of deployments."""
    listing = DeploymentListing(
        state=asked.one_of("show", STATES, "all"),
        page=asked.whole_number("page", 1),
        per_page=PER_PAGE,
    )
    found = list_deployments(seen, listing)
    if found.page > found.n_pages:
        asked.problems.append(f"page {found.page} is beyond the last one, {found.n_pages}")
        found = list_deployments(seen, replace(listing, page=found.n_pages))
    return {"found": found, "listing": listing}


def _strips(seen: Look, asked: DeliveryAsked, until: datetime) -> Strips:
    """The picture of what counts. There may be a hundred thousand failures: only those with a sign are told of."""
    table = in_scope(seen.known.deliveries.deployments, asked.delivery)
    table = table.filter(table.deployed_at.notnull())
    columns = ("deployment_id", "service", "environment", "deployed_at")
    rows = table.select(*columns, id_hash=table.deployment_id.hash()).to_pyarrow()
    places = seen.places(np.asarray(rows["id_hash"]))
    # What lies in the future counts nowhere.
    rows, places = rows.filter(pa.array(places != NONE)), places[places != NONE]
    has_failed = seen.found.known.has_failed[places]
    return strips(rows, has_failed, lambda some: seen.links(places[some]), asked.delivery.window, until=until)


def stage_pieces(row: ServiceDelivery) -> list[StagePiece]:
    """The stages in their order; widths are medians, which need not sum to the median of the whole."""
    stages = row.lead_time.stages
    path, beside = stage_path(stages)
    whole = sum(stages[key].median_s or 0 for key in path) or 1.0
    pieces, at = [], 0.0
    for key in [*path, *beside]:
        stage = stages[key]
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
                is_beside=key in beside,
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
