"""Which state each component of the status page had when, from published updates and the end of what they tell."""

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from resile.model.component import ComponentState, UpdatePhase, component_state, worst
from resile.model.errors import ConfigError
from resile.response.published import Published, PublishedUpdate

# How much of such a time counts as down, as status pages have it.
DOWN_WEIGHTS = {ComponentState.PARTIAL_OUTAGE: 0.3, ComponentState.MAJOR_OUTAGE: 1.0}


class Stretch(Struct, frozen=True):
    """A component had a state from an instant until before another; of the last one the end is open."""

    state: ComponentState
    began_at: datetime
    ended_at: datetime | None = None


class Uptime(Struct, frozen=True, kw_only=True):
    """How much of a span of time a component was up.

    Attributes:
        share: 0 to 1; None where the span is empty.
    """

    since: datetime
    until: datetime
    share: float | None


def state_named(said: str) -> ComponentState | None:
    """The state of that name; None for a word that status pages do not have."""
    try:
        return component_state(said)
    except ConfigError:
        return None


def stretches(incidents: Sequence[Published]) -> dict[str, tuple[Stretch, ...]]:
    """By component, what the page showed when, the earliest first; nothing of those that no update named.

    A state that was published holds until the next update of its incident that names the component. What resolves an
    incident leaves the components that it does not name operational; a worse state that it names itself holds until
    any later update names that component. Once service is restored, or the incident over without a word of it, what was
    published before holds no more. Of several incidents the worst state is shown.
    """
    shown: dict[str, list[tuple[datetime, ComponentState]]] = {}
    holds: dict[str, dict[tuple[str, ...], ComponentState]] = {}
    resolved: set[tuple[str, ...]] = set()
    for at, ids, update in _in_order(incidents):
        changed = set()
        if update is not None:
            changed = _say(update, ids, holds, resolved)
        # What somebody said as it was resolved, that still stands.
        elif ids not in resolved:
            changed = _let_go(ids, holds)
        for name in changed:
            shown.setdefault(name, []).append((at, worst(holds[name].values())))
    return {name: _joined(changes) for name, changes in shown.items()}


def _in_order(
    incidents: Sequence[Published],
) -> Iterable[tuple[datetime, tuple[str, ...], PublishedUpdate | None]]:
    """Updates, and None where an incident lets go, which ends what is published at that very instant too."""
    found: list[tuple[tuple[datetime, int, str, str], tuple[str, ...], PublishedUpdate | None]] = []
    for one in incidents:
        found += [((told.at, 0, told.incident_id, told.event_id), one.ids, told) for told in one.standing]
        found += [((at, 1, one.ids[0], ""), one.ids, None) for at in one.let_go_at]
    for (at, *_), ids, update in sorted(found, key=lambda each: each[0]):
        yield at, ids, update


def _say(
    update: PublishedUpdate,
    ids: tuple[str, ...],
    holds: dict[str, dict[tuple[str, ...], ComponentState]],
    resolved: set[tuple[str, ...]],
) -> set[str]:
    """Which components an update says anything of."""
    named = {name: state for name, said in update.components.items() if (state := state_named(said)) is not None}
    for name, state in named.items():
        others = {other: held for other, held in holds.get(name, {}).items() if other not in resolved}
        holds[name] = {**others, ids: state}
    if update.phase is not UpdatePhase.RESOLVED:
        resolved.discard(ids)
        return set(named)
    resolved.add(ids)
    return {*named, *_let_go(ids, holds, but=named)}


def _let_go(
    ids: tuple[str, ...], holds: Mapping[str, dict[tuple[str, ...], ComponentState]], *, but: Container[str] = ()
) -> set[str]:
    return {name for name, held in holds.items() if name not in but and held.pop(ids, None) is not None}


def _joined(changes: Sequence[tuple[datetime, ComponentState]]) -> tuple[Stretch, ...]:
    """Changes in order as stretches, those of one state in a row joined."""
    kept: list[tuple[datetime, ComponentState]] = []
    for at, state in changes:
        if kept and kept[-1][0] == at:
            kept.pop()
        if not kept or kept[-1][1] is not state:
            kept.append((at, state))
    ends: list[datetime | None] = [after for _, (after, _) in pairwise(kept)]
    return tuple(Stretch(state, at, ended) for (at, state), ended in zip(kept, [*ends, None], strict=True))


def state_at(found: Sequence[Stretch], at: datetime) -> ComponentState:
    """The state at an instant; before the first one: operational."""
    state = ComponentState.OPERATIONAL
    for one in found:
        if one.began_at > at:
            break
        state = one.state
    return state


def uptime(found: Sequence[Stretch], since: datetime, until: datetime) -> Uptime:
    """How much of the span it was up: a major outage counts whole as down, a partial one 30 %, all else not at all."""
    lasts = until - since
    if lasts <= timedelta(0):
        return Uptime(since=since, until=until, share=None)
    down = sum(
        (DOWN_WEIGHTS[one.state] * _within(one, since, until) for one in found if one.state in DOWN_WEIGHTS),
        start=timedelta(0),
    )
    return Uptime(since=since, until=until, share=1 - down / lasts)


def worst_within(found: Sequence[Stretch], since: datetime, until: datetime) -> ComponentState:
    """The worst state that it had at any moment of the span."""
    return worst(one.state for one in found if _touches(one, since, until))


def _touches(one: Stretch, since: datetime, until: datetime) -> bool:
    return one.began_at < until and (one.ended_at is None or one.ended_at > since)


def _within(one: Stretch, since: datetime, until: datetime) -> timedelta:
    ended = until if one.ended_at is None else min(one.ended_at, until)
    return max(timedelta(0), ended - max(one.began_at, since))


def worst_named(updates: Iterable[PublishedUpdate]) -> Mapping[str, ComponentState]:
    """By component, the worst state that any of these updates named."""
    found: dict[str, ComponentState] = {}
    for update in updates:
        for name, said in update.components.items():
            state = state_named(said)
            if state is not None:
                found[name] = worst((found.get(name, ComponentState.OPERATIONAL), state))
    return found
