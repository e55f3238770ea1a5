"""From the facts to arrays: which group each counted incident belongs to, when it started, how long it took."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import Table
from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.batches import batches_of
from resile.analytics.coded import Coded, coded, combined, joined
from resile.analytics.ordered import Bools, Ints
from resile.analytics.periods import period_of_days
from resile.analytics.query import PERIODS, Every, Query, Window
from resile.analytics.selection import EXCLUSIONS, dimension, marked
from resile.analytics.threads import meanwhile
from resile.model.time import to_us

Key = dict[str, str | None]
DAY_US = 86_400_000_000
NO_INSTANT = int(np.iinfo(np.int64).min)
_N_AHEAD = 8


class Observations(Struct, frozen=True):
    """Counted incidents as columns, in no particular order.

    Attributes:
        groups: number of the group in `keys` that each belongs to; a group may be without incidents.
        started_us: microseconds since 1970, UTC.
        durations_us: up to the horizon for open ones; never negative.
        instants_us: the instants asked for, by name; NO_INSTANT where unknown.
    """

    keys: list[Key]
    groups: Ints
    started_us: Ints
    durations_us: Ints
    is_open: Bools
    instants_us: dict[str, Ints] = {}

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.started_us)

    def taken(self, rows: Ints | Bools) -> "Observations":
        """Those at these places, in their order, or those that are marked."""
        return Observations(
            self.keys,
            self.groups[rows],
            self.started_us[rows],
            self.durations_us[rows],
            self.is_open[rows],
            {name: column[rows] for name, column in self.instants_us.items()},
        )

    def followed_by(self, more: "Observations") -> "Observations":
        """These and others, in groups of the same keys."""
        return Observations(
            self.keys,
            np.concatenate((self.groups, more.groups)),
            np.concatenate((self.started_us, more.started_us)),
            np.concatenate((self.durations_us, more.durations_us)),
            np.concatenate((self.is_open, more.is_open)),
            {name: np.concatenate((column, more.instants_us[name])) for name, column in self.instants_us.items()},
        )


class Observed(Struct, frozen=True):
    """What the query finds.

    Attributes:
        once: every incident once, in the group of its first service where grouped by service.
        in_groups: by the query's dimensions; an incident with two services is in two groups.
        window: the query's, up to the present instant at most.
    """

    once: Observations
    in_groups: Observations
    excluded: dict[str, int]
    window: Window

    @property
    def counts_twice(self) -> bool:
        """Some incident is in more than one group."""
        return self.in_groups is not self.once


class Others(Struct, frozen=True):
    """Services of incidents besides their first: one row for each.

    Attributes:
        of: the incident's place among all.
    """

    of: Ints
    services: Coded

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.of)


class Population(Struct, frozen=True):
    """The counted incidents of a question, fetched once, to be asked again and again.

    Attributes:
        query: the question; it may be grouped by other dimensions than its own, if they were fetched.
        everyone: each incident once, in no groups.
        texts: their dimensions that are no periods, by name; of services, the first.
        others: their further services; None where none were asked for.
        excluded: numbers of incidents that do not count, by reason.
        window: the query's, up to the present instant at most.
    """

    query: Query
    everyone: Observations
    texts: dict[str, Coded]
    others: Others | None
    excluded: dict[str, int]
    window: Window

    def grouped(self, by: Sequence[str]) -> Observed:
        """The incidents by these dimensions; the periods are those in which they started."""
        once = self.everyone
        sides = {name: _period(once.started_us, Every(name)) if name in PERIODS else self.texts[name] for name in by}
        if self.others is not None and self.others.n and "service" in sides:
            return Observed(*_spread(once, self.others, sides, self.query), self.excluded, self.window)
        once = _grouped(once, sides)
        return Observed(once, once, self.excluded, self.window)


def population(
    facts: Table,
    query: Query,
    known_until: datetime | None = None,
    *,
    needs: Sequence[str] = (),
    also_by: Sequence[str] = (),
    by_first_service: bool = False,
) -> Population:
    """Fetch the query's incidents, with one question to the engine.

    Args:
        facts: in the columns of analytics/facts.py.
        known_until: the present instant; a window that ends later is looked at up to here.
        needs: instants to be fetched too, by name.
        also_by: dimensions to be fetched besides the query's own.
        by_first_service: an incident with several services counts with the first of them only.
    """
    window = observable(query.window, known_until)
    by = tuple(dict.fromkeys((*query.by, *also_by)))
    marks = marked(facts, query, known_until)
    columns = {name: dimension(facts, name) for name in by if name not in PERIODS}
    texts = tuple(columns)
    if "service" in columns and not by_first_service:
        columns["other_services"] = facts.other_services
    wanted = facts.filter(*marks.belongs).select(
        *needs,
        started_at=marks.started_at,
        ended_at=marks.ended_at,
        excluded_because=marks.excluded_because,
        **columns,
    )
    parts = _each(lambda batch: _part(batch, window, needs, texts), batches_of(wanted))
    return Population(
        query=query,
        everyone=_joined([part.everyone for part in parts], needs),
        texts={name: joined([part.texts[name] for part in parts]) for name in texts},
        others=_others_joined(parts) if "other_services" in columns else None,
        excluded={reason: sum(part.excluded.get(reason, 0) for part in parts) for reason in EXCLUSIONS},
        window=window,
    )


class _Part(Struct, frozen=True):
    """What came in one batch of rows, as in Population."""

    everyone: Observations
    texts: dict[str, Coded]
    others: Others | None
    excluded: dict[str, int]


def _part(batch: pa.RecordBatch, window: Window, needs: Sequence[str], texts: Sequence[str]) -> _Part:
    counted: Bools = batch["excluded_because"].is_null().to_numpy(zero_copy_only=False)
    excluded = {row["values"]: row["counts"] for row in pc.value_counts(batch["excluded_because"]).to_pylist()}
    rows = np.flatnonzero(counted)
    return _Part(
        everyone=_ungrouped(batch, window, needs).taken(rows),
        texts={name: coded(batch[name]).taken(rows) for name in texts},
        others=_others(batch["other_services"], counted) if "other_services" in batch.schema.names else None,
        excluded=excluded,
    )


def _others(column: pa.ListArray, counted: Bools) -> Others:
    parents = pc.list_parent_indices(column).to_numpy()
    kept = counted[parents]
    places = np.cumsum(counted) - 1
    return Others(places[parents[kept]], coded(pc.list_flatten(column)).taken(kept))


def _others_joined(parts: Sequence[_Part]) -> Others:
    nobody = np.zeros(0, dtype=np.int64)
    starts = np.cumsum([0, *(part.everyone.n for part in parts)])
    found = [(start, part.others) for start, part in zip(starts, parts, strict=False) if part.others is not None]
    return Others(
        np.concatenate([nobody, *(others.of + start for start, others in found)]),
        joined([others.services for _, others in found]),
    )


def _each(work: Callable[[pa.RecordBatch], _Part], batches: Iterable[pa.RecordBatch]) -> list[_Part]:
    """The work on each batch, while the next ones come; few are held at a time."""
    begun: list[Callable[[], _Part]] = []
    done: list[_Part] = []
    for batch in batches:
        begun.append(meanwhile(partial(work, batch)))
        if len(begun) > _N_AHEAD:
            done.append(begun.pop(0)())
    # From the last one back: the first is being worked on, and this thread can do what nobody has begun.
    rest = [end() for end in reversed(begun)]
    return [*done, *reversed(rest)]


def observe(facts: Table, query: Query, known_until: datetime | None = None, *, needs: Sequence[str] = ()) -> Observed:
    """Fetch the query's incidents as `population` does, grouped by its dimensions."""
    return population(facts, query, known_until, needs=needs).grouped(query.by)


