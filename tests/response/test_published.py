"""What customers were told, folded from a timeline that several people and several clocks wrote."""

from datetime import UTC, datetime, timedelta
from typing import Any

from resile.model.event import Event, Exclusion, Marked, Source, Updated
from resile.model.time import MINUTE
from resile.response.component_states import stretches
from resile.response.published import published, told_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def at(number: int, after: timedelta) -> dict[str, Any]:
    then = NOON + after
    return {"id": f"{number:05}", "at": then, "recorded_at": then, "by": "user:ann", "source": Source.HUMAN}


def update(number: int, after: timedelta, status: str = "investigating", **more: Any) -> Updated:
    fields = {"text": status, "components": {"shop": "major_outage"}, "audience": "customers", **more}
    return Updated(**at(number, after), status=status, **fields)


def states(*timeline: Event) -> list[tuple[str, timedelta]]:
    found = stretches(published([told_of("INC-1", timeline)]))
    return [(one.state.value, one.began_at - NOON) for one in found["shop"]]


def test_noise_was_over_when_it_was_marked_though_it_was_called_resolved_later() -> None:
    noise = Marked(**at(2, 10 * MINUTE), exclusion=Exclusion.NOISE)
    before = states(update(1, 0 * MINUTE), noise)

    assert before == [("major_outage", 0 * MINUTE), ("operational", 10 * MINUTE)]
    # What the page showed in between is not rewritten by whoever publishes that it is over.
    assert states(update(1, 0 * MINUTE), noise, update(3, 60 * MINUTE, "resolved", components={})) == before
    going_on = states(update(1, 0 * MINUTE), noise, update(3, 60 * MINUTE, "identified"))
    assert going_on == [("major_outage", 0 * MINUTE)]


def test_correction_by_a_clock_that_is_behind_stands_in_the_place_of_the_words() -> None:
    first = update(1, 1 * MINUTE)
    second = update(2, 0 * MINUTE, text="Some of it.", corrects="00001", reason="a slip")
    third = update(3, 2 * MINUTE, text="Little of it.", corrects="00002", reason="another")

    (one,) = told_of("INC-1", [first, second, third]).updates

    assert (one.event_id, one.at, one.text, one.reason) == ("00001", first.at, "Little of it.", "another")
