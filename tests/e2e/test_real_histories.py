"""Three public histories, imported as the README says: the figures published with them come out."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.e2e.program import Program

pytestmark = pytest.mark.real_data

HOUR = 3600
MINUTE = 60


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Program:
    """The history, imported once for all that is asked of it."""
    program = Program(tmp_path_factory.mktemp("github"))
    summary = program.json("import", "statuspage", str(real_data / "github-status/incidents.jsonl"))
    assert summary["n_incidents"] == 819
    return program


@pytest.fixture(scope="module")
def servicenow(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Program:
    """The log, imported once for all that is asked of it."""
    program = Program(tmp_path_factory.mktemp("servicenow"))
    summary = program.json("import", "servicenow", str(real_data / "servicenow/incident_event_log.zip"))
    assert summary["n_incidents"] == 24_918
    return program


def test_servicenow_log_gives_its_published_figures(servicenow: Program) -> None:
    report = servicenow.json("report", "restore", "--by", "severity")

    overall = report["overall"]
    assert overall["n_restored"] == 23_362
    assert overall["n_open"] == 0
    assert overall["mean_s"] == pytest.approx(178.2 * HOUR, abs=0.05 * HOUR)
    assert overall["median_s"] == pytest.approx(22.1 * HOUR, abs=0.05 * HOUR)
    assert overall["p90_s"] == pytest.approx(381.5 * HOUR, abs=0.05 * HOUR)
    assert report["excluded"]["without_end"] == 1_556
    groups = {group["key"]["severity"]: group for group in report["groups"]}
    for severity, median_h, mean_h in (
        ("SEV1", 80.2, 266.1),
        ("SEV2", 38.2, 152.5),
        ("SEV3", 21.6, 174.4),
        ("SEV4", 5.0, 283.2),
    ):
        assert groups[severity]["median_s"] == pytest.approx(median_h * HOUR, abs=0.06 * HOUR), severity
        assert groups[severity]["mean_s"] == pytest.approx(mean_h * HOUR, abs=0.06 * HOUR), severity


def test_servicenow_log_has_its_incidents_by_priority(servicenow: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    # The same commands without starting a program for each.
    terminal = Terminal(servicenow.folder / "data", monkeypatch)
    for severity, n in (("SEV1", 270), ("SEV2", 408), ("SEV3", 23_466), ("SEV4", 774)):
        report = terminal.json("report", "restore", "--severity", severity)
        counted = report["overall"]["n_restored"] + report["overall"]["n_open"] + sum(report["excluded"].values())
        assert counted == n, severity


def test_github_status_history_gives_its_published_figures(github: Program) -> None:
    report = github.json("report", "restore", "--by", "severity")

    assert report["excluded"]["planned"] == 18
    groups = {group["key"]["severity"]: group for group in report["groups"]}
    for severity, n, median_min, mean_min in (
        # From when it was posted until it was resolved; counts as published.
        ("SEV3", 604, 65.0, 125.5),
        ("SEV2", 138, 68.5, 120.6),
        ("SEV1", 28, 93.0, 176.2),
        ("SEV5", 31, 0.0, 110.8),
    ):
        assert groups[severity]["n_restored"] == n, severity
        assert groups[severity]["median_s"] == pytest.approx(median_min * MINUTE, abs=0.06 * MINUTE), severity
        assert groups[severity]["mean_s"] == pytest.approx(mean_min * MINUTE, abs=0.06 * MINUTE), severity


def test_upptime_history_rebuilt_as_git_gives_its_published_figures(
    program: Program, real_data: Path, tmp_path: Path
) -> None:
    rebuild = real_data.parent / "bench/rebuild_git.py"
    if not rebuild.exists():
        pytest.skip(f"{rebuild} is not here; it makes a repository of the log")
    repository = tmp_path / "upptime.git"
    subprocess.run(
        [sys.executable, str(rebuild), str(real_data / "upptime/curc-log.tsv"), str(repository)],
        check=True,
        capture_output=True,
    )

    summary = program.json("import", "upptime", str(repository))

    assert any("19 services are checked" in remark for remark in summary["remarks"])
    overall = program.json("report", "restore")["overall"]
    assert overall["n_restored"] == 275
    assert overall["n_open"] == 2
    assert overall["mean_s"] == pytest.approx(232.7 * MINUTE, abs=0.06 * MINUTE)
    assert overall["median_s"] == pytest.approx(65.7 * MINUTE, abs=0.06 * MINUTE)


def test_importing_again_changes_nothing(github: Program, real_data: Path) -> None:
    before = github.json("report", "restore", "--by", "origin")

    again = github.json("import", "statuspage", str(real_data / "github-status/incidents.jsonl"))

    assert again["n_new"] == again["n_updated"] == 0
    assert again["n_unchanged"] == 819
    assert github.json("report", "restore", "--by", "origin") == before
