"""What `resile door add` asks for: each option with what it says."""

from typing import Annotated

import typer

NAME = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Tells several of one kind apart; part of the address.")
]
SERVICE = Annotated[
    str | None,
    typer.Option("--service", metavar="NAME", help="The service of everything that arrives here."),
]
SERVICE_OF = Annotated[
    list[str] | None,
    typer.Option("--service-of", metavar="REPOSITORY=NAME", help="The service of one repository; repeats."),
]
SEVERITY = Annotated[
    str | None, typer.Option("--severity", metavar="SEV", help="The severity of alerts that tell none.")
]
EVERY = Annotated[
    str | None,
    typer.Option("--every", metavar="TIME", help="Of a heartbeat: how often it is awaited, such as 1h."),
]
GRACE = Annotated[
    str | None, typer.Option("--grace", metavar="TIME", help="Of a heartbeat: how late it may be, such as 10m.")
]
FIELD = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="FIELD=PLACE", help="Of json: where to find it, title=data.title; repeats."),
]
RESOLVED_WHEN = Annotated[
    str | None,
    typer.Option("--resolved-when", metavar="PLACE=WORDS", help="Of json: it is over, such as status=ok,closed."),
]
ACKNOWLEDGED_WHEN = Annotated[
    str | None,
    typer.Option("--acknowledged-when", metavar="PLACE=WORDS", help="Of json: somebody took it, status=acked."),
]
PRODUCTION = Annotated[
    list[str] | None,
    typer.Option(
        "--production", metavar="NAME", help="An environment that is production too, such as live-*; repeats."
    ),
]
RUN = Annotated[
    list[str] | None,
    typer.Option(
        "--run", metavar="NAME=ENVIRONMENT", help="A workflow or pipeline whose runs are deployments; repeats."
    ),
]
NO_RELEASES = Annotated[bool, typer.Option("--no-releases", help="A published release is no deployment to production.")]
NO_SECRET = Annotated[
    bool,
    typer.Option("--no-secret", help="Take what comes from this machine alone, as long as there are no accounts."),
]
SECRET_STDIN = Annotated[
    bool,
    typer.Option("--secret-stdin", help="Read the secret that the sender made from standard input."),
]
