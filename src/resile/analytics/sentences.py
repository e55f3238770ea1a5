"""Findings as sentences, computed from the reports: what a page says before it shows a figure."""

from resile.analytics.query import Clock
from resile.analytics.results import (
    LONGER,
    NO_EVIDENCE,
    SHORTER,
    Attribution,
    AttributionPart,
    CompareReport,
    GroupStatistics,
    PagedStatistics,
    PeriodStatistics,
    PhasesReport,
    RestoreReport,
    Trend,
    WhatIf,
)
from resile.analytics.words import (
    clock_done,
    clock_name,
    counted,
    duration,
    exact_duration,
    factor,
    interval,
    key_name,
    number,
    p_value,
    percent,
    phase_doing,
    phase_name,
    signed,
)

# Below this no trend is spoken of (results.Trend.detectable_change is null there).
_FEW = 8
# A change by the year is said only of incidents that span at least this.
_MOST_OF_A_YEAR_DAYS = 300
# A steeper change is mostly one short stretch drawn out over the whole span; its factor would mislead.
_TOLD_UP_TO = 5.0
# Factors beyond come of incidents of no length at all; and an interval of no width, of incidents all of one length.
_QUOTED_UP_TO = 100.0
_BOTH_WAYS = " Short and long incidents differ in opposite ways, though."

Parts = list[tuple[str, bool]]


def message_parts(report: RestoreReport) -> Parts:
    """The report's message as pieces of text, each with whether it is the figure to stress."""
    return [*_typical(report), (f" {trend_sentence(report.trend)}", False)]


def message(report: RestoreReport) -> str:
    """The report's message: `Half of incidents are restored within 38 min. No evidence that this is changing`."""
    return _joined(message_parts(report))


def _typical(report: RestoreReport) -> Parts:
    overall, done = report.overall, clock_done(report.clock)
    n = overall.n_restored + overall.n_open
    if n == 0:
        return [(f"No incident of this window has a known {clock_name(report.clock).lower()}.", False)]
    median = typical_s(overall)
    if overall.n_restored == 0:
        verb = "is" if overall.n_open == 1 else "are"
        return [(counted(overall.n_open, "incident"), True), (f" {verb} open and none is {done} yet.", False)]
    if median is None:
        return [("Fewer than half", True), (f" of these {number(n)} incidents are {done}.", False)]
    if n == 1:
        return [(f"The one incident was {done} within ", False), (duration(median), True), (".", False)]
    return [(f"Half of incidents are {done} within ", False), (duration(median), True), (".", False)]


def typical_s(statistics: GroupStatistics | PeriodStatistics) -> float | None:
    """The median that stands for a group or period: Kaplan–Meier's when incidents are open, else the plain one."""
    return statistics.km_median_s if statistics.n_open else statistics.median_s


def trend_sentence(trend: Trend) -> str:
    """Whether it changes: `It is falling: about 20 % shorter each year (5 to 33 %)`."""
    if trend.n < _FEW:
        return "Too few incidents to speak of a trend." if trend.n else ""
    if trend.p_value is None:
        return "Too little is known to tell whether this is changing."
    if trend.verdict not in {"falling", "rising"}:
        return "No evidence that this is changing."
    change, _, _, span = _spoken_change(trend)
    if change is None or not 1 / _TOLD_UP_TO <= change <= _TOLD_UP_TO:
        return f"It is {trend.verdict}."
    return f"It is {trend.verdict}: about {factor(change)} {span}."


def trend_detail(trend: Trend) -> str:
    """What stands behind the verdict: interval, p-value and method."""
    said = []
    _, low, high, span = _spoken_change(trend)
    if low is not None and high is not None and 1 / _QUOTED_UP_TO <= low < high <= _QUOTED_UP_TO:
        said.append(f"between {factor(low)} and {factor(high)} {span}")
    if trend.p_value is not None:
        said.append(p_value(trend.p_value))
    return " · ".join([*said, trend.method])


def detectable_sentence(trend: Trend) -> str:
    """What could have been seen: `a change below 35 % over the whole window could not be seen with this many ...`."""
    if trend.detectable_change is None:
        return "too few incidents to see any change" if trend.n else ""
    if percent(trend.detectable_change) == "0 %":
        return ""
    smallest = percent(trend.detectable_change)
    return f"a change below {smallest} over the whole window could not be seen with this many incidents"


