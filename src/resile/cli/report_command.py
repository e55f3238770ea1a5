"""`resile report`: time to restore, phases, trend, compare, dora; in the terminal, as JSON, as HTML, as PDF."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from resile.cli.filters import FORMS, Words, asks, asks_of_deliveries, query_of
from resile.cli.handing_over import Forms, hand_over, wants_document
from resile.cli.invocation import invocation_of

if TYPE_CHECKING:
    from resile.analytics.query import Query
    from resile.app.documents.content import Frame
    from resile.app.wiring import Resile


class _RestoreFirst(TyperGroup):
    """`resile report` alone, or with options only, is `resile report restore`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_restore = not args or (args[0].startswith("-") and args[0] not in {"-h", "--help"})
        return super().parse_args(ctx, ["restore", *args] if is_restore else args)


app = typer.Typer(cls=_RestoreFirst)

# A picture of more dots is grey; the document says how many it shows.
MOST_DOTS = 3000
_PAIR = "DIMENSION=VALUE"


def add_to(root: typer.Typer) -> None:
    """Make `resile report` a command."""
    root.add_typer(app, name="report", help="How long it takes to restore service, and whether that changes.")


@app.command("restore")
@asks("by", "every", **FORMS)
def restore_command(ctx: typer.Context, words: Words, **forms: Any) -> None:
    """Time to restore: median with its interval, P90, mean, n and open, by group and over time."""
    _answer_restore(ctx, words, forms, is_trend=False)


@app.command("trend")
@asks("by", "every", **FORMS)
def trend_command(ctx: typer.Context, words: Words, **forms: Any) -> None:
    """Whether the time to restore changes: every period, the verdict in words and how sure it is."""
    _answer_restore(ctx, words, forms, is_trend=True)


@app.command("phases")
@asks("by", **FORMS)
def phases_command(ctx: typer.Context, words: Words, **forms: Any) -> None:
    """Where the time goes: detect, acknowledge, identify, mitigate, verify."""
    from resile.app.documents.phases_content import phases_content  # noqa: PLC0415 - loads the analytics
    from resile.app.report import phases  # noqa: PLC0415
    from resile.cli.phases_view import draw_phases  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        query = query_of(resile, words)
        report = phases(resile, query)
        frame = _frame(resile, query)
    hand_over(invocation, report, forms, frame, draw=draw_phases, content=lambda: phases_content(report, frame))


@app.command("dora")
@asks_of_deliveries(**FORMS)
def dora_command(ctx: typer.Context, words: Words, **forms: Any) -> None:
    """The five DORA metrics per service and environment, each with its interval and what it rests on."""
    from resile.app.delivery_pictures import drawn  # noqa: PLC0415
    from resile.app.delivery_questions import conditions, delivery_asked  # noqa: PLC0415 - loads the analytics
    from resile.app.documents.content import Frame  # noqa: PLC0415
    from resile.app.documents.dora_content import dora_content  # noqa: PLC0415
    from resile.app.dora import delivery_window, dora, rhythm  # noqa: PLC0415
    from resile.cli.dora_view import draw_dora  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        query = delivery_asked(words, default_window=delivery_window(resile))
        report = dora(resile, query)
        is_drawn = not forms["as_json"] and not wants_document(forms)
        beats = rhythm(resile, query) if is_drawn else None
        is_simulated = resile.settings.is_simulated
        frame = Frame(made_at=resile.clock.now(), where=conditions(query), is_simulated=is_simulated)
        pictures = drawn(resile, query, report.services) if wants_document(forms) else None
    draw = partial(draw_dora, rhythm=beats)
    hand_over(invocation, report, forms, frame, draw=draw, content=lambda: dora_content(report, frame, pictures))


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
    from resile.app.comparison import WINDOW_WORDS, compare  # noqa: PLC0415 - loads the analytics
    from resile.app.documents.compare_content import compare_content  # noqa: PLC0415
    from resile.cli.compare_view import draw_compare  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        query = query_of(resile, words)
        has_window = any(name in WINDOW_WORDS for name, _ in words)
        report = compare(resile, query, has_window=has_window, against=against, a=a, b=b)
        frame = _frame(resile, query)
    hand_over(invocation, report, forms, frame, draw=draw_compare, content=lambda: compare_content(report, frame))


def _answer_restore(ctx: typer.Context, words: Words, forms: Forms, *, is_trend: bool) -> None:
    from resile.app.documents.restore_content import restore_content, trend_content  # noqa: PLC0415 - loads the analytics
    from resile.app.report import dots, restore  # noqa: PLC0415
    from resile.cli.report_view import draw_restore, draw_trend  # noqa: PLC0415

    invocation = invocation_of(ctx)
    with invocation.open() as resile:
        query = query_of(resile, words)
        report = restore(resile, query)
        frame = _frame(resile, query)
        incidents, n = dots(resile, query, MOST_DOTS) if wants_document(forms) else ([], 0)
    content_of, draw = (trend_content, draw_trend) if is_trend else (restore_content, draw_restore)
    hand_over(invocation, report, forms, frame, draw=draw, content=lambda: content_of(report, frame, incidents, n))


def _frame(resile: "Resile", query: "Query") -> "Frame":
    from resile.app.documents.content import Frame  # noqa: PLC0415 - loads the analytics

    return Frame(made_at=resile.clock.now(), where=query.where, is_simulated=resile.settings.is_simulated)
