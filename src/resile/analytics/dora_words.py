"""The five DORA metrics in words: the same on pages, in the terminal and in documents."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from resile.analytics.delivery_query import PRODUCTION
from resile.analytics.delivery_results import (
    ChangeFailRate,
    DeploymentFrequency,
    LeadTime,
    RecoveryTime,
    ReworkRate,
    ServiceDelivery,
)
from resile.analytics.sentences import Parts
from resile.analytics.words import UNDEFINED, counted, duration, interval, number, percent
from resile.model.time import DAY, HOUR

METRIC_NAMES = {
    "lead_time": "Change lead time",
    "deployment_frequency": "Deployment frequency",
    "change_fail_rate": "Change fail rate",
    "recovery_time": "Failed deployment recovery time",
    "rework_rate": "Deployment rework rate",
}
# As columns of a table, where the whole name has no room.
SHORT_NAMES = {
    "lead_time": "Lead time",
    "deployment_frequency": "Frequency",
    "change_fail_rate": "Fail rate",
    "recovery_time": "Recovery",
    "rework_rate": "Rework",
}
STAGE_NAMES = {
    "commit_to_opened": "Commit to pull request",
    "opened_to_review": "Waiting for review",
    "review_to_approval": "Review",
    "approval_to_merge": "Waiting for merge",
    "merge_to_deployment": "Waiting for deployment",
}
_POINTS = {
    "commit": "commit", "opened": "pull request", "review": "review", "approval": "approval", "merge": "merge",
    "deployment": "deployment",
}  # fmt: skip
EVIDENCE_WORDS = {
    "said": "somebody said so",
    "rollback": "it was rolled back",
    "revert": "it was reverted",
    "hotfix": "a hotfix followed",
    "next_patch": "the next patch followed",
    "window": "the incident began soon after it",
}

# Per day: what is rarer is told by the week, the month or the year.
_PER = ((1.0, 1.0, "a day"), (1 / 7, 7.0, "a week"), (12 / 365.25, 365.25 / 12, "a month"), (0.0, 365.25, "a year"))
_SURE = "95 % sure"
_TOO_MANY_OPEN = "too many failures are open to tell by when half have recovered"


class Headline(Struct, frozen=True, kw_only=True):
    """One metric as it is read: its value, how sure that is, and what it rests on.

    Attributes:
        key: one of METRIC_NAMES.
        interval: both ends in the value's unit; empty where there is none.
        rests_on: n with its noun, and what is pending or open.
        why_none: why there is no value; empty where there is one.
        is_mean: the value is a mean, of Middleware's definitions, and without an interval.
    """

    key: str
    value: str
    interval: str
    rests_on: str
    why_none: str
    is_mean: bool = False

    @property
    def name(self) -> str:
        """The metric's whole name."""
        return METRIC_NAMES[self.key]

    @property
    def note(self) -> str:
        """How sure it is: `95 % sure 5–25 %`; why there is no value where there is none."""
        if self.why_none:
            return self.why_none
        if self.is_mean:
            return "the mean, as Middleware has it"
        return f"{_SURE} {self.interval}" if self.interval else "too few for an interval"


def headlines(found: ServiceDelivery) -> list[Headline]:
    """The five metrics of a service, in DORA's order."""
    return [
        _lead_time(found.lead_time),
        _frequency(found.deployment_frequency),
        _fail_rate(found.change_fail_rate),
        _recovery(found.recovery_time),
        _rework(found.rework_rate),
    ]


def _lead_time(found: LeadTime) -> Headline:
    skewed = f", {number(found.n_clock_skewed)} left out by their clocks" if found.n_clock_skewed else ""
    return Headline(
        key="lead_time",
        value=duration(found.median_s),
        interval=_seconds(found.median_low_s, found.median_high_s, found.median_s),
        rests_on=f"{counted(found.n, 'change')}{skewed}",
        why_none=_why(found.median_s, found.why_none),
    )


def _frequency(found: DeploymentFrequency) -> Headline:
    return Headline(
        key="deployment_frequency",
        value=frequency(found.per_day),
        interval=_frequencies(found),
        rests_on=counted(found.n, "deployment") + _whole_numbers(found),
        why_none=_why(found.per_day, found.why_none),
    )


def _whole_numbers(found: DeploymentFrequency) -> str:
    """What Middleware makes of the frequency, where its definitions are asked for."""
    if found.day is None or found.week is None or found.month is None:
        return ""
    return f", in whole numbers {number(found.day)} a day, {number(found.week)} a week, {number(found.month)} a month"


def _fail_rate(found: ChangeFailRate) -> Headline:
    pending = f", {number(found.pending)} pending" if found.pending else ""
    return Headline(
        key="change_fail_rate",
        value=percent(found.rate),
        interval=shares(found.low, found.high),
        rests_on=f"{number(found.failed)} of {counted(found.n, 'deployment')}{pending}",
        why_none=_why(found.rate, found.why_none),
    )


def _recovery(found: RecoveryTime) -> Headline:
    restored = f"{number(found.n)} restored, {number(found.n_open)} open"
    typical_s = recovery_s(found)
    return Headline(
        key="recovery_time",
        value=duration(typical_s),
        interval=_seconds(found.median_low_s, found.median_high_s, typical_s),
        rests_on=restored if found.n_open else counted(found.n, "failure" if found.mean_s is None else "incident"),
        why_none=_why(typical_s, found.why_none or (_TOO_MANY_OPEN if found.n_open else None)),
        is_mean=found.mean_s is not None,
    )


def recovery_s(found: RecoveryTime) -> float | None:
    """What stands for it: the median, Kaplan–Meier's where failures are open; by Middleware's definitions the mean.

    None where it is not reached: the median of those that recovered would be too short.
    """
    if found.mean_s is not None:
        return found.mean_s
    return found.km_median_s if found.n_open else found.median_s


