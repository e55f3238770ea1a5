"""What the filter form offers: the values that are known, as many as anybody would look through."""

from typing import Any

from resile.analytics.query import Clock, Every
from resile.app.report import dimension_values, label_names
from resile.app.wiring import Resile
from resile.web.pages.filters import LENGTHS, Asked

# A list to choose from; whoever seeks another value types it.
_MOST = 300


def choices(resile: Resile, asked: Asked) -> dict[str, Any]:
    """What the filter form of this question offers."""
    return {
        "lengths": LENGTHS,
        "clocks": [clock.value for clock in Clock],
        "everys": [every.value for every in Every],
        "known": {name: _known(resile, name) for name in ("service", "team", "origin")},
        "labels": label_names(resile)[:_MOST],
        # Days only: what the address says to the second stays in the address.
        "from": asked.value("from")[:10],
        "to": asked.value("to")[:10],
    }


def _known(resile: Resile, dimension: str) -> list[str]:
    return [value for value, _ in dimension_values(resile, dimension)[:_MOST] if value]
