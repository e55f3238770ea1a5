"""What a cell says as words."""

import math
from datetime import date, datetime

DEFAULT_MISSING = frozenset({"", "?", "-", "--", "—", "n/a", "na", "nan", "nat", "none", "null", "nil", "#n/a", "\\n"})


def words_of(cell: object) -> str:
    """A cell as text, as a person would write it down."""
    if isinstance(cell, str):
        text = cell.strip()
        return text.replace("\x00", "") if "\x00" in text else text
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        # Tables of numbers turn 1 into 1.0 as soon as one cell is missing; NaN is such a missing cell.
        return "" if math.isnan(cell) else str(int(cell)) if cell.is_integer() else str(cell)
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, list | tuple):
        return ", ".join(words_of(one) for one in cell)
    return str(cell)
