"""Compare what sources tell of incidents with what they told before, and append what is new or told differently."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from resile.app.alert_incidents import OpenPlaybook, opens_none
from resile.app.growing import Growing
from resile.model.draft import AsOf, Draft, incident_id_of
from resile.model.errors import ConflictError
from resile.model.event import Event, Exclusion
from resile.model.history import record_history
from resile.model.incident import value_of
from resile.model.phases import instants
from resile.ports.source import digest_of
from resile.ports.timeline_store import Append, TimelineStore

# What is told is decided anew this often when others append at the same moment.
_TRIES = 5
_NO_TROUBLE = frozenset({Exclusion.PLANNED, Exclusion.NOISE})


class Outcome(StrEnum):
    """What became of what was told of an incident."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REFUSED = "refused"


class Telling(Struct, frozen=True, gc=False):
    """A draft with who told it and when; `telling_of` makes one.

    Attributes:
        by: `import:ORIGIN` or `door:NAME`, as the events will say.
        as_of: of when it is; None where its origin does not say.
        digest: digest_of(draft).
        is_live: whether it was told as it happens: while it goes on, the playbook that is for it is opened.
    """

    draft: Draft
    incident_id: str
    by: str
    as_of: AsOf | None
    digest: bytes
    is_live: bool = False


class Recorded(Struct, frozen=True):
    """What became of tellings: of each its outcome, in their order; and how many timelines were appended to."""

    outcomes: list[Outcome]
    n_appended: int


def telling_of(
    draft: Draft, *, by: str, heard_at: datetime, digest: bytes | None = None, is_live: bool = False
) -> Telling:
    """A draft as told by `by` and heard at `heard_at`, which of a delivery is when it was received."""
    as_of = None if draft.as_of is None else AsOf(draft.as_of, heard_at)
    return Telling(draft, incident_id_of(draft.origin, draft.ref), by, as_of, digest or digest_of(draft), is_live)


def record_drafts(
    timelines: TimelineStore,
    tellings: Sequence[Telling],
    *,
    now: datetime,
    is_dry_run: bool = False,
    opening: Callable[[], OpenPlaybook] = lambda: opens_none,
) -> Recorded:
    """Append what is told differently than before, by the same origin of the same ref; what people said stays.

    Told twice, it changes nothing. Tellings that say as of when they are end in the same state in whatever order they
    come, each however often: one that is of earlier than the latest taken changes nothing, unless it only adds. One
    that does not say counts as of now.

    Several tellings of one incident become one transaction each, in their order; all others share one. Broken off at
    any point and done again, it gives the same state as an undisturbed run.

    Args:
        now: when resile learns it.
        opening: gives what opens the playbook of an incident that is told live and goes on, anew for each try: it
            remembers what it told, which is lost with what was not appended. What it tells is in the same append.

    Raises:
        ConfigError: a draft holds a step of unknown kind.
        ConflictError: others append to the same timelines again and again.
        StoreError: the store cannot take more.
    """
    outcomes: list[Outcome] = []
    n_appended = 0
    for some in _once_each(tellings):
        recorded = _record(timelines, some, now, is_dry_run=is_dry_run, opening=opening)
        outcomes += recorded.outcomes
        n_appended += recorded.n_appended
    return Recorded(outcomes, n_appended)


def _once_each(tellings: Sequence[Telling]) -> Iterator[Sequence[Telling]]:
    """The tellings in order, cut wherever an incident comes again: it is compared with what was stored of the first."""
    start, seen = 0, set[str]()
    for number, telling in enumerate(tellings):
        if telling.incident_id in seen:
            yield tellings[start:number]
            start = number
            seen.clear()
        seen.add(telling.incident_id)
    if tellings:
        yield tellings[start:]


