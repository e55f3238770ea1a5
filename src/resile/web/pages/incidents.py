"""The list of incidents behind any figure: filtered, searched, sorted, page by page, all of it in the address."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from msgspec.structs import replace

from resile.analytics.words import phase_name
from resile.app.incidents import SORTS, Listing, list_incidents
from resile.app.wiring import Resile
from resile.model.phases import PhaseName
from resile.web.pages.choices import choices
from resile.web.pages.filters import Asked, Chip, ask, chips, tidied
from resile.web.pages.rendering import render

router = APIRouter(include_in_schema=False)

PER_PAGE = 50
# Of more services an incident's own page tells.
MOST_SERVICES = 3
STATES = ("all", "open", "restored")
EXCLUDED = (
    "no", "all", "planned", "drill", "noise", "test", "merged", "contradictory", "without_start", "without_end",
)  # fmt: skip
# A phase, or neighbouring ones whose border is not known.
_NAMES = [name.value for name in PhaseName]
PHASES = tuple("+".join(_NAMES[i : j + 1]) for i in range(len(_NAMES)) for j in range(i, len(_NAMES)))
# Longer searches find nothing that a shorter one would not.
_LONGEST_TEXT = 200


@router.get("/incidents")
def incidents_page(request: Request) -> Response:
    """The page."""
    if (address := tidied(request)) is not None:
        return RedirectResponse(address, status_code=303)
    resile: Resile = request.app.state.resile
    asked = ask(request)
    if asked.is_empty:
        return render(request, "empty.html", title="Incidents", asked=asked)
    listing = listing_of(asked)
    found = list_incidents(resile, listing)
    if found.page > found.n_pages:
        asked.problems.append(f"page {found.page} is beyond the last one, {found.n_pages}")
        found = list_incidents(resile, replace(listing, page=found.n_pages))
    context: dict[str, Any] = {
        "title": "Incidents",
        "asked": asked,
        "chips": chips(asked) + _phase_chip(asked, listing.phase),
        "choices": choices(asked),
        "found": found,
        "listing": listing,
        "states": STATES,
        "most_services": MOST_SERVICES,
        "problems": asked.problems,
    }
    return render(request, "incidents.html", **context)


def _phase_chip(asked: Asked, phase: str) -> list[Chip]:
    away = asked.address(drop=["phase", "page"])
    return [Chip("Phase", phase_name(phase).lower(), away)] if phase else []


def listing_of(asked: Asked) -> Listing:
    """What the address asks to list; what it says wrongly is told in the asked problems."""
    sort = asked.one_of("sort", SORTS, "started")
    text = asked.value("q")
    if len(text) > _LONGEST_TEXT:
        asked.problems.append(f"the search is longer than {_LONGEST_TEXT} characters; it was cut there")
        text = text[:_LONGEST_TEXT]
    usual = "desc" if sort in {"started", "duration"} else "asc"
    return Listing(
        query=asked.query,
        state=asked.one_of("state", STATES, "all"),
        excluded=asked.one_of("excluded", EXCLUDED, "no"),
        text=text,
        phase=asked.one_of("phase", PHASES, "") if asked.value("phase") else "",
        sort=sort,
        descending=asked.one_of("order", ("desc", "asc"), usual) == "desc",
        page=asked.whole_number("page", 1),
        per_page=PER_PAGE,
    )
