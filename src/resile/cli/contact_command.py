"""`resile contact`: how people are reached, and the proof that an address is theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.door_command import opened
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.served import warn_unless_served
from resile.cli.tables import plain_table, print_table
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.app.access import Identity
    from resile.app.contacts import Contacts, ContactSeen

app = typer.Typer(no_args_is_help=True)

_PERSON = Annotated[str, typer.Argument(metavar="PERSON", help="Their name in the catalog.")]
_CONTACT = Annotated[str, typer.Argument(metavar="CONTACT", help="What they call it, such as mobile.")]

_ADDRESS = Annotated[str, typer.Argument(metavar="ADDRESS", help="Of the webhook, or its host alone.")]


def add_to(root: typer.Typer) -> None:
    """Make `resile contact` a command."""
    root.add_typer(app, name="contact", help="How people are reached, and whether an address is proven to be theirs.")


@app.command("list")
def list_contacts(
    ctx: typer.Context,
    person: Annotated[str | None, typer.Argument(metavar="PERSON", help="Only of one; without: of all.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List contacts, and which of them are verified."""
    invocation = invocation_of(ctx)
    with _contacts(invocation) as (contacts, _, everybody):
        found = {name: contacts.of(name) for name in (everybody if person is None else [person])}
    if as_json:
        import msgspec  # noqa: PLC0415 - loads when asked

        typer.echo(msgspec.json.encode(found).decode())
    elif not any(found.values()):
        invocation.out.print("No contacts yet: write them into the person's document, and bring it in by resile apply.")
    else:
        _show(invocation, found)


@app.command()
def verify(
    ctx: typer.Context,
    person: _PERSON,
    contact: _CONTACT,
    *,
    code: Annotated[str | None, typer.Option("--code", metavar="CODE", help="The six digits that arrived.")] = None,
) -> None:
    """Send a code to a contact; with --code, prove by it that the address is theirs.

    A code holds for ten minutes and five tries. It is sent by the resile that runs: resile up.
    """
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        contacts = resile.contacts
        if code is None:
            until = contacts.send_code(keeper, person, contact)
            warn_unless_served(invocation, resile, "the code")
            said = (
                f"A code is on its way, good until {until:%H:%M} UTC. Enter it: "
                f"resile contact verify {person} {contact} --code CODE"
            )
        else:
            contacts.confirm(keeper, person, contact, code)
            said = f"Contact {contact} of {person} is verified."
    invocation.out.print(said, markup=False, soft_wrap=True)


@app.command()
def secret(ctx: typer.Context, address: _ADDRESS) -> None:
    """Print the secret by which a webhook's receiver checks that a body comes from this resile.

    Each host has its own, whatever follows it in the address. Secrets that stand in resile.toml are not shown.
    """
    from resile.app.paging_engine import open_outside  # noqa: PLC0415 - loads every channel there is
    from resile.ports.channel import Signing  # noqa: PLC0415

    url = address.strip() if "://" in address else f"https://{address.strip()}"
    with opened(invocation_of(ctx)) as (resile, _):
        channel: object = open_outside(resile, address="").channels.get("webhook")
        made = channel.secret_made_for(url) if isinstance(channel, Signing) else None
    if made is None:
        raise ConfigError("the secret for this host stands in the settings; read it in [channels.webhook] there")
    typer.echo(made.get_secret_value())


@contextmanager
def _contacts(invocation: Invocation) -> "Iterator[tuple[Contacts, Identity, list[str]]]":
    with opened(invocation) as (resile, keeper):
        yield resile.contacts, keeper, list(resile.catalog.people())


def _show(invocation: Invocation, found: "dict[str, tuple[ContactSeen, ...]]") -> None:
    from resile.app.printable import printable  # noqa: PLC0415 - loads when asked

    table = plain_table()
    for column in ("Person", "Contact", "Channel", "Address", "Verified"):
        table.add_column(column)
    for person, seen in found.items():
        for one in seen:
            contact = one.contact
            verified = "no" if one.verified_at is None else f"{one.verified_at:%Y-%m-%d}"
            style = "red" if one.verified_at is None else ""
            address = Text(printable(contact.address), overflow="fold")
            table.add_row(person, contact.name, contact.channel, address, Text(verified, style=style))
    print_table(invocation.out, table)
    for person, seen in found.items():
        for one in seen:
            if one.fault and one.verified_at is None:
                said = f"The code for contact {one.contact.name} of {person} did not get there: {printable(one.fault)}"
                invocation.out.print(said, markup=False, soft_wrap=True)
