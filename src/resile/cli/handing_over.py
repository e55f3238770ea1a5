"""A report in the forms asked for: drawn in the terminal, as JSON, as one HTML file, as PDF."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from resile.cli.invocation import Invocation
from resile.model.errors import StoreError

if TYPE_CHECKING:
    from resile.app.documents.content import Content, Frame

Forms = dict[str, Any]


def wants_document(forms: Forms) -> bool:
    """Whether a file is to be written."""
    return forms["html"] is not None or forms["pdf"] is not None


def hand_over(
    invocation: Invocation,
    report: Any,
    forms: Forms,
    frame: "Frame",
    *,
    draw: Callable[..., None],
    content: "Callable[[], Content]",
) -> None:
    """Give the report in the forms asked for; drawn in the terminal where none is."""
    from resile.analytics.results import to_json  # noqa: PLC0415 - loads the analytics
    from resile.app.documents.phrases import asked_words  # noqa: PLC0415

    if wants_document(forms):
        _write_documents(invocation, content(), forms)
    if forms["as_json"]:
        typer.echo(to_json(report))
    elif not wants_document(forms):
        draw(invocation.out, report, asked_words(frame.where))


def _write_documents(invocation: Invocation, content: "Content", forms: Forms) -> None:
    from resile.app.documents.html import html_document  # noqa: PLC0415 - loads the chart renderer
    from resile.app.documents.pdf import pdf_document  # noqa: PLC0415

    if forms["html"] is not None:
        _write(invocation, forms["html"], html_document(content))
    if forms["pdf"] is not None:
        _write(invocation, forms["pdf"], pdf_document(content))


def _write(invocation: Invocation, path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror}; name a file in a folder that you may write"
        ) from None
    # On standard error: with --json, standard output holds the JSON and nothing else.
    invocation.err.print(f"Written: {path}", markup=False, soft_wrap=True)
