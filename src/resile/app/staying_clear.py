"""Incidents whose alerts cleared, and that are restored once these stayed clear for as long as their route asks."""

from collections.abc import Callable, Sequence
from datetime import datetime

from resile.alerting.standing import Standing, firings_of
from resile.app.alert_incidents import Pages
from resile.app.growing import Growing
from resile.app.restoring import tell_restored
from resile.model.alert import AlertState
from resile.model.message import Message
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore


def watched_until(store: PagingStore, incident_id: str) -> datetime | None:
    """Until when alerts, all clear now, are watched before the incident is said to be restored; None: they are not."""
    timer = store.timer(TimerKind.CLEAR, incident_id)
    return None if timer is None else timer.due_at


def watched_words(until: str) -> str:
    """What responders are told of it."""
    return f"its alerts are clear, watched until {until}"


class StayingClear:
    """The handler of TimerKind.CLEAR, which is set when the last alert clears and taken away when one fires.

    Args:
        pages: paging as of one instant.
    """

    def __init__(self, store: PagingStore, timelines: TimelineStore, *, pages: Callable[[], Pages]) -> None:
        self._store = store
        self._timelines = timelines
        self._pages = pages

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """What is due of some incidents; takes each of these timers away."""
        ids = [timer.subject for timer in timers]
        timelines = self._timelines.read_many(ids)
        known = self._store.escalations(ids)
        sent: dict[str, list[Message]] = {}
        for message in self._store.messages_of([name for name in ids if name in known]):
            sent.setdefault(message.incident_id or "", []).append(message)
        pages = self._pages()
        changes = Changes(timers=tuple(Timer(kind=TimerKind.CLEAR, subject=one, due_at=None) for one in ids))
        for incident_id in ids:
            growing = Growing(incident_id, timelines.get(incident_id, []), now=now, by="resile")
            if not self._stayed_clear(growing):
                continue
            changes += pages.ended(
                growing, known.get(incident_id), sent.get(incident_id, []), because="restored: its alerts are resolved"
            )
            changes += Changes(appends=growing.appends())
        return changes

    def _stayed_clear(self, growing: Growing) -> bool:
        """Tell that it is restored, unless it is over already, goes on elsewhere, or fires again."""
        standing = Standing(incident=growing.incident, firings=firings_of(growing.timeline))
        cleared_at = standing.firings.cleared_at
        is_open = growing.incident.exists and standing.over is None and standing.merged_into is None
        if not is_open or cleared_at is None:
            return False
        its = self._store.alerts_of([growing.incident_id, *sorted(growing.incident.absorbed)])
        if any(one.alert.state is not AlertState.RESOLVED for one in its):
            return False
        tell_restored(growing, [cleared_at])
        return True
