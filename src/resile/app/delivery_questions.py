"""From the words of an address or a command line to a question about deliveries: the one place where they are read."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from msgspec import Struct

from resile.analytics.delivery_query import PRODUCTION, Definitions, DeliveryQuery, definitions_named
from resile.analytics.query import Condition, Query, Window
from resile.app.questions import Params, question
from resile.model.errors import ConfigError
from resile.model.time import DAY

WORDS = ("from", "to", "last", "service", "environment", "window", "definitions")
USUAL_WINDOW = DAY
# Stands for every environment, production or not.
ANY = "any"
MOST_WINDOW = 60 * DAY

_READ_ELSEWHERE = ("from", "to", "last", "service")
_LENGTH = re.compile(r"(\d{1,4})\s*(min|h|d|w)")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": DAY, "w": 7 * DAY}


class DeliveryAsked(Struct, frozen=True, kw_only=True):
    """A question about deliveries, always usable, and one sentence for each thing that was not understood.

    Attributes:
        window: the same window and services as a question to the incidents, for the figures beside.
    """

    query: DeliveryQuery
    beside: Query
    problems: list[str]


def delivery_question(params: Params, *, default_window: Window, also: Collection[str] = ()) -> DeliveryAsked:
    """Read a question about deliveries; what cannot be understood is left out and told.

    The words: from, to, last as for incidents; service and environment (repeat; the empty value stands for
    deployments without one; without an environment what people call production, `any` for all of them); window (24h:
    how long after a deployment an incident is laid at its door); definitions.

    Args:
        default_window: where neither from, to nor last say otherwise; its end stands for now.
        also: further names that the caller reads itself.
    """
    pairs = [pair for pair in _pairs(params) if pair[0] not in also]
    unknown = dict.fromkeys(name for name, _ in pairs if name not in WORDS)
    beside, problems = question([pair for pair in pairs if pair[0] in _READ_ELSEWHERE], default_window=default_window)
    problems += [f"{name[:40]!r} is no filter of deliveries; use {', '.join(WORDS)}" for name in unknown]
    services = next((one.values for one in beside.where if one.dimension == "service"), ())
    named = dict.fromkeys(value.strip().lower() for name, value in pairs if name == "environment")
    environments = () if ANY in named else tuple(named) or PRODUCTION
    query = DeliveryQuery(
        window=beside.window,
        services=services,
        environments=environments,
        attribution_window=_length(_last(pairs, "window", problems), problems),
        definitions=_definitions(_last(pairs, "definitions", problems), problems),
    )
    return DeliveryAsked(query=query, beside=beside, problems=problems)


def delivery_asked(params: Params, *, default_window: Window) -> DeliveryQuery:
    """The question, for faces that stop at the first thing they do not understand.

    Raises:
        ConfigError: names everything that was not understood.
    """
    found = delivery_question(params, default_window=default_window)
    if found.problems:
        raise ConfigError("; ".join(found.problems))
    return found.query


def conditions(query: DeliveryQuery) -> tuple[Condition, ...]:
    """Which deployments are asked for, as documents say it."""
    environments = () if query.environments == PRODUCTION else query.environments
    named = (("service", query.services), ("environment", environments))
    return tuple(Condition(name, tuple(values)) for name, values in named if values)


def _pairs(params: Params) -> list[tuple[str, str]]:
    items: Iterable[tuple[str, str | Iterable[str] | None]] = params.items() if isinstance(params, Mapping) else params
    pairs: list[tuple[str, str]] = []
    for name, value in items:
        pairs += [(name, text) for text in ([] if value is None else [value] if isinstance(value, str) else value)]
    return pairs


def _last(pairs: Sequence[tuple[str, str]], name: str, problems: list[str]) -> str:
    distinct = list(dict.fromkeys(value.strip() for own, value in pairs if own == name and value.strip()))
    if len(distinct) > 1:
        problems.append(f"{name} is given {len(distinct)} times; give it once")
    return distinct[0] if distinct else ""


def _length(text: str, problems: list[str]) -> timedelta:
    if not text:
        return USUAL_WINDOW
    match = _LENGTH.fullmatch(text.casefold())
    length = int(match[1]) * _UNITS[match[2]] if match else timedelta()
    if timedelta() < length <= MOST_WINDOW:
        return length
    problems.append(f"window: {text[:40]!r} is no length of time up to 60d; write it as 24h, 90min or 7d")
    return USUAL_WINDOW


def _definitions(text: str, problems: list[str]) -> Definitions:
    try:
        return definitions_named(text[:40].lower()) if text else Definitions.RESILE
    except ConfigError as error:
        problems.append(f"definitions: {error}")
        return Definitions.RESILE
