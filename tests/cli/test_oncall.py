"""The catalog and on-call duty from the terminal."""

from datetime import timedelta
from pathlib import Path

import pytest

from resile.app.system_clock import SystemClock
from resile.model.catalog import Kind
from resile.web.pages.catalog_examples import EXAMPLES
from tests.cli.terminal import Terminal

CATALOG = """\
kind: person
name: ann
---
kind: person
name: bob
---
kind: schedule
name: payments
zone: Europe/Berlin
layers:
- name: primary
  starts: 2020-03-02 09:00
  every: week
  people: [ann, bob]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "all.yaml").write_text(CATALOG)
    return folder


def test_difference_is_shown_before_it_is_made(terminal: Terminal, folder: Path) -> None:
    shown = terminal.says("apply", str(folder), "--dry-run")

    assert "+++ people/ann.yaml" in shown
    assert "+zone: Europe/Berlin" in shown
    assert terminal.says("oncall").startswith("No schedules yet")
    assert "3 of 3 documents changed." in terminal.says("apply", str(folder), "--yes")
    assert "The catalog is as" in terminal.says("apply", str(folder))


def test_one_changed_line_is_one_line_of_difference(terminal: Terminal, folder: Path) -> None:
    terminal.says("apply", str(folder), "--yes")
    (folder / "all.yaml").write_text(CATALOG.replace("every: week", "every: day"))

    shown = terminal.says("apply", str(folder), "--dry-run")

    assert [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}] == [
        "-  every: week",
        "+  every: day",
    ]


def test_empty_folder_does_not_take_everybody_out(terminal: Terminal, folder: Path, tmp_path: Path) -> None:
    terminal.says("apply", str(folder), "--yes")
    (tmp_path / "unmounted").mkdir()

    sentence = terminal.refuses("apply", str(tmp_path / "unmounted"), "--prune", "--yes")

    assert "holds no document, and --prune would take everything out" in sentence
    assert "The catalog is as" in terminal.says("apply", str(folder), "--prune")


def test_exported_catalog_is_what_apply_reads(terminal: Terminal, folder: Path, tmp_path: Path) -> None:
    terminal.says("apply", str(folder), "--yes")

    terminal.says("export", str(tmp_path / "out"))

    assert "The catalog is as" in terminal.says("apply", str(tmp_path / "out/catalog"), "--prune")


def test_documents_of_every_kind_leave_and_come_back(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for kind, text in EXAMPLES.items():
        (tmp_path / ("in/checkout-errors.md" if kind is Kind.PLAYBOOK else f"in/{kind}.yaml")).write_text(text)
    terminal.says("apply", str(tmp_path / "in"), "--yes")

    terminal.says("export", str(tmp_path / "out"))

    written = {path.parent.name for path in (tmp_path / "out/catalog").rglob("*.*")}
    assert len(written) == len(Kind)
    assert f"{len(Kind)} documents" in terminal.says("apply", str(tmp_path / "out/catalog"), "--prune")


def test_who_is_on_call_then_and_until_when(terminal: Terminal, folder: Path) -> None:
    terminal.says("apply", str(folder), "--yes")

    told = terminal.json("oncall", "--at", "2026-03-20")

    (standing,) = told
    assert (standing["now"]["person"], standing["next"]["person"]) == ("bob", "ann")
    assert standing["now"]["ends_at"] == "2026-03-23T08:00:00Z"
    # Summer time comes on the 29th: nine o'clock is an hour earlier in UTC from then on.
    shown = terminal.says("oncall", "show", "payments", "--from", "2026-03-23", "--to", "2026-04-06")
    assert "Mon 2026-03-30 09:00" in shown
    assert "Times are Europe/Berlin." in shown


def test_override_and_its_removal(terminal: Terminal, folder: Path) -> None:
    terminal.says("apply", str(folder), "--yes")

    said = terminal.says(
        "oncall", "override", "payments", "nobody", "--from", "2030-01-01T09:00", "--to", "2030-01-02T09:00"
    )

    assert "Nobody is on call from Tue 2030-01-01 09:00 to Wed 2030-01-02 09:00 (Europe/Berlin)" in said
    entered = said.strip().rstrip(".").rpartition(" ")[2]
    assert f"Override {entered} holds no longer." in terminal.says("oncall", "remove", entered)
    assert "no override" in terminal.refuses("oncall", "remove", entered)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "search"), "schedule 'search' is unknown; resile oncall lists them"),
        (("take", "payments", "zoe"), "person 'zoe' is not in the catalog; add them first"),
        (("swap", "payments", "soon", "later"), "the first time 'soon' is not ISO 8601"),
        (("show", "payments", "--from", "2026-01-02", "--to", "2026-01-01"), "swap the two"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    terminal: Terminal, folder: Path, arguments: tuple[str, ...], says: str
) -> None:
    terminal.says("apply", str(folder), "--yes")

    assert says in terminal.refuses("oncall", *arguments)


EVENTS = """\
BEGIN:VCALENDAR
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:{day}
SUMMARY:On call: bob
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:{day}
SUMMARY:{other}
END:VEVENT
END:VCALENDAR
"""


def test_calendar_is_tried_brought_in_and_brought_in_again(terminal: Terminal, folder: Path, tmp_path: Path) -> None:
    terminal.says("apply", str(folder), "--yes")
    day = f"{SystemClock().now() + timedelta(days=5):%Y%m%d}"
    file = tmp_path / "duty.ics"
    file.write_text(EVENTS.format(day=day, other="bob"))
    asked = ("oncall", "import", str(file), "--schedule", "payments")

    assert "2 would be entered" in " ".join(terminal.says(*asked, "--dry-run").split())
    assert "2 entered, 0 changed" in " ".join(terminal.says(*asked).split())
    assert "0 entered, 0 changed, 0 removed, 2 held already" in " ".join(terminal.says(*asked).split())
    file.write_text(EVENTS.format(day=day, other="ann"))
    assert "~ ann from" in terminal.says(*asked)


def test_event_that_cannot_be_placed_is_told_with_its_line(terminal: Terminal, folder: Path, tmp_path: Path) -> None:
    terminal.says("apply", str(folder), "--yes")
    file = tmp_path / "duty.ics"
    file.write_text(EVENTS.format(day=f"{SystemClock().now() + timedelta(days=5):%Y%m%d}", other="Zoe"))

    done = terminal.run("oncall", "import", str(file), "--schedule", "payments", code=1)

    assert done.stderr.startswith("line 7: event 'Zoe' names nobody whom the catalog knows")
    assert "1 entered" in done.stdout
    assert "cannot be read" in terminal.refuses("oncall", "import", str(tmp_path / "no.ics"), "--schedule", "payments")
    assert "is unknown" in terminal.refuses("oncall", "import", str(file), "--schedule", "search")


def test_feed_has_one_address_until_it_is_revoked(terminal: Terminal, folder: Path) -> None:
    terminal.says("apply", str(folder), "--yes")

    address = terminal.says("oncall", "feed", "ann")

    assert address.startswith("http://127.0.0.1:8321/feeds/")
    assert terminal.says("oncall", "feed", "ann") == address
    assert terminal.says("oncall", "feed", "--schedule", "payments") != address
    assert "any more" in terminal.says("oncall", "feed", "ann", "--revoke")
    assert terminal.says("oncall", "feed", "ann") != address
    assert "name one person" in terminal.refuses("oncall", "feed")
    assert "not in the catalog" in terminal.refuses("oncall", "feed", "zoe")
    assert "nothing to revoke" in terminal.refuses("oncall", "feed", "zoe", "--revoke")
