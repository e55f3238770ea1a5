"""Where a metric lies among what DORA published, in words with the year: context, never a grade."""

from collections.abc import Sequence

from resile.analytics.bands import CLUSTERS, DISTRIBUTIONS, Cluster
from resile.analytics.delivery_results import ServiceDelivery
from resile.analytics.dora_words import recovery_s
from resile.analytics.words import DAY_S, duration, percent

Range = tuple[float | None, float | None]


def band_sentence(key: str, row: ServiceDelivery) -> str:
    """What the survey says beside this metric: `DORA 2024: high is 1 d to 7 d`; empty where there is no value."""
    match key:
        case "lead_time":
            return _among(row.lead_time.median_s, [(one, one.lead_time_s) for one in CLUSTERS])
        case "deployment_frequency":
            per_day = row.deployment_frequency.per_day
            every_s = DAY_S / per_day if per_day else None
            return _among(every_s, [(one, one.deploys_every_s) for one in CLUSTERS], is_every=True)
        case "recovery_time":
            return _among(recovery_s(row.recovery_time), [(one, one.recovery_s) for one in CLUSTERS])
        case "change_fail_rate":
            return "" if row.change_fail_rate.rate is None else _typical()
        case "rework_rate":
            return "" if row.rework_rate.rate is None else _mean("rework_rate")
        case _:
            return ""


def _among(value_s: float | None, ranges: Sequence[tuple[Cluster, Range]], *, is_every: bool = False) -> str:
    if value_s is None:
        return ""
    held = [(one, within) for one, within in ranges if _holds(within, value_s)]
    year = ranges[0][0].year
    if not held:
        return f"DORA {year}: between its groups"
    # The first is the narrowest: who restores within an hour also does within a day.
    names = " or ".join(one.name for one, within in held if within == held[0][1])
    return f"DORA {year}: {names} is {_every(held[0][1]) if is_every else _range(held[0][1])}"


def _holds(within: Range, value_s: float) -> bool:
    low, high = within
    return (low is None or value_s >= low) and (high is None or value_s < high)


def _range(within: Range) -> str:
    low, high = within
    if low is None:
        return f"under {duration(high)}"
    return f"{duration(low)} to {duration(high)}" if high is not None else f"above {duration(low)}"


def _every(within: Range) -> str:
    """The time between one and the next: `more than one in 24 h`, `every 24 h to 7 d`."""
    low, high = within
    if low is None:
        return f"more than one in {duration(high)}"
    return f"every {_range(within)}" if high is not None else f"less than one in {duration(low)}"


def _typical() -> str:
    ordered = sorted(CLUSTERS, key=lambda one: one.change_fail_rate)
    told = ", ".join(f"{one.name} {percent(one.change_fail_rate)}" for one in ordered)
    return f"DORA {CLUSTERS[0].year}: {told}"


def _mean(metric: str) -> str:
    found = next((one for one in DISTRIBUTIONS if one.metric == metric and one.scale == "share"), None)
    return "" if found is None else f"DORA {found.year}: about {percent(found.mean)} in the mean"
