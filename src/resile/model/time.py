"""Aware UTC datetimes for what people do; the one border to text and to integer microseconds."""

from datetime import UTC, datetime, timedelta

from resile.model.errors import ConfigError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What every engine and every library on the way can hold; farther away it is a slip or a placeholder.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def utc(at: datetime) -> datetime:
    """Turn an aware datetime into UTC.

    Raises:
        ConfigError: the datetime is naive; its zone would be a guess.
    """
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise ConfigError(f"time {at.isoformat()} has no zone; give an offset such as {at.isoformat()}Z")
    return at.astimezone(UTC)


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 date or datetime; a time without an offset is taken as UTC.

    Raises:
        ConfigError: the text is no such time, or one outside of 1900 to 2200.
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(f"time {text!r} is not ISO 8601; write it as 2024-01-31 or 2024-01-31T08:30:00Z") from None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    # Compared before it is turned into UTC, for which the first and the last day of all would have no room.
    if not EARLIEST <= at <= LATEST:
        raise ConfigError(f"time {text!r} lies outside {EARLIEST.year} to {LATEST.year}; give a year between them")
    return at.astimezone(UTC)


def format_instant(at: datetime) -> str:
    """Write an aware datetime as RFC 3339 in UTC with a Z, without fractions where they are zero."""
    return utc(at).isoformat().replace("+00:00", "Z")


def to_us(at: datetime) -> int:
    """Microseconds since 1970 in UTC, exactly."""
    return (at - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """The aware UTC datetime of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)
