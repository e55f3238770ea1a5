"""What the filter form offers: fixed words at once, the values that are known when somebody opens it."""

import re
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from resile.analytics.query import Clock, Every, check_dimension
from resile.app.report import dimension_values, label_names
from resile.app.wiring import Resile
from resile.web.pages.filters import LENGTHS, Asked

router = APIRouter(include_in_schema=False)

# A list to choose from; whoever seeks another value types it.
_MOST = 300
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def choices(asked: Asked) -> dict[str, Any]:
    """What the filter form of this question shows."""
    return {
        "lengths": LENGTHS,
        "clocks": [clock.value for clock in Clock],
        "everys": [every.value for every in Every],
        # Days only: what the address says to the second stays in the address.
        "from": _day(asked.value("from")),
        "to": _day(asked.value("to")),
    }


def _day(text: str) -> str:
    """The day of an instant as a date field takes it; nothing of what is none."""
    return text[:10] if _DAY.match(text) else ""


@router.get("/choices/labels")
def known_labels(request: Request) -> JSONResponse:
    """The names of labels, for the script that fills the form's suggestions."""
    resile: Resile = request.app.state.resile
    return JSONResponse(label_names(resile)[:_MOST])


@router.get("/choices/{dimension}")
def known_values(request: Request, dimension: str) -> JSONResponse:
    """A dimension's most frequent values, for the script that fills the form's suggestions."""
    resile: Resile = request.app.state.resile
    values = dimension_values(resile, check_dimension(dimension))
    return JSONResponse([value for value, _ in values[:_MOST] if value])
