import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 400

# Files that may be longer, each with its reason.
LONGER: dict[str, str] = {}

# What must not stand in the project. Written in parts, so that this file does not find itself.
FORBIDDEN = {
    "unfinished": re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"),
    "a path of one machine": re.compile(r"(?<![\w.])/(wo" r"rk|ro" r"ot|ho" r"me/\w+)/"),
    "a function without a body": re.compile(r"raise NotImple" r"mentedError"),
}
# Words that mean something else where they stand.
ALLOWED: dict[str, str] = {}


def tracked_files(*suffixes: str) -> list[Path]:
    """What git keeps, with these endings."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.suffix in suffixes and path.is_file()]


def test_no_source_file_is_longer_than_400_lines() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in tracked_files(".py", ".html", ".css", ".js", ".sh")
        if "vendor" not in path.parts
    }

    too_long = {name: n for name, n in lengths.items() if n > LONGEST and name not in LONGER}

    assert lengths
    assert not too_long


def test_files_that_may_be_longer_are_still_longer() -> None:
    for name in LONGER:
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) > LONGEST, f"{name}: strike it from the list"


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_forbidden_stands_in_the_project(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files(".py", ".md", ".toml", ".html", ".css", ".yaml", ".yml", ".sh", "")
        if "vendor" not in path.parts and str(path.relative_to(ROOT)) not in ALLOWED
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if FORBIDDEN[what].search(line)
    ]

    assert not found


def test_every_ruff_exception_has_its_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("ignore = ["))
    stop = next(n for n in range(start, len(lines)) if lines[n].startswith("]"))
    rules = [line for line in lines[start + 1 : stop] if line.strip()]

    assert rules
    assert [line for line in rules if "#" not in line] == []


def test_every_suppression_in_the_sources_names_its_rule() -> None:
    # In parts, so that this line is no suppression itself.
    bare = re.compile(r"#\s*(no" r"qa|type:\s*ignore)(?!\s*[:\[])")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files(".py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if bare.search(line)
    ]

    assert not found


def test_clock_and_randomness_stay_banned_and_floors_exhaustive() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]

    banned = settings["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert {"datetime.datetime.now", "time.time", "time.sleep", "random"} <= set(banned)
    assert settings["ruff"]["lint"]["select"] == ["ALL"]
    assert settings["mypy"]["strict"] is True
    assert settings["importlinter"]["contracts"][0]["exhaustive"] is True
