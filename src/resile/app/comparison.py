"""Which two sides a comparison is of, read from the words of an address or a command line."""

from resile.analytics.query import Query, Window
from resile.analytics.results import CompareReport
from resile.app import report
from resile.app.wiring import Resile
from resile.model.errors import ConfigError
from resile.model.time import parse_instant

# Told of a window by the reader; without any of them the whole history is halved.
WINDOW_WORDS = frozenset({"from", "to", "last"})


def compare(
    resile: Resile,
    query: Query,
    *,
    has_window: bool,
    against: str | None = None,
    a: str | None = None,
    b: str | None = None,
) -> CompareReport:
    """Two windows, or with `a` and `b` two groups in the query's window.

    Args:
        has_window: the query's window was asked for; else it is the whole history, and its halves are compared.
        against: the earlier window, `FROM..TO`; else the one of the same length just before.
        a: a group, `DIMENSION=VALUE`; `b` is the other one.

    Raises:
        ConfigError: the words contradict each other, or are none.
    """
    if (a is None) != (b is None):
        raise ConfigError("a and b belong together; give both, say a service=search and b service=checkout")
    if a is None or b is None:
        return report.compare(resile, query, *windows_to_compare(query.window, against, has_window=has_window))
    if against is not None:
        raise ConfigError("against compares windows, a and b compare groups; give one or the other")
    (dimension, value_a), (dimension_b, value_b) = _pair(a, "a"), _pair(b, "b")
    if dimension != dimension_b:
        raise ConfigError(f"a is a {dimension} and b a {dimension_b}; compare two of the same kind")
    return report.compare_values(resile, query, dimension, value_a, value_b)


def windows_to_compare(asked: Window, against: str | None, *, has_window: bool) -> tuple[Window, Window]:
    """The earlier and the later window.

    Raises:
        ConfigError: `against` is not FROM..TO.
    """
    if against is not None:
        start, dots, end = against.partition("..")
        if not dots:
            raise ConfigError(f"against {against!r} is not FROM..TO; write it as 2024-01-01..2024-04-01")
        return Window(parse_instant(start), parse_instant(end)), asked
    length = asked.end - asked.start
    if has_window:
        return Window(asked.start - length, asked.start), asked
    middle = (asked.start + length / 2).replace(microsecond=0)
    return Window(asked.start, middle), Window(middle, asked.end)


def _pair(text: str, name: str) -> tuple[str, str]:
    dimension, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{name} {text!r} is not DIMENSION=VALUE; write it as {name} service=checkout")
    return dimension.strip(), value
