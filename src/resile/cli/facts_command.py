"""`resile facts`: the columnar projection from which every measure is computed."""

import typer

from resile.cli.invocation import invocation_of

app = typer.Typer(no_args_is_help=True)


def add_to(root: typer.Typer) -> None:
    """Make `resile facts` a command."""
    root.add_typer(app, name="facts", help="The table of facts that every measure is computed from.")


@app.callback()
def _facts() -> None:
    """The table of facts that every measure is computed from; it follows the timelines by itself."""


@app.command()
def rebuild(ctx: typer.Context) -> None:
    """Throw the facts away and derive them again from the timelines; nothing is lost by it."""
    from resile.analytics.words import counted  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        n = resile.facts.rebuild()
    invocation.out.print(f"Facts of {counted(n, 'incident')} derived anew from the timelines.")
