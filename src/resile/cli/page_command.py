"""`resile page`: declare an incident and page somebody, in one line."""

from typing import Annotated

import typer
from rich.markup import escape

from resile.cli.incident_actions import person_of
from resile.cli.invocation import invocation_of
from resile.cli.served import warn_unless_served
from resile.model.errors import ConfigError

_WHOM = "Whom to page; else whoever answers for the service"
_Names = list[str] | None


def add_to(root: typer.Typer) -> None:
    """Make `resile page` a command."""
    root.command("page")(page)


def page(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is wrong, in a few words; the incident's title.")],
    *,
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="NAME", help="By this policy.", rich_help_panel=_WHOM)
    ] = None,
    person: Annotated[
        _Names, typer.Option("--person", metavar="NAME", help="This person; repeats.", rich_help_panel=_WHOM)
    ] = None,
    schedule: Annotated[
        _Names, typer.Option("--schedule", metavar="NAME", help="Whoever is on call; repeats.", rich_help_panel=_WHOM)
    ] = None,
    team: Annotated[
        _Names,
        typer.Option("--team", metavar="NAME", help="Whoever is on call for the team; repeats.", rich_help_panel=_WHOM),
    ] = None,
    severity: Annotated[
        str | None, typer.Option("--severity", metavar="SEVERITY", help="SEV1 to SEV5, or an alias.")
    ] = None,
    service: Annotated[_Names, typer.Option("--service", metavar="NAME", help="What is affected; repeats.")] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who says so; else you, as this machine knows you.")
    ] = None,
) -> None:
    """Declare an incident and page somebody for it until they answer. Needs a running resile to send the pages."""
    from resile.app.page_targets import targets_named  # noqa: PLC0415 - loads when asked
    from resile.model.severity import parse_severity  # noqa: PLC0415

    if not text.strip():
        raise ConfigError("a page needs a text; say in a few words what is wrong")
    invocation = invocation_of(ctx)
    targets = targets_named(person=person or (), schedule=schedule or (), team=team or ())
    told = None if severity is None else parse_severity(severity, invocation.settings.severity_aliases)
    who = person_of(by)
    with invocation.open() as resile:
        incident_id = resile.pager.page(
            text.strip(),
            who=who.partition(":")[2] or who,
            by=who,
            policy=policy,
            targets=targets,
            severity=told,
            services=tuple(service or ()),
        )
        called = resile.paging.messages_of([incident_id])
        warn_unless_served(invocation, resile, "the page")
    people = ", ".join(sorted({one.person for one in called if one.person})) or "nobody yet"
    invocation.out.print(f"{escape(incident_id)} declared; paging {escape(people)}.", soft_wrap=True)
