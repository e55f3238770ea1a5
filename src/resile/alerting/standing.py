"""How an incident stands towards alerts: which of them fire, and whether it is open to more."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from resile.model.event import AlertCleared, AlertFired, Declared, Event, Exclusion, PagingBegan, Reopened
from resile.model.incident import Incident, value_of
from resile.model.phases import instants

# So excluded, an incident has nobody look at it: what fires now must not be lost in it.
_NOT_JOINED = frozenset({Exclusion.NOISE, Exclusion.PLANNED})


class Firings(Struct, frozen=True, kw_only=True):
    """What a timeline says of alerts.

    Attributes:
        open: ids of those that fire; cleared: of those that fired here, or in what was merged into it, and do no more.
        n_told: how many firings and clearings it tells of; n_fired: how many firings.
        cleared_at: when the last one cleared since the incident was declared, or reopened.
        last_at: when it was declared or reopened, or an alert fired, last.
        is_by_alert: whether an alert declared it, not a person or an import.
        n_unpaged: how often it was said since the last reopening that there is no policy.
    """

    open: frozenset[str] = frozenset()
    cleared: frozenset[str] = frozenset()
    n_told: int = 0
    n_fired: int = 0
    cleared_at: datetime | None = None
    last_at: datetime | None = None
    is_by_alert: bool = False
    n_unpaged: int = 0


def firings_of(events: Iterable[Event]) -> Firings:
    """What a whole timeline says."""
    # Sets are built once: a timeline may tell of thousands.
    open_: set[str] = set()
    cleared: set[str] = set()
    n_told = n_fired = n_unpaged = 0
    cleared_at = last_at = None
    is_by_alert = False
    for event in events:
        match event:
            case AlertFired():
                open_.add(event.alert_id)
                cleared.discard(event.alert_id)
                n_told, n_fired, last_at = n_told + 1, n_fired + 1, _latest(last_at, event.at)
            case AlertCleared():
                open_.discard(event.alert_id)
                cleared.add(event.alert_id)
                n_told, cleared_at = n_told + 1, _latest(cleared_at, event.at)
            case Declared():
                is_by_alert = is_by_alert or (event.origin is None and event.by.startswith("door:"))
                last_at = _latest(last_at, event.at)
            case Reopened():
                cleared_at, n_unpaged, last_at = None, 0, _latest(last_at, event.at)
            case PagingBegan() if event.policy is None:
                n_unpaged += 1
            case _:
                pass
    return Firings(
        open=frozenset(open_),
        cleared=frozenset(cleared),
        n_told=n_told,
        n_fired=n_fired,
        cleared_at=cleared_at,
        last_at=last_at,
        is_by_alert=is_by_alert,
        n_unpaged=n_unpaged,
    )


def after(known: Firings, events: Iterable[Event]) -> Firings:
    """The same once more events were told."""
    new = list(events)
    told = firings_of(new)
    if told == Firings():
        return known
    is_reopened = any(isinstance(event, Reopened) for event in new)
    return replace(
        known,
        open=(known.open - told.cleared) | told.open,
        cleared=(known.cleared - told.open) | told.cleared,
        n_told=known.n_told + told.n_told,
        n_fired=known.n_fired + told.n_fired,
        cleared_at=told.cleared_at if is_reopened else _latest(known.cleared_at, told.cleared_at),
        last_at=_latest(known.last_at, told.last_at),
        is_by_alert=known.is_by_alert or told.is_by_alert,
        n_unpaged=told.n_unpaged if is_reopened else known.n_unpaged + told.n_unpaged,
    )


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


class Standing(Struct, frozen=True, kw_only=True, dict=True):
    """An incident as the stages see it. Each alert is held against many, so that what it asks of one is kept."""

    incident: Incident
    firings: Firings

    @property
    def id(self) -> str:
        """Its id."""
        return self.incident.id

    @cached_property
    def over(self) -> tuple[datetime, str] | None:
        """Since when it is over, and how; None: it is open."""
        known = instants(self.incident)
        if known.restored is not None:
            return known.restored.at, "restored"
        return None if known.closed is None else (known.closed.at, "closed")

    @cached_property
    def merged_into(self) -> str | None:
        """The incident that carries on for it."""
        return value_of(self.incident.merged_into, None)

    @cached_property
    def exclusion(self) -> Exclusion | None:
        """Why it does not count."""
        return value_of(self.incident.exclusion, None)

    @cached_property
    def services(self) -> tuple[str, ...]:
        """Its services."""
        return value_of(self.incident.services, ())

    def takes(self, *, is_test: bool) -> bool:
        """Whether alerts may belong to it; tests keep to themselves."""
        return (
            self.incident.exists and self.exclusion not in _NOT_JOINED and (self.exclusion is Exclusion.TEST) is is_test
        )
