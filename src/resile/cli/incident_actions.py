"""Commands on one incident's timeline: declare, acknowledge, restore and the rest."""

import getpass
import os
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from resile.cli.filters import label_of
from resile.cli.invocation import Invocation, invocation_of
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.app.incidents import IncidentView
    from resile.model.event import Exclusion
    from resile.model.lifecycle import Command

COUNTS = "counts"

_ID = Annotated[str, typer.Argument(metavar="ID", help="The incident's id, as `resile incident list` shows it.")]
_AT = Annotated[str | None, typer.Option("--at", metavar="TIME", help="When it happened (ISO 8601, UTC); else now.")]
_BY = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who says so; else you, as this machine knows you.")
]
_REASON = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")]
_SEVERITY = Annotated[str | None, typer.Option("--severity", metavar="SEVERITY", help="SEV1 to SEV5, or an alias.")]
_SERVICES = Annotated[list[str] | None, typer.Option("--service", metavar="NAME", help="What is affected; repeats.")]
_TEAM = Annotated[str | None, typer.Option("--team", metavar="NAME", help="Who owns it.")]
_LABELS = Annotated[list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="Repeats.")]


def add_actions(app: typer.Typer) -> None:
    """Make the commands part of `resile incident`."""
    commands: tuple[Callable[..., None], ...] = (
        *(declare, impact, detect, ack, identify, mitigate, restore, close, reopen),
        *(severity, describe, mark, merge, correct),
    )
    for command in commands:
        app.command()(command)


def declare(
    ctx: typer.Context,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is wrong, in a few words.")],
    *,
    severity: _SEVERITY = None,
    service: _SERVICES = None,
    team: _TEAM = None,
    label: _LABELS = None,
    mark_as: Annotated[
        str | None, typer.Option("--as", metavar="KIND", help="Not to count: planned, drill, noise or test.")
    ] = None,
    at: _AT = None,
    by: _BY = None,
) -> None:
    """Say that there is an incident; it counts as detected at --at, or now."""
    from resile.app.incidents import declare as declare_incident  # noqa: PLC0415
    from resile.model.lifecycle import Declare  # noqa: PLC0415
    from resile.model.severity import parse_severity  # noqa: PLC0415

    if not title.strip():
        raise ConfigError("an incident needs a title; say in a few words what is wrong")
    invocation = invocation_of(ctx)
    command = Declare(
        title=title,
        severity=None if severity is None else parse_severity(severity, invocation.settings.severity_aliases),
        services=tuple(service or ()),
        team=team,
        labels={name.removeprefix("label:"): value for name, value in map(label_of, label or ())},
        exclusion=None if mark_as is None else _exclusion(mark_as),
    )
    when = instant_of(at)
    with invocation.open() as resile:
        view = declare_incident(resile, command, by=person_of(by), at=when)
    invocation.out.print(f"{escape(view.incident.id)} declared: {escape(title)}", soft_wrap=True)


def impact(ctx: typer.Context, incident_id: _ID, *, at: _AT = None, by: _BY = None) -> None:
    """Say when users were first affected."""
    _reach(ctx, incident_id, "impact_began", "impact began", at=at, by=by)


def detect(ctx: typer.Context, incident_id: _ID, *, at: _AT = None, by: _BY = None) -> None:
    """Say when it was noticed, where nothing told so."""
    _reach(ctx, incident_id, "detected", "detected", at=at, by=by)


def ack(
    ctx: typer.Context,
    incident_id: _ID,
    *,
    who: Annotated[str | None, typer.Option("--who", metavar="NAME", help="Who took it; else who says so.")] = None,
    at: _AT = None,
    by: _BY = None,
) -> None:
    """Say that somebody took it."""
    _reach(ctx, incident_id, "acknowledged", "acknowledged", at=at, by=by, text=who or _name(by))


def identify(
    ctx: typer.Context,
    incident_id: _ID,
    cause: Annotated[str | None, typer.Argument(metavar="[CAUSE]", help="The cause, in a few words.")] = None,
    *,
    at: _AT = None,
    by: _BY = None,
) -> None:
    """Say that the cause is known well enough to act on."""
    _reach(ctx, incident_id, "identified", "identified", at=at, by=by, text=cause)


def mitigate(ctx: typer.Context, incident_id: _ID, *, at: _AT = None, by: _BY = None) -> None:
    """Say that users are no longer affected."""
    _reach(ctx, incident_id, "mitigated", "mitigated", at=at, by=by)


def restore(ctx: typer.Context, incident_id: _ID, *, at: _AT = None, by: _BY = None) -> None:
    """Say that the service is fully operational again."""
    _reach(ctx, incident_id, "restored", "restored", at=at, by=by)


def close(ctx: typer.Context, incident_id: _ID, *, at: _AT = None, by: _BY = None) -> None:
    """Say that the paperwork is done; it says nothing of the service."""
    _reach(ctx, incident_id, "closed", "closed", at=at, by=by)


def reopen(ctx: typer.Context, incident_id: _ID, *, reason: _REASON = None, at: _AT = None, by: _BY = None) -> None:
    """Say that it was not over: the clock runs on."""
    from resile.model.lifecycle import Reopen  # noqa: PLC0415

    _carry_out(ctx, incident_id, Reopen(reason), "reopened", at=at, by=by)


def severity(
    ctx: typer.Context,
    incident_id: _ID,
    severity: Annotated[str, typer.Argument(metavar="SEVERITY", help="SEV1 to SEV5, or an alias.")],
    *,
    at: _AT = None,
    by: _BY = None,
) -> None:
    """Say that it is worse or less bad than thought."""
    from resile.model.lifecycle import ChangeSeverity  # noqa: PLC0415
    from resile.model.severity import parse_severity  # noqa: PLC0415

    level = parse_severity(severity, invocation_of(ctx).settings.severity_aliases)
    _carry_out(ctx, incident_id, ChangeSeverity(level), f"is {level}", at=at, by=by)


