"""The incidents that a batch of alerts touches: their timelines grow in order, and paging follows once at the end."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from resile.alerting.case import Case, Deed
from resile.alerting.incident_stages import began_at, said_of_start
from resile.alerting.stages import long
from resile.alerting.standing import Firings, Standing, after, firings_of
from resile.app.endings import ending_looked_at
from resile.app.growing import Growing
from resile.app.reopening import looked_at_again
from resile.app.restoring import tell_restored
from resile.model.alert import PLAYBOOK_LABEL, Alert, AlertState
from resile.model.escalation import Escalation, EscalationState
from resile.model.event import (
    AlertCleared,
    AlertFired,
    Declared,
    Detected,
    Event,
    Exclusion,
    Noted,
    Reopened,
    SeverityChanged,
)
from resile.model.incident import value_of
from resile.model.message import Message
from resile.model.phases import instants
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind

# Of more, an incident tells no longer one by one; the list of alerts has them all.
MAX_TOLD = 5_000
_MAX_LABELS = 32
_MAX_LABEL_VALUE = 200
_IS_PAGED = frozenset({EscalationState.RUNNING, EscalationState.ACKNOWLEDGED, EscalationState.UNREACHABLE})
_OLDEST_END = timedelta(days=1)
_AND_MORE = (
    f"More than {MAX_TOLD:,} times an alert of this incident fired or cleared. What fires and clears from now on "
    "is not told here one by one any more; the list of alerts has all of them."
)


class Pages(Protocol):
    """What is asked of paging: parts of one commit, in which the events told on `growing` are the caller's."""

    def begin(
        self, growing: Growing, known: Escalation | None, *, policy: str | None, because: str, pages: bool = True
    ) -> Changes:
        """Begin to page for an incident, or anew."""
        ...

    def acknowledged(
        self, growing: Growing, known: Escalation | None, messages: Sequence[Message], *, who: str
    ) -> Changes:
        """Somebody took it: told, and nobody is paged any more."""
        ...

    def ended(
        self, growing: Growing, known: Escalation | None, messages: Sequence[Message], *, because: str
    ) -> Changes:
        """It is over."""
        ...


class OpenPlaybook(Protocol):
    """Tells on an incident's timeline which playbook is opened for it, where one fits and none is open."""

    def __call__(self, growing: Growing, alerts: Sequence[Alert] = ()) -> None:
        """Tell it; `alerts`: those that make the incident."""
        ...


def opens_none(growing: Growing, alerts: Sequence[Alert] = ()) -> None:
    """Where there are no playbooks."""


class _Wish(Struct):
    """What paging is to be asked for an incident once all alerts of the batch are decided.

    Attributes:
        is_new: it was declared or reopened.
        is_rearmed: all its alerts had cleared, and one fires.
        is_throttled: whether all that fired were.
        pages: whether one of those that fired may page.
        by: who took it at the sender.
    """

    policy: str | None = None
    because: str = ""
    is_new: bool = False
    is_rearmed: bool = False
    is_throttled: bool = True
    pages: bool = False
    by: str | None = None


