"""Values that Python's own functions refuse cost their row, never the import."""

import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resile.model.errors import ConfigError

MAPPING = "id: ref\ndetected: {column: began, format: excel}\nrestored: ended\n"


@pytest.mark.parametrize("cell", ["1e300", "inf", "99999999", "9" * 5000])
@pytest.mark.parametrize("form", ["excel", "epoch", "epoch_ms"])
def test_numbers_beyond_all_dates_cost_only_their_row(read_table, cell: str, form: str) -> None:
    table = f"ref,began\n1,45292\n2,{cell}\n3,45292\n"
    readings = read_table(table, MAPPING.replace("excel", form).replace("restored: ended\n", ""))

    taken = ["1", "3"] if (cell, form) not in {("99999999", "epoch"), ("99999999", "epoch_ms")} else ["1", "2", "3"]
    assert list(readings.drafts) == taken


def test_numbers_that_are_none_are_missing_times(read_table, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = {
        "ref": ["1", "2", "3"],
        "began": pa.array([45292.5, 45292.5, math.inf]),
        "ended": pa.array([math.nan, 45293.0, 45293.0]),
    }
    pq.write_table(pa.table(columns), path)

    readings = read_table(path, MAPPING.replace("ended", "{column: ended, format: excel}"))

    assert readings.times("1") == {"detected": "2024-01-01T12:00:00"}
    assert readings.times("2")["restored"] == "2024-01-02T00:00:00"
    assert [str(one.place) for one in readings.refused] == ["t.parquet, row 3, column 'began'"]


@pytest.mark.parametrize("depth", [300, 600, 900])
def test_lists_within_lists_cost_only_their_row(read_table, read_known, tmp_path: Path, depth: int) -> None:
    deep = "[" * depth + "1" + "]" * depth
    lines = [f'{{"id": "{n}", "began": "2024-01-01", "created_at": "2024-01-01", "name": {deep}}}' for n in range(2)]
    lines.append('{"id": "3", "began": "2024-01-01", "created_at": "2024-01-01", "name": "well"}')
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(lines))

    for readings in (
        read_table(path, "id: id\ndetected: began\ntitle: name\nlabels: [name]\nservice: name\n"),
        read_known("statuspage", path),
        read_known("pagerduty", path),
    ):
        assert "3" in readings.drafts
        assert len(readings.taken) + len(readings.refused) == 3


HUGE = 12345678901234567890123


def test_whole_numbers_of_any_length_are_read(read_known, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps([{"id": HUGE, "created_at": "2024-01-01", "urgency": HUGE}]))
    assert list(read_known("pagerduty", path).drafts) == [str(HUGE)]

    path.write_text(json.dumps([{"number": HUGE, "opened_at": "2024-01-01 08:00", "priority": HUGE}]))
    assert list(read_known("servicenow", path).drafts) == [str(HUGE)]


def test_a_count_of_thousands_of_figures_is_no_count(read_known, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"number,opened_at,reopen_count,sys_mod_count\nINC1,2024-01-01 08:00,{'9' * 5000},{'9' * 5000}\n")

    assert list(read_known("servicenow", path).drafts) == ["INC1"]


@pytest.mark.parametrize("after", ["1e300", "1e15", "99999999999999999999"])
def test_an_acknowledgement_after_the_end_of_time_costs_its_alert_only(read_known, tmp_path: Path, after: str) -> None:
    path = tmp_path / "t.jsonl"
    odd = f'{{"id": "1", "createdAt": "2024-01-01T00:00:00Z", "report": {{"ackTime": {after}}}}}\n'
    path.write_text(odd + '{"id": "2", "createdAt": "2024-01-01T00:00:00Z"}\n')

    readings = read_known("opsgenie", path)

    assert list(readings.drafts) == ["2"]
    assert "ackTime" in str(readings.refused[0].place)


@pytest.mark.parametrize("encoding", ["base64", "rot13", "hex", "undefined", "klingon"])
def test_what_is_no_encoding_of_texts_is_named(read_table, encoding: str) -> None:
    with pytest.raises(ConfigError, match=f"encoding '{encoding}' is unknown"):
        read_table("began\n2024-01-01\n", f"detected: began\nencoding: {encoding}\n")


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("nanoseconds", pa.array([1, 2], pa.duration("ns"))),
        ("times of day", pa.array([1, 2], pa.time64("ns"))),
        ("years", pa.array([10**15, 0], pa.timestamp("s"))),
        ("years as dates", pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32())),
        ("instants in lists", pa.array([[1], [2]], pa.list_(pa.timestamp("ns")))),
    ],
)
def test_parquet_values_that_python_has_no_type_for_cost_only_their_row(
    read_table, tmp_path: Path, kind: str, column: pa.Array
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"ref": ["1", "2"], "began": ["2024-01-01", "2024-01-02"], "odd": column}), path)

    readings = read_table(path, "id: ref\ndetected: began\nlabels: [odd]\n")

    assert list(readings.drafts) == ["1", "2"]
    readings = read_table(path, "id: ref\ndetected: odd\n")
    assert len(readings.taken) + len(readings.refused) == 2


def test_parquet_structs_of_any_depth_have_dotted_names(read_table, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"ref": ["1"], "a": [{"b": {"c": {"began": "2024-01-01"}}}]}), path)

    assert read_table(path, "id: ref\ndetected: a.b.c.began\n").only().ref == "1"
