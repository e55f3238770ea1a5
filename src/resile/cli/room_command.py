"""What people do in an incident's room, from the terminal: roles, tasks, notes, evidence, calling in, and export."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.markup import escape

from resile.cli.incident_actions import instant_of, person_of
from resile.cli.invocation import invocation_of
from resile.cli.served import warn_unless_served
from resile.model.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from enum import StrEnum

    from resile.app.incidents import IncidentView
    from resile.app.wiring import Resile
    from resile.model.lifecycle import Command
    from resile.model.room_lifecycle import RoomCommand

    E = TypeVar("E", bound=StrEnum)

_ID = Annotated[str, typer.Argument(metavar="ID", help="The incident's id, as `resile incident list` shows it.")]
_BY = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who says so; else you, as this machine knows you.")
]


def add_room(app: typer.Typer) -> None:
    """Make the commands part of `resile incident`."""
    for name, command in (
        *(("role", role), ("task", task), ("note", note), ("edit-note", edit_note), ("evidence", evidence)),
        *(("withdraw", withdraw), ("call-in", call_in), ("escalate", escalate), ("step", step)),
        ("export", export),
    ):
        app.command(name)(command)


def role(
    ctx: typer.Context,
    incident_id: _ID,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="commander, deputy, scribe, liaison or expert.")],
    person: Annotated[str | None, typer.Argument(metavar="[PERSON]", help="Who has it; else who says so.")] = None,
    *,
    lay_down: Annotated[bool, typer.Option("--lay-down", help="They have it no more.")] = False,
    by: _BY = None,
) -> None:
    """Take a role, or give it to somebody; whoever had it hands it over."""
    from resile.model.room_event import Role  # noqa: PLC0415 - loads when asked
    from resile.model.room_lifecycle import LayDownRole, TakeRole  # noqa: PLC0415

    its = _one_of(Role, role, "role")
    name = person or person_of(by).partition(":")[2]
    if lay_down:
        _do(ctx, incident_id, LayDownRole(its, name), f"{name} is no longer {its}", by=by)
    else:
        _do(ctx, incident_id, TakeRole(its, name), f"{name} is {its}", by=by)


def task(
    ctx: typer.Context,
    incident_id: _ID,
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What is to be done.")] = None,
    *,
    task_id: Annotated[
        str | None, typer.Option("--id", metavar="TASK", help="One that there is, as `resile incident show` gives it.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="Who does it; an empty name: nobody.")
    ] = None,
    done: Annotated[bool, typer.Option("--done", help="It is done.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="It will not be done.")] = False,
    again: Annotated[bool, typer.Option("--open", help="It is to be done after all.")] = False,
    by: _BY = None,
) -> None:
    """Say that something is to be done, or how a task stands."""
    from msgspec import UNSET  # noqa: PLC0415 - loads when asked

    from resile.model.room_event import TaskState  # noqa: PLC0415
    from resile.model.room_lifecycle import AddTask, ChangeTask  # noqa: PLC0415

    said = {TaskState.DONE: done, TaskState.DROPPED: drop, TaskState.OPEN: again}
    states = [state for state, is_said in said.items() if is_said]
    if len(states) > 1:
        raise ConfigError(f"incident {incident_id}: give one of --done, --drop and --open")
    if task_id is None:
        if text is None or states:
            raise ConfigError(f"incident {incident_id}: say what is to be done, or which task with --id")
        _do(ctx, incident_id, AddTask(text, owner or None), "has one task more", by=by)
        return
    change = ChangeTask(
        task_id=task_id,
        text=UNSET if text is None else text,
        owner=UNSET if owner is None else owner or None,
        state=states[0] if states else UNSET,
    )
    _do(ctx, incident_id, change, f"task {task_id} {states[0] if states else 'changed'}", by=by)


def note(
    ctx: typer.Context,
    incident_id: _ID,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write down, in Markdown.")],
    *,
    picture: Annotated[
        list[Path] | None,
        typer.Option("--picture", metavar="FILE", help="PNG, JPEG, GIF or WebP, at most 5 MB; repeats."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When it happened (ISO 8601, UTC); else now.")
    ] = None,
    by: _BY = None,
) -> None:
    """Write something down in its timeline; pictures stand below the words."""
    from resile.app.incidents import command_incident  # noqa: PLC0415 - loads when asked
    from resile.model.lifecycle import Note  # noqa: PLC0415

    when = instant_of(at)
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        _shown(resile, incident_id)
        contents = [_read(path) for path in picture or ()]
        kept = tuple(resile.room.pictures.add(incident_id, one, by=person_of(by)).id for one in contents)
        words = "\n\n".join((text, *(f"![](picture:{one})" for one in kept)))
        view = command_incident(resile, incident_id, Note(words, kept), by=person_of(by), at=when)
    invocation.out.print(f"{escape(view.incident.id)} noted; it is {view.status}.", soft_wrap=True)


def edit_note(
    ctx: typer.Context,
    incident_id: _ID,
    note_id: Annotated[str, typer.Argument(metavar="NOTE", help="The note's id, as `resile incident show` gives it.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What it says from now on, in Markdown.")],
    *,
    by: _BY = None,
) -> None:
    """Give a note other words; what it said before stays on record."""
    from resile.model.room import room_of  # noqa: PLC0415 - loads when asked
    from resile.model.room_lifecycle import EditNote  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        room = room_of(_shown(resile, incident_id).timeline)
        seen = next((one.seen for one in room.notes if one.id == note_id), "")
        _commanded(resile, incident_id, EditNote(note_id, text, seen), by)
    invocation.out.print(f"{escape(incident_id)} note {escape(note_id)} changed.", soft_wrap=True)


def evidence(
    ctx: typer.Context,
    incident_id: _ID,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What it shows, in a few words.")],
    *,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="Where it is.")] = None,
    chart: Annotated[bool, typer.Option("--chart", help="What is there is a chart.")] = False,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="FILE", help="Lines of a log; - reads standard input.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="PNG, JPEG, GIF or WebP, at most 5 MB.")
    ] = None,
    by: _BY = None,
) -> None:
    """Show what was the matter: a link, a chart, lines of a log, or a picture."""
    from resile.model.room_event import EvidenceKind  # noqa: PLC0415 - loads when asked
    from resile.model.room_lifecycle import AddEvidence  # noqa: PLC0415

    if log is not None and picture is not None:
        raise ConfigError(f"incident {incident_id}: give --log or --picture, not both")
    text = "" if log is None else _read(log).decode("utf-8", "replace")
    kind = EvidenceKind.CHART if chart else EvidenceKind.LINK
    kind = EvidenceKind.LOG if log is not None else EvidenceKind.PICTURE if picture is not None else kind
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        _shown(resile, incident_id)
        content = None if picture is None else _read(picture)
        kept = None if content is None else resile.room.pictures.add(incident_id, content, by=person_of(by)).id
        _commanded(resile, incident_id, AddEvidence(evidence=kind, title=title, url=url, text=text, picture=kept), by)
    invocation.out.print(f"{escape(incident_id)} has one piece of evidence more.", soft_wrap=True)


def withdraw(
    ctx: typer.Context,
    incident_id: _ID,
    event_id: Annotated[
        str,
        typer.Argument(metavar="EVENT", help="Its id, as `resile incident show` gives it."),
    ],
    *,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")] = None,
    by: _BY = None,
) -> None:
    """Show a note, a piece of evidence or a message of a chat no more: a secret in it, or the wrong incident."""
    from resile.model.room_lifecycle import Withdraw  # noqa: PLC0415 - loads when asked

    _do(ctx, incident_id, Withdraw(event_id, reason or ""), f"{event_id} withdrawn", by=by)


def call_in(
    ctx: typer.Context,
    incident_id: _ID,
    targets: Annotated[
        list[str],
        typer.Argument(metavar="TARGET...", help="service/payments, team/payments, schedule/payments or person/ann."),
    ],
    *,
    because: Annotated[str | None, typer.Option("--because", metavar="TEXT", help="What they are needed for.")] = None,
    by: _BY = None,
) -> None:
    """Page further people, beside whoever is paged already. Needs a running resile to send the pages."""
    from resile.model.paging_documents import target_of  # noqa: PLC0415 - loads when asked

    named = tuple(dict.fromkeys(target_of(one, "whom to call in", services=True) for one in targets))
    who = person_of(by)
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        said = resile.pager.call_in(incident_id, named, who=who.partition(":")[2] or who, by=who, because=because or "")
        warn_unless_served(invocation, resile, "the page")
    invocation.out.print(escape(said), soft_wrap=True)


def escalate(ctx: typer.Context, incident_id: _ID, *, by: _BY = None) -> None:
    """Begin the next step of its policy now, whoever has taken it. Needs a running resile to send the pages."""
    who = person_of(by)
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        said = resile.pager.escalate(incident_id, who=who.partition(":")[2] or who, by=who)
        warn_unless_served(invocation, resile, "the page")
    invocation.out.print(escape(said), soft_wrap=True)


def step(
    ctx: typer.Context,
    incident_id: _ID,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as `resile incident show` gives it.")],
    *,
    stop: Annotated[bool, typer.Option("--stop", help="Have it end, wherever it runs.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no to a step that waits for a second person.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Run the step that undoes it; ends with 1 if that fails.")
    ] = False,
    by: _BY = None,
) -> None:
    """Stop, refuse or undo a run of a step. Agreeing takes a second person with an account: in the browser."""
    from resile.cli.playbook_run import has_come_through  # noqa: PLC0415 - loads when asked
    from resile.response.playbook import Who  # noqa: PLC0415

    if (stop, refuse, undo).count(True) != 1:
        raise ConfigError(f"run {run_id[:40]}: give one of --stop, --refuse and --undo")
    who = Who(person_of(by))
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        _shown(resile, incident_id)
        if undo:
            begun = resile.runs.roll_back(incident_id, run_id, who=who)
            if not has_come_through(invocation, resile, incident_id, begun.run_id, who=who):
                raise typer.Exit(1)
            return
        (resile.runs.stop if stop else resile.runs.refuse)(incident_id, run_id, who=who)
    said = "is being stopped" if stop else "was refused"
    invocation.out.print(f"{escape(incident_id)} run {escape(run_id)} {said}.", soft_wrap=True)


def export(
    ctx: typer.Context,
    incident_id: _ID,
    *,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="markdown to read, or jsonl, one event a line.")
    ] = "markdown",
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Into this folder, with its pictures; else to standard output."),
    ] = None,
) -> None:
    """Write a whole room: instants, phases, roles, tasks, notes, evidence, runs, updates and timeline."""
    from resile.analytics.words import counted  # noqa: PLC0415 - loads when asked
    from resile.app.room_export import json_lines, markdown, picture_file  # noqa: PLC0415 - loads when asked

    if form not in {"markdown", "jsonl"}:
        raise ConfigError(f"--format {form[:40]!r} is unknown; use markdown or jsonl")
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        view = _shown(resile, incident_id)
        pictures = resile.room.pictures.of(incident_id)
        names = {one.id: picture_file(one) for one in pictures}
        if form == "markdown":
            content = markdown(view, picture_at=names.get).encode()
        else:
            content = b"".join(json_lines(view, pictures, now=resile.clock.now()))
        if to is None:
            sys.stdout.buffer.write(content)
            return
        try:
            to.mkdir(parents=True, exist_ok=True)
            (to / f"incident.{'md' if form == 'markdown' else 'jsonl'}").write_bytes(content)
            for one in pictures:
                found = resile.room.pictures.show(incident_id, one.id)
                if found is not None:
                    (to / names[one.id]).write_bytes(found.content)
        except OSError as error:
            raise StoreError(f"{to} cannot be written: {error.strerror}; give another folder with --to") from None
    also = f" with {counted(len(pictures), 'picture')}" if pictures else ""
    invocation.out.print(f"{escape(incident_id)} written to {escape(str(to))}{also}.", soft_wrap=True)


def _do(ctx: typer.Context, incident_id: str, command: "Command | RoomCommand", said: str, *, by: str | None) -> None:
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        _commanded(resile, incident_id, command, by)
    invocation.out.print(f"{escape(incident_id)} {escape(said)}.", soft_wrap=True)


def _commanded(resile: "Resile", incident_id: str, command: "Command | RoomCommand", by: str | None) -> None:
    from resile.app.incidents import command_incident  # noqa: PLC0415 - loads when asked

    command_incident(resile, incident_id, command, by=person_of(by))


def _shown(resile: "Resile", incident_id: str) -> "IncidentView":
    from resile.app.incidents import show_incident  # noqa: PLC0415 - loads when asked

    view = show_incident(resile, incident_id)
    if view is None:
        raise ConfigError(f"incident {incident_id!r} is not known; resile incident list shows the ids")
    return view


def _read(path: Path) -> bytes:
    from resile.ports.picture_book import MAX_BYTES  # noqa: PLC0415 - loads when asked

    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; give another file") from None


def _one_of(kinds: "type[E]", said: str, what: str) -> Any:
    try:
        return kinds(said)
    except ValueError:
        raise ConfigError(f"{what} {said[:40]!r} is unknown; use {', '.join(kinds)}") from None
