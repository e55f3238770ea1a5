"""How long a forge wants to be left alone, as its answers say. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from msgspec import Struct

# Of a limit that does not say when it ends, as GitHub asks for it; each further time twice as long.
UNTOLD = timedelta(minutes=1)
# Clocks are told in whole seconds.
_MARGIN = timedelta(seconds=1)
_LONGEST = timedelta(days=366)
_REMAINING = ("x-ratelimit-remaining", "ratelimit-remaining")
_RESET = ("x-ratelimit-reset", "ratelimit-reset")
_FORBIDDEN = 403
_TOO_MANY = 429
_UNAVAILABLE = 503
# Larger figures are seconds since 1970, smaller ones seconds from now, as the draft of the IETF has them.
_EPOCH_S = 1_000_000_000


class Limited(Struct, frozen=True):
    """An answer that says to come back later.

    Attributes:
        until: by our clock; None where it is not told.
    """

    until: datetime | None


def limit_of(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Limited | None:
    """Whether an answer turns us away for a while; None where it does not.

    Args:
        headers: names in lower case, or a mapping that does not mind.
    """
    if status not in {_FORBIDDEN, _TOO_MANY, _UNAVAILABLE}:
        return None
    later = _retry_after(headers, now)
    if later is not None:
        return Limited(later)
    if status == _UNAVAILABLE:
        return None
    reset = reset_of(headers, now=now)
    if reset is not None:
        return Limited(reset)
    # A 403 is a limit only where it says so, else a right that is missing.
    is_told = status == _TOO_MANY or b"rate limit" in body[:10_000].lower()
    return Limited(None) if is_told else None


def reset_of(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    """When requests are allowed again, where none remains; None where some remain or nothing is told of it."""
    remaining = next((headers[name] for name in _REMAINING if name in headers), None)
    if remaining is None or remaining.strip() != "0":
        return None
    figure = next((headers[name].strip() for name in _RESET if name in headers), "")
    if not figure.isascii() or not figure.isdigit():
        return None
    seconds = min(int(figure[:18]), 1 << 40)
    # By the forge's own clock: ours may be wrong by minutes.
    told_at = _date(headers.get("date", "")) or now
    left = timedelta(seconds=seconds - told_at.timestamp() if seconds >= _EPOCH_S else seconds)
    return now + min(max(left, timedelta()), _LONGEST) + _MARGIN


def _retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return now + min(timedelta(seconds=int(text[:9])), _LONGEST) + _MARGIN
    at = _date(text)
    if at is None:
        return None
    left = at - (_date(headers.get("date", "")) or now)
    return now + min(max(left, timedelta()), _LONGEST) + _MARGIN


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
