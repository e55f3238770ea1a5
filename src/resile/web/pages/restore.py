"""Time to restore: how long it takes, whether that changes, where the time goes, and which incidents are behind it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from msgspec.structs import replace

from resile.analytics.dot_columns import DotColumns, dot_columns
from resile.analytics.grouping import Population
from resile.analytics.phase_report import restoring
from resile.analytics.query import PERIODS, Query, Window
from resile.analytics.restore import restore_of, usual_dimension
from resile.analytics.results import GroupStatistics, IncidentDot, PhasesReport, RestoreReport
from resile.analytics.sentences import detectable_sentence, message_parts, trend_detail, typical_s
from resile.analytics.survival_report import survival_of
from resile.analytics.words import VERDICT_SIGNS, duration, key_name
from resile.app import report
from resile.app.pictures import everyone, moved, phases
from resile.app.wiring import Resile
from resile.model.phases import PhaseName
from resile.model.time import DAY, MICROSECOND, format_instant
from resile.web.pages.choices import choices
from resile.web.pages.filters import Asked, ask, chips, tidied
from resile.web.pages.pictures.bars import joined_phases, phase_bars, ranges, waterfall
from resile.web.pages.pictures.distribution import distribution
from resile.web.pages.pictures.scatter import MOST_LINKED, gaps, kind_of, scatter
from resile.web.pages.pictures.survival import survival_picture
from resile.web.pages.rendering import render

router = APIRouter(include_in_schema=False)

# So many incidents can be found under the pointer in a big picture; of more, an even sample that keeps the extremes.
MOST_POINTED = 30_000
# So many leave as a picture's file, each by itself.
MOST_DOTS = 50_000
_NO_SEVERITY = "no severity"
PER_PAGE = 20
SORTS = ("median", "p90", "mean", "n", "open", "name")
AGAINST = ("auto", "halves", "quarter", "month")
_SLIDER_ENDS = (10, 20, 30, 60, 120, 240, 480, 1440, 2880, 10_080, 43_200)
_QUARTER, _MONTH = 91 * DAY, 30 * DAY


@router.get("/")
def home(request: Request) -> RedirectResponse:
    """Where resile pages people, what stands now; where it only measures, how long it takes to restore."""
    resile: Resile = request.app.state.resile
    is_paging = resile.catalog.policies() or resile.catalog.schedules() or resile.paging.open_escalations(limit=1)
    return RedirectResponse("/now" if is_paging else "/restore", status_code=307)


@router.get("/restore")
def restore_page(request: Request) -> Response:
    """The page."""
    if (address := tidied(request)) is not None:
        return RedirectResponse(address, status_code=303)
    resile: Resile = request.app.state.resile
    asked = ask(request)
    if asked.is_empty:
        return render(request, "empty.html", title="Time to restore", asked=asked)
    fetched = everyone(resile, asked.query)
    asked, found = restored(fetched, asked)
    context: dict[str, Any] = {
        "title": "Time to restore",
        "asked": asked,
        "report": found,
        "chips": chips(asked),
        "choices": choices(asked),
        "message": message_parts(found),
        "detectable": detectable_sentence(found.trend),
        "trend_detail": trend_detail(found.trend),
        "verdict_sign": VERDICT_SIGNS.get(found.trend.verdict, "→"),
        "typical_s": typical_s(found.overall),
        "gaps": gaps(found.trend.periods),
    }
    context |= _pictures(resile, asked, fetched, found)
    context |= _groups(asked, found.groups)
    context |= _phases(resile, asked, fetched)
    context |= _attribution(resile, asked)
    return render(request, "restore.html", **context, problems=asked.problems)


def restored(fetched: Population, asked: Asked) -> tuple[Asked, RestoreReport]:
    """The report; where no dimension is asked for, by service, or by severity if most incidents have no service."""
    if not asked.query.by and not asked.has("by"):
        asked = replace(asked, query=replace(asked.query, by=(usual_dimension(fetched),)))
    return asked, restore_of(fetched, asked.query)


def _pictures(resile: Resile, asked: Asked, fetched: Population, found: RestoreReport) -> dict[str, Any]:
    overall, n = found.overall, fetched.everyone.n
    is_small = n <= MOST_LINKED
    dots: Sequence[IncidentDot] | DotColumns
    if is_small:
        dots = report.dots(resile, asked.query, MOST_LINKED)[0]
        kinds = {(dot.severity or _NO_SEVERITY, kind_of(dot.severity)) for dot in dots}
    else:
        dots = dot_columns(fetched)
        present = np.unique(dots.severity).tolist()
        kinds = {(f"SEV{level}" if level else _NO_SEVERITY, f"sev{level}") for level in present}
    return {
        "scatter": scatter(dots, found.trend, asked.query.window, asked.between),
        "distribution": distribution(dots, overall) if n else None,
        "survival": survival_picture(survival_of(fetched)) if n else None,
        "severities": sorted(kinds),
        "n_counted": n,
        "dots_address": "" if is_small else asked.address(path="/restore/dots"),
    }


@router.get("/restore/dots")
def dots_behind_picture(request: Request) -> JSONResponse:
    """Where the dots of a big picture stand, for the script that finds the incident under the pointer."""
    resile: Resile = request.app.state.resile
    asked = ask(request)
    found, _ = report.dots(resile, asked.query, MOST_POINTED)
    return JSONResponse(
        {
            "dots": [
                [
                    dot.started_at.timestamp(),
                    dot.duration_s,
                    dot.incident_id,
                    dot.title[:120],
                    duration(dot.duration_s) + (" so far" if dot.is_open else ""),
                ]
                for dot in found
            ]
        }
    )


def _groups(asked: Asked, groups: list[GroupStatistics]) -> dict[str, Any]:
    """The table of groups, worst first unless asked otherwise, one page of it."""
    sort = asked.one_of("sort", SORTS, "median")
    is_descending = asked.one_of("order", ("desc", "asc"), "asc" if sort == "name" else "desc") == "desc"
    ordered = sorted_groups(groups, sort, is_descending=is_descending)
    n_pages = max(1, -(-len(ordered) // PER_PAGE))
    page = asked.whole_number("page", 1, most=1_000_000)
    if page > n_pages:
        asked.problems.append(f"page {page} is beyond the last one, {n_pages}")
        page = n_pages
    return {
        "groups": ordered[(page - 1) * PER_PAGE : page * PER_PAGE],
        "n_groups": len(ordered),
        "ranges": ranges(ordered),
        "is_by_period": any(name in PERIODS for name in asked.query.by),
        "group_sort": sort,
        "group_order": "desc" if is_descending else "asc",
        "page": page,
        "n_pages": n_pages,
    }


def sorted_groups(groups: Sequence[GroupStatistics], sort: str, *, is_descending: bool) -> list[GroupStatistics]:
    """Groups in the order asked for; those without the figure last, whichever way round."""
    figures: dict[str, Callable[[GroupStatistics], Any]] = {
        "median": typical_s,
        "p90": lambda group: group.p90_s,
        "mean": lambda group: group.mean_s,
        "n": lambda group: group.n_restored,
        "open": lambda group: group.n_open,
        "name": lambda group: key_name(group.key).casefold(),
    }
    figure = figures[sort]
    known = [group for group in groups if figure(group) is not None]
    unknown = [group for group in groups if figure(group) is None]
    return sorted(known, key=figure, reverse=is_descending) + unknown


def _phases(resile: Resile, asked: Asked, fetched: Population) -> dict[str, Any]:
    found = phases(resile, fetched)
    names = [name.value for name in PhaseName]
    behind = partial(_behind_phase, asked)
    known = [phase.phase for phase in found.overall.phases if phase.phase in names]
    if not known:
        return {
            "phases": found,
            "bars": phase_bars(found),
            "joined": joined_phases(found),
            "behind_phase": behind,
            "what_if": None,
            "what_if_phases": [],
        }
    phase = asked.one_of("phase", names, max(known, key=lambda name: _share(found, name)))
    most = _most_minutes(found, phase)
    minutes = asked.whole_number("minutes", max(1, most // 5), most=5_000_000)
    # Unasked, the script asks for the sentence once the page stands: it costs as much as all the other phases.
    is_asked = any(name in {"phase", "minutes"} for name, _ in asked.given)
    return {
        "phases": found,
        "bars": phase_bars(found),
        "joined": joined_phases(found),
        "behind_phase": behind,
        "what_if": report.what_if(resile, asked.query, phase, float(minutes)) if is_asked else None,
        "what_if_phases": known if phase in known else [*known, phase],
        "what_if_phase": phase,
        "what_if_minutes": minutes,
        "what_if_most": max(most, minutes),
    }


def _behind_phase(asked: Asked, phase: str) -> str:
    """The incidents whose phase is counted: those of the clock by which phases are reported."""
    clock = restoring(asked.query.clock)
    if clock is asked.query.clock:
        return asked.incidents(phase=phase)
    return asked.incidents(phase=phase, clock=clock.value)


def _share(found: PhasesReport, name: str) -> float:
    return next((phase.share for phase in found.overall.phases if phase.phase == name), 0.0)


def _most_minutes(found: PhasesReport, name: str) -> int:
    """How far the slider goes: to about the phase's usual length, in round minutes."""
    median_s = next((phase.median_s for phase in found.overall.phases if phase.phase == name), 0.0)
    return next((minutes for minutes in _SLIDER_ENDS if minutes * 60 >= median_s), _SLIDER_ENDS[-1])


