"""A simulated year of incidents with known truths in it: for the demonstration, and for tests that need a history.

What is true of it, so that a page can be held against it (simulated_services.py has the figures): *search* gets faster
half-way, *warehouse-sync* gets slower, *checkout* is acknowledged late at night, playbooks halve mitigation and become
more frequent, durations have heavy tails, worse incidents are restored sooner, and nothing else changes.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
import numpy as np
from msgspec import Struct

from resile.model.draft import Draft, Step
from resile.model.event import Exclusion, Source
from resile.model.severity import Severity
from resile.testing.simulated_pipelines import release_name
from resile.testing.simulated_services import (
    CAUSE_PACE,
    PLAYBOOK_PACE,
    REGIONS,
    RESPONDERS,
    SERVICES,
    SEVERITIES,
    ServiceProfile,
)
from resile.testing.simulated_words import CAUSES, DRILL, LONG_TITLE, NOISE, NOTES, PLANNED, TEST, TITLES, UPDATES

T = TypeVar("T")

ORIGIN = "simulated"
YEAR = timedelta(days=365)

# Of a weekday's incidents by hour, UTC: people deploy by day, and load peaks in the evening.
_HOURS = np.array([2, 1.5, 1, 1, 1, 1.5, 2, 3.5, 5, 7, 8, 8, 6.5, 7.5, 8, 8, 7, 6, 5.5, 5, 5, 4.5, 3.5, 2.5])
_WEEKDAYS = np.array([1.15, 1.2, 1.15, 1.2, 1.0, 0.55, 0.5])
_NIGHT = frozenset((22, 23, 0, 1, 2, 3, 4, 5))

# Median minutes and spread (sigma of the logarithm) of each phase at factor 1.
_DETECT = (7.0, 1.1)
_ACKNOWLEDGE = (6.0, 0.9)
_IDENTIFY = (22.0, 1.1)
_MITIGATE = (20.0, 1.0)
_VERIFY = (12.0, 0.9)
_CLOSE = (600.0, 1.0)

# Of all incidents, those that count in no measure.
_EXCLUDED = {Exclusion.PLANNED: 0.05, Exclusion.NOISE: 0.04, Exclusion.DRILL: 0.015, Exclusion.TEST: 0.005}
# Of those that count, what goes wrong with their records.
_DISTURBED = {
    "reopened": 0.04,
    "restored before detected": 0.006,
    "acknowledged before detected": 0.008,
    "closed without being restored": 0.01,
    "forgotten": 0.003,
}
# Of those that count, how often an instant is known.
_KNOWN = {"impact_began": 0.88, "acknowledged": 0.95, "identified": 0.87, "mitigated": 0.85, "closed": 0.72}
_BY_TELEMETRY = 0.68
_DUPLICATE = 0.008
_SPREADING = 0.3
_LONG_TITLE = 0.02
_WITHOUT_SEVERITY = 0.005
_WITHOUT_REGION = 0.05
_TOLD_TO_CUSTOMERS = 0.4
# So long before its impact went out the release that caused an incident.
_RELEASED_BEFORE = tuple(timedelta(minutes=minutes) for minutes in (2, 4, 7, 11, 16, 24, 35, 55, 90))
# The latest ones, in minutes before the end: they are not over.
_RUNNING_SINCE_MIN = (320, 95, 40)


class _Circumstances(Struct, frozen=True, kw_only=True):
    """What is drawn of an incident before its clock runs."""

    service: ServiceProfile
    severity: Severity
    cause: str
    region: str
    version: str
    has_playbook: bool
    began_at: datetime
    progress: float  # Share of the window that has passed.


def simulated_year(end: datetime, rng: np.random.Generator, n: int = 1000) -> Iterator[Draft]:
    """A year of incidents that ends at `end`, in order of impact; the same generator state gives the same year.

    What had not happened by `end` is not told: the latest incidents are still open, and one that nobody had detected
    by then is left out.

    Args:
        end: aware UTC; no step is later.
        n: about how many incidents, duplicates included.
    """
    began = end - YEAR
    previous: Draft | None = None
    for number, at in enumerate(_starts(began, end, rng, n), start=1):
        ref = f"SIM-{number:04d}"
        if previous is not None and rng.random() < _DUPLICATE:
            draft = _duplicate(previous, ref, rng)
        else:
            is_running = end - at <= timedelta(minutes=_RUNNING_SINCE_MIN[0])
            draft = _draft(ref, at, (at - began) / YEAR, rng, is_running=is_running)
        known = tuple(step for step in draft.steps if step.at <= end)
        if any(step.kind == "detected" for step in known):
            draft = msgspec.structs.replace(draft, steps=known)
            yield draft
            previous = draft if draft.exclusion is None else None


def _starts(began: datetime, end: datetime, rng: np.random.Generator, n: int) -> list[datetime]:
    """Instants of impact, more by day and on weekdays."""
    n_days = (end - began).days
    days = np.array([_WEEKDAYS[(began + timedelta(days=d)).weekday()] for d in range(n_days)])
    n_over = max(0, n - len(_RUNNING_SINCE_MIN))
    chosen = rng.choice(n_days, size=n_over, p=days / days.sum())
    hours = rng.choice(24, size=n_over, p=_HOURS / _HOURS.sum()) + rng.random(n_over)
    midnight = began.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [
        midnight + timedelta(days=int(day), seconds=round(float(hour) * 3600))
        for day, hour in zip(chosen, hours, strict=True)
    ]
    over = sorted(min(max(at, began), end - timedelta(hours=6)) for at in starts)
    return [*over, *(end - timedelta(minutes=minutes) for minutes in _RUNNING_SINCE_MIN)]


def _draft(ref: str, at: datetime, progress: float, rng: np.random.Generator, *, is_running: bool) -> Draft:
    around = _circumstances(at, progress, rng)
    exclusion = None if is_running else _one_of(_EXCLUDED, rng)
    steps = _instants(around, rng)
    if exclusion is None:
        steps += _words(around, {step.kind: step.at for step in steps}, rng)
        steps = [step for step in steps if rng.random() < _KNOWN.get(step.kind, 1.0)]
    if is_running:
        steps = _still_open(around, steps)
    elif exclusion is None:
        steps = _disturbed(steps, _one_of(_DISTURBED, rng), rng)
    others = around.service.depends_on if rng.random() < _SPREADING else ()
    return Draft(
        origin=ORIGIN,
        ref=ref,
        title=_title(around, exclusion, rng),
        severity=around.severity if rng.random() >= _WITHOUT_SEVERITY else None,
        services=(around.service.name, *others),
        team=around.service.team,
        labels=_labels(around, rng),
        exclusion=exclusion,
        steps=tuple(sorted(steps, key=lambda step: step.at)),
    )


def _circumstances(at: datetime, progress: float, rng: np.random.Generator) -> _Circumstances:
    service = _choose(rng, SERVICES, [profile.weight for profile in SERVICES])
    return _Circumstances(
        service=service,
        severity=_choose(rng, tuple(SEVERITIES), [share for share, _ in SEVERITIES.values()]),
        cause=_choose(rng, tuple(service.causes), list(service.causes.values())),
        region=_choose(rng, tuple(REGIONS), list(REGIONS.values())),
        # The release that went out minutes before, as simulated_deliveries.py then has it.
        version=release_name(at - progress * YEAR, at - _RELEASED_BEFORE[int(rng.integers(0, 9))]),
        # Playbooks are written over the year: from one incident in five to three in five.
        has_playbook=bool(rng.random() < 0.2 + 0.4 * progress),
        began_at=at,
        progress=progress,
    )


def _choose(rng: np.random.Generator, things: Sequence[T], weights: Sequence[float]) -> T:
    shares = np.array(weights, dtype=float)
    return things[int(rng.choice(len(things), p=shares / shares.sum()))]


def _one_of(shares: dict[T, float], rng: np.random.Generator) -> T | None:
    """One of the kinds, each with its share of all; None for the rest."""
    drawn = rng.random()
    for kind, share in shares.items():
        drawn -= share
        if drawn < 0:
            return kind
    return None


def _labels(around: _Circumstances, rng: np.random.Generator) -> dict[str, str]:
    labels = {"cause": around.cause, "playbook": "yes" if around.has_playbook else "no"}
    if around.cause == "deployment":
        labels["release"] = around.version
    if rng.random() >= _WITHOUT_REGION:
        labels["region"] = around.region
    return labels


def _title(around: _Circumstances, exclusion: Exclusion | None, rng: np.random.Generator) -> str:
    patterns = {
        None: TITLES[around.cause],
        Exclusion.PLANNED: PLANNED,
        Exclusion.NOISE: NOISE,
        Exclusion.DRILL: (DRILL,),
        Exclusion.TEST: (TEST,),
    }[exclusion]
    pattern = patterns[int(rng.integers(len(patterns)))]
    words = {"service": around.service.name, "region": around.region, "version": around.version}
    title = pattern.format(**words)
    return LONG_TITLE.format(title=title, region=around.region) if rng.random() < _LONG_TITLE else title


def _minutes(rng: np.random.Generator, phase: tuple[float, float], factor: float) -> timedelta:
    """A log-normal length of time, in whole seconds, at least one."""
    median, sigma = phase
    minutes = median * factor * float(np.exp(sigma * rng.standard_normal()))
    return timedelta(seconds=max(1, round(60 * minutes)))


def _instants(around: _Circumstances, rng: np.random.Generator) -> list[Step]:
    service = around.service
    pace = service.pace * SEVERITIES[around.severity][1]
    has_changed = service.change_at is not None and around.progress >= service.change_at
    changed = pace * (service.change if has_changed else 1.0)
    by_telemetry = bool(rng.random() < _BY_TELEMETRY)
    detected_at = around.began_at + _minutes(rng, _DETECT, changed * (0.6 if by_telemetry else 2.2))
    night = service.night_pace if detected_at.hour in _NIGHT else 1.0
    acknowledged_at = detected_at + _minutes(rng, _ACKNOWLEDGE, service.pace * night)
    identified_at = acknowledged_at + _minutes(rng, _IDENTIFY, changed * CAUSE_PACE[around.cause])
    playbook = PLAYBOOK_PACE if around.has_playbook else 1.0
    mitigated_at = identified_at + _minutes(rng, _MITIGATE, changed * CAUSE_PACE[around.cause] * playbook)
    restored_at = mitigated_at + _minutes(rng, _VERIFY, pace)
    team = RESPONDERS[service.team]
    cause = CAUSES[around.cause].format(version=around.version)
    return [
        Step("impact_began", around.began_at, Source.MEASURED if by_telemetry else Source.INFERRED),
        Step("detected", detected_at, Source.MEASURED if by_telemetry else Source.HUMAN),
        Step("acknowledged", acknowledged_at, Source.REPORTED, text=team[int(rng.integers(len(team)))]),
        Step("identified", identified_at, Source.HUMAN, text=cause),
        Step("mitigated", mitigated_at, _either(rng, Source.HUMAN, Source.INFERRED)),
        Step("restored", restored_at, _either(rng, Source.MEASURED, Source.HUMAN)),
        Step("closed", restored_at + _minutes(rng, _CLOSE, 1.0), Source.HUMAN),
    ]


def _either(rng: np.random.Generator, mostly: Source, else_: Source) -> Source:
    return mostly if rng.random() < _BY_TELEMETRY else else_


def _words(around: _Circumstances, at: dict[str, datetime], rng: np.random.Generator) -> list[Step]:
    """Status updates, for what customers see, and notes between acknowledgement and mitigation."""
    steps = []
    is_grave = around.severity in {Severity.SEV1, Severity.SEV2}
    if is_grave or rng.random() < _TOLD_TO_CUSTOMERS:
        cause = CAUSES[around.cause].format(version=around.version)
        for instant, (status, text) in UPDATES.items():
            told_at = at[instant] + timedelta(seconds=int(rng.integers(20, 240)))
            words = text.format(service=around.service.name, cause=cause)
            steps.append(Step("updated", told_at, Source.REPORTED, text=words, status=status))
    for _ in range(int(rng.poisson(0.7))):
        noted_at = at["acknowledged"] + (at["mitigated"] - at["acknowledged"]) * float(rng.random())
        text = NOTES[int(rng.integers(len(NOTES)))]
        steps.append(Step("noted", noted_at.replace(microsecond=0), Source.HUMAN, text=text))
    return steps


def _still_open(around: _Circumstances, steps: list[Step]) -> list[Step]:
    """Detected within eight minutes and not yet over."""
    soon_at = around.began_at + timedelta(minutes=8)
    return [
        msgspec.structs.replace(step, at=min(step.at, soon_at)) if step.kind == "detected" else step
        for step in steps
        if step.kind not in {"mitigated", "restored", "closed"} and step.status not in {"monitoring", "resolved"}
    ]


def _disturbed(steps: list[Step], how: str | None, rng: np.random.Generator) -> list[Step]:
    """The steps as real records hold them when something went wrong."""
    match how:
        case "reopened":
            return _reopened(steps, rng)
        case "restored before detected":
            return _moved_before_detection(steps, "restored", rng)
        case "acknowledged before detected":
            return _moved_before_detection(steps, "acknowledged", rng)
        case "closed without being restored":
            return [step for step in steps if step.kind != "restored"]
        case "forgotten":
            return [step for step in steps if step.kind not in {"restored", "closed"}]
        case _:
            return steps


def _reopened(steps: list[Step], rng: np.random.Generator) -> list[Step]:
    over_at = max(step.at for step in steps if step.kind in {"restored", "closed"})
    again_at = over_at + _minutes(rng, (90.0, 1.0), 1.0)
    restored_at = again_at + _minutes(rng, (55.0, 1.0), 1.0)
    return [
        *steps,
        Step("reopened", again_at, Source.HUMAN),
        Step("restored", restored_at, Source.MEASURED),
        Step("closed", restored_at + _minutes(rng, _CLOSE, 1.0), Source.HUMAN),
    ]


def _moved_before_detection(steps: list[Step], kind: str, rng: np.random.Generator) -> list[Step]:
    """Somebody typed the time of `kind` wrongly."""
    detected_at = next(step.at for step in steps if step.kind == "detected")
    wrong_at = detected_at - _minutes(rng, (60.0, 0.5), 1.0)
    return [msgspec.structs.replace(step, at=wrong_at) if step.kind == kind else step for step in steps]


def _duplicate(first: Draft, ref: str, rng: np.random.Generator) -> Draft:
    """A second report of the same trouble, minutes later, marked as noise that points at the first."""
    detected_at = next(step.at for step in first.steps if step.kind == "detected")
    at = detected_at + timedelta(seconds=int(rng.integers(60, 900)))
    closed_at = at + timedelta(minutes=int(rng.integers(3, 30)))
    steps = (Step("detected", at, Source.HUMAN), Step("closed", closed_at, Source.HUMAN))
    labels = first.labels | {"duplicate-of": first.ref}
    return msgspec.structs.replace(first, ref=ref, labels=labels, exclusion=Exclusion.NOISE, steps=steps)
