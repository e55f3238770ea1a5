"""An incident's room as one document: the same for the API and the terminal."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from resile.app.incident_pictures import pictures_at
from resile.app.incidents import IncidentView
from resile.app.markdown import as_html
from resile.model.event import Updated
from resile.model.incident import value_of
from resile.model.room import Chat, KnownNote, Room, Run, Task, room_of
from resile.model.room_event import EvidenceAdded, PlaybookOpened, Role
from resile.model.severity import Severity


class HolderOut(Struct, frozen=True, kw_only=True):
    """Who has a role, since when, and from whom they took it over."""

    role: Role
    person: str
    since: datetime
    by: str
    from_person: str | None


class NoteOut(Struct, frozen=True, kw_only=True):
    """A note as it stands.

    Attributes:
        html: the text rendered; it can be shown as it is.
        seen: give it back with an edit: it says which wording was looked at.
        n_wordings: how often it was written and changed.
    """

    id: str
    text: str
    html: str
    seen: str
    written_at: datetime
    written_by: str
    changed_at: datetime
    changed_by: str
    n_wordings: int
    pictures: tuple[str, ...]


class RunOut(Struct, frozen=True, kw_only=True):
    """One run of a playbook's step, or the wish to have it run.

    Attributes:
        state: `waiting`, `running`, or how it ended.
        output: what it wrote, secrets masked, cut at a limit.
    """

    run_id: str
    playbook: str
    number: int
    step: str
    risk: str
    runner: str
    state: str
    agreed: tuple[str, ...]
    began_at: datetime | None
    began_by: str | None
    ended_at: datetime | None
    exit_code: int | None
    output: str
    because: str


class RoomOut(Struct, frozen=True, kw_only=True):
    """What people need to work on an incident together.

    Attributes:
        version: how many events the timeline has; give it back as `If-Match` with a command.
        roles: commander, deputy, scribe, liaison, and experts in the order in which they came.
        tasks, notes, evidence, updates: the oldest first; what was withdrawn is in none of them.
        playbooks: the one opened last first.
        promises: by audience, when the next update is due.
        asked_at: when people were asked last whether service is restored.
        withdrawn: by id of the event, why.
    """

    incident_id: str
    title: str
    status: str
    severity: Severity | None
    services: list[str]
    version: int
    roles: list[HolderOut]
    tasks: list[Task]
    notes: list[NoteOut]
    evidence: list[EvidenceAdded]
    playbooks: list[PlaybookOpened]
    runs: list[RunOut]
    updates: list[Updated]
    promises: dict[str, datetime]
    chats: list[Chat]
    asked_at: datetime | None
    withdrawn: dict[str, str]


def room_out(view: IncidentView) -> RoomOut:
    """The room of an incident as data."""
    room = room_of(view.timeline)
    incident = view.incident
    services: tuple[str, ...] = value_of(incident.services, ())
    return RoomOut(
        incident_id=incident.id,
        title=value_of(incident.title, ""),
        status=view.status.value,
        severity=value_of(incident.severity, None),
        services=list(services),
        version=view.version,
        roles=_roles(room),
        tasks=list(room.tasks),
        notes=[_note(incident.id, one) for one in room.notes],
        evidence=list(room.evidence),
        playbooks=list(room.playbooks),
        runs=[_run(one) for one in room.runs.values()],
        updates=list(room.updates),
        promises=dict(room.promises),
        chats=list(room.chats),
        asked_at=room.asked_at,
        withdrawn=dict(room.withdrawn),
    )


def _roles(room: Room) -> list[HolderOut]:
    return [
        HolderOut(role=role, person=one.person, since=one.since, by=one.by, from_person=one.from_person)
        for role, holders in room.roles.items()
        for one in holders
    ]


def _note(incident_id: str, note: KnownNote) -> NoteOut:
    first, last = note.wordings[0], note.wordings[-1]
    return NoteOut(
        id=note.id,
        text=note.text,
        html=as_html(note.text, pictures=pictures_at(incident_id)),
        seen=note.seen,
        written_at=first.at,
        written_by=first.by,
        changed_at=last.at,
        changed_by=last.by,
        n_wordings=len(note.wordings),
        pictures=note.pictures,
    )


def run_state(run: Run) -> str:
    """How a run stands, in one word."""
    if run.ended is not None:
        return run.ended.outcome.value
    return "waiting" if run.is_waiting else "running"


def _run(run: Run) -> RunOut:
    ended: dict[str, Any] = {"ended_at": None, "exit_code": None, "output": "", "because": ""}
    if run.ended is not None:
        ended = {
            "ended_at": run.ended.at,
            "exit_code": run.ended.exit_code,
            "output": run.ended.output,
            "because": run.ended.because,
        }
    return RunOut(
        run_id=run.run_id,
        playbook=run.playbook,
        number=run.number,
        step=run.step,
        risk=run.risk.value,
        runner=run.runner,
        state=run_state(run),
        agreed=run.agreed,
        began_at=run.began_at,
        began_by=run.began_by,
        **ended,
    )
