import time
from pathlib import Path

import pytest

from resile.model.errors import ConfigError
from resile.model.event import Exclusion
from resile.model.severity import Severity

FULL = """
timezone: America/Denver
id: ref
title: summary
detected: {column: started, format: "%m/%d/%Y %H:%M"}
acknowledged: {column: taken, format: iso}
restored: {column: fixed, format: "%m/%d/%Y %H:%M"}
closed: {column: closed, format: epoch}
service: {column: system, separator: ";"}
team: {column: owner, default: unknown}
severity: {column: priority, values: {"1": SEV1, "2": SEV2, high: SEV2}, default: SEV5}
labels: [cause, {column: purpose, values: {c: compute}}]
planned: {column: kind, equals: [maintenance, upgrade]}
noise: {column: resolution, matches: "^duplicate"}
where: {column: site, equals: [denver]}
url: link
"""
HEADER = "ref,summary,started,taken,fixed,closed,system,owner,priority,cause,purpose,kind,resolution,site,link\n"
SHORT = "id: ref\ndetected: began\nrestored: ended\n"


def test_every_key_of_the_mapping_file_finds_its_place_in_the_draft(read_table) -> None:
    row = (
        "F-1,Disk full,01/02/2024 08:00,2024-01-02T15:10:00Z,01/02/2024 09:30,1704213000,db; web,,1,disk,c,failure,"
        "repaired,Denver,https://example.org/F-1\n"
    )

    readings = read_table(HEADER + row, FULL)

    draft = readings.only()
    assert (draft.origin, draft.ref, draft.title, draft.url) == ("map", "F-1", "Disk full", "https://example.org/F-1")
    assert (draft.services, draft.team, draft.severity) == (("db", "web"), "unknown", Severity.SEV1)
    assert draft.labels == {"cause": "disk", "purpose": "compute"}
    assert draft.exclusion is None
    assert readings.times("F-1") == {
        "detected": "2024-01-02T15:00:00",
        "acknowledged": "2024-01-02T15:10:00",
        "restored": "2024-01-02T16:30:00",
        "closed": "2024-01-02T16:30:00",
    }


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("upgrade,repaired", Exclusion.PLANNED),
        ("failure,Duplicate of F-1", Exclusion.NOISE),
        ("failure,no duplicate", None),
    ],
)
def test_rules_mark_planned_work_and_noise(read_table, cells: str, expected: Exclusion | None) -> None:
    row = f"F-1,x,01/02/2024 08:00,,01/02/2024 09:30,,db,ann,high,disk,c,{cells},denver,\n"

    assert read_table(HEADER + row, FULL).only().exclusion is expected


def test_rows_elsewhere_are_skipped_with_the_rule_that_did_it(read_table) -> None:
    readings = read_table(HEADER + "F-1,x,01/02/2024 08:00,,,,db,ann,1,disk,c,failure,,boulder,\n", FULL)

    assert readings.taken == []
    assert [(str(one.place), one.reason) for one in readings.skipped] == [
        ("table.csv, row 2", "where: site is 'boulder'")
    ]


def test_a_missing_severity_takes_the_default_and_an_unknown_one_is_a_doubt(read_table) -> None:
    rows = "".join(
        f"F-{n},x,01/02/2024 08:00,,,,db,ann,{word},d,c,f,,denver,\n" for n, word in enumerate(["?", "odd", "HIGH"])
    )

    readings = read_table(HEADER + rows, FULL)

    assert [draft.severity for draft in readings.drafts.values()] == [Severity.SEV5, None, Severity.SEV2]
    assert [one.doubts for one in readings.taken] == [
        (),
        ("severity 'odd' is unknown, so it has none; map it under severity: values",),
        (),
    ]


def test_severity_aliases_of_the_settings_are_known(read_table) -> None:
    readings = read_table(
        "ref,began,ended,sev\n1,2024-01-01,,stop the line\n",
        SHORT + "severity: sev\n",
        severity_aliases={"stop the line": Severity.SEV1},
    )

    assert readings.only().severity is Severity.SEV1


