"""What time brings to alerts: those of which nothing was heard are over, and those that were muted are asked again."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from resile.alerting.case import Case
from resile.alerting.stages import is_muted
from resile.app.alert_intake import AlertIntake
from resile.model.alert import AlertState, KnownAlert
from resile.model.time import MICROSECOND, format_instant
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind


class AlertTimers:
    """The handler of TimerKind.ALERT."""

    def __init__(self, store: PagingStore, intake: AlertIntake) -> None:
        self._store = store
        self._intake = intake

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """What is due for alerts; sets or takes away each of these timers.

        Re-sends move `expires_at` without moving the timer, so that each alert is looked at as it stands.
        """
        known = self._store.alerts([timer.subject for timer in timers])
        cases = [case for one in known.values() if (case := _case(one, now)) is not None]
        batch = self._intake.batch(cases, now)
        changes = batch.decide()
        self._intake.firing.add(batch.n_more_firing)
        again = []
        for timer in timers:
            stands = batch.stands(timer.subject) or known.get(timer.subject)
            due_at = None if stands is None else batch.asked_again_at(stands)
            again.append(Timer(kind=TimerKind.ALERT, subject=timer.subject, due_at=due_at))
        return changes + Changes(timers=tuple(again))


def _case(known: KnownAlert, now: datetime) -> Case | None:
    """What is to be asked of an alert; None: nothing."""
    alert = known.alert
    if alert.state is AlertState.RESOLVED:
        return None
    if alert.expires_at is not None and alert.expires_at <= now:
        over = replace(
            alert,
            state=AlertState.RESOLVED,
            ends_at=alert.expires_at,
            # Later than what is known, and earlier than whatever waits to be taken in.
            told_at=alert.told_at + MICROSECOND,
            by=None,
        )
        words = f"not heard of since {format_instant(alert.told_at)}, so that it counts as resolved"
        return Case(id=known.id, alert=over, known=None, now=now, why_there=words, is_told=False)
    if is_muted(known):
        return Case(id=known.id, alert=alert, known=None, now=now, is_asked_again=True, is_told=False)
    return None
