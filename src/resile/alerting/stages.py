"""The stages before an incident: has it been told, is it muted, by which route and in which group does it go on?"""

import hashlib
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from resile.alerting.case import Case, Group, World
from resile.alerting.standing import Standing
from resile.model.alert import MUTED, Alert, AlertState, KnownAlert, Outcome, Stage, Verdict
from resile.model.matcher import values_of
from resile.model.route import Route
from resile.model.silence import Silence
from resile.model.time import DAY, HOUR, MINUTE, format_instant

_NO_GROUP = Group()
# What people restored may fire on until its sender notices: for `reopens_within` of its route, but within these.
LEAST_PATIENCE = 5 * MINUTE
_MOST_PATIENCE = HOUR
# By so much the clocks of two machines may differ. What was told later than that after now was told while the clock
# was wrong; were it believed, whatever fires would be passed over until the clock is there again.
_AHEAD = 2 * MINUTE


def dedup(case: Case, world: World) -> tuple[Case, Verdict]:
    """Whether this telling says anything new of the alert."""
    alert, known = case.alert, case.known
    if known is None:
        return case, _goes_on(Stage.DEDUP, f"first heard of, at door {alert.door}")
    if case.is_asked_again:
        return case, _goes_on(Stage.DEDUP, f"asked again, for it was {known.outcome} and still fires")
    was = known.alert
    if alert.told_at < was.told_at and not is_of_wrong_clock(was, case.now):
        return _known(case, f"told {format_instant(alert.told_at)}, and what was told later is known already")
    # Firing, told where it was taken, leaves it taken.
    is_same = alert.state is was.state or (alert.state is AlertState.FIRING and was.state is AlertState.ACKNOWLEDGED)
    if alert.told_at == was.told_at and is_same:
        return _known(case, "this very telling was taken already")
    if alert.state is AlertState.RESOLVED and was.state is AlertState.RESOLVED:
        return _known(case, "told again that it is resolved, as is known", is_counted=True)
    return _told_on(case, known, world)


def is_of_wrong_clock(was: Alert, now: datetime) -> bool:
    """Whether an alert was told by a clock that has been set back since."""
    return was.told_at > now + _AHEAD


def _told_on(case: Case, known: KnownAlert, world: World) -> tuple[Case, Verdict]:
    """A newer telling of an alert that fires, or fires again."""
    alert, was = case.alert, known.alert
    if was.state is AlertState.RESOLVED:
        return case, _goes_on(Stage.DEDUP, case.why_there or f"fires anew, for the {_nth(known.n_fired + 1)} time")
    if alert.state is AlertState.RESOLVED:
        reason = case.why_there or f"holds no more; it fired since {format_instant(was.starts_at)}"
        return case, _goes_on(Stage.DEDUP, reason)
    if alert.state is AlertState.ACKNOWLEDGED and was.state is AlertState.FIRING:
        return case, _goes_on(Stage.DEDUP, f"{alert.by or 'somebody'} took it at its sender")
    if known.outcome in MUTED:
        return case, _goes_on(Stage.DEDUP, f"told again; so far it was {known.outcome}")
    over = _over_too_long(case, known, world)
    if over is not None:
        standing, how, ago = over
        reason = f"told again that it fires, {long(ago)} after {standing.id} was {how}"
        return replace(case, is_still=True), _goes_on(Stage.DEDUP, reason)
    return _known(case, "told again that it fires, as is known", is_counted=True)


def _over_too_long(case: Case, known: KnownAlert, world: World) -> tuple[Standing, str, timedelta] | None:
    """Its incident, where that is over for so long that the alert ought to have stopped."""
    standing = world.carrying_on(known.incident_id)
    if standing is None or standing.over is None or not standing.takes(is_test=known.alert.is_test):
        return None
    over_at, how = standing.over
    ago = case.alert.told_at - over_at
    patience = min(max(_way(case.alert, world).reopens_within, LEAST_PATIENCE), _MOST_PATIENCE)
    return (standing, how, ago) if ago >= patience else None


def completed(alert: Alert, known: KnownAlert | None) -> Alert:
    """A telling with what is known of an alert that fires: senders say less when it is taken, or over."""
    if known is None or alert.state is AlertState.FIRING or known.alert.state is AlertState.RESOLVED:
        return alert
    was = known.alert
    return replace(
        alert,
        title=alert.title or was.title,
        starts_at=min(alert.starts_at, was.starts_at),
        labels=alert.labels or was.labels,
        severity=alert.severity or was.severity,
        service=alert.service or was.service,
        description=alert.description or was.description,
        group=alert.group or was.group,
        links=alert.links or was.links,
        playbook=alert.playbook or was.playbook,
        is_test=alert.is_test or was.is_test,
        expires_at=alert.expires_at or (was.expires_at if alert.state is AlertState.ACKNOWLEDGED else None),
    )


def _known(case: Case, reason: str, *, is_counted: bool = False) -> tuple[Case, Verdict]:
    because_of = None if case.known is None else case.known.incident_id
    return (
        replace(case, outcome=Outcome.KNOWN, is_counted=is_counted),
        Verdict(Stage.DEDUP, ends=True, reason=reason, because_of=because_of),
    )


