"""Signs of life that are awaited: one that does not come fires an alert, and one that comes clears it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from resile.alerting.case import Case
from resile.alerting.stages import is_of_wrong_clock
from resile.app.alert_intake import AlertIntake, Told
from resile.app.listening import Listening
from resile.model.alert import MAX_DESCRIPTION, Alert, AlertState, Beat, KnownAlert, alert_id_of
from resile.model.errors import ConfigError
from resile.model.severity import Severity, parse_severity
from resile.model.time import DAY, HOUR, MICROSECOND, MINUTE, format_instant
from resile.ports.door_book import Door
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind

KIND = "heartbeat"
# The subject of the timer by which all doors are looked after; no door has that name.
_ALL_DOORS = "*"
_LOOKED_AFTER_EVERY = MINUTE
# Where its maker does not say how late a sign of life may be: a tenth of the time between two, at least this.
_LEAST_GRACE = MINUTE


class Heartbeats:
    """The use cases of heartbeat doors; the handler of TimerKind.HEARTBEAT."""

    def __init__(
        self, store: PagingStore, doors: Callable[[], Mapping[str, Door]], intake: AlertIntake, listening: Listening
    ) -> None:
        self._store = store
        self._listening = listening
        self._doors = doors
        self._intake = intake

    def told(self, beats: Sequence[Beat], *, now: datetime) -> Told:
        """What signs of life come to: their alerts, and when the next is due."""
        if not beats:
            return Told()
        doors = self._doors()
        latest: dict[str, datetime] = {}
        for beat in beats:
            latest[beat.door] = max(beat.told_at, latest.get(beat.door, beat.told_at))
        known = self._store.alerts([_id_of(name) for name in latest])
        timers = []
        for name, at in latest.items():
            before = known.get(_id_of(name))
            awaited = None if name not in doors else awaited_every(doors[name])
            # One that comes late through the journal must not bring forward what is due.
            is_late = before is not None and before.alert.told_at > at and not is_of_wrong_clock(before.alert, now)
            if awaited is not None and not is_late:
                timers.append(_timer(name, at + awaited))
        alerts = tuple(_told_by(beat, doors.get(beat.door)) for beat in beats)
        return Told(alerts=alerts, timers=tuple(timers))

    def expect(self, door: Door, now: datetime) -> Changes:
        """Await the first sign of life at a door that was just made."""
        awaited = awaited_every(door)
        return Changes() if awaited is None else Changes(timers=(_timer(door.name, now + awaited),))

    def begin(self, now: datetime) -> Changes:
        """Look after all doors from now on: those made since, by whatever process, are awaited within a minute."""
        return Changes(timers=(_timer(_ALL_DOORS, now),))

    def expect_all(self, now: datetime, *, besides: Sequence[str] = ()) -> Changes:
        """Await a sign of life wherever none is awaited though it should be.

        Args:
            besides: doors that are looked at anyway.
        """
        doors = {name: door for name, door in self._doors().items() if awaited_every(door) is not None}
        awaited = {timer.subject for timer in self._store.timers(TimerKind.HEARTBEAT)}
        missing = [name for name in doors if name not in awaited and name not in besides]
        known = self._store.alerts([_id_of(name) for name in missing])
        changes = Changes()
        for name in missing:
            # Where an alert fires already, nothing more can be told until the next sign of life.
            if not _fires(known.get(_id_of(name))):
                changes += self.expect(doors[name], now)
        return changes

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """What is due at heartbeat doors; takes away each of these timers, until the next sign of life.

        Where nobody listened for a while, the next is awaited once more.
        """
        watching = Changes()
        if any(timer.subject == _ALL_DOORS for timer in timers):
            timers = [timer for timer in timers if timer.subject != _ALL_DOORS]
            again = Changes(timers=(_timer(_ALL_DOORS, now + _LOOKED_AFTER_EVERY),))
            watching = self.expect_all(now, besides=[timer.subject for timer in timers]) + again
        doors = self._doors()
        known = self._store.alerts([_id_of(timer.subject) for timer in timers])
        cases, over = [], []
        for timer in timers:
            door = doors.get(timer.subject)
            awaited = None if door is None else awaited_every(door)
            silent_at = now if awaited is None else self._silent_at(timer, awaited, now)
            over.append(replace(timer, due_at=silent_at if silent_at > now else None, lease_by=None))
            if door is not None and awaited is not None and silent_at <= now:
                alert = _missing(door, timer, known.get(_id_of(door.name)), now)
                cases.append(Case(id=_id_of(door.name), alert=alert, known=None, now=now, is_told=False))
        batch = self._intake.batch(cases, now)
        changes = batch.decide()
        self._intake.firing.foresee(batch.n_more_firing)
        return watching + changes + Changes(timers=tuple(over))

    def _silent_at(self, timer: Timer, awaited: timedelta, now: datetime) -> datetime:
        """When a sign of life has failed to come: while nobody listened it may have come."""
        due_at = timer.due_at or now
        return self._listening.silent_at(due_at, heard_at=due_at - awaited, patience=awaited)


def awaited_every(door: Door) -> timedelta | None:
    """Within how long after one sign of life the next must come; None: none is awaited at that door."""
    if door.kind != KIND or door.options.every_s is None:
        return None
    every = timedelta(seconds=door.options.every_s)
    return every + _grace(door, every)


def _grace(door: Door, every: timedelta) -> timedelta:
    if door.options.grace_s is None:
        return max(every / 10, _LEAST_GRACE)
    return timedelta(seconds=door.options.grace_s)


def _timer(door: str, due_at: datetime) -> Timer:
    return Timer(kind=TimerKind.HEARTBEAT, subject=door, due_at=due_at)


def _id_of(door: str) -> str:
    return alert_id_of(door, door)


def _fires(known: KnownAlert | None) -> bool:
    return known is not None and known.alert.state is not AlertState.RESOLVED


def _told_by(beat: Beat, door: Door | None) -> Alert:
    alert = _alert(beat.door, door, told_at=beat.told_at, text=beat.text)
    if beat.is_ok:
        return replace(alert, state=AlertState.RESOLVED, ends_at=beat.told_at, title=f"Signs of life at {beat.door}")
    return replace(alert, title=f"{_called(beat.door)} says that it failed")


def _missing(door: Door, timer: Timer, known: KnownAlert | None, now: datetime) -> Alert:
    """The alert of a sign of life that did not come; it holds since it should have come."""
    every = timedelta(seconds=door.options.every_s or 0)
    should_have_come = min((timer.due_at or now) - _grace(door, every), now)
    came_at = should_have_come - every if known is None else min(should_have_come - every, known.alert.told_at)
    last = f"The last one came {format_instant(came_at)}. " if known is not None else ""
    text = (
        f"One is awaited at door {door.name} every {_long(every)}. {last}Look whether what should send it still runs."
    )
    # Just after what is known: a sign of life that waits to be taken in is later, and clears it.
    told_at = should_have_come - every if known is None else known.alert.told_at + MICROSECOND
    alert = _alert(door.name, door, told_at=told_at, text=text)
    return replace(alert, title=f"No sign of life of {_called(door.name)}", starts_at=should_have_come)


def _alert(name: str, door: Door | None, *, told_at: datetime, text: str) -> Alert:
    options = None if door is None else door.options
    return Alert(
        door=name,
        fingerprint=name,
        state=AlertState.FIRING,
        title=name,
        starts_at=told_at,
        told_at=told_at,
        labels={"alertname": "heartbeat", "heartbeat": _called(name)},
        severity=None if options is None else _severity(options.severity),
        service=None if options is None else options.service,
        description=text[:MAX_DESCRIPTION],
    )


def _severity(told: str | None) -> Severity | None:
    try:
        return None if told is None else parse_severity(told)
    except ConfigError:
        # Checked when the door was made; what another version wrote pages all the same.
        return None


def _called(door: str) -> str:
    """`backup` of `heartbeat/backup`."""
    return door.partition("/")[2] or door


def _long(lasts: timedelta) -> str:
    for unit, words in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
        if lasts >= unit and not lasts % unit:
            return f"{lasts // unit} {words if lasts > unit else words[:-1]}"
    return f"{lasts.total_seconds():.0f} seconds"
