"""The scripts behind the two commands."""

import hashlib
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.test_sources import ROOT

GET_UV = ROOT / "scripts/get_uv.py"
FAKE_UV = b"#!/bin/sh\necho uv 0.0.0\n"


def get_uv(folder: Path, lock: str) -> subprocess.CompletedProcess[str]:
    """Run the script, in a copy of the project that holds nothing but it and this lock file."""
    (folder / "scripts").mkdir()
    (folder / "scripts/get_uv.py").write_bytes(GET_UV.read_bytes())
    (folder / "uv.lock").write_text(lock, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", "scripts/get_uv.py", "tools"], cwd=folder, capture_output=True, text=True, check=False
    )


def wheel(folder: Path, machine: str) -> Path:
    """A wheel as uv's are made, for some machine, with a shell script for a program."""
    path = folder / f"uv-0.0.0-py3-none-manylinux_2_17_{machine}.manylinux2014_{machine}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("uv-0.0.0.data/scripts/uv", FAKE_UV)
    return path


def lock_naming(path: Path, digest: str) -> str:
    """A lock file with this one wheel in it."""
    return (
        f'[[package]]\nname = "uv"\nversion = "0.0.0"\n'
        f'wheels = [{{ url = "{path.as_uri()}", hash = "sha256:{digest}" }}]\n'
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel made here is for Linux")
def test_uv_of_the_lock_file_is_put_in_place_as_a_program(tmp_path: Path) -> None:
    path = wheel(tmp_path, platform.machine())

    done = get_uv(tmp_path, lock_naming(path, hashlib.sha256(path.read_bytes()).hexdigest()))

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tools/uv").read_bytes() == FAKE_UV
    assert os.access(tmp_path / "tools/uv", os.X_OK)


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel made here is for Linux")
def test_uv_that_is_not_what_the_lock_file_names_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path, platform.machine())

    done = get_uv(tmp_path, lock_naming(path, "0" * 64))

    assert done.returncode == 1
    assert "distrust" in done.stderr
    assert not (tmp_path / "tools").exists()


def test_machine_without_a_wheel_is_told_what_to_do(tmp_path: Path) -> None:
    path = wheel(tmp_path, "pdp11")

    done = get_uv(tmp_path, lock_naming(path, "0" * 64))

    assert done.returncode == 1
    assert "install uv yourself" in done.stderr
    assert "Traceback" not in done.stderr


def test_wheel_that_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    done = get_uv(
        tmp_path, lock_naming(tmp_path / f"uv-0.0.0-py3-none-manylinux_2_17_{platform.machine()}.whl", "0" * 64)
    )

    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_packages_that_are_there_cost_no_time_and_no_network() -> None:
    script = ROOT / "scripts/setup_system.sh"
    here = subprocess.run(
        ["dpkg-query", "--show", "chromium", "poppler-utils"], capture_output=True, text=True, check=False
    )
    if here.returncode != 0:
        pytest.skip("this machine has not all packages; run make setup-system as root")

    done = subprocess.run([script], capture_output=True, text=True, timeout=20, check=True)

    assert done.stdout == ""


@pytest.mark.parametrize("name", [".ci/run", "scripts/setup_system.sh"])
def test_programs_can_be_started_and_are_valid(name: str) -> None:
    path = ROOT / name

    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", path], check=True)


def test_what_decides_over_a_change_runs_what_people_run() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_every_target_says_what_it_does() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for target in ("demo", "test", "check", "bench", "setup", "setup-system", "docs", "lock", "clean"):
        assert f"make {target} " in shown
