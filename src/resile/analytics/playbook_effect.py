"""Whether incidents are mitigated sooner where a playbook is used: with and without, open incidents censored."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import ibis
import numpy as np
from ibis import Table
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics import kaplan_meier
from resile.analytics.ordered import Bools, order
from resile.analytics.query import Query, Window
from resile.analytics.selection import counted, selected
from resile.analytics.two_samples import Sample, permutation_p, ratio_of_medians
from resile.analytics.words import duration, factor, number
from resile.model.matcher import Matcher
from resile.model.playbook import Playbook
from resile.model.time import EARLIEST

# Fewer on either side say nothing that the next incident would not overturn.
LEAST = 5
# The newest of so many are looked at.
MOST_ROWS = 20_000
_MAX_GROUPS = 20


class EffectSide(Struct, frozen=True, kw_only=True):
    """Incidents on one side; the median with its 95 % interval, None where it cannot be told.

    Attributes:
        n_open: of them, not mitigated yet.
    """

    n: int
    n_open: int
    median_s: float | None = None
    median_low_s: float | None = None
    median_high_s: float | None = None


class EffectIn(Struct, frozen=True, kw_only=True):
    """Time to mitigate with a playbook and without it.

    Attributes:
        of: `all`, `service checkout`, `severity SEV2`.
        ratio: of the median with it to that without it, with its 95 % interval.
        p_value: probability that chance alone parts the sides so far.
    """

    of: str
    used: EffectSide
    without: EffectSide
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    p_value: float | None = None

    @property
    def is_enough(self) -> bool:
        """Whether there are incidents enough on both sides to say anything."""
        return min(self.used.n, self.without.n) >= LEAST


class PlaybookEffect(Struct, frozen=True, kw_only=True):
    """What the use of a playbook comes to.

    Attributes:
        n_opened, n_used: incidents for which it was opened, and in which it was used, those that do not count too.
        last_used_at: when the last incident in which it was used began.
        overall: None where no incident is of its kind.
        groups: by service and by severity, those with enough on both sides.
        said: the same in a sentence.
    """

    playbook: str
    n_opened: int
    n_used: int
    last_used_at: datetime | None = None
    overall: EffectIn | None = None
    groups: list[EffectIn] = []
    said: str


class _Row(Struct, frozen=True):
    severity: str | None
    services: tuple[str, ...]
    labels: Mapping[str, str]
    duration_us: int
    is_open: bool
    used: tuple[str, ...]

    def says(self, name: str) -> Sequence[str]:
        """What it says under a name, as conditions ask for it."""
        told = [self.labels[name]] if name in self.labels else []
        if name == "service":
            return [*told, *self.services]
        return [*told, self.severity] if name == "severity" and self.severity else told


def playbook_effects(facts: Table, playbooks: Sequence[Playbook], window: Window) -> list[PlaybookEffect]:
    """Time from detection to mitigation of the incidents that each playbook is for: where it was used, and where not.

    Where nobody recorded the mitigation, the restoration stands for it. `without` are all incidents that the playbook
    fits by its conditions, also from before it was written. Planned ones, drills, noise, tests and contradictory ones
    do not count.

    Args:
        facts: in the columns of analytics/facts.py; they are asked twice, however many playbooks there are.
        window: from its start on they are looked at; its end is the present instant.
    """
    counts = _Counts(facts)
    history = _History(_rows(facts, window))
    return [_of(playbook, counts, history.of(playbook)) for playbook in playbooks]


def _of(playbook: Playbook, counts: "_Counts", rows: Sequence[_Row]) -> PlaybookEffect:
    name = playbook.name
    overall = _effect("all", rows, name) if rows else None
    return PlaybookEffect(
        playbook=name,
        n_opened=counts.n_opened[name],
        n_used=counts.n_used[name],
        last_used_at=counts.last_used_at.get(name),
        overall=overall,
        groups=list(_groups(rows, name)),
        said="No incident of its kind is known." if overall is None else _said(overall),
    )


class _Counts:
    """For how many incidents each playbook was opened, in how many it was used, and when last."""

    def __init__(self, facts: Table) -> None:
        self.n_opened: Counter[str] = Counter()
        self.n_used: Counter[str] = Counter()
        self.last_used_at: dict[str, datetime] = {}
        told = facts.filter(facts.playbooks_opened.notnull() | facts.playbooks_used.notnull())
        for row in told.select("playbooks_opened", "playbooks_used", "declared_at").to_pyarrow().to_pylist():
            self.n_opened.update(row["playbooks_opened"] or ())
            for name in row["playbooks_used"] or ():
                self.n_used[name] += 1
                if row["declared_at"] is not None:
                    self.last_used_at[name] = max(self.last_used_at.get(name, EARLIEST), row["declared_at"])


class _History:
    """The incidents that count, found by what they say."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows
        self._all = set(range(len(rows)))
        self._saying: dict[str, dict[str, set[int]]] = {}
        self._used: dict[str, set[int]] = {}
        for place, row in enumerate(rows):
            for name in row.used:
                self._used.setdefault(name, set()).add(place)

    def of(self, playbook: Playbook) -> list[_Row]:
        """Those that a playbook is for, or in which it was used; in their order."""
        places = self._used.get(playbook.name, set())
        if not all(condition.is_not for condition in playbook.match):
            places = places | set.intersection(*(self._meeting(condition) for condition in playbook.match))
        return [self._rows[place] for place in sorted(places)]

    def _meeting(self, condition: Matcher) -> set[int]:
        """Those that meet a condition; each value is asked about once, however many say it."""
        by_value = self._by(condition.name)
        wanted = replace(condition, is_not=False)
        met = set[int]().union(*(places for value, places in by_value.items() if wanted.fits_values((value,))))
        if wanted.fits_values(("",)):
            met |= self._all.difference(*by_value.values())
        return self._all - met if condition.is_not else met

    def _by(self, name: str) -> Mapping[str, set[int]]:
        if name not in self._saying:
            saying = self._saying[name] = {}
            for place, row in enumerate(self._rows):
                for value in row.says(name):
                    saying.setdefault(value, set()).add(place)
        return self._saying[name]


