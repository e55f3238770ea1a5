"""Whether a key may have been met before, in a memory that is fixed however many were."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

# With 2^28 bits, all of a million new keys are known for new but for one input in 50,000, of three million in 25.
_N_PROBES = 6
_NTH = np.arange(_N_PROBES, dtype=np.uint64)
_BITS = 1 << np.arange(8, dtype=np.uint8)


class BloomFilter:
    """A set of keys that never denies one it was given, and seldom claims another.

    Source: Bloom, 1970, Space/time trade-offs in hash coding with allowable errors; the probes from two halves of one
        hash: Kirsch and Mitzenmacher, 2006, Less hashing, same performance.
    """

    def __init__(self, n_bits: int) -> None:
        """`n_bits` is a power of two, at least 8."""
        self._within = np.uint64(n_bits - 1)
        # The kernel gives a page when it is first written to.
        self._bytes = np.zeros(n_bits // 8, np.uint8)

    def add(self, keys: Collection[bytes]) -> None:
        """Take keys into the set."""
        at, bits = self._probes(keys)
        # Of several bits of one byte, a go sets one; np.bitwise_or.at would set all, in thrice the time.
        while (is_left := (self._bytes[at] & bits) == 0).any():
            at, bits = at[is_left], bits[is_left]
            self._bytes[at] |= bits

    def may_hold_any(self, keys: Collection[bytes]) -> bool:
        """False if none of the keys was ever added; True tells nothing for certain."""
        at, bits = self._probes(keys)
        return bool(((self._bytes[at] & bits) != 0).all(axis=1).any())

    def _probes(self, keys: Collection[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """Where each key's bits are; bytes and bits within them, both (n_keys, n_probes)."""
        hashes: NDArray[np.uint64] = np.fromiter(map(hash, keys), np.int64, len(keys)).view(np.uint64)[:, None]
        # An odd step visits other bits each time.
        steps: NDArray[np.uint64] = (hashes >> np.uint64(32)) | np.uint64(1)
        places: NDArray[np.uint64] = (hashes + steps * _NTH) & self._within
        return places >> np.uint64(3), _BITS[places & np.uint64(7)]
