"""Services and teams: delivery and recovery side by side."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from resile.analytics.delivery_results import ServiceDelivery
from resile.analytics.dora_words import busiest, frequency, headlines, name_of
from resile.analytics.query import Window
from resile.analytics.sentences import Parts, typical_s
from resile.analytics.words import counted, duration, percent
from resile.app.deployments import STATE_BEHIND
from resile.app.documents.phrases import missing_sentences
from resile.app.services import BothSides, ServiceRow, service_rows, service_sides, team_sides
from resile.app.wiring import Resile
from resile.model.time import format_instant
from resile.web.pages.filters import join
from resile.web.pages.rendering import render

router = APIRouter(include_in_schema=False)

PER_PAGE = 50
# Of fewer the most extreme service is whichever was unlucky.
_LEAST_DEPLOYMENTS, _LEAST_INCIDENTS = 20, 10


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
        message=_all_message(rows),
        window=window,
        rows=rows[(page - 1) * PER_PAGE : page * PER_PAGE],
        n_rows=len(rows),
        page=page,
        n_pages=n_pages,
        problems=problems,
        busiest=busiest,
        scope=_window_pairs(window),
        behind=behind,
    )


def _all_message(rows: Sequence[ServiceRow]) -> Parts:
    """Which service's deployments fail most often, and which takes longest to restore; of few nobody can tell."""
    rates = [
        (found.rate, row.name)
        for row in rows
        if (first := busiest(row.delivery)) is not None
        and (found := first.change_fail_rate).rate
        and found.n >= _LEAST_DEPLOYMENTS
    ]
    halves = [
        (half, row.name)
        for row in rows
        if row.recovery is not None
        and row.recovery.n_restored >= _LEAST_INCIDENTS
        and (half := typical_s(row.recovery)) is not None
    ]
    parts: Parts = [(counted(len(rows), "service"), True)]
    if len(rows) == 1 or not (rates or halves):
        return [*parts, (", how they deliver and how soon they are restored.", False)]
    if rates:
        rate, name = max(rates)
        parts += [(f". Deployments of {name} fail most often, ", False), (percent(rate), True)]
    if halves:
        half, name = max(halves)
        before = "; " if rates else ". "
        parts += [
            (f"{before}{name} takes longest to restore, ", False),
            (duration(half), True),
            (" in the median", False),
        ]
    return [*parts, (".", False)]


def behind(metric: str, row: ServiceDelivery, window: list[tuple[str, str]]) -> str:
    """The address of the deployments behind a metric of a service in an environment."""
    place = [("service", row.service or ""), ("environment", row.environment or "")]
    return join("/delivery", [*place, *window, ("show", STATE_BEHIND[metric])]) + "#deployments"


def _window_pairs(window: Window) -> list[tuple[str, str]]:
    return [("from", format_instant(window.start)), ("to", format_instant(window.end))]


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
    scope = [(kind, name), *_window_pairs(sides.window)]
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
        "missing": missing_sentences(sides.delivery, sides.delivery.services),
        "window_scope": scope[1:],
        "behind": behind,
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
        how_often = frequency(first.deployment_frequency.per_day)
        if len(sides.services) == 1:
            parts = [(f"{first.service} is deployed ", False), (how_often, True)]
        else:
            of = f"Of {counted(len(sides.services), 'service')} of {name} {first.service} is deployed most, "
            parts = [(of, False), (how_often, True)]
    else:
        parts = [(f"No deployment of {name} is known", False)]
    if half is not None:
        return [*parts, ("; half of incidents are restored within ", False), (duration(half), True), (".", False)]
    n_open = sides.recovery.overall.n_open
    rest = f"; {counted(n_open, 'incident')} open, none restored." if n_open else "; no incident has a time to restore."
    return [*parts, (rest, False)]
