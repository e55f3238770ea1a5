"""What tests may need from the machine: what is missing makes them skip with a sentence, or fail where CI=true."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}


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
