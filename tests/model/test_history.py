"""Imports: the same draft changes nothing, a changed one is followed, and people's words stay theirs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from resile.model.draft import Draft, Step, incident_id_of
from resile.model.errors import ConfigError
from resile.model.event import Corrected, Event, Exclusion, Source
from resile.model.history import record_history
from resile.model.incident import InstantName, fold, labels_of, value_of
from resile.model.lifecycle import Mark, Reach, decide
from resile.model.phases import instants
from resile.model.severity import Severity
from tests.model.strategies import drafts, moments

NOW = datetime(2024, 6, 1, tzinfo=UTC)
T0 = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)
BY = "import:x"


def draft(**changes: object) -> Draft:
    fields: dict[str, object] = {
        "origin": "x",
        "ref": "1",
        "title": "disk full",
        "severity": Severity.SEV2,
        "labels": {"cause": "disk"},
        "steps": (Step("detected", T0), Step("restored", T0 + timedelta(hours=1))),
    }
    return Draft(**(fields | changes))


def imported(*drafts: Draft) -> list[Event]:
    timeline: list[Event] = []
    for days, each in enumerate(drafts):
        timeline += record_history(each, timeline, now=NOW + timedelta(days=days), by=BY)
    return timeline


@given(drafts)
def test_the_same_draft_again_changes_nothing(given_draft: Draft) -> None:
    timeline = imported(given_draft)

    assert record_history(given_draft, timeline, now=NOW + timedelta(days=1), by=BY) == []


as_ofs = st.none() | moments


@given(drafts, drafts, as_ofs, as_ofs)
def test_after_a_changed_draft_the_incident_is_as_if_only_that_had_been_imported(
    one: Draft, other: Draft, one_as_of: datetime | None, other_as_of: datetime | None
) -> None:
    one, other = replace(one, as_of=one_as_of), replace(other, as_of=other_as_of)
    timeline = imported(one, other)

    after, fresh = fold("x:1", timeline), fold("x:1", imported(other))

    for name in ("title", "severity", "services", "team", "url", "exclusion"):
        assert value_of(getattr(after, name), None) == value_of(getattr(fresh, name), None)
    assert labels_of(after) == labels_of(fresh)
    for name in InstantName:
        found, wanted = instants(after).get(name), instants(fresh).get(name)
        assert (found and found.at) == (wanted and wanted.at)
    assert record_history(other, timeline, now=NOW + timedelta(days=2), by=BY) == []


def test_a_restore_that_became_known_since_is_appended() -> None:
    open_still = draft(steps=(Step("detected", T0),))

    timeline = imported(open_still, draft())

    assert len(timeline) == 3
    restored = instants(fold("x:1", timeline)).restored
    assert restored is not None
    assert restored.at == T0 + timedelta(hours=1)


def test_a_restore_that_the_source_moved_is_corrected_not_doubled() -> None:
    moved = draft(steps=(Step("detected", T0), Step("restored", T0 + timedelta(hours=2))))

    timeline = imported(draft(), moved)

    assert isinstance(timeline[-1], Corrected)
    restored = instants(fold("x:1", timeline)).restored
    assert restored is not None
    assert restored.at == T0 + timedelta(hours=2)


def test_a_step_that_the_source_moved_keeps_the_source_of_its_instant() -> None:
    first, moved = (draft(steps=(Step("detected", T0 + timedelta(hours=n), Source.MEASURED),)) for n in (0, 1))

    detected = instants(fold("x:1", imported(first, moved))).detected

    assert detected is not None
    assert (detected.at, detected.source) == (T0 + timedelta(hours=1), Source.MEASURED)


def test_what_a_person_marked_stays_when_the_rows_are_imported_again() -> None:
    timeline = imported(draft())
    timeline += decide(fold("x:1", timeline), Mark(Exclusion.NOISE), now=NOW, by="user:ann")
    timeline += decide(
        fold("x:1", timeline), Reach(InstantName.IMPACT_BEGAN), now=NOW, by="user:ann", at=T0 - timedelta(hours=1)
    )

    again = record_history(draft(), timeline, now=NOW + timedelta(days=1), by=BY)

    assert again == []
    assert value_of(fold("x:1", timeline).exclusion, None) is Exclusion.NOISE


def test_events_bear_the_sources_of_their_steps() -> None:
    timeline = imported(draft(steps=(Step("detected", T0, Source.MEASURED),)))

    detected = instants(fold("x:1", timeline)).detected

    assert detected is not None
    assert detected.source is Source.MEASURED


def test_new_words_are_followed_although_the_source_told_of_something_that_is_yet_to_come() -> None:
    to_come = (Step("impact_began", NOW + timedelta(days=30)),)
    first, renamed = draft(steps=to_come), draft(steps=to_come, title="maintenance", severity=Severity.SEV4)

    timeline = imported(first, renamed)

    incident = fold("x:1", timeline)
    assert (value_of(incident.title, ""), value_of(incident.severity, None)) == ("maintenance", Severity.SEV4)
    assert record_history(renamed, timeline, now=NOW + timedelta(days=2), by=BY) == []


def test_a_step_of_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'fixed' is unknown"):
        imported(draft(steps=(Step("fixed", T0),)))


def test_an_imported_incident_is_named_by_its_origin_and_ref() -> None:
    assert incident_id_of("servicenow", "INC0000045") == "servicenow:INC0000045"


def test_a_draft_that_adds_takes_nothing_back_and_keeps_the_words_that_it_does_not_tell() -> None:
    acknowledged = Step("acknowledged", T0 + timedelta(minutes=1), text="Ann")
    before = imported(draft(severity=Severity.SEV1, labels={"a": "1"}, steps=(Step("detected", T0), acknowledged)))
    after = draft(severity=None, labels={"b": "2"}, steps=(Step("restored", T0 + timedelta(minutes=9)),), adds=True)

    timeline = [*before, *record_history(after, before, now=NOW + timedelta(days=1), by="door:pagerduty")]

    incident = fold(incident_id_of(after.origin, after.ref), timeline)
    found = instants(incident)
    assert found.acknowledged is not None
    assert found.restored is not None
    assert value_of(incident.severity, None) is Severity.SEV1
    assert labels_of(incident) == {"a": "1", "b": "2"}
    assert record_history(after, timeline, now=NOW + timedelta(days=2), by="door:pagerduty") == []
