"""`resile incident`: list them, show one; the commands that carry one through are in incident_actions.py."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from resile.cli.filters import Words, asks, query_of
from resile.cli.incident_actions import add_actions
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.room_command import add_room
from resile.cli.update_command import update
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.app.incidents import IncidentPage, IncidentRow, Listing
    from resile.app.wiring import Resile

PAGE = 1000

app = typer.Typer(no_args_is_help=True)

_AS = "In what form"
_JSON = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.", rich_help_panel=_AS)]
_JSON_LINES = Annotated[
    bool, typer.Option("--jsonl", help="One JSON object per line on standard output.", rich_help_panel=_AS)
]


def add_to(root: typer.Typer) -> None:
    """Make `resile incident` a command."""
    root.add_typer(app, name="incident", help="List and show incidents, and carry them through.")


@app.command("list")
@asks()
def list_command(
    ctx: typer.Context,
    words: Words,
    *,
    text: Annotated[
        str, typer.Option("--text", metavar="WORDS", help="Words to be found in title, id or service.")
    ] = "",
    state: Annotated[str, typer.Option("--state", metavar="STATE", help="all, open or restored.")] = "all",
    excluded: Annotated[
        str,
        typer.Option("--excluded", metavar="WHICH", help="no, all, or one reason such as planned or noise."),
    ] = "no",
    sort: Annotated[
        str,
        typer.Option("--sort", metavar="BY", help="started, duration, severity, title, service, team or status."),
    ] = "started",
    ascending: Annotated[bool, typer.Option("--ascending", help="Oldest, shortest or first first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="At most so many; 0 for all.")] = 20,
    json: _JSON = False,
    jsonl: _JSON_LINES = False,
) -> None:
    """List incidents, the newest first."""
    from resile.analytics.results import to_json  # noqa: PLC0415 - loads when asked
    from resile.app.incidents import Listing  # noqa: PLC0415
    from resile.cli.incident_view import draw_list  # noqa: PLC0415

    if state not in {"all", "open", "restored"}:
        raise ConfigError(f"--state {state!r} is unknown; use all, open or restored")
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        listing = Listing(
            query=query_of(resile, words),
            state=state,
            excluded=excluded,
            text=text,
            sort=sort,
            descending=not ascending,
            per_page=min(limit, PAGE) or PAGE,
        )
        if jsonl:
            for row in _rows(resile, listing, limit):
                typer.echo(to_json(row))
            return
        page = _page(resile, listing, limit)
    if json:
        typer.echo(to_json(page))
    else:
        draw_list(invocation.out, page, listing)


def _rows(resile: "Resile", listing: "Listing", limit: int) -> Iterator["IncidentRow"]:
    """The rows of page after page, at most `limit` of them (0: all)."""
    from msgspec.structs import replace  # noqa: PLC0415

    from resile.app.incidents import list_incidents  # noqa: PLC0415

    n_given = 0
    number, n_pages = 1, 1
    while number <= n_pages:
        page = list_incidents(resile, replace(listing, page=number))
        for row in page.rows:
            if limit and n_given == limit:
                return
            n_given += 1
            yield row
        number, n_pages = number + 1, page.n_pages


def _page(resile: "Resile", listing: "Listing", limit: int) -> "IncidentPage":
    from resile.app.incidents import IncidentPage, list_incidents  # noqa: PLC0415

    if 0 < limit <= PAGE:
        return list_incidents(resile, listing)
    rows = list(_rows(resile, listing, limit))
    total = list_incidents(resile, listing).total
    return IncidentPage(rows=rows, total=total, page=1, n_pages=1)


@app.command("show")
def show_command(
    ctx: typer.Context,
    incident_id: Annotated[
        str, typer.Argument(metavar="ID", help="The incident's id, as `resile incident list` shows it.")
    ],
    *,
    json: _JSON = False,
) -> None:
    """Show all that is known of one incident: instants and how they are known, phases, timeline, pages and receipts."""
    from resile.analytics.results import to_json  # noqa: PLC0415 - loads when asked
    from resile.app.incident_out import incident_out  # noqa: PLC0415
    from resile.app.incident_pages import incident_pages  # noqa: PLC0415
    from resile.app.incidents import show_incident  # noqa: PLC0415
    from resile.app.staying_clear import watched_until  # noqa: PLC0415
    from resile.cli.incident_pages_view import draw_pages  # noqa: PLC0415
    from resile.cli.incident_view import draw_incident  # noqa: PLC0415
    from resile.cli.room_view import draw_room  # noqa: PLC0415
    from resile.model.room import room_of  # noqa: PLC0415

    invocation: Invocation = invocation_of(ctx)
    with invocation.open() as resile:
        view = show_incident(resile, incident_id)
        if view is None:
            raise ConfigError(f"incident {incident_id!r} is not known; resile incident list shows the ids")
        pages = incident_pages(resile, view)
        until = watched_until(resile.paging, incident_id)
    if json:
        typer.echo(to_json(incident_out(view)))
    else:
        draw_incident(invocation.out, view, watched_until=until)
        draw_room(invocation.out, room_of(view.timeline))
        draw_pages(invocation.out, pages)


add_actions(app)
app.command()(update)
add_room(app)