def _rows(facts: Table, window: Window) -> list[_Row]:
    # Whoever restored the service before they said that it was mitigated mitigated it no later.
    facts = facts.mutate(restored=ibis.coalesce(facts.mitigated, facts.restored))
    told = (
        counted(selected(facts, Query(window=window), known_until=window.end))
        .filter(ibis._.duration_us.notnull())
        .order_by(ibis.desc("started_at"), "incident_id")
        .limit(MOST_ROWS)
        .select("title", "severity", "service", "other_services", "labels", "duration_us", "is_open", "playbooks_used")
        .to_pyarrow()
    )
    columns = [column.to_pylist() for column in told.columns]
    return [
        _Row(
            severity=severity,
            services=tuple(one for one in (service, *(others or ())) if one),
            labels={"title": title, **{name: value for name, value in labels or () if value}},
            duration_us=duration_us,
            is_open=is_open,
            used=tuple(used or ()),
        )
        for title, severity, service, others, labels, duration_us, is_open, used in zip(*columns, strict=True)
    ]


def _groups(rows: Sequence[_Row], playbook: str) -> Iterator[EffectIn]:
    """By service and by severity, where there are several, and enough incidents of each on both sides."""
    by_kind: dict[str, dict[str, list[_Row]]] = {"service": {}, "severity": {}}
    for row in rows:
        for service in row.services:
            by_kind["service"].setdefault(service, []).append(row)
        if row.severity:
            by_kind["severity"].setdefault(row.severity, []).append(row)
    enough = [
        (f"{kind} {name}", its)
        for kind, by_name in by_kind.items()
        for name, its in sorted(by_name.items())
        if len(by_name) > 1 and LEAST <= sum(playbook in row.used for row in its) <= len(its) - LEAST
    ]
    for of, its in enough[:_MAX_GROUPS]:
        yield _effect(of, its, playbook)


def _effect(of: str, rows: Sequence[_Row], playbook: str) -> EffectIn:
    is_used: Bools = np.array([playbook in row.used for row in rows], dtype=np.bool_)
    durations = np.array([row.duration_us for row in rows], dtype=np.int64)
    is_open: Bools = np.array([row.is_open for row in rows], dtype=np.bool_)
    used, without = (Sample(durations[side], is_open[side]) for side in (is_used, ~is_used))
    if min(used.n, without.n) < LEAST:
        return EffectIn(of=of, used=_side(used), without=_side(without))
    ratio = ratio_of_medians(without, used)
    return EffectIn(
        of=of,
        used=_side(used),
        without=_side(without),
        ratio=ratio.estimate,
        ratio_low=ratio.low,
        ratio_high=ratio.high,
        p_value=permutation_p(without, used),
    )


def _side(sample: Sample) -> EffectSide:
    n_open = int(sample.is_open.sum())
    if not sample.n:
        return EffectSide(n=0, n_open=0)
    ordered = order(np.zeros(sample.n, dtype=np.int64), sample.durations_us, sample.is_open, 1)
    median, low, high = (float(column[0]) for column in kaplan_meier.medians(ordered))
    return EffectSide(
        n=sample.n, n_open=n_open, median_s=_known(median), median_low_s=_known(low), median_high_s=_known(high)
    )


def _known(seconds: float) -> float | None:
    return None if math.isnan(seconds) else seconds


def _said(effect: EffectIn) -> str:
    counts = f"{number(effect.used.n)} with it, {number(effect.without.n)} without it"
    if not effect.is_enough:
        return f"Too few to tell: {counts}; {LEAST} of each are the least."
    halves = f"half are mitigated within {duration(effect.used.median_s)} with it ({number(effect.used.n)})"
    halves += f" and {duration(effect.without.median_s)} without it ({number(effect.without.n)})"
    if effect.ratio is None or effect.ratio_low is None or effect.ratio_high is None:
        return f"{halves[:1].upper()}{halves[1:]}; how sure that is cannot be told yet."
    reach = f"{factor(effect.ratio)}, 95 % interval {effect.ratio_low:.2f} to {effect.ratio_high:.2f} times as long"
    if effect.ratio_low < 1 < effect.ratio_high:
        return f"Nobody can tell yet whether it helps: {halves}; {reach}."
    verb = "Mitigation takes less time with it" if effect.ratio < 1 else "Mitigation takes longer with it"
    return f"{verb}: {halves}; {reach}."
