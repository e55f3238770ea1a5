"""What the lines of a timeline say of what was corrected."""

from datetime import UTC, datetime, timedelta

from resile.model.draft import Draft, Step
from resile.model.event import Event
from resile.model.history import record_history
from resile.model.incident import fold
from resile.web.pages.timeline import lines_of

NOW = datetime(2024, 6, 1, tzinfo=UTC)
T0 = datetime(2024, 1, 1, 12, tzinfo=UTC)


def imported(*told: tuple[Step, ...]) -> list[Event]:
    timeline: list[Event] = []
    for days, steps in enumerate(told):
        draft = Draft(origin="x", ref="1", steps=steps)
        timeline += record_history(draft, timeline, now=NOW + timedelta(days=days), by="import:x")
    return timeline


def test_updates_and_notes_that_their_source_moved_or_took_back_stand_as_it_says_now() -> None:
    wrong, update = Step("noted", T0, text="a full disk"), Step("updated", T0, text="We are on it")
    later = Step("updated", T0 + timedelta(hours=1), text="We are on it")
    timeline = imported((wrong, update), (later,))

    lines = {line.text: line for line in lines_of(timeline, fold("x:1", timeline))}

    assert lines["a full disk"].is_taken_back
    assert (lines["We are on it"].at, lines["We are on it"].was_at) == (later.at, update.at)
    assert not any(line.can_correct for line in lines.values())
