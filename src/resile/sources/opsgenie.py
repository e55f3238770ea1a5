"""Opsgenie's exports: alerts or incidents as JSON (Lines) of its API, or alerts as CSV.

An alert's acknowledgement and closing are told as milliseconds after its creation; an incident's impact may be dated.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from resile.model.draft import Draft, Step
from resile.model.event import Source
from resile.ports.source import Reading, SourceOptions
from resile.sources.json_records import JsonRecord
from resile.sources.known import (
    Columns,
    RecordProblemError,
    Understood,
    instant_reader,
    iso_instant,
    read_json_and_tables,
    severity_or_none,
    text_of,
    within,
)
from resile.sources.times import zone_of

_OVER = {"closed", "resolved"}
_CSV_FORMATS = (
    "epoch_ms",
    "iso",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%a %b %d %H:%M:%S UTC %Y",
    "%d-%m-%Y %H:%M:%S",
)
_ALIASES = {
    "alert_id": "id",
    "alertid": "id",
    "tiny_id": "tinyid",
    "created_at": "createdat",
    "created": "createdat",
    "updated_at": "updatedat",
    "closed_at": "closedat",
    "close_time": "closedat",
    "acknowledged_at": "acknowledgedat",
    "ack_time": "acknowledgedat",
    "ownerteam": "teams",
    "owner_team": "teams",
    "team": "teams",
    "entity": "service",
}


def open_source(options: SourceOptions) -> "OpsgenieSource":
    """The door for Opsgenie with these options."""
    return OpsgenieSource(options)


class OpsgenieSource:
    """Reads Opsgenie's exports."""

    def __init__(self, options: SourceOptions) -> None:
        self._origin = options.name or "opsgenie"
        self._aliases = dict(options.severity_aliases)
        self._instant = instant_reader(_CSV_FORMATS, zone_of(options.timezone or "UTC"))

    def read(self, path: Path) -> Iterator[Reading]:
        """Read the export, alert by alert."""
        return read_json_and_tables(path, self._of_json, self._layout, self._of_row)

    @staticmethod
    def _layout(columns: Sequence[str], table: str) -> Columns:
        return Columns(columns, _ALIASES, ("id", "createdat"), table)

    def _of_json(self, record: JsonRecord) -> Understood:
        value = record.value
        inner = value.get("data")
        if isinstance(inner, dict):
            value = inner
        ref = text_of(value.get("id"))
        if not ref:
            raise RecordProblemError("the alert's id is missing; fill it in", "id")
        created = iso_instant(value.get("createdAt"), "createdAt")
        if created is None:
            raise RecordProblemError("the time of creation is missing; fill it in", "createdAt")
        doubts: list[str] = []
        steps = [Step("detected", created), *_of_impact(value)]
        report = value.get("report") if isinstance(value.get("report"), dict) else {}
        assert isinstance(report, dict)  # noqa: S101 - by the line above
        if (acknowledged := _after(created, report.get("ackTime"), "report.ackTime")) is not None:
            steps.append(Step("acknowledged", acknowledged, text=text_of(report.get("acknowledgedBy")) or None))
        closed = _after(created, report.get("closeTime"), "report.closeTime") or iso_instant(
            value.get("closedAt"), "closedAt"
        )
        updated = iso_instant(value.get("updatedAt"), "updatedAt")
        steps += _end(text_of(value.get("status")), closed, updated, steps, doubts)
        services = value.get("impactedServices")
        names = [_name(one) for one in services] if isinstance(services, list) else []
        draft = Draft(
            origin=self._origin,
            ref=ref,
            title=text_of(value.get("message")),
            severity=severity_or_none(text_of(value.get("priority")), {}, self._aliases, doubts),
            services=tuple(filter(None, names or [text_of(value.get("entity"))])),
            team=_team(value),
            labels=_labels(value),
            url=text_of(_dict(value.get("links")).get("web")) or None,
            steps=tuple(_ordered(steps, doubts)),
        )
        return Understood(draft, tuple(doubts))

    def _of_row(self, columns: Columns, cells: Sequence[Any]) -> Understood:
        ref = columns.get(cells, "id")
        if not ref:
            raise RecordProblemError("the alert's id is missing; fill it in", "id")
        times = {
            name: self._instant(columns.get(cells, name), name)[:1]
            for name in ("createdat", "acknowledgedat", "closedat", "updatedat")
        }
        if not times["createdat"]:
            raise RecordProblemError("the time of creation is missing; fill it in", "createdat")
        doubts: list[str] = []
        steps = [Step("detected", times["createdat"][0])]
        steps += [Step("acknowledged", at) for at in times["acknowledgedat"]]
        closed, updated = next(iter(times["closedat"]), None), next(iter(times["updatedat"]), None)
        steps += _end(columns.get(cells, "status"), closed, updated, steps, doubts)
        service = columns.get(cells, "service")
        labels = {name: columns.get(cells, name) for name in ("source", "tags", "integration")}
        draft = Draft(
            origin=self._origin,
            ref=ref,
            title=columns.get(cells, "message"),
            severity=severity_or_none(columns.get(cells, "priority"), {}, self._aliases, doubts),
            services=(service,) if service else (),
            team=columns.get(cells, "teams").partition(",")[0].strip("[]\" '") or None,
            labels={name: word for name, word in labels.items() if word},
            steps=tuple(_ordered(steps, doubts)),
        )
        return Understood(draft, tuple(doubts))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(value: object) -> str:
    return text_of(value.get("name") or value.get("id")) if isinstance(value, dict) else text_of(value)


