"""How long a forge wants to be left alone: whatever its headers hold, it is a time or none, and never a fault."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.sources.forges.limits import Limited, limit_of, reset_of

NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
NAMES = ["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit-remaining", "ratelimit-reset", "date"]
VALUES = st.one_of(st.text(max_size=40), st.integers().map(str), st.just("Wed, 01 May 2024 12:00:00 GMT"))


@given(
    st.dictionaries(st.sampled_from(NAMES), VALUES), st.sampled_from([200, 403, 429, 500, 503]), st.binary(max_size=50)
)
def test_whatever_stands_in_the_headers_it_is_a_time_ahead_or_none(
    headers: dict[str, str], status: int, body: bytes
) -> None:
    limited, reset = limit_of(status, headers, body, now=NOW), reset_of(headers, now=NOW)

    for until in (None if limited is None else limited.until, reset):
        assert until is None or NOW <= until <= NOW + timedelta(days=367)


@pytest.mark.parametrize(
    ("headers", "until"),
    [
        ({"retry-after": "Wed, 01 May 2024 12:10:00 GMT"}, NOW + timedelta(seconds=601)),
        ({"retry-after": "Wed, 01 May 2024 11:00:00 GMT"}, NOW + timedelta(seconds=1)),
        # Seconds from now, as the IETF's draft has them; and since 1970.
        ({"ratelimit-remaining": "0", "ratelimit-reset": "30"}, NOW + timedelta(seconds=31)),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "1714564830"}, NOW + timedelta(seconds=31)),
        ({"ratelimit-remaining": "0"}, None),
        ({"ratelimit-remaining": "5", "ratelimit-reset": "30"}, None),
    ],
)
def test_it_is_told_as_a_date_or_in_seconds_of_two_kinds(headers: dict[str, str], until: datetime | None) -> None:
    assert limit_of(429, headers, b"", now=NOW) == Limited(until)


def test_a_right_that_is_missing_is_no_limit() -> None:
    headers = {"x-ratelimit-remaining": "4999", "x-ratelimit-reset": "1714564830"}

    assert limit_of(403, headers, b'{"message": "Resource not accessible by integration"}', now=NOW) is None


@pytest.mark.parametrize(
    "date",
    [f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT", f"Mon, 01 Jan 2024 00:00:00 +{'9' * 14}", f"Mon, 1 Jan 1 {'9' * 20}:00"],
)
def test_a_date_beyond_all_calendars_is_none(date: str) -> None:
    headers = {"retry-after": date, "ratelimit-remaining": "0", "ratelimit-reset": "1714564830", "date": date}

    assert limit_of(429, headers, b"", now=NOW) == Limited(NOW + timedelta(seconds=31))
