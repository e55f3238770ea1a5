from pathlib import Path

import openpyxl
import pytest
import yaml

from resile.model.errors import ConfigError
from resile.sources.table.guess import guessed_mapping
from resile.sources.table.mapping import parse_mapping


def guess(tmp_path: Path, text: str | bytes, *, timezone: str | None = None, file: str = "t.csv") -> tuple[dict, str]:
    path = tmp_path / file
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    proposed = guessed_mapping(path, timezone=timezone)
    said = yaml.safe_load(proposed)
    parse_mapping(said, shown="proposed")
    return said, proposed


def table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


def test_a_usual_table_is_understood_wholly(tmp_path: Path) -> None:
    header = "Incident Number,Summary,Opened At,Acknowledged,Resolved,Component,Owner,Priority,Type,Cause"
    rows = [
        f"INC-{n},Disk {n} full,2024-01-{n:02d} 08:00,2024-01-{n:02d} 08:05,2024-01-{n:02d} 10:00,"
        f"{['db', 'web'][n % 2]},core,{n % 3 + 1} - High,{['maintenance', 'failure'][n % 4 > 0]},"
        f"{['disk', 'net'][n % 2]}"
        for n in range(1, 29)
    ]
    said, text = guess(
        tmp_path,
        table(header, *rows),
    )

    assert (said["id"], said["title"], said["service"], said["team"]) == (
        "Incident Number",
        "Summary",
        "Component",
        "Owner",
    )
    assert said["detected"] == {"column": "Opened At", "format": "iso"}
    assert said["acknowledged"] == {"column": "Acknowledged", "format": "iso"}
    assert said["restored"] == {"column": "Resolved", "format": "iso"}
    assert said["severity"]["values"] == {"1 - High": "SEV1", "2 - High": "SEV2", "3 - High": "SEV3"}
    assert said["planned"] == {"column": "Type", "equals": ["maintenance"]}
    assert "Cause" in said["labels"]
    assert said["timezone"] == "UTC"
    assert all("  # " in line for line in text.splitlines()[1:] if not line.startswith("#"))


@pytest.mark.parametrize(
    ("first", "second", "expected", "why"),
    [
        ("13/02/2024 08:00", "01/02/2024 08:00", "%d/%m/%Y %H:%M", "above 12 in first place"),
        ("02/13/2024 08:00", "02/01/2024 08:00", "%m/%d/%Y %H:%M", "above 12 in second place"),
        ("02-13-24 8:00 PM", "02-01-24 8:00 AM", "%m-%d-%y %I:%M %p", "above 12 in second place"),
        ("13.02.2024", "01.02.2024", "%d.%m.%Y", "above 12 in first place"),
    ],
)
def test_day_or_month_first_is_concluded_from_the_cells(
    tmp_path: Path, first: str, second: str, expected: str, why: str
) -> None:
    said, text = guess(tmp_path, table("id,started,ended", f"1,{first},{second}", f"2,{second},{first}"))

    assert said["detected"]["format"] == said["restored"]["format"] == expected
    assert why in text


def test_day_or_month_first_is_concluded_from_starts_and_ends(tmp_path: Path) -> None:
    rows = [f"{n},0{n}/12/2024 23:00,0{n + 1}/12/2024 02:00" for n in range(1, 8)]
    by_day, text = guess(tmp_path, table("id,started,ended", *rows))
    rows = [f"{n},12/0{n}/2024 23:00,12/0{n + 1}/2024 02:00" for n in range(1, 8)]
    by_month, _ = guess(tmp_path, table("id,started,ended", *rows))

    assert by_day["detected"]["format"] == "%d/%m/%Y %H:%M"
    assert by_month["detected"]["format"] == "%m/%d/%Y %H:%M"
    assert "so the day comes first" in text


def test_what_nothing_tells_is_said_to_be_looked_at(tmp_path: Path) -> None:
    said, text = guess(tmp_path, table("id,started", "1,01/02/2024 08:00", "2,03/04/2024 08:00"))

    assert said["detected"]["format"] == "%d/%m/%Y %H:%M"
    assert "nothing in this column tells day from month: LOOK AT THIS" in text


def test_the_columns_name_may_tell_day_from_month(tmp_path: Path) -> None:
    said, _ = guess(
        tmp_path,
        table("id,Prob Started (mm/dd/yy hh:mm),Prob Fixed (mm/dd/yy hh:mm)", "1,01/02/24 08:00,01/02/24 09:00"),
    )

    assert said["detected"] == {"column": "Prob Started (mm/dd/yy hh:mm)", "format": "%m/%d/%y %H:%M"}
    assert said["restored"] == {"column": "Prob Fixed (mm/dd/yy hh:mm)", "format": "%m/%d/%y %H:%M"}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1704096000", "1704099600"], "epoch"),
        (["1704096000000", "1704099600000"], "epoch_ms"),
        (["45292.5", "45293"], "excel"),
    ],
)
def test_numbers_that_are_times_are_found(tmp_path: Path, cells: list[str], expected: str) -> None:
    said, _ = guess(tmp_path, table("key,start,end", f"a,{cells[0]},{cells[1]}", f"b,{cells[0]},{cells[1]}"))

    assert said["detected"] == {"column": "start", "format": expected}


def test_offsets_make_a_zone_needless_and_the_option_names_one(tmp_path: Path) -> None:
    said, _ = guess(tmp_path, table("id,start", "1,2024-01-01T08:00:00Z"))
    assert "timezone" not in said

    said, _ = guess(tmp_path, table("id,start", "1,2024-01-01T08:00:00"), timezone="Europe/Berlin")
    assert said["timezone"] == "Europe/Berlin"


def test_without_telling_names_the_order_of_columns_decides(tmp_path: Path) -> None:
    said, _ = guess(tmp_path, table("a,b,c", "x,2024-01-01 08:00,2024-01-01 09:00"))

    assert (said["detected"]["column"], said["restored"]["column"]) == ("b", "c")


def test_an_id_that_comes_twice_is_not_proposed(tmp_path: Path) -> None:
    said, _ = guess(tmp_path, table("id,start", "1,2024-01-01", "1,2024-01-02"))

    assert "id" not in said


def test_a_proposed_mapping_imports_its_table(tmp_path: Path, read_table) -> None:
    text = table('ref;"what: # it";Störung von;bis', "1;a;2024-01-01 08:00;2024-01-01 09:00", "2;b;2024-01-02;?")
    (tmp_path / "t.csv").write_bytes(text.encode("cp1252"))

    readings = read_table(tmp_path / "t.csv", guessed_mapping(tmp_path / "t.csv"))

    assert list(readings.drafts) == ["1", "2"]
    assert readings.refused == []


def test_the_first_sheet_is_proposed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title in ("First", "Second"):
        sheet = book.create_sheet(title)
        sheet.append(["id", "started"])
        sheet.append([1, "2024-01-01"])
    book.save(tmp_path / "t.xlsx")

    assert yaml.safe_load(guessed_mapping(tmp_path / "t.xlsx"))["sheet"] == "First"


def test_a_table_without_times_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no column looks like times"):
        guess(tmp_path, table("a,b", "1,2"))


def test_a_proposal_of_long_lines_only_is_made(tmp_path: Path) -> None:
    name = f"started {'very ' * 20}late"
    (tmp_path / "t.csv").write_text(f"{name}\n2024-01-01T08:00:00Z\n")

    assert name in guessed_mapping(tmp_path / "t.csv")
