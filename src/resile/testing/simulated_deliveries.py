"""The deliveries of a simulated year: commits, pull requests, deployments, and which of them broke something.

They agree with the year's incidents (history.py): an incident whose cause is a deployment names the release, and that
release went out minutes before; where it was rolled back or mended, that was when the incident was mitigated. What is
true of them otherwise is in simulated_pipelines.py.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from msgspec import Struct

from resile.model.change import ChangeReport, Commit, LinkReported
from resile.model.draft import Draft, incident_id_of
from resile.testing.history import ORIGIN, YEAR
from resile.testing.simulated_pipeline import BY, Pipeline, Release
from resile.testing.simulated_pipelines import (
    DENIED,
    DENIED_REASONS,
    FIXES,
    PIPELINES,
    SAID,
    SAID_REASONS,
    PipelineProfile,
    release_begins,
)
from resile.testing.simulated_services import RESPONDERS, SERVICES

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_TEAMS = {service.name: service.team for service in SERVICES}
# When people deploy: weights of weekdays from Monday, and of hours in UTC.
_WEEKDAYS = np.array([1.0, 1.1, 1.1, 1.0, 0.6, 0.04, 0.02])
_HOURS = np.array([0, 0, 0, 0, 0, 0, 0.2, 1, 3, 4, 4, 3, 2, 3.5, 4, 3.5, 2, 0.8, 0.3, 0.1, 0, 0, 0, 0])
# A pipeline that is used so often is at work at any moment, also at the year's end.
_OFTEN = 10


class Deliveries(Struct, frozen=True, kw_only=True):
    """Commits, and reports on pull requests and deployments, in no particular order."""

    commits: tuple[Commit, ...]
    reports: tuple[ChangeReport, ...]


def simulated_deliveries(drafts: Sequence[Draft], end: datetime, rng: np.random.Generator) -> Deliveries:
    """How a year of incidents was delivered; the same incidents and generator state give the same deliveries.

    Args:
        drafts: what simulated_year gives for the same `end`.
        end: aware UTC; nothing is told of what happens later.
    """
    counted = [draft for draft in drafts if draft.exclusion is None]
    commits: list[Commit] = []
    reports: list[ChangeReport] = []
    went_out: dict[str, list[tuple[datetime, str]]] = {}
    for profile in PIPELINES:
        pipeline = Pipeline(profile, RESPONDERS[_TEAMS[profile.service]], end - YEAR, rng)
        for release in _releases(profile, counted, end, rng):
            pipeline.deliver(release)
            reports += _said(release, pipeline.id_of(release), rng)
        commits += pipeline.commits
        reports += pipeline.reports
        went_out[profile.service] = pipeline.went_out
    reports += _denied(counted, went_out, rng)
    return Deliveries(
        commits=tuple(one for one in commits if one.committed_at <= end),
        reports=tuple(one for one in reports if one.at <= end),
    )


def _releases(
    profile: PipelineProfile, drafts: Sequence[Draft], end: datetime, rng: np.random.Generator
) -> list[Release]:
    """What goes out, in order: what broke something, and what was planned while nothing was broken."""
    began = end - YEAR
    broken = _broken(profile, drafts, began, rng)
    names = {release.name for release in broken}
    frozen = [(release.at, max(release.fixed_at or release.at, release.noticed_at)) for release in broken]
    planned = []
    for at in _planned(profile, end, rng):
        release = Release.of(began, at)
        is_frozen = any(since <= at <= until for since, until in frozen)
        if release.name not in names and not is_frozen:
            names.add(release.name)
            planned.append(release)
    last_at = began + profile.until * YEAR if profile.until < 1 else datetime.max.replace(tzinfo=end.tzinfo)
    return sorted((one for one in [*broken, *planned] if one.at <= last_at), key=lambda one: one.at)


def _planned(profile: PipelineProfile, end: datetime, rng: np.random.Generator) -> list[datetime]:
    """Instants of planned releases, on working days and in working hours, in order."""
    midnight = (end - YEAR).replace(hour=0, minute=0, second=0, microsecond=0)
    weights = np.array([_WEEKDAYS[(midnight + n * _DAY).weekday()] for n in range(1, 366)])
    if profile.change_at is not None:
        weights[int(profile.change_at * len(weights)) :] *= profile.oftener
    n = rng.poisson(profile.per_week * weights.sum() / _WEEKDAYS.sum())
    days = 1 + rng.choice(len(weights), size=n, p=weights / weights.sum())
    hours = rng.choice(24, size=n, p=_HOURS / _HOURS.sum()) + rng.random(n)
    times = [
        midnight + timedelta(days=int(day), seconds=round(float(hour) * 3600))
        for day, hour in zip(days, hours, strict=True)
    ]
    under_way = [end + 2 * _MINUTE] if profile.per_week >= _OFTEN else []
    return sorted([*(at for at in times if at <= end), *under_way])


def _broken(
    profile: PipelineProfile, drafts: Sequence[Draft], began: datetime, rng: np.random.Generator
) -> list[Release]:
    """The releases that the incidents of this service name as their cause."""
    caused: dict[str, list[Draft]] = {}
    for draft in drafts:
        if draft.services[0] == profile.service and "release" in draft.labels:
            caused.setdefault(draft.labels["release"], []).append(draft)
    found = []
    for name, its in caused.items():
        since = release_begins(began, name)
        # Somewhere in its hour, before anybody could notice.
        until = min(*(_noticed_at(draft) for draft in its), since + timedelta(hours=1))
        at = since + (until - since) * float(rng.uniform(0.3, 0.95))
        found.append((at.replace(microsecond=0), name, its))
    found.sort(key=lambda one: one[0])
    instants = [at for at, _, _ in found]
    return [
        _with_fix(Release(at=at, name=name, caused=tuple(its)), instants[number + 1 :], rng)
        for number, (at, name, its) in enumerate(found)
    ]


def _with_fix(release: Release, later: Sequence[datetime], rng: np.random.Generator) -> Release:
    """How service was restored, where a deployment did that."""
    drawn, fix = rng.random(), None
    for kind, share in FIXES.items():
        drawn -= share
        if drawn < 0:
            fix = kind
            break
    at = {step.kind: step.at for step in release.caused[0].steps}
    over_at = at.get("mitigated") or at.get("restored")
    if fix is None or over_at is None:
        return release
    fixed_at = over_at - timedelta(seconds=int(rng.integers(60, 240)))
    if fixed_at <= max(release.at + 5 * _MINUTE, at["detected"]) or any(one <= fixed_at for one in later[:1]):
        return release
    return Release(at=release.at, name=release.name, caused=release.caused, fix=fix, fixed_at=fixed_at)


def _noticed_at(draft: Draft) -> datetime:
    """The first instant at which it was there to be noticed."""
    return min(step.at for step in draft.steps if step.kind in {"impact_began", "detected"})


def _said(release: Release, deployment_id: str, rng: np.random.Generator) -> list[ChangeReport]:
    """Whoever worked on the incidents says what caused them, more often than not."""
    return [
        _link(draft, deployment_id, rng, is_cause=True, reason=SAID_REASONS[int(rng.integers(len(SAID_REASONS)))])
        for draft in release.caused
        if rng.random() < SAID
    ]


def _denied(
    drafts: Sequence[Draft], went_out: dict[str, list[tuple[datetime, str]]], rng: np.random.Generator
) -> list[ChangeReport]:
    """That other releases of the day before had nothing to do with an incident, where its cause was found elsewhere."""
    found: list[ChangeReport] = []
    for draft in drafts:
        reason = DENIED_REASONS.get(draft.labels["cause"])
        if reason is None or rng.random() >= DENIED:
            continue
        until = max(step.at for step in draft.steps if step.kind in {"impact_began", "detected"})
        found += [
            _link(draft, deployment_id, rng, is_cause=False, reason=reason)
            for service in draft.services
            for at, deployment_id in went_out.get(service, [])
            if until - _DAY <= at <= until
        ]
    return found


def _link(draft: Draft, deployment_id: str, rng: np.random.Generator, *, is_cause: bool, reason: str) -> LinkReported:
    at = {step.kind: step.at for step in draft.steps}
    said_at = at.get("identified", at["detected"] + 10 * _MINUTE)
    people = RESPONDERS[draft.team or ""]
    return LinkReported(
        id=f"{ORIGIN}:{draft.ref}",
        at=said_at,
        recorded_at=said_at,
        by=f"user:{people[int(rng.integers(len(people)))]}" if people else BY,
        deployment_id=deployment_id,
        incident_id=incident_id_of(draft.origin, draft.ref),
        is_cause=is_cause,
        reason=reason,
    )