def silence(case: Case, world: World) -> tuple[Case, Verdict]:
    """Whether a silence mutes it; of several, the one that holds longest is named."""
    fitting = [one for one in world.rules.silences if one.mutes(case.alert, case.now)]
    if not fitting:
        return case, _goes_on(Stage.SILENCE, "no silence fits it")
    longest = max(fitting, key=lambda one: (one.ends_at is None, one.holds_until(case.now) or case.now, one.id))
    return (
        replace(case, outcome=Outcome.SILENCED),
        Verdict(Stage.SILENCE, ends=True, reason=_silenced(longest, case), because_of=longest.id),
    )


def _silenced(one: Silence, case: Case) -> str:
    until = one.holds_until(case.now)
    times = "" if until is None else f" until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"silenced{times} by {one.by.partition(':')[2] or one.by}: {one.because}"


def inhibit(case: Case, world: World) -> tuple[Case, Verdict]:
    """Whether another alert that fires mutes it."""
    found = world.firing.inhibitor(case.id, case.alert)
    if found is None:
        return case, _goes_on(Stage.INHIBIT, "no alert that fires inhibits it")
    inhibition, other, title = found
    return (
        replace(case, outcome=Outcome.INHIBITED),
        Verdict(
            Stage.INHIBIT,
            ends=True,
            reason=f"muted by inhibition {inhibition.name} while {title!r} fires",
            because_of=other,
        ),
    )


def route(case: Case, world: World) -> tuple[Case, Verdict]:
    """By which route it goes on, and what its incident is to be like."""
    rules, alert = world.rules, case.alert
    way = _way(alert, world)
    service = rules.service_named(way.service or alert.service or alert.labels.get("service"))
    team = way.team or rules.owner_of(service)
    policy, whose = rules.policy_for(way, service, team)
    after = replace(
        case,
        route=way,
        service=service,
        team=team,
        severity=way.severity or alert.severity,
        policy=policy,
        pages=way.pages,
    )
    words = f"by route {way.name}" if way.name else "by no route of the catalog, so that it makes an incident"
    if not way.pages:
        paged = "nobody is paged by it"
    else:
        paged = whose if policy is None else f"pages by policy {policy} {whose}"
    return after, _goes_on(Stage.ROUTE, f"{words}; {paged}", way.name or None)


def _way(alert: Alert, world: World) -> Route:
    return next(one for one in world.rules.routes if one.fits(alert))


def group(case: Case, world: World) -> tuple[Case, Verdict]:
    """With which other alerts it belongs together, by its route's labels."""
    del world
    alert = case.alert
    if case.route.group_by is None:
        name = "alertname" if alert.labels.get("alertname") else "title"
        # Of what names no service, the same words from two senders need not mean the same thing.
        whose = ("service", case.service) if case.service else ("door", alert.door)
        pairs = [(name, alert.labels.get("alertname") or alert.title), whose]
    else:
        pairs = [(label, _grouped_by(case, label)) for label in case.route.group_by]
    digest = hashlib.sha256(repr((case.route.name, pairs, alert.is_test)).encode("utf-8", "surrogatepass"))
    words = ", ".join(f"{label} {value!r}" for label, value in pairs)
    return (
        replace(case, group_key=f"{case.route.name}/{digest.hexdigest()[:24]}"),
        _goes_on(Stage.GROUP, f"grouped by {words}" if words else "grouped with all alerts of its route"),
    )


def _grouped_by(case: Case, label: str) -> str:
    if label == "service":
        return case.service or ""
    return values_of(case.alert, label)[0]


def throttle(case: Case, world: World) -> tuple[Case, Verdict]:
    """Whether so many alerts of its group fired lately that it shall page nobody."""
    limit = case.route.throttle
    if limit is None:
        return case, _goes_on(Stage.THROTTLE, "its route has no throttle")
    fired_at = world.groups.get(case.group_key or "", _NO_GROUP).fired_at
    n_lately = sum(at > case.now - limit.within for at in fired_at)
    within = f"{limit.within // MINUTE} min" if limit.within >= MINUTE else f"{limit.within.seconds} s"
    words = f"{n_lately} of its group fired within {within}, and {limit.most} may page"
    if n_lately < limit.most:
        return case, _goes_on(Stage.THROTTLE, words)
    after = replace(case, pages=False, is_throttled=True)
    return after, _goes_on(
        Stage.THROTTLE, f"{words}: where it joins an incident, it pages nobody", case.route.name or None
    )


def _goes_on(stage: Stage, reason: str, because_of: str | None = None) -> Verdict:
    return Verdict(stage, ends=False, reason=reason, because_of=because_of)


def _nth(n: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th") if n % 100 not in {11, 12, 13} else "th"
    return f"{n}{suffix}"


def long(lasted: timedelta) -> str:
    """A length of time, roughly, in words."""
    if lasted < 2 * HOUR:
        return f"{lasted // MINUTE} min" if lasted >= MINUTE else f"{lasted.seconds} s"
    return f"{lasted // HOUR} h" if lasted < 2 * DAY else f"{lasted // DAY} days"


def is_muted(known: KnownAlert) -> bool:
    """Whether it fires, and makes no incident as long as something mutes it."""
    return known.alert.state is not AlertState.RESOLVED and known.outcome in MUTED
