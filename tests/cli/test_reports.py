import json
import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from resile.analytics.sentences import message
from resile.app.questions import asked, known_window
from resile.app.report import restore
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from tests.cli.terminal import WIDTH, Terminal

KINDS = ("restore", "trend", "phases", "compare")
EVERY = pytest.mark.parametrize("kind", KINDS)

NUMBER = (int, float)
FIGURES = (
    *("mean_s", "mean_low_s", "mean_high_s", "median_s", "median_low_s", "median_high_s", "km_median_s"),
    *("p75_s", "p90_s", "p95_s", "stdev_s", "min_s", "max_s"),
)


def assert_group(group: dict[str, Any], by: list[str]) -> None:
    assert list(group["key"]) == by
    assert isinstance(group["n_restored"], int)
    assert isinstance(group["n_open"], int)
    assert isinstance(group["notes"], list)
    for name in FIGURES:
        assert group[name] is None or isinstance(group[name], NUMBER), name


def is_instant(text: str) -> bool:
    return text.endswith("Z") and datetime.fromisoformat(text).tzinfo == UTC


def test_restore_as_json_is_one_object_of_the_documented_shape(year: Terminal) -> None:
    done = year.run("report", "restore", "--by", "severity", "--json")
    report = json.loads(done.stdout)

    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert (report["measure"], report["clock"], report["unit"]) == (
        "time_to_restore",
        "detected_to_restored",
        "seconds",
    )
    assert is_instant(report["window"]["from"])
    assert is_instant(report["window"]["to"])
    assert report["by"] == ["severity"]
    assert len(report["groups"]) >= 4
    for group in report["groups"]:
        assert_group(group, ["severity"])
    assert_group(report["overall"], [])
    assert report["trend"]["every"] == "week"
    assert len(report["trend"]["periods"]) > 50
    assert all(is_instant(p["start"]) and isinstance(p["n_restored"], int) for p in report["trend"]["periods"])
    assert report["trend"]["verdict"] in {"falling", "rising", "no evidence either way"}
    assert set(report["excluded"]) >= {"planned", "drill", "noise", "contradictory", "without_start"}
    assert all(isinstance(n, int) for n in report["excluded"].values())


def test_the_shape_is_the_same_where_nothing_is_known(terminal: Terminal) -> None:
    done = terminal.run("report", "restore", "--by", "severity", "--json")
    report = json.loads(done.stdout)

    assert report["groups"] == []
    assert_group(report["overall"], [])
    assert report["overall"]["n_restored"] == 0
    assert [report["overall"][name] for name in FIGURES] == [None] * len(FIGURES)
    assert set(report) >= {"measure", "clock", "unit", "window", "by", "groups", "overall", "trend", "excluded"}


@EVERY
def test_without_incidents_a_report_teaches_what_to_do_and_ends_with_0(terminal: Terminal, kind: str) -> None:
    said = terminal.says("report", kind)

    assert "resile import --help" in said
    assert "resile demo" in said
    assert terminal.json("report", kind)["unit"] == "seconds"


@EVERY
def test_a_report_fits_80_columns_without_colour(year: Terminal, kind: str) -> None:
    said = year.says("report", kind, "--by", "service")

    assert max(len(line) for line in said.splitlines()) <= WIDTH
    assert "\x1b" not in said


def test_the_terminal_says_the_message_first_then_the_headline_in_its_order(year: Terminal) -> None:
    said = year.says("report", "restore", "--by", "service")
    with open_resile(load_settings(data=year.folder)) as resile:
        report = restore(resile, asked([("by", "service")], default_window=known_window(resile)))

    assert " ".join(said.split()).startswith(" ".join(message(report).split()))
    labels = ("Median", "P90", "Mean", "Restored", "Open", "Excluded")
    places = [re.search(rf"^{label} ", said, flags=re.MULTILINE) for label in labels]
    assert all(places)
    assert [place.start() for place in places if place] == sorted(place.start() for place in places if place)
    assert re.search(r"^Excluded +\d+ +\d+ planned", said, flags=re.MULTILINE)
    assert " ".join(report.definition.split()) in " ".join(said.split())


def test_groups_stand_in_the_reports_order_with_their_ranges(year: Terminal) -> None:
    groups = year.json("report", "restore", "--by", "service")["groups"]
    said = year.says("report", "restore", "--by", "service")

    names = [group["key"]["service"] or "no service" for group in groups]
    places = [re.search(rf"^ {re.escape(name)} +[─━●┃]{{8,}} ", said, flags=re.MULTILINE) for name in names]
    assert all(places), names
    assert [place.start() for place in places if place] == sorted(place.start() for place in places if place)


def test_the_trend_has_a_block_or_a_gap_for_every_period(year: Terminal) -> None:
    arguments = ("report", "trend", "--service", "login")
    periods = year.json(*arguments)["trend"]["periods"]

    said = year.says(*arguments)

    line = next(line for line in said.splitlines() if re.fullmatch(r"  [▁▂▃▄▅▆▇█·]{2,}  .*", line)).split()[0]
    assert len(line) == len(periods)
    empty = [p["median_s"] is None and p["km_median_s"] is None for p in periods]
    assert [sign == "·" for sign in line] == empty
    assert any(empty)
    assert not all(empty)


