"""A whole room as files: Markdown to read, JSON Lines to work with, and its pictures beside them."""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from markdown_it import MarkdownIt

from resile.analytics.words import exact_duration, phase_name
from resile.app.event_words import event_words
from resile.app.incident_pictures import PICTURE
from resile.app.incidents import IncidentView
from resile.app.room_out import run_state
from resile.model.event import Event, Source, kind_of
from resile.model.incident import InstantName, value_of
from resile.model.room import Room, Run, room_of
from resile.model.time import format_instant
from resile.ports.picture_book import KnownPicture

FORMAT, FORMAT_VERSION = "resile-incident", 1
SOURCE_WORDS = {
    Source.MEASURED: "measured",
    Source.HUMAN: "said by a person",
    Source.REPORTED: "reported by another system",
    Source.INFERRED: "concluded",
}
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_UNFIT_IN_ADDRESS = re.compile(r"[\s<>\x00-\x1f]")
# Not every reader of Markdown leaves such links out.
_RUNS = re.compile(r"(?:javascript|vbscript|data)\s*:", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


def picture_file(picture: KnownPicture) -> str:
    """Under which name a picture lies beside the export."""
    return f"{picture.id}.{_ENDINGS.get(picture.media_type, 'bin')}"


def json_lines(view: IncidentView, pictures: Sequence[KnownPicture], *, now: datetime) -> Iterator[bytes]:
    """A header, then the events in the order in which they were recorded, each a line as it is stored.

    Of what was withdrawn there is no word.
    """
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "incident_id": view.incident.id,
        "version": view.version,
        "exported_at": format_instant(now),
        "pictures": [{"id": one.id, "file": picture_file(one), "media_type": one.media_type} for one in pictures],
    }
    yield msgspec.json.encode(header) + b"\n"
    for event in view.timeline:
        yield msgspec.json.encode(event) + b"\n"


