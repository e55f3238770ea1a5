"""Known layouts handed what is no export of theirs, or only a part of one: said, never miscounted in silence."""

import json
import subprocess
from pathlib import Path

import pytest

from resile.model.errors import ConfigError
from resile.ports.source import Refused, SourceOptions
from resile.sources import json_records, seen
from resile.sources.registry import open_source
from resile.sources.seen import SeenKeys
from resile.sources.table import source as table_source

PAGE = {"startAt": 0, "total": 5, "issues": [{"key": "A-1", "fields": {"created": "2024-01-01T00:00:00Z"}}]}
LAYOUTS = ["pagerduty", "opsgenie", "jira", "statuspage"]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    return folder


def test_an_upptime_repository_without_commits_says_so(read_known, repository: Path) -> None:
    with pytest.raises(ConfigError, match="is a git repository without commits"):
        read_known("upptime", repository)


def test_an_upptime_repository_without_checks_says_that_nothing_was_found(read_known, repository: Path) -> None:
    git(repository, "commit", "--allow-empty", "-m", "Initial commit")

    with pytest.raises(ConfigError, match=r"nothing was found in .*: no commit of it is a check"):
        read_known("upptime", repository)


def test_a_shallow_clone_is_refused_for_its_outages_would_be_miscounted(read_known, repository: Path) -> None:
    for state in ("down", "down", "up"):
        git(repository, "commit", "--allow-empty", "-m", f"Shop is {state} (503 in 9 ms)")
    shallow = repository.parent / "shallow"
    git(repository.parent, "clone", "--quiet", "--bare", "--depth", "2", f"file://{repository}", str(shallow))

    with pytest.raises(ConfigError, match=r"is a shallow clone: .*fetch --unshallow"):
        read_known("upptime", shallow)
    git(shallow, "fetch", "--quiet", "--unshallow")
    assert len(read_known("upptime", shallow).taken) == 1


def test_a_file_is_no_repository(read_known, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")

    with pytest.raises(ConfigError, match="is a file; give the folder"):
        read_known("upptime", tmp_path / "x.json")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("chunk_bytes", [3, 7, 1 << 18])
def test_a_page_of_jira_says_that_it_is_not_all(
    read_known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None, *, is_last: bool, chunk_bytes: int
) -> None:
    page = {"issues": PAGE["issues"], "total": 5} if is_last else PAGE
    (tmp_path / "p.json").write_text(json.dumps(page, indent=indent))
    monkeypatch.setattr(json_records, "CHUNK_BYTES", chunk_bytes)

    readings = read_known("jira", tmp_path / "p.json")

    assert list(readings.drafts) == ["A-1"]
    assert readings.remarks == ["p.json says that there are 5 records and holds 1; import the others too"]


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("jira", {"isLast": False, "issues": PAGE["issues"]}),
        ("pagerduty", {"incidents": [{"id": "1", "created_at": "2024-01-01"}], "total": None, "more": True}),
    ],
)
def test_a_page_that_is_not_the_last_says_so(read_known, tmp_path: Path, kind: str, page: object) -> None:
    (tmp_path / "p.json").write_text(json.dumps(page))

    readings = read_known(kind, tmp_path / "p.json")

    assert (len(readings.taken), readings.remarks) == (
        1,
        ["p.json says that it is not the last page; import the others too"],
    )


def test_a_whole_page_has_nothing_to_remark(read_known, tmp_path: Path) -> None:
    whole = {**PAGE, "total": 1, "isLast": True}
    (tmp_path / "p.json").write_text(json.dumps(whole))

    assert read_known("jira", tmp_path / "p.json").remarks == []


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("text", ["[]", '{"incidents": []}'])
def test_a_file_without_records_says_so(read_known, tmp_path: Path, kind: str, text: str) -> None:
    (tmp_path / "p.json").write_text(text)

    assert read_known(kind, tmp_path / "p.json").remarks == ["p.json holds no records"]


@pytest.mark.parametrize("kind", [*LAYOUTS, "servicenow"])
@pytest.mark.parametrize("content", [b"", b" \n", b"<html></html>", b"\x93\xff\x00\x01", b"a,b\n1,2\n", b"null", b"{}"])
def test_what_is_no_export_is_one_sentence(read_known, tmp_path: Path, kind: str, content: bytes) -> None:
    (tmp_path / "p.json").write_bytes(content)

    with pytest.raises(ConfigError, match=r"^p.json"):
        read_known(kind, tmp_path / "p.json")


def test_a_full_temporary_folder_is_a_sentence() -> None:
    def fill() -> None:
        with SeenKeys() as keys:
            keys._base.execute("PRAGMA max_page_count = 10")
            for n in range(10_000):
                keys.first(b"%d" % n * 100, n, b"")

    with pytest.raises(ConfigError, match="the temporary folder takes no more"):
        fill()


@pytest.mark.parametrize("kind", ["servicenow", "pagerduty"])
def test_an_endless_incident_is_refused_whole_without_being_held(
    read_known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(seen, "MAX_GROUP_BYTES", 1_000)
    path = tmp_path / ("t.csv" if kind == "servicenow" else "t.jsonl")
    if kind == "servicenow":
        path.write_text("number,opened_at\n" + "INC1,2024-01-01 08:00\n" * 100 + "INC2,2024-01-01 08:00\n")
    else:
        entry = {"type": "annotate_log_entry", "incident": {"id": "INC1"}, "created_at": "2024-01-01"}
        own = [{"id": ref, "created_at": "2024-01-01"} for ref in ("INC1", "INC2")]
        path.write_text("".join(json.dumps(one) + "\n" for one in [*own, *[entry] * 99]))

    readings = read_known(kind, path)

    assert list(readings.drafts) == ["INC2"]
    assert len(readings.refused) == 100
    assert "incident 'INC1' has more than 10000 rows, or more than" in readings.refused[0].reason


def test_huge_rows_are_taken_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sizes: list[int] = []
    whole = table_source._Rows.readings

    def counted(self, rows):
        sizes.append(len(rows))
        return whole(self, rows)

    monkeypatch.setattr(table_source._Rows, "readings", counted)
    (tmp_path / "map.yaml").write_text("id: ref\ndetected: began\n")
    rows = "".join(f"{n},2024-01-01,{'x' * 1_000_000}\n" for n in range(40))
    (tmp_path / "t.csv").write_text("ref,began,note\n" + rows)

    source = open_source("table", SourceOptions(mapping=tmp_path / "map.yaml"))

    assert not any(isinstance(one, Refused) for one in source.read(tmp_path / "t.csv"))
    assert sum(sizes) == 40
    assert max(sizes) <= 17
