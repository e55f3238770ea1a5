"""`resile playbook run` and `resile playbook test`: steps run from the terminal, for an incident or to try them."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resile.cli.incident_actions import person_of
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.playbook_command import app
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.app.wiring import Resile
    from resile.model.playbook import Playbook, PlaybookStep
    from resile.response.playbook import Who

_INPUTS = Annotated[
    list[str], typer.Option("--input", metavar="NAME=VALUE", help="What the steps are given; may come several times.")
]
_STEP = Annotated[str | None, typer.Option("--step", metavar="STEP", help="This step alone; else those that look.")]
_FAILED = 1
_WAITS_S = 0.5


def add_to(root: typer.Typer) -> None:
    """Make them commands of `resile playbook`."""
    del root  # they belong to a command that is there already
    app.command("run")(run)
    app.command("test")(try_out)


def run(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A playbook of the catalog.")],
    *,
    incident: Annotated[
        str | None, typer.Option("--incident", metavar="INCIDENT", help="For this incident, and told on its timeline.")
    ] = None,
    step: _STEP = None,
    given: _INPUTS = [],  # noqa: B006 - typer's way to declare a list
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who runs it; else the user here.")] = None,
) -> None:
    """Run steps of a playbook; ends with 1 where one did not come through.

    With --incident each run is told on its timeline, and its inputs come from the incident. Without, they come from
    --input alone, and nothing is told. Steps that are dangerous need two people with accounts, in the browser.
    """
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        known = resile.playbooks.all().get(name)
        if known is None:
            raise ConfigError(f"there is no playbook {name[:64]!r}; resile playbook list shows which there are")
        inputs = _inputs(given)
        if incident is None:
            is_fine = _try(invocation, resile, known.playbook, inputs, step=step)
        else:
            is_fine = _run_for(invocation, resile, incident, name, inputs, step=step, by=person_of(by))
    if not is_fine:
        raise typer.Exit(_FAILED)


def try_out(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A playbook as a Markdown file.")],
    *,
    step: _STEP = None,
    given: _INPUTS = [],  # noqa: B006 - typer's way to declare a list
) -> None:
    """Try a playbook: run the steps that look, show what the others would run, and ask before a change.

    A change runs only where somebody says yes at a terminal; what is dangerous is only shown.
    """
    from resile.model.playbook_text import parse_playbook  # noqa: PLC0415 - loads when asked
    from resile.sources.playbook_files import read_playbook  # noqa: PLC0415

    invocation = invocation_of(ctx)
    playbook = parse_playbook(file.stem, read_playbook(file))
    with invocation.open() as resile:
        is_fine = _try(invocation, resile, playbook, _inputs(given), step=step)
    if not is_fine:
        raise typer.Exit(_FAILED)


def _inputs(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise ConfigError(f"--input {one[:80]!r} is not understood; write --input service=checkout")
        found[name] = value
    return found


def _run_for(
    invocation: Invocation,
    resile: "Resile",
    incident_id: str,
    name: str,
    inputs: dict[str, str],
    *,
    step: str | None,
    by: str,
) -> bool:
    from resile.response.playbook import Who  # noqa: PLC0415 - loads when asked

    who = Who(by)
    runs = resile.runs
    steps = [step] if step is not None else [one.name for one in _looking(resile.playbooks.all()[name].playbook)]
    is_fine = True
    for one in steps:
        begun = runs.run(incident_id, name, one, who=who, inputs=inputs)
        is_fine &= has_come_through(invocation, resile, incident_id, begun.run_id, who=who)
    return is_fine


def has_come_through(invocation: Invocation, resile: "Resile", incident_id: str, run_id: str, *, who: "Who") -> bool:
    """Wait for a run that was begun here, and say what came of it; whoever interrupts has it stopped."""
    from resile.model.room import room_of  # noqa: PLC0415 - loads when asked

    with _interrupted() as stop:
        while not resile.runs.crew.wait(run_id, _WAITS_S):
            if stop.is_set():
                resile.runs.stop(incident_id, run_id, who=who)
                stop.clear()
    run = room_of(resile.timelines.read(incident_id)).runs[run_id]
    if run.ended is None:
        return True
    said = run.ended
    _say(invocation, run.step, said.outcome.value, because=said.because, output=said.output, code=said.exit_code)
    return said.outcome.value == "done"


def _looking(playbook: "Playbook") -> list["PlaybookStep"]:
    return [step for step in playbook.steps if step.risk.value == "read"]


def _try(
    invocation: Invocation, resile: "Resile", playbook: "Playbook", said: dict[str, str], *, step: str | None
) -> bool:
    from resile.app.try_steps import given_inputs, try_step, why_not_tried  # noqa: PLC0415 - loads when asked

    inputs = given_inputs(playbook, said)
    steps = list(playbook.steps) if step is None else [one for one in playbook.steps if one.name == step]
    if not steps:
        known = ", ".join(one.name for one in playbook.steps) or "none"
        raise ConfigError(f"playbook {playbook.name} has no step {(step or '')[:64]!r}; it has {known}")
    is_fine = True
    for one in steps:
        because = why_not_tried(resile.runs, playbook, one, inputs) or _not_without_a_yes(invocation, one)
        if because:
            _say(invocation, one.name, "not run", because=because)
            is_fine &= step is None
            continue
        with _interrupted() as stop:
            tried = try_step(resile.runs, one, inputs, stop=stop)
        is_fine &= tried.outcome.value == "done"
        _say(
            invocation,
            one.name,
            tried.outcome.value,
            because=tried.because,
            output=tried.output,
            code=tried.exit_code,
        )
    return is_fine


def _not_without_a_yes(invocation: Invocation, step: "PlaybookStep") -> str:
    """Show what would be changed, and ask; why it is not run, empty where somebody said yes."""
    from resile.app.printable import printable  # noqa: PLC0415 - loads when asked

    if step.risk.value == "read":
        return ""
    out = invocation.out
    out.print(Text.assemble((step.name, "bold"), f"  {step.risk.value}; it would run:"))
    out.print(Text("\n".join(f"    {printable(line)}" for line in step.body.splitlines())), soft_wrap=True)
    if step.risk.value == "danger":
        return "it is dangerous: it runs for an incident, with two people who agree, in the browser"
    if not sys.stdin.isatty():
        return "it changes something, and nobody is at a terminal who could say yes"
    return "" if typer.confirm(f"Run {step.name}?", default=False) else "you said no"


def _say(
    invocation: Invocation, step: str, outcome: str, *, because: str, output: str = "", code: int | None = None
) -> None:
    from resile.app.printable import printable  # noqa: PLC0415 - loads when asked

    style = {"done": "green", "not run": "yellow"}.get(outcome, "red")
    told = [outcome.replace("_", " "), f"exit code {code}" if code else "", because]
    said = "; ".join(filter(None, told))
    invocation.out.print(Text.assemble((step, "bold"), "  ", (printable(said), style)), soft_wrap=True)
    for line in output.splitlines():
        invocation.out.print(Text(f"    {printable(line)}"), soft_wrap=True)


@contextmanager
def _interrupted() -> Iterator[Event]:
    """Set once somebody presses Ctrl-C, so that a step is ended in good order and its end is told."""
    stop = Event()

    def hear(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
