"""Each metric over time under its figure, with what DORA's survey says beside it."""

from collections.abc import Callable

from msgspec import Struct

from resile.analytics.band_words import band_sentence
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import DeliveryTrend, MetricPeriod, ServiceDelivery
from resile.analytics.dora_words import METRIC_NAMES, frequency
from resile.analytics.query import Every
from resile.analytics.words import duration, percent
from resile.app.dora import Known, trends_of
from resile.app.wiring import Resile
from resile.model.time import DAY
from resile.web.pages.pictures.sparks import Spark, spark

_SAID: dict[str, Callable[[float | None], str]] = {
    "lead_time": duration,
    "deployment_frequency": frequency,
    "change_fail_rate": percent,
    "recovery_time": duration,
    "rework_rate": percent,
}
_DURATIONS = ("lead_time", "recovery_time")
# Of so many months a line can still be read under a figure; longer histories are drawn by the quarter.
_MOST_MONTHS_DAYS = 1_500
# A shorter window has too few months for a line.
_LEAST_MONTHS_DAYS = 100


class Beside(Struct, frozen=True):
    """What stands under a figure."""

    spark: Spark | None
    band: str


def trend_pictures(
    resile: Resile, known: Known, query: DeliveryQuery, row: ServiceDelivery
) -> tuple[str, dict[str, Beside]]:
    """By which period, and by metric, the line and the sentence."""
    every = fitting(query)
    found = next(iter(trends_of(resile, known, query, every)), None)
    return every.value, {key: Beside(_line(found, key, every.value), band_sentence(key, row)) for key in METRIC_NAMES}


def fitting(query: DeliveryQuery) -> Every:
    """By the month, as far as the window has some and not too many."""
    days = (query.window.end - query.window.start) / DAY
    if days < _LEAST_MONTHS_DAYS:
        return Every.WEEK
    return Every.MONTH if days <= _MOST_MONTHS_DAYS else Every.QUARTER


def _line(found: DeliveryTrend | None, key: str, every: str) -> Spark | None:
    if found is None:
        return None
    periods: list[MetricPeriod] = getattr(found, key)
    told = [(period.start, period.value) for period in periods]
    return spark(told, _SAID[key], name=METRIC_NAMES[key], is_duration=key in _DURATIONS, every=every)
