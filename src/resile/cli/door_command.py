"""`resile door`: ways in for alerts and deliveries, from Prometheus, PagerDuty's senders, GitHub and others."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from resile.cli import door_options as options
from resile.cli.accounts_command import BY
from resile.cli.door_settings import settings_text
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.tables import plain_table, print_table
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from resile.app.access import Identity
    from resile.app.doors import DoorSeen
    from resile.app.wiring import Resile
    from resile.ports.door_book import Door

app = typer.Typer(no_args_is_help=True)
_COUNTED = ("received", "refused", "waiting", "unmapped", "failed")
# Narrower terminals have no room for addresses beside the counts.
_LEAST_WIDE = 130
# No secret is longer; more of a stream is not read.
_MAX_STDIN = 10_000

_KIND = Annotated[
    str,
    typer.Argument(
        metavar="KIND",
        help="prometheus, alertmanager, grafana, pagerduty, datadog, opsgenie, sentry, pagerduty_webhook, statuspage, "
        "heartbeat, json, cloudevents, github, gitlab or cdevents.",
    ),
]
_DOOR = Annotated[str, typer.Argument(metavar="DOOR", help="Its name, such as github or github/shop.")]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(root: typer.Typer) -> None:
    """Make `resile door` a command."""
    root.add_typer(app, name="door", help="Ways in: who may send alerts, and what happens to commits and deployments.")


@app.command()
def add(
    ctx: typer.Context,
    kind: _KIND,
    *,
    name: options.NAME = None,
    service: options.SERVICE = None,
    service_of: options.SERVICE_OF = None,
    severity: options.SEVERITY = None,
    every: options.EVERY = None,
    grace: options.GRACE = None,
    field: options.FIELD = None,
    resolved_when: options.RESOLVED_WHEN = None,
    acknowledged_when: options.ACKNOWLEDGED_WHEN = None,
    production: options.PRODUCTION = None,
    run: options.RUN = None,
    no_releases: options.NO_RELEASES = False,
    no_secret: options.NO_SECRET = False,
    secret_stdin: options.SECRET_STDIN = False,
    as_json: _JSON = False,
) -> None:
    """Make a door; prints its address, its secret this once, and what to enter at the sender."""
    from resile.app.lengths import seconds_of  # noqa: PLC0415 - loads when asked
    from resile.ports.delivery_door import DoorOptions  # noqa: PLC0415

    invocation = invocation_of(ctx)
    told = DoorOptions(
        service=service,
        services=_pairs("--service-of", service_of),
        production=tuple(production or ()),
        runs=_pairs("--run", run),
        counts_releases=not no_releases,
        severity=severity,
        every_s=seconds_of("--every", every),
        grace_s=seconds_of("--grace", grace),
        fields=_pairs("--field", field),
        resolved_when=resolved_when,
        acknowledged_when=acknowledged_when,
    )
    given = sys.stdin.read(_MAX_STDIN) if secret_stdin else None
    with opened(invocation) as (resile, keeper):
        door, secret = resile.doors.add(
            keeper, kind.strip().lower(), name, options=told, has_secret=not no_secret, given=given
        )
    address = address_of(invocation, door, secret)
    if as_json:
        # Who gave the secret knows it.
        shown = secret if given is None else None
        typer.echo(json.dumps({"name": door.name, "kind": door.kind, "address": address, "secret": shown}))
        return
    _print_door(door, address, secret)
    typer.echo(f"\nTry it: resile door test {door.name}")


@app.command()
def show(ctx: typer.Context, door: _DOOR, *, as_json: _JSON = False) -> None:
    """Print again what to enter at the sender, its secret too."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        found = resile.doors.found(keeper, door)
        secret = resile.doors.secret_of(found)
    address = address_of(invocation, found, secret)
    if as_json:
        shown = None if found.sealed is not None else secret
        typer.echo(json.dumps({"name": found.name, "kind": found.kind, "address": address, "secret": shown}))
        return
    _print_door(found, address, secret)


