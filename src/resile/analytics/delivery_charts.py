"""Vega-Lite specifications of the pictures of deliveries; see charts.py."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from resile.analytics.chart_parts import FLOOR_S, PALETTES, Spec, duration_domain, log_axis, time_axis, tooltip, whole
from resile.analytics.delivery_results import STAGES, DeliveryTrend, FailureLink, MetricPeriod, ServiceDelivery, Stage
from resile.analytics.dora_words import METRIC_NAMES, SAID, name_of, place_name, stage_name
from resile.analytics.words import duration, percent
from resile.model.time import format_instant

_STAGE_COLOURS = dict(zip(STAGES, ("verify", "detect", "identify", "acknowledge", "mitigate"), strict=True))
_DURATIONS = ("lead_time", "recovery_time")
# What the names of services and environments take beside a picture.
_LABELS = 170
_RATES = ("change_fail_rate", "rework_rate")


class DeploymentMark(Struct, frozen=True, gc=False):
    """A successful deployment in a picture."""

    deployment_id: str
    service: str | None
    environment: str | None
    deployed_at: datetime


def strips_chart(
    deployments: Sequence[DeploymentMark],
    links: Sequence[FailureLink],
    *,
    until: datetime,
    width: int = 760,
    theme: str = "light",
) -> Spec:
    """One strip per service and environment: deployments as ticks, failed ones crossed, and the incidents they caused.

    Args:
        until: the present: incidents that are open last until here.
    """
    colours = PALETTES[theme]
    by_id = {one.deployment_id: one for one in deployments}
    strongest: dict[str, FailureLink] = {}
    for link in sorted(links, key=lambda one: -one.confidence):
        strongest.setdefault(link.deployment_id, link)
    failed = [(by_id[name], link) for name, link in strongest.items() if name in by_id]
    rows = [_mark(one) for one in deployments if one.deployment_id not in strongest]
    crosses = [_mark(one) | {"why": link.reason} for one, link in failed]
    bars = [
        {
            "place": place_name(one.service, one.environment),
            "incident": link.incident_id,
            "from": format_instant(link.failed_at),
            "to": format_instant(max(link.restored_at or until, link.failed_at)),
            "state": "restored" if link.restored_at else "open",
        }
        for one, link in failed
        if link.incident_id is not None
    ]
    y: Spec = {"field": "place", "type": "nominal", "axis": {"title": None, "grid": False, "labelLimit": 240}}
    x, end = time_axis("at", is_empty=not deployments), {"field": "to"}
    tick: Spec = {"type": "tick", "color": colours["accent"], "opacity": 0.6, "thickness": 1, "size": 14}
    cross = {"type": "point", "shape": "cross", "angle": 45, "color": colours["bad"], "size": 40, "filled": True}
    bar = {"type": "bar", "height": 4, "yOffset": 11, "color": colours["bad"]}
    return whole(
        theme,
        width=width,
        height={"step": 34},
        layer=[
            {"data": {"values": rows}, "mark": tick, "encoding": {"x": x, "y": y, "tooltip": tooltip("deployment")}},
            {
                "data": {"values": bars},
                "mark": bar,
                "encoding": {
                    "x": time_axis("from", is_empty=not deployments), "x2": end, "y": y,
                    "opacity": {"condition": {"test": "datum.state == 'open'", "value": 0.3}, "value": 0.9},
                    "tooltip": tooltip("incident", "state"),
                },
            },
            {
                "data": {"values": crosses},
                "mark": cross,
                "encoding": {"x": x, "y": y, "tooltip": tooltip("deployment", "why")},
            },
        ],
    )  # fmt: skip


def _mark(one: DeploymentMark) -> dict[str, Any]:
    place = place_name(one.service, one.environment)
    return {"deployment": one.deployment_id, "place": place, "at": format_instant(one.deployed_at)}


def stages_chart(stages: Iterable[tuple[str, Stage]], *, width: int = 620, theme: str = "light") -> Spec:
    """The stages from commit to deployment one after the other, each as long as its median."""
    colours = PALETTES[theme]
    known = list(stages)
    rows = [
        {
            "order": at, "stage": stage_name(key), "hours": (stage.median_s or 0) / 3600, "n": stage.n,
            "median": duration(stage.median_s), "p90": duration(stage.p90_s),
        }
        for at, (key, stage) in enumerate(known)
    ]  # fmt: skip
    shown = {
        "domain": [row["stage"] for row in rows],
        "range": [colours[_STAGE_COLOURS.get(key, "whole")] for key, _ in known],
    }
    return whole(
        theme,
        width=width,
        height=40,
        data={"values": rows},
        mark={"type": "bar", "stroke": colours["sheet"], "strokeWidth": 2, "cornerRadius": 4},
        encoding={
            "x": {
                "field": "hours",
                "type": "quantitative",
                "stack": "zero",
                "axis": {"title": "hours, medians of each stage", "grid": False},
            },
            "order": {"field": "order"},
            "color": {
                "field": "stage",
                "type": "nominal",
                "scale": shown,
                "legend": {"orient": "bottom", "title": None, "columns": 3},
            },
            "tooltip": tooltip("stage", "median", "p90", "n"),
        },
    )


def trend_chart(trend: DeliveryTrend, *, width: int = 620, theme: str = "light") -> Spec:
    """The five metrics over time, one below the other, each with its 95 % interval."""
    return whole(theme, vconcat=[_metric_panel(trend, key, width, theme) for key in METRIC_NAMES])


def _metric_panel(trend: DeliveryTrend, key: str, width: int, theme: str) -> Spec:
    colours = PALETTES[theme]
    periods: list[MetricPeriod] = getattr(trend, key)
    told = SAID[key]
    rows = [
        {
            "start": format_instant(one.start), "value": one.value, "low": one.low, "high": one.high, "n": one.n,
            "reads": told(one.value),
        }
        for one in periods
    ]  # fmt: skip
    is_empty = all(one.value is None for one in periods)
    values = [one.value for one in periods]

    def y(name: str) -> Spec:
        if key in _DURATIONS:
            return log_axis(name, *duration_domain(values))
        axis = {"title": None, "format": ".0%"} if key in _RATES else {"title": None}
        return {"field": name, "type": "quantitative", "axis": axis}

    x = time_axis("start", is_empty=is_empty)
    return {
        "title": _title(METRIC_NAMES[key] + (", a day" if key == "deployment_frequency" else ""), theme),
        "width": width,
        "height": 90,
        "data": {"values": rows},
        "layer": [
            {
                "transform": [{"filter": "datum.low != null && datum.high != null"}],
                "mark": {"type": "area", "opacity": 0.14, "color": colours["accent"], "clip": True},
                "encoding": {"x": x, "y": y("low"), "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "color": colours["accent"], "point": {"color": colours["accent"]}},
                "encoding": {"x": x, "y": y("value"), "tooltip": tooltip("start", "reads", "n")},
            },
        ],
    }


def _title(text: str, theme: str) -> Spec:
    return {"text": text, "anchor": "start", "frame": "group", "color": PALETTES[theme]["ink"]}


def delivery_chart(rows: Sequence[ServiceDelivery], *, width: int = 760, theme: str = "light") -> Spec:
    """Each service and environment: its lead time and its change fail rate, each with the 95 % interval."""
    lead = [
        _ranged(row, row.lead_time.median_s, row.lead_time.median_low_s, row.lead_time.median_high_s, duration)
        for row in rows
    ]
    rates = [
        _ranged(row, row.change_fail_rate.rate, row.change_fail_rate.low, row.change_fail_rate.high, percent)
        for row in rows
    ]
    low, high = duration_domain(one[name] for one in lead for name in ("value", "low", "high"))
    share = {"type": "quantitative", "axis": {"title": None, "format": ".0%"}}
    each = (width - _LABELS) // 2
    panels = [
        _range_panel("Change lead time", lead, lambda name: log_axis(name, low, high), theme, each, is_first=True),
        _range_panel("Change fail rate", rates, lambda name: {"field": name, **share}, theme, each),
    ]
    return whole(theme, hconcat=panels)


def _ranged(
    row: ServiceDelivery,
    value: float | None,
    low: float | None,
    high: float | None,
    say: Callable[[float | None], str],
) -> dict[str, Any]:
    floored = [None if one is None else max(one, FLOOR_S if say is duration else 0.0) for one in (value, low, high)]
    return dict(zip(("value", "low", "high"), floored, strict=True)) | {"place": name_of(row), "reads": say(value)}


def _range_panel(
    title: str,
    rows: list[dict[str, Any]],
    x: Callable[[str], Spec],
    theme: str,
    width: int,
    *,
    is_first: bool = False,
) -> Spec:
    colours = PALETTES[theme]
    labels = {"title": None, "grid": False, "labelLimit": 240, "labels": is_first}
    y: Spec = {"field": "place", "type": "nominal", "sort": None, "axis": labels}
    bar = {"type": "bar", "height": 8, "cornerRadius": 4, "opacity": 0.3, "color": colours["accent"]}
    return {
        "title": _title(title, theme),
        "width": width,
        "height": {"step": 26},
        "data": {"values": [row for row in rows if row["value"] is not None]},
        "layer": [
            {
                "transform": [{"filter": "datum.low != null && datum.high != null"}],
                "mark": bar,
                "encoding": {"y": y, "x": x("low"), "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "color": colours["accent"]},
                "encoding": {"y": y, "x": x("value"), "tooltip": tooltip("place", "reads")},
            },
        ],
    }
