"""The command line: `resile`."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from resile import __version__
from resile.cli import (
    accounts_command,
    apply_command,
    chat_command,
    contact_command,
    doctor_command,
    door_command,
    door_test_command,
    drill_command,
    export_command,
    facts_command,
    import_command,
    incident_command,
    journal_command,
    maintenance_command,
    oncall_calendars,
    oncall_command,
    page_command,
    playbook_command,
    playbook_run,
    report_command,
    roster_command,
    serving,
    silence_command,
    status_command,
)
from resile.cli.errors import FAILED, Commands
from resile.cli.invocation import Invocation
from resile.model.errors import ConfigError

app = typer.Typer(
    name="resile",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


_COMMANDS = (
    serving, import_command, report_command, incident_command, export_command, facts_command, accounts_command,
    door_command, door_test_command, journal_command, apply_command, oncall_command, oncall_calendars, page_command,
    silence_command, contact_command, roster_command, doctor_command, drill_command, playbook_command, playbook_run,
    maintenance_command,
    status_command,
    chat_command,
)  # fmt: skip
for _command in _COMMANDS:
    _command.add_to(app)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"resile {__version__}")
        raise typer.Exit


@app.callback()
def _resile(
    ctx: typer.Context,
    *,
    data: Annotated[
        str | None,
        typer.Option(help="The data folder; else RESILE_DATA, else your own data folder.", metavar="DIR"),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="PostgreSQL instead of SQLite in the data folder; else RESILE_DATABASE_URL.", metavar="URL"),
    ] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR=1 does the same.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Shortens the time to restore service, and measures it honestly.

    Start with: resile demo, or resile import --help to bring in your own incident history.
    """
    del version
    if data is not None and not data.strip():
        # As a path it would be the folder where one stands: most likely a variable of the shell that is not set.
        raise ConfigError("--data is empty; name a folder, or leave it out")
    folder = None if data is None else Path(data)
    ctx.obj = Invocation(data=folder, database_url=database_url, is_colored=not no_color, is_debug=debug)


def main() -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal of an old encoding shows a question mark instead of failing on a typographic sign.
            stream.reconfigure(errors="replace")
    try:
        app()
    except BrokenPipeError:
        _leave_quietly()
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_quietly()


def _leave_quietly() -> None:
    """The reader of standard output has gone; Python must not complain of it once more while it shuts down."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(FAILED)
