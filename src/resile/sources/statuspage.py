"""A status page's history: JSON Lines as github-statuses keeps it, or Statuspage's own API (`{"incidents": [...]}`).

Maintenance is excluded as planned. The impact window that some histories carry was parsed from prose: it is believed
only where it fits the incident, as an inferred instant; else it is left out, with a doubt.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from resile.model.draft import Draft, Step
from resile.model.event import Exclusion, Source
from resile.model.severity import Severity
from resile.ports.source import Reading, SourceOptions
from resile.sources.json_records import JsonRecord
from resile.sources.known import (
    RecordProblemError,
    Understood,
    iso_instant,
    read_json,
    severity_or_none,
    text_of,
    within,
)

_SEVERITIES: dict[str, Severity | None] = {
    "critical": Severity.SEV1,
    "major": Severity.SEV2,
    "minor": Severity.SEV3,
    "none": Severity.SEV5,
    "maintenance": None,
}
_OVER = {"resolved", "completed"}
_AT_WORK = {"investigating", "identified", "monitoring"}
_POSTED_IN_ERROR = re.compile(r"posted in error|test incident", re.IGNORECASE)


class _Update(Struct, frozen=True):
    at: datetime
    status: str
    text: str


def open_source(options: SourceOptions) -> "StatuspageSource":
    """The door for status pages with these options."""
    return StatuspageSource(options)


class StatuspageSource:
    """Reads a status page's history."""

    def __init__(self, options: SourceOptions) -> None:
        self._origin = options.name or "statuspage"
        self._aliases = dict(options.severity_aliases)

    def read(self, path: Path) -> Iterator[Reading]:
        """Read the history, incident by incident."""
        return read_json(path, self._understood)

    def _understood(self, record: JsonRecord) -> Understood:
        value = record.value
        if record.under and record.under not in {"incidents", "scheduled_maintenances"}:
            return Understood(skipped=f"an object under {record.under!r} is no incident")
        if isinstance(value.get("incident"), dict):
            value = value["incident"]
        elif "component_update" in value:
            return Understood(skipped="an update of a component is no incident")
        ref = text_of(value.get("id"))
        if not ref:
            raise RecordProblemError("the incident's id is missing; fill it in", "id")
        return self.incident_of(value, ref)

    def incident_of(self, value: dict[str, Any], ref: str) -> Understood:
        """What one incident's object says.

        Raises:
            RecordProblemError: it cannot be taken.
        """
        doubts: list[str] = []
        impact = text_of(value.get("impact")) or ("none" if value.get("impact") == "none" else "")
        title = text_of(value.get("title") or value.get("name"))
        updates = _updates(value)
        started = _started(value, updates)
        if started is None:
            raise RecordProblemError(
                "it has no start: neither started_at, created_at nor an update; fill one in", "started_at"
            )
        if _POSTED_IN_ERROR.search(title):
            doubts.append("its title says that it was a test or posted in error; if so, mark it as a test")
        steps = _steps(value, started, updates, doubts)
        components = value.get("components")
        names = [_name(one) for one in components] if isinstance(components, list) else []
        draft = Draft(
            origin=self._origin,
            ref=ref,
            title=title,
            severity=severity_or_none(impact, _SEVERITIES, self._aliases, doubts),
            services=tuple(dict.fromkeys(name for name in names if name)),
            labels={"impact": impact} if impact else {},
            exclusion=Exclusion.PLANNED if impact == "maintenance" or value.get("scheduled_for") else None,
            url=text_of(value.get("url") or value.get("shortlink")) or None,
            steps=tuple(steps),
        )
        return Understood(draft, tuple(doubts))


def _name(component: object) -> str:
    return text_of(component.get("name") if isinstance(component, dict) else component)


def _started(value: dict[str, Any], updates: list[_Update]) -> datetime | None:
    for field in ("scheduled_for", "started_at", "created_at"):
        if (at := iso_instant(value.get(field), field)) is not None:
            return at
    return updates[0].at if updates else None


def _updates(value: dict[str, Any]) -> list[_Update]:
    """Its updates, oldest first, under either layout's names."""
    listed = value.get("updates", value.get("incident_updates")) or []
    if not isinstance(listed, list):
        raise RecordProblemError("its updates are no list; export it again", "updates")
    found = []
    for update in listed:
        if not isinstance(update, dict):
            raise RecordProblemError("one of its updates is no object; export it again", "updates")
        at = iso_instant(update.get("at") or update.get("display_at") or update.get("created_at"), "updates")
        if at is not None:
            text = update.get("message") or update.get("body") or ""
            found.append(_Update(at, text_of(update.get("status")), str(text)))
    return sorted(found, key=lambda update: update.at)


def _steps(value: dict[str, Any], started: datetime, updates: list[_Update], doubts: list[str]) -> list[Step]:
    steps = [Step("detected", started), *(Step("updated", u.at, text=u.text, status=u.status or None) for u in updates)]
    middle, restores = _told_by(updates)
    resolved = iso_instant(value.get("resolved_at"), "resolved_at")
    if resolved is not None and (not restores or restores[-1].kind == "restored"):
        # The page's own word on the last restore; the update that announced it may be dated otherwise.
        restores = [*restores[:-1], Step("restored", resolved)]
    end = restores[-1].at if restores and restores[-1].kind == "restored" else None
    steps += within([*middle, *_window(value, started, end, middle, doubts)], start=started, end=end, doubts=doubts)
    return [*steps, *restores]


def _told_by(updates: list[_Update]) -> tuple[list[Step], list[Step]]:
    """What the updates' statuses tell: identified and mitigated; restored and reopened in turn."""
    identified: Step | None = None
    mitigated: Step | None = None
    restores: list[Step] = []
    for update in updates:
        status = update.status.casefold().replace("_", " ")
        if status in _AT_WORK and restores and restores[-1].kind == "restored":
            restores.append(Step("reopened", update.at))
        if status in _OVER and (not restores or restores[-1].kind != "restored"):
            restores.append(Step("restored", update.at))
        elif status == "identified" and identified is None:
            identified = Step("identified", update.at)
        if status == "monitoring":
            mitigated = mitigated or Step("mitigated", update.at)
        elif status in _AT_WORK:
            mitigated = None  # It was not over: they are at work again.
    return [step for step in (identified, mitigated) if step is not None], restores


def _window(
    value: dict[str, Any], started: datetime, end: datetime | None, middle: list[Step], doubts: list[str]
) -> Iterator[Step]:
    """The impact that somebody parsed from the text, where it fits the incident."""
    window = value.get("impact_window")
    if not isinstance(window, dict):
        return
    began, ended = (
        iso_instant(window.get("start_at"), "impact_window"),
        iso_instant(window.get("end_at"), "impact_window"),
    )
    if began is None or ended is None:
        return
    if ended < began or ended < started or (end is not None and began > end):
        doubts.append("its impact window lies wholly outside of the incident and is left out")
        return
    if began <= started:
        yield Step("impact_began", began, Source.INFERRED)
    else:
        doubts.append("its impact window begins after the incident was posted; that beginning is left out")
    latest = max((step.at for step in middle), default=started)
    if end is not None and latest <= ended <= end and all(step.kind != "mitigated" for step in middle):
        yield Step("mitigated", ended, Source.INFERRED)