def test_the_verdict_is_said_in_words(year: Terminal) -> None:
    verdict = year.json("report", "trend")["trend"]["verdict"]

    assert f" {verdict} " in year.says("report", "trend").replace("\n", " ")


def test_parts_of_a_comparison_sum_to_the_change_as_data_and_on_the_screen(year: Terminal) -> None:
    attribution = year.json("report", "compare", "--by", "service")["attribution"]
    said = year.says("report", "compare", "--by", "service")

    assert sum(part["seconds"] for part in attribution["parts"]) == pytest.approx(attribution["change_s"])
    assert attribution["mean_after_s"] - attribution["mean_before_s"] == pytest.approx(attribution["change_s"])
    assert "What moved the mean" in said
    assert "Sum: " in said


def test_two_groups_are_compared_by_name(year: Terminal) -> None:
    report = year.json("report", "compare", "--a", "service=search", "--b", "service=checkout")

    assert "search" in report["a"]["name"]
    assert "checkout" in report["b"]["name"]
    assert report["a"]["window"] == report["b"]["window"]


def test_a_window_is_compared_with_the_one_just_before_or_the_one_named(year: Terminal) -> None:
    window = ("--from", "2024-07-01", "--to", "2024-10-01")
    before = year.json("report", "compare", *window)
    named = year.json("report", "compare", *window, "--against", "2024-01-01..2024-04-01")

    assert before["b"]["window"] == {"from": "2024-07-01T00:00:00Z", "to": "2024-10-01T00:00:00Z"}
    assert before["a"]["window"] == {"from": "2024-03-31T00:00:00Z", "to": "2024-07-01T00:00:00Z"}
    assert named["a"]["window"] == {"from": "2024-01-01T00:00:00Z", "to": "2024-04-01T00:00:00Z"}


def test_phases_are_drawn_with_their_shares(year: Terminal) -> None:
    phases = year.json("report", "phases")["overall"]["phases"]
    said = year.says("report", "phases")

    assert sum(phase["share"] for phase in phases) == pytest.approx(1)
    assert "Identify" in said
    assert "█" in said


def test_filters_narrow_the_report_and_are_said(year: Terminal) -> None:
    whole = year.json("report")["overall"]["n_restored"]
    part = year.json("report", "--service", "search", "--severity", "2", "--last", "6mo")["overall"]["n_restored"]
    said = year.says("report", "--service", "search", "--severity", "2", "--last", "6mo")

    assert 0 < part < whole / 2
    assert "Service search" in said
    assert "Severity SEV2" in said


def test_filters_that_leave_nothing_are_to_be_widened(year: Terminal) -> None:
    said = year.says("report", "--service", "nobody has this")

    assert "Widen the filters" in said
    assert "resile import" not in said


def test_report_alone_is_report_restore(year: Terminal) -> None:
    assert year.says("report") == year.says("report", "restore")


@EVERY
def test_documents_are_written_and_standard_output_stays_for_the_json(
    year: Terminal, tmp_path: Path, kind: str
) -> None:
    html, pdf = tmp_path / "r.html", tmp_path / "r.pdf"

    done = year.run("report", kind, "--by", "service", "--json", "--html", str(html), "--pdf", str(pdf))

    assert json.loads(done.stdout)["definition"]
    assert str(html) in done.stderr.replace("\n", "")
    text = html.read_text()
    assert text.startswith("<!doctype html>")
    assert "resile" in text
    pages = PdfReader(BytesIO(pdf.read_bytes())).pages
    assert "How to read this" in " ".join(page.extract_text() for page in pages)


def test_documents_alone_leave_standard_output_empty(year: Terminal, tmp_path: Path) -> None:
    assert year.says("report", "--pdf", str(tmp_path / "r.pdf")) == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["restore", "--from", "soon"], "time 'soon' is not ISO 8601"),
        (["restore", "--from", "2024-05-01", "--last", "3mo"], "from and last are both given"),
        (["restore", "--clock", "moon"], "clock 'moon' is unknown"),
        (["restore", "--by", "colour"], "cannot group or filter by 'colour'"),
        (["restore", "--every", "decade"], "every 'decade' is no period"),
        (["restore", "--label", "cause"], "is not NAME=VALUE"),
        (["compare", "--a", "service=x"], "belong together"),
        (["compare", "--against", "2024"], "is not FROM..TO"),
        (["compare", "--a", "service=x", "--b", "team=y"], "compare two of the same kind"),
    ],
)
def test_nonsense_is_refused_in_a_sentence_with_exit_code_2(
    terminal: Terminal, arguments: list[str], sentence: str
) -> None:
    assert sentence in terminal.refuses("report", *arguments)


def test_a_file_that_cannot_be_written_is_said(year: Terminal, tmp_path: Path) -> None:
    said = year.refuses("report", "--html", str(tmp_path / "no" / "such" / "r.html"), code=1)

    assert "cannot be written" in said
