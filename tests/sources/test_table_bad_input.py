import gzip
import io
import zipfile
from pathlib import Path

import psutil
import pytest

from resile.app.refused_rows import RefusedRows
from resile.model.errors import ConfigError
from resile.ports.source import Place, Refused
from resile.sources.csv_records import MAX_RECORD_CHARS, CsvRecords

MAPPING = "id: ref\ntitle: what\ndetected: began\nrestored: ended\n"
HEADER = "ref,what,began,ended\n"
FULL = Path("/dev/full")
GOOD = "{n},x,2024-01-01 08:00,2024-01-01 09:00\n"


def rows(*numbers: int) -> str:
    return "".join(GOOD.format(n=n) for n in numbers)


def refs(readings) -> list[str]:
    return [one.draft.ref for one in readings.taken]


def test_too_few_and_too_many_cells_cost_only_their_rows(read_table) -> None:
    table = HEADER + rows(1) + "2,x,2024-01-01\n" + "3,x,y,2024-01-01,2024-01-02\n" + "4,x,2024-01-01,,,\n" + rows(5)

    readings = read_table(table, MAPPING)

    assert refs(readings) == ["1", "4", "5"]
    assert [(str(one.place), one.reason.partition(":")[0]) for one in readings.refused] == [
        ("table.csv, row 3", "too few cells"),
        ("table.csv, row 4", "too many cells"),
    ]
    assert readings.refused[1].cells["ended"] == "2024-01-01 | 2024-01-02"


def test_ids_met_twice_are_refused_unless_they_say_the_same(read_table) -> None:
    readings = read_table(HEADER + rows(1, 1) + "1,other words,2024-01-01,\n", MAPPING)

    assert refs(readings) == ["1"]
    assert [one.reason for one in readings.skipped] == ["the same incident again, word for word"]
    assert readings.refused[0].reason.startswith("id '1' was taken by table.csv, row 2 and says something else here")


def test_rows_without_an_id_get_one_that_stays(read_table) -> None:
    mapping = "title: what\ndetected: began\nrestored: ended\n"
    first = read_table(HEADER + rows(1, 2) + "3,y,2024-01-01,\n", mapping)
    again = read_table(HEADER + "3,y,2024-01-01,\n" + rows(2, 1), mapping)

    assert len(set(refs(first))) == 3
    assert set(refs(first)) == set(refs(again))


