"""Whether a resile runs that sends what a command queued: said at once, for whoever pages at night waits for it."""

from typing import TYPE_CHECKING

from resile.cli.invocation import Invocation

if TYPE_CHECKING:
    from resile.app.wiring import Resile


def is_served(resile: "Resile") -> bool:
    """Whether a server of this data folder runs."""
    from resile.app.receive import receiving_alone  # noqa: PLC0415 - loads when asked

    with receiving_alone(resile.settings.data) as is_alone:
        return not is_alone


def warn_unless_served(invocation: Invocation, resile: "Resile", what: str) -> None:
    """Say that something waits, where nobody sends it. Over one database the server may be on another machine."""
    if resile.settings.database_url is None and not is_served(resile):
        said = f"Warning: no server of {resile.settings.data} runs: {what} goes out once resile up does"
        invocation.err.print(said, markup=False, soft_wrap=True)
