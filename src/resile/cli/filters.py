"""The options that say which incidents are asked for: defined once, carried by every command that asks."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.analytics.query import Query, Window
    from resile.app.wiring import Resile

_PANEL = "Which incidents"


def _option(*names: str, help: str, metavar: str, panel: str = _PANEL) -> Any:  # noqa: A002 - typer's own word
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)


_TEXT = str | None
_TEXTS = list[str] | None

# By the word that app/questions.py reads.
FILTERS: dict[str, Any] = {
    "from": Annotated[_TEXT, _option("--from", help="Started at or after this (ISO 8601, UTC).", metavar="TIME")],
    "to": Annotated[_TEXT, _option("--to", help="Started before this.", metavar="TIME")],
    "last": Annotated[
        _TEXT, _option("--last", help="So long until --to: 48h, 90d, 12w, 12mo, 4q, 2y.", metavar="LENGTH")
    ],
    "clock": Annotated[
        _TEXT,
        _option(
            "--clock",
            help="From which instant to which: detected_to_restored (default), impact_to_restored, impact_to_detected, "
            "detected_to_acknowledged, acknowledged_to_identified, identified_to_mitigated, mitigated_to_restored.",
            metavar="CLOCK",
        ),
    ],
    "severity": Annotated[_TEXTS, _option("--severity", help="SEV1 to SEV5 or an alias; repeats.", metavar="SEVERITY")],
    "service": Annotated[_TEXTS, _option("--service", help="Repeats; '' for none.", metavar="NAME")],
    "team": Annotated[_TEXTS, _option("--team", help="Repeats; '' for none.", metavar="NAME")],
    "origin": Annotated[
        _TEXTS, _option("--origin", "--source", help="The history it came from; repeats.", metavar="NAME")
    ],
    "label": Annotated[_TEXTS, _option("--label", help="With this label; repeats.", metavar="NAME=VALUE")],
}
_DELIVERIES = "Which deployments"
# By the word that app/delivery_questions.py reads.
DELIVERY_FILTERS: dict[str, Any] = {
    "from": Annotated[
        _TEXT, _option("--from", help="Deployed at or after this (ISO 8601, UTC).", metavar="TIME", panel=_DELIVERIES)
    ],
    "to": Annotated[_TEXT, _option("--to", help="Deployed before this.", metavar="TIME", panel=_DELIVERIES)],
    "last": Annotated[
        _TEXT,
        _option("--last", help="So long until --to: 48h, 90d, 12w, 12mo, 4q, 2y.", metavar="LENGTH", panel=_DELIVERIES),
    ],
    "service": Annotated[_TEXTS, _option("--service", help="Repeats; '' for none.", metavar="NAME", panel=_DELIVERIES)],
    "environment": Annotated[
        _TEXTS,
        _option(
            "--environment",
            help="Else production; repeats; '' for none, any for all.",
            metavar="NAME",
            panel=_DELIVERIES,
        ),
    ],
    "window": Annotated[
        _TEXT,
        _option(
            "--window",
            help="How long after a deployment an incident of its service counts as its doing: 24h (default), 90min, "
            "7d.",
            metavar="LENGTH",
            panel=_DELIVERIES,
        ),
    ],
    "definitions": Annotated[
        _TEXT,
        _option(
            "--definitions",
            help="resile (default), or middleware: what Middleware's open source computes.",
            metavar="NAME",
            panel=_DELIVERIES,
        ),
    ],
}
GROUPING: dict[str, Any] = {
    "by": Annotated[
        _TEXTS,
        _option("--by", help="Group by severity, service, team, origin or label:NAME; repeats.", metavar="DIMENSION"),
    ],
    "every": Annotated[
        _TEXT, _option("--every", help="The trend's period: day, week (default), month or quarter.", metavar="PERIOD")
    ],
}
_AS = "In what form"
FORMS: dict[str, Any] = {
    "as_json": Annotated[bool, typer.Option("--json", help="One JSON object on standard output.", rich_help_panel=_AS)],
    "html": Annotated[Path | None, _option("--html", help="Write one HTML file.", metavar="FILE", panel=_AS)],
    "pdf": Annotated[Path | None, _option("--pdf", help="Write a PDF.", metavar="FILE", panel=_AS)],
}

Words = list[tuple[str, str]]


def asks(*optional: str, **more: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of FILTERS, and of `optional` and `more`.

    The command gets them as `words`, pairs as app/questions.py reads them; what is in `more` arrives under its name.
    """
    return _with({**FILTERS, **{name: GROUPING[name] for name in optional}}, more)


def asks_of_deliveries(**more: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The same for a command that asks of deliveries: the options of DELIVERY_FILTERS."""
    return _with(DELIVERY_FILTERS, more)


def _with(options: dict[str, Any], more: dict[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def asked(**given: Any) -> None:
            words = words_of({name: given.pop(_python_name(name)) for name in options})
            command(words=words, **given)

        own = inspect.signature(command, eval_str=True)
        parameters = [
            parameter
            for parameter in own.parameters.values()
            if parameter.name != "words" and parameter.kind is not parameter.VAR_KEYWORD
        ]
        for name, annotation in {**options, **more}.items():
            default = False if name == "as_json" else None
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(inspect.Parameter(_python_name(name), kind, default=default, annotation=annotation))
        # typer reads the options from the signature and the words of the help from the docstring.
        asked.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        asked.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        asked.__doc__, asked.__name__, asked.__module__ = command.__doc__, command.__name__, command.__module__
        return asked

    return decorate


def _python_name(name: str) -> str:
    return "from_" if name == "from" else name


def words_of(given: dict[str, str | list[str] | None]) -> Words:
    """Options as the pairs that app/questions.py reads; a label is written `label:NAME`.

    Raises:
        ConfigError: a label is not NAME=VALUE.
        UnicodeEncodeError: an option is no text; cli/errors.py tells it.
    """
    words: Words = []
    for name, value in given.items():
        values = [value] if isinstance(value, str) else value or []
        for text in values:
            text.encode()  # what is no text fails here, where it is told, and not within the engine
        words += [label_of(text) if name == "label" else (name, text) for text in values]
    return words


def label_of(text: str) -> tuple[str, str]:
    """A label filter NAME=VALUE as (label:NAME, VALUE).

    Raises:
        ConfigError: there is no = or no name.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"--label {text!r} is not NAME=VALUE; write it as --label cause=deploy")
    return f"label:{name.strip()}", value


def query_of(resile: "Resile", words: Words, *, default_window: "Window | None" = None) -> "Query":
    """The question that the words ask; where they name no window, over everything known.

    Raises:
        ConfigError: names everything that was not understood.
    """
    from resile.app.questions import asked, known_window  # noqa: PLC0415 - loads the analytics

    return asked(
        words,
        default_window=default_window or partial(known_window, resile),
        severity_aliases=resile.settings.severity_aliases,
    )
