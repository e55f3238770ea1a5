"""The last two stages: to which incident an alert goes, and what becomes of that."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from resile.alerting.case import Case, Deed, World
from resile.alerting.stages import long
from resile.alerting.standing import Standing
from resile.model.alert import AlertState, Outcome, Stage, Verdict
from resile.model.time import DAY, MINUTE, format_instant

# What begins so far apart is not taken for one trouble.
NEAR_IN_TIME = 15 * MINUTE
# A time told by the sender that lies further back, or in the future, is not believed.
OLDEST_START = DAY
# More alerts that fire are not counted one by one.
MOST_COUNTED = 1_000
_ITS_OWN = "it belonged to it before"


def began_at(case: Case) -> datetime:
    """When the alert's condition began to hold, as far as that can be believed; else now."""
    starts_at = case.alert.starts_at
    return starts_at if case.now - OLDEST_START < starts_at <= case.now else case.now


def correlate(case: Case, world: World) -> tuple[Case, Verdict]:
    """To which incident it goes: its own, its group's, else one of the same service or of one next to it."""
    over: list[tuple[Standing, timedelta, str, str]] = []
    for standing, whose in _of_its_own(case, world):
        if standing.over is None:
            return _goes_to(case, standing, Deed.JOIN, f"{standing.id} is open, and {whose}")
        over_at, how = standing.over
        over.append((standing, case.now - over_at, how, whose))
    for standing, ago, how, whose in over:
        if case.is_still and whose is _ITS_OWN:
            return _goes_to(case, standing, Deed.REOPEN, f"it still fires, {long(ago)} after {standing.id} was {how}")
        if ago <= case.route.reopens_within:
            return _goes_to(case, standing, Deed.REOPEN, f"{standing.id} was {how} {long(ago)} ago, and {whose}")
    found = None if case.service is None else _of_service(case, world, case.service)
    if found is not None:
        return _goes_to(case, found[0], Deed.JOIN, found[1])
    too_long = [f"{standing.id} was {how} {long(ago)} ago, too long to be reopened" for standing, ago, how, _ in over]
    reason = too_long[0] if too_long else "no open incident fits it"
    return replace(case, deed=Deed.DECLARE), Verdict(Stage.CORRELATE, ends=False, reason=reason)


def _of_its_own(case: Case, world: World) -> list[tuple[Standing, str]]:
    """The incidents that it, or its group, belonged to, each once."""
    group = world.groups.get(case.group_key or "")
    told = [] if case.known is None else [(case.known.incident_id, _ITS_OWN)]
    if group is not None:
        told += [(incident_id, "alerts of its group belong to it") for incident_id in group.incident_ids]
    found: dict[str, tuple[Standing, str]] = {}
    for incident_id, whose in told:
        standing = world.carrying_on(incident_id)
        if standing is not None and standing.takes(is_test=case.alert.is_test):
            found.setdefault(standing.id, (standing, whose))
    return list(found.values())


def _of_service(case: Case, world: World, service: str) -> tuple[Standing, str] | None:
    """The open incident that began, or to which something came, near in time: of the service, else of a neighbour."""
    began = began_at(case)
    neighbour: tuple[Standing, str] | None = None
    for incident_id in world.open:
        standing = world.incidents.get(incident_id)
        if standing is None:
            continue
        services = [world.rules.service_named(said) for said in standing.services]
        is_same = service in services
        near = next((one for one in services if one is not None and world.rules.are_near(service, one)), None)
        # What most are not is asked first: in a storm there are hundreds, and how each stands takes a while.
        if not (is_same or (near is not None and neighbour is None)) or not _is_joined(standing, case, began):
            continue
        if is_same:
            return standing, f"{standing.id} is open and of {service} too, with less than 15 min between them"
        if near is not None:
            words = f"{standing.id} is open and of {near}, next to which {service} stands in the catalog"
            neighbour = standing, f"{words}, with less than 15 min between them"
    return neighbour


