"""Refused rows of every layout, mended and imported by the same command, give what the undamaged input gives."""

import csv
import io
import json
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from resile.cli.main import app

_LEARNT = re.compile(r'"recorded_at":"[^"]*",')
GOOD, BAD = "2024-05-02T10:00:00Z", "at noon"
LONG = "It is the pool. " * 100  # longer than whatever was ever cut for show


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("RESILE_")]:
        monkeypatch.delenv(name)
    return tmp_path


def run(data: str, kind: str, file: str, *words: str):
    return CliRunner().invoke(app, ["--data", data, "import", kind, file, "--name", "same", "--json", *words])


def state(data: str) -> list[tuple[str, str]]:
    """Every timeline, sorted, without when resile learnt of it."""
    query = "SELECT t.incident_id, e.body FROM events e JOIN timelines t ON t.number = e.timeline ORDER BY 1, e.version"
    with closing(sqlite3.connect(Path(data, "resile.db"))) as base:
        return [(name, _LEARNT.sub("", body)) for name, body in base.execute(query)]


def pagerduty(at: str) -> list[dict[str, object]]:
    entry = {"type": "acknowledge_log_entry", "incident": {"id": "P2"}, "created_at": "2024-05-02T10:05:00Z"}
    return [
        {"id": "P1", "created_at": "2024-05-01T10:00:00Z", "title": "one"},
        {"id": "P2", "created_at": at, "title": LONG, "status": "resolved", "resolved_at": "2024-05-02T11:00:00Z"},
        entry,
    ]


def opsgenie(at: str) -> list[dict[str, object]]:
    return [
        {"id": "a1", "createdAt": "2024-05-01T10:00:00Z", "message": "one"},
        {"id": "a2", "createdAt": at, "message": LONG, "closedAt": "2024-05-02T11:00:00Z", "tags": ["ü", "b"]},
    ]


def jira(at: str) -> list[dict[str, object]]:
    return [
        {"key": "A-1", "fields": {"created": "2024-05-01T10:00:00Z", "summary": "one"}},
        {"key": "A-2", "fields": {"created": at, "summary": LONG, "resolutiondate": "2024-05-02T11:00:00Z"}},
    ]


def statuspage(at: str) -> list[dict[str, object]]:
    updates = [{"at": "2024-05-02T11:00:00Z", "status": "Resolved", "message": LONG}]
    return [
        {"id": "1", "title": "one", "started_at": "2024-05-01T10:00:00Z"},
        {"id": "2", "title": LONG, "started_at": at, "updates": updates, "impact": "major"},
    ]


def servicenow(at: str) -> list[dict[str, object]]:
    row = {"number": "I2", "opened_at": at, "short_description": LONG, "incident_state": "New", "sys_mod_count": "0"}
    done = {**row, "incident_state": "Resolved", "sys_mod_count": "1", "sys_updated_at": "2024-05-02 11:00:00"}
    first = {**row, "number": "I1", "opened_at": "2024-05-01 10:00:00", "sys_updated_at": ""}
    return [first, {**row, "sys_updated_at": "2024-05-02 10:00:00"}, done]


def table(at: str) -> list[dict[str, object]]:
    return [
        {"ref": "1", "began": "2024-05-01T10:00:00Z", "ended": "", "note": "one"},
        {"ref": "2", "began": at, "ended": "2024-05-02T11:00:00Z", "note": LONG},
    ]


def as_array(records: list[dict[str, object]]) -> str:
    return json.dumps(records, indent=2)


def as_lines(records: list[dict[str, object]]) -> str:
    return "".join(json.dumps(one) + "\n" for one in records)


