"""Maintenance windows: entered, moved, finished, cancelled; announced to subscribers by timers.

How far a window has come follows from its times alone, so that what is shown is right whether or not anything ran.
"""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from resile.app.access import Identity, require
from resile.app.catalog import Catalog
from resile.app.printable import printable, printable_lines
from resile.app.tell import told_by
from resile.model.catalog import Kind
from resile.model.component import MaintenancePhase
from resile.model.component_document import ComponentDocument
from resile.model.errors import ConfigError, ConflictError
from resile.model.message import Message, message_id_of
from resile.model.time import DAY, HOUR, MINUTE, format_instant
from resile.ports.account_store import Scope
from resile.ports.clock import Clock
from resile.ports.maintenance_book import OF_COMPONENT, MaintenanceBook, Window
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.telling_store import Telling, TellingKind

MAX_OPEN = 500
MAX_TITLE, MAX_TEXT, MAX_COMPONENTS = 200, 5_000, 50
LONGEST = 14 * DAY
FARTHEST = 366 * DAY
# A beginning typed a moment ago is meant as now.
_JUST_NOW = 10 * MINUTE
# That it is over is no news after so long, such as when nothing ran meanwhile.
_NEWS_FOR = HOUR
_KEPT_OPEN = DAY
_MAX_ARMED = 4 * MAX_OPEN
_TRIES = 20
_SAYS = {
    MaintenancePhase.IN_PROGRESS: "Maintenance has begun",
    MaintenancePhase.COMPLETED: "Maintenance is over",
    MaintenancePhase.CANCELLED: "Maintenance is cancelled",
}
_log = structlog.get_logger()


class Looks(Protocol):
    """Looks again at the incidents of a window whose times have changed, or that ended."""

    def __call__(self, window: Window, now: datetime) -> Changes:
        """What follows for them."""
        ...


