"""`resile status`: what the public sees of services."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.tables import plain_table, print_table

if TYPE_CHECKING:
    from resile.response.public_status import PublicStatus

app = typer.Typer(no_args_is_help=True)
_STYLES = {"none": "bold green", "minor": "bold yellow", "major": "bold dark_orange", "critical": "bold red"}


def add_to(root: typer.Typer) -> None:
    """Make `resile status` a command."""
    root.add_typer(app, name="status", help="The public status page: what it shows.")


@app.callback()
def status() -> None:
    """Keep `show` a command of its own, for there may be more."""


@app.command()
def show(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print what /api/v2/summary.json says.")] = False,
) -> None:
    """Print what the public sees now, whether or not the page is switched on."""
    from resile.app.status_api import ROOT, StatusApi  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        parts = resile.status
        shown = parts.follow().look()
        if as_json:
            api = StatusApi(
                shown,
                parts.ids,
                parts.settings,
                address=parts.settings.address,
                started_at=resile.clock.now(),
                stale_since=None,
            )
            typer.echo(api.documents()[f"{ROOT}/summary.json"].decode())
            return
    where = parts.settings.address if parts.is_set else "switched off; set [status] in resile.toml"
    _show(invocation, shown, parts.settings.title, where)


def _show(invocation: Invocation, shown: "PublicStatus", title: str, where: str) -> None:
    out = invocation.out
    out.print(Text.assemble(f"{title}: ", (shown.description, _STYLES[shown.indicator.value])), soft_wrap=True)
    out.print(Text(f"The page: {where}", "dim"), soft_wrap=True)
    if shown.components:
        table = plain_table()
        for column in ("Component", "State", "Uptime", "Of"):
            table.add_column(column)
        for one in shown.components:
            share = one.uptime.share
            uptime = "" if share is None else f"{int(share * 10_000) / 100:.2f} %"
            days = f"{(one.uptime.until - one.uptime.since).days + 1} d"
            table.add_row(Text(one.listed.title), Text(one.state.words), uptime, days)
        print_table(out, table)
    for incident in shown.open_incidents:
        last = incident.updates[0]
        said = f"{incident.phase}: {incident.title} (since {incident.began_at:%Y-%m-%d %H:%M} UTC)"
        out.print(Text(f"{said[:1].upper()}{said[1:]}", "bold"), soft_wrap=True)
        if incident.restored_at is not None:
            out.print(Text(f"  Service is back since {incident.restored_at:%Y-%m-%d %H:%M} UTC."), soft_wrap=True)
        out.print(Text(f"  {last.at:%H:%M} UTC: {last.text}"), soft_wrap=True)
    for window in shown.maintenances:
        times = f"{window.starts_at:%Y-%m-%d %H:%M} to {window.ends_at:%Y-%m-%d %H:%M} UTC"
        out.print(Text(f"Maintenance, {window.phase.replace('_', ' ')}: {window.title} ({times})"), soft_wrap=True)
