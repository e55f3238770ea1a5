"""Durations, intervals, counts and names in words: the same for pages, terminal and documents.

Pure and typographic: thin spaces between thousands, a true minus sign, a space before each unit. Whole findings are in
analytics/sentences.py.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from resile.analytics.query import Clock
from resile.model.incident import InstantName

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86400.0

UNDEFINED = "–"
_THIN = "\u202f"

# Where each unit begins: 89 s reads easier than 1.5 min, 35 h easier than 1.5 d.
_UNITS = ((36 * HOUR_S, DAY_S, "d"), (90 * MINUTE_S, HOUR_S, "h"), (90.0, MINUTE_S, "min"), (0.0, 1.0, "s"))

VERDICT_SIGNS = {"falling": "↓", "rising": "↑"}

_DONE = {
    InstantName.DETECTED: "detected",
    InstantName.ACKNOWLEDGED: "acknowledged",
    InstantName.IDENTIFIED: "understood",
    InstantName.MITIGATED: "mitigated",
    InstantName.RESTORED: "restored",
}

_CLOCKS = {
    Clock.DETECTED_TO_RESTORED: ("Time to restore", "Detected → fully operational"),
    Clock.IMPACT_TO_RESTORED: ("Time to restore from impact", "Impact began → fully operational"),
    Clock.IMPACT_TO_DETECTED: ("Time to detect", "Impact began → detected"),
    Clock.DETECTED_TO_ACKNOWLEDGED: ("Time to acknowledge", "Detected → acknowledged"),
    Clock.ACKNOWLEDGED_TO_IDENTIFIED: ("Time to identify", "Acknowledged → cause identified"),
    Clock.IDENTIFIED_TO_MITIGATED: ("Time to mitigate", "Cause identified → mitigated"),
    Clock.MITIGATED_TO_RESTORED: ("Time to verify", "Mitigated → fully operational"),
}

_PHASES = {
    "detect": ("Detect", "noticing it"),
    "acknowledge": ("Acknowledge", "waiting for a responder"),
    "identify": ("Identify", "finding the cause"),
    "mitigate": ("Mitigate", "mitigating it"),
    "verify": ("Verify", "making it whole again"),
}

# Where each phase begins and ends.
_BOUNDS = {
    "detect": ("impact", "detection"),
    "acknowledge": ("detection", "acknowledgement"),
    "identify": ("acknowledgement", "finding the cause"),
    "mitigate": ("finding the cause", "mitigation"),
    "verify": ("mitigation", "restoration"),
}

_EXCLUDED = {
    "planned": "planned",
    "drill": "drills",
    "noise": "noise",
    "test": "tests",
    "merged": "merged into others",
    "contradictory": "contradictory",
    "without_start": "without a start",
    "without_end": "over since nobody knows when",
}


def duration(seconds: float | None) -> str:
    """A length of time as people say it: `45 s`, `38 min`, `4.6 h`, `12 d`; a dash where undefined."""
    if seconds is None:
        return UNDEFINED
    value, unit = _in_unit(seconds)
    return f"{value} {unit}"


def signed(seconds: float | None) -> str:
    """A change in a length of time, always with its sign: `+9 min`, `−5 min`, `±0 s`."""
    if seconds is None:
        return UNDEFINED
    value, unit = _in_unit(abs(seconds))
    sign = "±" if value == "0" else "+" if seconds > 0 else "−"
    return f"{sign}{value} {unit}"


def exact_duration(seconds: float | None) -> str:
    """A length of time to the second: `1 d 2 h`, `10 min 38 s`; at most two units, nothing rounded but fractions."""
    if seconds is None:
        return UNDEFINED
    whole = round(seconds)
    if abs(whole) < 1:
        return duration(seconds)
    sign, left, parts = ("−" if whole < 0 else ""), abs(whole), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {unit}")
        if parts and (not amount or len(parts) == 2):  # noqa: PLR2004 - two units are as exact as anyone reads
            break
    return sign + " ".join(parts)


def interval(low_s: float | None, high_s: float | None, *, beside_s: float | None = None) -> str:
    """Both ends of an interval: `33–44 min`, `52 min–1.7 h`.

    Args:
        beside_s: what stands beside it already; its unit is taken over and not written again.
    """
    if low_s is None or high_s is None:
        return UNDEFINED
    if beside_s is not None and (told := _beside(low_s, high_s, beside_s)) is not None:
        return told
    low, low_unit = _in_unit(low_s)
    high, high_unit = _in_unit(high_s)
    if low_unit != high_unit:
        return f"{low} {low_unit}–{high} {high_unit}"
    ends = low if low == high else f"{low}–{high}"
    return f"{ends} {high_unit}"


def _beside(low_s: float, high_s: float, beside_s: float) -> str | None:
    """Both ends in the unit that stands beside them already; None where they would read badly in it."""
    size = next(size for _, size, unit in _UNITS if unit == _in_unit(beside_s)[1])
    low, high = low_s / size, high_s / size
    if low < 0.1 or high >= 1000:  # noqa: PLR2004 - neither 0.02 h nor 4000 min
        return None
    ends = [_rounded(low), _rounded(high)]
    return ends[0] if ends[0] == ends[1] else "–".join(ends)


def _rounded(amount: float) -> str:
    return f"{amount:.1f}".removesuffix(".0") if amount < 9.95 else f"{amount:.0f}"  # noqa: PLR2004


def _in_unit(seconds: float) -> tuple[str, str]:
    sign = "−" if seconds < 0 else ""
    size, unit = next((size, unit) for least, size, unit in _UNITS if abs(seconds) >= least or unit == "s")
    amount = abs(seconds) / size
    decimals = 1 if amount < (10 if unit in {"s", "min"} else 20) and not _is_whole(amount) else 0
    text = f"{amount:.{decimals}f}" if amount < 10_000 else number(amount)  # noqa: PLR2004 - a year has 365 d
    text = text.removesuffix(".0")
    return (sign if text != "0" else "") + text, unit


def _is_whole(amount: float) -> bool:
    return abs(amount - round(amount)) < 0.05  # noqa: PLR2004 - what one decimal cannot show


def number(value: float | None) -> str:
    """A count with thin spaces between thousands: `24 918`."""
    return UNDEFINED if value is None else f"{value:,.0f}".replace(",", _THIN)


def percent(share: float | None) -> str:
    """A share: `35 %`, `4.5 %`; a dash where undefined."""
    if share is None:
        return UNDEFINED
    points = abs(share) * 100
    text = f"{points:.1f}".removesuffix(".0") if 0 < points < 9.95 else f"{points:.0f}"  # noqa: PLR2004
    return f"{'−' if share < 0 and text != '0' else ''}{text} %"


def p_value(value: float | None) -> str:
    """A p-value as it is quoted: `p = 0.03`, `p < 0.001`."""
    if value is None:
        return UNDEFINED
    if value < 0.001:  # noqa: PLR2004 - as journals quote it
        return "p < 0.001"
    return f"p = {value:.3f}" if value < 0.01 else f"p = {value:.2f}"  # noqa: PLR2004


def counted(n: int, one: str, many: str | None = None) -> str:
    """A number and its noun in the right number: `1 incident`, `24 918 incidents`."""
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def factor(ratio: float | None) -> str:
    """A ratio as a change: `20 % shorter`, `2.3 times as long`, `the same`."""
    if ratio is None:
        return UNDEFINED
    if ratio >= 2:  # noqa: PLR2004 - above it a multiple reads easier than a share
        return f"{ratio:.1f} times as long"
    if 0 < ratio <= 0.1:  # noqa: PLR2004 - below it a share rounds to everything
        return f"{1 / ratio:.0f} times shorter"
    text = percent(abs(ratio - 1))
    return "the same" if text == "0 %" else f"{text} {'shorter' if ratio < 1 else 'longer'}"


def clock_name(clock: str) -> str:
    """The measure's name as a heading: `Time to restore`."""
    return _CLOCKS[Clock(clock)][0]


