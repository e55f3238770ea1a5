"""`resile accounts`: whoever may read and write the data folder keeps the accounts from the terminal too."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.invocation import Invocation, invocation_of
from resile.cli.tables import plain_table, print_table
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.app.access import Identity
    from resile.app.accounts import Accounts
    from resile.app.settings import Settings
    from resile.ports.account_store import Role, User

BY = "command line"

app = typer.Typer(no_args_is_help=True)
tokens = typer.Typer(no_args_is_help=True)
app.add_typer(tokens, name="token", help="Keys for programs: their rights, and until when they hold.")

_NAME = Annotated[str, typer.Argument(metavar="NAME", help="The name by which they log in.")]
_ROLE = Annotated[str, typer.Option("--role", metavar="ROLE", help="viewer, editor or admin.")]


def add_to(root: typer.Typer) -> None:
    """Make `resile accounts` a command."""
    root.add_typer(app, name="accounts", help="Who may log in, and keys for programs.")


@app.command("list")
def list_users(ctx: typer.Context) -> None:
    """List the users."""
    invocation = invocation_of(ctx)
    with _accounts(invocation) as (accounts, keeper):
        users = accounts.users(keeper)
    if not users:
        invocation.out.print("No accounts yet: resile accounts set-up-link gives the link that makes the first admin.")
        return
    table = plain_table()
    for name in ("Name", "Role", "Since (UTC)", ""):
        table.add_column(name)
    for user in users:
        state = "disabled" if user.disabled_at else "" if user.password_hash else "has not chosen a password yet"
        table.add_row(Text(user.name), user.role.value, _day(user.created_at), state)
    print_table(invocation.out, table)


@app.command("set-up-link")
def set_up_link(ctx: typer.Context) -> None:
    """Print the one-time link that makes the first admin; it holds for a day, an earlier one no longer."""
    from resile.app.access import Access  # noqa: PLC0415 - loads when asked
    from resile.app.passwords import Passwords  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        secret = Access(resile.accounts, resile.clock, Passwords()).make_set_up_link()
    typer.echo(f"{_address(invocation.settings)}/setup#{secret}")


@app.command("add-user")
def add_user(ctx: typer.Context, name: _NAME, *, role: _ROLE = "viewer") -> None:
    """Add a user, and print the link through which they choose their password; it works once, for a day."""
    invocation = invocation_of(ctx)
    with _accounts(invocation) as (accounts, keeper):
        secret = accounts.add_user(keeper, name, _role(role))
    typer.echo(_welcome(invocation.settings, secret))


@app.command("reset-password")
def reset_password(ctx: typer.Context, name: _NAME) -> None:
    """Print a link through which the user chooses a new password; it works once, for a day."""
    invocation = invocation_of(ctx)
    with _accounts(invocation) as (accounts, keeper):
        secret = accounts.make_password_link(keeper, _user(accounts, keeper, name).id)
    typer.echo(_welcome(invocation.settings, secret))


@app.command("role")
def change_role(
    ctx: typer.Context,
    name: _NAME,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, editor or admin.")],
) -> None:
    """Give a user another role; it counts from their next request on."""
    invocation = invocation_of(ctx)
    with _accounts(invocation) as (accounts, keeper):
        accounts.change_role(keeper, _user(accounts, keeper, name).id, _role(role))
    invocation.out.print(f"{name} is {role} now.", markup=False)


@app.command()
def disable(ctx: typer.Context, name: _NAME) -> None:
    """Shut a user out at once: their sessions end, their tokens stop."""
    invocation = invocation_of(ctx)
    with _accounts(invocation) as (accounts, keeper):
        accounts.disable(keeper, _user(accounts, keeper, name).id)
    invocation.out.print(f"{name} is shut out.", markup=False)


@app.command()
def enable(ctx: typer.Context, name: _NAME) -> None:
    """Let a disabled user in again, with the password they had."""
    invocation = invocation_of(ctx)
    with _accounts(invocation) as (accounts, keeper):
        accounts.enable(keeper, _user(accounts, keeper, name).id)
    invocation.out.print(f"{name} is let in again.", markup=False)


@app.command()
def log(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="At most so many.")] = 20,
) -> None:
    """Show who did what to the accounts, the newest first."""
    invocation = invocation_of(ctx)
    with _accounts(invocation) as (accounts, keeper):
        changes = accounts.changes(keeper, limit=limit)
    table = plain_table()
    for name in ("When (UTC)", "Who", "What", "On what", ""):
        table.add_column(name, overflow="fold")
    for change in changes:
        moment = f"{change.at.astimezone(UTC):%Y-%m-%d %H:%M}"
        table.add_row(moment, Text(change.by), Text(change.action), Text(change.subject), Text(change.detail))
    print_table(invocation.out, table)


@tokens.command("list")
def list_tokens(ctx: typer.Context) -> None:
    """List the tokens that hold."""
    invocation = invocation_of(ctx)
    with _accounts(invocation) as (accounts, keeper):
        owners = {user.id: user.name for user in accounts.users(keeper)}
        found = accounts.tokens(keeper)
    if not found:
        invocation.out.print("No tokens: resile accounts token create NAME --user NAME makes one.")
        return
    table = plain_table()
    for name in ("Name", "Begins", "Rights", "User", "Until (UTC)", "Last used"):
        table.add_column(name)
    for token in found:
        used = "never" if token.last_used_at is None else _day(token.last_used_at)
        rights = ", ".join(sorted(token.scopes))
        owner = owners.get(token.user_id, "unknown")
        table.add_row(Text(token.name), f"{token.hint}…", rights, Text(owner), _day(token.expires_at), used)
    print_table(invocation.out, table)


@tokens.command("create")
def create_token(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the program; unique for good.")],
    *,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Whose it is; it can do no more than they.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="RIGHT", help="read (default), write, deploy or admin; repeats."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=366, metavar="N", help="How long it holds.")] = 90,
) -> None:
    """Make a token and print it; it is stored nowhere and cannot be shown again."""
    from resile.app.access import Identity  # noqa: PLC0415 - loads when asked
    from resile.ports.account_store import Scope  # noqa: PLC0415

    try:
        scopes = frozenset(Scope(text) for text in scope or ["read"])
    except ValueError:
        raise ConfigError(f"--scope {', '.join(scope or [])}: use {', '.join(Scope)}") from None
    with _accounts(invocation_of(ctx)) as (accounts, keeper):
        owner = _user(accounts, keeper, user)
        if owner.disabled_at is not None:
            raise ConfigError(f"user {owner.name} is disabled; enable them first, or name another")
        identity = Identity(by=BY, name=owner.name, scopes=owner.role.scopes, user=owner)
        value = accounts.create_token(identity, name, scopes, lasts=timedelta(days=days))
    typer.echo(value)


@tokens.command("revoke")
def revoke_token(
    ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="The token's name.")]
) -> None:
    """Revoke a token for good."""
    invocation = invocation_of(ctx)
    with _accounts(invocation) as (accounts, keeper):
        found = next((token for token in accounts.tokens(keeper) if token.name == name.strip().lower()), None)
        if found is None:
            raise ConfigError(f"no token {name!r} holds; resile accounts token list shows them")
        accounts.revoke_token(keeper, found.id)
    invocation.out.print(f"Token {found.name} is revoked.", markup=False)


@contextmanager
def _accounts(invocation: Invocation) -> "Iterator[tuple[Accounts, Identity]]":
    """The accounts, and who keeps them here."""
    from resile.app.access import Identity  # noqa: PLC0415 - loads when asked
    from resile.app.accounts import Accounts  # noqa: PLC0415
    from resile.ports.account_store import Scope  # noqa: PLC0415

    with invocation.open() as resile:
        # Who can open the database could change it by hand: asking for a password here would only seem safe.
        yield Accounts(resile.accounts, resile.clock), Identity(by=BY, name=BY, scopes=frozenset(Scope))


def _user(accounts: "Accounts", keeper: "Identity", name: str) -> "User":
    wanted = name.strip().lower()
    found = next((user for user in accounts.users(keeper) if user.name == wanted), None)
    if found is None:
        raise ConfigError(f"no user is called {name!r}; resile accounts list shows them")
    return found


def _role(text: str) -> "Role":
    from resile.ports.account_store import Role  # noqa: PLC0415 - loads when asked

    try:
        return Role(text.strip().lower())
    except ValueError:
        raise ConfigError(f"role {text!r} is unknown; use {', '.join(Role)}") from None


def _address(settings: "Settings") -> str:
    return settings.base_url or f"http://{settings.host}:{settings.port}"


def _welcome(settings: "Settings", secret: str) -> str:
    # In the fragment, which browsers never send: the secret stays out of every log.
    return f"{_address(settings)}/welcome#{secret}"


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"
