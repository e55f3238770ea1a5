"""Jira's issues: JSON of its search with the changelog (`expand=changelog`), or its CSV export.

The changelog tells when work began (the first change of status), when the issue was done, and when it was reopened; the
CSV export tells creation and resolution only.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from resile.model.draft import Draft, Step
from resile.model.event import Exclusion
from resile.model.severity import Severity
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

_SEVERITIES: dict[str, Severity | None] = {
    "blocker": Severity.SEV1,
    "highest": Severity.SEV1,
    "high": Severity.SEV2,
    "medium": Severity.SEV3,
    "low": Severity.SEV4,
    "lowest": Severity.SEV5,
    "trivial": Severity.SEV5,
}
# Statuses are named freely; these words, in the name of one, say that the work is done.
_DONE = ("done", "resolved", "closed", "fixed", "complete", "cancel", "declined", "rejected")
_NOISE = ("duplicate", "not a bug", "invalid", "cannot reproduce", "false alarm", "false positive")
# Jira's CSV export writes times as the user's language has them; these are the usual ones.
_CSV_FORMATS = ("%d/%b/%y %I:%M %p", "%d/%b/%y %H:%M", "%d/%b/%Y %I:%M %p", "%d/%b/%Y %H:%M", "iso", "%d.%m.%Y %H:%M")
_ALIASES = {"issue_key": "key", "component/s": "components", "component/s_2": "components_2", "issue_type": "issuetype"}


class _Change(Struct, frozen=True):
    at: datetime
    who: str
    field: str
    before: str
    after: str


def open_source(options: SourceOptions) -> "JiraSource":
    """The door for Jira with these options."""
    return JiraSource(options)


class JiraSource:
    """Reads Jira's issues."""

    def __init__(self, options: SourceOptions) -> None:
        self._origin = options.name or "jira"
        self._aliases = dict(options.severity_aliases)
        self._instant = instant_reader(_CSV_FORMATS, zone_of(options.timezone or "UTC"))

    def read(self, path: Path) -> Iterator[Reading]:
        """Read the export, issue by issue."""
        return read_json_and_tables(path, self._of_json, self._layout, self._of_row)

    @staticmethod
    def _layout(columns: Sequence[str], table: str) -> Columns:
        return Columns(columns, _ALIASES, ("key", "created"), table)

    def _of_json(self, record: JsonRecord) -> Understood:
        value = record.value
        fields = value.get("fields")
        ref = text_of(value.get("key"))
        if not ref or not isinstance(fields, dict):
            raise RecordProblemError("the issue's key or fields are missing; export it with /rest/api/2/search", "key")
        created = iso_instant(fields.get("created"), "created")
        if created is None:
            raise RecordProblemError("the time of creation is missing; fill it in", "created")
        doubts: list[str] = []
        steps = [Step("detected", created), *_of_changes(_changes(value.get("changelog")))]
        resolved = iso_instant(fields.get("resolutiondate"), "resolutiondate")
        if resolved is not None:
            steps = _with_resolution(steps, resolved)
        components = fields.get("components")
        draft = Draft(
            origin=self._origin,
            ref=ref,
            title=text_of(fields.get("summary")),
            severity=severity_or_none(_name(fields.get("priority")), _SEVERITIES, self._aliases, doubts),
            services=tuple(name for one in components if (name := _name(one))) if isinstance(components, list) else (),
            team=_name(fields.get("team")) or _name(fields.get("assignee")) or None,
            labels=_labels(fields),
            exclusion=_exclusion(_name(fields.get("resolution"))),
            url=_url(text_of(value.get("self")), ref),
            steps=tuple(_ordered(steps, doubts)),
        )
        return Understood(draft, tuple(doubts))

    def _of_row(self, columns: Columns, cells: Sequence[Any]) -> Understood:
        ref = columns.get(cells, "key")
        if not ref:
            raise RecordProblemError("the issue's key is missing; fill it in", "key")
        created = self._instant(columns.get(cells, "created"), "created")
        if not created:
            raise RecordProblemError("the time of creation is missing; fill it in", "created")
        doubts: list[str] = []
        steps = [Step("detected", created[0])]
        steps += [Step("restored", at) for at in self._instant(columns.get(cells, "resolved"), "resolved")[:1]]
        services = [columns.get(cells, name) for name in columns.at if name.startswith("components")]
        tags = [columns.get(cells, name) for name in columns.at if name.startswith("labels")]
        labels = {name: columns.get(cells, name) for name in ("issuetype", "status", "resolution", "project_key")}
        labels["labels"] = ", ".join(filter(None, tags))
        draft = Draft(
            origin=self._origin,
            ref=ref,
            title=columns.get(cells, "summary"),
            severity=severity_or_none(columns.get(cells, "priority"), _SEVERITIES, self._aliases, doubts),
            services=tuple(dict.fromkeys(filter(None, services))),
            team=columns.get(cells, "assignee") or None,
            labels={name: word for name, word in labels.items() if word},
            exclusion=_exclusion(columns.get(cells, "resolution")),
            steps=tuple(steps),
        )
        return Understood(draft, tuple(doubts))


