"""PagerDuty's REST export: incidents with their log entries, which are the true timeline; JSON or JSON Lines.

Log entries may stand within their incident (`log_entries`) or in an array or lines of their own, naming it.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from resile.model.draft import Draft, Step
from resile.model.event import Exclusion, Source
from resile.ports.source import Place, Progress, Reading, Refused, Skipped, SourceOptions, Taken
from resile.sources.csv_records import ERROR_COLUMN
from resile.sources.json_records import JsonRecord, json_records
from resile.sources.known import (
    JSON_SUFFIXES,
    RecordProblemError,
    iso_instant,
    remarks_on,
    severity_or_none,
    text_of,
    torn,
    within,
)
from resile.sources.opening import Odd, TornInputError, parts_of
from resile.sources.seen import TOO_MANY, Sorter, beginning_of

_LOG_ENTRY = "_log_entry"
_INCIDENT, _ENTRY = 0, 1
MAX_ENTRIES = 10_000
_RECORDS_PER_PROGRESS = 200


class _Record(Struct, array_like=True, gc=False):
    """A record as it is kept on disk."""

    rank: int
    file: int
    number: int
    text: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Record)


def open_source(options: SourceOptions) -> "PagerDutySource":
    """The door for PagerDuty with these options."""
    return PagerDutySource(options)


class PagerDutySource:
    """Reads PagerDuty's REST export."""

    def __init__(self, options: SourceOptions) -> None:
        self._origin = options.name or "pagerduty"
        self._aliases = dict(options.severity_aliases)

    def read(self, path: Path) -> Iterator[Reading]:
        """Bring incidents and log entries together, then read incident by incident."""
        files: list[str] = []
        with Sorter() as sorter:
            for part in parts_of(path, JSON_SUFFIXES):
                if isinstance(part, Odd):
                    place = Place(part.name)
                    yield Refused(place, part.reason, {}) if part.is_fault else Skipped(place, part.reason)
                    continue
                files.append(part.name)
                number = n_read = 0
                said: dict[str, int] = {}
                try:
                    for record in json_records(part.open, part.name, part.suffix, told=said):
                        number = record.number
                        n_read += record.problem is None
                        place = Place(part.name, number)
                        if record.problem is not None:
                            yield Refused(place, record.problem, {}, record.text)
                        elif (told := _kept(record, place, sorter, len(files) - 1)) is not None:
                            yield told
                        if number % _RECORDS_PER_PROGRESS == 0:
                            yield Progress(part.position(), part.total_bytes)
                    yield from remarks_on(part.name, n_read if number else None, said)
                except TornInputError as error:
                    yield torn(part, number, error)
            for ref, rows in sorter.groups():
                yield from self._incident(ref, rows, files)

    def _incident(self, ref: str, bodies: Iterator[bytes], files: list[str]) -> Iterator[Reading]:
        """One incident's reading from its records, its own first; if one is bad, all are refused, to be mended."""
        kept, is_all = beginning_of(bodies, MAX_ENTRIES + 1)
        rows = [_DECODER.decode(body) for body in kept]
        first = rows[0]
        if is_all and first.rank != _INCIDENT:
            reason = f"log entries of incident {ref!r}, which the export does not hold; export it with its incidents"
            yield Skipped(Place(files[first.file], first.number), reason)
            return
        try:
            yield self._understood(ref, rows, Place(files[first.file], first.number), is_all=is_all)
        except RecordProblemError as error:
            yield Refused(Place(files[first.file], first.number, error.field), str(error), {}, first.text)
            others = f"row {first.number} of the same incident {ref!r} is refused; mend that and import both"
            for row in chain(rows[1:], map(_DECODER.decode, bodies)):
                yield Refused(Place(files[row.file], row.number), others, {}, row.text)

    def _understood(self, ref: str, rows: list[_Record], place: Place, *, is_all: bool) -> Taken:
        if not is_all:
            raise RecordProblemError(f"incident {ref!r} has {TOO_MANY.format(MAX_ENTRIES)}; shorten its log")
        own = [row for row in rows if row.rank == _INCIDENT]
        value = _object(own[0])
        if any(_object(row) != value for row in own[1:]):
            raise RecordProblemError(
                f"id {ref!r} stands there {len(own)} times and says different things; keep one of them"
            )
        within_it = value.get("log_entries")
        entries = [*(within_it if isinstance(within_it, list) else []), *map(_object, rows[len(own) :])]
        return self._taken(ref, value, [entry for entry in entries if isinstance(entry, dict)], place)

    def _taken(self, ref: str, value: dict[str, Any], entries: list[dict[str, Any]], place: Place) -> Taken:
        if len(entries) > MAX_ENTRIES:
            raise RecordProblemError(f"it has more than {MAX_ENTRIES} log entries; shorten them", "log_entries")
        doubts: list[str] = []
        created = iso_instant(value.get("created_at"), "created_at")
        steps = _of_entries(entries)
        if created is not None and all(step.kind != "detected" for step in steps):
            steps.insert(0, Step("detected", created))
        resolved = iso_instant(value.get("resolved_at"), "resolved_at")
        if all(step.kind != "restored" for step in steps) and text_of(value.get("status")) == "resolved":
            if resolved is None:
                resolved = iso_instant(value.get("last_status_change_at"), "last_status_change_at")
            if resolved is not None:
                steps.append(Step("restored", resolved))
        start = min((step.at for step in steps if step.kind == "detected"), default=None)
        if start is None:
            raise RecordProblemError(
                "it has no start: neither created_at nor a trigger entry; fill one in", "created_at"
            )
        end = max((step.at for step in steps if step.kind == "restored"), default=None)
        merged = _summary(value.get("resolve_reason")) or _type(value.get("resolve_reason"))
        is_merged = "merge" in merged
        if is_merged:
            doubts.append(
                "it was merged into another incident; counted as noise, for the other one carries on for both"
            )
        labels = {
            "urgency": text_of(value.get("urgency")),
            "escalation_policy": _summary(value.get("escalation_policy")),
        }
        teams = value.get("teams")
        service = _summary(value.get("service"))
        draft = Draft(
            origin=self._origin,
            ref=ref,
            title=text_of(value.get("title") or value.get("summary") or value.get("description")),
            severity=severity_or_none(_summary(value.get("priority")), {}, self._aliases, doubts),
            services=(service,) if service else (),
            team=next((name for one in teams if (name := _summary(one))), None) if isinstance(teams, list) else None,
            labels={name: word for name, word in labels.items() if word},
            exclusion=Exclusion.NOISE if is_merged else None,
            url=text_of(value.get("html_url")) or None,
            steps=tuple(within(steps, start=start, end=end, doubts=doubts)),
        )
        return Taken(draft, place, tuple(doubts))


