"""Services and teams: delivery and recovery side by side."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from resile.analytics.dora_words import busiest, frequency, headlines, name_of
from resile.analytics.sentences import Parts, typical_s
from resile.analytics.words import counted, duration
from resile.app.services import BothSides, service_rows, service_sides, team_sides
from resile.app.wiring import Resile
from resile.model.time import format_instant
from resile.web.pages.rendering import render

router = APIRouter(include_in_schema=False)

PER_PAGE = 50


@router.get("/services")
def services_page(request: Request) -> Response:
    """The list of all services."""
    resile: Resile = request.app.state.resile
    window, rows = service_rows(resile)
    if not rows:
        return render(request, "empty.html", title="Services", asked=None)
    text = request.query_params.get("page", "1")
    n_pages = max(1, -(-len(rows) // PER_PAGE))
    is_page = text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= n_pages  # noqa: PLR2004 - no more pages than that
    page = int(text) if is_page else 1
    problems = [] if is_page else [f"page {text[:40]!r} is no number from 1 to {n_pages}"]
    return render(
        request,
        "services.html",
        title="Services",
        message=_all_message(len(rows)),
        window=window,
        rows=rows[(page - 1) * PER_PAGE : page * PER_PAGE],
        n_rows=len(rows),
        page=page,
        n_pages=n_pages,
        problems=problems,
        busiest=busiest,
    )


def _all_message(n: int) -> Parts:
    return [(counted(n, "service"), True), (", how they deliver and how soon they are restored.", False)]


@router.get("/services/{name:path}")
def service_page(request: Request, name: str) -> Response:
    """One service."""
    resile: Resile = request.app.state.resile
    if not name:
        return RedirectResponse("/services", status_code=307)
    return _page(request, "service", name, service_sides(resile, name))


@router.get("/teams/{name:path}")
def team_page(request: Request, name: str) -> Response:
    """One team and its services."""
    resile: Resile = request.app.state.resile
    return _page(request, "team", name, team_sides(resile, name) if name else None)


def _page(request: Request, kind: str, name: str, sides: BothSides | None) -> Response:
    if sides is None:
        return render(request, "service_unknown.html", status_code=404, title="Not found", kind=kind, called=name)
    first = busiest(sides.delivery.services)
    scope = [(kind, name), ("from", format_instant(sides.window.start)), ("to", format_instant(sides.window.end))]
    context: dict[str, Any] = {
        "title": name,
        "kind": kind,
        "called": name,
        "sides": sides,
        "message": message(name, sides),
        "first": first,
        "first_name": "" if first is None else name_of(first),
        "heads": headlines(first) if first is not None and first.deployment_frequency.n else [],
        "typical_s": typical_s(sides.recovery.overall),
        "scope": scope,
        "delivery_scope": [
            *(("service", service) for service in sides.services),
            *scope[1:],
        ],
    }
    return render(request, "service.html", **context)


def message(name: str, sides: BothSides) -> Parts:
    """Both sides in one sentence, as pieces of text with whether each is a figure to stress."""
    first = busiest(sides.delivery.services)
    half = typical_s(sides.recovery.overall)
    parts: Parts = []
    if first is not None and first.deployment_frequency.n:
        subject = name if len(sides.services) == 1 else f"{first.service}, of {len(sides.services)} services,"
        parts = [(f"{subject} is deployed ", False), (frequency(first.deployment_frequency.per_day), True)]
    else:
        parts = [(f"No deployment of {name} is known", False)]
    if half is not None:
        return [*parts, ("; half of incidents are restored within ", False), (duration(half), True), (".", False)]
    n_open = sides.recovery.overall.n_open
    rest = f"; {counted(n_open, 'incident')} open, none restored." if n_open else "; no incident has a time to restore."
    return [*parts, (rest, False)]
