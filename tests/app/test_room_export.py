"""A whole room as Markdown: all of it is there, and nothing that people wrote breaks out of its place."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from resile.app.growing import Growing
from resile.app.incidents import command_incident, declare, show_incident
from resile.app.room_export import json_lines, markdown
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.event import Event
from resile.model.incident import InstantName
from resile.model.lifecycle import Declare, Note, Publish, Reach
from resile.model.room_event import EvidenceKind, Risk, Role, StepBegan, StepEnded, StepOutcome
from resile.model.room_lifecycle import AddEvidence, AddTask, TakeRole
from resile.model.severity import Severity
from resile.testing.simulated_clock import SimulatedClock

from .ending_world import NOON
from .picture_samples import picture_bytes


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOON)


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path], clock: SimulatedClock) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=clock) as opened:
        yield opened


def ran(resile: Resile) -> None:
    """A step of a playbook ran."""
    growing = Growing("INC-1", resile.timelines.read("INC-1"), now=resile.clock.now(), by="user:ann")
    growing.tell(
        StepBegan, run_id="r1", playbook="checkout", number=2, step="roll-back", runner="shell", risk=Risk.CHANGE,
        agreed=("ann",),
    )  # fmt: skip
    growing.tell(
        StepEnded, run_id="r1", outcome=StepOutcome.DONE, output="rolled back to v41\n```\nok", n_output_bytes=9
    )
    resile.timelines.append(growing.appends())


def test_markdown_holds_the_whole_room(resile: Resile, clock: SimulatedClock) -> None:
    declare(resile, Declare(title="Checkout fails", severity=Severity.SEV2, services=("checkout",)), by="user:ann")
    picture = resile.room.pictures.add("INC-1", picture_bytes(), by="user:ann").id
    for command in (
        TakeRole(Role.COMMANDER, "ann"),
        AddTask("Roll back", "bob"),
        Note(f"Errors since **noon** ![graph](picture:{picture})", (picture,)),
        AddEvidence(evidence=EvidenceKind.LOG, title="Lines", text="ERROR ```x``` y"),
        Publish("We are looking into it.", "investigating"),
        Reach(InstantName.MITIGATED),
    ):
        clock.advance(timedelta(minutes=5))
        command_incident(resile, "INC-1", command, by="user:ann")
    ran(resile)
    view = show_incident(resile, "INC-1")
    assert view is not None

    text = markdown(view, picture_at=lambda one: f"{one}.png")

    assert text.startswith("# INC-1: Checkout fails\n\n- Status: mitigated\n- Severity: SEV2\n- Services: checkout\n")
    assert "| mitigated | 2026-03-02 12:30:00 | said by a person |" in text
    assert "- commander: ann, since 2026-03-02 12:05:00" in text
    assert "- [ ] Roll back (bob)" in text
    assert f"Errors since **noon** ![graph]({picture}.png)" in text
    assert "````\nERROR ```x``` y\n````" in text
    assert "### checkout version 2, step roll-back: done" in text
    assert "````\nrolled back to v41\n```\nok\n````" in text
    assert "We are looking into it." in text
    assert "| 2026-03-02 12:10:00 | Task: Roll back (bob) | ann |" in text
    sections = "Instants, Phases, Roles, Tasks, Notes, Evidence, Runs of playbooks, Updates sent, Timeline"
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == sections.split(", ")


def test_lines_are_the_events_as_they_are_stored(resile: Resile) -> None:
    view = declare(resile, Declare(title="Checkout fails"), by="user:ann")

    header, *lines = json_lines(view, [], now=NOON)

    assert msgspec.json.decode(header)["version"] == len(lines) == 2
    assert [msgspec.json.decode(line, type=Event) for line in lines] == resile.timelines.read("INC-1")


@given(st.text(alphabet="#`|*_[]()<>!\\\n\r-=> ~ax1.\u2028", min_size=1, max_size=60).filter(lambda text: text.strip()))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_words_of_people_stay_in_their_place(resile: Resile, text: str) -> None:
    view = declare(resile, Declare(title=text), by="user:ann")
    incident_id = view.incident.id
    lines = AddEvidence(evidence=EvidenceKind.LOG, title=text, text=text)
    for command in (AddTask(text[:500]), Note(text), lines, Publish(text, "x")):
        view = command_incident(resile, incident_id, command, by="user:ann")

    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(view, picture_at=lambda _: None))

    opened = [
        n for n, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2" and not token.level
    ]
    headings = [tokens[n + 1].content for n in opened]
    assert headings == ["Instants", "Tasks", "Notes", "Evidence", "Updates sent", "Timeline"]
    # Notes and updates are Markdown of people, each in a quotation; all else is words.
    inline = {child.type for n, token in enumerate(tokens) if _is_own(tokens, n) for child in token.children or ()}
    assert not {"link_open", "image", "em_open", "strong_open", "code_inline"} & inline
    assert not {"html_block", "html_inline"} & {
        one.type for token in tokens for one in (token, *(token.children or ()))
    }
    rows = [n for n, token in enumerate(tokens) if token.type == "tr_open" and _is_own(tokens, n)]
    # Two heads, one instant, and each event of the timeline.
    assert len(rows) == 2 + 1 + len(view.timeline)


@pytest.mark.parametrize(
    "text",
    [
        "[x]: https://evil.example",
        "[A]: https://evil.example\n",
        "[a](javascript:alert(1))",
        "![](data&#58;text/html,x)",
    ],
)
def test_what_would_reach_out_of_a_note_is_shown_as_it_was_written(resile: Resile, text: str) -> None:
    declare(resile, Declare(title="[a]"), by="user:ann")
    command_incident(resile, "INC-1", AddTask("Look"), by="user:ann")
    task = AddEvidence(evidence=EvidenceKind.LINK, title="Graph", url="https://x.example/\n\n## Fake\u2028<b>")
    command_incident(resile, "INC-1", task, by="user:ann")
    view = command_incident(resile, "INC-1", Note(text), by="user:ann")

    out = markdown(view, picture_at=lambda _: None)

    assert f"> ```\n> {text.strip()}\n> ```\n" in out
    assert "<https://x.example/%0A%0A##%20Fake%E2%80%A8%3Cb%3E>" in out
    named: dict[str, object] = {}
    MarkdownIt("commonmark").parse(out, named)
    assert named == {}


def _is_own(tokens: list[Token], n: int) -> bool:
    """Whether a token lies outside of every quotation."""
    before = [token.type for token in tokens[:n] if not token.level]
    return before.count("blockquote_open") == before.count("blockquote_close")
