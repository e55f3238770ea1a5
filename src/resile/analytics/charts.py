"""Vega-Lite specifications of the pictures, from the reports: one description for documents, downloads and notebooks.

Each function gives a whole specification (a JSON-ready dict) with its data inside. Durations stand on logarithmic axes.
"""

import math
from collections.abc import Sequence
from typing import Any

from resile.analytics.chart_parts import (
    FLOOR_S,
    PALETTES,
    Spec,
    duration_domain,
    log_axis,
    lookup,
    phase_colour,
    severity_colour,
    spread,
    time_axis,
    tooltip,
    whole,
)
from resile.analytics.label_rows import label_places
from resile.analytics.results import Attribution, GroupStatistics, IncidentDot, PhasesReport, Survival, Trend
from resile.analytics.sentences import part_name, typical_s
from resile.analytics.words import duration, key_name, phase_name, signed
from resile.model.time import format_instant

# What a letter of a label takes at most, in pixels.
_LETTER = 7


def incidents_chart(
    dots: Sequence[IncidentDot], trend: Trend, *, width: int = 760, height: int = 300, theme: str = "light"
) -> Spec:
    """Every incident as a dot (open ones as upward triangles), the median per period as a line with its interval."""
    colours = PALETTES[theme]
    low, high = duration_domain(dot.duration_s for dot in dots)
    rows = [
        {
            "incident": dot.incident_id,
            "title": dot.title,
            "started": format_instant(dot.started_at),
            "seconds": max(dot.duration_s, FLOOR_S),
            "lasted": duration(dot.duration_s) + (" so far" if dot.is_open else ""),
            "severity": dot.severity or "none",
            "service": dot.service or "none",
            "state": "open" if dot.is_open else "restored",
        }
        for dot in dots
    ]
    periods = [
        {
            "start": format_instant(period.start),
            "median": None if (median := typical_s(period)) is None else max(median, FLOOR_S),
            "low": None if period.median_low_s is None else max(period.median_low_s, low),
            "high": None if period.median_high_s is None else min(period.median_high_s, high),
            "n": period.n_restored,
        }
        for period in trend.periods
    ]
    is_empty = not rows and not periods
    changes = [{"at": format_instant(change.at), "ratio": change.ratio} for change in trend.change_points]
    return whole(
        theme,
        width=width,
        height=height,
        layer=[
            {
                "data": {"values": [row for row in periods if row["low"] is not None and row["high"] is not None]},
                "mark": {"type": "area", "opacity": 0.14, "color": colours["accent"]},
                "encoding": {
                    "x": time_axis("start", is_empty=is_empty),
                    "y": log_axis("low", low, high),
                    "y2": {"field": "high"},
                },
            },
            {
                "data": {"values": rows},
                "mark": {"type": "point", "filled": True, "opacity": 0.45, "size": 20},
                "encoding": {
                    "x": time_axis("started", is_empty=is_empty),
                    "y": log_axis("seconds", low, high),
                    "color": severity_colour(colours, dots),
                    "shape": {
                        "field": "state",
                        "scale": {"domain": ["restored", "open"], "range": ["circle", "triangle-up"]},
                        "legend": None,
                    },
                    "tooltip": tooltip("incident", "title", "lasted", "severity", "service"),
                },
            },
            {
                "data": {"values": periods},
                "mark": {
                    "type": "line",
                    "color": colours["accent"],
                    "strokeWidth": 2,
                    "point": {"color": colours["accent"]},
                },
                "encoding": {"x": time_axis("start", is_empty=is_empty), "y": log_axis("median", low, high)},
            },
            {
                "data": {"values": changes},
                "mark": {"type": "rule", "color": colours["ink-3"], "strokeDash": [3, 3]},
                "encoding": {"x": time_axis("at", is_empty=is_empty)},
            },
        ],
    )


