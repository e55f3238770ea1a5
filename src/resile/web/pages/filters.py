"""What an address asks for: the question in it, and the addresses one step away from it (chips, links, sorting)."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from urllib.parse import urlencode

from fastapi import Request
from msgspec import Struct

from resile.analytics.history import whole_window
from resile.analytics.query import DIMENSIONS, PERIODS, Clock, Condition, Every, Query, Window, next_period
from resile.analytics.words import clock_name, dimension_name
from resile.app.extent import extent
from resile.app.questions import ONCE, question
from resile.app.wiring import Resile
from resile.model.errors import ConfigError
from resile.model.time import DAY, format_instant, parse_instant
from resile.web.pages.rendering import day, last_day

Pair = tuple[str, str]

# Names that pages read themselves, beside those of a question.
OWN = (
    "sort", "order", "page", "q", "state", "excluded", "against", "phase", "minutes",
    "a_from", "a_to", "b_from", "b_to", "dimension", "a", "b", "said", "theme",
)  # fmt: skip
# Names under which the filter form adds one more value; the page answers with the tidy address.
ADDING = {
    "add_service": "service", "add_team": "team", "add_origin": "origin", "add_by": "by",
    "add_environment": "environment",
}  # fmt: skip
_LABEL = ("label_name", "label_value")

_MOST_DIGITS = 12

LENGTHS = (("30d", "30 days"), ("90d", "90 days"), ("6mo", "6 months"), ("12mo", "12 months"), ("2y", "2 years"))


class Chip(Struct, frozen=True):
    """A part of the question in words; `without` is the address without it, where it can be taken away."""

    name: str
    value: str
    without: str | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """A question as an address asks it.

    Attributes:
        problems: one sentence for each thing in the address that was not understood.
        given: the address's own words, in order, those not understood too.
        is_empty: nothing is known of any incident yet.
        has_extent: the address names a window, or the filters leave something whose extent is one.
    """

    path: str
    query: Query
    problems: list[str]
    given: tuple[Pair, ...]
    is_empty: bool
    has_extent: bool = True

    def address(self, *, path: str | None = None, drop: Iterable[str] = (), put: Iterable[Pair] = ()) -> str:
        """This address with some names dropped and others put in their place."""
        added = list(put)
        gone = {*drop, *(name for name, _ in added)}
        return join(path or self.path, [pair for pair in self.given if pair[0] not in gone] + added)

    def without(self, name: str, value: str) -> str:
        """This address without one value of a filter, and on its first page."""
        kept = [pair for pair in self.given if pair != (name, value) and pair[0] != "page"]
        return join(self.path, kept)

    def scope(self) -> list[Pair]:
        """What limits the incidents: window, clock and filters, but not how they are shown."""
        shown = {"by", "every", *OWN}
        return [(name, value) for name, value in self.given if name not in shown]

    def incidents(self, key: dict[str, str | None] | None = None, **more: str) -> str:
        """The address of the incidents behind a figure: this scope, narrowed to a group."""
        narrowed = key_pairs(key or {}, self.query.window)
        gone = {*more, *(name for name, _ in narrowed)}
        if gone & {"from", "to"}:
            gone |= {"from", "to", "last"}
        pairs = [pair for pair in self.scope() if pair[0] not in gone]
        return join("/incidents", pairs + narrowed + list(more.items()))

    def between(self, start_text: str, end_text: str, key: dict[str, str | None] | None = None, **more: str) -> str:
        """The address of the incidents of a stretch of time in this scope."""
        return self.incidents(key, **{"from": start_text, "to": end_text}, **more)

    def value(self, name: str, default: str = "") -> str:
        """The last value of a name in the address."""
        found = [text for own, text in self.given if own == name]
        return found[-1].strip() if found and found[-1].strip() else default

    def has(self, name: str) -> bool:
        """Whether the address names it, with whatever value."""
        return any(own == name for own, _ in self.given)

    def values(self, name: str) -> list[str]:
        """What the question keeps of a dimension."""
        return [value for one in self.query.where if one.dimension == name for value in one.values]

    def whole_number(self, name: str, default: int, *, least: int = 1, most: int = 1_000_000) -> int:
        """A number in the address; what is none is told and left out."""
        text = self.value(name)
        if not text:
            return default
        # The length first: int() refuses thousands of digits, and a column of the database holds fewer still.
        if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and least <= int(text) <= most:
            return int(text)
        self.problems.append(f"{name} {text[:40]!r} is no number from {least} to {most}")
        return default

    def one_of(self, name: str, known: Sequence[str], default: str) -> str:
        """A word in the address out of those known; another one is told and left out."""
        text = self.value(name, default)
        if text in known:
            return text
        self.problems.append(f"{name} {text[:40]!r} is unknown; use one of {', '.join(known)}")
        return default


def ask(request: Request) -> Asked:
    """Read the question in the request's address; where it does not say every how long, the window decides."""
    resile: Resile = request.app.state.resile
    resile.facts.refresh()
    given = tuple(request.query_params.multi_items())
    reached: list[bool] = []

    def usual(where: Sequence[Condition] = ()) -> Window:
        first, last, _ = extent(resile, where)
        reached.append(first is not None)
        return whole_window(first, last, now=resile.clock.now())

    query, problems = question(
        given,
        default_window=usual,
        also=OWN,
        severity_aliases=resile.settings.severity_aliases,
    )
    if not any(name == "every" for name, _ in given):
        query = Query(
            window=query.window, clock=query.clock, by=query.by, where=query.where,
            every=fitting_period(query.window.end - query.window.start),
        )  # fmt: skip
    is_empty = resile.timelines.n_incidents() == 0
    has_window = any(name in {"from", "to", "last"} and value.strip() for name, value in given)
    return Asked(
        path=request.url.path,
        query=query,
        problems=problems,
        given=given,
        is_empty=is_empty,
        has_extent=has_window or all(reached),
    )


