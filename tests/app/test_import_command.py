import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resile.cli.main import app

TABLE = "ref,began,ended,sev\n1,2024-01-01 08:00,2024-01-01 09:00,P1\n2,01/02/2024,,P1\n3,2024-01-03 08:00,,odd\n"
REFUSED = (
    "t.csv, row 3, column 'began': refused: '01/02/2024' may be day or month first; give its format, "
    "such as '%d/%m/%Y %H:%M', or correct it"
)
MAPPING = "id: ref\ndetected: began\nrestored: ended\nseverity: sev\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("RESILE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RESILE_DATA", str(tmp_path / "data"))
    (tmp_path / "t.csv").write_text(TABLE)
    (tmp_path / "t.yaml").write_text(MAPPING)
    return tmp_path


def run(*words: str):
    return CliRunner().invoke(app, ["import", *words])


def test_the_summary_tells_what_was_taken_and_where_the_refused_rows_are(folder: Path) -> None:
    result = run("table", "t.csv", "--mapping", "t.yaml")

    assert result.exit_code == 1
    assert "2  incidents read" in result.output
    assert "'01/02/2024' may be day or month first" in result.output
    assert "t.csv, row 3, column 'began'" in result.output
    assert "The refused rows are in t.csv.refused.csv" in result.output
    assert (folder / "t.csv.refused.csv").read_text(encoding="utf-8-sig").splitlines()[
        0
    ] == "ref,began,ended,sev,resile_error"


def test_mended_rows_are_imported_to_the_same_history(folder: Path) -> None:
    run("table", "t.csv", "--mapping", "t.yaml")
    refused = folder / "t.csv.refused.csv"
    refused.write_text(refused.read_text(encoding="utf-8-sig").replace("2,01/02/2024", "2,2024-02-01"))

    mended = run("table", str(refused), "--mapping", "t.yaml", "--json")

    assert mended.exit_code == 0
    assert json.loads(mended.stdout)["n_new"] == 1


def test_json_is_one_object_and_explain_goes_beside_it(folder: Path) -> None:
    result = run("table", "t.csv", "--mapping", "t.yaml", "--json", "--explain", "--refused", "r.csv")

    summary = json.loads(result.stdout)
    assert (summary["n_new"], summary["n_refused"], summary["n_incidents"], summary["refused_file"]) == (
        2,
        1,
        2,
        ["r.csv"],
    )
    assert result.stderr.splitlines() == [
        "t.csv, row 2: new t:1",
        REFUSED,
        "t.csv, row 4: new t:3: severity 'odd' is unknown, so it has none; map it under severity: values",
    ]


def test_a_dry_run_leaves_no_trace_of_incidents_or_refused_rows(folder: Path) -> None:
    assert run("table", "t.csv", "--mapping", "t.yaml", "--dry-run").exit_code == 1

    assert not (folder / "t.csv.refused.csv").exists()
    assert json.loads(run("table", "t.csv", "--mapping", "t.yaml", "--json").stdout)["n_new"] == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["table", "no.csv", "--mapping", "t.yaml"], "no.csv is not there"),
        (["table", "t.csv"], "a table needs a mapping"),
        (["table", "t.csv", "--mapping", "no.yaml"], "mapping no.yaml cannot be read"),
        (["tabel", "t.csv"], "did you mean table?"),
        (["servicenow", "t.csv"], "column 'number' is missing"),
        (["statuspage", "t.csv"], ".csv is no kind of table that is understood"),
        (["table", "t.csv", "--mapping", "t.yaml", "--timezone", "Mars"], "time zone 'Mars' is unknown"),
        (["table", "t.csv", "--mapping", "t.yaml", "--name", "a:b"], "name 'a:b' cannot be used"),
        (["table", "t.csv", "--mapping", "t.yaml", "--refused", "t.csv"], "would overwrite the input"),
        (["table", ".", "--mapping", "t.yaml"], ". is a folder; give a file"),
        (["servicenow", "/"], "/ is a folder; give a file"),
        (["upptime", "."], ". cannot be read as a git repository"),
        (["jira", "t.csv", "--guess"], "--guess proposes mappings of tables"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_exit_code_two(folder: Path, words: list[str], sentence: str) -> None:
    result = run(*words)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_guess_can_be_kept_and_used(folder: Path) -> None:
    guessed = run("table", "t.csv", "--guess", "--timezone", "Europe/Berlin")
    (folder / "g.yaml").write_text(guessed.stdout)

    result = run("table", "t.csv", "--mapping", "g.yaml", "--json")

    assert guessed.exit_code == 0
    assert json.loads(result.stdout)["n_new"] == 2


def test_two_histories_of_one_kind_live_side_by_side(folder: Path) -> None:
    run("table", "t.csv", "--mapping", "t.yaml", "--name", "one")

    assert json.loads(run("table", "t.csv", "--mapping", "t.yaml", "--name", "two", "--json").stdout)["n_new"] == 2


def test_severity_aliases_of_the_settings_are_used(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "resile.toml").write_text('severity_aliases = {"Odd" = "SEV4"}\n')

    summary = json.loads(run("table", "t.csv", "--mapping", "t.yaml", "--json").stdout)

    assert (summary["severities"], summary["n_doubtful"]) == ({"SEV1": 1, "SEV4": 1}, 0)