def observable(window: Window, known_until: datetime | None) -> Window:
    """The part of the window that has passed; all of it where none has, as there is nothing in it to be cut off."""
    if known_until is None or not window.start < known_until < window.end:
        return window
    return Window(window.start, known_until)


def _ungrouped(fetched: pa.RecordBatch, window: Window, needs: Sequence[str]) -> Observations:
    started_us = microseconds(fetched["started_at"], 0)
    return Observations(
        keys=[{}],
        groups=np.zeros(fetched.num_rows, dtype=np.int32),
        started_us=started_us,
        durations_us=microseconds(fetched["ended_at"], to_us(window.end)) - started_us,
        is_open=fetched["ended_at"].is_null().to_numpy(zero_copy_only=False),
        instants_us={name: microseconds(fetched[name], NO_INSTANT) for name in needs},
    )


def _joined(parts: list[Observations], needs: Sequence[str]) -> Observations:
    """All parts in one, in no groups."""
    nothing = np.zeros(0, dtype=np.int64)

    def column(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts]) if parts else nothing

    return Observations(
        keys=[{}],
        groups=column("groups"),
        started_us=column("started_us"),
        durations_us=column("durations_us"),
        is_open=column("is_open").astype(np.bool_),
        instants_us={
            name: np.concatenate([part.instants_us[name] for part in parts]) if parts else nothing for name in needs
        },
    )


def microseconds(column: pa.Array, for_null: int) -> Ints:
    """A column of instants as microseconds since 1970, with that number where none is known."""
    if not len(column):
        return np.zeros(0, dtype=np.int64)
    whole = column.cast(pa.int64())
    # What stands where nothing is known is undefined; it is written over, not copied around.
    numbers: Ints = pa.Array.from_buffers(
        whole.type, len(whole), [None, whole.buffers()[1]], 0, whole.offset
    ).to_numpy()
    if not column.null_count:
        return numbers
    return np.where(column.is_null().to_numpy(zero_copy_only=False), for_null, numbers)


def _period(started_us: Ints, every: Every) -> Coded:
    """The period in which each incident started, by the date on which it begins."""
    if not len(started_us):
        return Coded([], started_us)
    days = started_us // DAY_US
    first_day = int(days.min())
    starts, of_day = period_of_days(first_day, int(days.max()), every)
    days -= first_day
    # Half as wide: there are millions of them.
    places: Ints = of_day.astype(np.int32)
    return Coded([start.date().isoformat() for start in starts], places[days])


def _grouped(observations: Observations, sides: dict[str, Coded]) -> Observations:
    keys, groups = combined(list(sides.values()), observations.n)
    names = tuple(sides)
    return replace(observations, keys=[dict(zip(names, key)) for key in keys], groups=groups)  # noqa: B905 - of one length


def _spread(
    once: Observations, others: Others, sides: dict[str, Coded], query: Query
) -> tuple[Observations, Observations]:
    """Each incident once, by its first service; and once for each of its services that the query asks for."""
    more = {name: side.taken(others.of) for name, side in sides.items()} | {"service": others.services}
    sides = {name: side.followed_by(more[name]) for name, side in sides.items()}
    in_groups = _grouped(once.followed_by(once.taken(others.of)), sides)
    once = replace(once, keys=in_groups.keys, groups=in_groups.groups[: once.n])
    service = sides["service"]
    for condition in query.where:
        if condition.dimension == "service":
            is_wanted = np.array([(value or "") in condition.values for value in service.values])[service.codes]
            in_groups, service = in_groups.taken(is_wanted), service.taken(is_wanted)
    return once, in_groups