class AlertIncidents:
    """The incidents of one batch.

    Args:
        timelines: of those that may be touched.
        number: gives the number of a new incident.
        open_playbook: asked once of each incident to which an alert comes, until one is open.
    """

    def __init__(
        self,
        timelines: Mapping[str, Sequence[Event]],
        *,
        now: datetime,
        number: Callable[[], int],
        open_playbook: OpenPlaybook = opens_none,
    ) -> None:
        self._now = now
        self._number = number
        self._open_playbook = open_playbook
        self._growing = {name: Growing(name, told, now=now, by="resile") for name, told in timelines.items()}
        self._firings = {name: firings_of(told) for name, told in timelines.items()}
        self._wishes: dict[str, _Wish] = {}
        self._said_of_more: set[str] = set()
        # Until when each must stay clear; None: it does not any more.
        self._clear_until: dict[str, datetime | None] = {}
        self.standings = {name: self._standing(name) for name in timelines}

    def is_told_no_more(self, incident_id: str) -> bool:
        """Whether its timeline does not tell of every alert."""
        firings = self._firings.get(incident_id)
        return firings is not None and firings.n_told >= MAX_TOLD

    def set_open(self, incident_id: str, alert_ids: Iterable[str]) -> None:
        """Which of its alerts fire, where its timeline does not tell."""
        self._firings[incident_id] = replace(self._firings[incident_id], open=frozenset(alert_ids))
        self.standings[incident_id] = self._standing(incident_id)

    def carry_out(self, case: Case) -> str | None:
        """Do what was decided; the incident's id, None where there is none."""
        if case.deed is Deed.DECLARE:
            incident_id = f"INC-{self._number()}"
            self._growing[incident_id] = Growing(incident_id, [], now=self._now, by="resile")
            self._firings[incident_id] = Firings()
        elif case.incident_id is None:
            return None
        else:
            incident_id = case.incident_id
        growing = self._growing[incident_id]
        growing.by = f"door:{case.alert.door}"
        n_before, stood = len(growing.new), self._firings[incident_id]
        self._tell(growing, case)
        if case.deed in {Deed.DECLARE, Deed.REOPEN, Deed.JOIN} and self._n_told(growing) < MAX_TOLD:
            self._open_playbook(growing, [case.alert])
        self._firings[incident_id] = after(self._firings[incident_id], growing.new[n_before:])
        if self.is_told_no_more(incident_id):
            self._count_untold(incident_id, case)
        self.standings[incident_id] = self._standing(incident_id)
        was_clear = stood.n_fired > 0 and not stood.open
        if was_clear and case.deed in {Deed.JOIN, Deed.REOPEN}:
            self._clear_until[incident_id] = None
        # Whoever took it has it still: that it was clear for so short a time was never said.
        waits = stood.cleared_at is not None and self._now < stood.cleared_at + case.route.restored_after
        self._wish(incident_id, case, is_rearmed=was_clear and not waits)
        return incident_id

    def _standing(self, incident_id: str) -> Standing:
        return Standing(incident=self._growing[incident_id].incident, firings=self._firings[incident_id])

    def _tell(self, growing: Growing, case: Case) -> None:
        match case.deed:
            case Deed.DECLARE:
                _declare(growing, case)
                self._tell_fired(growing, case)
            case Deed.REOPEN:
                _reopen(growing, case)
                if case.id not in self._firings[growing.incident_id].open:
                    self._tell_fired(growing, case)
                _raise_severity(growing, case)
            case Deed.JOIN:
                self._tell_fired(growing, case)
                _raise_severity(growing, case)
            case Deed.CLEAR | Deed.RESTORE:
                self._tell_cleared(growing, case)
                if case.deed is Deed.RESTORE:
                    self._cleared_all(growing, case)
            case Deed.NOTHING:
                pass

    def _tell_fired(self, growing: Growing, case: Case) -> None:
        alert = case.alert
        if self._n_told(growing) < MAX_TOLD:
            growing.tell(
                AlertFired,
                at=began_at(case),
                alert_id=case.id,
                title=alert.title,
                door=alert.door,
                because=case.why_there or "it makes this incident",
            )
        elif growing.incident_id not in self._said_of_more:
            self._said_of_more.add(growing.incident_id)
            if not any(isinstance(event, Noted) and event.text == _AND_MORE for event in growing.timeline):
                growing.tell(Noted, text=_AND_MORE)

    def _tell_cleared(self, growing: Growing, case: Case) -> None:
        if self._n_told(growing) < MAX_TOLD:
            growing.tell(
                AlertCleared,
                at=_ended_at(case),
                alert_id=case.id,
                title=case.alert.title,
                because=case.why_there or "its sender says that it is resolved",
            )

    def _n_told(self, growing: Growing) -> int:
        return self._firings[growing.incident_id].n_told

    def _count_untold(self, incident_id: str, case: Case) -> None:
        firings = self._firings[incident_id]
        if case.deed in {Deed.CLEAR, Deed.RESTORE}:
            is_open = firings.open - {case.id}
        elif case.deed is Deed.NOTHING:
            return
        else:
            is_open = firings.open | {case.id}
        self._firings[incident_id] = replace(firings, open=is_open)

    def _cleared_all(self, growing: Growing, case: Case) -> None:
        """Restored, or to be restored once it stayed so for as long as its route asks."""
        ended = [_ended_at(case)]
        cleared_at = self._firings[growing.incident_id].cleared_at
        if cleared_at is not None:
            ended.append(cleared_at)
        due_at = max(ended) + case.route.restored_after
        if case.route.restored_after and due_at > self._now:
            self._clear_until[growing.incident_id] = due_at
        else:
            tell_restored(growing, ended)

    def _wish(self, incident_id: str, case: Case, *, is_rearmed: bool) -> None:
        wish = self._wishes.setdefault(incident_id, _Wish())
        if case.deed in {Deed.DECLARE, Deed.REOPEN, Deed.JOIN}:
            is_first_to_page = case.pages and not wish.pages
            if is_first_to_page or not wish.because:
                wish.policy, wish.because = case.policy, _because(case)
            wish.is_new = wish.is_new or case.deed is not Deed.JOIN
            wish.is_rearmed = wish.is_rearmed or (is_rearmed and case.pages)
            wish.pages = wish.pages or case.pages
            wish.is_throttled = wish.is_throttled and case.is_throttled
            if case.deed is not Deed.JOIN or is_rearmed:
                wish.by = None
        if case.alert.state is AlertState.ACKNOWLEDGED:
            wish.by = case.alert.by or "somebody at its sender"

    def page(self, pages: Pages, store: PagingStore) -> Changes:
        """Have paging begin, hold or end, as each incident stands now."""
        ids = list(self._wishes)
        known = store.escalations(ids)
        sent: dict[str, list[Message]] = {}
        for message in store.messages_of([name for name in ids if name in known]):
            sent.setdefault(message.incident_id or "", []).append(message)
        changes = Changes()
        for incident_id, wish in self._wishes.items():
            changes += self._paged(pages, incident_id, wish, known.get(incident_id), sent.get(incident_id, []))
        return changes

    def _paged(
        self, pages: Pages, incident_id: str, wish: _Wish, known: Escalation | None, messages: Sequence[Message]
    ) -> Changes:
        growing, standing = self._growing[incident_id], self.standings[incident_id]
        is_paged = known is not None and known.state in _IS_PAGED
        if standing.over is not None:
            if not is_paged:
                return Changes()
            return pages.ended(growing, known, messages, because=f"{standing.over[1]}: its alerts are resolved")
        changes = Changes()
        if self._begins(wish, known, standing):
            because = wish.because if wish.pages else f"{wish.because}, by a route that pages nobody"
            changes = pages.begin(growing, known, policy=wish.policy, because=because, pages=wish.pages)
        elif known is not None and any(isinstance(event, SeverityChanged) for event in growing.new):
            changes = looked_at_again(growing, known)
        if wish.by is not None:
            now_known = changes.escalations[-1] if changes.escalations else known
            # Of those that were only just queued, none may go out.
            new = {message.id: message for message in (*messages, *changes.messages)}
            changes += pages.acknowledged(growing, now_known, list(new.values()), who=wish.by)
        return changes

    def _begins(self, wish: _Wish, known: Escalation | None, standing: Standing) -> bool:
        """Whether paging is to begin, or begin anew."""
        if not wish.because:
            return False
        if wish.is_new:
            # One that was restored and fires again before that was written was never let go of.
            return not wish.is_throttled and (known is None or known.state is not EscalationState.RUNNING)
        if not wish.pages:
            return False
        if known is None:
            return wish.policy is not None or standing.firings.n_unpaged == 0
        if known.state is EscalationState.ACKNOWLEDGED:
            return wish.is_rearmed
        return known.state is not EscalationState.RUNNING

    def appends(self) -> Changes:
        """Everything that was told, and when to look at it again."""
        clear = (Timer(kind=TimerKind.CLEAR, subject=one, due_at=at) for one, at in self._clear_until.items())
        ending = (timer for growing in self._growing.values() for timer in ending_looked_at(growing).timers)
        return Changes(
            appends=tuple(one for growing in self._growing.values() for one in growing.appends()),
            timers=(*clear, *ending),
        )


