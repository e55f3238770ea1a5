"""`resile door`: ways in for deliveries from GitHub, GitLab and others."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from resile.cli.accounts_command import BY
from resile.cli.door_settings import settings_for
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.tables import plain_table, print_table
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from resile.app.access import Identity
    from resile.app.doors import DoorSeen
    from resile.app.wiring import Resile

app = typer.Typer(no_args_is_help=True)
_TEST_WITHIN_S = 15
_COUNTED = ("received", "refused", "waiting", "unmapped", "failed")
# Narrower terminals have no room for addresses beside the counts.
_LEAST_WIDE = 130

_KIND = Annotated[str, typer.Argument(metavar="KIND", help="github, gitlab, cdevents or pagerduty.")]
_DOOR = Annotated[str, typer.Argument(metavar="DOOR", help="Its name, such as github or github/shop.")]


def add_to(root: typer.Typer) -> None:
    """Make `resile door` a command."""
    root.add_typer(
        app, name="door", help="Ways in for deliveries: who may send what happens to commits and deployments."
    )


@app.command()
def add(
    ctx: typer.Context,
    kind: _KIND,
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Tells several of one kind apart; part of the address.")
    ] = None,
    service: Annotated[
        str | None,
        typer.Option("--service", metavar="NAME", help="The service of everything that arrives here."),
    ] = None,
    service_of: Annotated[
        list[str] | None,
        typer.Option("--service-of", metavar="REPOSITORY=NAME", help="The service of one repository; repeats."),
    ] = None,
    production: Annotated[
        list[str] | None,
        typer.Option(
            "--production", metavar="NAME", help="An environment that is production too, such as live-*; repeats."
        ),
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(
            "--run", metavar="NAME=ENVIRONMENT", help="A workflow or pipeline whose runs are deployments; repeats."
        ),
    ] = None,
    no_releases: Annotated[
        bool, typer.Option("--no-releases", help="A published release is no deployment to production.")
    ] = False,
    no_secret: Annotated[
        bool,
        typer.Option("--no-secret", help="Take what comes from this machine alone, as long as there are no accounts."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a door; prints its address, its secret this once, and what to enter at the sender."""
    from resile.app.doors import KINDS, path_of  # noqa: PLC0415 - loads when asked
    from resile.ports.delivery_door import DoorOptions  # noqa: PLC0415

    invocation = invocation_of(ctx)
    options = DoorOptions(
        service=service,
        services=_pairs("--service-of", service_of),
        production=tuple(production or ()),
        runs=_pairs("--run", run),
        counts_releases=not no_releases,
    )
    with opened(invocation) as (resile, keeper):
        door, secret = resile.doors.add(keeper, kind.strip().lower(), name, options=options, has_secret=not no_secret)
    address = _address(invocation, path_of(door))
    if as_json:
        typer.echo(json.dumps({"name": door.name, "kind": door.kind, "address": address, "secret": secret}))
        return
    typer.echo(f"Door {door.name} for {KINDS[door.kind].title} is open at\n\n  {address}\n")
    if secret is None:
        typer.echo("It has no secret: it takes what programs on this machine send, until the first account is made.\n")
    else:
        typer.echo(f"Its secret, which is shown this once and stored nowhere:\n\n  {secret}\n")
    typer.echo(settings_for(door.kind, address, secret))
    typer.echo(f"\nTry it while `resile up` runs: resile door test {door.name}")


@app.command("list")
def list_doors(
    ctx: typer.Context, *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the doors, and how much arrived."""
    import msgspec  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        doors = resile.doors.listed(keeper)
    if as_json:
        typer.echo(msgspec.json.encode(doors).decode())
        return
    if not doors:
        invocation.out.print("No doors yet: resile door add github makes one.")
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


@app.command("test")
def test_door(ctx: typer.Context, door: _DOOR) -> None:
    """Send the running server a signed delivery that means nothing, as the sender would, and say what it answers."""
    from resile.app.doors import path_of  # noqa: PLC0415 - loads when asked
    from resile.cli.door_settings import test_delivery  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        found = resile.doors.all().get(door.strip().lower())
        if found is None:
            raise ConfigError(f"there is no door {door!r}; resile door list shows them")
        secret = resile.doors.secret_of(found)
    address = _address(invocation, path_of(found))
    headers, body = test_delivery(found, secret)
    status, said = _send(address, headers, body)
    invocation.out.print(f"{address} answers {status}: {said}", markup=False, soft_wrap=True)
    if status not in {200, 202}:
        raise typer.Exit(1)


def _send(address: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    request = urllib.request.Request(address, data=body, headers=headers, method="POST")  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=_TEST_WITHIN_S) as answer:  # noqa: S310
            return answer.status, answer.read(10_000).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(10_000).decode(errors="replace")
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ConfigError(
            f"{address} does not answer ({reason}); "
            "start `resile up` there, or set RESILE_BASE_URL or RESILE_PORT as it has"
        ) from None


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


def _address(invocation: Invocation, path: str) -> str:
    settings = invocation.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return (settings.base_url or f"http://{host}:{settings.port}").rstrip("/") + path