def groups_chart(groups: Sequence[GroupStatistics], *, width: int = 620, theme: str = "light") -> Spec:
    """One line per group in the order given: dot median, bar its interval, tick P90."""
    colours = PALETTES[theme]
    rows = [
        {
            "group": key_name(group.key),
            "median": max(median, FLOOR_S),
            "low": None if group.median_low_s is None else max(group.median_low_s, FLOOR_S),
            "high": group.median_high_s,
            "p90": group.p90_s,
            "n": group.n_restored,
            "open": group.n_open,
            "reads": duration(median),
        }
        for group in groups
        if (median := typical_s(group)) is not None
    ]
    low, high = duration_domain(
        value for group in groups for value in (typical_s(group), group.median_low_s, group.median_high_s, group.p90_s)
    )
    y = {"field": "group", "type": "nominal", "sort": None, "axis": {"title": None, "grid": False, "labelLimit": 220}}
    bar = {"type": "bar", "height": 8, "cornerRadius": 4, "opacity": 0.3, "color": colours["accent"]}
    return whole(
        theme,
        width=width,
        height={"step": 26},
        data={"values": rows},
        layer=[
            {
                "mark": bar,
                "encoding": {"y": y, "x": log_axis("low", low, high), "x2": {"field": "high"}},
                "transform": [{"filter": "datum.low != null && datum.high != null"}],
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "color": colours["accent"]},
                "encoding": {
                    "y": y,
                    "x": log_axis("median", low, high),
                    "tooltip": tooltip("group", "reads", "n", "open"),
                },
            },
            {
                "mark": {"type": "tick", "thickness": 2, "size": 12, "color": colours["ink-3"]},
                "encoding": {"y": y, "x": log_axis("p90", low, high)},
            },
        ],
    )


def phases_chart(report: PhasesReport, *, width: int = 620, height: int = 40, theme: str = "light") -> Spec:
    """Where the time goes, as one bar of shares of the summed time."""
    colours = PALETTES[theme]
    rows = [
        {"order": i, "phase": phase_name(phase.phase), "share": phase.share, "median": duration(phase.median_s)}
        for i, phase in enumerate(report.overall.phases)
    ]
    shown = {
        "domain": [row["phase"] for row in rows],
        "range": [phase_colour(p.phase, colours) for p in report.overall.phases],
    }
    return whole(
        theme,
        width=width,
        height=height,
        data={"values": rows},
        mark={"type": "bar", "stroke": colours["sheet"], "strokeWidth": 2, "cornerRadius": 4},
        encoding={
            "x": {
                "field": "share",
                "type": "quantitative",
                "stack": "zero",
                "axis": {"format": ".0%", "title": None, "grid": False},
            },
            "order": {"field": "order"},
            "color": {
                "field": "phase",
                "type": "nominal",
                "scale": shown,
                "legend": {"orient": "bottom", "title": None},
            },
            "tooltip": tooltip("phase", "share", "median"),
        },
    )


def waterfall_chart(
    attribution: Attribution,
    *,
    names: tuple[str, str] = ("before", "after"),
    width: int = 620,
    height: int = 240,
    theme: str = "light",
) -> Spec:
    """The mean before, what each part added or took, the mean after; every bar starts where the last one ended."""
    colours = PALETTES[theme]
    rows: list[dict[str, Any]] = [
        {
            "step": names[0],
            "from": 0.0,
            "to": attribution.mean_before_s,
            "kind": "whole",
            "reads": duration(attribution.mean_before_s),
        }
    ]
    level = attribution.mean_before_s
    for part in attribution.parts:
        name = part_name(part)
        kind = "bad" if part.seconds > 0 else "good"
        rows.append(
            {"step": name, "from": level, "to": level + part.seconds, "kind": kind, "reads": signed(part.seconds)}
        )
        level += part.seconds
    rows.append({"step": names[1], "from": 0.0, "to": level, "kind": "whole", "reads": duration(level)})
    for i, row in enumerate(rows):
        row |= {"order": i, "top": max(row["from"], row["to"])}
    x = {
        "field": "order",
        "type": "ordinal",
        "axis": {
            "title": None,
            "grid": False,
            "labelAngle": 0,
            "labelLimit": 90,
            "labelExpr": lookup(row["step"] for row in rows),
        },
    }
    kinds = {"domain": ["whole", "bad", "good"], "range": [colours["whole"], colours["bad"], colours["good"]]}
    return whole(
        theme,
        width=width,
        height=height,
        data={"values": rows},
        layer=[
            {
                "mark": {"type": "bar", "cornerRadius": 2},
                "encoding": {
                    "x": x,
                    "y": {"field": "from", "type": "quantitative", "axis": None},
                    "y2": {"field": "to"},
                    "color": {"field": "kind", "scale": kinds, "legend": None},
                    "tooltip": tooltip("step", "reads"),
                },
            },
            {
                "mark": {"type": "text", "dy": -7, "fontWeight": "bold", "color": colours["ink"]},
                "encoding": {"x": x, "y": {"field": "top", "type": "quantitative"}, "text": {"field": "reads"}},
            },
        ],
    )


