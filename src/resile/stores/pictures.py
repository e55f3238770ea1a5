"""Pictures of incidents in SQLite or PostgreSQL, beside the timelines: one backup has both."""

from sqlalchemy import RowMapping, func, insert, select

from resile.model.errors import ConflictError
from resile.model.time import from_us, to_us
from resile.ports.picture_book import KnownPicture, Picture
from resile.stores.engine import Database
from resile.stores.picture_tables import incident_pictures

_its = incident_pictures.c
_KNOWN = [column for column in _its if column.name not in {"seq", "content"}]


class SqlPictureBook:
    """The PictureBook of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, picture: Picture, *, most_bytes: int) -> bool:
        """Keep a picture."""
        known = picture.known
        is_its = _its.incident_id == known.incident_id
        with self._database.writing() as connection:
            if not self._database.is_sqlite:
                # Two of one incident take turns, so that together they do not pass the limit.
                connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(known.incident_id))))
            if connection.execute(select(_its.seq).where(is_its, _its.id == known.id)).first() is not None:
                return False
            n_bytes = connection.execute(select(func.sum(_its.n_bytes)).where(is_its)).scalar() or 0
            if n_bytes + known.n_bytes > most_bytes:
                raise ConflictError(
                    f"incident {known.incident_id} has {n_bytes:,} bytes of pictures, and {most_bytes:,} are the most; "
                    "put this one elsewhere and add a link to it"
                )
            row = {name: getattr(known, name) for name in KnownPicture.__struct_fields__}
            row |= {"added_at": to_us(known.added_at), "content": picture.content}
            connection.execute(insert(incident_pictures), row)
        return True

    def picture(self, incident_id: str, picture_id: str) -> Picture | None:
        """The one of that id."""
        query = select(*_KNOWN, _its.content).where(_its.incident_id == incident_id, _its.id == picture_id)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Picture(known=_known(row), content=bytes(row["content"]))

    def pictures(self, incident_id: str) -> list[KnownPicture]:
        """All of an incident."""
        query = select(*_KNOWN).where(_its.incident_id == incident_id).order_by(_its.seq)
        with self._database.reading() as connection:
            return [_known(row) for row in connection.execute(query).mappings()]


def _known(row: RowMapping) -> KnownPicture:
    fields = {name: row[name] for name in KnownPicture.__struct_fields__}
    return KnownPicture(**{**fields, "added_at": from_us(row["added_at"])})
