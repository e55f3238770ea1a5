"""What came of ring drills: who answered, how fast, and who did not."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from resile.analytics.query import Query, Window
from resile.app.drills import LABEL, PERSON_LABEL, RingDrills
from resile.app.incidents import MAX_PER_PAGE, Listing, list_incidents
from resile.app.weekly import weekly_of
from resile.app.wiring import Resile
from resile.model.event import Acknowledged, Event, Paged, PageMoved
from resile.model.incident import fold
from resile.model.time import DAY, MINUTE
from resile.response.escalate import stand_of

_LISTED = 400 * DAY


class Answer(Struct, frozen=True, kw_only=True):
    """What came of one person's page.

    Attributes:
        answered_after_s: None: nobody did.
        by: who answered, where it was somebody else.
        is_open: there is time yet.
        channels: by which they were paged, in order.
        problems: why pages did not come through, each once.
    """

    person: str
    incident_id: str
    answered_after_s: float | None
    by: str | None
    is_open: bool
    channels: tuple[str, ...]
    problems: tuple[str, ...]


class Drill(Struct, frozen=True, kw_only=True):
    """One drill; those who did not answer first, then the slowest."""

    began_at: datetime
    answers: list[Answer]


class Drills(Struct, frozen=True, kw_only=True):
    """The drills of the last year, the newest first.

    Attributes:
        next_at: when the next begins by itself; None: none does.
    """

    next_at: datetime | None
    drills: list[Drill]


def drills_of(resile: Resile) -> RingDrills:
    """Ring drills over an open resile.

    Raises:
        ConfigError: the setting `ring_drill` is no time of the week.
    """
    said = resile.settings.ring_drill
    return RingDrills(
        resile.pager,
        resile.paging,
        resile.timelines,
        resile.clock,
        schedules=resile.catalog.schedules,
        weekly=None if said is None else weekly_of(said, "setting 'ring_drill'"),
    )


def drills_listed(resile: Resile) -> Drills:
    """What came of every drill of the last year.

    Raises:
        StoreError: the stores cannot be read.
    """
    now = resile.clock.now()
    listing = Listing(query=Query(window=Window(now - _LISTED, now + MINUTE)), excluded="drill", per_page=MAX_PER_PAGE)
    ids = [row.incident_id for row in list_incidents(resile, listing).rows]
    drills: dict[datetime, list[Answer]] = {}
    for incident_id, events in resile.timelines.read_many(ids).items():
        told = _answer(incident_id, events)
        if told is not None:
            drills.setdefault(told[0], []).append(told[1])
    found = [Drill(began_at=at, answers=sorted(answers, key=_slowest_first)) for at, answers in drills.items()]
    return Drills(next_at=drills_of(resile).next_at(), drills=sorted(found, key=lambda one: one.began_at, reverse=True))


def _answer(incident_id: str, events: Sequence[Event]) -> tuple[datetime, Answer] | None:
    """When its drill began, and what came of it; None: it is no ring drill's, but an exercise that people declared."""
    incident = fold(incident_id, events)
    labels = {name: register.value for name, register in incident.labels.items()}
    person = labels.get(PERSON_LABEL)
    if labels.get(LABEL) is None or person is None or incident.declared_at is None:
        return None
    taken = next((event for event in events if isinstance(event, Acknowledged)), None)
    after_s = None if taken is None else (taken.at - incident.declared_at).total_seconds()
    by = None if taken is None or taken.who == person else taken.who or taken.by
    pages = [event for event in events if isinstance(event, Paged)]
    faults = [event.because for event in events if isinstance(event, PageMoved) and event.state in _LOST]
    return incident.declared_at, Answer(
        person=person,
        incident_id=incident_id,
        answered_after_s=after_s,
        by=by,
        is_open=stand_of(incident, events).state.value in {"running", "unreachable"},
        channels=tuple(page.channel for page in pages),
        problems=tuple(dict.fromkeys(fault for fault in faults if fault)),
    )


_LOST = frozenset({"refused", "failed", "uncertain"})


def _slowest_first(one: Answer) -> tuple[bool, float, str]:
    return one.answered_after_s is not None, -(one.answered_after_s or 0.0), one.person
