"""Each metric over time under its figure, with what DORA's survey says beside it."""

from msgspec import Struct

from resile.analytics.band_words import band_sentence
from resile.analytics.delivery_results import DeliveryTrend, MetricPeriod, ServiceDelivery
from resile.analytics.dora_words import METRIC_NAMES, SAID
from resile.app.delivery_pictures import fitting
from resile.app.dora import Look
from resile.web.pages.pictures.sparks import Spark, spark

_DURATIONS = ("lead_time", "recovery_time")


class Beside(Struct, frozen=True):
    """What stands under a figure."""

    spark: Spark | None
    band: str


def trend_pictures(seen: Look, row: ServiceDelivery) -> tuple[str, dict[str, Beside]]:
    """By which period, and by metric, the line and the sentence."""
    every = fitting(seen.found.query)
    found = seen.trend(row.service, row.environment, every)
    return every.value, {key: Beside(_line(found, key, every.value), band_sentence(key, row)) for key in METRIC_NAMES}


def _line(found: DeliveryTrend | None, key: str, every: str) -> Spark | None:
    if found is None:
        return None
    periods: list[MetricPeriod] = getattr(found, key)
    told = [(period.start, period.value) for period in periods]
    return spark(told, SAID[key], name=METRIC_NAMES[key], is_duration=key in _DURATIONS, every=every)
