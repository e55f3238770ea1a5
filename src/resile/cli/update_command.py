"""`resile incident update`: what an audience is told of an incident, drafted from what is known, published once."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from resile.cli.incident_actions import person_of
from resile.cli.invocation import Invocation, invocation_of
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.app.access import Identity
    from resile.app.update_drafts import Wording
    from resile.app.updates import Updates
    from resile.model.room import KnownDraft


def update(
    ctx: typer.Context,
    incident_id: Annotated[
        str, typer.Argument(metavar="ID", help="The incident's id, as `resile incident list` shows it.")
    ],
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What is told; with --audience else what is known.")
    ] = None,
    *,
    audience: Annotated[
        str | None, typer.Option("--audience", metavar="WHO", help="responders, executives or customers.")
    ] = None,
    phase: Annotated[
        str | None,
        typer.Option("--phase", metavar="PHASE", help="investigating, identified, monitoring, resolved; else known."),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="Its title; else from what is known.")
    ] = None,
    following: Annotated[
        str | None, typer.Option("--next", metavar="LENGTH", help="The next one is promised within 30m; or off.")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Send it now; else it is kept as a draft.")] = False,
    draft: Annotated[
        str | None, typer.Option("--draft", metavar="DRAFT", help="A draft's id: with --publish, --agree or --drop.")
    ] = None,
    agree: Annotated[bool, typer.Option("--agree", help="Agree to a draft that somebody else wrote.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Let a draft never be sent.")] = False,
    correct: Annotated[
        bool, typer.Option("--correct", help="Other words for a draft that was published; needs --reason.")
    ] = False,
    retract: Annotated[
        bool, typer.Option("--retract", help="Withdraw a draft that was published; needs --reason.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="WHY", help="Why; who reads the update reads it as well.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take back what is promised to the audience.")] = False,
    status: Annotated[
        str | None, typer.Option("--status", metavar="WORD", help="Your word for the phase of what others published.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When others published it (ISO 8601, UTC); else now.")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who says so; else you, as this machine knows you.")
    ] = None,
) -> None:
    """Tell an audience how it stands; without --audience, record what was published elsewhere."""
    from resile.app.access import Identity  # noqa: PLC0415 - loads when asked
    from resile.ports.account_store import Scope  # noqa: PLC0415

    if draft is None and (agree or drop or correct or retract):
        raise ConfigError("--agree, --drop, --correct and --retract are for a draft; name it with --draft")
    if correct and retract:
        raise ConfigError("--correct puts other words in the place, --retract none; say one of them")
    if audience is None and draft is None:
        _record(ctx, incident_id, text, status=status, at=at, by=by)
        return
    if status is not None or at is not None:
        raise ConfigError(
            "--status and --at are for what was published elsewhere; leave them out, or leave --audience out"
        )
    said = _wording(title, text, following)
    invocation = invocation_of(ctx)
    who = person_of(by)
    whose = Identity(by=who, name=who.partition(":")[2], scopes=frozenset({Scope.READ, Scope.WRITE}))
    with invocation.open() as resile:
        updates = resile.communication.updates
        if draft is not None:
            if correct or retract:
                known = _on_published(
                    updates, whose, incident_id, draft, said, reason=reason, is_retracted=retract, is_sent=publish
                )
            else:
                known = _on_draft(
                    updates, whose, incident_id, draft, said, is_agreed=agree, is_sent=publish, is_dropped=drop
                )
        elif withdraw:
            updates.withdraw(whose, incident_id, audience or "")
            invocation.out.print(f"Nothing more is promised to {audience}.", markup=False)
            return
        else:
            do = updates.say if publish else updates.draft
            known = do(whose, incident_id, audience or "", phase, said)
            fault = updates.prepare(incident_id, audience or "", known.draft.status).fault
            if fault is not None:
                invocation.err.print(f"The template was not used: {fault}.", markup=False, soft_wrap=True)
    _show(invocation, incident_id, known)


def _record(
    ctx: typer.Context, incident_id: str, text: str | None, *, status: str | None, at: str | None, by: str | None
) -> None:
    from resile.app.incidents import command_incident  # noqa: PLC0415
    from resile.model.lifecycle import Publish  # noqa: PLC0415
    from resile.model.time import parse_instant  # noqa: PLC0415

    if text is None:
        raise ConfigError("an update that was published elsewhere needs its TEXT; or say --audience for one of ours")
    when = None if at is None else parse_instant(at)
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        view = command_incident(resile, incident_id, Publish(text, status), by=person_of(by), at=when)
    invocation.out.print(f"{escape(view.incident.id)} update recorded; it is {view.status}.", soft_wrap=True)


def _wording(title: str | None, text: str | None, following: str | None) -> "Wording":
    from msgspec import UNSET  # noqa: PLC0415

    from resile.app.update_drafts import Wording  # noqa: PLC0415
    from resile.model.document import length_of  # noqa: PLC0415
    from resile.model.time import MINUTE, WEEK  # noqa: PLC0415

    within = None if following in {None, "off"} else length_of(following or "", "--next", least=MINUTE, most=WEEK)
    return Wording(
        title=UNSET if title is None else title,
        text=UNSET if text is None else text,
        next_within=UNSET if following is None else within,
    )


def _on_published(
    updates: "Updates",
    whose: "Identity",
    incident_id: str,
    draft_id: str,
    said: "Wording",
    *,
    reason: str | None,
    is_retracted: bool,
    is_sent: bool,
) -> "KnownDraft":
    if not (reason or "").strip():
        raise ConfigError("what was published is corrected or withdrawn for a reason; say --reason WHY")
    if is_retracted:
        return updates.retract(whose, incident_id, draft_id, reason or "")
    return updates.correct(whose, incident_id, draft_id, said, reason or "", is_sent=is_sent)


def _on_draft(
    updates: "Updates",
    whose: "Identity",
    incident_id: str,
    draft_id: str,
    said: "Wording",
    *,
    is_agreed: bool,
    is_sent: bool,
    is_dropped: bool,
) -> "KnownDraft":
    from resile.app.update_drafts import Wording  # noqa: PLC0415

    if is_dropped:
        return updates.drop(whose, incident_id, draft_id)
    known = None
    if said != Wording():
        known = updates.edit(whose, incident_id, draft_id, said)
    if is_agreed:
        known = updates.agree(whose, incident_id, known.id if known else draft_id)
    if is_sent:
        known = updates.publish(whose, incident_id, known.id if known else draft_id)
    if known is None:
        raise ConfigError(
            f"draft {draft_id[:40]!r}: say what is to be done: --publish, --agree, --drop, or another TEXT"
        )
    return known


def _show(invocation: Invocation, incident_id: str, known: "KnownDraft") -> None:
    draft, out = known.draft, invocation.out
    if known.dropped is not None:
        out.print(f"Draft {known.id} of {incident_id} will not be sent.", markup=False)
        return
    if known.withdrawn is not None:
        out.print(f"Withdrawn: {draft.title}. Who was told of it is told so.", markup=False, soft_wrap=True)
        return
    out.print(f"{draft.title}\n{draft.text}", markup=False, soft_wrap=True)
    if known.sent is not None:
        told = f", to {known.sent.n_told:,} {'address' if known.sent.n_told == 1 else 'addresses'}"
        what = "Corrected" if known.corrects is not None else "Published"
        out.print(f"{what} for {draft.audience} as {draft.status}{told if known.sent.n_told else ''}.", markup=False)
        return
    n_more = draft.needs - len(known.agreed)
    waits = f"; {n_more} who did not write it must agree" if n_more > 0 else ""
    out.print(f"Draft {known.id} for {draft.audience} waits{waits}.", markup=False)
    out.print(
        f"Send it: resile incident update {incident_id} --draft {known.id} --publish", markup=False, soft_wrap=True
    )