def test_missing_markers_can_be_named(read_table) -> None:
    table = "ref,began,ended,team\n1,2024-01-01,open,?\n"

    readings = read_table(table, SHORT + "team: team\nmissing: [open]\n")

    assert readings.only().team == "?"
    assert readings.times("1") == {"detected": "2024-01-01T00:00:00"}


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ("servce: system\ndetected: began", "map.yaml: 'servce' is no key of the mapping; did you mean 'service'?"),
        (
            "detected: begann",
            "map.yaml: detected names column 'begann', which table.csv does not have; did you mean 'began'?",
        ),
        ("detected: {colum: began}", "map.yaml: 'colum' is no key of detected; did you mean 'column'?"),
        ("restored: ended", "map.yaml: detected is not there"),
        (
            "detected: {column: began, format: dd/mm}",
            "map.yaml: detected has a wrong format: time format 'dd/mm' is unknown",
        ),
        ("detected: began\ntimezone: Europe/Berln", "time zone 'Europe/Berln' is unknown"),
        (
            "detected: began\nseverity: {column: ref, values: {a: SEV9}}",
            "severity maps to 'SEV9', which is none of SEV1",
        ),
        ("detected: began\nnoise: {column: ref, matches: '('}", "noise has a wrong pattern '('"),
        (
            "detected: began\nnoise: {column: ref, matches: '(?!a)b'}",
            "'(?!a)b': it looks ahead, which is not known here",
        ),
        ("detected: began\nnoise: {column: ref, matches: '(a)\\1'}", "no look-around, no references back"),
        ("detected: began\nnoise: {column: ref, matches: '(.|ab){900}'}", "steps where 2,000 are the most; shorten it"),
        (
            "detected: began\nnoise: {column: ref, matches: '((a{1,1000}){1,1000}){1,1000}'}",
            "noise has a wrong pattern",
        ),
        ("detected: began\nmissing: &a [*a]", "map.yaml, row 1: with its aliases (*) written out it has more than"),
        ("detected: began\nnoise: {column: ref}", "noise says neither equals nor matches"),
        ("detected: began\ndetected: ended", "map.yaml, row 2: key 'detected' stands there twice"),
        ("detected: [began", "map.yaml, row 1: expected ',' or ']'"),
        ("just words", "map.yaml: holds no mapping"),
        ("detected: began\ndelimiter: abc", "delimiter 'abc' is not one character"),
    ],
)
def test_a_faulty_mapping_is_refused_with_one_sentence(read_table, mapping: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_table("ref,began,ended\n1,2024-01-01,\n", mapping)

    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_without_a_mapping_says_how_to_get_one(tmp_path: Path) -> None:
    from resile.ports.source import SourceOptions  # noqa: PLC0415
    from resile.sources.registry import open_source  # noqa: PLC0415

    with pytest.raises(ConfigError, match="--guess"):
        open_source("table", SourceOptions())


def test_the_name_option_goes_before_the_origin_of_the_mapping(read_table) -> None:
    table = "ref,began,ended\n1,2024-01-01,\n"

    assert read_table(table, SHORT + "origin: failures\n").only().origin == "failures"
    assert read_table(table, SHORT + "origin: failures\n", name="other").only().origin == "other"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("id: 2024-99-99\n", "put names between quotes"),
        ("id: " + "9" * 9_000 + "\n", "put names between quotes"),
        ("id: !!timestamp tomorrow\n", "put names between quotes"),
        ("id: !!bool perhaps\n", "put names between quotes"),
        ("id: " + "[" * 3_000, "nested too deeply"),
        ("id: ref\n---\nid: other\n", "row 3: another mapping begins; give it its own file"),
    ],
)
def test_what_yaml_itself_cannot_read_is_one_sentence(read_table, said: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_table(HEADER, said)


def test_aliases_of_aliases_are_refused_before_they_are_written_out(read_table) -> None:
    """A few lines that would be ten thousand million words."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    with pytest.raises(ConfigError, match=r"map.yaml, row 1: with its aliases \(\*\) written out"):
        read_table("began\n2024-01-01\n", "\n".join([*lines, "detected: *a9"]))


def test_an_alias_may_stand_for_a_format(read_table) -> None:
    mapping = "detected: {column: began, format: &day '%d/%m/%Y'}\nrestored: {column: ended, format: *day}\n"

    assert read_table("began,ended\n1/2/2024,2/2/2024\n", mapping).refused == []


def test_a_pattern_that_fits_in_countless_ways_takes_no_longer_than_others(read_table) -> None:
    """With a search that tries each way, this cell alone takes longer than the universe is old."""
    table = f"ref,began,kind\n1,2024-01-01,{'a' * 50_000}!\n2,2024-01-01,Duplicate of äß\n"
    began_s = time.process_time()

    readings = read_table(table, "detected: began\nid: ref\nnoise: {column: kind, matches: '(a+)+$|^duplicate.*Ä'}\n")

    assert time.process_time() - began_s < 5
    assert {ref: draft.exclusion for ref, draft in readings.drafts.items()} == {"1": None, "2": Exclusion.NOISE}
