"""How everything stands this moment: what is open and who has it, who is on call, what is overdue."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.query import Condition, Query, Window
from resile.app.incidents import IncidentRow, Listing, list_incidents
from resile.app.oncall import Standing
from resile.app.room import short_of_room
from resile.app.standing import OVERDUE_AFTER, OpenIncident
from resile.app.wiring import Resile
from resile.model.errors import StoreError
from resile.model.message import MessageClass, MessageState
from resile.model.time import DAY, EARLIEST, MINUTE

MAX_OPEN = 1_000
_MAX_PAGES = 10
MAX_SHOWN = 50
_NAMED = 5
_SOON = DAY
_WAITS = frozenset({MessageState.QUEUED, MessageState.SENDING})


class OnCallNow(Struct, frozen=True, kw_only=True):
    """Who holds a schedule; `until` null: for longer than forty days."""

    schedule: str
    title: str
    zone: str
    person: str | None
    until: datetime | None


class GapSoon(Struct, frozen=True, kw_only=True):
    """A time within a day at which nobody holds a schedule."""

    schedule: str
    title: str
    starts_at: datetime
    ends_at: datetime


class Now(Struct, frozen=True, kw_only=True):
    """How everything stands.

    Attributes:
        open: those that page, or did until somebody took them; the most urgent first, at most fifty.
        unpaged: declared here, and nobody is paged for them; the newest first, at most fifty.
        n_open: how many both are.
        n_untaken: how many page, and nobody has taken them; `n_unreachable`: for how many nobody is reachable.
        n_imported: those of which an import says that they are open; nobody is paged for them here.
        overdue: what should have happened by now, one sentence each.
        gaps: within a day.
    """

    at: datetime
    open: list[OpenIncident]
    unpaged: list[IncidentRow]
    n_open: int
    n_untaken: int
    n_unreachable: int
    n_imported: int
    overdue: list[str]
    on_call: list[OnCallNow]
    gaps: list[GapSoon]


def now_of(resile: Resile) -> Now:
    """How everything stands."""
    now = resile.clock.now()
    paging = resile.pager.standing_now()
    try:
        unpaged, n_imported = _others(resile, paging.ids, now)
        unseen: list[str] = []
    except StoreError as error:
        # Who is being paged must be seen on the night on which the disk is full, too.
        unpaged, n_imported = [], 0
        unseen = [f"open incidents that page nobody cannot be listed: {error}"]
    standings = resile.oncall.standings(now)
    return Now(
        at=now,
        open=paging.shown[:MAX_SHOWN],
        unpaged=unpaged[:MAX_SHOWN],
        n_open=len(paging.ids) + len(unpaged),
        n_untaken=paging.n_untaken,
        n_unreachable=paging.n_unreachable,
        n_imported=n_imported,
        overdue=[*_overdue(resile, paging.shown, now), *unseen],
        on_call=[_on_call(one) for one in standings],
        gaps=_gaps(standings, now),
    )


def _others(resile: Resile, paging: Collection[str], now: datetime) -> tuple[list[IncidentRow], int]:
    """Open incidents for which nobody is paged: those declared here, and how many came by imports."""
    query = Query(window=Window(EARLIEST, now))
    page = list_incidents(resile, Listing(query=query, state="open", per_page=MAX_OPEN))
    if page.n_pages > 1:
        # Most are imported, or very many page: none of those that page nobody hides among them.
        rows, n_ours = _all_ours(resile, query)
        return [row for row in rows if row.incident_id not in paging], page.total - n_ours
    others = [row for row in page.rows if row.incident_id not in paging]
    ours = [row for row in others if row.origin is None]
    return ours, len(others) - len(ours)


def _all_ours(resile: Resile, query: Query) -> tuple[list[IncidentRow], int]:
    """Those that were declared here and are open, the newest ten thousand first, and how many there are."""
    ours = replace(query, where=(Condition("origin", ("",)),))
    rows: list[IncidentRow] = []
    for number in range(1, _MAX_PAGES + 1):
        page = list_incidents(resile, Listing(query=ours, state="open", page=number, per_page=MAX_OPEN))
        rows += page.rows
        if number >= page.n_pages:
            break
    return rows, page.total


def _overdue(resile: Resile, found: Sequence[OpenIncident], now: datetime) -> list[str]:
    sentences = []
    counts = resile.paging.counts(since=now - DAY)
    if counts.oldest_due_at is not None and now - counts.oldest_due_at > OVERDUE_AFTER:
        n = sum(n for (_, state), n in counts.by_state.items() if state in _WAITS)
        sentences.append(
            f"{_messages(n)} not handed over, the oldest due for {_minutes(now - counts.oldest_due_at)}; "
            "look whether resile runs and its channels work"
        )
    late = [one.incident_id for one in found if one.is_overdue]
    if late:
        more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
        sentences.append(
            f"paging is late for {', '.join(late[:_NAMED])}{more}; look whether resile runs, and page somebody yourself"
        )
    left = short_of_room(resile.settings.data)
    if left is not None:
        sentences.append(f"the disk is nearly full: {left}; free some space, or no alert can be taken in")
    failed = counts.by_state.get((MessageClass.PAGE, MessageState.FAILED), 0)
    if failed:
        sentences.append(f"{failed} {'page' if failed == 1 else 'pages'} could not be handed over in the last 24 h")
    return sentences


def _messages(n: int) -> str:
    return "a message is" if n == 1 else f"{n} messages are"


def _minutes(length: timedelta) -> str:
    return f"{max(1, length // MINUTE)} min"


def _on_call(standing: Standing) -> OnCallNow:
    return OnCallNow(
        schedule=standing.schedule,
        title=standing.title,
        zone=standing.zone,
        person=standing.now.person,
        until=standing.now.ends_at if standing.next is not None else None,
    )


def _gaps(standings: Sequence[Standing], now: datetime) -> list[GapSoon]:
    found = [
        GapSoon(schedule=one.schedule, title=one.title, starts_at=gap.starts_at, ends_at=gap.ends_at)
        for one in standings
        for gap in one.gaps
        if gap.starts_at < now + _SOON
    ]
    return sorted(found, key=lambda gap: gap.starts_at)
