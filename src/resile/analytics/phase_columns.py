"""The phases of many incidents at once: the same parting as model/phases.py, over columns of instants."""

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from resile.analytics.grouping import NO_INSTANT
from resile.analytics.ordered import Bools, Ints
from resile.model.incident import InstantName
from resile.model.phases import PHASE_ENDS, PhaseName

# The instants that bound phases, in order; the phase number p lies between instants p and p + 1.
BOUNDS = tuple(name.value for name in list(InstantName)[:-1])
PHASES = tuple(PHASE_ENDS)
N_JOINS = 1 << len(PHASES)


class PhaseColumns(Struct, frozen=True):
    """One row per phase of an incident.

    Attributes:
        incidents: row of the incident in the columns given.
        joins: the phases that it joins, as bits in the order of PHASES; more than one where a border is unknown.
        lasted_us: microseconds, never negative.
    """

    incidents: Ints
    joins: Ints
    lasted_us: Ints


def phase_columns(instants_us: npt.NDArray[np.int64]) -> PhaseColumns:
    """Part each incident's stretch from its first known instant to its last; nothing for contradictory ones.

    A phase whose end is not known joins the one after it; it is never taken as 0.

    Args:
        instants_us: (len(BOUNDS), n), NO_INSTANT where unknown.
    """
    usable = ~contradicts(instants_us)
    n = instants_us.shape[1]
    began = np.where(usable, instants_us[0], NO_INSTANT)
    joined = np.zeros(n, dtype=np.int64)
    incidents, joins, lasted = [], [], []
    for place in range(len(PHASES)):
        ended = instants_us[place + 1]
        has_begun = began != NO_INSTANT
        joined[has_begun] |= 1 << place
        is_known = usable & (ended != NO_INSTANT)
        rows = np.flatnonzero(has_begun & is_known)
        incidents.append(rows)
        joins.append(joined[rows])
        lasted.append(ended[rows] - began[rows])
        began = np.where(is_known, ended, began)
        joined[is_known] = 0
    return PhaseColumns(np.concatenate(incidents), np.concatenate(joins), np.concatenate(lasted))


def contradicts(instants_us: npt.NDArray[np.int64]) -> Bools:
    """Whether neighbouring known instants of an incident stand in the wrong order (n,)."""
    latest = np.maximum.accumulate(instants_us, axis=0)
    wrong: Bools = ((instants_us < latest) & (instants_us != NO_INSTANT)).any(axis=0)
    return wrong


def join_name(join: int) -> str:
    """The phases of a join as reports write them: `detect`, `detect+acknowledge`."""
    return "+".join(name.value for place, name in enumerate(PHASES) if join >> place & 1)


def join_of(names: str) -> int:
    """The bits of phases written as `detect` or `detect+acknowledge`.

    Raises:
        ValueError: one of them is no phase.
    """
    return sum(1 << PHASES.index(PhaseName(name)) for name in names.split("+"))
