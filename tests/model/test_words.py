"""Severities and times at the border."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.model.errors import ConfigError
from resile.model.severity import Severity, parse_severity
from resile.model.time import format_instant, from_us, parse_instant, to_us, utc


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("SEV1", "SEV1"),
        ("sev-2", "SEV2"),
        (" 3 ", "SEV3"),
        ("critical", "SEV1"),
        ("Major", "SEV2"),
        ("minor", "SEV3"),
        ("P5", "SEV5"),
    ],
)
def test_severities_are_known_by_several_names(text: str, severity: str) -> None:
    assert parse_severity(text) is Severity(severity)


def test_an_alias_of_the_settings_goes_before_the_built_in_ones() -> None:
    assert parse_severity("major", {"major": Severity.SEV1}) is Severity.SEV1


@pytest.mark.parametrize("text", ["", "sev9", "0", "huge"])
def test_an_unknown_severity_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(ConfigError, match="use SEV1 to SEV5"):
        parse_severity(text)


@given(st.datetimes(min_value=datetime(1960, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - made aware below
def test_microseconds_and_text_keep_every_instant(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)

    assert from_us(to_us(at)) == at
    assert parse_instant(format_instant(at)) == at


def test_an_offset_is_brought_to_utc_and_a_naive_time_refused() -> None:
    tokyo = datetime(2024, 1, 1, 9, 0, tzinfo=timezone(timedelta(hours=9)))

    assert format_instant(tokyo) == "2024-01-01T00:00:00Z"
    with pytest.raises(ConfigError, match="no zone"):
        utc(datetime(2024, 1, 1))  # noqa: DTZ001 - that is the point


def test_what_is_no_time_is_refused_with_an_example() -> None:
    with pytest.raises(ConfigError, match="2024-01-31"):
        parse_instant("yesterday")


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1899-12-31", "2200-01-02"],
)
def test_a_time_that_no_engine_could_hold_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="lies outside 1900 to 2200"):
        parse_instant(text)
