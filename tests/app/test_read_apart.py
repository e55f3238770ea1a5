"""A history read by a process of its own comes out as if read here."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from resile.app import read_apart
from resile.app.read_apart import readings_apart, readings_of
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from resile.ports.source import Progress, Reading, Refused, Remark, Skipped, SourceOptions, Taken, digest_of
from resile.sources.registry import open_source

MAPPING = """
timezone: Europe/Berlin
id: id
title: title
detected: {column: began, format: "%Y-%m-%d %H:%M"}
restored: {column: ended, format: "%Y-%m-%d %H:%M"}
severity: level
labels: [cause]
where: {column: kind, equals: [failure]}
"""


@pytest.fixture
def options(tmp_path: Path) -> SourceOptions:
    (tmp_path / "map.yaml").write_text(MAPPING)
    return SourceOptions(mapping=tmp_path / "map.yaml", severity_aliases={"awful": Severity.SEV1})


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started from here on."""
    processes: list[subprocess.Popen[bytes]] = []
    start = read_apart._started

    def watched() -> subprocess.Popen[bytes]:
        processes.append(start())
        return processes[-1]

    monkeypatch.setattr(read_apart, "_started", watched)
    return processes


def table(folder: Path, n: int) -> Path:
    """Rows that are taken, one that cannot be read, one that does not count, one twice."""
    rows = [f"{k},it broke {k} ü,2024-01-02 10:{k % 60:02d},2024-01-02 12:00,awful,disk,failure" for k in range(n)]
    rows += ["x,no time,yesterday,2024-01-02 12:00,SEV2,disk,failure", "y,not asked for,,,SEV2,disk,drill", rows[0]]
    path = folder / "failures.csv"
    path.write_text("\n".join(["id,title,began,ended,level,cause,kind", *rows, ""]), encoding="utf-8")
    return path


def told(readings: Iterator[Reading]) -> list[Reading]:
    """All but how far it is, each draft with its digest."""
    return [
        Taken(one.draft, one.place, one.doubts, digest_of(one.draft)) if isinstance(one, Taken) else one
        for one in readings
        if not isinstance(one, Progress)
    ]


def test_every_reading_comes_through_in_its_order(tmp_path: Path, options: SourceOptions) -> None:
    path = table(tmp_path, 2_500)

    apart = list(readings_apart("table", options, path))

    assert told(iter(apart)) == told(open_source("table", options).read(path))
    assert {type(one) for one in apart} >= {Taken, Refused, Skipped, Progress}
    assert isinstance(apart[-1], Progress | Remark)


def test_what_cannot_be_read_at_all_is_told_in_the_same_words(tmp_path: Path, options: SourceOptions) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")

    with pytest.raises(ConfigError) as here:
        list(open_source("table", options).read(path))
    with pytest.raises(ConfigError) as apart:
        list(readings_apart("table", options, path))

    assert str(apart.value) == str(here.value)


def test_killed_process_is_told_and_what_it_read_is_kept(
    tmp_path: Path, options: SourceOptions, started: list[subprocess.Popen[bytes]]
) -> None:
    readings = readings_apart("table", options, table(tmp_path, 200_000))
    first = next(readings)

    started[0].kill()

    assert isinstance(first, Taken)
    with pytest.raises(ConfigError, match=r"failures\.csv: the process that read it ended with -9"):
        list(readings)


def state_of(process: subprocess.Popen[bytes]) -> str:
    """S: it waits, here for room in the pipe."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_nothing_is_lost_where_signals_come_between(
    tmp_path: Path,
    options: SourceOptions,
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bare file writes only a part when it is stopped on the way; unbuffered standard output is one."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    path = table(tmp_path, 60_000)
    readings = readings_apart("table", options, path)
    found = [next(readings)]

    for n, reading in enumerate(readings):
        found.append(reading)
        if n % 10_000 == 500:
            while state_of(started[0]) != "S":
                assert started[0].poll() is None
            started[0].send_signal(signal.SIGSTOP)
            os.waitpid(started[0].pid, os.WUNTRACED)
            started[0].send_signal(signal.SIGCONT)

    assert told(iter(found)) == told(open_source("table", options).read(path))


def test_process_ends_when_nobody_listens_any_more(
    tmp_path: Path, options: SourceOptions, started: list[subprocess.Popen[bytes]]
) -> None:
    readings = readings_apart("table", options, table(tmp_path, 100_000))
    next(readings)

    readings.close()  # type: ignore[attr-defined]

    assert started[0].returncode is not None


def test_short_file_is_read_here(tmp_path: Path, options: SourceOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-python"))

    assert sum(isinstance(one, Taken) for one in readings_of("table", options, table(tmp_path, 10))) == 10


def test_where_no_process_can_be_started_the_file_is_read_here(
    tmp_path: Path, options: SourceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-python"))
    path = table(tmp_path, 40_000)
    assert path.stat().st_size >= read_apart.WORTHWHILE_BYTES

    assert sum(isinstance(one, Taken) for one in readings_of("table", options, path)) == 40_000
