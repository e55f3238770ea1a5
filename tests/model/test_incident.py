"""The fold: any order, any prefix, any correction."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from resile.model.event import (
    Acknowledged,
    Corrected,
    Declared,
    Described,
    Detected,
    Event,
    Exclusion,
    Identified,
    Marked,
    Mitigated,
    Reopened,
    Restored,
    SeverityChanged,
    Source,
    decode_event,
    encode_event,
    kind_of,
)
from resile.model.incident import Incident, InstantName, evolve, fold, labels_of, value_of
from resile.model.phases import (
    PHASE_ENDS,
    Status,
    cause_of,
    contradictions,
    instants,
    phases,
    responder_of,
    status_of,
    taker_of,
)
from resile.model.severity import Severity
from tests.model.strategies import timelines

T0 = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)


def at(minute: float, number: int, source: Source = Source.HUMAN, *, learnt: float | None = None) -> dict[str, object]:
    """What an event carries that happened at that minute and was learnt then, or later."""
    recorded_at = T0 + timedelta(minutes=minute if learnt is None else learnt)
    return {
        "id": f"{number:05d}",
        "at": T0 + timedelta(minutes=minute),
        "recorded_at": recorded_at,
        "by": "user:ann",
        "source": source,
    }


@given(timelines(), st.randoms(use_true_random=False))
def test_late_knowledge_in_any_order_gives_the_same_state(timeline: list[Event], chance: object) -> None:
    shuffled = list(timeline)
    chance.shuffle(shuffled)

    assert fold("INC-1", shuffled) == fold("INC-1", timeline)


@given(timelines())
def test_every_prefix_is_a_valid_incident_whose_phases_partition_it(timeline: list[Event]) -> None:
    for length in range(len(timeline) + 1):
        incident = fold("INC-1", timeline[:length])

        known = instants(incident)
        parts = phases(known)
        assert incident.n_events == length
        assert all(part.lasted >= timedelta(0) for part in parts)
        assert all(one.ended == other.began for one, other in pairwise(parts))
        if contradictions(known):
            assert parts == ()
        elif parts:
            chain = [known.get(name) for name in [InstantName.IMPACT_BEGAN, *PHASE_ENDS.values()]]
            there = [instant.at for instant in chain if instant is not None]
            assert sum((part.lasted for part in parts), timedelta(0)) == there[-1] - there[0]


@given(timelines())
def test_every_event_survives_being_written_and_read(timeline: list[Event]) -> None:
    for event in timeline:
        again = decode_event(encode_event(event))

        assert again == event
        assert kind_of(again) == kind_of(event)


def test_a_reopened_incident_runs_on_to_its_last_restore() -> None:
    timeline = [
        Declared(**at(0, 1), title="disk full"),
        Detected(**at(0, 2)),
        Mitigated(**at(10, 3)),
        Restored(**at(20, 4)),
        Reopened(**at(30, 5)),
    ]

    reopened = instants(fold("INC-1", timeline))
    again = instants(fold("INC-1", [*timeline, Restored(**at(50, 6))]))

    assert reopened.restored is None
    assert reopened.mitigated is None
    assert reopened.n_reopened == 1
    assert status(timeline) is Status.OPEN
    assert again.restored is not None
    assert again.restored.at == T0 + timedelta(minutes=50)
    assert status([*timeline, Restored(**at(50, 6))]) is Status.RESTORED


def status(timeline: list[Event]) -> Status:
    incident = fold("INC-1", timeline)
    return status_of(incident, instants(incident))


def test_reopened_incident_is_open_until_somebody_takes_it_anew() -> None:
    timeline: list[Event] = [
        Declared(**at(0, 1), title="disk full"),
        Acknowledged(**at(5, 2), who="Ann"),
        Identified(**at(8, 3), cause="log files"),
        Restored(**at(20, 4)),
        Reopened(**at(30, 5)),
    ]
    taken = [*timeline, Acknowledged(**at(33, 6), who="Bob")]

    assert status(timeline) is Status.OPEN
    assert taker_of(fold("INC-1", timeline)) is None
    assert status(taken) is Status.IDENTIFIED
    assert taker_of(fold("INC-1", taken)) == "Bob"
    # The first acknowledgement is a fact, and what is measured.
    for told in (timeline, taken):
        acknowledged = instants(fold("INC-1", told)).acknowledged
        assert acknowledged is not None
        assert acknowledged.at == T0 + timedelta(minutes=5)
        assert responder_of(fold("INC-1", told)) == ("Ann" if told is timeline else "Bob")


def test_reopening_that_was_corrected_away_takes_no_acknowledgement_back() -> None:
    timeline: list[Event] = [
        Declared(**at(0, 1), title="disk full"),
        Acknowledged(**at(5, 2), who="Ann"),
        Restored(**at(20, 4)),
        Reopened(**at(30, 5)),
        Corrected(**at(31, 6), event_id="00005", to=None),
    ]

    assert status([*timeline[:2], *timeline[3:]]) is Status.ACKNOWLEDGED
    assert status(timeline) is Status.RESTORED
    assert taker_of(fold("INC-1", timeline)) == "Ann"


def test_what_telemetry_measured_holds_before_what_people_closed() -> None:
    timeline = [
        Detected(**at(0, 1)),
        Restored(**at(97, 2, Source.MEASURED)),
        Restored(**at(233, 3, Source.HUMAN)),
    ]

    restored = instants(fold("INC-1", timeline)).restored

    assert restored is not None
    assert (restored.at, restored.source) == (T0 + timedelta(minutes=97), Source.MEASURED)


def test_a_correction_moves_an_instant_and_the_latest_recorded_one_holds() -> None:
    timeline = [
        Detected(**at(5, 1)),
        Corrected(**at(60, 2), event_id="00001", to=T0 + timedelta(minutes=2)),
        Corrected(**at(90, 3), event_id="00001", to=T0 + timedelta(minutes=3), reason="log says so"),
    ]

    detected = instants(fold("INC-1", timeline)).detected

    assert detected is not None
    assert detected.at == T0 + timedelta(minutes=3)


def test_a_correction_to_nothing_takes_the_event_back_even_if_it_is_learnt_first() -> None:
    timeline = [Corrected(**at(60, 2), event_id="00001", to=None), Restored(**at(5, 1))]

    assert instants(fold("INC-1", timeline)).restored is None


def test_who_acknowledged_and_the_cause_go_with_the_events_that_say_so_whichever_is_learnt_first() -> None:
    timeline = [
        Acknowledged(**at(5, 1), who="ann"),
        Acknowledged(**at(9, 2), who="bob"),
        Identified(**at(20, 3), cause="a full disk"),
        Corrected(**at(60, 4), event_id="00002", to=None),
        Corrected(**at(61, 5), event_id="00003", to=None),
    ]

    for told in (timeline, timeline[::-1]):
        assert responder_of(fold("INC-1", told)) == "ann"
        assert cause_of(fold("INC-1", told)) is None


def test_whoever_acknowledged_last_after_corrections_is_the_responder() -> None:
    timeline = [
        Acknowledged(**at(5, 1), who="ann"),
        Acknowledged(**at(9, 2), who="bob"),
        Acknowledged(**at(12, 3)),
        Corrected(**at(60, 4), event_id="00001", to=T0 + timedelta(minutes=10)),
    ]

    assert responder_of(fold("INC-1", timeline[:3])) == "bob"
    assert responder_of(fold("INC-1", timeline)) == "ann"


def test_the_severity_that_holds_is_the_one_set_last_in_the_world_not_the_one_learnt_last() -> None:
    timeline = [
        Declared(**at(0, 1), severity=Severity.SEV3),
        SeverityChanged(**at(20, 2), severity=Severity.SEV1),
        SeverityChanged(**at(10, 3, learnt=99), severity=Severity.SEV2),
    ]

    assert value_of(fold("INC-1", timeline).severity, None) is Severity.SEV1


def test_noise_is_marked_and_unmarked_by_events() -> None:
    marked = fold("INC-1", [Declared(**at(0, 1)), Marked(**at(1, 2), exclusion=Exclusion.NOISE)])
    unmarked = evolve(marked, Marked(**at(2, 3), exclusion=None))

    assert value_of(marked.exclusion, None) is Exclusion.NOISE
    assert value_of(unmarked.exclusion, None) is None


def test_labels_are_set_one_by_one_and_none_takes_one_away() -> None:
    timeline = [
        Declared(**at(0, 1), labels={"cause": "disk", "region": "eu"}),
        Described(**at(1, 2), labels={"cause": None, "region": "us"}),
    ]

    assert labels_of(fold("INC-1", timeline)) == {"region": "us"}


def test_instants_in_the_wrong_order_are_reported_not_repaired() -> None:
    known = instants(fold("INC-1", [Detected(**at(30, 1)), Restored(**at(10, 2))]))

    (found,) = contradictions(known)

    assert (found.earlier, found.later) == (InstantName.DETECTED, InstantName.RESTORED)
    assert "before" in str(found)
    assert phases(known) == ()


def test_a_missing_middle_instant_joins_its_neighbours_and_says_so() -> None:
    known = instants(fold("INC-1", [Detected(**at(0, 1)), Mitigated(**at(40, 2)), Restored(**at(60, 3))]))

    found = phases(known)

    assert [part.names for part in found] == [("acknowledge", "identify", "mitigate"), ("verify",)]
    assert [part.lasted for part in found] == [timedelta(minutes=40), timedelta(minutes=20)]


def test_an_incident_of_which_nothing_is_known_does_not_exist() -> None:
    assert not Incident(id="INC-1").exists
    assert instants(Incident(id="INC-1")).detected is None
