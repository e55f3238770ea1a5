"""The figures that must come out of the real histories."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

import ibis
import pytest

from resile.app.import_history import import_history
from resile.app.settings import load_settings
from resile.app.wiring import Resile, open_resile
from resile.ports.source import SourceOptions
from resile.sources.registry import open_source

pytestmark = pytest.mark.real_data


@pytest.fixture
def resile(tmp_path: Path) -> Iterator[Resile]:
    with open_resile(load_settings(data=tmp_path / "data")) as opened:
        yield opened


def take(resile: Resile, kind: str, path: Path) -> Any:
    readings = open_source(kind, SourceOptions()).read(path)
    return import_history(readings, timelines=resile.timelines, facts=resile.facts, clock=resile.clock)


def rows(resile: Resile) -> list[dict[str, Any]]:
    with resile.facts.table() as facts:
        hours = (facts.restored.epoch_seconds() - facts.detected.epoch_seconds()) / 3600
        chosen = facts.mutate(hours=hours).filter(ibis.literal(value=True))
        return (
            chosen.select("severity", "service", "hours", "closed", "exclusion", "is_contradictory", "n_reopened")
            .to_pyarrow()
            .to_pylist()
        )


def test_servicenows_public_log(resile: Resile, real_data: Path) -> None:
    log = real_data / "servicenow" / "incident_event_log.zip"

    summary = take(resile, "servicenow", log)

    facts = rows(resile)
    hours = [row["hours"] for row in facts if row["hours"] is not None]
    assert (summary.n_new, summary.n_refused, summary.n_contradictory) == (24_918, 0, 0)
    assert (len(hours), round(mean(hours), 1), round(median(hours), 2)) == (23_362, 178.2, 22.1)
    by_severity = {
        severity: [row["hours"] for row in facts if row["severity"] == severity]
        for severity in ("SEV1", "SEV2", "SEV3", "SEV4")
    }
    assert {severity: len(some) for severity, some in by_severity.items()} == {
        "SEV1": 270,
        "SEV2": 408,
        "SEV3": 23_466,
        "SEV4": 774,
    }
    medians = {severity: round(median(h for h in some if h is not None), 1) for severity, some in by_severity.items()}
    assert medians == {"SEV1": 80.2, "SEV2": 38.2, "SEV3": 21.6, "SEV4": 5.0}
    assert sum(row["hours"] is None and row["closed"] is not None for row in facts) == 1_556
    assert sum(row["n_reopened"] > 0 for row in facts) == 275
    assert take(resile, "servicenow", log).n_unchanged == 24_918


def test_githubs_status_history(resile: Resile, real_data: Path) -> None:
    summary = take(resile, "statuspage", real_data / "github-status" / "incidents.jsonl")

    facts = rows(resile)
    assert (summary.n_new, summary.excluded, summary.n_contradictory) == (819, {"planned": 18}, 0)
    counted = [row for row in facts if row["exclusion"] is None]
    assert {s: sum(row["severity"] == s for row in counted) for s in ("SEV3", "SEV2", "SEV1", "SEV5")} == {
        "SEV3": 604,
        "SEV2": 138,
        "SEV1": 28,
        "SEV5": 31,
    }
    assert not any(row["is_contradictory"] for row in facts)


def test_upptimes_git_history(resile: Resile, real_data: Path, tmp_path: Path) -> None:
    repository = tmp_path / "upptime.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(repository)], check=True)
    subprocess.run(
        ["git", "-C", str(repository), "fast-import", "--quiet", "--done"],
        input=fast_import(real_data / "upptime" / "curc-log.tsv"),
        check=True,
    )

    summary = take(resile, "upptime", repository)

    minutes = [row["hours"] * 60 for row in rows(resile) if row["hours"] is not None]
    assert (len(minutes), summary.n_new - len(minutes)) == (275, 2)
    assert (round(mean(minutes), 1), round(median(minutes), 1)) == (232.7, 65.7)
    assert summary.remarks == ["19 services are checked; 7 of them had outages, 2 are still down"]


def fast_import(log: Path) -> bytes:
    """A line of empty commits with the log's times and subjects."""
    lines = []
    for number, row in enumerate(log.read_text(encoding="utf-8").splitlines(), start=1):
        seconds, subject = row.split("\t")
        body = subject.encode()
        stamp = f"Rebuilt <rebuilt@example.org> {seconds} +0000"
        parent = f"from :{number - 1}\n" if number > 1 else ""
        head = f"commit refs/heads/main\nmark :{number}\nauthor {stamp}\ncommitter {stamp}\ndata {len(body)}\n"
        lines.append(head.encode() + body + f"\n{parent}\n".encode())
    return b"".join([*lines, b"done\n"])
