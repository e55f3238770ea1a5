import subprocess
import zipfile
from pathlib import Path

import pytest

from resile.model.errors import ConfigError
from resile.model.event import Exclusion, Source
from resile.model.severity import Severity
from resile.ports.source import SourceOptions, Taken
from resile.sources.registry import descriptions, kinds, open_source

FIXTURES = Path(__file__).parent / "fixtures"


def test_every_kind_is_installed_and_says_what_it_reads() -> None:
    assert list(kinds()) == ["jira", "opsgenie", "pagerduty", "servicenow", "statuspage", "table", "upptime"]
    assert all(len(line) > 20 for line in descriptions().values())


def test_an_unknown_kind_names_the_nearest(read_known) -> None:
    with pytest.raises(ConfigError, match="did you mean servicenow"):
        open_source("service-now", read_known)


def test_servicenow_rows_fold_into_incidents_wherever_they_stand(read_known) -> None:
    readings = read_known("servicenow", "servicenow.csv")

    assert list(readings.drafts) == ["INC1", "INC2", "INC3", "INC5", "INC6"]
    one = readings.drafts["INC1"]
    assert (one.severity, one.team, one.origin) == (Severity.SEV1, "network", "servicenow")
    assert one.labels["subcategory"] == "VPN"
    assert readings.times("INC1") == {
        "detected": "2024-02-29T01:16:00",
        "noted": "2024-02-29T01:23:00",
        "acknowledged": "2024-02-29T08:53:00",
        "restored": "2024-02-29T11:29:00",
        "closed": "2024-03-05T12:00:00",
    }


def test_servicenow_reopenings_keep_the_last_resolution(read_known) -> None:
    steps = {
        ref: [
            (step.kind, f"{step.at:%dT%H:%M:%S}")
            for step in sorted(draft.steps, key=lambda s: s.at)
            if step.kind in {"restored", "reopened"}
        ]
        for ref, draft in read_known("servicenow", "servicenow.csv").drafts.items()
    }

    assert steps["INC2"] == [("restored", "02T10:00:00"), ("reopened", "03T10:00:00"), ("restored", "04T09:00:00")]
    # Reopened and resolved within one minute: the reopening comes just before.
    assert steps["INC6"] == [("restored", "07T10:30:00"), ("reopened", "07T10:59:59"), ("restored", "07T11:00:00")]


def test_servicenow_closed_is_not_restored(read_known) -> None:
    times = read_known("servicenow", "servicenow.csv").times("INC3")

    assert (times["closed"], times.get("restored")) == ("2024-03-06T10:00:00", None)


def test_servicenow_refuses_all_rows_of_an_incident_that_has_a_bad_one(read_known) -> None:
    refused = read_known("servicenow", "servicenow.csv").refused

    assert [(one.place.row, one.place.column) for one in refused] == [(14, "opened_at"), (13, "")]
    assert "'31/13/2024 10:00' is no time in the format" in refused[0].reason
    assert refused[1].reason.startswith("row 14 of the same incident 'INC4' is refused")


def test_servicenow_doubts_what_does_not_fit(read_known) -> None:
    taken = {one.draft.ref: one for one in read_known("servicenow", "servicenow.csv").taken}

    assert taken["INC5"].doubts == (
        "severity '9' is unknown, so it has none; name it in the setting severity_aliases",
        "acknowledged 2024-03-06 09:50 lies outside of the incident and is left out",
    )


def test_servicenow_times_are_of_the_zone_that_is_given(read_known) -> None:
    readings = read_known("servicenow", "servicenow.csv", timezone="Europe/Lisbon", name="desk")

    assert readings.times("INC1")["closed"] == "2024-03-05T12:00:00"
    assert (
        read_known("servicenow", "servicenow.csv", timezone="Asia/Tokyo").times("INC1")["closed"]
        == "2024-03-05T03:00:00"
    )
    assert readings.drafts["INC1"].origin == "desk"


