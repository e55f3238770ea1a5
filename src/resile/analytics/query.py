"""What is asked of the incidents: window, clock, filter, grouping, period."""

from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.model.incident import InstantName


class Clock(StrEnum):
    """From which instant to which the time is taken."""

    DETECTED_TO_RESTORED = "detected_to_restored"
    IMPACT_TO_RESTORED = "impact_to_restored"
    IMPACT_TO_DETECTED = "impact_to_detected"
    DETECTED_TO_ACKNOWLEDGED = "detected_to_acknowledged"
    ACKNOWLEDGED_TO_IDENTIFIED = "acknowledged_to_identified"
    IDENTIFIED_TO_MITIGATED = "identified_to_mitigated"
    MITIGATED_TO_RESTORED = "mitigated_to_restored"

    @property
    def start(self) -> InstantName:
        """The instant at which this clock starts."""
        return _ENDS[self][0]

    @property
    def end(self) -> InstantName:
        """The instant at which this clock stops."""
        return _ENDS[self][1]

    @property
    def measure(self) -> str:
        """The measure's name in reports, e.g. `time_to_restore`."""
        return _MEASURES[self]


_ENDS = {
    Clock.DETECTED_TO_RESTORED: (InstantName.DETECTED, InstantName.RESTORED),
    Clock.IMPACT_TO_RESTORED: (InstantName.IMPACT_BEGAN, InstantName.RESTORED),
    Clock.IMPACT_TO_DETECTED: (InstantName.IMPACT_BEGAN, InstantName.DETECTED),
    Clock.DETECTED_TO_ACKNOWLEDGED: (InstantName.DETECTED, InstantName.ACKNOWLEDGED),
    Clock.ACKNOWLEDGED_TO_IDENTIFIED: (InstantName.ACKNOWLEDGED, InstantName.IDENTIFIED),
    Clock.IDENTIFIED_TO_MITIGATED: (InstantName.IDENTIFIED, InstantName.MITIGATED),
    Clock.MITIGATED_TO_RESTORED: (InstantName.MITIGATED, InstantName.RESTORED),
}

_MEASURES = {
    Clock.DETECTED_TO_RESTORED: "time_to_restore",
    Clock.IMPACT_TO_RESTORED: "time_to_restore_from_impact",
    Clock.IMPACT_TO_DETECTED: "time_to_detect",
    Clock.DETECTED_TO_ACKNOWLEDGED: "time_to_acknowledge",
    Clock.ACKNOWLEDGED_TO_IDENTIFIED: "time_to_identify",
    Clock.IDENTIFIED_TO_MITIGATED: "time_to_mitigate",
    Clock.MITIGATED_TO_RESTORED: "time_to_verify",
}


class Every(StrEnum):
    """The period of a trend; weeks start on Monday, all in UTC."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


DIMENSIONS = ("severity", "service", "team", "origin")

# The periods by which one can group too, by the instant at which the clock started; the unit as Ibis truncates.
PERIODS = {"day": "D", "week": "W", "month": "M", "quarter": "Q"}

_ALIASES = {"source": "origin", "cause": "label:cause"}


def check_dimension(name: str) -> str:
    """Give the dimension back under its own name, if it is one.

    These are severity, service, team, origin (also called source), label:NAME (cause: label:cause) and the periods day,
    week, month and quarter.

    Raises:
        ConfigError: it is none.
    """
    name = _ALIASES.get(name, name)
    if name in DIMENSIONS or name in PERIODS or (name.startswith("label:") and len(name) > len("label:")):
        return name
    known = ", ".join((*DIMENSIONS, *PERIODS))
    raise ConfigError(f"cannot group or filter by {name!r}; use {known} or label:NAME")


class Window(Struct, frozen=True):
    """From `start` (inclusive) to `end` (exclusive); aware UTC. Written `from` and `to` in reports."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ConfigError(
                f"window ends {self.end.isoformat()}, not after it starts {self.start.isoformat()}; swap or widen them"
            )


class Condition(Struct, frozen=True):
    """Only incidents whose dimension has one of these values; the empty string stands for incidents without one."""

    dimension: str
    values: tuple[str, ...]


class Query(Struct, frozen=True, kw_only=True):
    """One question to the incidents."""

    window: Window
    clock: Clock = Clock.DETECTED_TO_RESTORED
    by: tuple[str, ...] = ()
    every: Every = Every.WEEK
    where: tuple[Condition, ...] = ()


def period_start(at: datetime, every: Every) -> datetime:
    """The start of the period in which `at` lies, midnight UTC."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match every:
        case Every.DAY:
            return day
        case Every.WEEK:
            return day.fromordinal(day.toordinal() - day.weekday()).replace(tzinfo=UTC)
        case Every.MONTH:
            return day.replace(day=1)
        case Every.QUARTER:
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)


def next_period(start: datetime, every: Every) -> datetime:
    """The start of the period after the one that starts at `start`."""
    match every:
        case Every.DAY:
            return datetime.fromordinal(start.toordinal() + 1).replace(tzinfo=UTC)
        case Every.WEEK:
            return datetime.fromordinal(start.toordinal() + 7).replace(tzinfo=UTC)
        case Every.MONTH | Every.QUARTER:
            months = start.year * 12 + start.month - 1 + (1 if every is Every.MONTH else 3)
            return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
