"""Incidents drawn in the terminal: a list of them, or one with its phases and its timeline."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from resile.analytics.words import counted, duration, exact_duration, exclusion_name, phase_name
from resile.app.paging_lines import Move, grouped, paging_words
from resile.app.printable import printable
from resile.app.room_lines import room_words
from resile.app.staying_clear import watched_words
from resile.cli.drawing import share_bar
from resile.cli.tables import plain_table, print_table
from resile.model.event import Event, PagingEvent, Source, kind_of
from resile.model.incident import Incident, InstantName, labels_of, value_of
from resile.model.phases import Phase, Status, cause_of, responder_of
from resile.model.room_event import RoomEvent

if TYPE_CHECKING:
    from resile.app.incidents import IncidentPage, IncidentRow, IncidentView, Listing

SEVERITY_STYLES = {"SEV1": "bold red", "SEV2": "bold dark_orange", "SEV3": "yellow", "SEV4": "blue", "SEV5": "dim"}
PHASE_STYLES = {"detect": "medium_purple", "acknowledge": "dodger_blue2", "identify": "dark_cyan"} | {
    "mitigate": "orange3",
    "verify": "grey50",
}
_BAR = 24
# Ids are folded, for they are to be copied whole; they get a third of a wide terminal.
_NARROWEST_ID = 22
# What an event carries besides what every event carries.
_COMMON = {"id", "at", "recorded_at", "by", "source"}


def draw_list(out: Console, page: "IncidentPage", listing: "Listing") -> None:
    """A table of incidents; says how many there are in all, or what to do where there are none."""
    if not page.rows:
        out.print(
            "No incident matches. `resile import --help` brings in a history; without filters, "
            "`resile incident list` shows everything."
        )
        return
    table = plain_table()
    table.add_column("Incident", overflow="fold", max_width=max(_NARROWEST_ID, out.width // 3))
    table.add_column("Severity", no_wrap=True)
    table.add_column("Started (UTC)", no_wrap=True)
    table.add_column("Lasted", justify="right", no_wrap=True)
    # Its cells are cut, one by one; were the whole column not to wrap, the other ones would give way to a long title.
    table.add_column("What")
    for row in page.rows:
        table.add_row(*_cells(row))
    print_table(out, table)
    shown = counted(len(page.rows), "incident")
    rest = "" if page.total == len(page.rows) else f" of {page.total:,}; --limit shows more".replace(",", "\u202f")
    reason = "" if listing.excluded == "no" else ", none of which counts in any measure"
    out.print(f"{shown}{rest}{reason}.", style="dim")


def _cells(row: "IncidentRow") -> tuple[Text, ...]:
    lasted = duration(row.duration_s) + (" so far" if row.is_open and row.duration_s is not None else "")
    what = Text(no_wrap=True, overflow="ellipsis")
    if row.services:
        what.append(printable(", ".join(row.services)), "cyan").append(" ")
    what.append(printable(row.title or "(no title)"))
    if row.excluded_because:
        what.append(f" [{exclusion_name(row.excluded_because)}]", "dim")
    started = "–" if row.started_at is None else f"{row.started_at.astimezone(UTC):%Y-%m-%d %H:%M}"
    severity = Text(row.severity or "–", SEVERITY_STYLES.get(row.severity or "", ""))
    return Text(row.incident_id), severity, Text(started), Text(lasted, "bold" if row.is_open else ""), what


def draw_incident(out: Console, view: "IncidentView", *, watched_until: datetime | None = None) -> None:
    """One incident: what it is, its instants, its phases, what contradicts itself, its timeline.

    Args:
        watched_until: all its alerts are clear, and it is restored then if they stay so.
    """
    incident = view.incident
    severity = value_of(incident.severity, None)
    head = Text.assemble(
        (incident.id, "bold"), "  ", (severity or "", SEVERITY_STYLES.get(severity or "", "")), "  ", view.status.value
    )
    out.print(head)
    out.print(Text(value_of(incident.title, "") or "(no title)", "bold"), soft_wrap=True)
    for name, value in _facts(view):
        out.print(f"[dim]{name}:[/] {escape(value)}", soft_wrap=True)
    if watched_until is not None and view.status not in {Status.RESTORED, Status.CLOSED}:
        words = watched_words(f"{watched_until:%Y-%m-%d %H:%M} UTC")
        out.print(f"{words[0].upper()}{words[1:]}.", soft_wrap=True)
    out.print()
    print_table(out, _instants_table(view))
    for contradiction in view.contradictions:
        out.print(f"[bold red]Contradiction:[/] {escape(str(contradiction))}; it counts in no measure.")
    if view.phases:
        out.print()
        print_table(out, _phases_table(view.phases))
    out.print()
    print_table(out, _timeline_table(view.timeline))


def _facts(view: "IncidentView") -> list[tuple[str, str]]:
    incident = view.incident
    exclusion = value_of(incident.exclusion, None)
    facts = [
        ("Services", ", ".join(services_of(incident))),
        ("Team", value_of(incident.team, None) or ""),
        ("Cause", cause_of(incident) or ""),
        ("Responder", responder_of(incident) or ""),
        ("Labels", ", ".join(f"{name}={value}" for name, value in labels_of(incident).items())),
        ("From", " ".join(filter(None, (incident.origin, incident.ref, value_of(incident.url, None))))),
        ("Merged into", value_of(incident.merged_into, None) or ""),
        ("Carries on for", ", ".join(sorted(incident.absorbed))),
        ("Does not count", exclusion_name(exclusion) if exclusion else ""),
        ("Reopened", counted(view.instants.n_reopened, "time") if view.instants.n_reopened else ""),
    ]
    return [(name, value) for name, value in facts if value]


def services_of(incident: Incident) -> tuple[str, ...]:
    """What is affected, as it stands now."""
    return () if incident.services is None else incident.services.value


def _instants_table(view: "IncidentView") -> Table:
    table = plain_table()
    table.add_column("Instant")
    table.add_column("When (UTC)", no_wrap=True)
    table.add_column("Known")
    table.add_column("Event", no_wrap=True)
    for name in InstantName:
        known = view.instants.get(name)
        words = name.value.replace("_", " ").capitalize()
        if known is None:
            table.add_row(words, "[dim]not known[/]", "", "")
        else:
            table.add_row(words, _moment(known.at), _source_words(known.source), known.event_id)
    return table


def _phases_table(phases: tuple[Phase, ...]) -> Table:
    total_s = sum(phase.lasted.total_seconds() for phase in phases)
    table = plain_table()
    table.add_column("Phase")
    table.add_column("Lasted", justify="right", no_wrap=True)
    table.add_column("Share", no_wrap=True)
    for phase in phases:
        lasted_s = phase.lasted.total_seconds()
        bar = share_bar(lasted_s / total_s if total_s else 0.0, _BAR)
        label = phase_name("+".join(phase.names))
        table.add_row(label, exact_duration(lasted_s), Text(bar, PHASE_STYLES.get("+".join(phase.names), "grey50")))
    return table


def _timeline_table(timeline: list[Event]) -> Table:
    table = plain_table()
    table.add_column("Event", no_wrap=True)
    table.add_column("When (UTC)", no_wrap=True)
    table.add_column("What", overflow="fold", ratio=1)
    table.add_column("Who", overflow="fold")
    told = grouped(timeline)
    for event in sorted(timeline, key=lambda event: (event.at, event.id)):
        if event.id in told.within:
            continue
        match event:
            case PagingEvent():
                said = _paging_said(event, told.moves.get(event.id, ()))
            case RoomEvent():
                said = _worded(*room_words(event))
            case _:
                said = _said(event)
        table.add_row(event.id, _moment(event.at), said, Text(event.by))
    return table


def _worded(what: str, more: str) -> Text:
    text = Text(printable(what), "bold")
    if more:
        text.append(": ", "dim").append(printable(more))
    return text


def _paging_said(event: PagingEvent, moves: tuple[Move, ...]) -> Text:
    """What happened, and below it what came of it: a line for each page, with how far it came."""
    text = _worded(*paging_words(event))
    for move in moves:
        text.append("\n")
        if move.at is not None:
            text.append(f"{move.at.astimezone(UTC):%H:%M:%S} ", "dim")
        text.append(printable(move.text), "red" if move.is_bad else "")
    return text


def _said(event: Event) -> Text:
    text = Text(kind_of(event).replace("_", " "), "bold")
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name not in _COMMON and value and not isinstance(value, type(...)) and str(value) != "UNSET":
            text.append(f" {name}=" if name not in {"text", "title"} else ": ", "dim")
            text.append(_plain(value))
    return text


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _source_words(source: Source) -> str:
    return {
        Source.MEASURED: "measured",
        Source.HUMAN: "said by a person",
        Source.REPORTED: "reported by another system",
        Source.INFERRED: "inferred",
    }[source]


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