def _print_door(door: "Door", address: str, secret: str | None) -> None:
    from resile.app.door_kinds import KINDS  # noqa: PLC0415 - loads when asked
    from resile.app.door_recipes import recipes_of  # noqa: PLC0415

    kind = KINDS[door.kind]
    typer.echo(f"Door {door.name} for {kind.title} is open at\n\n  {address}\n")
    if secret is None:
        typer.echo("It has no secret: it takes what programs on this machine send, until the first account is made.\n")
    elif door.sealed is not None:
        typer.echo("Its secret is the one that the sender made; it rests encrypted and is not shown.\n")
    elif kind.is_secret_in_address:
        typer.echo("The last part of the address is its secret, and stored nowhere: keep the address to yourself.\n")
    else:
        typer.echo(f"Its secret, which is stored nowhere:\n\n  {secret}\n")
    typer.echo(settings_text(recipes_of(door, address, secret)))


@app.command("list")
def list_doors(ctx: typer.Context, *, as_json: _JSON = False) -> None:
    """List the doors, and how much arrived."""
    import msgspec  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        doors = resile.doors.listed(keeper)
    if as_json:
        typer.echo(msgspec.json.encode(doors).decode())
        return
    if not doors:
        invocation.out.print("No doors yet: resile door add alertmanager makes one.")
        return
    if invocation.out.width < _LEAST_WIDE:
        _print_narrow(invocation.out, doors)
        return
    table = plain_table()
    for column in ("Name", "Address", "Service"):
        table.add_column(column, overflow="fold")
    for column in _COUNTED:
        table.add_column(column.capitalize(), justify="right", no_wrap=True)
    table.add_column("Last (UTC)", no_wrap=True)
    for door in doors:
        numbers = [f"{n:,}" for n in _counts(door)]
        table.add_row(Text(door.name), Text(door.path), Text(door.service or ""), *numbers, _last(door))
    print_table(invocation.out, table)


def _print_narrow(out: "Console", doors: "Sequence[DoorSeen]") -> None:
    """Each door in lines of its own: columns would cut the addresses, which are what a sender needs."""
    for door in doors:
        out.print(Text.assemble((door.name, "bold"), f"  {door.service}" if door.service else ""), soft_wrap=True)
        out.print(Text(f"  {door.path}"), soft_wrap=True)
        counted = ", ".join(f"{n:,} {word}" for word, n in zip(_COUNTED, _counts(door), strict=True))
        out.print(Padding(Text(f"{counted}; last {_last(door)}", "dim"), (0, 0, 0, 2), expand=False))


def _counts(door: "DoorSeen") -> tuple[int, ...]:
    counts = door.counts
    return counts.n_received, counts.n_refused, counts.n_waiting, counts.n_unmapped, counts.n_failed


def _last(door: "DoorSeen") -> str:
    return "never" if door.counts.last_at is None else f"{door.counts.last_at:%Y-%m-%d %H:%M:%S}"


@app.command()
def remove(ctx: typer.Context, door: _DOOR) -> None:
    """Close a door for good; what it received stays."""
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        if not resile.doors.remove(keeper, door):
            raise ConfigError(f"there is no door {door!r}; resile door list shows them")
    invocation.out.print(f"Door {door} is closed.", markup=False)


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or []:
        name, sign, value = text.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise ConfigError(f"{option} {text!r}: write it as NAME=NAME")
        pairs[name.strip()] = value.strip()
    return pairs


@contextmanager
def opened(invocation: Invocation) -> "Iterator[tuple[Resile, Identity]]":
    """The open resile, and who keeps the doors here."""
    from resile.app.access import Identity  # noqa: PLC0415 - loads when asked
    from resile.ports.account_store import Scope  # noqa: PLC0415

    with invocation.open() as resile:
        # Who can open the journal could write into it by hand: asking for a password here would only seem safe.
        yield resile, Identity(by=BY, name=BY, scopes=frozenset(Scope))


def address_of(invocation: Invocation, door: "Door", secret: str | None) -> str:
    """The address that is entered at the sender, of the server that these settings name; it may hold the secret."""
    from resile.app.door_kinds import entered_path  # noqa: PLC0415 - loads when asked

    return base_of(invocation) + entered_path(door, secret)


def base_of(invocation: Invocation) -> str:
    """Where the server that these settings name is reached."""
    settings = invocation.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return (settings.base_url or f"http://{host}:{settings.port}").rstrip("/")
