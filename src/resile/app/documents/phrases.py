"""Words and rows that the terminal and the documents say alike."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from resile.analytics.delivery_results import DoraReport, ServiceDelivery, Stage
from resile.analytics.dora_words import name_of, stage_order
from resile.analytics.query import Condition
from resile.analytics.results import Attribution, CompareReport, PeriodStatistics, Trend, WindowOut
from resile.analytics.sentences import part_name
from resile.analytics.words import dimension_name, factor, number, p_value, percent
from resile.model.time import MICROSECOND


def window_words(window: WindowOut) -> str:
    """A window as days: `1 Jan 2024 to 31 Mar 2024`, both included; with the time where it is not midnight UTC."""
    start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
    if _is_midnight(start) and _is_midnight(end):
        return f"{day_words(start)} to {day_words(datetime.fromordinal(end.toordinal() - 1))} (UTC)"
    if _is_midnight(start) and (end - start).days > 1:
        return f"{day_words(start)} to {day_words(end)} {end:%H:%M} (UTC)"
    return f"{day_words(start)} {start:%H:%M} to {day_words(end)} {end:%H:%M} (UTC)"


def _is_midnight(at: datetime) -> bool:
    return (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)


def day_words(at: datetime) -> str:
    """A day: `5 Mar 2024`."""
    return f"{at.day} {at:%b %Y}"


def period_words(start: datetime, every: str) -> str:
    """A period by its start: `5 Mar 2024` for a day or a week, `Mar 2024`, `Q1 2024`."""
    at = start.astimezone(UTC)
    if every == "month":
        return f"{at:%b %Y}"
    return f"Q{(at.month + 2) // 3} {at.year}" if every == "quarter" else day_words(at)


def asked_words(where: Sequence[Condition]) -> str:
    """Which incidents were asked for: `Severity SEV1 or SEV2; Service checkout`; empty where all were."""
    return "; ".join(
        f"{dimension_name(condition.dimension)} {' or '.join(value or 'none' for value in condition.values)}"
        for condition in where
    )


def period_median_s(period: PeriodStatistics) -> float | None:
    """The median that stands for a period: Kaplan–Meier's when incidents are open, else the plain one."""
    return period.km_median_s if period.n_open else period.median_s


def change_sentence(trend: Trend) -> str:
    """When the level changed: `The level changed around 5 Mar 2024 (30 % shorter, p = 0.01).`; empty if it did not."""
    points = [
        f"{day_words(point.at.astimezone(UTC))} ({factor(point.ratio)}, {p_value(point.p_value)})"
        for point in trend.change_points
    ]
    return f"The level changed around {', '.join(points)}." if points else ""


def gathered(
    notes: Sequence[str], of_groups: Iterable[tuple[str, Sequence[str]]] = (), *, most_names: int = 3
) -> list[str]:
    """Notes on the whole, then those of its groups, by name; the same of several once: `a, b, c and 4 more: …`."""
    names: dict[str, list[str]] = {}
    for name, own in of_groups:
        for note in own:
            names.setdefault(note, []).append(name)
    return [*notes, *(f"{_listed(groups, most_names)}: {note}" for note, groups in names.items())]


def _listed(names: Sequence[str], most: int) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def missing_sentences(report: DoraReport, rows: Sequence[ServiceDelivery]) -> list[str]:
    """What is not known of deliveries, as whole sentences: of no row in particular, then of these rows.

    A sentence that names its service stands for itself; others are led in by whom they are about.
    """
    named = [note for row in rows for note in row.missing if row.service and row.service in note]
    rest = gathered((), ((name_of(row), [note for note in row.missing if note not in named]) for row in rows))
    return [*(_sentence(note) for note in (*report.missing, *named)), *(_ended(note) for note in rest)]


def _sentence(note: str) -> str:
    return _ended(note[:1].upper() + note[1:])


def _ended(note: str) -> str:
    return note if note.endswith((".", "!", "?")) else f"{note}."


def stage_path(stages: Mapping[str, Stage]) -> tuple[list[str], list[str]]:
    """The stages that most changes passed one after the other, from commit to deployment; and the others.

    The others are of changes in which a border between is not known: beside the path, not part of it.
    """
    known = {key: stage for key, stage in stages.items() if stage.n and stage.median_s is not None}
    path: list[str] = []
    at = "commit"
    while leaving := [key for key in known if key.startswith(f"{at}_to_")]:
        path.append(max(leaving, key=lambda key: (known[key].n, key)))
        at = path[-1].partition("_to_")[2]
    return path, sorted((key for key in known if key not in path), key=lambda key: (stage_order(key), key))


def short_window_words(window: WindowOut) -> str:
    """A window as a name: `1 Jan to 31 Mar 2024`; days alone."""
    start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
    last = end - MICROSECOND
    begin = f"{start.day} {start:%b}" if start.year == last.year else day_words(start)
    return f"{begin} to {day_words(last)}"


def compares_windows(report: CompareReport) -> bool:
    """Whether it compares two windows, and not two groups in one."""
    return report.a.window != report.b.window


def with_window_names(report: CompareReport) -> CompareReport:
    """The report with windows called by their days instead of by the words that ask for them."""
    if not compares_windows(report):
        return report
    a, b = (replace(side, name=short_window_words(side.window)) for side in (report.a, report.b))
    return replace(report, a=a, b=b)


def surety_rows(report: CompareReport) -> list[tuple[str, str]]:
    """How sure a comparison is, name by name."""
    rows = [("Verdict", report.verdict)]
    if report.ratio is not None:
        ratio = ratio_words(report.ratio, report.ratio_low, report.ratio_high)
        rows.append(("Ratio of medians", f"{ratio}: {factor(report.ratio)}"))
    if report.adjusted_ratio is not None:
        ratio = ratio_words(report.adjusted_ratio, report.adjusted_ratio_low, report.adjusted_ratio_high)
        rows.append(("Severity mix held equal", f"{ratio}: {factor(report.adjusted_ratio)}"))
    if report.p_value is not None:
        rows.append(("Permutation test", p_value(report.p_value)))
    if report.superiority is not None:
        share = percent(report.superiority)
        rows.append(("Pair by pair", f"in {share} of pairs the one of {report.b.name} is over first"))
    if report.detectable_change is not None:
        rows.append(("Could be seen", f"a change of {percent(report.detectable_change)} or more, with 80 % power"))
    return rows


def ratio_words(ratio: float, low: float | None, high: float | None) -> str:
    """A ratio with its interval: `0.82 (95 % 0.61 to 1.10)`."""
    within = "" if low is None or high is None else f" (95 % {low:.2f} to {high:.2f})"
    return f"{ratio:.2f}{within}"


def attribution_rows(attribution: Attribution, most: int) -> list[tuple[str, float]]:
    """The parts by size, the small ones beyond `most` as one, so that they still sum to the whole."""
    parts = sorted(attribution.parts, key=lambda part: -abs(part.seconds))
    rows = [(part_name(p), p.seconds) for p in parts[:most]]
    rest = parts[most:]
    if rest:
        rows.append((f"{number(len(rest))} smaller parts", sum(part.seconds for part in rest)))
    return rows
