from hypothesis import given
from hypothesis import strategies as st

from resile.cli.drawing import (
    BLOCKS,
    MEDIAN,
    NOTHING,
    P90,
    count_line,
    log_axis,
    range_bar,
    share_bar,
    signed_bar,
    sparkline,
)

seconds = st.floats(0, 1e9)


@given(st.lists(st.none() | seconds, max_size=60))
def test_a_sparkline_has_one_sign_per_period_and_keeps_gaps(values: list[float | None]) -> None:
    line = sparkline(values)

    assert len(line) == len(values)
    assert [sign == NOTHING for sign in line] == [value is None for value in values]


@given(st.lists(st.floats(1, 1e9), min_size=2, max_size=30))
def test_a_higher_value_never_has_a_lower_block(values: list[float]) -> None:
    blocks = [BLOCKS.index(sign) for sign in sparkline(values)]

    pairs = sorted(zip(values, blocks, strict=True))
    assert [block for _, block in pairs] == sorted(blocks)


@given(st.lists(seconds, min_size=4, max_size=4).map(sorted), st.integers(8, 40))
def test_a_range_is_as_wide_as_its_axis_with_the_median_within_it(ends: list[float], width: int) -> None:
    low, median, high, p90 = ends
    axis = log_axis(ends, width)
    assert axis is not None

    bar = range_bar(axis, median, low, high, p90)

    assert len(bar) == width
    assert bar.count(MEDIAN) == 1
    assert axis.column(low) <= bar.index(MEDIAN) <= axis.column(high)
    assert bar.count(P90) == (0 if axis.column(p90) == axis.column(median) else 1)


def test_a_range_without_figures_is_an_empty_track() -> None:
    axis = log_axis([60.0, 3600.0], 10)
    assert axis is not None

    assert range_bar(axis, None, None, None, None) == "─" * 10


def test_ten_times_as_long_is_as_far_everywhere_on_the_axis() -> None:
    axis = log_axis([1.0, 10_000.0], 41)
    assert axis is not None

    assert [axis.column(10.0**power) for power in range(5)] == [0, 10, 20, 30, 40]


def test_no_values_have_no_axis() -> None:
    assert log_axis([None, None], 10) is None
    assert sparkline([None, None]) == NOTHING * 2


@given(st.floats(-0.5, 2), st.integers(1, 40))
def test_a_share_never_runs_over_its_room_and_little_is_never_nothing(share: float, width: int) -> None:
    bar = share_bar(share, width)

    assert len(bar) <= width
    assert bool(bar) == (share > 0)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_signed_bar_stands_on_its_side_of_the_middle(value: float, more: float) -> None:
    left, _, right = signed_bar(value, abs(value) + more, 9).partition("│")

    assert (len(left), len(right)) == (9, 9)
    assert ("█" in left) == (value < 0)
    assert ("█" in right) == (value > 0)


def test_counts_are_drawn_from_zero_so_that_small_differences_look_small() -> None:
    assert count_line([35, 40, None, 38, 20, 1]) == "▇█·█▄▁"
    assert count_line([None, None]) == "··"
    assert count_line([]) == ""
