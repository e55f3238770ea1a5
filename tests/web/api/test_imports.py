"""A history handed in through the API is taken in as from the terminal."""

from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from .visitor import Visitor

ROWS = b"""ref,summary,started,fixed,system,priority
1,Search is slow,2024-03-01 10:00,2024-03-01 10:30,search,1
2,Checkout fails,2024-03-02 10:00,2024-03-02 11:00,checkout,2
3,Ends before it starts,2024-03-03 10:00,yesterday,checkout,2
"""
MAPPING = b"""
id: ref
title: summary
detected: {column: started, format: "%Y-%m-%d %H:%M"}
restored: {column: fixed, format: "%Y-%m-%d %H:%M"}
service: system
severity: {column: priority, values: {"1": SEV1, "2": SEV2}}
"""


def hand_in(visitor: Visitor, *, rows: bytes = ROWS, called: str = "failures.csv", **fields: Any) -> Response:
    files = {"file": (called, rows), "mapping": ("failures.yaml", MAPPING)}
    return visitor.client.post("/api/v1/imports", data={"kind": "table", **fields}, files=files)


def test_good_rows_are_kept_and_bad_ones_listed_with_their_reason(visitor: Visitor) -> None:
    visitor.set_up()
    program = visitor.program("read", "write")

    answer = hand_in(program, called="../../failures.csv").json()

    assert (answer["n_incidents"], answer["summary"]["n_refused"]) == (2, 1)
    [refused] = answer["refused_rows"]
    assert (refused["row"], refused["column"]) == (4, "fixed")
    assert "yesterday" in refused["reason"]
    listed = program.get("/api/v1/incidents?sort=started&order=asc").json()["rows"]
    assert [row["title"] for row in listed] == ["Search is slow", "Checkout fails"]
    assert [row["duration_s"] for row in listed] == [1800.0, 3600.0]


def test_the_same_file_again_changes_nothing(visitor: Visitor) -> None:
    hand_in(visitor)

    summary = hand_in(visitor).json()["summary"]

    assert (summary["n_new"], summary["n_updated"], summary["n_unchanged"]) == (0, 0, 2)


def test_a_dry_run_stores_nothing(visitor: Visitor) -> None:
    assert hand_in(visitor, dry_run="true").json()["summary"]["n_new"] == 2
    assert visitor.get("/api/v1/incidents").json()["total"] == 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "tabel"}, "did you mean table?"),
        ({"name": "a:b"}, "without a colon"),
        ({"timezone": "Mars/Base"}, "Mars/Base"),
        ({"rows": b""}, "empty"),
        ({"rows": b"a,b\n1,2\n"}, "ref"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(visitor: Visitor, fields: dict[str, Any], says: str) -> None:
    answer = hand_in(visitor, **fields)

    assert answer.status_code == 400
    assert says in answer.json()["detail"]


def test_nothing_of_an_upload_stays_behind(
    visitor: Visitor, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Path = tmp_path_factory.mktemp("uploads")
    monkeypatch.setattr("tempfile.tempdir", str(folder))

    hand_in(visitor)
    hand_in(visitor, rows=b"")

    assert list(folder.iterdir()) == []


def test_who_may_only_read_hands_nothing_in(visitor: Visitor) -> None:
    visitor.set_up()

    assert hand_in(visitor.program("read")).status_code == 403
    assert hand_in(visitor).status_code == 403
