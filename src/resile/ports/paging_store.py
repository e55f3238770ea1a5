"""Where paging rests: escalations, timers, messages and alerts, written together with the timelines they tell of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from resile.model.alert import Decision, KnownAlert, Outcome
from resile.model.escalation import Escalation
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.timeline_store import Append


class TimerKind(StrEnum):
    """For what it is time."""

    ESCALATION = "escalation"  # subject: incident id
    ALERT = "alert"  # an alert of which nothing was heard; subject: alert id
    HEARTBEAT = "heartbeat"  # a sign of life that did not come; subject: door
    SILENCE = "silence"  # a silence that may have been forgotten; subject: its id
    SHIFT = "shift"  # somebody's shift begins or ends soon; subject: schedule
    DRILL = "drill"  # a ring drill; subject: its id
    CLEAR = "clear"  # all alerts of an incident cleared a while ago; subject: incident id
    ENDING = "ending"  # an incident in which nothing may happen any more; subject: incident id
    UPDATE = "update"  # an update was promised; subject: incident id
    STEP = "step"  # nobody told of a step's run any more; subject: incident id/run id
    MAINTENANCE = "maintenance"  # a maintenance window begins or ends; subject: its id
    STEP_STOP = "step_stop"  # somebody wanted a run to end, which is over by then; subject as above


# Very many of these may be due at one moment: they come after all others.
LAST_TIMERS = frozenset({TimerKind.ALERT, TimerKind.CLEAR, TimerKind.ENDING})


class Timer(Struct, frozen=True, kw_only=True):
    """When to look at what next. There is one of each kind and subject.

    Attributes:
        due_at: None, where it is written: take it away.
        lease_by: who looks at it now. Where it is written: only if they still do; if not, because somebody set it
            meanwhile or the lease ran out and another took it, it is left as it is, which is no conflict.
    """

    kind: TimerKind
    subject: str
    due_at: datetime | None
    lease_by: str | None = None


class Changes(Struct, frozen=True, kw_only=True):
    """What one decision changes; all of it or nothing.

    Attributes:
        appends: to timelines, each at its expected version.
        escalations, alerts: as they are to be; `version` is one more than that on which was decided, 1: there was none.
        messages: new where `version` is 1, where one of that id is no conflict but left as it is; else as escalations.
        timers: set, moved or taken away; their leases end. Of several of one kind and subject the last that may be
            written counts.
        decisions: kept with the alerts.
        declared_for: groups of alerts for which an incident is declared, and for which nobody else may have meanwhile.
        counted: ids of alerts that were merely told again, with how often and until when that lets them live: written
            at whatever version they are, which rises by one each; those that are not known are passed over.
    """

    appends: tuple[Append, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    messages: tuple[Message, ...] = ()
    timers: tuple[Timer, ...] = ()
    alerts: tuple[KnownAlert, ...] = ()
    decisions: tuple[Decision, ...] = ()
    counted: tuple["Counted", ...] = ()
    declared_for: tuple["DeclaredFor", ...] = ()

    def __add__(self, other: "Changes") -> "Changes":
        return Changes(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not any(getattr(self, name) for name in self.__struct_fields__)


class DeclaredFor(Struct, frozen=True, kw_only=True):
    """Groups of alerts that had no incident to go to: a conflict where others have made one for any of them.

    Attributes:
        since: seq of the newest event before the groups were read; incidents that began up to then were seen.
    """

    since: int
    group_keys: tuple[str, ...]


class Counted(Struct, frozen=True, kw_only=True):
    """An alert that was told again as it was known.

    Attributes:
        expires_at, holds_until: None: as it was.
    """

    alert_id: str
    n_more: int
    told_at: datetime
    expires_at: datetime | None = None
    holds_until: datetime | None = None


class MessageCounts(Struct, frozen=True, kw_only=True):
    """How the outbox stands.

    Attributes:
        by_state: per class and state, of those of the last days.
        oldest_due_at: of those that wait or are being sent, the one that was due first; None: none.
    """

    by_state: Mapping[tuple[MessageClass, MessageState], int]
    oldest_due_at: datetime | None


class PagingStore(Protocol):
    """Escalations, timers, messages and alerts. Whatever a method acknowledged by returning has survived a crash since.

    Instances may be used from several threads, and several processes may use the same PostgreSQL. Every method may
    raise StoreError.
    """

    def commit(self, changes: Changes) -> None:
        """Write everything in one transaction.

        Several of one thing are written one after the other, each at the version that the one before left.

        Raises:
            ConflictError: something is not at its expected version; nothing was written, read and decide again.
            StoreError: an id holds a NUL character, or a text half of a surrogate pair; nothing was written.
        """
        ...

    def claim_timers(self, *, now: datetime, until: datetime, by: str, limit: int) -> list[Timer]:
        """Those due by `now` that nobody holds, the longest due first; held by `by` until then, for nobody else.

        Those of LAST_TIMERS come after all others: when a flood of alerts expires, escalations go on in time.
        A lease that has run out is nobody's. Whoever held it may still commit; versions tell who was first.
        """
        ...

    def next_timer_at(self) -> datetime | None:
        """When the next timer is due that nobody holds, or the next lease of one runs out; None: there is none."""
        ...

    def timers(self, kind: TimerKind) -> list[Timer]:
        """All of a kind, by due_at."""
        ...

    def timer(self, kind: TimerKind, subject: str) -> Timer | None:
        """The one of a subject; None: it has none."""
        ...

    def claim_messages(
        self, *, now: datetime, until: datetime, by: str, limit: int, but_not: Sequence[str] = ()
    ) -> list[Message]:
        """Those queued and due by `now`, first pages before all others, then the longest due first.

        They are SENDING from then on, one try and one version more, held by `by` until `until`. Messages whose lease
        ran out by `now` are claimed too where they are to be sent at least once, marked `is_repeat`; others of these
        are left to `run_out`. A page of an incident that nobody is paged for (its escalation was acknowledged, has
        ended, or there is none) is never claimed; one queued before nobody was reachable still is.

        Args:
            but_not: channels of which none is claimed.
        """
        ...

    def run_out(self, *, now: datetime, limit: int) -> list[Message]:
        """Messages that are SENDING under a lease that ran out by `now` and that nobody will claim again.

        Those that are to be sent at most once, and pages for which nobody is paged any more.
        """
        ...

    def next_message_at(self) -> datetime | None:
        """When the next message that may be claimed is due, or the next lease of one runs out; None: there is none."""
        ...

    def escalations(self, incident_ids: Sequence[str]) -> dict[str, Escalation]:
        """By incident; those without are absent."""
        ...

    def open_escalations(self, *, limit: int = 10_000) -> list[Escalation]:
        """Those that run, are acknowledged or unreachable, the newest start first."""
        ...

    def messages(self, ids: Sequence[str]) -> dict[str, Message]:
        """By id; those that are not known are absent."""
        ...

    def messages_of(self, incident_ids: Sequence[str]) -> list[Message]:
        """All of some incidents, oldest first."""
        ...

    def bundled_into(self, carrier_id: str) -> list[Message]:
        """Those that were bundled into a message, whatever became of them, oldest first."""
        ...

    def newest_pages_to(self, channel: str, address: str, *, limit: int) -> list[Message]:
        """The pages that were handed over, or are being, to an address: the one queued last first."""
        ...

    def recent_messages(
        self,
        *,
        limit: int = 100,
        message_class: MessageClass | None = None,
        person: str | None = None,
        before: datetime | None = None,
    ) -> list[Message]:
        """The newest first; only what was queued before then."""
        ...

    def message_by_ref(self, channel: str, ref: str) -> Message | None:
        """The message that the provider of a channel calls so; of several the one queued last."""
        ...

    def sent_since(self, addresses: Sequence[tuple[str, str]], since: datetime) -> dict[tuple[str, str], int]:
        """How many messages were handed over since then, or are being, to (channel, address); none: absent."""
        ...

    def counts(self, *, since: datetime) -> MessageCounts:
        """How the outbox stands; of what is over, only what was queued since then is counted."""
        ...

    def alerts(self, ids: Sequence[str]) -> dict[str, KnownAlert]:
        """By id; those that are not known are absent."""
        ...

    def alerts_of(self, incident_ids: Sequence[str], *, limit: int | None = None) -> list[KnownAlert]:
        """Those that belong, or last belonged, to some incidents, oldest first; of a flood a hundred thousand."""
        ...

    def n_alerts_of(self, incident_id: str) -> int:
        """How many alerts belong, or last belonged, to an incident."""
        ...

    def firing_of(self, incident_id: str, *, limit: int) -> list[str]:
        """Ids of alerts of an incident that are not resolved, and that nothing mutes, in no order."""
        ...

    def alerts_firing(self, *, limit: int = 10_000) -> list[KnownAlert]:
        """Those that are not resolved, the newest decision first."""
        ...

    def alerts_in_groups(self, group_keys: Sequence[str]) -> dict[str, list[KnownAlert]]:
        """All that ever came to some groups, the newest decision first, at most a thousand of each; none: absent."""
        ...

    def firing_counts(self) -> dict[str, int]:
        """How many alerts that are not resolved there are, by door; none: absent."""
        ...

    def firing_outcomes(self) -> dict[Outcome, int]:
        """How many alerts that are not resolved there are, by what became of them; none: absent."""
        ...

    def recent_alerts(
        self, *, limit: int = 100, text: str = "", outcome: str | None = None, before: datetime | None = None
    ) -> list[KnownAlert]:
        """The newest decision first, only those before then; `text` is looked for in titles, services and doors.

        In any case of letters.
        """
        ...

    def decisions(self, alert_id: str, *, limit: int = 100) -> list[Decision]:
        """What was decided of an alert, the newest first."""
        ...

    def let_go(self, before: datetime, *, limit: int = 1_000) -> int:
        """Remove what is over and older than that, the oldest first; never of an incident whose escalation is open.

        Messages that neither wait nor are being sent, and with which none of such an incident goes, by when they were
        queued; alerts that are resolved, with their decisions, by when they were decided upon last.

        Returns:
            How many messages and alerts were removed; fewer than `limit`: there are no more.
        """
        ...

    def wait(self, timeout_s: float) -> None:
        """Block until somebody of this process set a timer or queued a message, or `timeout_s` passed.

        Returns at once if somebody did since this thread waited last: what is committed between looking and waiting
        is not slept through.
        """
        ...
