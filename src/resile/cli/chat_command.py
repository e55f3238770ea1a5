"""`resile chat`: the channels of incidents at Slack and in Teams, and the apps that make them."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.accounts_command import BY
from resile.cli.door_command import base_of, opened
from resile.cli.invocation import invocation_of
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.model.chat import ChatRoom

app = typer.Typer(no_args_is_help=True)
_AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_NOT_SET = (
    "no incident has a channel here; write [chat.slack] or [chat.teams.app] into resile.toml, see docs/how-to/chat.md"
)


def add_to(root: typer.Typer) -> None:
    """Make `resile chat` a command."""
    root.add_typer(app, name="chat", help="Channels of incidents in Slack and Teams.")


@app.command()
def manifest(
    ctx: typer.Context,
    *,
    teams: Annotated[bool, typer.Option("--teams", help="That of the app in Teams; else that of Slack's.")] = False,
) -> None:
    """Print the manifest of the Slack app, to be pasted at https://api.slack.com/apps, or that of the app in Teams."""
    import json  # noqa: PLC0415 - loads when asked

    from resile.app.chat_manifest import manifest as made  # noqa: PLC0415
    from resile.app.chat_settings import SlackRoomSettings  # noqa: PLC0415
    from resile.app.teams_manifest import teams_manifest  # noqa: PLC0415

    invocation = invocation_of(ctx)
    chat, address = invocation.settings.chat, base_of(invocation)
    if teams:
        if chat.teams is None or chat.teams.app is None:
            raise ConfigError("there is no app of Teams here; write [chat.teams.app] into resile.toml")
        told = teams_manifest(chat.teams.app, address=address)
    else:
        told = made(chat.slack or SlackRoomSettings(), address=address)
    typer.echo(json.dumps(told, indent=2))
    if not address.startswith("https://"):
        who = "Microsoft" if teams else "Slack"
        invocation.err.print(
            Text(
                f"{who} reaches https:// alone, and {address} is none: set base_url in resile.toml, and print it anew."
            ),
            soft_wrap=True,
        )


@app.command()
def check(ctx: typer.Context) -> None:
    """Try the apps, and say which rights they lack; ends with 1 where something is wrong."""
    from resile.app.chat_check import chat_findings  # noqa: PLC0415 - loads when asked
    from resile.app.chat_parts import slack_chat_over  # noqa: PLC0415
    from resile.app.chat_wanted import makers  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        there_are = makers(resile)
        if not there_are:
            raise ConfigError(_NOT_SET)
        found = list(chat_findings(resile))
        chat = None if found else slack_chat_over(resile)
        workspace = None if chat is None else chat.slack.workspace()
    for one in found:
        invocation.out.print(Text(str(one)), soft_wrap=True)
    if found:
        raise typer.Exit(1)
    if workspace is not None:
        invocation.out.print(
            Text(f"The app is at home in {workspace.name} ({workspace.url}), and has all the rights that it needs."),
            soft_wrap=True,
        )
    if "teams" in there_are:
        invocation.out.print("The app in Teams is let in by Microsoft, to the team and to its channels.")


@app.command("open")
def open_room(
    ctx: typer.Context,
    incident_id: Annotated[str, typer.Argument(metavar="ID", help="The incident's id.")],
) -> None:
    """Have a channel made for an incident, by the running server, whatever the settings say of its like."""
    from resile.app.chat_wanted import want_room  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        said = want_room(resile, incident_id, by=BY)
    invocation.out.print(Text(said), soft_wrap=True)


@app.command("list")
def list_rooms(ctx: typer.Context, *, as_json: _AS_JSON = False) -> None:
    """List the channels of the last hundred incidents that have one, and what keeps any from being up to date."""
    import msgspec  # noqa: PLC0415 - loads when asked

    from resile.app.chat_wanted import makers  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, _):
        rooms = [room for program in makers(resile) for room in resile.chats.rooms(program)]
    if as_json:
        typer.echo(msgspec.json.encode(rooms).decode())
        return
    for room in rooms:
        invocation.out.print(Text(_line(room)), soft_wrap=True)
    if not rooms:
        invocation.out.print("No incident has a channel yet.")


def _line(room: "ChatRoom") -> str:
    name = f"{room.program} #{room.name}" if room.ref is not None else "not made yet"
    state = "left" if room.is_left else ("archived" if room.is_archived else "")
    fault = f"put off: {room.fault}" if room.fault else ""
    return "  ".join(part for part in (f"{room.incident_id:10}", name, state, fault) if part)