def describe(
    ctx: typer.Context,
    incident_id: _ID,
    *,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="A better title.")] = None,
    service: _SERVICES = None,
    team: _TEAM = None,
    label: _LABELS = None,
    at: _AT = None,
    by: _BY = None,
) -> None:
    """Give it other words; what is not named stays. An empty value takes a label or the team away."""
    from msgspec import UNSET  # noqa: PLC0415

    from resile.model.lifecycle import Describe  # noqa: PLC0415

    if title is None and service is None and team is None and not label:
        raise ConfigError(f"incident {incident_id}: nothing to describe; give --title, --service, --team or --label")
    command = Describe(
        title=UNSET if title is None else title,
        services=UNSET if service is None else tuple(name for name in service if name),
        team=UNSET if team is None else team or None,
        labels={name.removeprefix("label:"): value or None for name, value in map(label_of, label or ())},
    )
    _carry_out(ctx, incident_id, command, "described anew", at=at, by=by)


def mark(
    ctx: typer.Context,
    incident_id: _ID,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="planned, drill, noise or test; or counts.")],
    *,
    reason: _REASON = None,
    at: _AT = None,
    by: _BY = None,
) -> None:
    """Count it out of every measure, and say why; `counts` takes it in again."""
    from resile.model.lifecycle import Mark  # noqa: PLC0415

    exclusion = None if kind == COUNTS else _exclusion(kind)
    said = "counts again" if exclusion is None else f"marked as {exclusion}; it no longer counts"
    _carry_out(ctx, incident_id, Mark(exclusion, reason), said, at=at, by=by)


def merge(
    ctx: typer.Context,
    incident_id: _ID,
    into: Annotated[str | None, typer.Argument(metavar="[INTO]", help="The incident that carries on for both.")] = None,
    *,
    apart: Annotated[bool, typer.Option("--apart", help="They are not the same trouble after all.")] = False,
    at: _AT = None,
    by: _BY = None,
) -> None:
    """Say that it is the same trouble as another incident, which carries on for both."""
    from resile.model.lifecycle import Merge  # noqa: PLC0415

    if (into is None) != apart:
        raise ConfigError(f"incident {incident_id}: name the incident to merge it into, or --apart, and not both")
    said = "stands on its own again" if into is None else f"merged into {into}"
    _carry_out(ctx, incident_id, Merge(into), said, at=at, by=by)


def correct(
    ctx: typer.Context,
    incident_id: _ID,
    event_id: Annotated[
        str, typer.Argument(metavar="EVENT", help="The event's id, as `resile incident show` gives it.")
    ],
    *,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="When it really happened.")] = None,
    never: Annotated[bool, typer.Option("--never", help="It did not happen.")] = False,
    reason: _REASON = None,
    by: _BY = None,
) -> None:
    """Say that an event happened at another time, or not at all, and why. Event and correction stay."""
    from resile.model.lifecycle import Correct  # noqa: PLC0415

    if (to is None) != never:
        raise ConfigError(f"event {event_id}: give --to TIME or --never, and not both")
    if not (reason or "").strip():
        raise ConfigError(f"event {event_id}: it is corrected for a reason; say --reason WHY")
    command = Correct(event_id, instant_of(to), reason)
    said = f"event {event_id} " + ("taken back" if never else f"moved to {to}")
    _carry_out(ctx, incident_id, command, said, at=None, by=by)


def _reach(
    ctx: typer.Context,
    incident_id: str,
    instant: str,
    said: str,
    *,
    at: str | None,
    by: str | None,
    text: str | None = None,
) -> None:
    from resile.model.incident import InstantName  # noqa: PLC0415
    from resile.model.lifecycle import Reach  # noqa: PLC0415

    _carry_out(ctx, incident_id, Reach(InstantName(instant), text), said, at=at, by=by)


def _carry_out(
    ctx: typer.Context, incident_id: str, command: "Command", said: str, *, at: str | None, by: str | None
) -> None:
    from resile.app.incidents import command_incident  # noqa: PLC0415

    when = instant_of(at)
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        view = command_incident(resile, incident_id, command, by=person_of(by), at=when)
    _say_done(invocation, view, said)


def _say_done(invocation: Invocation, view: "IncidentView", said: str) -> None:
    from resile.analytics.words import exact_duration  # noqa: PLC0415

    known = view.instants
    over = "" if view.status.value in said else f"; it is {view.status}"
    if said == "restored" and known.detected is not None and known.restored is not None and not view.contradictions:
        over = f", {exact_duration((known.restored.at - known.detected.at).total_seconds())} after detection"
    invocation.out.print(f"{escape(view.incident.id)} {escape(said)}{over}.", soft_wrap=True)


def _exclusion(kind: str) -> "Exclusion":
    from resile.model.event import Exclusion  # noqa: PLC0415

    try:
        return Exclusion(kind)
    except ValueError:
        raise ConfigError(f"{kind!r} is no reason not to count; use {', '.join(Exclusion)}") from None


def instant_of(text: str | None) -> datetime | None:
    """An instant as somebody wrote it; None where they did not."""
    from resile.model.time import parse_instant  # noqa: PLC0415

    return None if text is None else parse_instant(text)


def _name(by: str | None) -> str:
    if by:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that no file of users names.
        return f"uid-{os.getuid()}"


def person_of(by: str | None) -> str:
    """Who says so, as timelines write it."""
    name = _name(by)
    return name if ":" in name else f"user:{name}"
