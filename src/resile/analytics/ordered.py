"""Durations in order within their groups: one sort, from which everything about all groups is read at once."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from resile.analytics.threads import share

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Half a megabyte of floats.
N_PIECE = 1 << 16
_KEY_BITS = 64
# Groups so large are sorted one by one, each within the processor's cache; of smaller ones the calls take longer.
_N_LARGE = 256
_N_NARROW = 1 << 16


class Ordered(Struct, frozen=True):
    """Durations sorted within groups that lie one after the other.

    Attributes:
        durations_us: microseconds, ascending within each group.
        is_open: the clock had not stopped; among equal durations the open ones come last, as they outlast the others.
        edges: group g is the slice edges[g]:edges[g + 1]; n_groups + 1 numbers. A group may be empty.
    """

    durations_us: Ints
    is_open: Bools
    edges: Ints

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return len(self.edges) - 1

    @property
    def sizes(self) -> Ints:
        """Each group's number of incidents."""
        return np.diff(self.edges)

    def restored(self) -> "Ordered":
        """Only those that are not open, in the same groups."""
        if not self.is_open.any():
            return self
        kept = ~self.is_open
        n_before = np.concatenate(([0], np.cumsum(kept)))
        durations_us = self.durations_us[kept]
        return Ordered(durations_us, np.zeros(len(durations_us), dtype=np.bool_), n_before[self.edges])

    def only(self, chosen: Bools) -> "Ordered":
        """The groups that are marked (n_groups,)."""
        if chosen.all():
            return self
        kept = np.repeat(chosen, self.sizes)
        edges = np.concatenate(([0], np.cumsum(self.sizes[chosen])))
        return Ordered(self.durations_us[kept], self.is_open[kept], edges)


def order(groups: npt.NDArray[Any], durations_us: Ints, is_open: Bools, n_groups: int) -> Ordered:
    """Sort durations (n,), none negative, by the group that each belongs to (n,), numbered from 0.

    Large groups are brought together by counting, then sorted one by one. Of small ones group, duration and openness
    are packed into one integer where they fit, since sorting plain integers is several times faster than sorting rows.
    """
    counts = np.bincount(groups, minlength=n_groups) if len(groups) else np.zeros(n_groups, dtype=np.int64)
    edges = np.concatenate(([0], np.cumsum(counts)))
    longest = int(durations_us.max(initial=0))
    n_duration_bits = longest.bit_length() + 1
    if n_groups <= _N_NARROW and len(groups) >= _N_LARGE * n_groups and n_duration_bits < _KEY_BITS:
        return _one_by_one(groups, durations_us, is_open, edges)
    if n_duration_bits + (n_groups - 1).bit_length() > _KEY_BITS:
        ranks = np.lexsort((is_open, durations_us, groups))
        return Ordered(durations_us[ranks], is_open[ranks], edges)
    keys = groups.astype(np.uint64)
    keys <<= np.uint64(n_duration_bits - 1)
    keys |= durations_us.view(np.uint64)
    keys <<= np.uint64(1)
    keys |= is_open
    keys.sort()
    opens = (keys.astype(np.uint8) & np.uint8(1)).view(np.bool_)
    keys >>= np.uint64(1)
    keys &= np.uint64((1 << (n_duration_bits - 1)) - 1)
    return Ordered(keys.view(np.int64), opens, edges)


def _one_by_one(groups: npt.NDArray[Any], durations_us: Ints, is_open: Bools, edges: Ints) -> Ordered:
    """The same for groups that are few and large."""
    has_open = bool(is_open.any())
    if len(edges) > 2:  # noqa: PLR2004 - of one group nothing is to be brought together
        # Of 16 bits, NumPy counts instead of comparing.
        ranks = np.argsort(groups.astype(np.uint16), kind="stable")
        keys = durations_us[ranks]
        opens = is_open[ranks] if has_open else is_open
    else:
        keys, opens = durations_us.copy(), is_open
    if has_open:
        keys <<= 1
        keys |= opens

    def sort(some: range) -> None:
        for group in some:
            keys[edges[group] : edges[group + 1]].sort()

    share(sort, in_pieces(edges))
    if not has_open:
        return Ordered(keys, np.zeros(len(keys), dtype=np.bool_), edges)
    opens = (keys & 1).astype(np.bool_)
    keys >>= 1
    return Ordered(keys, opens, edges)


def in_pieces(edges: Ints) -> list[range]:
    """Neighbouring groups together, about as many values in each piece; a group is in one of them."""
    firsts = np.unique(np.searchsorted(edges[:-1], np.arange(0, max(int(edges[-1]), 1), N_PIECE)))
    starts = np.unique(np.concatenate(([0], firsts, [len(edges) - 1]))).tolist()
    return [range(start, stop) for start, stop in pairwise(starts)]


def summed(values: Floats, edges: Ints) -> Floats:
    """The sum of each group's values; 0 for an empty group."""
    sums = np.zeros(len(edges) - 1)
    is_filled = np.diff(edges) > 0
    if is_filled.any():
        sums[is_filled] = np.add.reduceat(values, edges[:-1][is_filled])
    return sums


def sums(durations_us: Ints, edges: Ints, centres_us: Floats | None = None) -> Floats:
    """The sum of each group's durations, or of the squares of their distances from the group's centre; 0 for none.

    Piece by piece, so that what is computed of a piece stays in the processor's cache, however large the groups.
    """

    def piece(start: int) -> tuple[int, Floats]:
        stop = min(start + N_PIECE, len(durations_us))
        first = int(np.searchsorted(edges, start, side="right")) - 1
        last = int(np.searchsorted(edges, stop, side="left"))
        inner = np.clip(edges[first : last + 1], start, stop) - start
        values = durations_us[start:stop].astype(np.float64)
        if centres_us is not None:
            values -= np.repeat(centres_us[first:last], np.diff(inner))
            np.square(values, out=values)
        return first, summed(values, inner)

    total = np.zeros(len(edges) - 1)
    for first, part in share(piece, range(0, len(durations_us), N_PIECE)):
        total[first : first + len(part)] += part
    return total


def quantiles_s(durations_us: Ints, edges: Ints, share_below: float) -> Floats:
    """The quantile of each group in seconds, linear between order statistics; NaN for an empty group."""
    sizes = np.diff(edges)
    result = np.full(len(sizes), np.nan)
    is_filled = sizes > 0
    n, first = sizes[is_filled], edges[:-1][is_filled]
    place = share_below * (n - 1)
    below = np.floor(place).astype(np.int64)
    low = durations_us[first + below]
    high = durations_us[first + np.minimum(below + 1, n - 1)]
    # Where both are equal the result is exactly that value: no rounding may move it past its neighbours.
    result[is_filled] = (low + (high - low) * (place - below)) / 1e6
    return result