@router.get("/restore/what-if")
def what_if_sentence(request: Request) -> HTMLResponse:
    """The sentence beside the slider, for the script that moves with it."""
    resile: Resile = request.app.state.resile
    asked = ask(request)
    phase = asked.one_of("phase", [name.value for name in PhaseName], PhaseName.DETECT.value)
    minutes = asked.whole_number("minutes", 5, most=5_000_000)
    answer = report.what_if(resile, asked.query, phase, float(minutes))
    return render(request, "parts/what_if_sentence.html", what_if=answer)


def _attribution(resile: Resile, asked: Asked) -> dict[str, Any]:
    """What moved the mean between two parts of the window."""
    chosen = asked.one_of("against", AGAINST, "auto")
    sides = windows_to_compare(asked.query.window, chosen)
    found = moved(resile, attributed(asked), *sides).attribution
    return {
        "against": stretches_name(asked.query.window, chosen),
        "sides": sides,
        "attribution": found,
        "fall": None if found is None else waterfall(found, (window_name(sides[0]), window_name(sides[1]))),
        "against_choices": [name for name in AGAINST[1:] if fits(asked.query.window, name)],
        "compare_address": asked.address(
            path="/compare",
            drop=["from", "to", "last", "sort", "order", "page", "against", "phase", "minutes", "every"],
            put=_side_pairs(sides),
        ),
    }


