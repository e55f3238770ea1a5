"""Maintenance windows in SQLite or PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from resile.model.errors import ConflictError
from resile.model.time import from_us, to_us
from resile.ports.maintenance_book import Window
from resile.stores.communication_tables import maintenance_marks, maintenance_windows
from resile.stores.engine import Database
from resile.stores.subscribers import names_json, names_of

_its = maintenance_windows.c


class SqlMaintenanceBook:
    """The MaintenanceBook of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def window(self, window_id: str) -> Window | None:
        """The one of that id."""
        with self._database.reading() as connection:
            row = connection.execute(select(maintenance_windows).where(_its.id == window_id)).first()
        return None if row is None else _window(row)

    def windows(self, *, since: datetime, until: datetime | None = None, limit: int = 500) -> Sequence[Window]:
        """Those that end, or ended, after then, by their beginning."""
        query = select(maintenance_windows).where(_its.over_at > to_us(since))
        if until is not None:
            query = query.where(_its.starts_at <= to_us(until))
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(_its.starts_at.desc(), _its.id.desc()).limit(limit))
            return [_window(row) for row in found][::-1]

    def write(self, window: Window) -> None:
        """Make one, or change it on the version before."""
        row = _row(window)
        subject = f"maintenance {window.id} was changed meanwhile; look again and repeat"
        try:
            with self._database.writing() as connection:
                if window.version == 1:
                    connection.execute(insert(maintenance_windows), row)
                    return
                before = and_(_its.id == window.id, _its.version == window.version - 1)
                if not connection.execute(update(maintenance_windows).where(before).values(row)).rowcount:
                    raise ConflictError(subject)
        except IntegrityError:
            raise ConflictError(subject) from None

    def mark(self, window_id: str, incident_id: str) -> None:
        """Note that an incident is marked for a window."""
        whose = maintenance_marks.c.incident_id == incident_id
        with self._database.writing() as connection:
            connection.execute(delete(maintenance_marks).where(whose))
            connection.execute(insert(maintenance_marks), {"incident_id": incident_id, "window_id": window_id})

    def marked(self, window_id: str) -> Sequence[str]:
        """The incidents that are marked for a window."""
        its = maintenance_marks.c
        query = select(its.incident_id).where(its.window_id == window_id).order_by(its.incident_id)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())


def _row(window: Window) -> dict[str, Any]:
    instants = {
        name: None if (at := getattr(window, name)) is None else to_us(at)
        for name in ("starts_at", "ends_at", "over_at", "made_at", "changed_at", "finished_at", "cancelled_at")
    }
    return {
        "id": window.id,
        "title": window.title,
        "text": window.text,
        "components": names_json(window.components),
        "is_announced": int(window.is_announced),
        "by": window.by,
        "version": window.version,
        **instants,
    }


def _window(row: Row[Any]) -> Window:
    return Window(
        id=row.id,
        title=row.title,
        text=row.text,
        components=names_of(row.components),
        starts_at=from_us(row.starts_at),
        ends_at=from_us(row.ends_at),
        is_announced=bool(row.is_announced),
        by=row.by,
        made_at=from_us(row.made_at),
        changed_at=from_us(row.changed_at),
        version=row.version,
        finished_at=None if row.finished_at is None else from_us(row.finished_at),
        cancelled_at=None if row.cancelled_at is None else from_us(row.cancelled_at),
    )
