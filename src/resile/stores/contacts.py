"""Which addresses were proven, in SQLite or PostgreSQL."""

from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, delete, insert, select, update

from resile.model.time import from_us, to_us
from resile.ports.contact_book import Check, Verified
from resile.stores.contact_tables import contact_checks, verified_contacts
from resile.stores.engine import Database


class SqlContactBook:
    """The ContactBook of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verified(self, person: str | None = None) -> list[Verified]:
        """What was proven last of each contact, of one person or of all."""
        columns = verified_contacts.c
        query = select(verified_contacts).order_by(columns.person, columns.contact)
        if person is not None:
            query = query.where(columns.person == person)
        with self._database.reading() as connection:
            return [_verified(row) for row in connection.execute(query)]

    def verify(self, verified: Verified) -> None:
        """Note it in place of what was proven before of that contact."""
        row = {
            "person": verified.person,
            "contact": verified.contact,
            "digest": verified.digest,
            "verified_at": to_us(verified.verified_at),
            "by": verified.by,
        }
        with self._database.writing() as connection:
            for table in (contact_checks, verified_contacts):
                connection.execute(delete(table).where(_is_of(table, verified.person, verified.contact)))
            connection.execute(insert(verified_contacts), row)

    def forget(self, person: str, contact: str) -> bool:
        """Take a contact for proven no longer."""
        with self._database.writing() as connection:
            done = connection.execute(delete(verified_contacts).where(_is_of(verified_contacts, person, contact)))
            return done.rowcount > 0

    def begin(self, check: Check) -> None:
        """Await a code; an earlier one of that contact holds no longer."""
        row = {
            "person": check.person,
            "contact": check.contact,
            "digest": check.digest,
            "salt": check.salt,
            "code_digest": check.code_digest,
            "asked_at": to_us(check.asked_at),
            "expires_at": to_us(check.expires_at),
            "n_tries": check.n_tries,
        }
        with self._database.writing() as connection:
            connection.execute(delete(contact_checks).where(_is_of(contact_checks, check.person, check.contact)))
            connection.execute(insert(contact_checks), row)

    def check(self, person: str, contact: str) -> Check | None:
        """The code that is awaited, however old."""
        with self._database.reading() as connection:
            query = select(contact_checks).where(_is_of(contact_checks, person, contact))
            row = connection.execute(query).one_or_none()
        return None if row is None else _check(row)

    def count_try(self, check: Check, *, most: int) -> bool:
        """Count a try of this very code before it is looked at."""
        columns = contact_checks.c
        is_it = and_(
            _is_of(contact_checks, check.person, check.contact),
            columns.code_digest == check.code_digest,
            columns.salt == check.salt,
            columns.n_tries < most,
        )
        with self._database.writing() as connection:
            done = connection.execute(update(contact_checks).where(is_it).values(n_tries=columns.n_tries + 1))
            return done.rowcount > 0


def _is_of(table: Table, person: str, contact: str) -> ColumnElement[bool]:
    return and_(table.c.person == person, table.c.contact == contact)


def _verified(row: Row[Any]) -> Verified:
    return Verified(
        person=row.person,
        contact=row.contact,
        digest=bytes(row.digest),
        verified_at=from_us(row.verified_at),
        by=row.by,
    )


def _check(row: Row[Any]) -> Check:
    return Check(
        person=row.person,
        contact=row.contact,
        digest=bytes(row.digest),
        salt=bytes(row.salt),
        code_digest=bytes(row.code_digest),
        asked_at=from_us(row.asked_at),
        expires_at=from_us(row.expires_at),
        n_tries=row.n_tries,
    )