def survival_chart(survival: Survival, *, width: int = 620, height: int = 220, theme: str = "light") -> Spec:
    """The share still not restored after a time (Kaplan–Meier), as steps with their interval."""
    colours = PALETTES[theme]
    rows = [
        {
            "after": max(point.after_s, FLOOR_S),
            "share": point.share,
            "low": point.low,
            "high": point.high,
            "at risk": point.n_at_risk,
        }
        for point in survival.points
    ]
    low, high = duration_domain(point.after_s for point in survival.points)
    share = {
        "type": "quantitative",
        "scale": {"domain": [0, 1]},
        "axis": {"format": ".0%", "title": "not restored yet"},
    }
    x = log_axis("after", low, high)
    return whole(
        theme,
        width=width,
        height=height,
        data={"values": rows},
        layer=[
            {
                "mark": {"type": "area", "interpolate": "step-after", "opacity": 0.14, "color": colours["accent"]},
                "encoding": {"x": x, "y": {"field": "low", **share}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "interpolate": "step-after", "color": colours["accent"]},
                "encoding": {
                    "x": x,
                    "y": {"field": "share", **share},
                    "tooltip": tooltip("after", "share", "at risk"),
                },
            },
        ],
    )


def distribution_chart(
    dots: Sequence[IncidentDot],
    statistics: GroupStatistics,
    *,
    width: int = 620,
    height: int = 120,
    theme: str = "light",
) -> Spec:
    """Every incident as a dot on one logarithmic axis, spread at random in height, with median, P90 and mean marked."""
    colours = PALETTES[theme]
    low, high = duration_domain(dot.duration_s for dot in dots)
    rows = [
        {
            "incident": dot.incident_id,
            "seconds": max(dot.duration_s, FLOOR_S),
            "height": spread(dot.incident_id),
            "severity": dot.severity or "none",
        }
        for dot in dots
    ]
    marks = _level_marks(statistics, low, high, width)
    x = log_axis("seconds", low, high)
    return whole(
        theme,
        width=width,
        height=height,
        layer=[
            {
                "data": {"values": rows},
                "mark": {"type": "point", "filled": True, "opacity": 0.45, "size": 18},
                "encoding": {
                    "x": x,
                    "y": {"field": "height", "type": "quantitative", "axis": None, "scale": {"domain": [0, 1.5]}},
                    "color": severity_colour(colours, dots),
                    "tooltip": tooltip("incident", "severity"),
                },
            },
            {
                "data": {"values": marks},
                "mark": {"type": "rule", "color": colours["ink"], "strokeWidth": 1.5},
                "encoding": {"x": x, "y": {"field": "height", "type": "quantitative"}, "y2": {"datum": 0}},
            },
            *(
                {
                    "data": {"values": [mark for mark in marks if mark["side"] == side]},
                    "mark": {"type": "text", "align": side, "dx": dx, "baseline": "top", "color": colours["ink"]},
                    "encoding": {"x": x, "y": {"field": "height", "type": "quantitative"}, "text": {"field": "name"}},
                }
                for side, dx in (("left", 4), ("right", -4))
            ),
        ],
    )


def _level_marks(statistics: GroupStatistics, low: float, high: float, width: int) -> list[dict[str, Any]]:
    """Median, mean and P90, each with its words where no other line crosses them."""
    named = (("median", typical_s(statistics)), ("mean", statistics.mean_s), ("P90", statistics.p90_s))
    known = [(max(value, FLOOR_S), f"{name} {duration(value)}") for name, value in named if value is not None]
    at = [math.log(value / low) / math.log(high / low) * width for value, _ in known]
    places = label_places(at, [4 + _LETTER * len(words) for _, words in known], width)
    return [
        {
            "seconds": value, "name": words, "height": 1.5 - 0.15 * place.row,
            "side": "right" if place.is_left else "left",
        }
        for (value, words), place in zip(known, places, strict=True)
    ]  # fmt: skip
