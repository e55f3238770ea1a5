"""Paging in memory: a whole PagingStore for tests, that keeps nothing when it is gone."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TypeVar

from msgspec.structs import replace

from resile.model.alert import MUTED, AlertState, Decision, KnownAlert, Outcome
from resile.model.escalation import Escalation, EscalationState
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.paging_store import LAST_TIMERS, Changes, MessageCounts, Timer, TimerKind
from resile.stores.paging_rules import (
    MOST_OF_GROUP,
    MOVING,
    PAGING,
    body_of,
    check_declared,
    check_id,
    concluded,
    is_page_of_incident,
    let_go_at,
    plain,
    settled,
    taken_up,
    told_again,
    turn_of,
    words_of,
)
from resile.stores.paging_waiting import Committed, wakes
from resile.testing.memory_store import MemoryTimelineStore

T = TypeVar("T", Message, KnownAlert)


class MemoryPagingStore:
    """The PagingStore in memory, beside timelines in memory. Its values are frozen, so they are kept as they are."""

    def __init__(self, timelines: MemoryTimelineStore) -> None:
        self._timelines = timelines
        self._guard = threading.RLock()
        self._committed = Committed()
        self._escalations: dict[str, Escalation] = {}
        self._messages: dict[str, Message] = {}
        self._alerts: dict[str, KnownAlert] = {}
        self._decisions: list[Decision] = []
        # With when it is free again, if somebody holds it.
        self._timers: dict[tuple[TimerKind, str], tuple[Timer, datetime, datetime | None]] = {}

    def commit(self, changes: Changes) -> None:
        """Write everything or nothing.

        Raises:
            ConflictError: something is not at its expected version.
            StoreError: an id or a text is none that a database could keep.
        """
        with self._guard:
            escalations = settled(
                "escalation of", changes.escalations, _versions(self._escalations), name_of=attrgetter("incident_id")
            )
            alerts = settled("alert", changes.alerts, _versions(self._alerts), name_of=attrgetter("id"))
            messages = settled(
                "message", changes.messages, _versions(self._messages), name_of=attrgetter("id"), is_kept=True
            )
            for value in (*escalations.values(), *alerts.values(), *messages.values(), *changes.decisions):
                body_of(value)
            for one in changes.decisions:
                check_id("alert", one.alert_id)
            held_by = {name: timer.lease_by for name, (timer, _, _) in self._timers.items()}
            timers = concluded(changes.timers, held_by)
            for declared in changes.declared_for:
                check_declared(declared, self._groups_since(declared.since))
            if changes.appends:
                self._timelines.append(changes.appends)
            self._escalations |= escalations
            self._alerts |= alerts
            self._messages |= messages
            self._decisions += changes.decisions
            for told in changes.counted:
                if told.alert_id in self._alerts:
                    self._alerts[told.alert_id] = told_again(self._alerts[told.alert_id], told)
            self._set_timers(timers.values())
        if wakes(changes):
            self._committed.tell()

    def _groups_since(self, seq: int) -> set[str]:
        """Groups of alerts in incidents that began since then."""
        since = self._timelines.follow(seq, limit=self._timelines.last_seq())
        began = {one.incident_id for one in since if one.version == 1}
        return {plain(one.group_key) for one in self._alerts.values() if one.group_key and one.incident_id in began}

    def _set_timers(self, changed: Iterable[Timer]) -> None:
        for timer in changed:
            self._timers.pop((timer.kind, timer.subject), None)
            if timer.due_at is not None:
                self._timers[timer.kind, timer.subject] = replace(timer, lease_by=None), timer.due_at, None

    def claim_timers(self, *, now: datetime, until: datetime, by: str, limit: int) -> list[Timer]:
        """Those due by `now` that nobody holds, those of LAST_TIMERS last, else the longest due first."""
        with self._guard:
            due = [
                (name[0] in LAST_TIMERS, due_at, name)
                for name, (_, due_at, lease_until) in self._timers.items()
                if due_at <= now and (lease_until is None or lease_until <= now)
            ]
            claimed = []
            for _, due_at, name in sorted(due)[:limit]:
                timer = replace(self._timers[name][0], lease_by=by)
                self._timers[name] = timer, due_at, until
                claimed.append(timer)
            return claimed

    def next_timer_at(self) -> datetime | None:
        """When the next timer is due that nobody holds, or the next lease of one runs out."""
        with self._guard:
            return min((lease_until or due_at for _, due_at, lease_until in self._timers.values()), default=None)

    def timers(self, kind: TimerKind) -> list[Timer]:
        """All of a kind, by due_at."""
        with self._guard:
            its = sorted((due_at, name) for name, (_, due_at, _) in self._timers.items() if name[0] is kind)
            return [self._timers[name][0] for _, name in its]

    def timer(self, kind: TimerKind, subject: str) -> Timer | None:
        """The one of a subject; None: it has none."""
        with self._guard:
            known = self._timers.get((kind, subject))
            return None if known is None else known[0]

    def claim_messages(
        self, *, now: datetime, until: datetime, by: str, limit: int, but_not: Sequence[str] = ()
    ) -> list[Message]:
        """Those to be sent now, first pages before all others, then the longest due first."""
        with self._guard:
            due = [
                one
                for one in self._messages.values()
                if not self._is_idle(one)
                and one.channel not in but_not
                and (
                    (one.state is MessageState.QUEUED and one.due_at <= now)
                    or (one.message_class.is_at_least_once and _is_let_go(one, now))
                )
            ]
            claimed = [taken_up(one, by=by, until=until) for one in sorted(due, key=_turn)[:limit]]
            self._messages |= {one.id: one for one in claimed}
            return claimed

    def _is_idle(self, message: Message) -> bool:
        """Whether it is a page for which nobody is paged any more."""
        if not is_page_of_incident(message):
            return False
        escalation = self._escalations.get(message.incident_id or "")
        return escalation is None or escalation.state not in PAGING

    def run_out(self, *, now: datetime, limit: int) -> list[Message]:
        """Messages whose lease ran out and that nobody will claim again."""
        with self._guard:
            left = [
                one
                for one in self._messages.values()
                if _is_let_go(one, now) and (self._is_idle(one) or not one.message_class.is_at_least_once)
            ]
            return sorted(left, key=_turn)[:limit]

    def next_message_at(self) -> datetime | None:
        """When the next message that may be claimed is due, or the next lease of one runs out."""
        with self._guard:
            due = [
                one.due_at
                for one in self._messages.values()
                if one.state is MessageState.QUEUED and not self._is_idle(one)
            ]
            free = [at for one in self._messages.values() if (at := let_go_at(one)) is not None]
            return min(due + free, default=None)

    def escalations(self, incident_ids: Sequence[str]) -> dict[str, Escalation]:
        """By incident; those without are absent."""
        with self._guard:
            return {name: self._escalations[name] for name in incident_ids if name in self._escalations}

    def open_escalations(self, *, limit: int = 10_000) -> list[Escalation]:
        """Those that have not ended, the newest start first."""
        with self._guard:
            still = [one for one in self._escalations.values() if one.state is not EscalationState.ENDED]
        still.sort(key=lambda one: one.incident_id)
        return sorted(still, key=lambda one: one.started_at, reverse=True)[:limit]

    def messages(self, ids: Sequence[str]) -> dict[str, Message]:
        """By id; those that are not known are absent."""
        with self._guard:
            return {name: self._messages[name] for name in ids if name in self._messages}

    def messages_of(self, incident_ids: Sequence[str]) -> list[Message]:
        """All of some incidents, oldest first."""
        names = set(incident_ids)
        found = self._messages_if(lambda one: one.incident_id in names)
        return sorted(found, key=lambda one: (one.queued_at, one.id))

    def bundled_into(self, carrier_id: str) -> list[Message]:
        """Those that were bundled into a message, oldest first."""
        found = self._messages_if(lambda one: one.bundled_into == carrier_id)
        return sorted(found, key=lambda one: (one.queued_at, one.id))

    def newest_pages_to(self, channel: str, address: str, *, limit: int) -> list[Message]:
        """The pages that were handed over, or are being, to an address: the one queued last first."""
        found = self._messages_if(
            lambda one: (
                (one.channel, one.address, one.message_class) == (channel, address, MessageClass.PAGE)
                and (one.handed_at is not None or one.state is MessageState.SENDING)
            )
        )
        return _newest(found, lambda one: one.queued_at)[:limit]

    def recent_messages(
        self,
        *,
        limit: int = 100,
        message_class: MessageClass | None = None,
        person: str | None = None,
        before: datetime | None = None,
    ) -> list[Message]:
        """The newest first; only what was queued before then."""
        found = self._messages_if(
            lambda one: (
                (message_class is None or one.message_class is message_class)
                and (person is None or one.person == person)
                and (before is None or one.queued_at < before)
            )
        )
        return _newest(found, lambda one: one.queued_at)[:limit]

    def message_by_ref(self, channel: str, ref: str) -> Message | None:
        """The message that the provider of a channel calls so; of several the one queued last."""
        found = self._messages_if(lambda one: one.channel == channel and one.ref is not None and one.ref == ref)
        return next(iter(_newest(found, lambda one: one.queued_at)), None)

    def _messages_if(self, is_meant: Callable[[Message], bool]) -> list[Message]:
        with self._guard:
            return [one for one in self._messages.values() if is_meant(one)]

    def sent_since(self, addresses: Sequence[tuple[str, str]], since: datetime) -> dict[tuple[str, str], int]:
        """How many messages were handed over since then, or are being, to (channel, address)."""
        asked = set(addresses)
        sent = self._messages_if(
            lambda one: one.state is MessageState.SENDING or (one.handed_at is not None and one.handed_at >= since)
        )
        return dict(Counter((one.channel, one.address) for one in sent if (one.channel, one.address) in asked))

    def counts(self, *, since: datetime) -> MessageCounts:
        """How the outbox stands; of what is over, only what was queued since then is counted."""
        counted = self._messages_if(lambda one: one.state in MOVING or one.queued_at >= since)
        return MessageCounts(
            by_state=dict(Counter((one.message_class, one.state) for one in counted)),
            oldest_due_at=min((one.due_at for one in counted if one.state in MOVING), default=None),
        )

    def alerts(self, ids: Sequence[str]) -> dict[str, KnownAlert]:
        """By id; those that are not known are absent."""
        with self._guard:
            return {name: self._alerts[name] for name in ids if name in self._alerts}

    def alerts_of(self, incident_ids: Sequence[str], *, limit: int | None = None) -> list[KnownAlert]:
        """Those that belong to some incidents, oldest first."""
        names = set(incident_ids)
        its = sorted(self._alerts_if(lambda one: one.incident_id in names), key=lambda one: (one.first_at, one.id))
        return its[:limit]

    def n_alerts_of(self, incident_id: str) -> int:
        """How many alerts belong to an incident."""
        return len(self.alerts_of([incident_id]))

    def firing_of(self, incident_id: str, *, limit: int) -> list[str]:
        """Ids of alerts of an incident that are not resolved, and that nothing mutes."""
        its = self.alerts_of([incident_id])
        return [one.id for one in its if one.alert.state is not AlertState.RESOLVED and one.outcome not in MUTED][
            :limit
        ]

    def alerts_firing(self, *, limit: int = 10_000) -> list[KnownAlert]:
        """Those that are not resolved, the newest decision first."""
        return self._alerts_if(lambda one: one.alert.state is not AlertState.RESOLVED)[:limit]

    def alerts_in_groups(self, group_keys: Sequence[str]) -> dict[str, list[KnownAlert]]:
        """All that ever came to some groups, the newest decision first, at most a thousand of each."""
        keys = {plain(key): key for key in group_keys}
        found: dict[str, list[KnownAlert]] = {}
        for one in self._alerts_if(lambda one: one.group_key is not None and plain(one.group_key) in keys):
            its = found.setdefault(keys[plain(one.group_key or "")], [])
            if len(its) < MOST_OF_GROUP:
                its.append(one)
        return found

    def firing_counts(self) -> dict[str, int]:
        """How many alerts that are not resolved there are, by door."""
        return dict(Counter(one.alert.door for one in self._alerts_if(lambda one: one.alert.state != "resolved")))

    def firing_outcomes(self) -> dict[Outcome, int]:
        """How many alerts that are not resolved there are, by what became of them."""
        return dict(Counter(one.outcome for one in self._alerts_if(lambda one: one.alert.state != "resolved")))

    def recent_alerts(
        self, *, limit: int = 100, text: str = "", outcome: str | None = None, before: datetime | None = None
    ) -> list[KnownAlert]:
        """The newest decision first; `text` is looked for in titles, services and doors, in any case."""
        words = plain(text.casefold())
        return self._alerts_if(
            lambda one: (
                words in words_of(one)
                and (outcome is None or one.outcome == outcome)
                and (before is None or one.decided_at < before)
            )
        )[:limit]

    def _alerts_if(self, is_meant: Callable[[KnownAlert], bool]) -> list[KnownAlert]:
        with self._guard:
            return _newest([one for one in self._alerts.values() if is_meant(one)], lambda one: one.decided_at)

    def decisions(self, alert_id: str, *, limit: int = 100) -> list[Decision]:
        """What was decided of an alert, the newest first."""
        with self._guard:
            its = [one for one in self._decisions if one.alert_id == alert_id]
        return sorted(its, key=lambda one: one.at)[::-1][:limit]

    def let_go(self, before: datetime, *, limit: int = 1_000) -> int:
        """Remove what is over and older than that, the oldest first; never of an incident whose escalation is open."""
        with self._guard:
            still = {one.incident_id for one in self.open_escalations(limit=len(self._escalations))}
            carry = {one.bundled_into for one in self._messages.values() if one.incident_id in still}
            over = self._messages_if(
                lambda one: (
                    one.state not in MOVING
                    and one.queued_at < before
                    and one.incident_id not in still
                    and one.id not in carry
                )
            )
            gone = sorted(over, key=lambda one: (one.queued_at, one.id))[:limit]
            for message in gone:
                del self._messages[message.id]
            resolved = self._alerts_if(
                lambda one: (
                    one.alert.state is AlertState.RESOLVED and one.decided_at < before and one.incident_id not in still
                )
            )
            gone_alerts = sorted(resolved, key=lambda one: (one.decided_at, one.id))[: limit - len(gone)]
            for known in gone_alerts:
                del self._alerts[known.id]
            names = {one.id for one in gone_alerts}
            self._decisions = [one for one in self._decisions if one.alert_id not in names]
            return len(gone) + len(gone_alerts)

    def wait(self, timeout_s: float) -> None:
        """Block until somebody committed timers or messages, or `timeout_s` passed."""
        self._committed.wait(timeout_s)


def _versions(values: "dict[str, Escalation] | dict[str, Message] | dict[str, KnownAlert]") -> dict[str, int]:
    return {name: one.version for name, one in values.items()}


def _turn(message: Message) -> tuple[int, datetime, str]:
    return turn_of(message), message.due_at, message.id


def _is_let_go(message: Message, now: datetime) -> bool:
    at = let_go_at(message)
    return at is not None and at <= now


def _newest(values: list[T], at_of: Callable[[T], datetime]) -> list[T]:
    """The newest first; ids decide between those of one instant."""
    return sorted(sorted(values, key=lambda one: one.id), key=at_of, reverse=True)