def clock_span(clock: str) -> str:
    """From what to what the clock runs: `Detected → fully operational`."""
    return _CLOCKS[Clock(clock)][1]


def clock_done(clock: str) -> str:
    """What has happened to an incident when the clock stops: `restored`."""
    return _DONE[Clock(clock).end]


def phase_name(phase: str) -> str:
    """A phase, or several joined by `+`, as a label: `Identify`, `Detect to mitigate`."""
    names = [_PHASES[part][0] if part in _PHASES else part for part in phase.split("+")]
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1].lower()}"


def phase_doing(phase: str) -> str:
    """What is done in a phase: `finding the cause`."""
    parts = phase.split("+")
    if len(parts) == 1:
        return _PHASES[phase][1] if phase in _PHASES else phase
    began, ended = _BOUNDS.get(parts[0], parts)[0], _BOUNDS.get(parts[-1], parts)[-1]
    return f"the stretch from {began} to {ended}, with nothing known between"


def dimension_name(dimension: str) -> str:
    """A dimension as a heading: `Service`, `Cause` for `label:cause`."""
    name = dimension.removeprefix("label:")
    return name[:1].upper() + name[1:]


def key_name(key: Mapping[str, str | None]) -> str:
    """A group's name: `checkout · SEV2`; `no service` where incidents have none; `all incidents` overall."""
    if not key:
        return "all incidents"
    return " · ".join(value or f"no {name.removeprefix('label:')}" for name, value in key.items())


