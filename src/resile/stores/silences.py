"""Silences in SQLite or PostgreSQL: made once, ended, and counted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Row, Select, case, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from resile.model.errors import ConflictError
from resile.model.silence import Silence
from resile.model.time import from_us, to_us
from resile.stores.engine import Database
from resile.stores.silence_tables import silences

_its = silences.c


class SqlSilenceBook:
    """The SilenceBook of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def silences(self, *, now: datetime) -> list[Silence]:
        """Those that are not over, in the order in which they were made."""
        is_open = _its.ended_at.is_(None) & or_(_its.ends_at.is_(None), _its.ends_at > to_us(now))
        return self._read(select(silences).where(is_open).order_by(_its.seq))

    def newest(self, *, limit: int = 100) -> list[Silence]:
        """All that ever were, the one made last first."""
        return self._read(select(silences).order_by(_its.seq.desc()).limit(limit))

    def silence(self, silence_id: str) -> Silence | None:
        """The one of that id, over or not."""
        return next(iter(self._read(select(silences).where(_its.id == silence_id))), None)

    def _read(self, query: Select[Any]) -> list[Silence]:
        with self._database.reading() as connection:
            return [_silence(row) for row in connection.execute(query)]

    def add(self, silence: Silence) -> None:
        """Make one."""
        row = {
            "id": silence.id,
            "body": msgspec.json.encode(silence).decode(),
            "ends_at": None if silence.ends_at is None else to_us(silence.ends_at),
            "ended_at": None if silence.ended_at is None else to_us(silence.ended_at),
            "ended_by": silence.ended_by,
            "n_muted": silence.n_muted,
            "muted_at": None if silence.muted_at is None else to_us(silence.muted_at),
        }
        try:
            with self._database.writing() as connection:
                connection.execute(insert(silences), row)
        except IntegrityError:
            raise ConflictError(f"there is a silence {silence.id} already; try again") from None

    def end(self, silence_id: str, *, at: datetime, by: str) -> bool:
        """Let it mute nothing any more."""
        is_open = _its.ended_at.is_(None) & or_(_its.ends_at.is_(None), _its.ends_at > to_us(at))
        with self._database.writing() as connection:
            done = connection.execute(
                update(silences).where(_its.id == silence_id, is_open).values(ended_at=to_us(at), ended_by=by)
            )
            return done.rowcount > 0

    def count_muted(self, muted: Mapping[str, int], *, at: datetime) -> None:
        """Add to how often each muted an alert, and when last."""
        if not muted:
            return
        latest = func.coalesce(_its.muted_at, to_us(at))
        with self._database.writing() as connection:
            for silence_id, n in sorted(muted.items()):
                connection.execute(
                    update(silences)
                    .where(_its.id == silence_id)
                    .values(n_muted=_its.n_muted + n, muted_at=case((latest > to_us(at), latest), else_=to_us(at)))
                )


def _silence(row: Row[Any]) -> Silence:
    made = msgspec.json.decode(row.body, type=Silence)
    return replace(
        made,
        ended_at=None if row.ended_at is None else from_us(row.ended_at),
        ended_by=row.ended_by,
        n_muted=row.n_muted,
        muted_at=None if row.muted_at is None else from_us(row.muted_at),
    )