def test_a_cell_of_many_megabytes_is_refused_within_bounded_memory(tmp_path: Path, read_table) -> None:
    path = tmp_path / "huge.csv"
    with path.open("w") as file:
        file.write(HEADER + rows(1) + "2,")
        for _ in range(40):
            file.write("x" * MAX_RECORD_CHARS)
        file.write(",2024-01-01,2024-01-02\n" + rows(3) + '4,"')
        for _ in range(40):
            file.write("line\nof, text\n" * (MAX_RECORD_CHARS // 14))
        file.write('",2024-01-01,2024-01-02\n' + rows(5))
    before = psutil.Process().memory_info().rss

    readings = read_table(path, MAPPING)

    assert refs(readings) == ["1", "3", "5"]
    assert [str(one.place) for one in readings.refused] == ["huge.csv, row 3", "huge.csv, row 5"]
    assert all("column 'what' holds more than 1048576 characters" in one.reason for one in readings.refused)
    assert all(len(cell) < 300 for one in readings.refused for cell in one.cells.values())
    assert psutil.Process().memory_info().rss - before < 24 << 20


def test_a_quote_that_is_never_closed_costs_only_its_row(read_table) -> None:
    readings = read_table(HEADER + rows(1) + '2,"x,2024-01-01,2024-01-02\n' + rows(3, 4), MAPPING)

    assert refs(readings) == ["1", "3", "4"]
    assert [(one.place.row, one.reason) for one in readings.refused] == [
        (3, "the quote opened in column 'what' is never closed; close it or double it")
    ]


def test_a_quote_that_is_never_closed_costs_only_its_row_in_a_long_file_too(read_table) -> None:
    n_rows = 3 * MAX_RECORD_CHARS // len(GOOD)
    table = HEADER + rows(1) + '2,"x,2024-01-01,2024-01-02\n' + rows(*range(3, n_rows))

    readings = read_table(table, MAPPING)

    assert refs(readings) == ["1", *map(str, range(3, n_rows))]
    assert [one.place.row for one in readings.refused] == [3]


def test_quotes_within_a_cell_stay(read_table) -> None:
    readings = read_table(HEADER + '1,"a ""quoted"", \nword",2024-01-01,\n2,5" disk,2024-01-01,\n', MAPPING)

    assert [draft.title for draft in readings.drafts.values()] == ['a "quoted", \nword', '5" disk']


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_show_themselves_are_read(read_table, encoding: str) -> None:
    readings = read_table((HEADER + "1,Störung,2024-01-01,\n").encode(encoding), MAPPING)

    assert readings.only().title == "Störung"


def test_bytes_that_are_not_utf8_cost_only_their_row_and_are_shown_as_windows_has_them(read_table) -> None:
    table = (HEADER + rows(1)).encode() + "2,Störung,2024-01-01,\n".encode("cp1252") + "3,é,2024-01-01,\n".encode()

    readings = read_table(table, MAPPING)

    assert refs(readings) == ["1", "3"]
    assert readings.refused[0].reason.startswith(
        "column 'what': byte 0xF6 is not UTF-8; save the file as UTF-8, or say"
    )
    assert readings.refused[0].cells["what"] == "Störung"
    assert read_table(table.rpartition(b"3,")[0], MAPPING + "encoding: cp1252\n").drafts["2"].title == "Störung"


def test_utf16_without_its_mark_is_named(read_table) -> None:
    with pytest.raises(
        ConfigError, match=r"table.csv, row 1: looks like UTF-16 without its mark; say `encoding: utf-16-le`"
    ):
        read_table((HEADER + rows(1)).encode("utf-16-le"), MAPPING)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(read_table, delimiter: str) -> None:
    readings = read_table((HEADER + rows(1)).replace(",", delimiter), MAPPING)

    assert refs(readings) == ["1"]


def test_an_empty_file_and_one_of_a_header_only_say_so(read_table) -> None:
    with pytest.raises(ConfigError, match=r"table.csv is empty"):
        read_table("", MAPPING)
    assert read_table(HEADER, MAPPING).remarks == ["table.csv has a header but no rows"]


def test_a_missing_file_a_folder_and_another_ending_say_so(read_table, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not there"):
        read_table(tmp_path / "no.csv", MAPPING)
    with pytest.raises(ConfigError, match="is a folder"):
        read_table(tmp_path, MAPPING)
    with pytest.raises(ConfigError, match=r"\.pdf is no kind of table"):
        read_table("x", MAPPING, file="x.pdf")


def test_gzip_and_zip_are_unpacked(read_table) -> None:
    table = (HEADER + rows(1, 2)).encode()
    assert refs(read_table(gzip.compress(table), MAPPING, file="t.csv.gz")) == ["1", "2"]

    readings = read_table(
        zipped({"a/one.csv": table, "notes.md": b"x", "two.csv": (HEADER + rows(3)).encode()}), MAPPING, file="t.zip"
    )

    assert refs(readings) == ["1", "2", "3"]
    assert str(readings.taken[0].place) == "t.zip/a/one.csv, row 2"
    assert [str(one.place) for one in readings.skipped] == ["t.zip/notes.md"]


def zipped(members: dict[str, bytes]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return body.getvalue()


@pytest.mark.parametrize("kind", ["zip", "csv.gz"])
def test_of_a_truncated_archive_the_rows_before_the_cut_are_kept(read_table, kind: str) -> None:
    table = (HEADER + rows(*range(20_000))).encode()
    packed = zipped({"t.csv": table}) if kind == "zip" else gzip.compress(table)

    readings = read_table(packed[: len(packed) // 2], MAPPING, file=f"t.{kind}")

    assert 1_000 < len(readings.taken) < 20_000
    assert refs(readings) == [str(n) for n in range(len(readings.taken))]
    assert "ends in the middle or is damaged" in readings.refused[-1].reason
    assert readings.refused[-1].place.file.startswith(f"t.{kind}")
    assert readings.refused[-1].place.row == len(readings.taken) + 2


def test_archives_within_archives_and_bombs_are_refused(read_table, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = read_table(zipped({"inner.zip": zipped({"t.csv": b"x"})}), MAPPING, file="t.zip")
    assert [str(one.place) for one in nested.refused] == ["t.zip/inner.zip"]

    monkeypatch.setattr("resile.sources.opening.FREE_BYTES", 1 << 20)
    bomb = zipped({"t.csv": (HEADER + rows(1)).encode() + b"x" * (32 << 20)})

    readings = read_table(bomb, MAPPING, file="t.zip")

    assert refs(readings) == ["1"]
    assert readings.refused[0].reason.startswith("the file unpacks to more than 250 times its size")


def test_what_is_no_archive_says_so(read_table) -> None:
    with pytest.raises(ConfigError, match="is no zip archive, or is damaged"):
        read_table(b"not a zip", MAPPING, file="t.zip")
    readings = read_table(b"not a gzip", MAPPING, file="t.csv.gz")
    assert "nothing of it could be read" in readings.refused[0].reason


def test_refused_rows_can_be_mended_and_imported_again(read_table, tmp_path: Path) -> None:
    table = (HEADER.replace(",", ";") + rows(1).replace(",", ";") + "2;Störung;01/01/2024;\n").encode("cp1252")
    mapping = MAPPING + "encoding: cp1252\ndelimiter: ';'\n"
    refused = read_table(table, mapping).refused
    with RefusedRows(tmp_path / "r.csv") as written:
        for one in refused:
            written.write(one)

    mended = (tmp_path / "r.csv").read_text(encoding="utf-8-sig").replace("01/01/2024", "2024-01-01", 1)
    readings = read_table(mended.encode("utf-8-sig"), mapping, file="r.csv")

    assert "resile_error" in mended.splitlines()[0]
    assert (readings.only().ref, readings.only().title, readings.refused) == ("2", "Störung", [])


def test_refused_rows_that_find_the_disk_full_are_told_of_in_one_sentence() -> None:
    refused = Refused(Place("t.csv", 2), "no time", {"began": "x"})

    with pytest.raises(ConfigError, match="refused rows cannot be written to /dev/full"), RefusedRows(FULL) as written:
        written.write(refused)


def test_an_end_before_its_start_is_taken_as_told(read_table) -> None:
    readings = read_table(HEADER + "1,x,2024-01-02,2024-01-01\n", MAPPING)

    assert readings.times("1") == {"detected": "2024-01-02T00:00:00", "restored": "2024-01-01T00:00:00"}


def test_rows_without_any_time_are_refused(read_table) -> None:
    readings = read_table(HEADER + "1,x,?,NULL\n", MAPPING)

    assert readings.refused[0].reason == "no time in any of began, ended; fill one in"


def test_a_second_column_of_the_same_name_gets_a_number(read_table) -> None:
    readings = read_table("ref,cat,cat,began\n1,a,b,2024-01-01\n", "id: ref\ndetected: began\nlabels: [cat, cat_2]\n")

    assert readings.only().labels == {"cat": "a", "cat_2": "b"}


def test_records_are_numbered_by_their_first_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b'a,b\r\n1,"x\r\ny"\r\n\r\n2,z\r\n')

    assert [(one.line, one.cells) for one in CsvRecords(lambda: path.open("rb"), "x.csv")] == [
        (1, ["a", "b"]),
        (2, ["1", "x\r\ny"]),
        (5, ["2", "z"]),
    ]


def test_ids_met_twice_far_apart_and_in_two_files_of_an_archive_are_found(read_table) -> None:
    first = (HEADER + rows(*range(2_500)) + "7,other words,2024-01-01,\n").encode()
    second = (HEADER + rows(9_999, 3) + "5,other words,2024-01-01,\n").encode()

    readings = read_table(zipped({"one.csv": first, "two.csv": second}), MAPPING, file="t.zip")

    assert len(readings.taken) == 2_501
    assert [str(one.place) for one in readings.skipped] == ["t.zip/two.csv, row 3"]
    assert [one.reason.partition(" and ")[0] for one in readings.refused] == [
        "id '7' was taken by t.zip/one.csv, row 9",
        "id '5' was taken by t.zip/one.csv, row 7",
    ]
