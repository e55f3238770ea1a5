"""The paging of one incident in the terminal: who was paged by which way, how far each page came, what is next."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from resile.analytics.words import exact_duration
from resile.app.paging_lines import STATE_WORDS
from resile.app.printable import printable
from resile.cli.tables import plain_table, print_table
from resile.model.message import MessageState

if TYPE_CHECKING:
    from resile.app.incident_pages import IncidentPages, PageOut

_STYLES = {"handed": "green", "delivered": "green", "failed": "bold red", "uncertain": "bold red"}
_WORDS = {
    "running": "Paging",
    "acknowledged": "Taken",
    "unreachable": "Nobody reachable",
    "ended": "Paging is over",
}


def draw_pages(out: Console, pages: "IncidentPages") -> None:
    """Nothing where it never paged."""
    if pages.state is None and not pages.pages:
        return
    out.print()
    out.print(_head(pages), soft_wrap=True)
    for sentence in _dwells(pages):
        out.print(Text(sentence, "dim"), soft_wrap=True)
    if not pages.pages:
        return
    table = plain_table()
    table.add_column("Page to", overflow="fold")
    table.add_column("By", overflow="fold")
    table.add_column("Queued (UTC)", no_wrap=True)
    table.add_column("How far", overflow="fold", ratio=1)
    for page in pages.pages:
        way = f"{page.channel} {page.address}"
        table.add_row(Text(printable(page.person or "–")), Text(printable(way)), _moment(page.queued_at), _state(page))
    print_table(out, table)


def _head(pages: "IncidentPages") -> Text:
    state = _WORDS.get(pages.state or "", "Nobody is paged")
    if pages.acknowledged_by and pages.state == "acknowledged":
        state += f" by {printable(pages.acknowledged_by)}"
    if pages.ringing:
        state += f" {printable(', '.join(dict.fromkeys(one.person for one in pages.ringing)))}"
    text = Text(state, "bold red" if pages.state == "unreachable" else "bold")
    if pages.policy:
        text.append(f"  policy {printable(pages.policy)}, step {pages.step} of {len(pages.steps)}", "dim")
        text.append(f", round {pages.round} of {pages.rounds}", "dim")
    if pages.next_at is not None:
        following = "nobody is reachable unless somebody answers by" if pages.is_last else "next at"
        text.append(f"; {following} {_moment(pages.next_at)} UTC", "dim")
    return text


def _dwells(pages: "IncidentPages") -> list[str]:
    dwell = pages.dwell
    told = (
        ("From detection to the first page handed over", dwell.detected_to_handed_s),
        ("From there to the acknowledgement", dwell.handed_to_acknowledged_s),
    )
    return [f"{words}: {exact_duration(lasted_s)}" for words, lasted_s in told if lasted_s is not None]


def _state(page: "PageOut") -> Text:
    """`handed over after 2 s, arrived 2026-11-25 22:12:04`."""
    style, has_arrived = _STYLES.get(page.state.value, ""), page.delivered_at is not None
    if has_arrived and page.handed_after_s is not None:
        text = Text(STATE_WORDS[MessageState.HANDED], style)
    else:
        text = Text(STATE_WORDS[page.state], style)
    if page.handed_after_s is not None:
        text.append(f" after {exact_duration(page.handed_after_s)}", "dim")
    if page.delivered_at is not None:
        text.append(f", {STATE_WORDS[MessageState.DELIVERED]} {_moment(page.delivered_at)}", "dim")
    if page.error:
        text.append(f": {printable(page.error)}")
    return text


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
