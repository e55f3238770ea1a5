"""Trying a door: a test goes in, and what became of it is followed."""

import threading
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from msgspec import Struct

from resile.app.access import Identity
from resile.app.alerts import AlertQuestions, AlertView
from resile.app.door_trial import Trial, said_of_trial, trial_of
from resile.app.doors import understood_by
from resile.app.wiring import Resile
from resile.model.alert import Outcome, alert_id_of
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Delivery, Entry, Verdict
from resile.sources.doors.registry import TEST, open_door

# A test among so many newer deliveries is not found any more.
_LOOK_BACK = 500
_LOOK_EVERY_S = 0.05
FOLLOWED_FOR_S = 10.0


class AlertTried(Struct, frozen=True, kw_only=True):
    """What became of an alert of a test.

    Attributes:
        outcome: a value of `Outcome`: `declared`, `silenced`, ...
        why: the sentence that decided it.
        incident_id: the incident that it belongs to.
        warnings: what it lacks, one sentence each.
    """

    id: str
    state: str
    outcome: str
    why: str
    incident_id: str | None
    warnings: list[str]


class Tried(Struct, frozen=True, kw_only=True):
    """What became of a test.

    Attributes:
        seq: its place in the journal; None where it was not found there.
        verdict: `waiting` where it was not processed yet.
        reason: why it is unmapped or failed.
        alerts: those that it told of, once they are decided upon.
    """

    door: str
    seq: int | None = None
    verdict: str = Verdict.WAITING.value
    reason: str = ""
    alerts: tuple[AlertTried, ...] = ()

    @property
    def said(self) -> str:
        """What the test is, where it is no alert; else empty."""
        return said_of_trial(self.door.partition("/")[0])

    @property
    def is_well(self) -> bool:
        """Whether the door understood it, or rightly has no use for it."""
        return self.verdict in {Verdict.TAKEN.value, Verdict.UNMAPPED.value}


def write_trial(resile: Resile, by: Identity, name: str, *, is_over: bool = False) -> Trial:
    """Write a test into the journal, as the front would after it had looked at the signature.

    Args:
        is_over: what an earlier test began ends.

    Raises:
        AccessError: who asks is no admin.
        ConfigError: there is no such door.
        StoreError: the journal cannot be written.
    """
    door = resile.doors.found(by, name)
    now = resile.clock.now()
    # A key in the body would be struck out before it is kept.
    trial = trial_of(door, at=now, secret="*" if door.kind == "pagerduty" else None, is_over=is_over)
    headers = {**trial.kept, **trial.said, TEST: "1"}
    resile.journal.append(
        Delivery(door=door.name, id=f"test-{trial.token}", received_at=now, headers=headers, body=trial.body)
    )
    return trial


def followed(
    resile: Resile,
    name: str,
    token: str,
    *,
    within_s: float = FOLLOWED_FOR_S,
    elapsed_s: Callable[[], float] = monotonic,
) -> Tried:
    """What became of a test, once it is processed; what is known where that takes too long."""
    until = elapsed_s() + within_s
    rests = threading.Event()
    while True:
        entry = _entry_of(resile, name, token)
        if entry is not None and entry.verdict is not Verdict.WAITING:
            alerts = _alerts_of(resile, entry) if entry.verdict is Verdict.TAKEN else ()
            return Tried(door=name, seq=entry.seq, verdict=entry.verdict.value, reason=entry.reason, alerts=alerts)
        if elapsed_s() >= until:
            return Tried(door=name, seq=None if entry is None else entry.seq)
        rests.wait(_LOOK_EVERY_S)


def _alerts_of(resile: Resile, entry: Entry) -> tuple[AlertTried, ...]:
    """The alerts that a delivery told of, as they stand now; which they are follows from its body."""
    name = entry.delivery.door
    door = resile.doors.all().get(name)
    options = DoorOptions(name=name) if door is None else door.options
    told = open_door(understood_by(name), options).understand(entry.delivery)
    asked = AlertQuestions(resile.paging)
    found = (asked.one(alert_id_of(alert.door, alert.fingerprint)) for alert in told.alerts)
    return tuple(_tried(view, entry.delivery.received_at) for view in found if view is not None)


def _tried(view: AlertView, received_at: datetime) -> AlertTried:
    """How the alert of a test stands; where nothing was decided since it came, that was before."""
    row = view.alert
    is_decided = row.decided_at >= received_at
    return AlertTried(
        id=row.id,
        state=row.state,
        outcome=row.outcome if is_decided else Outcome.KNOWN.value,
        why=row.why if is_decided else "the same was told before, and nothing was done anew; end that test first",
        incident_id=row.incident_id,
        warnings=view.warnings,
    )


def _entry_of(resile: Resile, name: str, token: str) -> Entry | None:
    """The test among the newest of the door; by its body, for the sender's shape decides its id."""
    for line in resile.journal.entries(door=name, limit=_LOOK_BACK, with_bodies=False):
        if TEST in line.delivery.headers:
            entry = resile.journal.entry(line.seq)
            if entry is not None and token.encode() in entry.delivery.body:
                return entry
    return None
