"""What each figure means and how it is computed; every number of every page leads here."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from resile.analytics.query import Clock
from resile.analytics.words import clock_name, clock_span
from resile.web.pages.rendering import render

router = APIRouter(include_in_schema=False)


@router.get("/definitions")
def definitions_page(request: Request) -> HTMLResponse:
    """The page."""
    clocks = [(clock.measure, clock.value, clock_name(clock), clock_span(clock)) for clock in Clock]
    return render(request, "definitions.html", title="Definitions", clocks=clocks)
