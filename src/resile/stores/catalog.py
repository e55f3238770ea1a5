"""The catalog in SQLite or PostgreSQL: versions are added, never changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Text, and_, cast, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from resile.model.errors import ConflictError
from resile.model.schedule import Override
from resile.model.time import from_us, to_us
from resile.ports.catalog import EnteredOverride, Version, Writing
from resile.stores.catalog_tables import catalog_versions, oncall_overrides
from resile.stores.engine import Database

_documents, _entered = catalog_versions.c, oncall_overrides.c
_N_VERSIONS = select(func.count()).select_from(catalog_versions)
_newest = (
    select(_documents.kind, _documents.name, func.max(_documents.number).label("number"))
    .group_by(_documents.kind, _documents.name)
    .subquery()
)
_is_newest = and_(
    _documents.kind == _newest.c.kind, _documents.name == _newest.c.name, _documents.number == _newest.c.number
)
_NEWEST = select(catalog_versions).join(_newest, _is_newest).order_by(_documents.kind, _documents.name)


class SqlCatalogStore:
    """The CatalogStore of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[int, tuple[Version, ...]] | None = None

    def documents(self) -> list[Version]:
        """What is in the catalog now, by kind and name."""
        return [one for one in self.newest() if one.body is not None]

    def newest(self) -> list[Version]:
        """The newest version of everything that ever was in the catalog, by kind and name."""
        with self._database.reading() as connection:
            # Versions are added and never changed: where there are as many as before, they are the same.
            n_versions: int = connection.execute(_N_VERSIONS).scalar_one()
            # Kept as one value: another thread sees the old one or the new one.
            known = self._known
            if known is None or known[0] != n_versions:
                known = self._known = n_versions, tuple(_version(row) for row in connection.execute(_NEWEST))
        return list(known[1])

    def document(self, kind: str, name: str) -> Version | None:
        """One document as it is now."""
        newest = next(iter(self._versions(kind, name, limit=1)), None)
        return None if newest is None or newest.body is None else newest

    def versions(self, kind: str, name: str) -> list[Version]:
        """Every version of a document, the newest first."""
        return self._versions(kind, name, limit=None)

    def _versions(self, kind: str, name: str, *, limit: int | None) -> list[Version]:
        query = (
            select(catalog_versions)
            .where(_documents.kind == kind, _documents.name == name)
            .order_by(_documents.number.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_version(row) for row in connection.execute(query)]

    def write(self, writings: Sequence[Writing], *, at: datetime, by: str) -> None:
        """Write all of them or none."""
        if not writings:
            return
        try:
            with self._database.writing() as connection:
                for one in writings:
                    is_it = and_(_documents.kind == one.kind, _documents.name == one.name)
                    number = connection.execute(select(func.max(_documents.number)).where(is_it)).scalar() or 0
                    if number != one.expected:
                        raise _changed(one)
                    connection.execute(insert(catalog_versions), _row(one, at, by))
        except IntegrityError:
            # Between the look and the writing, by another node.
            raise _changed(writings[0]) from None

    def overrides(self, schedule: str, *, ends_after: datetime | None = None) -> list[EnteredOverride]:
        """Those that hold, in the order in which they were entered."""
        query = select(oncall_overrides).where(_entered.schedule == schedule, _entered.removed_at.is_(None))
        if ends_after is not None:
            query = query.where(_entered.ends_at > to_us(ends_after))
        with self._database.reading() as connection:
            return [_override(row) for row in connection.execute(query.order_by(_entered.seq))]

    def add_overrides(self, schedule: str, overrides: Sequence[Override], *, at: datetime) -> None:
        """Enter all of them or none."""
        try:
            with self._database.writing() as connection:
                for one in overrides:  # one by one, so that their order is that of their seq
                    connection.execute(insert(oncall_overrides), _entered_row(schedule, one, at))
        except IntegrityError:
            raise _entered_already(schedule) from None

    def override(self, override_id: str) -> EnteredOverride | None:
        """The one of that id that holds."""
        query = select(oncall_overrides).where(_entered.id == override_id, _entered.removed_at.is_(None))
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _override(row)

    def remove_override(self, override_id: str, *, at: datetime, by: str) -> bool:
        """Let it hold no longer."""
        holds = and_(_entered.id == override_id, _entered.removed_at.is_(None))
        with self._database.writing() as connection:
            done = connection.execute(update(oncall_overrides).where(holds).values(removed_at=to_us(at), removed_by=by))
            return done.rowcount > 0

    def replace_overrides(
        self, schedule: str, *, removed: Sequence[str], added: Sequence[Override], at: datetime, by: str
    ) -> None:
        """Let some hold no longer and enter others."""
        gone = {"removed_at": to_us(at), "removed_by": by}
        try:
            with self._database.writing() as connection:
                for name in removed:
                    holds = and_(_entered.id == name, _entered.schedule == schedule, _entered.removed_at.is_(None))
                    if not connection.execute(update(oncall_overrides).where(holds).values(**gone)).rowcount:
                        raise ConflictError(f"override {name} of {schedule} holds no longer; look at what does now")
                for one in added:
                    held_once = and_(_entered.id == one.id, _entered.removed_at.is_not(None))
                    kept = one.id + "~" + cast(_entered.seq, Text)
                    connection.execute(update(oncall_overrides).where(held_once).values(id=kept))
                    connection.execute(insert(oncall_overrides), _entered_row(schedule, one, at))
        except IntegrityError:
            raise _entered_already(schedule) from None


def _entered_row(schedule: str, one: Override, at: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "schedule": schedule,
        "person": one.person,
        "starts_at": to_us(one.starts_at),
        "ends_at": to_us(one.ends_at),
        "because": one.because,
        "entered_at": to_us(at),
        "entered_by": one.by,
    }


def _entered_already(schedule: str) -> ConflictError:
    return ConflictError(f"an override of {schedule} was entered already; look at what holds now")


def _changed(writing: Writing) -> ConflictError:
    return ConflictError(
        f"{writing.kind} {writing.name!r} was changed by somebody else meanwhile; look at it and try again"
    )


def _row(writing: Writing, at: datetime, by: str) -> dict[str, Any]:
    body = None if writing.body is None else msgspec.json.encode(writing.body).decode()
    return {
        "kind": writing.kind,
        "name": writing.name,
        "number": writing.expected + 1,
        "body": body,
        "at": to_us(at),
        "by": by,
    }


def _version(row: Row[Any]) -> Version:
    body = None if row.body is None else msgspec.json.decode(row.body)
    return Version(kind=row.kind, name=row.name, number=row.number, body=body, at=from_us(row.at), by=row.by)


def _override(row: Row[Any]) -> EnteredOverride:
    override = Override(
        id=row.id,
        person=row.person,
        starts_at=from_us(row.starts_at),
        ends_at=from_us(row.ends_at),
        by=row.entered_by,
        because=row.because,
    )
    return EnteredOverride(schedule=row.schedule, override=override, entered_at=from_us(row.entered_at))