def _kept(record: JsonRecord, place: Place, sorter: Sorter, file: int) -> Reading | None:
    """Keep a record for its incident, or say why not."""
    value = _inner(record.value)
    is_entry = _type(value).endswith(_LOG_ENTRY) or (_LOG_ENTRY + "_reference") in _type(value)
    incident = value.get("incident") if is_entry else value
    ref = text_of(incident.get("id")) if isinstance(incident, dict) else ""
    if not ref:
        told = "the incident's id is missing; fill it in"
        way_out = ", and import the entry together with that incident" if is_entry else ""
        return Refused(place, told + way_out, {}, record.text)
    rank = _ENTRY if is_entry else _INCIDENT
    sorter.add(ref, rank, place.row, _ENCODER.encode(_Record(rank, file, place.row, record.text)))
    return None


def _object(row: _Record) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.json.decode(row.text.removeprefix(b"\xef\xbb\xbf"))
    value.pop(ERROR_COLUMN, None)
    return _inner(value)


def _inner(value: dict[str, Any]) -> dict[str, Any]:
    """The incident itself, where the record only wraps it."""
    within_it = value.get("incident")
    return within_it if isinstance(within_it, dict) and len(value) == 1 else value


def _type(value: object) -> str:
    return text_of(value.get("type")) if isinstance(value, dict) else ""


def _summary(value: object) -> str:
    return text_of(value.get("summary") or value.get("name")) if isinstance(value, dict) else text_of(value)


def _source(entry: dict[str, Any]) -> Source:
    """A monitoring tool's word is a measurement, a timeout's a conclusion, a person's click is reported."""
    channel = _type(entry.get("channel"))
    if channel == "timeout":
        return Source.INFERRED
    is_tool = _type(entry.get("agent")).endswith(("integration_reference", "service_reference", "service"))
    return Source.MEASURED if is_tool else Source.REPORTED


def _of_entries(entries: list[dict[str, Any]]) -> list[Step]:
    """The steps that the log entries tell, oldest first."""
    dated = [
        (at, entry) for entry in entries if (at := iso_instant(entry.get("created_at"), "log_entries")) is not None
    ]
    dated.sort(key=lambda pair: pair[0])
    steps: list[Step] = []
    is_resolved = False
    for at, entry in dated:
        kind = _type(entry).removesuffix("_reference").removesuffix(_LOG_ENTRY)
        who = _summary(entry.get("agent"))
        if is_resolved and kind in {"trigger", "reopen", "acknowledge"}:
            steps.append(Step("reopened", at))
            is_resolved = False
        if kind == "trigger":
            steps.append(Step("detected", at, _source(entry)))
        elif kind == "acknowledge":
            steps.append(Step("acknowledged", at, text=who or None))
        elif kind == "resolve":
            steps.append(Step("restored", at, _source(entry)))
            is_resolved = True
        elif kind != "reopen":
            steps.append(_told(kind, at, entry, who))
    return steps


def _told(kind: str, at: Any, entry: dict[str, Any], who: str) -> Step:
    channel = entry.get("channel") if isinstance(entry.get("channel"), dict) else {}
    assert isinstance(channel, dict)  # noqa: S101 - by the line above
    words = text_of(entry.get("note") or channel.get("content") or channel.get("summary") or entry.get("message"))
    if kind == "status_update":
        return Step("updated", at, text=words or text_of(entry.get("summary")))
    assignees = entry.get("assignees")
    names = ", ".join(filter(None, map(_summary, assignees))) if isinstance(assignees, list) else ""
    said = " ".join(filter(None, (kind.replace("_", " "), f"to {names}" if names else "", f"by {who}" if who else "")))
    return Step("noted", at, text=f"{said}: {words}" if words else said)
