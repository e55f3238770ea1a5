"""What time brings to alerts: those of which nothing was heard are over, and those that were muted are asked again."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from resile.alerting.case import Case
from resile.alerting.stages import is_muted
from resile.app.alert_intake import AlertIntake
from resile.app.listening import Listening
from resile.model.alert import Alert, AlertState, KnownAlert
from resile.model.time import MICROSECOND, MINUTE, format_instant
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind

# Whoever did not listen waits no longer than so for one who is to tell again.
_MOST_PATIENCE = 15 * MINUTE


class AlertTimers:
    """The handler of TimerKind.ALERT."""

    def __init__(self, store: PagingStore, intake: AlertIntake, listening: Listening) -> None:
        self._store = store
        self._intake = intake
        self._listening = listening

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """What is due for alerts; sets or takes away each of these timers.

        Re-sends move `expires_at` without moving the timer, so that each alert is looked at as it stands. Where nobody
        listened for a while, each sender has its time once more: else a restart would end whatever fires.
        """
        known = self._store.alerts([timer.subject for timer in timers])
        cases = [case for one in known.values() if (case := self._case(one, now)) is not None]
        batch = self._intake.batch(cases, now)
        changes = batch.decide()
        self._intake.firing.foresee(batch.n_more_firing)
        again = []
        for timer in timers:
            stands = batch.stands(timer.subject) or known.get(timer.subject)
            due_at = None if stands is None else batch.asked_again_at(stands)
            if stands is not None and due_at is not None and due_at <= now:
                due_at = self._silent_at(stands.alert)
            again.append(Timer(kind=TimerKind.ALERT, subject=timer.subject, due_at=due_at))
        return changes + Changes(timers=tuple(again))

    def _case(self, known: KnownAlert, now: datetime) -> Case | None:
        """What is to be asked of an alert; None: nothing."""
        alert = known.alert
        if alert.state is AlertState.RESOLVED:
            return None
        silent_at = self._silent_at(alert)
        if silent_at is not None and silent_at <= now:
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

    def _silent_at(self, alert: Alert) -> datetime | None:
        if alert.expires_at is None:
            return None
        patience = min(max(alert.expires_at - alert.told_at, MINUTE), _MOST_PATIENCE)
        return self._listening.silent_at(alert.expires_at, heard_at=alert.told_at, patience=patience)
