"""Published bands and distributions of the DORA metrics, with their year: context, never a grade."""

from msgspec import Struct

_DAY_S = 86_400.0
_WEEK_S = 7 * _DAY_S
_MONTH_S = 30 * _DAY_S


class Cluster(Struct, frozen=True, kw_only=True):
    """A group of answers to the survey of that year; seconds and shares, None where a side is open.

    Attributes:
        share: of all who answered.
        lead_time_s, deploys_every_s, recovery_s: from (inclusive) and to.
        frequency: how often they deploy, in the survey's words.
        change_fail_rate: the typical one.
    """

    year: int
    name: str
    share: float
    lead_time_s: tuple[float | None, float | None]
    frequency: str
    deploys_every_s: tuple[float | None, float | None]
    change_fail_rate: float
    recovery_s: tuple[float | None, float | None]
    source: str


class Distribution(Struct, frozen=True, kw_only=True):
    """How the answers to one question were spread.

    Attributes:
        scale: `points` from 0 to 10 of the Quick Check, or `share`.
        stdev: None where it was not published.
    """

    year: int
    metric: str
    scale: str
    mean: float
    stdev: float | None = None
    source: str


_2024 = "DORA, Accelerate State of DevOps Report 2024"
_2025 = "DORA, State of AI-assisted Software Development 2025"

CLUSTERS = (
    Cluster(
        year=2024,
        name="elite",
        share=0.19,
        lead_time_s=(None, _DAY_S),
        frequency="on demand",
        deploys_every_s=(None, _DAY_S),
        change_fail_rate=0.05,
        recovery_s=(None, 3_600.0),
        source=_2024,
    ),
    Cluster(
        year=2024,
        name="high",
        share=0.22,
        lead_time_s=(_DAY_S, _WEEK_S),
        frequency="between once a day and once a week",
        deploys_every_s=(_DAY_S, _WEEK_S),
        change_fail_rate=0.20,
        recovery_s=(None, _DAY_S),
        source=_2024,
    ),
    Cluster(
        year=2024,
        name="medium",
        share=0.35,
        lead_time_s=(_WEEK_S, _MONTH_S),
        frequency="between once a week and once a month",
        deploys_every_s=(_WEEK_S, _MONTH_S),
        change_fail_rate=0.10,
        recovery_s=(None, _DAY_S),
        source=_2024,
    ),
    Cluster(
        year=2024,
        name="low",
        share=0.25,
        lead_time_s=(_MONTH_S, 6 * _MONTH_S),
        frequency="between once a month and once in six months",
        deploys_every_s=(_MONTH_S, 6 * _MONTH_S),
        change_fail_rate=0.40,
        recovery_s=(_WEEK_S, _MONTH_S),
        source=_2024,
    ),
)

DISTRIBUTIONS = (
    Distribution(year=2025, metric="lead_time", scale="points", mean=5.5, stdev=2.4, source=_2025),
    Distribution(year=2025, metric="deployment_frequency", scale="points", mean=4.8, stdev=2.8, source=_2025),
    Distribution(year=2025, metric="recovery_time", scale="points", mean=7.4, stdev=2.1, source=_2025),
    Distribution(year=2025, metric="change_fail_rate", scale="share", mean=0.19, source=_2025),
    Distribution(year=2025, metric="rework_rate", scale="share", mean=0.22, source=_2025),
)
