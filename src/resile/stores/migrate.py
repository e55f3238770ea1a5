"""Bring a database to the shape that this version of resile knows."""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from resile.model.errors import StoreError
from resile.stores.engine import Database

_FOLDER = Path(__file__).parent / "migrations"
# Any number will do, so long as all versions of resile use the same: one migrates, the others wait.
_MIGRATION_LOCK = 0x7265_7369_6C65


def migrate(database: Database) -> None:
    """Run the revisions that the database lacks, all or none; only looks at one row if there are none.

    Raises:
        StoreError: the database is of a newer version, of another program, or cannot be written.
    """
    with database.reading() as connection:
        found = _revision(connection, database.name)
    if found == head():
        return
    if database.is_read_only:
        raise StoreError(f"{database.name} is of an older version and read-only; open it once with the right to write")
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        # Another process may have been quicker.
        if _revision(connection, database.name) != head():
            run_to(connection, head())


def run_to(connection: Connection, revision: str) -> None:
    """Run the revisions between the database's and the given one (`base`: none), up or down, in this transaction."""
    # Alembic takes 0.2 s to load; a database that is up to date never needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    found = _stamped(connection) or "0000"
    if revision == "base" or revision < found:
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


@cache
def known_revisions() -> tuple[str, ...]:
    """The revisions of this version of resile, oldest first, by the names of their files."""
    return tuple(sorted(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py")))


def head() -> str:
    """The newest revision."""
    return known_revisions()[-1]


def _revision(connection: Connection, name: str) -> str | None:
    """The database's revision; None if it is empty."""
    found = _stamped(connection)
    if found is None and set(inspect(connection).get_table_names()) - {"alembic_version"}:
        raise StoreError(f"{name} holds tables of another program; give resile a database of its own")
    if found is not None and found not in known_revisions():
        raise StoreError(
            f"{name} is of revision {found}, newer than this resile knows ({head()}); "
            "update resile, or put back a backup"
        )
    return found


def _stamped(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
