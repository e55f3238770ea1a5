"""`resile up` and `resile demo`: the server in one process, on one's own data or on a simulated year."""

import importlib
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from resile.cli.invocation import invocation_of
from resile.model.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from resile.app.settings import Settings
    from resile.app.wiring import Resile

# In a folder that a demonstration made, so that simulated and real incidents never meet.
MARK = "SIMULATED.txt"
_MARK_SAYS = "The incidents and deliveries in this folder are simulated; resile demo made it.\n"
# The same year at every start, up to the present minute.
_SEED = 20260101
# Up to when the year lasts that is being filled in, as long as it is not done.
_YEAR = "simulated-year"
_DONE = b"done"

_PORT = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, metavar="PORT", help="Else RESILE_PORT, else 8321; 0: any free one."),
]


def add_to(root: typer.Typer) -> None:
    """Make `resile up` and `resile demo` commands."""
    root.command()(up)
    root.command()(demo)


def up(
    ctx: typer.Context,
    *,
    port: _PORT = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help="Else RESILE_HOST, else 127.0.0.1.")
    ] = None,
) -> None:
    """Start everything in one process; prints the address and, until there is an admin, the link to make one."""
    with _interrupted_by_sigterm():
        _serve(invocation_of(ctx).settings_with(port=port, host=host))


def demo(ctx: typer.Context, *, port: _PORT = None) -> None:
    """Start it on a simulated year, in a folder that is removed at the end, or in --data DIR."""
    invocation = invocation_of(ctx)
    if invocation.given_database_url is not None:
        raise ConfigError("the demonstration keeps to a folder of its own; leave --database-url out")
    given = invocation.given_data
    # Not even by RESILE_DATA may simulated incidents come among real ones: only a folder named in so many words.
    folder = nullcontext(str(given)) if given else tempfile.TemporaryDirectory(prefix="resile-demo-")
    try:
        with _interrupted_by_sigterm(), folder as name:
            _mark(Path(name))
            settings = invocation.settings_with(data=Path(name), port=port, is_simulated=True)
            own = settings.model_copy(update={"database_url": None, "base_url": None, "status": None})
            _serve(own, prepare=_simulate)
    except KeyboardInterrupt:
        # Ended before it was ready: that too is an end in good order, and the folder is gone.
        return


def _serve(settings: "Settings", *, prepare: "Callable[[Resile], None] | None" = None) -> None:
    # By name: the faces do not know each other, and this one must start without loading that one.
    server = importlib.import_module("resile.web.server")
    server.serve(settings, prepare=prepare, say=typer.echo)


def _mark(folder: Path) -> None:
    """Claim the folder for simulated incidents.

    Raises:
        ConfigError: it holds something else.
        StoreError: it cannot be written.
    """
    mark = folder / MARK
    if mark.exists():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(
                f"folder {folder} is not empty, and not a demonstration's; name a new one, so that simulated incidents "
                "do not come among others"
            )
        mark.write_text(_MARK_SAYS, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"folder {folder} cannot be used: {error.strerror}; name one that you may write") from None


def _simulate(resile: "Resile") -> None:
    """Fill the folder with the year that ends now, or finish the one that an interrupted start began."""
    import numpy as np  # noqa: PLC0415 - only the demonstration simulates

    from resile.app.deliver import take_in  # noqa: PLC0415
    from resile.app.import_history import import_history  # noqa: PLC0415
    from resile.model.time import format_instant, parse_instant  # noqa: PLC0415
    from resile.ports.source import Place, Taken  # noqa: PLC0415
    from resile.testing.history import simulated_year  # noqa: PLC0415
    from resile.testing.simulated_deliveries import simulated_deliveries  # noqa: PLC0415

    begun = resile.deliveries.cursor(_YEAR)
    if begun == _DONE or (begun is None and resile.timelines.n_incidents()):
        return
    end = parse_instant(begun.decode()) if begun else resile.clock.now().replace(second=0, microsecond=0)
    resile.deliveries.set_cursor(_YEAR, format_instant(end).encode())
    drafts = list(simulated_year(end, np.random.default_rng(_SEED)))
    readings = (Taken(draft, Place("simulated year", row)) for row, draft in enumerate(drafts, start=1))
    import_history(readings, timelines=resile.timelines, facts=resile.facts, clock=resile.clock)
    told = simulated_deliveries(drafts, end, np.random.default_rng(_SEED))
    take_in(resile.deliveries, told.commits, told.reports)
    resile.delivery_facts.refresh()
    resile.deliveries.set_cursor(_YEAR, _DONE)


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Until the server takes its signals itself, let SIGTERM unwind like SIGINT, so that what was opened is closed."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
