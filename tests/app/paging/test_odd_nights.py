"""Nights on which something is odd: clocks, floods of pages, what is over and begins again, faults."""

from datetime import timedelta

from msgspec.structs import replace

from resile.app.paging import Paging
from resile.model.event import Exclusion, PagingBegan
from resile.model.incident import InstantName
from resile.model.lifecycle import ChangeSeverity, Mark, Reach, Reopen
from resile.model.message import Message, MessageClass, MessageState
from resile.model.policy import Target, TargetKind, Throttle
from resile.model.severity import Severity
from resile.model.time import HOUR, MINUTE
from resile.ports.channel import RefusedError, UncertainError
from resile.ports.paging_store import Changes
from resile.testing.simulated_clock import SimulatedClock
from tests.app.paging.world import NIGHT, TWO_PEOPLE, Night, command, person, policy


def test_excess_that_trickles_in_goes_as_one_too() -> None:
    documents = {("person", "ann"): person("push"), ("policy", "default"): policy(("person/ann", "0"), last="1h")}
    night = Night(documents, throttles={"": Throttle(most=1, within=5 * MINUTE)})
    for number in range(3):
        night.page(f"trouble {number}")
    for number in range(30):
        night.store.commit(_more(night, f"more-{number}"))
        night.advance(timedelta(seconds=1))
    night.advance(2 * MINUTE)

    later = night.channels["push"].sent[3:]
    assert len(later) <= 2
    assert sum(int(one.title.split()[0]) for one in later) == 30
    ids = [f"more-{number}" for number in range(30)]
    assert {one.state for one in night.store.messages(ids).values()} == {MessageState.HANDED}


def test_where_what_goes_together_is_refused_the_next_way_of_its_person_is_used_at_once() -> None:
    rules = [{"use": "push", "after": "0"}, {"use": "sms", "after": "30m"}]
    documents = {
        ("person", "ann"): person("mail"),
        ("person", "bob"): person("push", "sms", rules=rules),
        ("policy", "default"): policy(("person/ann", "0"), ("person/bob", "5m"), last="2h"),
    }
    night = Night(documents, throttles={"push": Throttle(most=1, within=5 * MINUTE)})
    for number in range(4):
        night.page(f"trouble {number}")
    night.advance(5 * MINUTE)
    assert [one.state for one in night.store.recent_messages() if one.channel == "push"].count(
        MessageState.BUNDLED
    ) == 3

    night.channels["push"].fault = RefusedError("come again later")
    night.advance(2 * MINUTE)
    assert len(night.channels["sms"].sent) == 3

    night.channels["push"].fault = None
    night.advance(5 * MINUTE)
    pushed = [one for one in night.store.recent_messages() if one.channel == "push"]
    assert {one.state for one in pushed} == {MessageState.HANDED}
    assert {one.error for one in pushed} == {None}
    assert len(night.channels["sms"].sent) == 3


def _more(night: Night, name: str) -> Changes:
    """Another page of the first incident, as a later step would have it."""
    now = night.clock.now()
    first = night.messages()[0]
    more = replace(first, id=name, state=MessageState.QUEUED, version=1, is_first=False, queued_at=now, due_at=now)
    return Changes(messages=(replace(more, handed_at=None, n_tries=0),))


def test_emitted_event_that_hung_is_sent_again_and_says_so() -> None:
    night = Night()
    night.page()
    emitted = replace(
        night.messages()[0], id="event", message_class=MessageClass.EMITTED, state=MessageState.QUEUED, version=1
    )
    night.store.commit(Changes(messages=(replace(emitted, incident_id=None, n_tries=0),)))
    night.channels["push"].fault = UncertainError("no answer within 10 s")
    night.work()
    night.channels["push"].fault = None

    night.advance(MINUTE)

    assert [one.is_repeat for one in night.channels["push"].sent if one.id == "event"] == [True]


def test_incident_that_a_person_reopens_pages_anew() -> None:
    night = Night()
    night.page()
    command(night, Reach(InstantName.RESTORED))
    night.advance(timedelta(seconds=5))
    command(night, Reopen("it is back"))

    night.advance(6 * MINUTE)

    assert night.paged() == ["ann", "ann", "ann", "bob"]
    assert [event for event in night.events() if isinstance(event, PagingBegan)][-1].because == "reopened by eve"


def test_mark_that_is_taken_back_pages_on_the_same_day_and_never_for_an_old_story() -> None:
    night = Night()
    for length, paged in ((MINUTE, ["ann", "ann"]), (30 * HOUR, ["ann"])):
        incident_id = night.page()
        command(night, Mark(Exclusion.NOISE, "a drill"), incident_id)
        night.advance(length)
        command(night, Mark(None), incident_id)
        night.work()
        assert night.paged(incident_id) == paged


def test_severity_that_is_raised_adds_the_ways_it_asks_for_at_once() -> None:
    rules = [{"use": "mail"}, {"use": "sms", "after": "0", "severities": ["SEV1"]}]
    night = Night(
        {**TWO_PEOPLE, ("person", "ann"): person("sms", "mail", rules=[{**rules[0], "severities": ["SEV3"]}, rules[1]])}
    )
    night.page(severity=Severity.SEV3)
    assert night.sent() == [("ann", "mail")]

    command(night, ChangeSeverity(Severity.SEV1))
    night.work()

    assert sorted(night.sent()) == [("ann", "mail"), ("ann", "sms")]
    command(night, ChangeSeverity(Severity.SEV3))
    command(night, ChangeSeverity(Severity.SEV1))
    night.work()
    assert len(night.sent()) == 2


def test_nobody_is_paged_by_name_for_what_is_over() -> None:
    night = Night()
    night.page()
    command(night, Reach(InstantName.RESTORED))

    said = night.paging.page_also("INC-1", [Target(TargetKind.PERSON, "bob")], who="eve", by="user:eve")

    assert said == "INC-1 is over already: restored; reopen it first."
    assert night.paged() == ["ann"]


def test_acknowledgement_by_a_clock_that_is_behind_is_taken() -> None:
    night = Night()
    night.page()
    behind = SimulatedClock(NIGHT - timedelta(seconds=8))
    paging = Paging(night.store, night.timelines, behind, look=night._look, words=lambda *_, **__: ("", ""))

    paging.acknowledge("INC-1", who="ann", by="user:ann")

    night.advance(HOUR)
    assert night.paged() == ["ann"]
    assert night.paging.standing()[0].by == "ann"


def test_policy_that_can_be_read_no_more_leaves_paging_to_the_default() -> None:
    documents = {**TWO_PEOPLE, ("service", "shop"): {"policy": "gone"}}
    night = Night(documents)

    night.page(services=["shop"])

    assert night.paged() == ["ann"]


def test_message_that_cannot_be_noted_keeps_no_page_waiting() -> None:
    night = Night()
    night.paging.page("Checkout is slow", who="eve", by="user:eve")
    notice = Message(
        id="notice",
        message_class=MessageClass.NOTICE,
        channel="push",
        address="x",
        title="x",
        text="x",
        queued_at=NIGHT,
        due_at=NIGHT,
        state=MessageState.SENDING,
        lease_by="dead",
        lease_until=NIGHT,
    )
    night.store.commit(Changes(messages=(notice,)))
    commit = night.store.commit

    def failing(changes: Changes) -> None:
        if any(one.id == "notice" for one in changes.messages):
            raise ValueError("a fault of ours")
        commit(changes)

    night.store.commit = failing  # type: ignore[method-assign]

    night.work()

    assert night.sent() == [("ann", "push")]
