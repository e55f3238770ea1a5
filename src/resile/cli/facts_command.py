"""`resile facts`: the columnar projection from which every measure is computed."""

import typer

from resile.cli.invocation import invocation_of

app = typer.Typer(no_args_is_help=True)


def add_to(root: typer.Typer) -> None:
    """Make `resile facts` a command."""
    root.add_typer(app, name="facts", help="The tables of facts that every measure is computed from.")


@app.callback()
def _facts() -> None:
    """The tables of facts that every measure is computed from; they follow what is stored by themselves."""


@app.command()
def rebuild(ctx: typer.Context) -> None:
    """Throw the facts away and derive them again from what is stored; nothing is lost by it."""
    from resile.analytics.words import counted  # noqa: PLC0415 - loads when asked

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        n_incidents = resile.facts.rebuild()
        n_deployments = resile.delivery_facts.rebuild()
    told = f"{counted(n_incidents, 'incident')} and {counted(n_deployments, 'deployment')}"
    invocation.out.print(f"Facts of {told} derived anew from what is stored.")
