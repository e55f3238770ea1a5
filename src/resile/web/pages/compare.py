"""Two stretches of time, or two services, teams, severities beside each other: is the difference more than chance?"""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from resile.analytics.query import DIMENSIONS, Window, check_dimension
from resile.analytics.results import CompareReport
from resile.analytics.sentences import compare_parts
from resile.app import report
from resile.app.wiring import Resile
from resile.model.errors import ConfigError
from resile.model.time import format_instant, parse_instant
from resile.web.pages.choices import choices
from resile.web.pages.filters import Asked, Chip, ask, chips, tidied
from resile.web.pages.pictures.bars import largest_parts, ranges, waterfall
from resile.web.pages.rendering import day, render
from resile.web.pages.restore import window_name, windows_to_compare

router = APIRouter(include_in_schema=False)

# Parts beyond these are in the file to download.
MOST_PARTS = 40


@router.get("/compare")
def compare_page(request: Request) -> Response:
    """The page."""
    if (address := tidied(request)) is not None:
        return RedirectResponse(address, status_code=303)
    resile: Resile = request.app.state.resile
    asked = ask(request)
    if asked.is_empty:
        return render(request, "empty.html", title="Compare", asked=asked)
    dimension = _dimension(asked)
    sides = windows_asked(asked)
    known = [value or "" for value, _ in report.dimension_values(resile, dimension)[:300]] if dimension else []
    values = _values(asked, known)
    found = (
        report.compare_values(resile, asked.query, dimension, *values)
        if dimension
        else report.compare(resile, asked.query, *sides)
    )
    names = (values[0] or f"no {dimension}", values[1] or f"no {dimension}")
    if not dimension:
        names = (window_name(sides[0]), window_name(sides[1]))
    parts = [] if found.attribution is None else largest_parts(found.attribution)
    context: dict[str, Any] = {
        "title": "Compare",
        "asked": asked,
        "chips": _chips(asked, None if dimension else sides),
        "choices": choices(asked),
        "report": found,
        "message": compare_parts(found, names),
        "names": names,
        "dimension": dimension,
        "values": values,
        "known": known,
        "windows": [(day(side.start), day(side.end)) for side in sides],
        "ranges": ranges([found.a.statistics, found.b.statistics]),
        "fall": None if found.attribution is None else waterfall(found.attribution, names),
        "parts": parts,
        "shown_parts": parts[:MOST_PARTS],
        "links": [_links(asked, found, name, dimension, value) for name, value in zip("ab", values, strict=True)],
        "dimensions": DIMENSIONS,
        "problems": asked.problems,
    }
    return render(request, "compare.html", **context)


def _chips(asked: Asked, sides: tuple[Window, Window] | None) -> list[Chip]:
    """The question in words; where two stretches are compared, they stand in place of the window that holds them."""
    found = chips(asked)
    if sides is None:
        return found
    stretches = []
    for side, words, window in zip("ab", ("Before", "After"), sides, strict=True):
        names = [f"{side}_from", f"{side}_to"]
        is_named = any(asked.value(name) for name in names)
        stretches.append(Chip(words, window_name(window), asked.address(drop=names) if is_named else None))
    # A window that was asked for may be taken away: it decides the stretches that nobody named.
    return [*stretches, *(chip for chip in found if chip.name not in {"Window", "Last"} or chip.without)]


def _values(asked: Asked, known: list[str]) -> tuple[str, str]:
    """The two values to compare; until somebody chooses, those with the most incidents."""
    names = {name for name, _ in asked.given}
    if {"a", "b"} & names:
        return asked.value("a"), asked.value("b")
    first, second, *_ = [*known, "", ""]
    return first, second


def _dimension(asked: Asked) -> str:
    """Which property tells the two sides apart; empty: two stretches of time."""
    text = asked.value("dimension")
    if not text:
        return ""
    try:
        name = check_dimension(text)
    except ConfigError as error:
        asked.problems.append(str(error))
        return ""
    if name not in DIMENSIONS and not name.startswith("label:"):
        asked.problems.append(f"{name!r} is a period; choose two stretches of time instead")
        return ""
    return name


def windows_asked(asked: Asked) -> tuple[Window, Window]:
    """The two stretches that the address names; those at the end of the window where it names none, or nonsense."""
    usual = windows_to_compare(asked.query.window, "auto")
    before = _window(asked, "a", usual[0])
    after = _window(asked, "b", usual[1])
    return before, after


def _window(asked: Asked, side: str, usual: Window) -> Window:
    start = _instant(asked, f"{side}_from") or usual.start
    end = _instant(asked, f"{side}_to") or usual.end
    try:
        return Window(start, end)
    except ConfigError as error:
        asked.problems.append(f"{side}: {error}")
        return usual


def _instant(asked: Asked, name: str) -> datetime | None:
    text = asked.value(name)
    if not text:
        return None
    try:
        return parse_instant(text)
    except ConfigError as error:
        asked.problems.append(f"{name}: {error}")
        return None


def _links(asked: Asked, found: CompareReport, name: str, dimension: str, value: str) -> dict[str, str]:
    """The incidents of one side: all of them, and by whether the clock still runs."""
    window = (found.a if name == "a" else found.b).window
    key: dict[str, str | None] = {dimension: value} if dimension else {}
    start, end = format_instant(window.start), format_instant(window.end)
    states = {state: asked.between(start, end, key, state=state) for state in ("restored", "open")}
    return {"all": asked.between(start, end, key), **states}
