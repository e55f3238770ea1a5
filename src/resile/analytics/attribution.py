"""Where a change in the mean comes from: exactly, by mix and rate of each class, and by phase."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.grouping import Key, Observations
from resile.analytics.ordered import Ints
from resile.analytics.phase_columns import BOUNDS, N_JOINS, join_name, phase_columns
from resile.analytics.phase_report import instants_of
from resile.analytics.query import Clock
from resile.analytics.results import Attribution, AttributionPart
from resile.analytics.sentences import part_name
from resile.analytics.words import signed

MIX, RATE = "mix", "rate"


class ClassTimes(Struct, frozen=True):
    """Restored incidents of one side by class.

    Attributes:
        counts: incidents per class (n_classes,).
        sums_s: seconds per class and join of phases (n_classes, N_JOINS); over the joins they sum to the whole time.
    """

    counts: Ints
    sums_s: npt.NDArray[np.float64]


def class_times(observations: Observations, places: Ints, n_classes: int, clock: Clock) -> ClassTimes:
    """Sum the time of ended incidents by class and phase.

    Args:
        observations: with all instants of BOUNDS; those outside of the clock play no part.
        places: the class (of n_classes) that each of the observations' groups is.
    """
    is_over = ~observations.is_open
    classes = places[observations.groups]
    counts = np.bincount(classes[is_over], minlength=n_classes)
    instants_us = instants_of(observations)
    first, last = BOUNDS.index(clock.start.value), BOUNDS.index(clock.end.value)
    instants_us[:first] = instants_us[last + 1 :] = np.iinfo(np.int64).min
    parts = phase_columns(instants_us)
    kept = is_over[parts.incidents]
    cells = classes[parts.incidents[kept]].astype(np.int64) * N_JOINS + parts.joins[kept]
    # Exact in integers; a float would lose microseconds that the parts then lack.
    sums_us = np.zeros(n_classes * N_JOINS, dtype=np.int64)
    np.add.at(sums_us, cells, parts.lasted_us[kept])
    # What cannot be parted, since an instant between contradicts the others, is one stretch over the whole clock.
    is_whole = is_over.copy()
    is_whole[parts.incidents] = False
    whole = sum(1 << place for place in range(first, last))
    np.add.at(sums_us, classes[is_whole].astype(np.int64) * N_JOINS + whole, observations.durations_us[is_whole])
    return ClassTimes(counts, sums_us.reshape(n_classes, N_JOINS) / 1e6)


def attribute(before: ClassTimes, after: ClassTimes, keys: Sequence[Key], by: Sequence[str]) -> Attribution | None:
    """Split mean_after - mean_before into parts that sum to it; None where a side has no ended incident.

    With a class's share of incidents w and its mean m, the change is the sum over classes of
    Δw · (average m - c), the mix, and average w · Δm, the rate, averages being of both sides. Since the Δw sum to 0,
    any c serves; the average of both overall means makes more of a slow class count as a rise, and more of a quick one
    as a fall. The rate is a sum over phases. A class that only one side has counts wholly as mix.

    Source: Kitagawa 1955, Components of a difference between two rates, J. Am. Stat. Assoc. 50; the symmetric form
    without interaction.
    """
    n_before, n_after = int(before.counts.sum()), int(after.counts.sum())
    if not n_before or not n_after:
        return None
    mean_before = float(before.sums_s.sum()) / n_before
    mean_after = float(after.sums_s.sum()) / n_after
    reference = (mean_before + mean_after) / 2
    parts: list[AttributionPart] = []
    for place, key in enumerate(keys):
        pair = int(before.counts[place]), int(after.counts[place])
        if not any(pair):
            continue
        shares = pair[0] / n_before, pair[1] / n_after
        by_phase = before.sums_s[place] / max(pair[0], 1), after.sums_s[place] / max(pair[1], 1)
        known = [float(by_phase[side].sum()) for side in (0, 1) if pair[side]]
        mix = (shares[1] - shares[0]) * (sum(known) / len(known) - reference)
        parts.append(_part(key, None, mix, pair, shares))
        if all(pair):
            weight = (shares[0] + shares[1]) / 2
            rates = weight * (by_phase[1] - by_phase[0])
            parts += [
                _part(key, join_name(join), float(rates[join]), pair, shares) for join in np.flatnonzero(rates).tolist()
            ]
    return Attribution(
        by=list(by),
        mean_before_s=mean_before,
        mean_after_s=mean_after,
        change_s=mean_after - mean_before,
        parts=sorted(parts, key=lambda part: -abs(part.seconds)),
    )


def _part(
    key: Key, phase: str | None, seconds: float, pair: tuple[int, int], shares: tuple[float, float]
) -> AttributionPart:
    part = AttributionPart(
        kind=MIX if phase is None else RATE,
        key=key,
        phase=phase,
        seconds=seconds,
        n_before=pair[0],
        n_after=pair[1],
        sentence="",
        share_before=shares[0],
        share_after=shares[1],
    )
    return replace(part, sentence=f"{part_name(part)} {signed(seconds)}")


def usual_dimensions(by: Sequence[str]) -> tuple[str, ...]:
    """The classes by which a change is split: those asked for, else severity and service."""
    return tuple(by) or ("severity", "service")
