"""Pages of a list of alerts, none of which is lost between two pages."""

from collections.abc import Callable

from resile.app.alerts import MAX_LISTED, AlertRow


def whole_page(ask: Callable[[int], list[AlertRow]], most: int) -> tuple[list[AlertRow], bool]:
    """The first rows, and whether more follow those decided upon before the last of them.

    Alerts that came in one delivery were decided upon at one instant, and the next page begins before an instant: they
    stand on one page, which may so be shorter than `most`, or longer.

    Args:
        ask: gives at most so many rows, the newest decision first.
    """
    rows = ask(most + 1)
    if len(rows) <= most:
        return rows, False
    cut = rows[most].decided_at
    kept = [row for row in rows[:most] if row.decided_at != cut]
    if kept:
        return kept, True
    rows = ask(MAX_LISTED)
    kept = [row for row in rows if row.decided_at == cut]
    return kept, len(kept) < len(rows) or len(rows) == MAX_LISTED
