"""Text columns as numbers: each value's place in a list, and combinations of several columns as groups."""

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from resile.analytics.ordered import Bools, Ints

N_PLACES_MOST = 1 << 22

Value = str | None
Combined = tuple[list[tuple[Value, ...]], Ints]


class Coded(Struct, frozen=True):
    """A column of text.

    Attributes:
        values: each once, in no particular order; one may be None, and one may not occur.
        codes: the place in `values` of each row's value (n,).
    """

    values: list[Value]
    codes: Ints

    def taken(self, rows: Ints | Bools) -> "Coded":
        """The column of these rows, in their order, or of those that are marked."""
        return Coded(self.values, self.codes[rows])

    def followed_by(self, more: "Coded") -> "Coded":
        """This column and another below it."""
        return joined((self, more))


def coded(column: pa.Array) -> Coded:
    """A column of text as the engine gives it, null being a value like others."""
    encoded = pc.dictionary_encode(column, null_encoding="encode")
    return Coded(encoded.dictionary.to_pylist(), encoded.indices.to_numpy())


def joined(parts: Sequence[Coded]) -> Coded:
    """All parts, one below the other."""
    if not parts:
        return Coded([], np.zeros(0, dtype=np.int32))
    # The first part's values keep their places.
    places = {value: place for place, value in enumerate(parts[0].values)}
    codes = [parts[0].codes]
    for part in parts[1:]:
        new_places: Ints = np.array([places.setdefault(value, len(places)) for value in part.values], dtype=np.int32)
        codes.append(new_places[part.codes])
    return Coded(list(places), np.concatenate(codes))


def combined(columns: Sequence[Coded], n: int, n_places_most: int = N_PLACES_MOST) -> Combined:
    """The combinations of values that occur among n rows, and which of them each row has.

    Without columns there is one combination, of nothing, which every row has.

    Args:
        n_places_most: so many possible combinations are counted in a table with a place for each; more are sorted.
    """
    if not columns:
        return [()], np.zeros(n, dtype=np.int32)
    if not n:
        return [], np.zeros(0, dtype=np.int32)
    n_possible = math.prod(len(column.values) for column in columns)
    if len(columns) > 1 and n_possible > n_places_most:
        return _joined(combined(columns[:-1], n, n_places_most), combined(columns[-1:], n, n_places_most))
    numbers = columns[0].codes.astype(np.int64)
    for column in columns[1:]:
        numbers *= len(column.values)
        numbers += column.codes
    occurring = np.flatnonzero(np.bincount(numbers, minlength=n_possible))
    place: Ints = np.empty(n_possible, dtype=np.int32)
    place[occurring] = np.arange(len(occurring), dtype=np.int32)
    digits = np.unravel_index(occurring, [len(column.values) for column in columns])
    parts = ([column.values[digit] for digit in of.tolist()] for column, of in zip(columns, digits, strict=True))
    return list(zip(*parts, strict=True)), place[numbers]


def _joined(one: Combined, other: Combined) -> Combined:
    """The same for columns with too many possible combinations to keep a place for each: what occurs is sorted."""
    (one_keys, one_groups), (other_keys, other_groups) = one, other
    pairs = one_groups * np.int64(len(other_keys)) + other_groups
    occurring, places = np.unique(pairs, return_inverse=True)
    pairs_of_places = (divmod(pair, len(other_keys)) for pair in occurring.tolist())
    return [one_keys[first] + other_keys[second] for first, second in pairs_of_places], places
