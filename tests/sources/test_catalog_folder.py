"""The catalog as files: what is read, what is written, and what is said of files that are none."""

import os
from pathlib import Path

import pytest

from resile.model.catalog import Kind
from resile.model.errors import ConfigError
from resile.sources.catalog_folder import file_text, path_of, read_folder

SCHEDULE = """\
kind: schedule
name: payments
zone: Europe/Berlin
layers:
- name: nights
  starts: 2026-03-02 22:00
  every: week
  people: [ann]
  hours: [{from: 22:00, until: 06:00}]
"""


@pytest.fixture
def write(tmp_path: Path):
    def to(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return to


def test_documents_are_read_from_files_of_any_depth_and_number(write) -> None:
    write("one.yaml", "kind: person\nname: ann\n---\nkind: person\nname: bob\ntitle: Bob\n")
    write("deep/er/two.yml", "kind: team\nname: payments\nmembers: [ann]\n")
    write(".git/three.yaml", "kind: person\nname: eve\n")
    folder = write("README.md", "no document")

    found = read_folder(folder).documents

    assert {key: body for key, (body, _) in found.items()} == {
        (Kind.PERSON, "ann"): {},
        (Kind.PERSON, "bob"): {"title": "Bob"},
        (Kind.TEAM, "payments"): {"members": ["ann"]},
    }
    assert found[Kind.PERSON, "bob"][1] == f"{folder / 'one.yaml'}, row 4"


def test_times_without_quotes_are_the_words_that_they_look_like(write) -> None:
    body, _ = read_folder(write("one.yaml", SCHEDULE)).documents[Kind.SCHEDULE, "payments"]

    assert body["layers"][0]["starts"] == "2026-03-02 22:00"
    assert body["layers"][0]["hours"] == [{"from": "22:00", "until": "06:00"}]


def test_word_that_is_nearly_a_number_is_written_and_read_as_the_word(write) -> None:
    body = {"title": "1.5e3"}

    read = read_folder(write("one.yaml", file_text("person", "ann", body))).documents

    assert read[Kind.PERSON, "ann"][0] == body


def test_folder_that_cannot_be_looked_into_is_said_and_not_taken_for_an_empty_one(write, monkeypatch) -> None:
    folder = write("closed/one.yaml", "kind: person\nname: ann\n")
    scan = os.scandir

    def closed(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)

    with pytest.raises(ConfigError, match=r"closed cannot be read \(Permission denied\)"):
        read_folder(folder)


def test_what_is_written_reads_as_the_same(write, tmp_path: Path) -> None:
    read = read_folder(write("in/one.yaml", SCHEDULE)).documents
    for (kind, name), (body, _) in read.items():
        write(f"out/{path_of(kind, name)}", file_text(kind, name, body))

    again = read_folder(tmp_path / "out").documents

    assert {key: body for key, (body, _) in again.items()} == {key: body for key, (body, _) in read.items()}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- 1\n", "row 1: no document of the catalog; begin it with kind: and name:"),
        ("kind: persn\nname: ann\n", "kind 'persn' is unknown; use one of person, team, service, schedule"),
        ("kind: person\n", "the person has no name; give it one with name:"),
        ("kind: person\nname: 7\n", "the person's name 7 is no text; put it between quotes"),
        ("kind: person\nname: no\n", "the person's name False is no text; put it between quotes"),
        ("kind: " + "x" * 5000, r"kind '.{0,60}\.\.\. is unknown"),
        ('kind: person\nname: ann\ntitle: "\\ud800"\n', "row 1: person 'ann' holds half a character"),
        ('kind: person\nname: ann\ntitle: !!int ""\n', "put names between quotes"),
        ('kind: person\nname: ann\ntitle: !!float "' + "9:" * 400 + '1"\n', "put names between quotes"),
        ("kind: person\nname: ann\n? !!set {a: null}\n: 1\n", "row 3: found unhashable key; correct the YAML"),
        ("kind: person\nname: ann\nname: bob\n", "row 3: key 'name' stands there twice; correct the YAML"),
        ("kind: person\nname: [\n", "correct the YAML"),
        (
            "kind: person\nname: ann\n---\nkind: person\nname: ann\n",
            "row 4: person 'ann' stands in .*row 1 too; keep one",
        ),
        (b"kind: person\nname: \xff\n", "correct the YAML"),
        (b"#" * (1 << 20) + b"##", "is larger than 1048576 bytes; split it"),
    ],
)
def test_file_that_holds_no_document_is_one_sentence_with_its_place(write, text: str | bytes, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        read_folder(write("one.yaml", text))

    assert "one.yaml" in str(refused.value)


def test_folder_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist; name a folder with YAML files"):
        read_folder(tmp_path / "nowhere")
