import json
import time
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resile.model.errors import ConfigError
from resile.sources.json_records import CHUNK_BYTES, MAX_OBJECT_BYTES, json_records

MAPPING = "id: ref\ndetected: began\nrestored: ended\nservice: parts\n"
ONE = {"ref": "1", "began": "2024-01-01T08:00:00Z", "ended": None, "parts": ["db", "web"]}
TWO = {"ref": 2, "began": "2024-01-02T08:00:00Z", "ended": "2024-01-02T09:00:00Z", "parts": "db"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("t.json", json.dumps([ONE, TWO])),
        ("t.json", json.dumps({"page": 1, "incidents": [ONE, TWO], "total": 2}, indent=2)),
        ("t.json", json.dumps(ONE) + "\n" + json.dumps(TWO) + "\n"),
        ("t.json", json.dumps([ONE]) + json.dumps([TWO])),
        ("t.jsonl", json.dumps(ONE) + "\n\n" + json.dumps(TWO)),
        ("t.ndjson", "\ufeff" + json.dumps(ONE) + "\r\n" + json.dumps(TWO) + "\r\n"),
    ],
)
def test_json_in_every_usual_shape_is_read(read_table, file: str, text: str) -> None:
    readings = read_table(text, MAPPING, file=file)

    assert readings.refused == []
    assert [draft.services for draft in readings.drafts.values()] == [("db", "web"), ("db",)]
    assert readings.times("2") == {"detected": "2024-01-02T08:00:00", "restored": "2024-01-02T09:00:00"}


def test_fields_within_objects_have_dotted_names(read_table) -> None:
    table = json.dumps([{"ref": "1", "times": {"began": "2024-01-01"}, "who": {"team": {"name": "core"}}}])

    draft = read_table(table, "id: ref\ndetected: times.began\nteam: who.team.name\n", file="t.json").only()

    assert draft.team == "core"


def test_a_line_that_is_no_json_costs_only_itself(read_table) -> None:
    text = "\n".join([json.dumps(ONE), "{broken", "[1]", json.dumps(TWO)])

    readings = read_table(text, MAPPING, file="t.jsonl")

    assert list(readings.drafts) == ["1", "2"]
    assert [one.place.row for one in readings.refused] == [2, 3]
    assert readings.refused[0].reason.startswith("it is not JSON: ")


def test_a_column_that_comes_late_in_a_json_file_is_found(read_table) -> None:
    lines = [json.dumps({"ref": n, "began": "2024-01-01"}) for n in range(1500)]
    lines.append(json.dumps({"ref": "last", "began": "2024-01-01", "ended": "2024-01-02"}))

    readings = read_table("\n".join(lines), "id: ref\ndetected: began\nrestored: ended\n", file="t.jsonl")

    assert readings.times("last")["restored"] == "2024-01-02T00:00:00"
    with pytest.raises(ConfigError, match="did you mean 'ended'"):
        read_table("\n".join(lines), "id: ref\ndetected: began\nrestored: endet\n", file="t.jsonl")


def test_a_document_that_ends_in_the_middle_keeps_what_came_before(read_table) -> None:
    readings = read_table(json.dumps([ONE, TWO])[:-20], MAPPING, file="t.json")

    assert list(readings.drafts) == ["1"]
    assert "the document ends in the middle, after object 1" in readings.refused[0].reason


def test_a_document_with_a_key_that_ends_in_the_middle_keeps_what_came_before(read_table) -> None:
    readings = read_table(json.dumps({"incidents": [ONE, TWO]})[:-20], MAPPING, file="t.json")

    assert list(readings.drafts) == ["1"]
    assert "the document ends in the middle, after object 1" in readings.refused[0].reason


def test_several_arrays_and_none_at_all_are_told(read_table) -> None:
    both = json.dumps({"incidents": [ONE], "services": [{"ref": "db"}]})
    with pytest.raises(ConfigError, match=r"holds several arrays \(incidents, services\); say `records: incidents`"):
        read_table(both, MAPPING, file="t.json")
    assert list(read_table(both, MAPPING + "records: incidents\n", file="t.json").drafts) == ["1"]
    with pytest.raises(ConfigError, match="holds no array of objects"):
        read_table('{"a": 1}', MAPPING, file="t.json")
    with pytest.raises(ConfigError, match="empty"):
        read_table("  ", MAPPING, file="t.json")


