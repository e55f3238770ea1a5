"""How often somebody may knock who has not shown that they know a secret."""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

# So many refusals at once, and so many a second after that, from one address.
BURST = 60
PER_SECOND = 1.0
# Addresses that are remembered; the one that was silent longest is forgotten first.
MAX_ADDRESSES = 10_000
# An address from which a right signature came is no stranger for so long.
_PROVEN_FOR_S = 3_600.0
# A body that announces no more is looked at even then: it takes hardly longer than to say no, and a sender whose
# deliveries are rarer than that, behind the same address as somebody who is refused all the time, comes through.
SMALL_BYTES = 200_000
# One network of IPv6 counts as one address: whoever has one has 2^64 of them.
_IPV6_PREFIX = 64


class Strangers:
    """Who was refused how often, by address.

    A sender shares its address with others: at GitHub with everybody who has a webhook there. So an address from which
    a right signature came a while ago is not limited, whatever else comes from it. Small bodies are looked at all the
    same, for the sake of whoever knows the secret.

    Args:
        elapsed_s: a clock that only runs forward, in seconds.
    """

    def __init__(self, elapsed_s: Callable[[], float] = monotonic) -> None:
        self._elapsed_s = elapsed_s
        # Refusals that still count, and as of when.
        self._refused: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._proven_at: OrderedDict[str, float] = OrderedDict()

    def has_proven(self, address: str) -> bool:
        """Whether a right signature came from there lately."""
        proven_at = self._proven_at.get(address)
        return proven_at is not None and self._elapsed_s() - proven_at < _PROVEN_FOR_S

    def prove(self, address: str) -> None:
        """Note that a right signature came from there."""
        self._proven_at[address] = self._elapsed_s()
        self._proven_at.move_to_end(address)
        if len(self._proven_at) > MAX_ADDRESSES:
            self._proven_at.popitem(last=False)

    def refuse(self, address: str) -> None:
        """Note that somebody there was refused."""
        now = self._elapsed_s()
        self._refused[address] = min(self._n_counting(address, now) + 1, BURST + 1), now
        self._refused.move_to_end(address)
        if len(self._refused) > MAX_ADDRESSES:
            self._refused.popitem(last=False)

    def wait_s(self, address: str) -> int | None:
        """After how many seconds to come again; None: now will do."""
        if address not in self._refused or self.has_proven(address):
            return None
        surplus = self._n_counting(address, self._elapsed_s()) + 1 - BURST
        return None if surplus <= 0 else math.ceil(surplus / PER_SECOND)

    def _n_counting(self, address: str, now: float) -> float:
        n, then = self._refused.get(address, (0.0, now))
        return max(0.0, n - (now - then) * PER_SECOND)


def network_of(host: str | None) -> str:
    """By what somebody is remembered: the address, of IPv6 the network; a socket without one has no name."""
    if host is None or ":" not in host:
        return host or ""
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> _IPV6_PREFIX << _IPV6_PREFIX, _IPV6_PREFIX)))