def _name(value: object) -> str:
    if isinstance(value, dict):
        return text_of(value.get("name") or value.get("displayName") or value.get("value"))
    return text_of(value)


def _exclusion(resolution: str) -> Exclusion | None:
    return Exclusion.NOISE if resolution.casefold().startswith(_NOISE) else None


def _url(api: str, ref: str) -> str | None:
    """The issue's page, from its address in the API."""
    host, found, _ = api.partition("/rest/")
    return f"{host}/browse/{ref}" if found else None


def _labels(fields: dict[str, Any]) -> dict[str, str]:
    tags = fields.get("labels")
    labels = {name: _name(fields.get(name)) for name in ("issuetype", "status", "resolution")}
    labels["labels"] = ", ".join(map(str, tags)) if isinstance(tags, list) else ""
    return {name: word for name, word in labels.items() if word}


def _changes(changelog: object) -> list[_Change]:
    """What the changelog tells of status, priority and assignee, oldest first."""
    histories = changelog.get("histories") if isinstance(changelog, dict) else None
    found: list[_Change] = []
    for history in histories if isinstance(histories, list) else []:
        if not isinstance(history, dict):
            raise RecordProblemError("a history of its changelog is no object; export it again", "changelog")
        at = iso_instant(history.get("created"), "changelog")
        items = history.get("items")
        for item in items if isinstance(items, list) and at is not None else []:
            if isinstance(item, dict) and item.get("field") in {"status", "priority", "assignee"}:
                before, after = text_of(item.get("fromString")), text_of(item.get("toString"))
                found.append(_Change(at, _name(history.get("author")), str(item["field"]), before, after))  # type: ignore[arg-type]
    return sorted(found, key=lambda change: change.at)


def _is_done(status: str) -> bool:
    return any(word in status.casefold() for word in _DONE)


def _of_changes(changes: list[_Change]) -> Iterator[Step]:
    is_begun = False
    for change in changes:
        if change.field == "status":
            if not is_begun:
                is_begun = True
                yield Step("acknowledged", change.at, text=change.who or None)
            if _is_done(change.after) and not _is_done(change.before):
                yield Step("restored", change.at)
            elif _is_done(change.before) and not _is_done(change.after):
                yield Step("reopened", change.at)
        words = f"{change.field} {change.after or 'none'}" + (f" by {change.who}" if change.who else "")
        yield Step("noted", change.at, text=words)


def _with_resolution(steps: list[Step], resolved: datetime) -> list[Step]:
    """The issue's own date of resolution in place of the last one that the changelog tells, unless it was reopened."""
    last = max(
        (step for step in steps if step.kind in {"restored", "reopened"}), key=lambda step: step.at, default=None
    )
    if last is None or (last.kind == "reopened" and resolved > last.at):
        return [*steps, Step("restored", resolved)]
    if last.kind == "reopened":
        return steps
    return [*(step for step in steps if step is not last), Step("restored", resolved)]


def _ordered(steps: list[Step], doubts: list[str]) -> list[Step]:
    end = max((step.at for step in steps if step.kind == "restored"), default=None)
    return within(steps, start=steps[0].at, end=end, doubts=doubts)
