"""Filters are read in one place, and nonsense is told rather than guessed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.analytics.query import Clock, Condition, Every, Query, Window
from resile.app.questions import MAX_PERIODS, ONCE, as_params, asked, question
from resile.model.errors import ConfigError
from resile.model.severity import Severity

DEFAULT = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC))


def ask(*pairs: tuple[str, str]) -> Query:
    query, problems = question(pairs, default_window=DEFAULT)
    assert problems == []
    return query


def problems_of(*pairs: tuple[str, str]) -> list[str]:
    return question(pairs, default_window=DEFAULT)[1]


def test_no_words_ask_for_the_default_window() -> None:
    assert ask() == Query(window=DEFAULT)


def test_every_word_has_its_place_in_the_question() -> None:
    query = ask(
        ("from", "2024-01-08"), ("to", "2024-02-01T12:00:00+02:00"), ("clock", "time_to_detect"), ("every", "month"),
        ("by", "severity"), ("by", "label:cause"), ("severity", "critical"), ("severity", "SEV2"), ("source", "jira"),
        ("label:cause", "disk, full"), ("team", ""),
    )  # fmt: skip

    assert query == Query(
        window=Window(datetime(2024, 1, 8, tzinfo=UTC), datetime(2024, 2, 1, 10, tzinfo=UTC)),
        clock=Clock.IMPACT_TO_DETECTED,
        every=Every.MONTH,
        by=("severity", "label:cause"),
        where=(
            Condition("severity", ("SEV1", "SEV2")),
            Condition("origin", ("jira",)),
            Condition("label:cause", ("disk, full",)),
            Condition("team", ("",)),
        ),
    )


@pytest.mark.parametrize(
    ("last", "start"),
    [
        ("90d", DEFAULT.end - timedelta(days=90)),
        ("48h", DEFAULT.end - timedelta(hours=48)),
        ("2w", DEFAULT.end - timedelta(days=14)),
        ("12mo", datetime(2023, 7, 1, tzinfo=UTC)),
        ("1q", datetime(2024, 4, 1, tzinfo=UTC)),
        ("2y", datetime(2022, 7, 1, tzinfo=UTC)),
    ],
)
def test_last_counts_back_from_the_end_of_the_default_window(last: str, start: datetime) -> None:
    assert ask(("last", last)).window == Window(start, DEFAULT.end)


def test_a_month_back_from_the_31st_is_the_last_day_of_a_shorter_month() -> None:
    assert ask(("to", "2024-03-31"), ("last", "1mo")).window.start == datetime(2024, 2, 29, tzinfo=UTC)
    assert ask(("to", "2024-12-31"), ("last", "12mo")).window.start == datetime(2023, 12, 31, tzinfo=UTC)


def test_a_plus_sign_that_an_address_turned_into_a_space_is_still_an_offset() -> None:
    assert ask(("from", "2024-02-01T12:00:00 02:00")).window.start == datetime(2024, 2, 1, 10, tzinfo=UTC)


def test_the_names_of_severities_in_the_settings_count() -> None:
    query, problems = question(
        {"severity": ["blocker"]}, default_window=DEFAULT, severity_aliases={"blocker": Severity.SEV1}
    )

    assert problems == []
    assert query.where == (Condition("severity", ("SEV1",)),)


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([("from", "yesterday")], "from: time 'yesterday' is not ISO 8601"),
        ([("from", "2024-05-01"), ("to", "2024-04-01")], "swap or widen"),
        ([("last", "soon")], "last: 'soon' is no length of time"),
        ([("last", "0d")], "no length of time"),
        ([("last", "99999y")], "no length of time"),
        ([("from", "2024-01-01"), ("last", "9d")], "both given"),
        ([("from", "0001-01-01")], "lies outside 1900 to 2200"),
        ([("from", "2024-01-01"), ("from", "2024-02-01")], "given 2 times"),
        ([("clock", "sundial")], "clock 'sundial' is unknown"),
        ([("every", "fortnight")], "every 'fortnight' is no period"),
        ([("by", "colour")], "by: cannot group or filter by 'colour'"),
        ([("severity", "awful")], "severity 'awful' is unknown"),
        ([("sevrity", "SEV1")], "'sevrity' is no filter"),
        ([("week", "2024-01-01")], "week is no filter but a period"),
        ([("label:", "x")], "'label:' is no filter"),
        ([("service", "x" * 501)], "longer than 500"),
        ([("service", str(n)) for n in range(201)], "has 201 values"),
        ([("by", f"label:{n}") for n in range(5)], "has 5 dimensions"),
        ([("from", "1950-01-01"), ("every", "day")], f"more than {MAX_PERIODS} periods by day"),
    ],
)
def test_what_is_not_understood_is_told_in_one_sentence_with_a_way_out(pairs: list[tuple[str, str]], says: str) -> None:
    problems = problems_of(*pairs)

    assert len(problems) == 1
    assert says in problems[0]


def test_a_face_that_wants_no_nonsense_gets_an_error_that_names_all_of_it() -> None:
    with pytest.raises(ConfigError, match=r"clock 'x' is unknown.*; every 'y' is no period"):
        asked([("clock", "x"), ("every", "y")], default_window=DEFAULT)


def test_names_that_the_caller_reads_itself_are_no_nonsense() -> None:
    _, problems = question([("page", "2")], default_window=DEFAULT, also=("page",))

    assert problems == []


WORDS = st.one_of(st.sampled_from([*ONCE, "by", "severity", "service", "label:cause", "label:"]), st.text(max_size=8))
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["2024-01-01", "9999-12-31T23:59:59-23:59", "90d", "99999mo", "severity", "SEV1", "week", "day"]),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
)


@given(st.lists(st.tuples(WORDS, VALUES), max_size=12))
def test_whatever_is_asked_gives_a_question_that_can_be_written_as_words_and_read_again(
    pairs: list[tuple[str, str]],
) -> None:
    query, _ = question(pairs, default_window=DEFAULT)

    assert query.window.start < query.window.end
    assert question(as_params(query), default_window=DEFAULT) == (query, [])