class Maintenance:
    """The use cases of maintenance windows; the handler of TimerKind.MAINTENANCE.

    Args:
        look: at the incidents that are marked for a window.
    """

    def __init__(
        self, book: MaintenanceBook, paging: PagingStore, catalog: Catalog, clock: Clock, *, look: Looks
    ) -> None:
        self._book = book
        self._paging = paging
        self._catalog = catalog
        self._clock = clock
        self._look = look

    def add(
        self,
        by: Identity,
        title: str,
        components: Sequence[str],
        *,
        starts_at: datetime,
        ends_at: datetime,
        text: str = "",
        is_announced: bool = True,
    ) -> Window:
        """Enter a window.

        Args:
            components: names of services of the catalog, and of components, those also as `component/NAME`.

        Raises:
            AccessError: who asks may not write.
            ConfigError: it cannot be meant so, or there are too many.
        """
        require(by, Scope.WRITE)
        now = self._clock.now()
        if starts_at < now - _JUST_NOW:
            raise ConfigError(
                f"a maintenance window cannot begin in the past ({format_instant(starts_at)}); "
                "mark what went wrong in it as planned on the incident"
            )
        window = Window(
            id=secrets.token_hex(4),
            title=_words(title),
            text=printable_lines(text).strip(),
            components=self._named(components),
            starts_at=max(starts_at, now),
            ends_at=ends_at,
            is_announced=is_announced,
            by=by.by,
            made_at=now,
            changed_at=now,
        )
        _check(window, now)
        if len(self._book.windows(since=now)) >= MAX_OPEN:
            raise ConfigError(f"there are {MAX_OPEN} windows to come already; cancel some first")
        return self._write(window, now)

    def move(
        self,
        by: Identity,
        window_id: str,
        *,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        version: int | None = None,
    ) -> Window:
        """Let it begin or end at another time; of one that has begun only the end can be moved.

        Args:
            version: refuse if somebody changed it since.

        Raises:
            AccessError: who asks may not write.
            ConfigError: it is over, or cannot be meant so.
            ConflictError: somebody else changed it.
        """
        require(by, Scope.WRITE)
        now, window = self._open(window_id, version)
        has_begun = window.phase_at(now) is MaintenancePhase.IN_PROGRESS
        if starts_at is not None and starts_at != window.starts_at and (has_begun or starts_at < now - _JUST_NOW):
            fact = "has begun" if has_begun else "cannot begin in the past"
            raise ConfigError(f"maintenance {window_id} {fact}; move its end, finish or cancel it")
        moved = replace(window, starts_at=starts_at or window.starts_at, ends_at=ends_at or window.ends_at)
        if moved == window:
            raise ConfigError(f"maintenance {window_id} has these times already; give another beginning or end")
        _check(moved, now)
        return self._write(replace(moved, changed_at=now, version=window.version + 1), now)

    def finish(self, by: Identity, window_id: str) -> Window:
        """Let one that has begun be over now.

        Raises:
            AccessError: who asks may not write.
            ConfigError: it is not under way.
        """
        require(by, Scope.WRITE)
        now, window = self._open(window_id, None)
        if window.phase_at(now) is not MaintenancePhase.IN_PROGRESS:
            raise ConfigError(f"maintenance {window_id} has not begun; cancel it instead")
        return self._write(replace(window, finished_at=now, changed_at=now, version=window.version + 1), now)

    def cancel(self, by: Identity, window_id: str) -> Window:
        """Let it not take place; what was marked for it counts again.

        Raises:
            AccessError: who asks may not write.
            ConfigError: it is over.
        """
        require(by, Scope.WRITE)
        now, window = self._open(window_id, None)
        return self._write(replace(window, cancelled_at=now, changed_at=now, version=window.version + 1), now)

    def one(self, window_id: str) -> Window | None:
        """The one of that id."""
        return self._book.window(window_id)

    def listed(self, *, since: datetime | None = None) -> Sequence[Window]:
        """Those that end, or ended, after an instant (now, where none is given), cancelled ones too."""
        return self._book.windows(since=self._clock.now() if since is None else since)

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """What follows of some windows; sets or takes away each of these timers."""
        changes = Changes()
        for timer in timers:
            window = self._book.window(timer.subject)
            if window is None:
                changes += Changes(timers=(Timer(kind=TimerKind.MAINTENANCE, subject=timer.subject, due_at=None),))
            else:
                changes += self._follows(window, now)
        return changes

    def arm(self) -> None:
        """See to it that every window is looked at in time; at the start. Doing it again changes nothing.

        Raises:
            StoreError: the store failed.
        """
        now = self._clock.now()
        for window in self._book.windows(since=now - _KEPT_OPEN, limit=_MAX_ARMED):
            self._commit(window, now)

    def _write(self, window: Window, now: datetime) -> Window:
        """Write it, then what follows; whoever dies in between leaves the latter to `arm`."""
        self._book.write(window)
        self._commit(window, now)
        _log.info("maintenance written", window=window.id, version=window.version, phase=window.phase_at(now))
        return window

    def _commit(self, window: Window, now: datetime) -> None:
        """Write what follows; decided anew where others append to an incident that is marked for it."""
        for n_left in reversed(range(_TRIES)):
            try:
                self._paging.commit(self._follows(window, now))
            except ConflictError:
                if not n_left:
                    raise
                continue
            return

    def _follows(self, window: Window, now: datetime) -> Changes:
        phase = window.phase_at(now)
        next_at = {MaintenancePhase.SCHEDULED: window.starts_at, MaintenancePhase.IN_PROGRESS: window.over_at}
        timer = Timer(kind=TimerKind.MAINTENANCE, subject=window.id, due_at=next_at.get(phase))
        messages = () if not window.is_announced else _announcements(window, phase, now)
        is_over = phase in {MaintenancePhase.COMPLETED, MaintenancePhase.CANCELLED}
        return Changes(timers=(timer,), messages=messages) + (self._look(window, now) if is_over else Changes())

    def _open(self, window_id: str, version: int | None) -> tuple[datetime, Window]:
        now, window = self._clock.now(), self._book.window(window_id)
        if window is None:
            raise ConfigError(f"there is no maintenance {window_id[:40]!r}; look at those that there are")
        if window.phase_at(now) in {MaintenancePhase.COMPLETED, MaintenancePhase.CANCELLED}:
            raise ConfigError(f"maintenance {window_id} is over or cancelled; enter another")
        if version is not None and version != window.version:
            raise ConfigError(f"maintenance {window_id} was changed meanwhile; look again and repeat")
        return now, window

    def _named(self, names: Sequence[str]) -> tuple[str, ...]:
        """Each as a window has it: a bare name is that of a service, where there is one."""
        services: Collection[str] = self._catalog.services()
        components: Collection[str] = self._catalog.all_of(Kind.COMPONENT, ComponentDocument)
        told = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
        if not told or len(told) > MAX_COMPONENTS:
            raise ConfigError(f"a maintenance window is of 1 to {MAX_COMPONENTS} services or components; name them")
        found = []
        for name in told:
            bare = name.removeprefix(OF_COMPONENT)
            if name not in services and bare not in components:
                known = [*sorted(services), *(f"{OF_COMPONENT}{one}" for one in sorted(components))]
                hint = f"there are {', '.join(known[:20])}" if known else "add it first"
                raise ConfigError(f"{name[:80]!r} is not in the catalog, as a service or component; {hint}")
            found.append(name if name in services else f"{OF_COMPONENT}{bare}")
        return tuple(dict.fromkeys(found))