def as_csv(records: list[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


Records = Callable[[str], list[dict[str, object]]]
WAYS = {".json": as_array, ".jsonl": as_lines, ".csv": as_csv}


@pytest.mark.parametrize(
    ("records", "suffix"),
    [
        *((records, suffix) for records in (pagerduty, opsgenie, jira, statuspage) for suffix in (".json", ".jsonl")),
        *((records, suffix) for records in (servicenow, table) for suffix in (".json", ".jsonl", ".csv")),
    ],
)
def test_what_was_refused_can_be_mended(folder: Path, records: Records, suffix: str) -> None:
    kind, is_named = records.__name__, suffix == ".jsonl"
    (folder / "map.yaml").write_text("id: ref\ndetected: began\nrestored: ended\ntitle: note\n")
    words = ["--mapping", "map.yaml"] if kind == "table" else []
    (folder / f"good{suffix}").write_text(WAYS[suffix](records(GOOD)))
    (folder / f"bad{suffix}").write_text(WAYS[suffix](records(BAD)))
    assert run("whole", kind, f"good{suffix}", *words).exit_code == 0

    broken = run("mended", kind, f"bad{suffix}", *words, *(["--refused", "mine.csv"] if is_named else []))
    assert broken.exit_code == 1
    (refused,) = json.loads(broken.stdout)["refused_file"]
    assert Path(refused).stem == ("mine" if is_named else f"bad{suffix}.refused")
    again = run("mended", kind, refused, *words)
    assert again.exit_code == 1, "not mended yet"
    (second,) = json.loads(again.stdout)["refused_file"]
    text = (folder / second).read_text(encoding="utf-8-sig")
    lines = [line.partition(", line")[0] for line in text.splitlines()]
    assert sum(line.count('"resile_error"') for line in lines) in {0, len(lines)}
    (folder / second).write_text(text.replace(f'"{BAD}"', f'"{GOOD}"').replace(f",{BAD},", f",{GOOD},"))
    mended = run("mended", kind, second, *words)

    assert (mended.exit_code, json.loads(mended.stdout)["n_refused"]) == (0, 0), mended.stdout
    assert state("mended") == state("whole")
    assert len({name for name, _ in state("whole")}) == 2


@pytest.mark.parametrize("kind", [pagerduty, opsgenie, jira, statuspage, table])
def test_a_line_that_is_no_json_can_be_mended_where_it_stands(folder: Path, kind: Records) -> None:
    (folder / "map.yaml").write_text("id: ref\ndetected: began\nrestored: ended\ntitle: note\n")
    words = ["--mapping", "map.yaml"] if kind is table else []
    first, second, *_ = kind(GOOD)
    (folder / "good.jsonl").write_text(as_lines([first, second]))
    torn = json.dumps(second).replace(": ", " ", 1)
    (folder / "bad.jsonl").write_text(as_lines([first]) + torn + "\n")
    run("whole", kind.__name__, "good.jsonl", *words)

    assert run("mended", kind.__name__, "bad.jsonl", *words).exit_code == 1
    refused = folder / "bad.jsonl.refused.jsonl"
    said, line = refused.read_text().splitlines()
    assert "it is not JSON" in json.loads(said)["resile_error"]
    assert line == torn
    refused.write_text(f"{said}\n{json.dumps(second)}\n")

    assert run("mended", kind.__name__, refused.name, *words).exit_code == 0
    assert state("mended") == state("whole")


def test_refused_rows_never_overwrite_the_input_under_its_other_ending(folder: Path) -> None:
    (folder / "x.jsonl").write_text(as_lines(opsgenie(BAD)))

    result = run("d", "opsgenie", "x.jsonl", "--refused", "x.csv")

    assert (result.exit_code, "would overwrite the input" in result.stderr) == (2, True)
    assert (folder / "x.jsonl").read_text() == as_lines(opsgenie(BAD))


def test_a_row_that_was_cut_is_not_taken_for_the_whole(folder: Path) -> None:
    (folder / "map.yaml").write_text("id: ref\ndetected: began\nrestored: ended\ntitle: note\n")
    huge = "x" * (2 << 20)
    (folder / "t.csv").write_text(f"ref,note,began,ended\n1,{huge},2024-05-01,2024-05-02\n2,b,2024-05-01,2024-05-02\n")

    first = json.loads(run("d", "table", "t.csv", "--mapping", "map.yaml").stdout)
    again = json.loads(run("d", "table", "t.csv.refused.csv", "--mapping", "map.yaml").stdout)

    assert (first["n_new"], first["n_refused"], again["n_new"]) == (1, 1, 0)
    assert "column 'note' was cut when the row was refused" in again["refused"][0]["example"]


def test_rows_of_parquet_with_other_types_can_be_mended_as_csv(folder: Path) -> None:
    (folder / "map.yaml").write_text("id: ref\ndetected: began\nrestored: ended\n")
    whole = {
        "ref": [1.0, 2.0],
        "began": ["2024-05-01", "2024-05-02"],
        "ended": pa.array([1714680000000000] * 2).cast(pa.timestamp("us")),
    }
    pq.write_table(pa.table(whole), folder / "good.parquet")
    pq.write_table(pa.table({**whole, "began": ["2024-05-01", "at noon"]}), folder / "bad.parquet")
    run("whole", "table", "good.parquet", "--mapping", "map.yaml")

    assert run("mended", "table", "bad.parquet", "--mapping", "map.yaml").exit_code == 1
    refused = folder / "bad.parquet.refused.csv"
    refused.write_text(refused.read_text(encoding="utf-8-sig").replace(",at noon,", ",2024-05-02,"))

    assert run("mended", "table", refused.name, "--mapping", "map.yaml").exit_code == 0
    assert state("mended") == state("whole")