def _spoken_change(trend: Trend) -> tuple[float | None, float | None, float | None, str]:
    """The change with its interval, by the year only where the incidents span most of one: never extrapolated."""
    if trend.span_days is None or trend.span_days >= _MOST_OF_A_YEAR_DAYS:
        return trend.change_per_year, trend.change_per_year_low, trend.change_per_year_high, "each year"
    span = f"over these {trend.span_days:.0f} days" if trend.span_days >= 2 else "over these days"  # noqa: PLR2004
    return trend.change, trend.change_low, trend.change_high, span


def phases_sentence(report: PhasesReport) -> str:
    """Where most of the time goes: `Most of the time, 38 %, goes into finding the cause: half within 17 min`."""
    if not report.overall.phases:
        return "No incident of this window has two known instants, so its time cannot be parted into phases."
    longest = max(report.overall.phases, key=lambda phase: phase.share)
    if longest.share == 0:
        return "These incidents took no time at all, so there is none to be parted into phases."
    most = "Most of the time" if longest.share > 0.5 else "The largest part"  # noqa: PLR2004 - most is more than half
    return (
        f"{most}, {percent(longest.share)}, goes into {phase_doing(longest.phase)}: "
        f"{duration(longest.median_s)} in the median, {counted(longest.n, 'incident')}."
    )


def paged_sentence(paged: PagedStatistics) -> str:
    """How soon resile got hold of somebody: `in the median a page was handed over 4 s after detection`, and so on."""
    page, answer = paged.detected_to_paged, paged.paged_to_acknowledged
    told = []
    if page.median_s is not None:
        told.append(f"a page was handed over {exact_duration(page.median_s)} after detection")
    elif page.n_never:
        told.append("half the time no page could be handed over" if page.n else "no page could be handed over")
    if answer.median_s is not None:
        told.append(f"it was acknowledged {exact_duration(answer.median_s)} after that")
    elif answer.n_never:
        told.append("half the time nobody acknowledged" if answer.n else "nobody acknowledged")
    median = "in the median " if paged.n > 1 and (page.median_s, answer.median_s) != (None, None) else ""
    said = f"resile paged for {counted(paged.n, 'incident')}" + (f": {median}{', and '.join(told)}." if told else ".")
    lacks = ((page, "a page that was handed over"), (answer, "an acknowledgement"))
    for one, what in lacks:
        if one.n and one.n_never:
            said += f" {number(one.n_never)} without {what} {'counts' if one.n_never == 1 else 'count'} as waiting on."
    return said


def attribution_sentence(attribution: Attribution, *, n_parts: int = 2) -> str:
    """What moved the mean: `The mean rose by 9 min: identify, checkout +12 min; fewer of search −4 min`."""
    change = attribution.change_s
    if duration(abs(change)) == "0 s":
        return "The mean did not move."
    verb = "rose" if change > 0 else "fell"
    largest = sorted(attribution.parts, key=lambda part: -abs(part.seconds))[:n_parts]
    said = "; ".join(part.sentence or f"{key_name(part.key)} {signed(part.seconds)}" for part in largest)
    return f"The mean {verb} by {duration(abs(change))}" + (f": {said}." if said else ".")


def part_name(part: AttributionPart) -> str:
    """A part of an attribution as a label: `checkout · identify`, `fewer search`, `larger share of search`."""
    if part.kind == "mix":
        return f"{_more(part)} {key_name(part.key)}"
    return key_name(part.key) if part.phase is None else f"{key_name(part.key)} · {phase_name(part.phase).lower()}"


def _more(part: AttributionPart) -> str:
    """Which way the mix went. What counts is the share: of half as many incidents, fewer can be a larger share."""
    counts = part.n_after - part.n_before
    if part.share_before is None or part.share_after is None:
        return "more" if counts > 0 else "fewer"
    shares = part.share_after - part.share_before
    if shares > 0:
        return "more" if counts > 0 else "larger share of"
    if shares < 0:
        return "fewer" if counts < 0 else "smaller share of"
    return "equal share of"


