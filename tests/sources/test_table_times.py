from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.sources.times import TimeProblemError, compiled_format, time_reader, zone_of

MAPPING = """
id: ref
timezone: {zone}
detected: {{column: began, format: '%Y-%m-%d %H:%M'}}
restored: {{column: ended, format: '%Y-%m-%d %H:%M'}}
"""
DENVER = MAPPING.format(zone="America/Denver")


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("iso", "2024-03-01T08:00:00+02:00", datetime(2024, 3, 1, 6, tzinfo=UTC)),
        ("epoch", "1709280000", datetime(2024, 3, 1, 8, tzinfo=UTC)),
        ("epoch_ms", "1709280000500", datetime(2024, 3, 1, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("excel", "45352.3333333", datetime(2024, 3, 1, 7, 59, 59, 997_000, tzinfo=UTC)),
        ("%d/%m/%Y %H:%M", "1/3/2024 8:00", datetime(2024, 3, 1, 8, tzinfo=UTC)),
        ("%m/%d/%y %I:%M %p", "03/01/24 8:00 AM", datetime(2024, 3, 1, 8, tzinfo=UTC)),
        ("%d-%b-%Y %H:%M:%S", "01-Mar-2024 08:00:00", datetime(2024, 3, 1, 8, tzinfo=UTC)),
        ("%Y-%m-%d %H:%M:%S %z", "2024-03-01 08:00:00 +0000", datetime(2024, 3, 1, 8, tzinfo=UTC)),
    ],
)
def test_every_kind_of_format_is_read(form: str, text: str, expected: datetime) -> None:
    assert time_reader((form,), zone_of("UTC"))(text) == (expected,)


@pytest.mark.parametrize(
    "text",
    ["2024-03-01", "2024-03-01 08:00", "2024/03/01 08:00", "01.03.2024 08:00", "1 Mar 2024", "Mar 1, 2024 08:00"],
)
def test_unambiguous_times_need_no_format(text: str) -> None:
    assert time_reader((), zone_of("UTC"))(text)[0].date().isoformat() == "2024-03-01"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("03/01/2024 08:00", "may be day or month first"),
        ("1709280000", "is a bare number"),
        ("yesterday", "is no time that is understood"),
        ("0024-01-01", "lies in the year 24"),
    ],
)
def test_times_that_may_mean_two_things_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(TimeProblemError, match=sentence):
        time_reader((), zone_of("UTC"))(text)


LOCAL = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2199, 1, 1))  # noqa: DTZ001


@given(LOCAL, st.sampled_from(["/", "-", ".", ":"]))
def test_formats_of_fixed_width_read_as_strptime_does(at: datetime, separator: str) -> None:
    form = f"%d{separator}%m{separator}%Y %H:%M:%S"
    text = at.strftime(form)

    assert compiled_format(form)(text) == datetime.strptime(text, form)  # noqa: DTZ007


@pytest.mark.parametrize(
    "text", ["1/2/2024 03:04", "01/02/2024 3:4", "01/02/2024 0a:04", "01-02-2024 03:04", "01/02/2024 03:04 "]
)
def test_what_is_not_of_full_width_reads_as_strptime_does(text: str) -> None:
    def by_strptime() -> datetime | None:
        try:
            return datetime.strptime(text.strip(), "%d/%m/%Y %H:%M")  # noqa: DTZ007
        except ValueError:
            return None

    def by_us() -> datetime | None:
        try:
            return compiled_format("%d/%m/%Y %H:%M")(text)
        except ValueError:
            return None

    assert by_us() == by_strptime()


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2030, 1, 1)))  # noqa: DTZ001
def test_a_local_time_of_any_day_is_the_zones_own(at: datetime) -> None:
    zone = zone_of("America/Denver")
    try:
        found = time_reader(("iso",), zone)(at.isoformat())
    except TimeProblemError:
        assert at.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at
        return

    assert found == tuple(dict.fromkeys(at.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)))


