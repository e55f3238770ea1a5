"""Every revision goes up and down, and leads to the tables that the code speaks of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from resile.model.change import DeploymentStatus
from resile.model.errors import StoreError
from resile.stores import (
    account_tables,
    catalog_tables,
    chat_tables,
    communication_tables,
    contact_tables,
    delivery_tables,
    feed_tables,
    migrations,
    paging_tables,
    picture_tables,
    silence_tables,
)
from resile.stores.deliveries import SqlDeliveryStore
from resile.stores.engine import Database, connect_postgresql, connect_sqlite
from resile.stores.migrate import head, known_revisions, migrate, run_to
from resile.stores.tables import metadata
from resile.stores.timelines import SqlTimelineStore
from resile.testing.delivery_model import REPO, commit, deployed, hour, pulled
from resile.testing.timeline_model import append_of


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        opened = connect_sqlite(tmp_path)
    else:
        opened = connect_postgresql(request.getfixturevalue("postgresql_url"))
    yield opened
    opened.close()


def shape(database: Database) -> dict[str, object]:
    """Tables with their columns and indexes, but for Alembic's own."""
    with database.reading() as connection:
        seen = inspect(connection)
        return {
            name: (
                [(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(name)],
                sorted(str(unique["column_names"]) for unique in seen.get_unique_constraints(name)),
                sorted(str(index["column_names"]) for index in seen.get_indexes(name)),
            )
            for name in seen.get_table_names()
            if name != "alembic_version"
        }


def test_models_match_migrations(database: Database) -> None:
    for tables in (
        account_tables,
        catalog_tables,
        communication_tables,
        chat_tables,
        contact_tables,
        delivery_tables,
        feed_tables,
        paging_tables,
        picture_tables,
        silence_tables,
    ):
        assert tables.metadata is metadata
    migrate(database)

    with database.reading() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []


def test_each_revision_goes_down_to_what_was_before_and_up_again(database: Database) -> None:
    shapes = [shape(database)]
    for revision in known_revisions():
        with database.writing() as connection:
            run_to(connection, revision)
        shapes.append(shape(database))
    assert shapes[0] == {}
    assert set(shapes[-1]) == set(metadata.tables)

    for revision, expected in zip([*known_revisions()[-2::-1], "base"], shapes[-2::-1], strict=True):
        with database.writing() as connection:
            run_to(connection, revision)
        assert shape(database) == expected
    migrate(database)

    assert shape(database) == shapes[-1]


def test_timelines_outlive_a_later_revision_taken_back(database: Database) -> None:
    migrate(database)
    store = SqlTimelineStore(database)
    store.append([append_of("a", 1, 3)])

    with database.writing() as connection:
        run_to(connection, known_revisions()[0])
    migrate(database)

    assert len(store.read("a")) == 3


def test_taken_back_commits_without_parents_go_and_others_stay(database: Database) -> None:
    migrate(database)
    store = SqlDeliveryStore(database)
    store.add_commits([commit("a", reverts=("z",)), commit("b", "a"), commit("c", parents=None, reverts=("z",))])

    with database.writing() as connection:
        run_to(connection, "0004")
    migrate(database)

    assert store.parents(REPO) == {"a": (), "b": ("a",)}
    assert store.commits(REPO, ["a", "b", "c"]) == {"a": commit("a", reverts=("z",)), "b": commit("b", "a")}
    assert store.add_commits([commit("c", parents=None, reverts=("z",)), commit("b", "a")]) == 1


def test_deployments_of_before_are_placed_and_looked_at_once_more(database: Database) -> None:
    migrate(database)
    store = SqlDeliveryStore(database)
    store.record([deployed("1", 2, sha="a", repo=REPO), deployed("2", 1), deployed("3", 4, service=None)])
    store.record([deployed("4", 3, status=DeploymentStatus.RUNNING), pulled("7", "a")])
    placed = store.placed("search", "production", hour(0))
    lines = {(line.service, line.environment, line.since) for line in store.unsettled()}

    with database.writing() as connection:
        run_to(connection, "0005")
    migrate(database)

    assert store.placed("search", "production", hour(0)) == placed
    assert {(line.service, line.environment, line.since) for line in store.unsettled()} == lines
    assert len(lines) == len(placed) == 2
    assert all(store.settle(line, []) for line in store.unsettled())


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    before = shape(database)

    migrate(database)

    assert shape(database) == before


def test_failed_migration_leaves_the_database_as_it_was(database: Database) -> None:
    def fail_half_way() -> None:
        with database.writing() as connection:
            run_to(connection, head())
            connection.execute(text("SELECT * FROM not_there"))

    with pytest.raises(StoreError):
        fail_half_way()

    assert shape(database) == {}
    migrate(database)


def test_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    migrate(database)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = shape(database)

    with pytest.raises(StoreError, match=r"revision 9999, newer than this resile knows .* update resile"):
        migrate(database)

    assert shape(database) == before


def test_database_of_another_program_is_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE shopping (item TEXT)"))

    with pytest.raises(StoreError, match="another program"):
        migrate(database)

    assert set(shape(database)) == {"shopping"}


def test_files_are_named_by_their_revisions() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))

    assert scripts.get_heads() == [head()]
    assert tuple(sorted(script.revision for script in scripts.walk_revisions())) == known_revisions()
