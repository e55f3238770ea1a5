"""What the end means that a sender tells with each telling, where its clock may be behind ours.

Prometheus tells of what fires that it holds until some minutes from now. By a clock that is further behind, that lies
in our past and looks like what is over. Told once, the two cannot be told apart; but of what is over the end stands,
and of what fires it moves on.
"""

from datetime import datetime

from msgspec.structs import replace

from resile.alerting.case import Case
from resile.model.alert import Alert, AlertState, KnownAlert
from resile.model.time import MINUTE, format_instant

# As Alertmanager's resolve_timeout, unless that is set.
_SILENT_AFTER = 5 * MINUTE
# By so much a delivery may be late, or clocks differ, before one telling contradicts another.
_AT_ODDS = 2 * MINUTE


def as_meant(case: Case, known: KnownAlert | None) -> Case:
    """The case with what its telling means beside what was told before; `why_there` says it where that differs."""
    if known is None or not case.is_told:
        return case
    alert, was = case.alert, known.alert
    until, was_until = alert.holds_until, was.holds_until
    if until is None or was_until is None:
        return case
    if alert.told_at == was.told_at and until == was_until:
        # This very telling, a second time: it means what it meant.
        return replace(case, alert=replace(alert, state=was.state))
    if alert.told_at <= was.told_at:
        return case
    is_of_same_time = alert.starts_at <= was_until or alert.starts_at == was.starts_at
    moves_on = until > was_until and is_of_same_time
    if alert.state is not AlertState.RESOLVED:
        return replace(case, alert=_not_silent_before_its_next(alert, was)) if moves_on else case
    was_over = was.state is AlertState.RESOLVED
    if moves_on and (was_over or was_until <= was.told_at):
        return _fires(case, was, _words_of_moving(alert), alert.told_at + _SILENT_AFTER)
    if was_until > was.told_at:
        is_at_odds = not was_over and until < was.told_at - _AT_ODDS
        return _fires(case, was, _words_of_contradiction(alert, was), None) if is_at_odds else case
    # Over, by a clock that is behind: when that was, it cannot say.
    return case if was_over else replace(case, alert=replace(alert, ends_at=alert.told_at))


def _not_silent_before_its_next(alert: Alert, was: Alert) -> Alert:
    """One that is told again and again lives until it could have been told twice more, by however slow a clock."""
    its_time = alert.told_at + min(2 * (alert.told_at - was.told_at), _SILENT_AFTER)
    return replace(alert, expires_at=max(alert.expires_at or its_time, its_time))


def _fires(case: Case, was: Alert, why: str, expires_at: datetime | None) -> Case:
    alert = case.alert
    fires = replace(
        alert,
        state=AlertState.FIRING,
        # When it began, such a clock cannot say; when it was heard of, ours can.
        starts_at=was.told_at,
        ends_at=None,
        expires_at=expires_at,
        warnings=(why, *alert.warnings),
    )
    return replace(case, alert=fires, why_there=why)


def _words_of_moving(alert: Alert) -> str:
    behind = (alert.told_at - (alert.holds_until or alert.told_at)) // MINUTE
    return (
        f"fires, for the end that it tells moves on with each telling: "
        f"the clock of its sender is {behind} min behind or more; set it by NTP"
    )


def _words_of_contradiction(alert: Alert, was: Alert) -> str:
    ended = format_instant(alert.holds_until or alert.told_at)
    return f"fires still: it says that it ended at {ended}, and at {format_instant(was.told_at)} it was told as firing"
