"""Silences: made, listed, ended; and those that were forgotten, of which whoever made them is reminded."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from resile.app.access import Identity, require
from resile.app.catalog import Catalog
from resile.app.printable import printable
from resile.model.errors import ConfigError
from resile.model.matcher import Matcher, matcher_of
from resile.model.message import Message, MessageClass, message_id_of
from resile.model.policy import Way
from resile.model.severity import Severity
from resile.model.silence import (
    FORGOTTEN_AFTER,
    MAX_REASON,
    RECURRING_FORGOTTEN_AFTER,
    Recurrence,
    Silence,
    check_silence,
    recurrence_of,
)
from resile.model.time import DAY, format_instant
from resile.ports.account_store import Scope
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.silence_book import SilenceBook

MAX_OPEN = 1_000
MAX_LISTED = 1_000
_PERSON = "person:"
Ways = Callable[[str, Severity | None], tuple[Way, ...]]
_log = structlog.get_logger()


class SilenceRow(Struct, frozen=True, kw_only=True):
    """A silence in a list.

    Attributes:
        matchers: `service=payments`, `host=~db-.*`.
        holds: whether it mutes at this moment.
        ends_at: None: until somebody ends it.
        every, zone: of a recurring one, as its maker wrote it.
        n_muted, muted_at: how often it muted an alert, and when last.
    """

    id: str
    matchers: list[str]
    holds: bool
    is_over: bool
    starts_at: datetime
    ends_at: datetime | None
    every: str | None
    zone: str | None
    by: str
    because: str
    made_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    n_muted: int
    muted_at: datetime | None


class Silences:
    """The use cases of silences; the handler of TimerKind.SILENCE.

    Args:
        ways: by which a person is reached, by name.
    """

    def __init__(self, book: SilenceBook, paging: PagingStore, catalog: Catalog, clock: Clock, *, ways: Ways) -> None:
        self._ways = ways
        self._book = book
        self._paging = paging
        self._catalog = catalog
        self._clock = clock

    def add(
        self,
        by: Identity,
        matches: Sequence[str],
        *,
        because: str,
        lasts: timedelta | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        every: str | None = None,
        zone: str | None = None,
        person: str | None = None,
    ) -> SilenceRow:
        """Mute alerts that are as all of `matches` say; what pages already goes on.

        Args:
            lasts: how long it holds in all; or else `ends_at`; a recurring one may have neither.
            every: `sat 02:00-04:00`, by the clock of `zone`.
            person: of the catalog, for whom it is made, and who is reminded of it; else whoever asks.

        Raises:
            AccessError: who asks may not write.
            ConfigError: what it says cannot be meant, or there are too many.
        """
        require(by, Scope.WRITE)
        now = self._clock.now()
        begins = now if starts_at is None else starts_at
        silence = Silence(
            id=secrets.token_hex(4),
            matchers=tuple(_matcher(said) for said in matches),
            starts_at=begins,
            ends_at=_end(begins, lasts, ends_at),
            by=by.by if person is None else self._person(person),
            because=" ".join(printable(because).split())[:MAX_REASON],
            made_at=now,
            recurs=_recurrence(every, zone),
        )
        check_silence(silence)
        if silence.is_over(now):
            raise ConfigError("the silence would be over before it began; give a later end")
        if len(self._book.silences(now=now)) >= MAX_OPEN:
            raise ConfigError(f"there are {MAX_OPEN:,} silences that are not over; end some first")
        # The reminder first: of one without a silence nobody is told anything.
        self._paging.commit(Changes(timers=(_reminder(silence, begins),)))
        self._book.add(silence)
        _log.info("silence made", silence=silence.id, by=by.by)
        return row_of(silence, now)

    def _person(self, name: str) -> str:
        if name not in self._catalog.people():
            raise ConfigError(f"person {name[:64]!r} is not in the catalog; add them first")
        return f"{_PERSON}{name}"

    def listed(self, *, over: bool = False, limit: int = 200) -> list[SilenceRow]:
        """Those that are not over, in the order in which they were made; with `over` all, the newest first.

        Raises:
            ConfigError: the limit lies out of bounds.
        """
        if not 1 <= limit <= MAX_LISTED:
            raise ConfigError(f"{limit} silences cannot be listed at once; ask for 1 to {MAX_LISTED:,}")
        now = self._clock.now()
        found = self._book.newest(limit=limit) if over else self._book.silences(now=now)[:limit]
        return [row_of(one, now) for one in found]

    def one(self, silence_id: str) -> SilenceRow | None:
        """One of them, over or not."""
        found = self._book.silence(silence_id)
        return None if found is None else row_of(found, self._clock.now())

    def end(self, by: Identity, silence_id: str) -> SilenceRow:
        """Let it mute nothing any more; what it muted and still fires is decided upon anew at once.

        Raises:
            AccessError: who asks may not write.
            ConfigError: none of that id holds, or will.
        """
        require(by, Scope.WRITE)
        now = self._clock.now()
        if not self._book.end(silence_id, at=now, by=by.by):
            raise ConfigError(f"no silence {silence_id[:40]!r} holds, or is to; look at those that do")
        muted = [
            one.id for one in self._paging.alerts_firing() if one.verdicts and one.verdicts[-1].because_of == silence_id
        ]
        timers = [Timer(kind=TimerKind.ALERT, subject=alert_id, due_at=now) for alert_id in muted]
        timers.append(Timer(kind=TimerKind.SILENCE, subject=silence_id, due_at=None))
        self._paging.commit(Changes(timers=tuple(timers)))
        _log.info("silence ended", silence=silence_id, by=by.by, n_asked_again=len(muted))
        ended = self._book.silence(silence_id)
        assert ended is not None  # noqa: S101 - they are kept
        return row_of(ended, now)

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """Remind of silences that may have been forgotten; sets or takes away each of these timers."""
        changes = Changes()
        for timer in timers:
            silence = self._book.silence(timer.subject)
            if silence is None or silence.is_over(now):
                changes += Changes(timers=(Timer(kind=TimerKind.SILENCE, subject=timer.subject, due_at=None),))
                continue
            why = forgotten_because(silence, now)
            messages = () if why is None else self._notice(silence, why, now)
            changes += Changes(timers=(_reminder(silence, now),), messages=messages)
        return changes

    def _notice(self, silence: Silence, why: str, now: datetime) -> tuple[Message, ...]:
        found = self._way_to(silence.by)
        if found is None:
            _log.info("silence forgotten", silence=silence.id, by=silence.by, reaches=False)
            return ()
        person, way = found
        matched = ", ".join(map(str, silence.matchers))
        until = "until somebody ends it" if silence.ends_at is None else f"until {format_instant(silence.ends_at)}"
        return (
            Message(
                id=message_id_of("silence", silence.id, format_instant(now)),
                message_class=MessageClass.NOTICE,
                channel=way.contact.channel,
                address=way.contact.address,
                title=f"Your silence of {matched} {why}",
                text=(
                    f"You made silence {silence.id} ({matched}) {format_instant(silence.made_at)}, because: "
                    f"{silence.because}. It {why}, and holds {until}. If it is needed no more: "
                    f"resile silence end {silence.id}"
                ),
                queued_at=now,
                due_at=now,
                person=person,
                contact=way.contact.name,
            ),
        )

    def _way_to(self, by: str) -> tuple[str, Way] | None:
        """The first way to whoever made it, if the catalog knows them."""
        for name, person in self._catalog.people().items():
            if by in {f"{_PERSON}{name}", f"user:{(person.user or name).lower()}"}:
                ways = self._ways(name, None)
                return (name, ways[0]) if ways else None
        return None


def forgotten_because(silence: Silence, now: datetime) -> str | None:
    """Why a silence may have been forgotten; None: nothing speaks for it."""
    rests = now - max(silence.starts_at, silence.muted_at or silence.starts_at)
    if rests >= (FORGOTTEN_AFTER if silence.recurs is None else RECURRING_FORGOTTEN_AFTER):
        return f"has muted nothing for {rests // DAY} days"
    if silence.recurs is None and now - silence.starts_at >= FORGOTTEN_AFTER:
        days = (now - silence.starts_at) // DAY
        alerts = "1 alert" if silence.n_muted == 1 else f"{silence.n_muted:,} alerts"
        return f"holds for {days} days by now and muted {alerts}"
    return None


def _reminder(silence: Silence, since: datetime) -> Timer:
    due_at = since + FORGOTTEN_AFTER
    is_over = silence.ends_at is not None and silence.ends_at <= due_at
    return Timer(kind=TimerKind.SILENCE, subject=silence.id, due_at=None if is_over else due_at)


def _matcher(said: str) -> Matcher:
    return matcher_of(said, "silence")


def _end(begins: datetime, lasts: timedelta | None, ends_at: datetime | None) -> datetime | None:
    if lasts is not None and ends_at is not None:
        raise ConfigError("a silence has an end and a length as well; leave out one of them")
    return ends_at if lasts is None else begins + lasts


def _recurrence(every: str | None, zone: str | None) -> Recurrence | None:
    if every is None:
        if zone is not None:
            raise ConfigError(f"zone {zone[:40]!r} is for silences that recur; say every what, or leave it out")
        return None
    return recurrence_of(every, zone or "UTC")


def row_of(silence: Silence, now: datetime) -> SilenceRow:
    """The silence as lists show it."""
    return SilenceRow(
        id=silence.id,
        matchers=[str(matcher) for matcher in silence.matchers],
        holds=silence.holds_until(now) is not None,
        is_over=silence.is_over(now),
        starts_at=silence.starts_at,
        ends_at=silence.ends_at,
        every=None if silence.recurs is None else silence.recurs.said,
        zone=None if silence.recurs is None else silence.recurs.zone,
        by=silence.by,
        because=silence.because,
        made_at=silence.made_at,
        ended_at=silence.ended_at,
        ended_by=silence.ended_by,
        n_muted=silence.n_muted,
        muted_at=silence.muted_at,
    )
