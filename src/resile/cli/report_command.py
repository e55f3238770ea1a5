"""`resile report`: time to restore, phases, trend and compare; in the terminal, as JSON, as one HTML file, as PDF."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from resile.cli.filters import FORMS, Words, asks, query_of
from resile.cli.invocation import Invocation, invocation_of
from resile.model.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from resile.analytics.query import Query, Window
    from resile.analytics.results import CompareReport, IncidentDot
    from resile.app.wiring import Resile


class _RestoreFirst(TyperGroup):
    """`resile report` alone, or with options only, is `resile report restore`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_restore = not args or (args[0].startswith("-") and args[0] not in {"-h", "--help"})
        return super().parse_args(ctx, ["restore", *args] if is_restore else args)


app = typer.Typer(cls=_RestoreFirst)

_PAIR = "DIMENSION=VALUE"


def add_to(root: typer.Typer) -> None:
    """Make `resile report` a command."""
    root.add_typer(app, name="report", help="How long it takes to restore service, and whether that changes.")


@app.command("restore")
@asks("by", "every", **FORMS)
def restore_command(ctx: typer.Context, words: Words, **forms: Any) -> None:
    """Time to restore: median with its interval, P90, mean, n and open, by group and over time."""
    _answer_restore(ctx, words, "restore", forms)


@app.command("trend")
@asks("by", "every", **FORMS)
def trend_command(ctx: typer.Context, words: Words, **forms: Any) -> None:
    """Whether the time to restore changes: every period, the verdict in words and how sure it is."""
    _answer_restore(ctx, words, "trend", forms)


@app.command("phases")
@asks("by", **FORMS)
def phases_command(ctx: typer.Context, words: Words, **forms: Any) -> None:
    """Where the time goes: detect, acknowledge, identify, mitigate, verify."""
    from resile.app.report import phases  # noqa: PLC0415 - loads the analytics
    from resile.cli.phases_view import draw_phases  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        report = phases(resile, query_of(resile, words))
    _hand_over(invocation, "phases", report, forms, draw_phases)


@app.command("compare")
@asks("by", **FORMS)
def compare_command(
    ctx: typer.Context,
    words: Words,
    *,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="FROM..TO",
            help="The earlier window; else the one of the same length just before. Without --from, --to and --last: "
            "the second half of all that is known against the first.",
        ),
    ] = None,
    a: Annotated[
        str | None, typer.Option("--a", metavar=_PAIR, help="Instead of windows: these incidents, say service=search,")
    ] = None,
    b: Annotated[str | None, typer.Option("--b", metavar=_PAIR, help="against these, say service=checkout.")] = None,
    **forms: Any,
) -> None:
    """Two windows, or two groups: ratio of medians, how sure it is, and what moved the mean."""
    from resile.cli.compare_view import draw_compare  # noqa: PLC0415 - loads the analytics

    if (a is None) != (b is None):
        raise ConfigError("--a and --b belong together; give both, say --a service=search --b service=checkout")
    if a is not None and against is not None:
        raise ConfigError("--against compares windows, --a and --b compare groups; give one or the other")
    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        query = query_of(resile, words)
        if a is not None and b is not None:
            report = _compared_values(resile, query, a, b)
        else:
            has_window = any(name in {"from", "to", "last"} for name, _ in words)
            report = _compared_windows(resile, query, against, has_window=has_window)
    _hand_over(invocation, "compare", report, forms, draw_compare)


def _answer_restore(ctx: typer.Context, words: Words, kind: str, forms: dict[str, Any]) -> None:
    from resile.app.report import dots, restore  # noqa: PLC0415 - loads the analytics
    from resile.cli.report_view import draw_restore, draw_trend  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        query = query_of(resile, words)
        report = restore(resile, query)
        is_document = forms["html"] is not None or forms["pdf"] is not None
        incidents, n = dots(resile, query) if is_document else ([], 0)
    draw = draw_restore if kind == "restore" else draw_trend
    _hand_over(invocation, kind, report, forms, draw, incidents=incidents, n_incidents=n)


def _hand_over(
    invocation: Invocation,
    kind: str,
    report: Any,
    forms: dict[str, Any],
    draw: Callable[..., None],
    *,
    incidents: "Sequence[IncidentDot]" = (),
    n_incidents: int = 0,
) -> None:
    """Give the report in the forms asked for; drawn in the terminal where none is."""
    from resile.analytics.results import to_json  # noqa: PLC0415 - loads the analytics

    html, pdf, as_json = forms["html"], forms["pdf"], forms["as_json"]
    if html is not None or pdf is not None:
        from resile.app.documents.document import Document  # noqa: PLC0415 - loads the chart renderer
        from resile.app.documents.html import html_document  # noqa: PLC0415
        from resile.app.documents.pdf import pdf_document  # noqa: PLC0415

        document = Document(
            kind=kind,
            report=report,
            incidents=incidents,
            n_incidents=n_incidents,
            is_simulated=invocation.settings.is_simulated,
        )
        if html is not None:
            _write(invocation, html, html_document(document))
        if pdf is not None:
            _write(invocation, pdf, pdf_document(document))
    if as_json:
        typer.echo(to_json(report))
    elif html is None and pdf is None:
        draw(invocation.out, report)


def _write(invocation: Invocation, path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror}; name a file in a folder that you may write"
        ) from None
    # On standard error: with --json, standard output holds the JSON and nothing else.
    invocation.err.print(f"Written: {path}", markup=False, soft_wrap=True)


def _compared_values(resile: "Resile", query: "Query", a: str, b: str) -> "CompareReport":
    from resile.app.report import compare_values  # noqa: PLC0415 - loads the analytics

    (dimension, value_a), (dimension_b, value_b) = _pair(a, "--a"), _pair(b, "--b")
    if dimension != dimension_b:
        raise ConfigError(f"--a is a {dimension} and --b a {dimension_b}; compare two of the same kind")
    return compare_values(resile, query, dimension, value_a, value_b)


def _pair(text: str, option: str) -> tuple[str, str]:
    dimension, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{option} {text!r} is not {_PAIR}; write it as {option} service=checkout")
    return dimension.strip(), value


def _compared_windows(resile: "Resile", query: "Query", against: str | None, *, has_window: bool) -> "CompareReport":
    from resile.app.report import compare  # noqa: PLC0415 - loads the analytics

    before, after = windows_to_compare(query.window, against, has_window=has_window)
    return compare(resile, query, before, after)


def windows_to_compare(asked: "Window", against: str | None, *, has_window: bool) -> "tuple[Window, Window]":
    """The earlier and the later window.

    Raises:
        ConfigError: `against` is not FROM..TO.
    """
    from resile.analytics.query import Window  # noqa: PLC0415
    from resile.model.time import parse_instant  # noqa: PLC0415

    if against is not None:
        start, dots, end = against.partition("..")
        if not dots:
            raise ConfigError(f"--against {against!r} is not FROM..TO; write it as 2024-01-01..2024-04-01")
        return Window(parse_instant(start), parse_instant(end)), asked
    length = asked.end - asked.start
    if has_window:
        return Window(asked.start - length, asked.start), asked
    middle = (asked.start + length / 2).replace(microsecond=0)
    return Window(asked.start, middle), Window(middle, asked.end)
