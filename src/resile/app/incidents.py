"""List incidents, show one, and carry out commands on its timeline."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from itertools import combinations
from operator import and_
from typing import Any

import ibis
from msgspec import Struct

from resile.alerting.case import MAX_MERGES
from resile.analytics.phase_columns import BOUNDS, PHASES
from resile.analytics.query import Query
from resile.analytics.selection import selected
from resile.app.growing import Growing
from resile.app.wiring import Resile
from resile.app.withdrawn import shown_timeline
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.event import Event, Exclusion, Source
from resile.model.incident import Incident, fold, value_of
from resile.model.lifecycle import Absorb, Command, Declare, Merge
from resile.model.phases import Contradiction, Instants, Phase, Status, contradictions, instants, phases, status_of
from resile.model.room_lifecycle import RoomCommand
from resile.ports.paging_store import Changes, Timer, TimerKind

SORTS = ("started", "duration", "severity", "title", "service", "team", "status")
MAX_PER_PAGE = 1000
# A command is decided anew this often when others append at the same moment; then the caller is told.
_TRIES = 40
# Of these nobody is paged any more, or no customer told.
_NO_TROUBLE = frozenset({Exclusion.NOISE, Exclusion.DRILL, Exclusion.TEST})


class Listing(Struct, frozen=True, kw_only=True):
    """Which incidents to list, and how.

    Attributes:
        state: `all`, `open` (the query's clock still runs at the window's end) or `restored`.
        excluded: `no`: only those that count; `all`: those that do not; or one reason, such as `planned`.
        text: words to be found in title, id or service, in any case.
        phase: only those that a report of phases counts under this name, such as `identify` or `identify+mitigate`.
        page: from 1.
    """

    query: Query
    state: str = "all"
    excluded: str = "no"
    text: str = ""
    phase: str = ""
    sort: str = "started"
    descending: bool = True
    page: int = 1
    per_page: int = 50


class IncidentRow(Struct, frozen=True, kw_only=True):
    """An incident in a list. Durations in seconds, of the query's clock; of open ones, so far."""

    incident_id: str
    title: str
    severity: str | None
    services: list[str]
    team: str | None
    origin: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None
    is_open: bool
    excluded_because: str | None
    n_reopened: int


class IncidentPage(Struct, frozen=True, kw_only=True):
    """One page of a list, and how many there are in all."""

    rows: list[IncidentRow]
    total: int
    page: int
    n_pages: int


class IncidentView(Struct, frozen=True, kw_only=True):
    """All that is known of one incident; `version` is to be given back with a command."""

    incident: Incident
    timeline: list[Event]
    version: int
    instants: Instants
    phases: tuple[Phase, ...]
    contradictions: tuple[Contradiction, ...]
    status: Status