def test_a_time_that_exists_twice_is_settled_by_its_end(read_table) -> None:
    # 2024-11-03 01:00 to 02:00 comes twice; only from the first 01:40 to the second 01:10 does time run forward.
    readings = read_table("ref,began,ended\n1,2024-11-03 01:40,2024-11-03 01:10\n", DENVER)

    assert readings.times("1") == {"detected": "2024-11-03T07:40:00", "restored": "2024-11-03T08:10:00"}
    assert readings.taken[0].doubts == ()


def test_a_time_that_exists_twice_is_a_doubt_where_the_order_does_not_tell(read_table) -> None:
    readings = read_table("ref,began,ended\n1,2024-11-03 01:10,2024-11-03 05:00\n", DENVER)

    assert readings.times("1")["detected"] == "2024-11-03T07:10:00"
    assert readings.taken[0].doubts == (
        "the clocks of America/Denver showed the time in began twice; the first time is taken",
    )


def test_a_time_that_never_was_is_refused_with_its_column(read_table) -> None:
    readings = read_table("ref,began,ended\n1,2024-03-10 02:30,2024-03-10 05:00\n2,2024-03-11 02:30,\n", DENVER)

    assert [one.draft.ref for one in readings.taken] == ["2"]
    assert str(readings.refused[0].place) == "table.csv, row 2, column 'began'"
    assert "did not exist in America/Denver" in readings.refused[0].reason


def test_mixed_formats_are_refused_row_by_row_and_taken_as_a_list(read_table) -> None:
    table = "ref,began,ended\n1,2024-03-01 08:00,\n2,01/03/2024 08:00,\n3,2024-03-02 08:00,\n"
    mixed = "id: ref\ndetected: {column: began, format: ['%Y-%m-%d %H:%M', '%d/%m/%Y %H:%M']}\n"

    strict, lenient = read_table(table, DENVER), read_table(table, mixed)

    assert [one.draft.ref for one in strict.taken] == ["1", "3"]
    assert "'01/03/2024 08:00' is no time in the format '%Y-%m-%d %H:%M'" in strict.refused[0].reason
    assert lenient.times("2") == {"detected": "2024-03-01T08:00:00"}


def test_the_timezone_option_goes_before_the_mapping(read_table) -> None:
    readings = read_table("ref,began,ended\n1,2024-03-01 08:00,\n", DENVER, timezone="Asia/Tokyo")

    assert readings.times("1") == {"detected": "2024-02-29T23:00:00"}


@given(st.lists(st.datetimes(min_value=datetime(2015, 1, 1), max_value=datetime(2016, 1, 1)), max_size=50))  # noqa: DTZ001
def test_a_day_that_was_read_before_gives_the_same_times_again(times: list[datetime]) -> None:
    zone = zone_of("America/Denver")
    remembering = time_reader(("%m/%d/%Y %H:%M",), zone)

    for at in [*times, *(one.replace(hour=2) for one in times)]:
        text = f"{at:%m/%d/%Y %H:%M}"
        try:
            expected = time_reader(("iso",), zone)(f"{at:%Y-%m-%d %H:%M}")
        except TimeProblemError:
            with pytest.raises(TimeProblemError, match="did not exist"):
                remembering(text)
        else:
            assert remembering(text) == expected


@pytest.mark.parametrize("texts", [("1/2/2024  8:30 ", "1/2/2024  9:30 "), ("01/02/2024 08:30", "01/02/2024 24:30")])
def test_a_text_is_not_pieced_together_from_parts_of_others(texts: tuple[str, str]) -> None:
    remembering = time_reader(("%m/%d/%Y %H:%M",), zone_of("UTC"))

    remembering(texts[0])

    try:
        alone = time_reader(("%m/%d/%Y %H:%M",), zone_of("UTC"))(texts[1])
    except TimeProblemError:
        with pytest.raises(TimeProblemError):
            remembering(texts[1])
    else:
        assert remembering(texts[1]) == alone
