"""Small files that ask for terabytes cost themselves, never the program that reads them."""

import lzma
import resource
import zipfile
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resile.model.errors import ConfigError
from resile.sources import opening

MAPPING = "id: ref\ndetected: began\n"
HEADER = ["ref", "began", "words"]
ODS = (
    '<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
    '<table:table table:name="S"><table:table-row table:number-rows-repeated="1048576"><table:table-cell '
    'table:number-columns-repeated="16384" office:value-type="string"><text:p>ref</text:p></table:table-cell>'
    "</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
)


@pytest.fixture(autouse=True)
def _memory_of_this_process_stays() -> Iterator[None]:
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 400_000


def book(path: Path, rows: list[list[object]], far: str | None = None) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if far is not None:
        book.active[far] = "far away"
    book.save(path)
    return path


def test_a_cell_in_the_last_corner_of_a_sheet_does_not_fill_the_memory(read_table, tmp_path: Path) -> None:
    """Every cell up to it would be held: 17 thousand million."""
    path = book(tmp_path / "t.xlsx", [HEADER, ["1", "2024-01-01", "x"]], far="XFD1048576")

    with pytest.raises(ConfigError, match=r"t.xlsx takes more than 2 GiB of memory to unpack.*save it as CSV"):
        read_table(path, MAPPING)


def test_cells_that_are_repeated_without_end_do_not_fill_the_memory(read_table, tmp_path: Path) -> None:
    path = tmp_path / "t.ods"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", ODS)

    with pytest.raises(ConfigError, match=r"t\.ods"):
        read_table(path, MAPPING)


def test_a_damaged_sheet_is_one_sentence(read_table, tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", [HEADER, ["1", "2024-01-01", "x"]])
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "d.xlsx", "w", zipfile.ZIP_DEFLATED) as damaged:
        for member in whole.infolist():
            body = whole.read(member)
            damaged.writestr(member, body[: len(body) // 2] if "sheet1" in member.filename else body)

    with pytest.raises(ConfigError, match=r"^d\.xlsx is no whole Excel file") as caught:
        read_table(tmp_path / "d.xlsx", MAPPING)
    assert "\n" not in str(caught.value)


def test_a_row_of_many_megabytes_costs_only_itself(read_table, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    words = ["x", "y" * (8 << 20), "z"]
    pq.write_table(pa.table({"ref": ["1", "2", "3"], "began": ["2024-01-01"] * 3, "words": words}), path)

    readings = read_table(path, MAPPING + "title: words\n")

    assert list(readings.drafts) == ["1", "3"]
    assert str(readings.refused[0].place) == "t.parquet, row 2"
    assert "with column 'words' the row holds more than 4194304 bytes" in readings.refused[0].reason
    assert len(readings.refused[0].cells["words"]) < 300


def test_a_cell_that_is_repeated_without_end_does_not_fill_the_memory(read_table, tmp_path: Path) -> None:
    """Eight gigabytes of one value, kept once in the file."""
    path = tmp_path / "t.parquet"
    n = 4_000
    words = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int8()), pa.array(["x" * (2 << 20)]))
    table = pa.table({"ref": [str(at) for at in range(n)], "began": ["2024-01-01"] * n, "words": words})
    pq.write_table(table, path, dictionary_pagesize_limit=16 << 20)
    assert path.stat().st_size < 1 << 20

    with pytest.raises(ConfigError, match=r"t.parquet takes more than 2 GiB of memory to unpack; save it as CSV"):
        read_table(path, MAPPING + "title: words\n")


def test_rows_that_cannot_be_in_so_few_bytes_are_not_believed(read_table, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    nothing = pa.nulls(3_000_000, pa.int8())
    pq.write_table(pa.table({"ref": nothing, "began": nothing}), path)

    with pytest.raises(ConfigError, match=r"t.parquet says that it holds 3,000,000 rows in [\d,]+ bytes, as no table"):
        read_table(path, MAPPING)


def test_the_members_of_an_archive_share_one_bound(read_table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "FREE_BYTES", 4 << 20)
    path = tmp_path / "t.zip"
    rows = "ref,began,words\n" + f"1,2024-01-01,{' ' * 100_000}\n" * 20
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for at in range(8):
            archive.writestr(f"{at}.csv", rows)

    readings = read_table(path, MAPPING)

    told = [str(one.place.file) for one in readings.refused if "unpacks to more than 250 times" in one.reason]
    assert told == [f"t.zip/{at}.csv" for at in range(2, 8)]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_of_packing_that_unpack_without_bound_are_refused(read_table, tmp_path: Path, method: int) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("t.csv", "ref,began\n1,2024-01-01\n")

    [refused] = read_table(path, MAPPING).refused

    assert refused.reason == "it is packed in a way that is not read; pack it as zip usually does (deflate)"


def test_a_packed_sheet_that_grows_without_end_is_read_no_further(
    read_table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "FREE_BYTES", 1 << 20)
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.xlsx", bytes(4 << 20))

    [refused] = read_table(path, MAPPING).refused

    assert "unpacks to more than 250 times" in refused.reason


def test_damage_of_any_packing_is_told(read_table, tmp_path: Path) -> None:
    """Rows before it are kept."""
    path = tmp_path / "t.csv.gz"
    path.write_bytes(lzma.compress(b"ref,began\n1,2024-01-01\n"))

    [refused] = read_table(path, MAPPING).refused

    assert "the file ends in the middle or is damaged; nothing of it could be read" in refused.reason