def list_incidents(resile: Resile, listing: Listing) -> IncidentPage:
    """One page of the incidents that the listing asks for.

    Raises:
        ConfigError: an unknown order, or a page size out of bounds.
    """
    if listing.sort not in SORTS:
        raise ConfigError(f"cannot sort incidents by {listing.sort!r}; use {', '.join(SORTS)}")
    if not 1 <= listing.per_page <= MAX_PER_PAGE or listing.page < 1:
        raise ConfigError(f"page {listing.page} of {listing.per_page} rows: pages start at 1 and hold 1 to 1000 rows")
    resile.facts.refresh()
    with resile.facts.table() as facts:
        found = _filtered(selected(facts, listing.query, known_until=resile.clock.now()), listing)
        total = int(found.count().to_pyarrow().as_py())
        rows = (
            found.order_by(_order(found, listing))
            .limit(listing.per_page, offset=(listing.page - 1) * listing.per_page)
            .select(
                "incident_id",
                "title",
                "severity",
                "service",
                "other_services",
                "team",
                "origin",
                "status",
                "started_at",
                "ended_at",
                "duration_us",
                "is_open",
                "excluded_because",
                "n_reopened",
            )
            .to_pyarrow()
            .to_pylist()
        )
    return IncidentPage(
        rows=[_row(row) for row in rows],
        total=total,
        page=listing.page,
        n_pages=max(1, -(-total // listing.per_page)),
    )


def _filtered(table: ibis.Table, listing: Listing) -> ibis.Table:
    if listing.excluded == "no":
        table = table.filter(table.excluded_because.isnull())
    elif listing.excluded == "all":
        table = table.filter(table.excluded_because.notnull())
    else:
        table = table.filter(table.excluded_because == listing.excluded)
    if listing.state == "open":
        table = table.filter(table.is_open)
    elif listing.state == "restored":
        table = table.filter(~table.is_open)
    if listing.phase:
        table = table.filter(_is_parted(table, listing.phase))
    for word in listing.text.split():
        needle = word.lower()
        table = table.filter(
            table.title.lower().contains(needle)
            | table.incident_id.lower().contains(needle)
            | (table.service.lower().contains(needle) == ibis.literal(value=True))
        )
    return table


def _is_parted(table: ibis.Table, phase: str) -> Any:
    """Whether an incident has this phase: both its ends are known, nothing between them, and all is in order."""
    names = phase.split("+")
    first, last = PHASES.index(names[0]), PHASES.index(names[-1])
    bounds = [table[name] for name in BOUNDS]
    ends = (bounds[first].notnull(), bounds[last + 1].notnull())
    between = [one.isnull() for one in bounds[first + 1 : last + 1]]
    order = [~(later < earlier).fill_null(False) for earlier, later in combinations(bounds, 2)]  # noqa: FBT003
    return reduce(and_, (~table.is_open, *ends, *between, *order))


def _order(table: ibis.Table, listing: Listing) -> list[Any]:
    column = {"started": "started_at", "duration": "duration_us"}.get(listing.sort, listing.sort)
    order = table[column].desc(nulls_first=False) if listing.descending else table[column].asc(nulls_first=False)
    ties = [] if column == "started_at" else [table.started_at.desc(nulls_first=False)]
    return [order, *ties, table.incident_id.asc()]


def _row(row: dict[str, Any]) -> IncidentRow:
    services = [row.pop("service"), *(row.pop("other_services") or [])]
    duration_us = row.pop("duration_us")
    row["is_open"] = bool(row["is_open"])
    return IncidentRow(
        **row,
        services=[service for service in services if service is not None],
        duration_s=None if duration_us is None else duration_us / 1e6,
    )


def show_incident(resile: Resile, incident_id: str) -> IncidentView | None:
    """One incident with its timeline; None if there is none of that id."""
    timeline = resile.timelines.read(incident_id)
    return _view(incident_id, timeline) if timeline else None


def _view(incident_id: str, timeline: Sequence[Event]) -> IncidentView:
    incident = fold(incident_id, timeline)
    known = instants(incident)
    return IncidentView(
        incident=incident,
        timeline=shown_timeline(timeline),
        version=len(timeline),
        instants=known,
        phases=phases(known),
        contradictions=contradictions(known),
        status=status_of(incident, known),
    )


def declare(resile: Resile, command: Declare, *, by: str, at: datetime | None = None) -> IncidentView:
    """Declare an incident under the next number.

    Raises:
        TransitionError: `at` lies in the future.
    """
    incident_id = f"INC-{resile.timelines.next_number()}"
    return command_incident(resile, incident_id, command, by=by, at=at)


def command_incident(
    resile: Resile,
    incident_id: str,
    command: Command | RoomCommand,
    *,
    by: str,
    at: datetime | None = None,
    source: Source = Source.HUMAN,
    expected_version: int | None = None,
) -> IncidentView:
    """Carry out a command and give the incident after it.

    Args:
        expected_version: refuse if somebody appended since; None: decide on whatever state there is.

    Raises:
        TransitionError: the incident's state does not allow the command.
        ConfigError: it names a picture that the incident has not.
        ConflictError: it is not at the expected version, or others kept appending first.
    """
    resile.room.pictures.refuse_unknown(incident_id, command)
    for _ in range(_TRIES):
        timeline = resile.timelines.read(incident_id)
        if expected_version is not None and len(timeline) != expected_version:
            raise ConflictError(
                f"incident {incident_id} is at version {len(timeline)}, not {expected_version}; look again and repeat"
            )
        growing = Growing(incident_id, timeline, now=resile.clock.now(), by=by)
        told = growing.carry_out(command, at=at, source=source)
        if isinstance(command, Declare):
            resile.playbooks.opening()(growing)
        # Who acknowledges, restores or merges ends the paging in the same step.
        known = resile.paging.escalations([incident_id]).get(incident_id)
        messages = [] if known is None else resile.paging.messages_of([incident_id])
        changes = resile.pager.following(growing, known, messages)
        changes += Changes(appends=growing.appends())
        if isinstance(command, Merge) and told:
            changes += _carried_on(resile, growing.incident, timeline, by=by, now=growing.now)
        try:
            if not changes.is_empty:
                resile.paging.commit(changes)
        except ConflictError:
            continue
        return _view(incident_id, growing.events)
    raise ConflictError(f"incident {incident_id}: others keep appending; try again in a moment")


def _carried_on(resile: Resile, incident: Incident, before: Sequence[Event], *, by: str, now: datetime) -> Changes:
    """What those are told that carry on for one that was merged, or no longer do, and for all that it carries on for.

    Alerts of these may keep them from ending, or no longer do.
    """
    into = value_of(incident.merged_into, None)
    is_apart = into is None
    target_id = into or value_of(fold(incident.id, before).merged_into, None)
    names = (incident.id, *sorted(incident.absorbed))
    changes = Changes()
    for _ in range(MAX_MERGES):
        if target_id is None:
            break
        target = Growing(target_id, resile.timelines.read(target_id), now=now, by=by)
        further = value_of(target.incident.merged_into, None)
        if not is_apart:
            _refuse_target(incident, target.incident)
        if target.incident.exists:
            for name in names:
                target.carry_out(Absorb(name, is_apart))
        ending = Timer(kind=TimerKind.ENDING, subject=target_id, due_at=now)
        changes += Changes(appends=target.appends(is_checked=True), timers=(ending,))
        target_id = further
    return changes


def _refuse_target(incident: Incident, target: Incident) -> None:
    if not target.exists:
        raise TransitionError(f"incident {target.id} is not known; name the incident that carries on")
    further = value_of(target.merged_into, None)
    if further is not None:
        raise TransitionError(f"incident {target.id} was itself merged into {further}; merge into that one")
    known, its = instants(incident), instants(target)
    is_over = (known.restored or known.closed) is not None
    if (its.restored or its.closed) is not None and not is_over:
        # Nobody would be paged any more, and nothing would say that service is not restored.
        state = "restored" if its.closed is None else "closed"
        raise TransitionError(
            f"incident {target.id} is {state}; reopen it first, or merge it into {incident.id} instead"
        )
    left_out = value_of(target.exclusion, None)
    if left_out in _NO_TROUBLE and left_out is not value_of(incident.exclusion, None) and not is_over:
        raise TransitionError(
            f"incident {target.id} is marked as {left_out}, so that nobody would be told of this one any more; "
            f"count it again first, or merge it into {incident.id} instead"
        )
