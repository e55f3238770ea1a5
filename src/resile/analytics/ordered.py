"""Durations in order within their groups: one sort, from which everything about all groups is read at once."""

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

    Group, duration and openness are packed into one integer where they fit, since sorting plain integers is several
    times faster than sorting rows.
    """
    counts = np.bincount(groups, minlength=n_groups) if len(groups) else np.zeros(n_groups, dtype=np.int64)
    edges = np.concatenate(([0], np.cumsum(counts)))
    longest = int(durations_us.max(initial=0))
    n_duration_bits = longest.bit_length() + 1
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