def excluded_sentence(excluded: Mapping[str, int]) -> str:
    """What does not count and why: `31 excluded: 20 planned, 11 noise`; empty where nothing is."""
    present = [(name, n) for name, n in excluded.items() if n]
    if not present:
        return ""
    total = sum(n for _, n in present)
    return f"{number(total)} excluded: " + ", ".join(f"{number(n)} {_EXCLUDED.get(name, name)}" for name, n in present)


def exclusion_name(reason: str) -> str:
    """Why incidents do not count, as a noun: `planned`, `drills`."""
    return _EXCLUDED.get(reason, reason.replace("_", " "))


class Tick(Struct, frozen=True):
    """A mark on an axis of durations."""

    seconds: float
    label: str


_NICE = (
    (0.001, "1 ms"), (0.01, "10 ms"), (0.1, "0.1 s"), (1.0, "1 s"), (10.0, "10 s"), (60.0, "1 min"), (120.0, "2 min"),
    (600.0, "10 min"), (1800.0, "30 min"), (3600.0, "1 h"), (4 * 3600.0, "4 h"), (12 * 3600.0, "12 h"),
    (86400.0, "1 d"), (3 * 86400.0, "3 d"), (7 * 86400.0, "1 w"), (30 * 86400.0, "30 d"), (90 * 86400.0, "90 d"),
    (365 * 86400.0, "1 y"), (3650 * 86400.0, "10 y"), (36500 * 86400.0, "100 y"),
)  # fmt: skip


def duration_ticks(low_s: float, high_s: float, *, at_most: int = 7) -> list[Tick]:
    """Round durations between both ends of a logarithmic axis, thinned to `at_most`, evenly in the logarithm."""
    inside = [Tick(seconds, label) for seconds, label in _NICE if low_s <= seconds <= high_s]
    while len(inside) > at_most:
        inside = _thinned(inside)
    return inside


def _thinned(ticks: Sequence[Tick]) -> list[Tick]:
    """Without the tick that stands closest to its neighbours."""
    crowded = min(range(1, len(ticks) - 1), key=lambda i: ticks[i + 1].seconds / ticks[i - 1].seconds)
    return [tick for i, tick in enumerate(ticks) if i != crowded]