@pytest.mark.parametrize("size", range(CHUNK_BYTES - 40, CHUNK_BYTES + 3))
def test_objects_are_cut_alike_wherever_the_chunks_end(tmp_path: Path, size: int) -> None:
    odd = {"k": 'a "quoted\\" {[ word \\', "n": [{"x": "]}"}], "é": "ü"}
    text = json.dumps([{"pad": "x" * size}, odd, ONE], ensure_ascii=False)
    path = tmp_path / "t.json"
    path.write_text(text, encoding="utf-8")

    found = [record.value for record in json_records(lambda: path.open("rb"), "t.json", ".json")]

    assert found[1:] == [odd, ONE]


def test_an_object_that_is_too_long_costs_only_itself(read_table) -> None:
    huge = {"ref": "huge", "began": "2024-01-01", "words": "x" * (MAX_OBJECT_BYTES + 10)}
    for file, text in (
        ("t.json", json.dumps([ONE, huge, TWO])),
        ("t.jsonl", "\n".join(map(json.dumps, (ONE, huge, TWO)))),
    ):
        readings = read_table(text, MAPPING, file=file)

        assert list(readings.drafts) == ["1", "2"]
        assert "it is longer than 4194304 bytes" in readings.refused[0].reason


def written(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_times_of_any_type_are_read(read_table, tmp_path: Path) -> None:
    at = datetime(2024, 1, 1, 8, tzinfo=UTC)
    path = written(
        tmp_path / "t.parquet",
        ref=pa.array([1, 2]),
        naive=pa.array([at.replace(tzinfo=None)] * 2, pa.timestamp("ns")),
        aware=pa.array([at] * 2, pa.timestamp("us", "America/Denver")),
        text=pa.array(["2024-01-01 08:00", "soon"]),
        seconds=pa.array([int(at.timestamp()), None]),
        day=pa.array([at.date()] * 2),
        word=pa.array(["a", "b"]).dictionary_encode(),
        inner=pa.array([{"team": "core"}] * 2),
    )
    mapping = (
        "id: ref\nimpact_began: day\ndetected: naive\nacknowledged: aware\nidentified: text\n"
        "restored: {column: seconds, format: epoch}\nlabels: [word]\nteam: inner.team\n"
    )

    readings = read_table(path, mapping)

    assert readings.times("1") == {
        "impact_began": "2024-01-01T00:00:00",
        **dict.fromkeys(["detected", "acknowledged", "identified", "restored"], "2024-01-01T08:00:00"),
    }
    assert (readings.only().team, readings.only().labels) == ("core", {"word": "a"})
    assert str(readings.refused[0].place) == "t.parquet, row 2, column 'text'"


def test_a_parquet_file_with_other_types_says_so_row_by_row(read_table, tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.parquet",
        ref=["1", "2"],
        began=pa.array([1.5, None]),
        ended=pa.array([True, False]),
        parts=["a", "b"],
    )

    readings = read_table(path, MAPPING)

    assert [(str(one.place), one.reason) for one in readings.refused] == [
        ("t.parquet, row 1, column 'began'", "'1.5' is a bare number; give its format: epoch, epoch_ms or excel"),
        ("t.parquet, row 2, column 'ended'", "'False' is of type bool, no time; correct it"),
    ]


def test_a_truncated_parquet_file_says_so(read_table, tmp_path: Path) -> None:
    path = written(tmp_path / "t.parquet", ref=["1"], began=["2024-01-01"], ended=["?"], parts=["a"])

    with pytest.raises(ConfigError, match=r"t.parquet is no whole Parquet file"):
        read_table(path.read_bytes()[:-30], MAPPING, file="t.parquet")


def book(path: Path, rows: list[list[object]], *, merged: str | None = None, second: bool = False) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Incidents"
    for row in rows:
        sheet.append(row)
    if merged:
        sheet.merge_cells(merged)
    if second:
        book.create_sheet("Notes").append(["x"])
    book.save(path)
    return path


HEADER: list[object] = ["ref", "began", "ended", "parts"]
ROW: list[object] = [1, datetime(2024, 1, 1, 8), "2024-01-01 09:00", "db"]  # noqa: DTZ001


def test_excel_dates_and_text_are_read(read_table, tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", [[], HEADER, ROW, [], [2, 45292.5, "?", "db"], [3, "soon", None, None]])

    readings = read_table(path, MAPPING.replace("detected: began", "detected: {column: began, format: excel}"))

    assert readings.times("1") == {"detected": "2024-01-01T08:00:00", "restored": "2024-01-01T09:00:00"}
    assert readings.times("2") == {"detected": "2024-01-01T12:00:00"}
    assert [str(one.place) for one in readings.refused] == ["t.xlsx/Incidents, row 6, column 'began'"]


def test_merged_cells_in_the_header_are_named(read_table, tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", [["ref", "times", None, "parts"], ROW], merged="B1:C1")

    with pytest.raises(ConfigError, match=r"t.xlsx/Incidents, row 1: the cells B1:C1 of the header are merged"):
        read_table(path, MAPPING)


def test_several_sheets_need_one_to_be_named(read_table, tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", [HEADER, ROW], second=True)

    with pytest.raises(ConfigError, match=r"has several sheets \(Incidents, Notes\); say `sheet: Incidents`"):
        read_table(path, MAPPING)
    assert list(read_table(path, MAPPING + "sheet: Incidents\n").drafts) == ["1"]
    with pytest.raises(ConfigError, match="has no sheet 'Other'"):
        read_table(path, MAPPING + "sheet: Other\n")


def test_a_broken_excel_file_says_so(read_table, tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", [HEADER, ROW])

    with pytest.raises(ConfigError, match=r"t.xlsx is no whole Excel file"):
        read_table(path.read_bytes()[:300], MAPPING, file="t.xlsx")


def test_cells_outside_of_the_header_are_refused(read_table, tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", [HEADER, [*ROW, "stray"], [2, *ROW[1:]]])

    readings = read_table(path, MAPPING)

    assert list(readings.drafts) == ["2"]
    assert readings.refused[0].reason.startswith("'stray' stands outside of the header's columns")


@pytest.mark.parametrize("file", ["t.jsonl", "t.json"])
def test_an_object_that_is_nested_without_end_costs_only_itself(read_table, file: str) -> None:
    deep = '{"ref":' + '{"a":' * 50_000 + "1" + "}" * 50_001
    text = "\n".join([json.dumps(ONE), deep, json.dumps(TWO)])

    readings = read_table(text if file == "t.jsonl" else f"[{text.replace(chr(10), ',')}]", MAPPING, file=file)

    assert len(readings.taken) == 2
    assert "nested too deeply" in readings.refused[0].reason


def test_brackets_that_open_without_end_take_no_more_time_than_others(read_table) -> None:
    flat = f"[{json.dumps(ONE)}," + "[]," * 300_000
    deep = f"[{json.dumps(ONE)}," + "[" * 600_000

    began_s = time.process_time()
    read_table(flat, MAPPING, file="t.json")
    flat_s = time.process_time() - began_s
    readings = read_table(deep, MAPPING, file="t.json")
    deep_s = time.process_time() - began_s - flat_s

    assert "ends in the middle" in readings.refused[0].reason
    # As many brackets in both; work that grows with the square of the depth is slower by a factor of hundreds.
    assert deep_s < 10 * flat_s


@pytest.mark.parametrize("between", ["5", '"a word"', "[1]", "null, 7", "oops"])
def test_what_is_no_object_among_objects_is_told(read_table, between: str) -> None:
    text = f'{{"incidents": [{json.dumps(ONE)}, {between}, {json.dumps(TWO)}], "page": 1}}'

    readings = read_table(text, MAPPING, file="t.json")

    assert list(readings.drafts) == ["1", "2"]
    assert [one.reason for one in readings.refused] == [
        "among its objects stands what is none; it is passed over, export it as an array of objects"
    ]


def test_a_page_saved_in_place_of_json_is_one_sentence(read_table) -> None:
    with pytest.raises(ConfigError, match=r"^t.json, row 1: is no JSON, it begins with '<html>"):
        read_table("<html>[Log in]</html>", MAPPING, file="t.json")


def test_an_array_is_read_whatever_its_file_is_called(read_table) -> None:
    readings = read_table(json.dumps([ONE, TWO], indent=1), MAPPING, file="t.jsonl")

    assert list(readings.drafts) == ["1", "2"]