def attributed(asked: Asked) -> Query:
    """The question as an attribution reads it: by severity and service unless the reader chose dimensions."""
    return asked.query if asked.has("by") else replace(asked.query, by=())


def _side_pairs(sides: tuple[Window, Window]) -> list[tuple[str, str]]:
    before, after = sides
    instants = (("a_from", before.start), ("a_to", before.end), ("b_from", after.start), ("b_to", after.end))
    return [(name, format_instant(at)) for name, at in instants]


def fits(window: Window, name: str) -> bool:
    """Whether the window holds two of these stretches."""
    length = window.end - window.start
    return {"quarter": length >= 2 * _QUARTER, "month": length >= 2 * _MONTH}.get(name, True)


def stretches_name(window: Window, name: str) -> str:
    """Which stretches are compared: those named, if the window holds two of them; else what fits it."""
    if name == "auto" or not fits(window, name):
        return "quarter" if fits(window, "quarter") else "halves"
    return name


def windows_to_compare(window: Window, name: str) -> tuple[Window, Window]:
    """Two neighbouring stretches at the window's end: its halves, its last quarters of a year, or its last months.

    Unless somebody chooses: quarters where there are two of them, else halves.
    """
    name = stretches_name(window, name)
    length = {"quarter": _QUARTER, "month": _MONTH}.get(name, (window.end - window.start) / 2)
    middle = window.end - length
    return Window(middle - length, middle), Window(middle, window.end)


def window_name(window: Window) -> str:
    """A window by its first and last day: `25 May – 23 Aug 2026`."""
    first, last = window.start, window.end - MICROSECOND
    end = f"{last.day} {last:%b} {last.year}"
    if first.date() == last.date():
        return end
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%b}{year} – {end}"