def test_a_servicenow_file_of_another_layout_says_which_column_is_missing(read_known, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,opened_at\n1,2\n")

    with pytest.raises(ConfigError, match=r"x.csv, row 1: column 'number' is missing; it has id, opened_at"):
        read_known("servicenow", tmp_path / "x.csv")


def test_a_status_page_history_as_json_lines_is_read(read_known) -> None:
    readings = read_known("statuspage", "statuspage.jsonl")
    drafts = readings.drafts

    assert {ref: draft.severity for ref, draft in drafts.items()} == {
        "101": Severity.SEV2,
        "102": None,
        "103": Severity.SEV1,
        "104": Severity.SEV5,
    }
    assert drafts["101"].services == ("Search", "API")
    assert drafts["102"].exclusion is Exclusion.PLANNED
    assert [(one.place.row, one.place.column) for one in readings.refused] == [(5, "started_at"), (6, "started_at")]
    assert readings.times("101") == {
        "impact_began": "2024-05-01T09:40:00",
        "detected": "2024-05-01T10:00:00",
        "updated": "2024-05-01T10:00:00",
        "identified": "2024-05-01T10:30:00",
        "mitigated": "2024-05-01T11:30:00",
        "restored": "2024-05-01T12:00:00",
    }
    inferred = {step.kind for step in drafts["101"].steps if step.source is Source.INFERRED}
    assert inferred == {"impact_began", "mitigated"}


def test_a_window_outside_of_its_incident_and_a_test_are_doubts_and_still_count(read_known) -> None:
    taken = {one.draft.ref: one for one in read_known("statuspage", "statuspage.jsonl").taken}

    assert taken["103"].draft.exclusion is None
    assert [doubt[:30] for doubt in taken["103"].doubts] == [
        "its title says that it was a t",
        "its impact window lies wholly ",
    ]


def test_an_incident_being_worked_on_again_is_not_mitigated(read_known) -> None:
    steps = read_known("statuspage", "statuspage.jsonl").drafts["104"].steps

    assert [f"{step.at:%H:%M}" for step in steps if step.kind == "mitigated"] == ["10:40"]


def test_statuspages_own_api_is_read_with_its_reopening(read_known) -> None:
    readings = read_known("statuspage", "statuspage_api.json", name="github")
    draft = readings.only()

    told = sorted((step.at.strftime("%H:%M"), step.kind) for step in draft.steps if step.kind != "updated")
    assert told == [("07:55", "detected"), ("09:00", "restored"), ("09:30", "reopened"), ("10:00", "restored")]
    assert (draft.origin, draft.services, draft.url) == ("github", ("Checkout",), "https://stspg.io/abc")
    assert next(step.text for step in draft.steps if step.kind == "updated") == "We look."


def test_pagerdutys_log_entries_are_the_timeline(read_known) -> None:
    readings = read_known("pagerduty", "pagerduty.json")
    draft = readings.drafts["P1"]

    assert [(step.kind, step.source.value, step.text) for step in draft.steps] == [
        ("detected", "measured", None),
        ("noted", "reported", "assign to Ann by Prometheus"),
        ("acknowledged", "reported", "Ann"),
        ("noted", "reported", "annotate by Ann: It is the pool."),
        ("noted", "reported", "priority change by Ann"),
        ("restored", "measured", None),
    ]
    assert (draft.severity, draft.services, draft.team) == (Severity.SEV2, ("checkout",), "payments")
    assert readings.times("P2") == {"detected": "2024-07-02T10:00:00", "restored": "2024-07-02T10:30:00"}
    assert readings.drafts["P3"].exclusion is Exclusion.NOISE
    assert [str(one.place) for one in readings.refused] == ["pagerduty.json, row 4, column 'created_at'"]


def test_pagerdutys_log_entries_may_stand_apart(read_known) -> None:
    readings = read_known("pagerduty", "pagerduty.jsonl")

    assert readings.times("P2") == {
        "detected": "2024-07-02T10:00:00",
        "acknowledged": "2024-07-02T10:03:00",
        "restored": "2024-07-02T10:30:00",
    }
    assert "log entries of incident 'P9', which the export does not hold" in readings.skipped[0].reason


def test_opsgenies_json_is_read(read_known) -> None:
    readings = read_known("opsgenie", "opsgenie.jsonl")

    assert readings.times("a1") == {
        "detected": "2024-08-01T10:00:00",
        "acknowledged": "2024-08-01T10:01:00",
        "restored": "2024-08-01T11:00:00",
    }
    assert (readings.drafts["a1"].team, readings.drafts["a1"].services) == ("storage", ("db-1",))
    assert readings.times("i1") == {
        "impact_began": "2024-08-02T09:50:00",
        "detected": "2024-08-02T10:00:00",
        "mitigated": "2024-08-02T11:00:00",
        "restored": "2024-08-02T11:00:00",
    }
    assert readings.drafts["i1"].labels["region"] == "eu"
    assert "nothing says since when" in {one.draft.ref: one for one in readings.taken}["i1"].doubts[0]
    assert [one.place.row for one in readings.refused] == [4]


def test_opsgenies_csv_is_read(read_known) -> None:
    readings = read_known("opsgenie", "opsgenie.csv")

    assert readings.times("a1") == {"detected": "2024-08-01T10:00:00", "restored": "2024-08-01T11:00:00"}
    assert readings.times("a2")["restored"] == "2024-08-02T11:00:00"
    assert str(readings.refused[0].place) == "opsgenie.csv, row 4, column 'Created At'"


def test_an_archive_may_hold_json_and_tables_of_one_system(read_known, tmp_path: Path) -> None:
    archive = tmp_path / "both.zip"
    with zipfile.ZipFile(archive, "w") as both:
        for name in ("opsgenie.jsonl", "opsgenie.csv"):
            both.write(FIXTURES / name, name)

    readings = read_known("opsgenie", archive)

    of_each = [read_known("opsgenie", name) for name in ("opsgenie.jsonl", "opsgenie.csv")]
    wanted = {taken.draft.ref for one in of_each for taken in one.taken}
    assert {taken.draft.ref for taken in readings.taken} == wanted
    assert all(one.taken for one in of_each)


def test_jiras_changelog_tells_beginning_end_and_reopening(read_known) -> None:
    readings = read_known("jira", "jira.json")
    draft = readings.drafts["OPS-1"]

    told = sorted((f"{step.at:%H:%M}", step.kind) for step in draft.steps if step.kind != "noted")
    assert told == [
        ("10:00", "detected"),
        ("10:10", "acknowledged"),
        ("12:00", "restored"),
        ("14:00", "reopened"),
        ("15:00", "restored"),
    ]
    assert (draft.severity, draft.services, draft.url) == (
        Severity.SEV1,
        ("checkout",),
        "https://jira.example/browse/OPS-1",
    )
    assert readings.drafts["OPS-2"].exclusion is Exclusion.NOISE
    assert readings.times("OPS-2")["restored"] == "2024-09-02T09:00:00"
    assert readings.times("OPS-3") == {"detected": "2024-09-03T10:00:00"}


def test_jiras_csv_is_read(read_known) -> None:
    readings = read_known("jira", "jira.csv")

    draft = readings.only()
    assert (draft.services, draft.severity, draft.labels["labels"]) == (("checkout", "api"), Severity.SEV2, "prod")
    assert readings.times("OPS-1") == {"detected": "2024-09-01T10:00:00", "restored": "2024-09-01T15:00:00"}
    assert str(readings.refused[0].place) == "jira.csv, row 3, column 'Created'"


@pytest.fixture
def repository(tmp_path: Path):
    folder = tmp_path / "checks"

    def git(*arguments: str, **environment: str) -> None:
        identity = ["-c", "user.name=Upptime", "-c", "user.email=upptime@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(
            ["git", *identity, "-C", str(folder), *arguments], check=True, env=environment or None, capture_output=True
        )

    def commit(minute: int, subject: str) -> None:
        at = f"{1_700_000_000 + 60 * minute} +0000"
        git("commit", "--allow-empty", "-m", subject, GIT_COMMITTER_DATE=at, GIT_AUTHOR_DATE=at, PATH="/usr/bin:/bin")

    folder.mkdir()
    git("init", "--quiet")
    return folder, commit


def test_upptimes_first_down_and_next_up_make_an_outage(read_known, repository) -> None:
    folder, commit = repository
    commit(0, "Initial commit")
    commit(1, "🟩 🚪 Door (TCP) is up (200 in 12 ms) [skip ci] [upptime]")
    commit(10, "🟥 🚪 Door (TCP) is down (0 in 0 ms) [skip ci] [upptime]")
    commit(20, "🟥 🚪 Door (TCP) is down (500 in 90 ms) [skip ci] [upptime]")
    commit(21, "🟨 Shop is degraded (200 in 9000 ms) [skip ci] [upptime]")
    commit(25, "🟩 🚪 Door (TCP) is up (200 in 12 ms) [skip ci] [upptime]")
    commit(26, "🟥 Shop is down (503 in 9000 ms) [skip ci] [upptime]")

    readings = read_known("upptime", folder)

    door, shop = (one.draft for one in readings.taken)
    assert (door.services, door.title, door.labels) == (
        ("🚪 Door (TCP)",),
        "🚪 Door (TCP) is down",
        {"worst": "down", "code": "0"},
    )
    assert [(step.kind, int(step.at.timestamp()), step.source) for step in door.steps] == [
        ("detected", 1_700_000_600, Source.MEASURED),
        ("restored", 1_700_001_500, Source.MEASURED),
    ]
    assert [step.kind for step in shop.steps] == ["detected"]
    assert shop.labels["worst"] == "down"
    assert readings.remarks == ["2 services are checked; 2 of them had outages, 1 are still down"]
    assert readings.skipped[0].reason == "the commit is no check"


def test_the_present_folder_is_named_as_it_is_called(repository, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, commit = repository
    commit(1, "🟥 Door is down (0 in 0 ms) [skip ci] [upptime]")
    monkeypatch.chdir(folder)

    readings = list(open_source("upptime", SourceOptions()).read(Path()))

    assert [one.place.file for one in readings if isinstance(one, Taken)] == ["checks"]


def test_what_is_no_repository_says_so(read_known, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read as a git repository"):
        read_known("upptime", tmp_path)
    with pytest.raises(ConfigError, match="is not there"):
        read_known("upptime", tmp_path / "no")


def test_a_folder_within_a_repository_is_not_taken_for_it(read_known, repository) -> None:
    """Somebody's code around it has a history too, but none of checks."""
    folder, commit = repository
    commit(0, "Initial commit")
    within = folder / "within"
    within.mkdir()

    with pytest.raises(ConfigError, match="cannot be read as a git repository"):
        read_known("upptime", within)
