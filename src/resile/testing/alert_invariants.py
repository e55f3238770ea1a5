"""What must hold of alerts in every simulated world: what fires has an incident, and that pages and ends with it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from resile.alerting.standing import firings_of
from resile.app.alert_incidents import MAX_TOLD
from resile.model.alert import MUTED, Alert, AlertState, KnownAlert
from resile.model.event import Acknowledged, AlertFired, Event, PagingBegan, PagingEnded, Reopened
from resile.model.incident import fold
from resile.model.phases import instants
from resile.testing.simulated_alerts import SLOW_CLOCK
from resile.testing.simulated_paging import SimulatedPaging

_MOST_DECISIONS = 1_000


def alert_violations(world: SimulatedPaging) -> list[str]:
    """Everything that does not hold, one sentence each."""
    told = world.alerts.told
    known = world.store.alerts(sorted(told))
    ids = sorted({one.incident_id for one in known.values() if one.incident_id is not None})
    timelines = world.timelines.read_many(ids)
    found = []
    for alert_id, tellings in sorted(told.items()):
        one = known.get(alert_id)
        if one is None:
            found.append(f"alert {alert_id} was told {len(tellings)} times and is not known")
            continue
        faults = [*_state(one, tellings), *_incident(one, timelines), *_counts(world, one)]
        faults += [] if world.record.n_jumps else _slow_clock(one)
        found += [f"alert {alert_id}: {fault}" for fault in faults]
    found += [] if world.record.n_jumps else list(_groups(known.values()))
    for incident_id, events in timelines.items():
        its = [one for one in known.values() if one.incident_id == incident_id]
        # A clock that was an hour ahead leaves times that contradict each other, which is said, and left to people.
        faults = [*(() if world.record.n_jumps else _ends(incident_id, events, its)), *_pages_anew(events)]
        found += [f"{incident_id}: {fault}" for fault in faults]
    return found


def _groups(known: Iterable[KnownAlert]) -> Iterator[str]:
    """Alerts of one group go to one incident, though time and a door bring them at the same moment."""
    of_group: dict[str, set[str]] = {}
    for one in known:
        if one.group_key is not None and one.incident_id is not None:
            of_group.setdefault(one.group_key, set()).add(one.incident_id)
    for key, ids in of_group.items():
        if len(ids) > 1:
            yield f"alerts of group {key} are in several incidents: {', '.join(sorted(ids))}"


def _fires(state: AlertState) -> bool:
    return state is not AlertState.RESOLVED


def _state(known: KnownAlert, tellings: Sequence[Alert]) -> Iterator[str]:
    """It stands as its sender said last, whatever came late; what is heard of no more is over."""
    last = max(tellings, key=lambda alert: alert.told_at)
    must_fire = _fires(last.state) and known.alert.expires_at is None
    if _fires(known.alert.state) is not must_fire:
        yield f"its sender said {last.state} last, and it is {known.alert.state}"


def _slow_clock(known: KnownAlert) -> Iterator[str]:
    """What was told as firing by a clock that is behind came to an incident, and ended with what it told of the end."""
    if known.alert.fingerprint == SLOW_CLOCK and known.incident_id is None:
        yield "it fired by a clock that is behind, and has no incident"


def _incident(known: KnownAlert, timelines: dict[str, list[Event]]) -> Iterator[str]:
    if not _fires(known.alert.state):
        return
    if known.outcome in MUTED:
        # All silences are over by now, and nothing inhibits.
        yield f"it fires, and is {known.outcome} still"
        return
    events = timelines.get(known.incident_id or "", [])
    at = instants(fold(known.incident_id or "", events))
    if not events or at.restored is not None or at.closed is not None:
        yield f"it fires, and no incident is open for it ({known.incident_id})"
    elif known.id not in firings_of(events).open:
        yield f"it fires, and {known.incident_id} does not tell of it"
    elif known.alert.state is AlertState.ACKNOWLEDGED and not any(isinstance(one, Acknowledged) for one in events):
        yield f"somebody took it at its sender, and {known.incident_id} does not know"


def _counts(world: SimulatedPaging, known: KnownAlert) -> Iterator[str]:
    decisions = world.store.decisions(known.id, limit=_MOST_DECISIONS)[::-1]
    incidents = {one.incident_id for one in decisions if one.incident_id is not None}
    if len(incidents) > 1 and not world.record.n_jumps:
        yield f"it flapped, and made several incidents: {', '.join(sorted(incidents))}"
    fires = [False, *(_fires(one.state) for one in decisions)]
    n_fired = sum(now and not before for before, now in pairwise(fires))
    # Decisions are in the order of the clocks by which they were made.
    if known.n_fired != n_fired and not world.record.n_jumps:
        yield f"it fired {n_fired} times, and {known.n_fired} are counted"
    n_told = world.alerts.counted[known.id]
    if known.n_told != n_told:
        yield f"it was told {n_told} times, and {known.n_told} are counted"


def _ends(incident_id: str, events: Sequence[Event], its: Sequence[KnownAlert]) -> Iterator[str]:
    """It is restored once all its alerts are resolved."""
    fired = {event.alert_id for event in events if isinstance(event, AlertFired)}
    is_over = instants(fold(incident_id, events)).restored is not None
    if fired and len(fired) < MAX_TOLD and not any(_fires(one.alert.state) for one in its) and not is_over:
        yield "all its alerts are resolved, and it was not restored"


def _pages_anew(events: Sequence[Event]) -> Iterator[str]:
    """Where it was reopened, paging began anew, unless it had never ended."""
    for place, event in enumerate(events):
        if not isinstance(event, Reopened):
            continue
        before = next((one for one in reversed(events[:place]) if isinstance(one, PagingBegan | PagingEnded)), None)
        after = next((one for one in events[place:] if isinstance(one, PagingBegan | PagingEnded)), None)
        if not isinstance(after, PagingBegan) and not isinstance(before, PagingBegan):
            yield f"it was reopened at {event.recorded_at}, and nobody was paged anew"
