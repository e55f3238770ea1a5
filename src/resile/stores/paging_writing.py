"""Changes of paging written in one transaction, in an order in which no two of them wait for each other."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Delete, Select, Table, and_, bindparam, delete, insert, select

from resile.model.alert import KnownAlert
from resile.model.escalation import Escalation
from resile.model.message import Message
from resile.model.time import to_us
from resile.ports.paging_store import Changes, Counted, Timer, TimerKind
from resile.stores.paging_rows import (
    Row,
    alert_in,
    alert_row,
    decision_cells,
    escalation_row,
    message_row,
    values_of,
)
from resile.stores.paging_rules import check_declared, check_id, concluded, is_kept_by_all, settled, told_again
from resile.stores.paging_tables import alerts, decisions, escalations, messages, timers
from resile.stores.rows import among_listed, chunks, insert_rows, listed, plain_rows
from resile.stores.tables import timelines

CHUNK = 2_000
# Incidents that began since then, few but for an import: in order, so that the index leads to them.
_BEGAN_SINCE = (
    select(timelines.c.incident_id).where(timelines.c.number > bindparam("since")).order_by(timelines.c.number)
)
T = TypeVar("T", Escalation, Message, KnownAlert)


def write(connection: Connection, changes: Changes, *, is_sqlite: bool) -> None:
    """Write all but the timelines, which come before.

    Tables in this order, and of each its rows by their keys: what exists is locked, then written, then added to.

    Raises:
        ConflictError: something is not at its expected version, or others declared an incident for the same group.
        IntegrityError: somebody else added the same meanwhile, on PostgreSQL.
    """
    writing = _Writing(connection, is_sqlite=is_sqlite)
    own = {append.incident_id for append in changes.appends}
    for declared in changes.declared_for:
        check_declared(declared, writing.groups_since(declared.since, but_not=own))
    writing.write("escalation of", escalations, changes.escalations, attrgetter("incident_id"), escalation_row)
    writing.write(
        "alert", alerts, changes.alerts, attrgetter("id"), alert_row, also=[one.alert_id for one in changes.counted]
    )
    writing.count(changes.counted)
    writing.write("message", messages, changes.messages, attrgetter("id"), message_row, is_kept=True)
    writing.set_timers(changes.timers)
    if changes.decisions:
        for one in changes.decisions:
            check_id("alert", one.alert_id)
        connection.execute(insert(decisions), [decision_cells(one) for one in changes.decisions])


class _Writing:
    def __init__(self, connection: Connection, *, is_sqlite: bool) -> None:
        self._connection = connection
        self._is_sqlite = is_sqlite

    def write(
        self,
        what: str,
        table: Table,
        changed: Sequence[T],
        name_of: Callable[[T], str],
        row_of: Callable[[T], Row],
        *,
        is_kept: bool = False,
        also: Sequence[str] = (),
    ) -> None:
        """Write values at their versions; lock `also`, which will be written later, with them."""
        if not changed and not also:
            return
        stood = self._versions(table, {name for name in (*map(name_of, changed), *also) if is_kept_by_all(name)})
        written = settled(what, changed, stood, name_of=name_of, is_kept=is_kept)
        key = (next(iter(table.primary_key.columns)).name,)
        by_id = sorted(written.items())
        insert_rows(self._connection, table, [row_of(one) for name, one in by_id if name in stood], key=key)
        new = [row_of(one) for name, one in by_id if name not in stood]
        if is_kept:
            # Somebody else may add it at this moment; then theirs is left as it is. What was changed since is not new.
            insert_rows(self._connection, table, [row for row in new if row[1] == 1], key=key, is_replacing=False)
            new = [row for row in new if row[1] > 1]
        insert_rows(self._connection, table, new)

    def _versions(self, table: Table, names: set[str]) -> dict[str, int]:
        """By id, of those that exist; nobody else changes them until this transaction ends."""
        key: Column[str] = next(iter(table.primary_key.columns))
        found: dict[str, int] = {}
        for some in chunks(sorted(names), CHUNK):
            query = _versions(key, is_sqlite=self._is_sqlite)
            given = listed(some, is_sqlite=self._is_sqlite)
            found.update((name, version) for name, version in plain_rows(self._connection, query, given))
        return found

    def groups_since(self, seq: int, *, but_not: Collection[str]) -> set[str]:
        """Groups of alerts in incidents that began since then, other than those of this transaction."""
        began = [name for (name,) in plain_rows(self._connection, _BEGAN_SINCE, {"since": seq}) if name not in but_not]
        found: set[str] = set()
        for some in chunks(began, CHUNK):
            given = listed(some, is_sqlite=self._is_sqlite)
            found.update(key for (key,) in plain_rows(self._connection, _groups_of(is_sqlite=self._is_sqlite), given))
        return found

    def count(self, counted: Sequence[Counted]) -> None:
        """Count alerts that were told again, and are locked by now."""
        names = sorted({one.alert_id for one in counted if is_kept_by_all(one.alert_id)})
        known: dict[str, KnownAlert] = {}
        for some in chunks(names, CHUNK):
            given = listed(some, is_sqlite=self._is_sqlite)
            rows = plain_rows(self._connection, _known_alerts(is_sqlite=self._is_sqlite), given)
            known.update((one.id, one) for one in values_of(alert_in, rows))
        for one in counted:
            if one.alert_id in known:
                known[one.alert_id] = told_again(known[one.alert_id], one)
        rows = [alert_row(one) for _, one in sorted(known.items())]
        insert_rows(self._connection, alerts, rows, key=("id",))

    def set_timers(self, changed: Sequence[Timer]) -> None:
        """Set them, or take them away; whoever looks at one does so in vain."""
        held_by: dict[tuple[TimerKind, str], str | None] = {}
        holding, removing = _of_timers(is_sqlite=self._is_sqlite)
        for given in self._timers((one.kind, one.subject) for one in changed if is_kept_by_all(one.subject)):
            found = plain_rows(self._connection, holding, given)
            held_by.update(((TimerKind(kind), subject), lease_by) for kind, subject, lease_by in found)
        last = sorted(concluded(changed, held_by).items())
        due = [(kind.value, subject, to_us(one.due_at), None, None)
               for (kind, subject), one in last if one.due_at is not None]  # fmt: skip
        insert_rows(self._connection, timers, due, key=("kind", "subject"))
        for given in self._timers(name for name, one in last if one.due_at is None):
            self._connection.execute(removing, given)

    def _timers(self, names: Iterable[tuple[TimerKind, str]]) -> Iterator[dict[str, Any]]:
        """What tells these from others, a kind at a time, in their order."""
        for kind, alike in groupby(sorted(set(names)), key=itemgetter(0)):
            for some in chunks([subject for _, subject in alike], CHUNK):
                yield {"its_kind": kind.value, **listed(some, is_sqlite=self._is_sqlite)}


@cache
def _groups_of(*, is_sqlite: bool) -> Select[Any]:
    its = alerts.c
    return select(its.group_key).where(among_listed(its.incident_id, is_sqlite=is_sqlite), its.group_key.is_not(None))


@cache
def _known_alerts(*, is_sqlite: bool) -> Select[Any]:
    return select(alerts.c.body).where(among_listed(alerts.c.id, is_sqlite=is_sqlite))


@cache
def _versions(key: Column[str], *, is_sqlite: bool) -> Select[Any]:
    """Ids and versions of those that are listed, which nobody else changes from then on."""
    is_one = among_listed(key, is_sqlite=is_sqlite)
    return select(key, key.table.c.version).where(is_one).order_by(key).with_for_update()


@cache
def _of_timers(*, is_sqlite: bool) -> tuple[Select[Any], Delete]:
    """Who holds the timers of a kind whose subjects are listed, and to take these away."""
    its = timers.c
    is_one = and_(its.kind == bindparam("its_kind"), among_listed(its.subject, is_sqlite=is_sqlite))
    holding = select(its.kind, its.subject, its.lease_by).where(is_one).order_by(its.subject).with_for_update()
    return holding, delete(timers).where(is_one)
