"""The pictures inside tables: a group's range, an attribution's steps, the phases as one bar."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from resile.analytics.results import Attribution, AttributionPart, GroupStatistics, PhasesReport, PhaseStatistics
from resile.analytics.sentences import part_name, typical_s
from resile.analytics.words import duration, exact_duration, number, percent, phase_name, signed
from resile.web.pages.pictures.scales import LogScale, log_scale, xy

# Inline pictures are this wide in their own units and stretched to their cell.
_WIDTH = 300.0
_INSET = 6.0
# So many parts of an attribution are drawn; the others are one bar, for the sum must stay whole.
MOST_PARTS = 7


class Range(Struct, frozen=True):
    """A group's median, its interval and its P90 on the axis shared by all groups of the table."""

    low: str
    width: str
    median: str
    p90: str | None


class Ranges(Struct, frozen=True, kw_only=True):
    """The axis of a table of groups, and how each of them stands on it."""

    begin: str
    end: str
    has_any: bool
    of: Callable[[GroupStatistics], Range | None]


def ranges(groups: Sequence[GroupStatistics]) -> Ranges:
    """The axis that holds all groups, those of other pages of the table too."""
    values = [v for g in groups for v in (typical_s(g), g.median_low_s, g.median_high_s, g.p90_s)]
    scale = log_scale(values, _INSET, _WIDTH - _INSET)
    return Ranges(
        begin=duration(scale.low_s), end=duration(scale.high_s), has_any=any(value is not None for value in values),
        of=lambda group: _range(group, scale),
    )  # fmt: skip


def _range(group: GroupStatistics, scale: LogScale) -> Range | None:
    median = typical_s(group)
    if median is None:
        return None
    low = scale(median if group.median_low_s is None else group.median_low_s)
    high = scale(median if group.median_high_s is None else group.median_high_s)
    p90 = None if group.p90_s is None else xy(scale(group.p90_s))
    return Range(xy(low), xy(max(high - low, 0)), xy(scale(median)), p90)


class Step(Struct, frozen=True, kw_only=True):
    """One row of a waterfall: from which level to which, in the picture's own units."""

    name: str
    kind: str
    amount: str
    exact: str
    x: str
    width: str
    begin: str
    end: str
    part: AttributionPart | None = None
    sentence: str = ""


class Waterfall(Struct, frozen=True, kw_only=True):
    """The mean before, what moved it, the mean after; every bar starts where the last one ended."""

    steps: list[Step]
    n_others: int
    others_sum_s: float


def waterfall(attribution: Attribution, names: tuple[str, str]) -> Waterfall:
    """Lay out the steps: the largest parts by themselves, the others as one, so that they sum to the whole."""
    parts = largest_parts(attribution)
    if len(parts) <= MOST_PARTS + 1:
        shown, others = parts, []
    else:
        shown, others = parts[:MOST_PARTS], parts[MOST_PARTS:]
    shown = sorted(shown, key=lambda part: -part.seconds)
    others_sum_s = sum(part.seconds for part in others)
    moves: list[tuple[str, float, AttributionPart | None]] = [(part_name(part), part.seconds, part) for part in shown]
    if others:
        moves.append((f"{number(len(others))} smaller ones", others_sum_s, None))
    levels = [attribution.mean_before_s]
    for _, seconds, _ in moves:
        levels.append(levels[-1] + seconds)
    low, high = min(levels), max(levels)
    room = (high - low) or 1.0

    def x(level: float) -> float:
        return _INSET + (level - low) / room * (_WIDTH - 2 * _INSET)

    steps = [_end(names[0], attribution.mean_before_s, x)]
    for (name, seconds, part), before, after in zip(moves, levels, levels[1:], strict=False):
        begin, end = sorted((x(before), x(after)))
        steps.append(
            Step(
                name=name, kind="bad" if seconds > 0 else "good", amount=signed(seconds), exact=exact_duration(seconds),
                x=xy(begin), width=xy(max(end - begin, 1.5)), begin=xy(x(before)), end=xy(x(after)), part=part,
                sentence="" if part is None else part.sentence,
            )
        )  # fmt: skip
    steps.append(_end(names[1], attribution.mean_after_s, x))
    return Waterfall(steps=steps, n_others=len(others), others_sum_s=others_sum_s)


def largest_parts(attribution: Attribution) -> list[AttributionPart]:
    """The parts that moved the mean at all, the largest first; those that round to nothing only fill the sum."""
    moving = [part for part in attribution.parts if part.seconds]
    return sorted(moving, key=lambda part: -abs(part.seconds))


def _end(name: str, mean_s: float, x: Callable[[float], float]) -> Step:
    at = xy(x(mean_s))
    return Step(
        name=name,
        kind="whole",
        amount=duration(mean_s),
        exact=exact_duration(mean_s),
        x=at,
        width="0",
        begin=at,
        end=at,
    )


class PhaseBar(Struct, frozen=True, kw_only=True):
    """One phase's piece of the bar, in percent, and its figures; `phase` is empty where it stands for several."""

    name: str
    phase: str
    n: int
    kind: str
    x: str
    width: str
    share: str
    median: str


def phase_bars(report: PhasesReport) -> list[PhaseBar]:
    """The phases one after the other; last, in grey, the stretches whose border nobody knows, all of them together."""
    told = [phase for phase in report.overall.phases if "+" not in phase.phase]
    joined = joined_phases(report)
    bars, at = [], 0.0
    for phase in told:
        bars.append(_bar(phase, phase.phase, at))
        at += phase.share
    if len(joined) == 1:
        bars.append(_bar(joined[0], "joined", at))
    elif joined:
        share = sum(phase.share for phase in joined)
        bars.append(
            PhaseBar(
                name="Not told apart", phase="", n=0, kind="joined", x=_percent(at), width=_percent(share),
                share=percent(share), median="",
            )
        )  # fmt: skip
    return bars


def joined_phases(report: PhasesReport) -> list[PhaseStatistics]:
    """Stretches of several phases whose border is not known."""
    return [phase for phase in report.overall.phases if "+" in phase.phase]


def _bar(phase: PhaseStatistics, kind: str, at: float) -> PhaseBar:
    return PhaseBar(
        name=phase_name(phase.phase), phase=phase.phase, n=phase.n, kind=kind, x=_percent(at),
        width=_percent(phase.share), share=percent(phase.share), median=duration(phase.median_s),
    )  # fmt: skip


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"