def _words(title: str) -> str:
    words = " ".join(printable(title).split())
    if not 0 < len(words) <= MAX_TITLE:
        raise ConfigError(f"a maintenance window has a title of 1 to {MAX_TITLE} characters; say what is done")
    return words


def _check(window: Window, now: datetime) -> None:
    if len(window.text) > MAX_TEXT:
        raise ConfigError(f"the text has {len(window.text):,} characters; write at most {MAX_TEXT:,}")
    if window.ends_at <= max(window.starts_at, now):
        raise ConfigError("a maintenance window ends after it begins, and in the future; give a later end")
    if window.ends_at - window.starts_at > LONGEST or window.ends_at - now > FARTHEST:
        raise ConfigError(
            f"a maintenance window lasts {LONGEST // timedelta(days=1)} days at most and ends within a year; "
            "give an earlier end"
        )


def _announcements(window: Window, phase: MaintenancePhase, now: datetime) -> tuple[Message, ...]:
    """What subscribers are told; by its id each once, however often it is decided."""
    if phase is MaintenancePhase.COMPLETED and now - window.over_at > _NEWS_FOR:
        return ()
    is_planned = phase is MaintenancePhase.SCHEDULED
    words = [(phase.value, window.version if is_planned else 0, _title(window, phase))]
    if phase is MaintenancePhase.IN_PROGRESS and window.version > 1 and window.changed_at > window.starts_at:
        # Whoever read when it would be over waits for that.
        words.append(("moved", window.version, f"Maintenance ends at another time: {window.title}"))
    return tuple(
        told_by(
            Telling(
                id=message_id_of("maintenance", window.id, what, version),
                kind=TellingKind.MAINTENANCE,
                title=title,
                text=_text(window, phase),
                components=window.names,
                body=msgspec.json.encode(shown(window, phase)).decode(),
                made_at=now,
            )
        )
        for what, version, title in words
    )


def shown(window: Window, phase: MaintenancePhase) -> dict[str, object]:
    """A window as webhooks and the API tell it."""
    return {
        "id": window.id,
        "title": window.title,
        "text": window.text,
        "components": list(window.names),
        "starts_at": format_instant(window.starts_at),
        "ends_at": format_instant(window.over_at),
        "phase": phase.value,
    }


def _title(window: Window, phase: MaintenancePhase) -> str:
    if phase is MaintenancePhase.SCHEDULED:
        return f"Maintenance {'planned' if window.version == 1 else 'moved'}: {window.title}"
    return f"{_SAYS[phase]}: {window.title}"


def _text(window: Window, phase: MaintenancePhase) -> str:
    begins, ends = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (window.starts_at, window.over_at))
    times = {
        MaintenancePhase.SCHEDULED: f"It is planned from {begins} until {ends}.",
        MaintenancePhase.IN_PROGRESS: f"It is expected to be over by {ends}.",
        MaintenancePhase.COMPLETED: f"It was over at {ends}.",
        MaintenancePhase.CANCELLED: f"It had begun {begins} and does not go on."
        if window.cancelled_at is not None and window.cancelled_at > window.starts_at
        else f"It was planned from {begins} and does not take place.",
    }[phase]
    # That it is over, or will not be, needs no more words.
    told = window.text if phase in {MaintenancePhase.SCHEDULED, MaintenancePhase.IN_PROGRESS} else ""
    return "\n\n".join(filter(None, (told, times)))