def fitting_period(length: timedelta) -> Every:
    """The period that cuts a window into a number of points that people can look at."""
    days = length / DAY
    for most, every in ((45, Every.DAY), (200, Every.WEEK), (1500, Every.MONTH)):
        if days <= most:
            return every
    return Every.QUARTER


def tidied(request: Request) -> str | None:
    """The address that a filter form meant, once it was sent; None where the address is tidy already.

    Empty fields are left out, and what was typed into the fields for one more value joins the others.
    """
    pairs = request.query_params.multi_items()
    if not any(name in ADDING or name in _LABEL for name, _ in pairs):
        return None
    fields = {name: value.strip() for name, value in pairs}
    tidy: list[Pair] = []
    for name, value in pairs:
        if name in _LABEL:
            continue
        target = ADDING.get(name, name)
        keeps_empty = name in DIMENSIONS or name == "environment" or name.startswith("label:")
        if value.strip() or keeps_empty:
            tidy.append((target, value.strip()))
    if fields.get("label_name"):
        tidy.append((f"label:{fields['label_name']}", fields.get("label_value", "")))
    return join(request.url.path, list(dict.fromkeys(tidy)))


def chips(asked: Asked) -> list[Chip]:
    """The question in words, part by part."""
    query = asked.query
    found = [window_chip(asked)]
    for condition in query.where:
        name = dimension_name(condition.dimension)
        found += [
            Chip(name, value or "none", _without(asked, condition.dimension, value)) for value in condition.values
        ]
    is_usual = query.clock is Clock.DETECTED_TO_RESTORED
    found.append(
        Chip("Clock", clock_name(query.clock).lower(), None if is_usual else asked.address(drop=["clock", "page"]))
    )
    return found


def _without(asked: Asked, dimension: str, value: str) -> str:
    """The address without a value, under whatever name or spelling it stands there (`sev1`, `critical`)."""
    kept = []
    for name, text in asked.given:
        own, _ = question([(name, text)], default_window=asked.query.window, also=(*OWN, *ONCE, "by"))
        is_it = any(one.dimension == dimension and value in one.values for one in own.where)
        if not is_it and name != "page":
            kept.append((name, text))
    return join(asked.path, kept)


def window_chip(asked: Asked) -> Chip:
    """The window in words."""
    names = {name for name, value in asked.given if value.strip()}
    away = asked.address(drop=["from", "to", "last", "page"]) if names & {"from", "to", "last"} else None
    last = asked.value("last")
    if last and "from" not in names:
        return Chip("Last", dict(LENGTHS).get(last, last), away)
    window = asked.query.window
    if not asked.has_extent:
        return Chip("Window", "all known: nothing", away)
    whole = f"{day(window.start)} to {last_day(window.end)}"
    return Chip("Window", whole if away else f"all known, {whole}", away)


def key_pairs(key: dict[str, str | None], window: Window) -> list[Pair]:
    """A group's key as words of an address; a period becomes the part of the window it stands for."""
    pairs: list[Pair] = []
    for name, value in key.items():
        if name in PERIODS and value is not None:
            start = parse_instant(value)
            end = min(next_period(start, Every(name)), window.end)
            pairs += [("from", format_instant(max(start, window.start))), ("to", format_instant(end))]
        else:
            pairs.append((name, value or ""))
    return pairs


def instant_text(text: str, problems: list[str], name: str) -> str | None:
    """An instant of the address as it is written in full; what is none is told and left out."""
    if not text:
        return None
    try:
        return format_instant(parse_instant(text))
    except ConfigError as error:
        problems.append(f"{name}: {error}")
        return None


def join(path: str, pairs: Sequence[Pair]) -> str:
    """A path and its words as one address."""
    return f"{path}?{urlencode(pairs)}" if pairs else path
