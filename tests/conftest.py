"""What tests may need from the machine: what is missing makes them skip with a sentence, or fail where CI=true."""

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from resile.testing.postgresql import PostgresqlServer, postgresql_server

IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}
# A file system in memory, and how much room it must have: a run writes less than one gigabyte.
MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own there
ENOUGH_BYTES = 4 * 2**30
# Those that start programs and browsers, or read whole histories.
LONG = (
    "app/test_import_killed.py",
    "app/test_import_real_histories.py",
    "cli/test_program.py",
    "e2e/test_first_hour.py",
    "e2e/test_paging_killed.py",
    "e2e/test_paging_prometheus.py",
    "e2e/test_paging_tutorial.py",
    "e2e/test_real_histories.py",
    "e2e/test_steps_killed.py",
    "e2e/test_tutorial.py",
    "e2e/test_updates_killed.py",
    "stores/test_crashes.py",
    "web/api/test_imports_under_way.py",
    "web/pages/test_delivery_in_browser.py",
    "web/pages/test_in_browser.py",
    "web/pages/test_in_browser_odd.py",
)


def pytest_configure() -> None:
    """Have pytest's folders in memory where there is plenty: on a disk each commit of each store waits for it.

    What was committed outlives a killed process there as well; the power is cut by no test.
    """
    # Until all is loaded, which makes nothing but what stays.
    gc.disable()
    if "PYTEST_DEBUG_TEMPROOT" in os.environ or not MEMORY.is_dir():
        return
    room = os.statvfs(MEMORY)
    if room.f_bavail * room.f_frsize >= ENOUGH_BYTES and os.access(MEMORY, os.W_OK):
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take long first: begun last, one of them would keep one worker while the others have nothing to do."""
    long = {Path(__file__).parent / name for name in LONG}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """Have the collector of cycles pass over what is loaded by now, thousands of tests among it: it took a quarter of
    the time that all of them take.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    """What the interpreter does not find when it ends, libraries report as leaked."""
    gc.unfreeze()


def missing(what: str, way_out: str) -> None:
    """End the test: it cannot run here. A machine that decides over changes must be whole, so there it fails."""
    sentence = f"{what} is not here; {way_out}"
    if IS_CI:
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def find_program(name: str, package: str) -> str:
    """The path of a program that a Debian package brings, or the end of the test."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} (Debian package {package})", "run make setup-system as root")
    return str(found)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's Chromium, for playwright's `executable_path`."""
    return find_program("chromium", "chromium")


@pytest.fixture(scope="session")
def pdftotext_path() -> str:
    """Poppler's pdftotext."""
    return find_program("pdftotext", "poppler-utils")


@pytest.fixture(scope="session")
def fresh_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Makes of a folder a data folder as the first start leaves it: all tables, and nothing in them.

    Copied, for migrating takes ten times as long; that it leads there from nothing is what test_migrations.py tests.
    """
    from resile.stores.opening import open_engine  # noqa: PLC0415 - loads every driver, which few single tests need

    first = tmp_path_factory.mktemp("first-start")
    open_engine(first, None).close()

    def make(folder: Path) -> Path:
        shutil.copytree(first, folder, dirs_exist_ok=True)
        return folder

    return make


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL for all tests; each takes a database of it."""
    with postgresql_server() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: PostgresqlServer) -> str:
    """An empty database."""
    return postgresql.new_database()


@pytest.fixture(scope="session")
def _first_database(postgresql: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    from resile.stores.opening import open_engine  # noqa: PLC0415 - as above

    url = postgresql.new_database()
    open_engine(tmp_path_factory.mktemp("first-database"), url).close()
    return url


@pytest.fixture
def fresh_postgresql_url(postgresql: PostgresqlServer, _first_database: str) -> str:
    """A database as the first start leaves it; as fresh_data."""
    return postgresql.new_database(like=_first_database)


@pytest.fixture(autouse=True)
def _logs_go_where_they_went() -> Iterator[None]:
    """What a command configured does not outlive its test, whose standard error is closed by then."""
    yield
    structlog.reset_defaults()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold back tests whose marker names something that this machine does not have."""
    if item.get_closest_marker("browser"):
        find_program("chromium", "chromium")
    if item.get_closest_marker("real_data") and not _real_data_folder():
        # Real histories are nobody's dependency: without them a machine is still whole.
        pytest.skip("real histories are not here; set RESILE_REAL_DATA to the folder that holds servicenow/ and others")


def _real_data_folder() -> str | None:
    folder = os.environ.get("RESILE_REAL_DATA")
    return folder if folder and Path(folder).is_dir() else None


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real histories."""
    folder = _real_data_folder()
    if folder is None:
        pytest.skip("real histories are not here; set RESILE_REAL_DATA to the folder that holds servicenow/ and others")
    return Path(folder)
