"""From a failure to one sentence on standard error and an exit code."""

import tempfile
import traceback
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from resile.cli.invocation import Invocation
from resile.model.errors import ConfigError, ResileError, TransitionError

BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130

# What click itself raises has its own exit code and words; matched by module, for typer carries its own click.
_CLICK_MODULES = ("click", "typer")


class Commands(TyperGroup):
    """The root group: turns whatever a command raises into its sentence and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; raises typer.Exit with the code where it failed."""
        try:
            return super().invoke(ctx)
        except ResileError as error:
            invocation = _invocation(ctx)
            if invocation.is_debug:
                invocation.err.print_exception()
            say_error(invocation.err, str(error))
            bad_input = isinstance(error, ConfigError | TransitionError)
            raise typer.Exit(BAD_INPUT if bad_input else FAILED) from None
        except KeyboardInterrupt:
            _invocation(ctx).err.print("Interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            raise
        except UnicodeEncodeError as error:
            # So arguments arrive that are no text in the locale's encoding; as file names they are welcome.
            if not any("\ud800" <= sign <= "\udfff" for sign in error.object[error.start : error.end]):
                _say_unexpected(_invocation(ctx), error)
                raise typer.Exit(FAILED) from None
            say_error(
                _invocation(ctx).err,
                "an argument holds bytes that are no text in this locale; write it in UTF-8, and set LC_ALL=C.UTF-8",
            )
            raise typer.Exit(BAD_INPUT) from None
        except Exception as error:
            if type(error).__module__.partition(".")[0] in _CLICK_MODULES:
                raise
            _say_unexpected(_invocation(ctx), error)
            raise typer.Exit(FAILED) from None


def say_error(console: Console, sentence: str) -> None:
    """Write one error for the person who asked; markup in it is shown as it stands."""
    console.print(f"[bold red]Error:[/] {escape(sentence)}", soft_wrap=True)


def _invocation(ctx: Any) -> Invocation:
    return ctx.obj if isinstance(ctx.obj, Invocation) else Invocation()


def _say_unexpected(invocation: Invocation, error: Exception) -> None:
    if invocation.is_debug:
        invocation.err.print_exception()
    subject = f"{type(error).__name__}: {error}".partition("\n")[0]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="resile-error-", suffix=".txt", delete=False) as file:
            traceback.print_exception(error, file=file)
            where = f"the traceback is in {file.name}"
    except OSError:
        where = "run it again with --debug to see the traceback"
    say_error(invocation.err, f"resile has a bug, or something it stands on failed ({subject}); {where}")
