"""An incident's room in the terminal: who has which role, what is still to be done, what was found."""

from rich.console import Console
from rich.text import Text

from resile.analytics.words import counted
from resile.app.printable import printable
from resile.cli.tables import plain_table, print_table
from resile.model.room import Room
from resile.model.room_event import EvidenceAdded, TaskState
from resile.model.time import format_instant

# The last ones; of earlier ones the timeline tells.
_MOST_RUNS = 20


def draw_room(out: Console, room: Room) -> None:
    """Nothing where nobody did anything in it."""
    if room.roles:
        out.print()
        for role, holders in room.roles.items():
            names = ", ".join(one.person for one in holders)
            out.print(Text.assemble((f"{role.capitalize()}: ", "dim"), printable(names)), soft_wrap=True)
    _draw_tasks(out, room)
    _draw_runs(out, room)
    _draw_updates(out, room)
    if room.evidence:
        out.print()
        table = plain_table()
        table.add_column("Evidence", no_wrap=True)
        table.add_column("What", overflow="fold", ratio=1)
        for one in room.evidence:
            table.add_row(one.id, _evidence(one))
        print_table(out, table)


def _draw_tasks(out: Console, room: Room) -> None:
    left = [one for one in room.tasks if one.state is TaskState.OPEN]
    if left:
        out.print()
        table = plain_table()
        table.add_column("Task", no_wrap=True)
        table.add_column("To be done", overflow="fold", ratio=1)
        table.add_column("Who", overflow="fold")
        for one in left:
            table.add_row(one.id, Text(printable(one.text)), Text(printable(one.owner or "–")))
        print_table(out, table)
    n_done = len(room.tasks) - len(left)
    if n_done:
        out.print(Text(f"{counted(n_done, 'task')} done or dropped.", "dim"))


def _draw_runs(out: Console, room: Room) -> None:
    if not room.runs:
        return
    out.print()
    table = plain_table()
    table.add_column("Run", no_wrap=True)
    table.add_column("Step", overflow="fold", ratio=1)
    table.add_column("How it stands")
    for run in list(room.runs.values())[-_MOST_RUNS:]:
        state = run.ended.outcome.value if run.ended else "waits for a second person" if run.is_waiting else "runs"
        table.add_row(run.run_id, Text(printable(f"{run.playbook}: {run.step}")), state.replace("_", " "))
    print_table(out, table)


def _draw_updates(out: Console, room: Room) -> None:
    waiting = [one for one in room.drafts.values() if one.is_waiting]
    if waiting:
        out.print()
        table = plain_table()
        table.add_column("Draft", no_wrap=True)
        table.add_column("For", no_wrap=True)
        table.add_column("Title", overflow="fold", ratio=1)
        for one in waiting:
            table.add_row(one.id, printable(one.draft.audience), Text(printable(one.draft.title)))
        print_table(out, table)
    for audience, due_at in room.promises.items():
        out.print()
        said = f"The next update is promised to {printable(audience)} by {format_instant(due_at)}."
        out.print(said, markup=False, soft_wrap=True)


def _evidence(one: EvidenceAdded) -> Text:
    text = Text(printable(one.title), "bold")
    text.append(f"  {one.evidence}", "dim")
    if one.url:
        text.append(f"\n{printable(one.url)}")
    for line in one.text.splitlines()[:5]:
        text.append(f"\n{printable(line)}")
    return text
