import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

import resile
from tests.conftest import missing
from tests.house.test_sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements_of(name: str, extras: tuple[str, ...] = ()) -> Iterator[str]:
    """Names of what the distribution requires on this machine, directly."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - only tests read requirements

    for line in metadata.distribution(name).requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement.name


def runtime_distributions() -> set[str]:
    """Everything that resile with all extras brings along, itself not counted."""
    seen: set[str] = set()
    waiting = list(requirements_of("resile", tuple(PROJECT["optional-dependencies"])))
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name not in seen:
            seen.add(name)
            waiting += requirements_of(name)
    return seen


def test_no_runtime_dependency_has_a_licence_that_binds_users_of_a_service() -> None:
    names = runtime_distributions()
    licences = {}
    for name in names:
        said = metadata.metadata(name)
        classifiers = [c for c in said.get_all("Classifier") or [] if c.startswith("License")]
        licences[name] = " ".join(
            [said.get("License-Expression") or "", (said.get("License") or "")[:200], *classifiers]
        )

    assert {"duckdb", "sqlalchemy", "numpy", "psycopg"} <= names
    assert [name for name, text in licences.items() if "AGPL" in text or "Affero" in text] == []


def test_the_command_and_every_entry_point_load() -> None:
    points = metadata.distribution("resile").entry_points

    assert "resile" in {point.name for point in points if point.group == "console_scripts"}
    for point in points:
        assert point.load() is not None


def test_version_is_the_changelogs_newest() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([^\]]+)\]", changelog, flags=re.MULTILINE)

    newest = next(version for version in versions if version != "Unreleased")
    assert newest == PROJECT["version"] == metadata.version("resile")


def test_package_says_its_version() -> None:
    assert resile.__version__ == PROJECT["version"]


def test_licence_is_apache_and_lies_beside_the_sources() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert PROJECT["license"] == "Apache-2.0"


def test_package_is_typed() -> None:
    assert (Path(resile.__file__).parent / "py.typed").exists()


def test_lock_file_is_up_to_date() -> None:
    uv = find_uv()

    # Offline: what is locked is compared with pyproject.toml, nothing is looked for anew.
    checked = subprocess.run(
        [uv, "lock", "--check", "--offline"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if "network" in checked.stderr.lower() or "offline" in checked.stderr.lower():
        checked = subprocess.run([uv, "lock", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_lock_file_takes_everything_from_pypi() -> None:
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")

    assert set(re.findall(r'registry = "([^"]+)"', text)) == {"https://pypi.org/simple"}
    assert {url.split("/")[2] for url in re.findall(r'url = "([^"]+)"', text)} == {"files.pythonhosted.org"}


def find_uv() -> str:
    """The uv that make uses, or the machine's."""
    own = ROOT / ".tools/bin/uv"
    if own.exists():
        return str(own)
    found = shutil.which("uv")
    if found is None:
        missing("uv", "run make setup")
    return str(found)


@pytest.mark.parametrize("floor", ["model", "analytics", "ports"])
def test_pure_floors_load_without_a_database_driver_or_a_web_framework(floor: str) -> None:
    heavy = ["sqlalchemy", "fastapi", "typer", "uvicorn", "typst"]
    program = (
        f"import sys, pkgutil, importlib, resile.{floor} as floor\n"
        f"for m in pkgutil.walk_packages(floor.__path__, floor.__name__ + '.'): importlib.import_module(m.name)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"