def compare_parts(report: CompareReport, names: tuple[str, str] | None = None) -> Parts:
    """The comparison's message as pieces of text, each with whether it is the figure to stress.

    Args:
        names: of both sides, if the page has better ones than the report.
    """
    name_a, name_b = names or (report.a.name, report.b.name)
    a, b = typical_s(report.a.statistics), typical_s(report.b.statistics)
    if a is not None and b is not None and 0 in {a, b}:
        pair = f"{name_b}: {duration(b)} in the median, {name_a}: {duration(a)}."
        return [(f"{pair} No length can be compared with none.", False)]
    if a is None or b is None or report.ratio is None:
        name, empty = (name_a, report.a) if a is None else (name_b, report.b)
        return [(f"{name} has no median to compare: ", False), (_why_none(empty.statistics), True), (".", False)]
    is_seen = report.p_value is not None and report.p_value < 0.05  # noqa: PLR2004 - the level of all our intervals
    than = "as" if report.ratio >= 2 or factor(report.ratio) == "the same" else "than"  # noqa: PLR2004 - as in factor
    doubt = _BOTH_WAYS if _is_both_ways(report) else ""
    end = f" {than} {name_a}, {duration(a)}." + (doubt if is_seen else " Chance alone could have done that.")
    return [(f"{name_b}: {duration(b)} in the median, ", False), (factor(report.ratio), True), (end, False)]


def _is_both_ways(report: CompareReport) -> bool:
    """Whether the median says another thing than the verdict over all incidents."""
    says = {SHORTER: (report.ratio or 1) <= 1, LONGER: (report.ratio or 1) >= 1, NO_EVIDENCE: False}
    return not says.get(report.verdict, True)


def compare_sentence(report: CompareReport) -> str:
    """The comparison's message."""
    return _joined(compare_parts(report))


def _why_none(statistics: GroupStatistics) -> str:
    if statistics.n_restored + statistics.n_open == 0:
        return "it holds no incident"
    return "fewer than half of its incidents are over"


def what_if_sentence(answer: WhatIf) -> str:
    """What would have been: `Median time to restore 38 min → 34 min: 24 h of waiting saved in 120 incidents of …`."""
    if answer.n_changed == 0:
        return f"No incident has a known time of {phase_doing(answer.phase)} that could be shortened."
    before, after = answer.median_before_s, answer.median_after_s
    pair = (
        interval(after, before).replace("–", " to ") if before == after else f"{duration(before)} → {duration(after)}"
    )
    # The incidents are the window's; only the time saved may be told by the year.
    incidents = f"{counted(answer.n_changed, 'incident')} of this window"
    a_year = "" if answer.saved_per_year_s is None else duration(answer.saved_per_year_s)
    # A window of about a year has said it already.
    rate = "" if a_year in {"", duration(answer.saved_s)} else f"; at that rate {a_year} a year"
    # Beside a headline of another clock, or one that counts the open ones too, it must be told apart.
    over = f", over the {number(answer.n)} restored without the {number(answer.n_open)} still open"
    median = f"Median {clock_name(answer.clock).lower()} {pair}{over if answer.n_open else ''}"
    return f"{median}: {duration(answer.saved_s)} of waiting saved in {incidents}{rate}."


def median_note(statistics: GroupStatistics) -> str:
    """What to say under a median: `median · 95 % sure 33–44`."""
    typical = typical_s(statistics)
    if typical is None:
        return "median · not reached" if statistics.n_open else "median"
    if statistics.median_low_s is not None and statistics.median_high_s is None and statistics.n_open:
        return f"median · 95 % sure at least {duration(statistics.median_low_s)}"
    if statistics.median_low_s is None or statistics.median_high_s is None:
        return "median · too few for an interval"
    return f"median · 95 % sure {interval(statistics.median_low_s, statistics.median_high_s, beside_s=typical)}"


def mean_note(statistics: GroupStatistics) -> str:
    """What to say under a mean: its interval, and that a heavy tail pulls it where it does."""
    if statistics.mean_s is None:
        return "mean"
    said = "mean"
    if statistics.mean_low_s is not None and statistics.mean_high_s is not None:
        said += f" · {interval(statistics.mean_low_s, statistics.mean_high_s, beside_s=statistics.mean_s)}"
    median = statistics.median_s
    if median and statistics.mean_s > 2 * median:
        said += ", pulled by a heavy tail"
    return said


def done_words(clock: str) -> str:
    """What n counts: `restored`; for other clocks what their end is called."""
    return clock_done(Clock(clock))


def _joined(parts: Parts) -> str:
    return "".join(text for text, _ in parts).strip()
