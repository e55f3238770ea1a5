"""Reads a question from an address's query, and describes its words for the OpenAPI document."""

from collections.abc import Collection
from functools import partial
from typing import Any

from fastapi import Request

from resile.analytics.delivery_query import Definitions, DeliveryQuery
from resile.analytics.query import DIMENSIONS, PERIODS, Clock, Every, Query
from resile.app.delivery_questions import delivery_question
from resile.app.dora import delivery_window
from resile.app.questions import MAX_DIMENSIONS, MAX_LENGTH, MAX_VALUES, known_window, question
from resile.app.wiring import Resile
from resile.web.errors import BadRequestError


def resile_of(request: Request) -> Resile:
    """The open resile."""
    found: Resile = request.app.state.resile
    return found


def asked_by(request: Request, *, also: Collection[str] = ()) -> Query:
    """The question in the request's query.

    Args:
        also: names that the endpoint reads itself.

    Raises:
        BadRequestError: names everything that is not understood.
    """
    resile = resile_of(request)
    query, problems = question(
        request.query_params.multi_items(),
        default_window=partial(known_window, resile),
        also=also,
        severity_aliases=resile.settings.severity_aliases,
    )
    if problems:
        raise BadRequestError(problems)
    return query


def asked_of_deliveries(request: Request) -> DeliveryQuery:
    """The question about deliveries in the request's query.

    Raises:
        BadRequestError: names everything that is not understood.
    """
    words = request.query_params.multi_items()
    found = delivery_question(words, default_window=delivery_window(resile_of(request)))
    if found.problems:
        raise BadRequestError(found.problems)
    return found.query


def _word(
    name: str, description: str, schema: dict[str, Any] | None = None, *, repeats: bool = False
) -> dict[str, Any]:
    one = schema or {"type": "string", "maxLength": MAX_LENGTH}
    many = {"type": "array", "items": one, "maxItems": MAX_VALUES}
    shape = {"schema": many, "style": "form", "explode": True} if repeats else {"schema": one}
    return {"name": name, "in": "query", "required": False, "description": description, **shape}


_INSTANT = {"type": "string", "examples": ["2024-01-01", "2024-01-31T08:30:00Z"]}
_LABELS = {
    "name": "labels",
    "in": "query",
    "required": False,
    "description": "Only incidents with these labels: `label:cause=deploy`; each may repeat.",
    "style": "form",
    "explode": True,
    "schema": {
        "type": "object",
        "patternProperties": {"^label:.+$": {"type": "string", "maxLength": MAX_LENGTH}},
        "additionalProperties": False,
    },
}
FILTERS: list[dict[str, Any]] = [
    _word("from", "Only incidents that started at or after this, ISO 8601; a time without an offset is UTC.", _INSTANT),
    _word("to", "Only incidents that started before this.", _INSTANT),
    _word(
        "last",
        "So long back from `to`: 48h, 90d, 12w, 12mo, 4q, 2y; not with `from`. Without a window: all that is known.",
        {"type": "string", "pattern": "^[0-9]{1,5}(h|d|w|mo|q|y)$", "examples": ["90d"]},
    ),
    _word("clock", "From which instant to which.", {"type": "string", "enum": [clock.value for clock in Clock]}),
    _word("severity", "SEV1 to SEV5, or an alias such as critical; empty for none.", repeats=True),
    *(_word(name, "The empty value stands for incidents without one.", repeats=True) for name in DIMENSIONS[1:]),
    _LABELS,
]
BY = {
    **_word("by", f"Group by {', '.join((*DIMENSIONS, *PERIODS))} or label:NAME.", repeats=True),
    "schema": {"type": "array", "items": {"type": "string", "maxLength": MAX_LENGTH}, "maxItems": MAX_DIMENSIONS},
}
EVERY = _word("every", "The period of the trend.", {"type": "string", "enum": [every.value for every in Every]})


DELIVERY_FILTERS: list[dict[str, Any]] = [
    _word("from", "Only what was deployed at or after this, ISO 8601; a time without an offset is UTC.", _INSTANT),
    _word("to", "Only what was deployed before this.", _INSTANT),
    FILTERS[2],
    _word("service", "The empty value stands for deployments without one.", repeats=True),
    _word(
        "environment",
        "Else what people call production; the empty value stands for deployments without one, `any` for all.",
        repeats=True,
    ),
    _word(
        "window",
        "How long after a deployment an incident of its service counts as its doing; 24h if it is not given.",
        {"type": "string", "pattern": "^[0-9]{1,4}(min|h|d|w)$", "examples": ["24h"]},
    ),
    _word("definitions", "By whose definitions.", {"type": "string", "enum": [name.value for name in Definitions]}),
]


def described_of_deliveries() -> dict[str, Any]:
    """The part of an operation's OpenAPI description that tells of the words of a question about deliveries."""
    return {"parameters": DELIVERY_FILTERS}


def described(*words: dict[str, Any]) -> dict[str, Any]:
    """The part of an operation's OpenAPI description that tells of the filters and further words."""
    return {"parameters": [*FILTERS, *words]}