def _rework(found: ReworkRate) -> Headline:
    return Headline(
        key="rework_rate",
        value=percent(found.rate),
        interval=shares(found.low, found.high),
        rests_on=f"{number(found.unplanned)} of {counted(found.n, 'deployment')}",
        why_none=_why(found.rate, found.why_none),
    )


def _why(value: float | None, told: str | None) -> str:
    return "" if value is not None else told or "nothing to measure in this window"


def _seconds(low_s: float | None, high_s: float | None, beside_s: float | None) -> str:
    if beside_s is None or low_s is None:
        return ""
    return f"at least {duration(low_s)}" if high_s is None else interval(low_s, high_s, beside_s=beside_s)


def frequency(per_day: float | None) -> str:
    """How often: `4.2 a day`, `1.5 a week`, `2 a month`; a dash where undefined."""
    if per_day is None:
        return UNDEFINED
    size, words = _per(per_day)
    return f"{_amount(per_day * size)} {words}"


def _frequencies(found: DeploymentFrequency) -> str:
    if found.per_day is None or found.per_day_low is None or found.per_day_high is None:
        return ""
    size, _ = _per(found.per_day)
    low, high = _amount(found.per_day_low * size), _amount(found.per_day_high * size)
    return low if low == high else f"{low}–{high}"


# How a value of each metric over time is told.
SAID: dict[str, Callable[[float | None], str]] = {
    "lead_time": duration,
    "deployment_frequency": frequency,
    "change_fail_rate": percent,
    "recovery_time": duration,
    "rework_rate": percent,
}


def _per(per_day: float) -> tuple[float, str]:
    return next((size, words) for least, size, words in _PER if per_day >= least)


def _amount(value: float) -> str:
    if value >= 9.95:  # noqa: PLR2004 - three digits are as exact as anyone reads
        return number(value)
    text = f"{value:.1f}" if value >= 0.095 or value == 0 else f"{value:.2f}"  # noqa: PLR2004
    return text.removesuffix(".0")


def stage_name(key: str) -> str:
    """A stage of lead time, or several as one whose border is not known: `Review`, `Pull request to merge`."""
    if key in STAGE_NAMES:
        return STAGE_NAMES[key]
    begin, _, end = key.partition("_to_")
    name = f"{_POINTS.get(begin, begin)} to {_POINTS.get(end, end)}"
    return name[:1].upper() + name[1:]


def stage_order(key: str) -> int:
    """Where a stage stands among the others: by what it begins with."""
    begin = key.partition("_to_")[0]
    return list(_POINTS).index(begin) if begin in _POINTS else len(_POINTS)


def shares(low: float | None, high: float | None) -> str:
    """Both ends of an interval of a share: `5–25 %`; empty where there is none."""
    if low is None or high is None:
        return ""
    first, last = percent(low).removesuffix(" %"), percent(high)
    return last if f"{first} %" == last else f"{first}–{last}"


def place_name(service: str | None, environment: str | None) -> str:
    """A service and where it is deployed to: `checkout · production`."""
    return f"{service or 'no service'} · {environment or 'no environment'}"


def name_of(found: ServiceDelivery) -> str:
    """The name of a row."""
    return place_name(found.service, found.environment)


def window_words(seconds: float) -> str:
    """The attribution window: `24 h`, `7 d`."""
    hours = seconds / HOUR.total_seconds()
    days = seconds / DAY.total_seconds()
    return f"{days:.0f} d" if days >= 2 and days == int(days) else f"{_amount(hours)} h"  # noqa: PLR2004


def busiest(rows: Sequence[ServiceDelivery]) -> ServiceDelivery | None:
    """The row of which most is known: production before others, then most deployments."""
    if not rows:
        return None
    return max(rows, key=lambda row: (is_production(row.environment), row.deployment_frequency.n))


def is_production(environment: str | None) -> bool:
    """Whether an environment's name says that users meet it there."""
    return (environment or "").lower() in PRODUCTION


def delivery_message(found: ServiceDelivery | None, *, names_it: bool = False) -> Parts:
    """What a page on deliveries says first, as pieces of text, each with whether it is the figure to stress."""
    if found is None:
        return [("No deployment is known in this window.", False)]
    how_often, failing = found.deployment_frequency, found.change_fail_rate
    who = found.service if names_it and found.service else None
    if not how_often.n or how_often.per_day is None:
        return [(f"No successful deployment of {who or 'this service'} is known in this window.", False)]
    subject = f"{who} is deployed " if who else "Deployed "
    parts: Parts = [(subject, False), (frequency(how_often.per_day), True)]
    if failing.rate is None:
        return [*parts, ("; whether deployments fail is not known.", False)]
    if failing.failed:
        parts += [(", and ", False), (percent(failing.rate), True), (" of deployments fail.", False)]
    else:
        parts += [(", and ", False), ("none", True), (f" of {number(failing.n)} is known to have failed.", False)]
    lead = found.lead_time.median_s
    if lead is not None:
        parts += [(" Half of changes arrive within ", False), (duration(lead), True), (".", False)]
    return parts


def joined(parts: Parts) -> str:
    """The pieces as one text."""
    return "".join(text for text, _ in parts)


def confidence_words(confidence: float) -> str:
    """How sure a link is: `certain`, `likely`, `possible`, with its figure."""
    share = percent(confidence)
    if confidence >= 0.95:  # noqa: PLR2004 - somebody said so
        return f"certain ({share})"
    return f"likely ({share})" if confidence >= 0.6 else f"possible ({share})"  # noqa: PLR2004 - more yes than no
