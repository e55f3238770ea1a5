"""Incidents to which something happened lately, by service: followed as events are appended, not read anew."""

import threading
from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec import UNSET

from resile.model.event import AlertFired, Closed, Declared, Described, Event, Merged, Reopened, Restored
from resile.ports.paging_store import PagingStore
from resile.ports.timeline_store import StoredEvent, TimelineStore

# Kept: the newest. When there are twice as many the others go.
MOST_KEPT = 2_000
# Events read at once.
_STEP = 5_000
# Who is further behind, for many incidents were imported, begins anew instead of reading all of it.
_FURTHEST_BEHIND = 20_000
# So it begins: with so many alerts that fire, escalations and events, the newest.
_ALERTS, _ESCALATIONS, _EVENTS = 1_000, 200, 1_000


class RecentIncidents:
    """The incidents that an alert of another group may join. May be used from several threads.

    It says which to look at; whether one is open, and how it stands, its timeline says.
    """

    def __init__(self, store: PagingStore, timelines: TimelineStore) -> None:
        self._store = store
        self._timelines = timelines
        self._guard = threading.Lock()
        self._seq: int | None = None
        self._its: dict[str, _Recent] = {}
        self._by_service: dict[str, set[str]] = {}

    def of_services(self, services: Collection[str], *, since: datetime, most: int) -> list[str]:
        """Ids of incidents of any of these services to which something happened since then.

        The open ones first, and of these the newest. It is as of now: what was committed before the call is seen.

        Args:
            services: as the catalog or whoever declared it calls them, in any case of letters.

        Raises:
            StoreError: the store failed.
        """
        with self._guard:
            self._catch_up()
            ids = {name for said in services for name in self._by_service.get(said.casefold(), ())}
            found = [(not one.is_over, one.at, name) for name in ids if (one := self._its[name]).at >= since]
        return [name for _, _, name in sorted(found, reverse=True)[:most]]

    def _catch_up(self) -> None:
        last = self._timelines.last_seq()
        # Before what was seen already: a backup was put back.
        if self._seq is None or not 0 <= last - self._seq <= _FURTHEST_BEHIND:
            self._begin(last)
        while self._seq is not None and self._seq < last:
            told = self._timelines.follow(self._seq, limit=_STEP)
            self._read(self._unfollowed(told))
            for one in told:
                self._take(one.incident_id, one.event)
            self._seq = told[-1].seq if told else last
        if len(self._its) > 2 * MOST_KEPT:
            self._let_go()

    def _begin(self, last: int) -> None:
        """What is read here may tell of more than `last`; told again, it changes nothing. What was known is kept."""
        ids = [one.incident_id for one in self._store.alerts_firing(limit=_ALERTS)]
        ids += [one.incident_id for one in self._store.open_escalations(limit=_ESCALATIONS)]
        ids += [one.incident_id for one in self._timelines.follow(max(0, last - _EVENTS), limit=_EVENTS)]
        self._read(name for name in dict.fromkeys(ids) if name)
        self._seq = last

    def _unfollowed(self, told: Iterable[StoredEvent]) -> list[str]:
        """Incidents that were not followed, or not any more, and to which something happens: all of them is needed."""
        known = set(self._its)
        found: dict[str, None] = {}
        for one in told:
            if isinstance(one.event, Declared):
                known.add(one.incident_id)
            elif isinstance(one.event, AlertFired | Reopened) and one.incident_id not in known:
                found[one.incident_id] = None
        return list(found)

    def _read(self, ids: Iterable[str]) -> None:
        asked = list(ids)
        for name, told in (self._timelines.read_many(asked) if asked else {}).items():
            for event in told:
                self._take(name, event)

    def _take(self, incident_id: str, event: Event) -> None:
        match event:
            case Declared() | AlertFired() | Reopened():
                one = self._its.setdefault(incident_id, _Recent(event.at))
                one.at = max(one.at, event.at)
                if not isinstance(event, AlertFired):
                    one.is_over = False
                if isinstance(event, Declared):
                    self._name(incident_id, event.services)
            case Described() if event.services is not UNSET:
                self._name(incident_id, event.services)
            case Restored() | Closed() | Merged():
                if incident_id in self._its:
                    self._its[incident_id].is_over = True
            case _:
                pass

    def _name(self, incident_id: str, services: Iterable[str]) -> None:
        """Of one that was described anew the services before are kept: to look at it in vain costs little."""
        one = self._its.get(incident_id)
        if one is None:
            return
        for said in services:
            one.services.add(said.casefold())
            self._by_service.setdefault(said.casefold(), set()).add(incident_id)

    def _let_go(self) -> None:
        newest = sorted(self._its, key=lambda name: (not self._its[name].is_over, self._its[name].at), reverse=True)
        for name in newest[MOST_KEPT:]:
            for service in self._its.pop(name).services:
                self._by_service[service].discard(name)
                if not self._by_service[service]:
                    del self._by_service[service]


class _Recent:
    """What is known of one.

    Attributes:
        at: when it was declared or reopened, or an alert fired, last.
        services: all that it was ever said to be of, in small letters.
        is_over: it was restored, closed or merged, and not reopened since.
    """

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.services: set[str] = set()
        self.is_over = False