def _is_joined(standing: Standing, case: Case, began: datetime) -> bool:
    """Whether what belongs to the same trouble may come to an incident: it is open, and near in time."""
    last_at = standing.firings.last_at
    if last_at is None or abs(began - last_at) > NEAR_IN_TIME:
        return False
    is_open = standing.over is None and standing.merged_into is None
    return is_open and standing.takes(is_test=case.alert.is_test)


def _goes_to(case: Case, standing: Standing, deed: Deed, words: str) -> tuple[Case, Verdict]:
    return (
        replace(case, deed=deed, incident_id=standing.id, why_there=words),
        Verdict(Stage.CORRELATE, ends=False, reason=words, because_of=standing.id),
    )


def incident(case: Case, world: World) -> tuple[Case, Verdict]:
    """What becomes of the incident."""
    if case.alert.state is AlertState.RESOLVED:
        return _cleared(case, world)
    if case.deed is Deed.DECLARE:
        return _ends(
            replace(case, outcome=Outcome.DECLARED, is_throttled=False, pages=case.route.pages), "makes a new incident"
        )
    if case.deed is Deed.REOPEN:
        return _ends(replace(case, outcome=Outcome.REOPENED), f"reopens {case.incident_id}")
    if case.deed is Deed.JOIN:
        outcome = Outcome.THROTTLED if case.is_throttled else Outcome.JOINED
        return _ends(replace(case, outcome=outcome), f"joins {case.incident_id}")
    return _taken(case, world)


def _taken(case: Case, world: World) -> tuple[Case, Verdict]:
    """It was acknowledged at its sender, and was known to fire."""
    standing = world.carrying_on(None if case.known is None else case.known.incident_id)
    after = replace(case, outcome=Outcome.KNOWN)
    if standing is None:
        return _ends(after, "it belongs to no incident that could be acknowledged")
    if standing.over is not None:
        return _ends(after, f"{standing.id} is {standing.over[1]} already; there is nothing to acknowledge")
    after = replace(after, incident_id=standing.id)
    return _ends(after, f"acknowledges {standing.id}, as {case.alert.by or 'somebody'} did at its sender")


def _cleared(case: Case, world: World) -> tuple[Case, Verdict]:
    after = replace(case, outcome=Outcome.CLEARED)
    if case.known is None:
        return _ends(after, "it was resolved before it ever fired here")
    standing = world.carrying_on(case.known.incident_id)
    firing = frozenset[str]() if standing is None else world.firing_of(standing, also=case.known.incident_id)
    if standing is None or case.id not in firing:
        return _ends(after, "it belonged to no incident")
    after = replace(after, incident_id=standing.id, deed=Deed.CLEAR)
    n_others = len(firing - {case.id})
    if standing.over is not None:
        return _ends(after, f"{standing.id} is {standing.over[1]} already")
    if n_others:
        counted = f"{n_others:,}" if n_others < MOST_COUNTED else f"{MOST_COUNTED:,} or more"
        return _ends(after, f"{standing.id} goes on: {counted} of its alerts still fire")
    if not standing.firings.is_by_alert:
        return _ends(after, f"the last of {standing.id} that fired; people declared that, so people restore it")
    if not case.route.restores:
        return _ends(after, f"the last of {standing.id} that fired; route {case.route.name} leaves restoring to people")
    after = replace(after, deed=Deed.RESTORE)
    if case.route.restored_after:
        waits = long(case.route.restored_after)
        return _ends(after, f"the last of {standing.id} that fired: it is restored once that stayed so for {waits}")
    return _ends(after, f"the last of {standing.id} that fired: it is restored")


def _ends(case: Case, reason: str) -> tuple[Case, Verdict]:
    return case, Verdict(Stage.INCIDENT, ends=True, reason=reason, because_of=case.incident_id)


def said_of_start(case: Case) -> str | None:
    """What to note where the sender's own time of the beginning is not believed."""
    if began_at(case) == case.alert.starts_at:
        return None
    return (
        f"The sender says that it began {format_instant(case.alert.starts_at)}, which lies "
        f"{'in the future' if case.alert.starts_at > case.now else 'more than a day back'}; "
        "the time at which it was taken stands instead."
    )
