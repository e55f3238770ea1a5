"""What the pictures share: colours, axes and the frame of a Vega-Lite specification."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from resile.analytics.results import IncidentDot
from resile.analytics.words import Tick, duration_ticks

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

# The colours of web/static/tokens.css, for places that have no style sheet.
PALETTES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "sheet": "#ffffff", "line": "#e3e6eb", "ink": "#12161c", "ink-3": "#5f6878", "accent": "#0b7a5c",
        "good": "#0b7a5c", "bad": "#b3123a", "whole": "#abb1be",
        "SEV1": "#b3123a", "SEV2": "#b93c0a", "SEV3": "#8a5405", "SEV4": "#3b5bdb", "SEV5": "#5b6474",
        "detect": "#7c5cd6", "acknowledge": "#2f7fd0", "identify": "#0b9aa6",
        "mitigate": "#d98a00", "verify": "#7a8797",
    },
    "dark": {
        "sheet": "#151b23", "line": "#262e39", "ink": "#e9edf2", "ink-3": "#939eae", "accent": "#3ecf9d",
        "good": "#3ecf9d", "bad": "#ff6b8b", "whole": "#5a6677",
        "SEV1": "#ff6b8b", "SEV2": "#ff9a5c", "SEV3": "#f2c14e", "SEV4": "#8ea6ff", "SEV5": "#a3adbc",
        "detect": "#a78bfa", "acknowledge": "#63a7f0", "identify": "#3cc6d1",
        "mitigate": "#f0b13c", "verify": "#8794a6",
    },
}  # fmt: skip

# Nothing shorter can be drawn on a logarithmic axis; incidents of no length stand on its edge.
FLOOR_S = 1.0
_HEADROOM = 1.3
_SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4", "SEV5")


def duration_domain(durations: Iterable[float | None]) -> tuple[float, float]:
    """Both ends of a logarithmic axis that holds these durations, in seconds, with a little room."""
    positive = [max(value, FLOOR_S) for value in durations if value is not None]
    if not positive:
        return 60.0, 86400.0
    low, high = min(positive) / _HEADROOM, max(positive) * _HEADROOM
    return (low, high) if high / low > 4 else (low / 2, high * 2)  # noqa: PLR2004 - an axis needs two ticks


def spread(name: str) -> float:
    """A height from 0 to 1 for a dot, always the same for the same name and even over names."""
    scattered = 2166136261
    for byte in name.encode():  # FNV-1a: Python's own hash differs from run to run.
        scattered = ((scattered ^ byte) * 16777619) & 0xFFFFFFFF
    # The last byte alone moves neighbours ("INC-1", "INC-2") by little; the golden ratio spreads them.
    return (scattered * 2654435769 & 0xFFFFFFFF) / 0xFFFFFFFF


def phase_colour(phase: str, colours: Mapping[str, str]) -> str:
    """The colour of a phase; several joined ones stand in grey, for their split is not known."""
    return colours["whole"] if "+" in phase else colours.get(phase, colours["ink-3"])


def whole(theme: str, **spec: Any) -> Spec:
    """A specification in the house's look, with its schema."""
    colours = PALETTES[theme]
    font = "Inter, system-ui, -apple-system, Segoe UI, Roboto, sans-serif"
    axis = {
        "gridColor": colours["line"], "domain": False, "ticks": False, "labelColor": colours["ink-3"],
        "titleColor": colours["ink-3"], "labelFontSize": 11, "titleFontWeight": "normal", "labelPadding": 6,
    }  # fmt: skip
    legend = {"labelColor": colours["ink-3"], "titleColor": colours["ink-3"]}
    return {
        "$schema": SCHEMA,
        "background": colours["sheet"],
        "config": {"font": font, "axis": axis, "legend": legend, "view": {"stroke": None}},
        **spec,
    }


def time_axis(name: str, *, is_empty: bool = False) -> Spec:
    """The encoding of an instant on a horizontal axis in UTC; an empty picture has an axis without any."""
    if is_empty:
        return {"value": 0}
    return {"field": name, "type": "temporal", "scale": {"type": "utc"}, "axis": {"title": None, "grid": False}}


def log_axis(name: str, low: float, high: float) -> Spec:
    """The encoding of a duration in seconds on a logarithmic axis, with ticks people say."""
    ticks = duration_ticks(low, high)
    axis = {"title": None, "values": [tick.seconds for tick in ticks], "labelExpr": _tick_labels(ticks)}
    scale = {"type": "log", "domain": [low, high], "nice": False, "clamp": True}
    return {"field": name, "type": "quantitative", "scale": scale, "axis": axis}


def _tick_labels(ticks: Sequence[Tick]) -> str:
    cases = [f"datum.value == {tick.seconds:g} ? '{tick.label}' : " for tick in ticks]
    return "".join(cases) + "''"


def lookup(names: Iterable[str]) -> str:
    """An expression that gives the n-th name for the axis value n, parted into lines at its dots."""
    quoted = ", ".join("'" + name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ") + "'" for name in names)
    return f"split([{quoted}][datum.value], ' · ')"


def severity_colour(colours: Mapping[str, str], dots: Iterable[IncidentDot]) -> Spec:
    """The encoding of a severity as its colour, for those that the dots have."""
    present = {dot.severity or "none" for dot in dots}
    names = [name for name in (*_SEVERITIES, "none") if name in present]
    scale = {"domain": names, "range": [colours.get(name, colours["ink-3"]) for name in names]}
    return {"field": "severity", "type": "nominal", "scale": scale, "legend": {"orient": "bottom", "title": None}}


def tooltip(*names: str) -> list[Spec]:
    """The encoding of what is shown of a mark on hover."""
    return [{"field": name, "type": "nominal"} for name in names]
