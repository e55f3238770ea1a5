import json
from pathlib import Path

import pyarrow.parquet as pq

from resile.analytics.facts import FACTS_SCHEMA
from resile.model.event import decode_event
from resile.model.incident import fold, value_of
from tests.cli.terminal import Terminal


def test_everything_leaves_as_timelines_and_facts(year: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "it's out" / "deep"

    said = year.says("export", str(folder))

    lines = [json.loads(line) for line in (folder / "timelines.jsonl").read_text().splitlines()]
    facts = pq.read_table(folder / "facts.parquet")
    assert sorted(path.name for path in folder.iterdir()) == ["facts.parquet", "timelines.jsonl"]
    assert str(folder) in said
    assert facts.schema.names == FACTS_SCHEMA.names
    titles = {}
    for line in lines:
        events = [decode_event(json.dumps(event)) for event in line["events"]]
        titles[line["incident_id"]] = value_of(fold(line["incident_id"], events).title, "")
    rows = facts.select(["incident_id", "title"]).to_pylist()
    assert {row["incident_id"]: row["title"] for row in rows} == titles
    assert len(titles) == facts.num_rows > 200


def test_exporting_again_replaces_the_files(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("incident", "declare", "one")
    terminal.run("export", str(tmp_path / "out"))
    terminal.run("incident", "declare", "two")

    terminal.run("export", str(tmp_path / "out"))

    assert len((tmp_path / "out/timelines.jsonl").read_text().splitlines()) == 2
    assert pq.read_metadata(tmp_path / "out/facts.parquet").num_rows == 2


def test_a_folder_that_cannot_be_written_is_said(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "name a folder that you may write" in terminal.refuses("export", str(tmp_path / "file/out"), code=1)


def test_facts_are_derived_anew(year: Terminal) -> None:
    total = year.json("incident", "list", "--excluded", "all")["total"] + year.json("incident", "list")["total"]

    assert year.says("facts", "rebuild").startswith("Facts of ")
    assert total > 200
