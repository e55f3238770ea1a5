import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from resile.analytics.facts import FACTS_SCHEMA
from resile.app.deliver import take_in
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.change import (
    ChangeReport,
    Commit,
    DeploymentReported,
    DeploymentStatus,
    LinkReported,
    PullRequestReported,
    decode_report,
)
from resile.model.event import Event, decode_event, kind_of
from resile.model.incident import fold, value_of
from resile.testing.memory_deliveries import MemoryDeliveryStore
from tests.cli.terminal import Terminal


def test_everything_leaves_as_timelines_and_facts(year: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "it's out" / "deep"

    said = year.says("export", str(folder))

    lines = [json.loads(line) for line in (folder / "timelines.jsonl").read_text().splitlines()]
    facts = pq.read_table(folder / "facts.parquet")
    assert sorted(path.name for path in folder.iterdir()) == [
        "commits.jsonl",
        "delivery-reports.jsonl",
        "deployments.jsonl",
        "facts.parquet",
        "pull-requests.jsonl",
        "timelines.jsonl",
    ]
    assert str(folder) in said
    assert facts.schema.names == FACTS_SCHEMA.names
    titles = {}
    for line in lines:
        events = [decode_event(json.dumps(event)) for event in line["events"]]
        titles[line["incident_id"]] = value_of(fold(line["incident_id"], events).title, "")
    rows = facts.select(["incident_id", "title"]).to_pylist()
    assert {row["incident_id"]: row["title"] for row in rows} == titles
    assert len(titles) == facts.num_rows > 200


def test_deliveries_leave_as_told_and_as_known_and_can_be_told_to_another_store(
    terminal: Terminal, tmp_path: Path
) -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    common: dict[str, Any] = {"repo": "shop", "authored_at": at, "committed_at": at}
    commits = [Commit(sha="a", **common), Commit(sha="b", parents=("a",), **common)]
    commits.append(Commit(sha="pushed", subject="Grüße 🟥\n\0", **common | {"parents": None}))
    told: dict[str, Any] = {"recorded_at": at, "by": "door:x"}
    where: dict[str, Any] = {"service": "shop", "environment": "production", "repo": "shop", "origin": "x"}
    done = DeploymentStatus.SUCCEEDED
    reports: list[ChangeReport] = [
        DeploymentReported(id="1", at=at, ref="1", sha="b", status=done, caused=("INC-1",), **where, **told),
        DeploymentReported(id="1", at=at, ref="2", sha="pushed", status=done, **where, **told),
        DeploymentReported(id="1", at=at, ref="3", status=DeploymentStatus.RUNNING, **where, **told),
        LinkReported(id="l", at=at, deployment_id="x:1", incident_id="INC-2", reason="seen", **told),
        PullRequestReported(id="p", at=at, repo="shop", number="7", commits=("b",), merged_at=at, **told),
    ]
    with open_resile(load_settings(data=terminal.folder)) as resile:
        take_in(resile.deliveries, commits, reports)

    assert "3 deployments" in terminal.says("export", str(tmp_path / "out"))

    def lines(name: str) -> list[bytes]:
        return (tmp_path / "out" / name).read_bytes().splitlines()

    deployments = [json.loads(line) for line in lines("deployments.jsonl")]
    assert [(one["deployment"]["id"], one["commits"]) for one in deployments] == [
        ("x:1", ["b", "a"]),
        ("x:2", None),
        ("x:3", None),
    ]
    assert [link["incident_id"] for link in deployments[0]["deployment"]["links"]] == ["INC-1", "INC-2"]
    assert [json.loads(line)["id"] for line in lines("pull-requests.jsonl")] == ["shop#7"]
    other = MemoryDeliveryStore()
    take_in(
        other,
        [msgspec.json.decode(line, type=Commit) for line in lines("commits.jsonl")],
        [decode_report(line) for line in lines("delivery-reports.jsonl")],
    )
    with open_resile(load_settings(data=terminal.folder)) as resile:
        names = ["x:1", "x:2", "x:3"]
        assert other.deployments(names) == resile.deliveries.deployments(names)
        assert other.shipped(names) == resile.deliveries.shipped(names)
        assert list(other.all_commits()) == commits


def test_exporting_again_replaces_the_files(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("incident", "declare", "one")
    terminal.run("export", str(tmp_path / "out"))
    terminal.run("incident", "declare", "two")

    terminal.run("export", str(tmp_path / "out"))

    assert len((tmp_path / "out/timelines.jsonl").read_text().splitlines()) == 2
    assert pq.read_metadata(tmp_path / "out/facts.parquet").num_rows == 2


def events_of(terminal: Terminal) -> list[Event]:
    with open_resile(load_settings(data=terminal.folder)) as resile:
        return resile.timelines.read("INC-1")


def test_what_was_withdrawn_leaves_without_its_words(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("incident", "declare", "Checkout fails")
    terminal.run("incident", "note", "INC-1", "the password is hunter2")
    note = events_of(terminal)[-1].id
    terminal.run("incident", "edit-note", "INC-1", note, "the password was hunter2")
    terminal.run("incident", "evidence", "INC-1", "Where hunter2 is", "--url", "https://example.org/hunter2")
    for event in (note, events_of(terminal)[-1].id):
        terminal.run("incident", "withdraw", "INC-1", event, "--reason", "a password in it")

    terminal.run("export", str(tmp_path / "out"))

    (line,) = (tmp_path / "out/timelines.jsonl").read_bytes().splitlines()
    assert b"hunter2" not in line
    events = [decode_event(msgspec.json.encode(one)) for one in json.loads(line)["events"]]
    assert [kind_of(one) for one in events][-5:] == ["noted", "note_edited", "evidence_added", "withdrawn", "withdrawn"]
    assert fold("INC-1", events) == fold("INC-1", events_of(terminal))


def test_a_folder_that_cannot_be_written_is_said(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert "name a folder that you may write" in terminal.refuses("export", str(tmp_path / "file/out"), code=1)


def test_facts_are_derived_anew(year: Terminal) -> None:
    total = year.json("incident", "list", "--excluded", "all")["total"] + year.json("incident", "list")["total"]

    assert year.says("facts", "rebuild").startswith("Facts of ")
    assert total > 200