def _declare(growing: Growing, case: Case) -> None:
    alert, at = case.alert, began_at(case)
    growing.tell(
        Declared,
        at=at,
        title=alert.title,
        severity=case.severity,
        services=() if case.service is None else (case.service,),
        team=case.team,
        labels=_labels(alert),
        exclusion=Exclusion.TEST if alert.is_test else None,
        url=alert.links[0].url if alert.links else None,
    )
    growing.tell(Detected, at=at)
    note = said_of_start(case)
    if note is not None:
        growing.tell(Noted, text=note)


def _labels(alert: Alert) -> dict[str, str]:
    """What is kept of the alert's own, and where its playbook stands, so that the first page tells it already."""
    its = {name: value for name, value in sorted(alert.labels.items())[:_MAX_LABELS] if len(value) <= _MAX_LABEL_VALUE}
    return its if alert.playbook is None else {**its, PLAYBOOK_LABEL: alert.playbook}


def _reopen(growing: Growing, case: Case) -> None:
    known = instants(growing.incident)
    over = known.restored or known.closed
    at = began_at(case) if over is None else max(began_at(case), over.at)
    if case.is_still and over is not None:
        reason = f"{case.alert.title} still fires, {long(case.now - over.at)} after it was restored"
    else:
        reason = f"{case.alert.title} fires again"
    growing.tell(Reopened, at=at, reason=reason)


def _raise_severity(growing: Growing, case: Case) -> None:
    """Assume the worst, argue later."""
    present = value_of(growing.incident.severity, None)
    if case.severity is not None and (present is None or case.severity < present):
        growing.tell(SeverityChanged, severity=case.severity)


def _ended_at(case: Case) -> datetime:
    """When the condition ended, as far as that can be believed: not in the future, nor before it began."""
    alert = case.alert
    at = alert.ends_at or alert.told_at
    return min(max(at, alert.starts_at, case.now - _OLDEST_END), case.now)


def _because(case: Case) -> str:
    fires = "still fires" if case.is_still else "fires"
    return f"{case.alert.title} {fires}, told at door {case.alert.door}"