def _after(created: datetime, milliseconds: object, field: str) -> datetime | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float) or milliseconds <= 0:
        return None
    try:
        return created + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise RecordProblemError(f"{milliseconds} milliseconds lie beyond all dates; correct it", field) from None


def _of_impact(value: dict[str, Any]) -> Iterator[Step]:
    began = iso_instant(value.get("impactStartDate"), "impactStartDate")
    if began is not None:
        yield Step("impact_began", began)
    ended = iso_instant(value.get("impactEndDate"), "impactEndDate")
    if ended is not None:
        yield Step("mitigated", ended)


def _end(
    status: str, closed: datetime | None, updated: datetime | None, steps: Sequence[Step], doubts: list[str]
) -> Iterator[Step]:
    """When it was over: as dated; else, of one that is over, when it was last changed."""
    if closed is not None:
        yield Step("restored", closed)
    elif status.casefold() in _OVER:
        impact_end = next((step.at for step in steps if step.kind == "mitigated"), None)
        if impact_end is None and updated is None:
            doubts.append("it is closed, but nothing says since when; it counts as open")
        else:
            at = impact_end or updated
            assert at is not None  # noqa: S101 - by the condition above
            doubts.append("it is closed, but nothing says since when; the last thing known of it is taken for that")
            yield Step("restored", at, Source.INFERRED)


def _ordered(steps: Sequence[Step], doubts: list[str]) -> list[Step]:
    end = next((step.at for step in steps if step.kind == "restored"), None)
    return within(steps, start=steps[0].at, end=end, doubts=doubts)


def _team(value: dict[str, Any]) -> str | None:
    for key in ("ownerTeam", "teams", "responders"):
        found = value.get(key)
        for one in found if isinstance(found, list) else [found]:
            if key == "responders" and isinstance(one, dict) and one.get("type") != "team":
                continue
            if name := _name(one):
                return name
    return None


def _labels(value: dict[str, Any]) -> dict[str, str]:
    tags = value.get("tags")
    labels = {
        "source": text_of(value.get("source")),
        "tags": ", ".join(map(str, tags)) if isinstance(tags, list) else "",
        "integration": _name(value.get("integration")),
    }
    details = {**_dict(value.get("details")), **_dict(value.get("extraProperties"))}
    labels |= {str(name)[:100]: text_of(word)[:200] for name, word in list(details.items())[:50]}
    return {name: word for name, word in labels.items() if word}
