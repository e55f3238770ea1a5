"""What every command is given: the settings, a way to open resile, and the two streams to write to."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from resile.cli.screen import Screen

if TYPE_CHECKING:  # pydantic and the stores load only when a command runs, so that --help stays quick
    from resile.app.settings import Settings
    from resile.app.wiring import Resile


class Invocation:
    """One call of the command line; what is asked of it is loaded at the first use and stays the same.

    Attributes:
        given_data, given_database_url: what was said on the command line, not in the environment or resile.toml.
        out: standard output, for what was asked for.
        err: standard error, for what happens beside it: progress, warnings, errors.
        is_debug: unexpected errors show their traceback.
    """

    def __init__(
        self,
        *,
        data: Path | None = None,
        database_url: str | None = None,
        is_colored: bool = True,
        is_debug: bool = False,
    ) -> None:
        self.given_data = data
        self.given_database_url = database_url
        self.is_debug = is_debug
        no_color = None if is_colored else True
        self.out = Screen(no_color=no_color, highlight=False)
        self.err = Screen(no_color=no_color, highlight=False, stderr=True)

    @cached_property
    def settings(self) -> "Settings":
        """The settings: options first, then the environment, then resile.toml."""
        return self.settings_with()

    def settings_with(self, **given: object) -> "Settings":
        """The settings with further options of one command; those that are None are left out."""
        from resile.app.settings import load_settings  # noqa: PLC0415 - pydantic takes a third of a second to load

        named = {name: value for name, value in given.items() if value is not None}
        return load_settings(**{"data": self.given_data, "database_url": self.given_database_url, **named})

    @contextmanager
    def open(self) -> Iterator["Resile"]:
        """Open resile as the settings say, and close it afterwards.

        Raises:
            StoreError: locked, read-only, full, damaged or of a newer version.
        """
        from resile.app.wiring import open_resile  # noqa: PLC0415 - the stores' drivers load only when needed

        logs_to_stderr()
        with open_resile(self.settings) as resile:
            yield resile


def invocation_of(ctx: typer.Context) -> Invocation:
    """The invocation that the command belongs to."""
    found = ctx.find_object(Invocation)
    return found if found is not None else Invocation()


def logs_to_stderr(level: int = logging.WARNING) -> None:
    """Send logs to standard error: standard output holds the answer and nothing else."""
    import structlog  # noqa: PLC0415 - only commands that open the stores log

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Tracebacks without the values of variables: one of them may be a password.
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