def _record(
    timelines: TimelineStore,
    tellings: Sequence[Telling],
    now: datetime,
    *,
    is_dry_run: bool,
    opening: Callable[[], OpenPlaybook],
) -> Recorded:
    is_ledger_enough = True
    for attempt in range(_TRIES):
        decided = _decided(timelines, tellings, now, is_ledger_enough=is_ledger_enough, open_playbook=opening())
        appends = [append for append, _ in decided if append is not None]
        outcomes = [outcome for _, outcome in decided]
        if not appends or is_dry_run:
            break
        try:
            timelines.append(appends)
        except ConflictError:
            if attempt == _TRIES - 1:
                raise
            is_ledger_enough = False
        else:
            return Recorded(outcomes, len(appends))
    return Recorded(outcomes, 0)


def _decided(
    timelines: TimelineStore,
    tellings: Sequence[Telling],
    now: datetime,
    *,
    is_ledger_enough: bool,
    open_playbook: OpenPlaybook,
) -> list[tuple[Append | None, Outcome]]:
    """What to append for each telling. What was never taken is believed to be new, unless that went wrong before."""
    known, as_of = _known(timelines, tellings), _known_as_of(timelines, tellings)
    says_more = [_says_more(one, known.get(one.incident_id), as_of.get(one.incident_id)) for one in tellings]
    read = {
        one.incident_id
        for one, is_more in zip(tellings, says_more, strict=True)
        if is_more and (one.incident_id in known or not is_ledger_enough)
    }
    stood = timelines.read_many(sorted(read)) if read else {}
    decided: list[tuple[Append | None, Outcome]] = []
    for one, is_more in zip(tellings, says_more, strict=True):
        if not is_more:
            decided.append((None, Outcome.UNCHANGED))
            continue
        timeline = stood.get(one.incident_id, [])
        latest = as_of.get(one.incident_id)
        is_late = one.as_of is not None and latest is not None and one.as_of < latest
        events = record_history(one.draft, timeline, now=now, by=one.by, is_late=is_late)
        taken = (one.draft.origin, one.draft.ref, one.digest)
        opened = _opened([*timeline, *events], one, now, open_playbook) if one.is_live and events else []
        append = Append(one.incident_id, len(timeline), (*events, *opened), taken, latest if is_late else one.as_of)
        decided.append((append, _outcome(is_known=bool(timeline), says_more=bool(events))))
    return decided


def _opened(timeline: Sequence[Event], telling: Telling, now: datetime, open_playbook: OpenPlaybook) -> list[Event]:
    """What opens a playbook for an incident that goes on."""
    growing = Growing(telling.incident_id, timeline, now=now, by=telling.by)
    known = instants(growing.incident)
    is_over = known.restored is not None or known.closed is not None
    is_merged = value_of(growing.incident.merged_into, None) is not None
    if not is_over and not is_merged and value_of(growing.incident.exclusion, None) not in _NO_TROUBLE:
        open_playbook(growing)
    return growing.new


def _says_more(telling: Telling, known: bytes | None, as_of: AsOf | None) -> bool:
    """Whether it is not of earlier than what was taken last, and says something else, or the same as of later.

    What only adds may do so late.
    """
    if telling.as_of is None:
        return telling.digest != known
    if as_of is None or telling.as_of > as_of:
        return True
    return telling.draft.adds if telling.as_of < as_of else telling.digest != known


def _known(timelines: TimelineStore, tellings: Sequence[Telling]) -> Mapping[str, bytes]:
    return {
        incident_id_of(origin, ref): digest
        for origin, refs in _refs(tellings).items()
        for ref, digest in timelines.taken(origin, refs).items()
    }


def _known_as_of(timelines: TimelineStore, tellings: Sequence[Telling]) -> Mapping[str, AsOf]:
    return {
        incident_id_of(origin, ref): as_of
        for origin, refs in _refs([one for one in tellings if one.as_of is not None]).items()
        for ref, as_of in timelines.taken_as_of(origin, refs).items()
    }


def _refs(tellings: Sequence[Telling]) -> dict[str, list[str]]:
    refs: dict[str, list[str]] = {}
    for one in tellings:
        refs.setdefault(one.draft.origin, []).append(one.draft.ref)
    return refs


def _outcome(*, is_known: bool, says_more: bool) -> Outcome:
    if not is_known:
        return Outcome.NEW
    return Outcome.UPDATED if says_more else Outcome.UNCHANGED
