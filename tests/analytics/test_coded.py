"""Columns of text as numbers, and their combinations as groups."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.analytics.coded import Coded, coded, combined, joined

TEXTS = st.one_of(st.none(), st.text(max_size=3))


def spelt(column: Coded) -> list[str | None]:
    return [column.values[code] for code in column.codes.tolist()]


@settings(deadline=None)
@given(chunks=st.lists(st.lists(TEXTS, max_size=6), max_size=4))
def test_column_in_pieces_keeps_its_values_and_null_is_one_of_them(chunks: list[list[str | None]]) -> None:
    found = joined([coded(pa.array(chunk, type=pa.string())) for chunk in chunks])

    assert spelt(found) == [text for chunk in chunks for text in chunk]
    assert len(set(found.values)) == len(found.values)


@settings(deadline=None)
@given(one=st.lists(TEXTS, max_size=8), other=st.lists(TEXTS, max_size=8))
def test_column_below_another_is_both_of_them(one: list[str | None], other: list[str | None]) -> None:
    both = coded(pa.array(one, type=pa.string())).followed_by(coded(pa.array(other, type=pa.string())))

    assert spelt(both) == one + other
    assert len(set(both.values)) == len(both.values)


@pytest.mark.parametrize("n_places_most", [1, 1 << 22])
@settings(deadline=None)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=30))
def test_rows_are_in_one_group_exactly_if_all_their_values_are_equal(
    n_places_most: int, rows: list[tuple[str | None, ...]]
) -> None:
    columns = [coded(pa.array([row[place] for row in rows], type=pa.string())) for place in range(3)]

    keys, groups = combined(columns, len(rows), n_places_most)

    assert [keys[group] for group in groups.tolist()] == rows
    assert sorted(map(str, keys)) == sorted(map(str, set(rows)))


def test_without_columns_all_rows_are_one_group() -> None:
    keys, groups = combined([], 3)

    assert keys == [()]
    assert np.array_equal(groups, [0, 0, 0])