def markdown(view: IncidentView, *, picture_at: Callable[[str], str | None]) -> str:
    """All of it to read; instants in UTC.

    Args:
        picture_at: where a picture is, by its id; None: it is gone.
    """
    room = room_of(view.timeline)
    parts = [
        _head(view),
        _section("Instants", _instants(view)),
        _section("Phases", _phases(view)),
        _section("Roles", _roles(room)),
        _section("Tasks", _tasks(room)),
        _section("Notes", _notes(room, picture_at)),
        _section("Evidence", _evidence(room, picture_at)),
        _section("Runs of playbooks", [line for run in room.runs.values() for line in _run(run)]),
        _section("Updates sent", _updates(room)),
        _section("Timeline", _timeline(view.timeline)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join((f"## {title}", "", *lines)) if lines else ""


def _head(view: IncidentView) -> str:
    incident = view.incident
    severity = value_of(incident.severity, None)
    services: tuple[str, ...] = value_of(incident.services, ())
    told = [
        ("Status", view.status.value),
        ("Severity", "" if severity is None else severity.value),
        ("Services", ", ".join(services)),
        ("Team", value_of(incident.team, None) or ""),
        ("Merged into", value_of(incident.merged_into, None) or ""),
    ]
    lines = [f"# {_plain(incident.id)}: {_plain(value_of(incident.title, '') or 'no title')}", ""]
    return "\n".join((*lines, *(f"- {name}: {_plain(value)}" for name, value in told if value)))


def _instants(view: IncidentView) -> list[str]:
    lines = ["| instant | when (UTC) | known |", "| --- | --- | --- |"]
    for name in InstantName:
        known = view.instants.get(name)
        words = name.value.replace("_", " ")
        if known is not None:
            lines.append(f"| {words} | {_moment(known.at)} | {SOURCE_WORDS[known.source]} |")
    return [*lines, *(f"\nContradiction: {_plain(str(one))}" for one in view.contradictions)]


def _phases(view: IncidentView) -> list[str]:
    if not view.phases:
        return []
    lines = ["| phase | lasted |", "| --- | --- |"]
    return lines + [
        f"| {phase_name('+'.join(one.names))} | {exact_duration(one.lasted.total_seconds())} |" for one in view.phases
    ]


def _roles(room: Room) -> list[str]:
    return [
        f"- {role}: {_plain(one.person)}, since {_moment(one.since)}"
        + (f", from {_plain(one.from_person)}" if one.from_person else "")
        for role, holders in room.roles.items()
        for one in holders
    ]


def _tasks(room: Room) -> list[str]:
    marks = {"done": "x", "open": " ", "dropped": " "}
    return [
        f"- [{marks[one.state]}] {_plain(one.text)}"
        + (f" ({_plain(one.owner)})" if one.owner else "")
        + (" (dropped)" if one.state == "dropped" else "")
        for one in room.tasks
    ]


def _notes(room: Room, picture_at: Callable[[str], str | None]) -> list[str]:
    lines: list[str] = []
    for note in room.notes:
        first, last = note.wordings[0], note.wordings[-1]
        changed = "" if first is last else f"; changed {_moment(last.at)} by {_plain(_who(last.by))}"
        lines += [f"### {_moment(first.at)}, {_plain(_who(first.by))}{changed}", ""]
        lines += [*_quoted(PICTURE.sub(lambda found: picture_at(found[1]) or found[0], note.text)), ""]
        lines += [
            f"![]({at})\n" for one in note.pictures if one not in note.text and (at := picture_at(one)) is not None
        ]
    return lines


def _evidence(room: Room, picture_at: Callable[[str], str | None]) -> list[str]:
    lines: list[str] = []
    for one in room.evidence:
        lines += [f"### {_plain(one.title)} ({one.evidence}, {_moment(one.at)}, {_plain(_who(one.by))})", ""]
        if one.url:
            lines += [f"<{_UNFIT_IN_ADDRESS.sub(lambda found: quote(found[0]), one.url)}>", ""]
        at = None if one.picture is None else picture_at(one.picture)
        if at is not None:
            lines += [f"![{_plain(one.title)}]({at})", ""]
        lines += [*_block(one.text), ""] if one.text else []
    return lines


def _run(run: Run) -> list[str]:
    agreed = f", agreed by {_plain(', '.join(run.agreed))}" if run.agreed else ""
    began = "" if run.began_at is None else f", began {_moment(run.began_at)}"
    name = f"### {_plain(run.playbook)} version {run.number}, step {_plain(run.step)}: {run_state(run)}"
    lines = [name, "", f"Risk {run.risk.value}{began}{agreed}.", ""]
    if run.ended is None:
        return lines
    lines[2] += f" Ended {_moment(run.ended.at)}."
    if run.ended.because:
        lines += [_plain(run.ended.because), ""]
    return [*lines, *_block(run.ended.output), ""] if run.ended.output else lines


def _updates(room: Room) -> list[str]:
    lines: list[str] = []
    for one in room.updates:
        told = ", ".join(filter(None, (one.audience, one.status)))
        lines += [f"### {_moment(one.at)}{f' ({_plain(told)})' if told else ''}", "", *_quoted(one.text), ""]
        lines += [f"Corrected: {_plain(one.reason)}", ""] if one.reason else []
    return lines


def _timeline(timeline: Sequence[Event]) -> list[str]:
    kinds = {event.id: kind_of(event) for event in timeline}
    lines = ["| when (UTC) | what | who |", "| --- | --- | --- |"]
    for event in sorted(timeline, key=lambda one: (one.at, one.id)):
        what, text = event_words(event, kinds)
        said = f"{what}: {text}" if text else what
        lines.append(f"| {_moment(event.at)} | {_plain(said)} | {_plain(_who(event.by))} |")
    return lines


def _block(text: str) -> list[str]:
    """Lines as they are; the fence is longer than any in them."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, *text.splitlines(), fence]


def _quoted(text: str) -> list[str]:
    """Markdown of people, out of which nothing reaches what is around it.

    Where it holds HTML, a link that runs something, or names addresses for the whole document, it is shown as written.
    """
    named: dict[str, Any] = {}
    tokens = MarkdownIt("commonmark").enable("table").parse(text, named)
    kinds = {one.type for token in tokens for one in (token, *(token.children or ()))}
    is_unfit = kinds & {"html_block", "html_inline"} or named.get("references") or _RUNS.search(html.unescape(text))
    lines = _block(text) if is_unfit else text.splitlines()
    return [f"> {line}" for line in lines]


def _plain(text: str) -> str:
    """Words of people on one line, in which nothing is Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _who(by: str) -> str:
    return by.partition(":")[2] or by


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
