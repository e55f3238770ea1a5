import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.analytics import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.4, "0.4 s"),
        (45, "45 s"),
        (100, "1.7 min"),
        (2280, "38 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
        (16_560, "4.6 h"),
        (118_800, "33 h"),
        (641_520, "7.4 d"),
        (400 * 86_400, "400 d"),
        (-600, "−10 min"),
    ],
)
def test_a_duration_is_said_in_the_unit_that_reads_best(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(540, "+9 min"), (-300, "−5 min"), (0, "±0 s"), (None, "–")])
def test_a_change_carries_its_sign(seconds: float | None, said: str) -> None:
    assert words.signed(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(638, "10 min 38 s"), (93_600, "1 d 2 h"), (3_600, "1 h"), (59.6, "1 min"), (0, "0 s"), (-90, "−1 min 30 s")],
)
def test_an_exact_duration_has_at_most_two_units(seconds: float, said: str) -> None:
    assert words.exact_duration(seconds) == said


@given(st.floats(min_value=1, max_value=1e9))
def test_an_exact_duration_loses_less_than_its_second_unit(seconds: float) -> None:
    sizes = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
    parts = words.exact_duration(seconds).split(" ")
    told = sum(int(n) * sizes[unit] for n, unit in zip(parts[::2], parts[1::2], strict=True))
    assert len(parts) <= 4
    assert 0 <= round(seconds) - told < sizes[parts[-1]] or parts[-1] != "s"
    assert told <= round(seconds)


@pytest.mark.parametrize(
    ("low", "high", "beside", "said"),
    [
        (1980, 2640, None, "33–44 min"),
        (1980, 2640, 2280, "33–44"),
        (3120, 6120, None, "52 min–1.7 h"),
        (5100, 9000, 5760, "1.4–2.5"),
        (60, 60, None, "60 s"),
        (1, 86_400 * 30, 3600, "1 s–30 d"),
        (None, 10, None, "–"),
    ],
)
def test_an_interval_takes_over_the_unit_beside_it(
    low: float | None, high: float, beside: float | None, said: str
) -> None:
    assert words.interval(low, high, beside_s=beside) == said


@pytest.mark.parametrize(
    ("ratio", "said"), [(0.8, "20 % shorter"), (1.3, "30 % longer"), (2.31, "2.3 times as long"), (1.0, "the same")]
)
def test_a_ratio_is_said_as_a_change(ratio: float, said: str) -> None:
    assert words.factor(ratio) == said


def test_counts_shares_and_chances_are_said_as_people_quote_them() -> None:
    assert words.number(24918) == "24\u202f918"
    assert words.counted(1, "incident") == "1 incident"
    assert words.percent(0.045) == "4.5 %"
    assert words.percent(-0.35) == "−35 %"
    assert words.p_value(0.0004) == "p < 0.001"
    assert words.p_value(0.034) == "p = 0.03"


def test_groups_without_a_value_have_a_name() -> None:
    assert words.key_name({"service": None, "label:cause": "deploy"}) == "no service · deploy"
    assert words.key_name({}) == "all incidents"


def test_joined_phases_are_told_by_the_instants_around_them() -> None:
    assert words.phase_doing("acknowledge+identify+mitigate+verify") == (
        "the stretch from detection to restoration, with nothing known between"
    )


def test_joined_phases_are_named_by_their_ends() -> None:
    assert words.phase_name("identify+mitigate+verify") == "Identify to verify"


def test_what_is_excluded_is_told_by_reason() -> None:
    assert words.excluded_sentence({"planned": 20, "noise": 11, "drill": 0}) == "31 excluded: 20 planned, 11 noise"
    assert words.excluded_sentence({"planned": 0}) == ""


@given(st.floats(min_value=1e-3, max_value=1e9), st.floats(min_value=4, max_value=1e6), st.integers(2, 9))
def test_ticks_lie_inside_the_axis_in_order_and_are_not_too_many(low: float, times: float, at_most: int) -> None:
    ticks = words.duration_ticks(low, low * times, at_most=max(at_most, 3))

    assert len(ticks) <= max(at_most, 3)
    assert all(low <= tick.seconds <= low * times for tick in ticks)
    assert [tick.seconds for tick in ticks] == sorted({tick.seconds for tick in ticks})
    assert not any(math.isnan(tick.seconds) for tick in ticks)
