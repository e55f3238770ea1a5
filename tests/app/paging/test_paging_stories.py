"""Nights on call, told as stories: who is paged, what stops it, and what the timeline says of it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from resile.app.growing import Growing
from resile.app.links import Deed
from resile.model.errors import AccessError, ConfigError
from resile.model.escalation import EscalationState
from resile.model.event import Escalated, Exclusion, PagingBegan
from resile.model.incident import InstantName
from resile.model.lifecycle import Correct, Mark, Merge, Reach
from resile.model.message import MessageClass, MessageState
from resile.model.policy import Target, TargetKind, Throttle
from resile.model.severity import Severity
from resile.model.time import HOUR, MINUTE
from resile.ports.channel import Handed, Receipt, RefusedError, UncertainError
from resile.ports.paging_store import Changes
from tests.app.paging.world import TWO_PEOPLE, Night, command, person, policy


def test_second_person_is_paged_once_the_first_stayed_silent_and_nobody_after_an_acknowledgement() -> None:
    night = Night()
    night.page()

    night.advance(6 * MINUTE)
    assert night.paged() == ["ann", "ann", "bob"]
    said = night.paging.acknowledge("INC-1", who="bob", by="user:bob")
    night.advance(HOUR)

    assert said == "You took INC-1. Nobody else is paged for it."
    assert night.paged() == ["ann", "ann", "bob"]
    assert night.kinds()[-2:] == ["Acknowledged", "PagingEnded"]
    assert night.store.timers("escalation") == []  # type: ignore[arg-type]


def test_acknowledging_twice_says_who_was_first_and_changes_nothing() -> None:
    night = Night()
    night.page()
    night.paging.acknowledge("INC-1", who="ann", by="user:ann")
    stood = night.kinds()

    assert night.paging.acknowledge("INC-1", who="bob", by="user:bob") == "ann took INC-1 already."
    assert night.paging.acknowledge("INC-1", who="ann", by="user:ann") == "You took INC-1 already."
    assert night.kinds() == stood


def test_silent_night_ends_in_nobody_reachable_within_its_bound() -> None:
    night = Night()
    night.page()

    night.advance(10 * MINUTE + timedelta(seconds=1))

    assert night.kinds().count("NobodyReachable") == 1
    assert night.paging.standing()[0].state is EscalationState.UNREACHABLE


def test_who_is_reached_after_all_may_still_acknowledge() -> None:
    night = Night()
    night.page()
    night.advance(HOUR)

    night.paging.acknowledge("INC-1", who="ann", by="user:ann")

    assert night.paging.standing()[0].state is EscalationState.ACKNOWLEDGED


def test_next_way_goes_out_at_once_where_the_provider_refuses_and_the_first_is_tried_again() -> None:
    night = Night()
    night.channels["push"].fault = RefusedError("the provider is not there; try later")
    night.page()

    assert night.sent() == [("ann", "sms")]
    night.channels["push"].fault = None
    night.advance(10 * timedelta(seconds=1))

    assert ("ann", "push") in night.sent()
    assert night.moves()[:2] == ["refused", "handed"]


def test_what_hung_is_never_sent_again_and_the_next_way_goes_out_at_once() -> None:
    night = Night()
    night.channels["push"].fault = UncertainError("no answer within 10 s")
    night.page()
    night.channels["push"].fault = None

    night.advance(2 * MINUTE)

    assert night.sent() == [("ann", "sms")]
    states = {message.channel: message.state for message in night.messages()}
    assert states == {"push": MessageState.UNCERTAIN, "sms": MessageState.HANDED}


def test_fault_of_a_channel_loses_no_page() -> None:
    night = Night()
    night.channels["push"].fault = ZeroDivisionError("a plug-in's")
    night.page()

    assert night.sent() == [("ann", "sms")]


def test_channel_that_is_not_set_up_is_told_and_the_next_way_taken() -> None:
    night = Night({**TWO_PEOPLE, ("person", "ann"): person("pigeon", "sms")})
    night.page()

    assert night.sent() == [("ann", "sms")]
    faults = {message.channel: message.error for message in night.messages()}
    assert "[channels.pigeon]" in (faults["pigeon"] or "")


def test_missing_receipt_has_the_next_way_taken() -> None:
    night = Night()
    night.channels["push"].handed = Handed(ref="p1", receipt_within=timedelta(seconds=30))
    night.page()

    night.advance(timedelta(seconds=31))

    assert night.sent() == [("ann", "push"), ("ann", "sms")]


def test_receipt_in_time_leaves_the_next_way_to_its_own_time() -> None:
    night = Night()
    night.channels["push"].handed = Handed(ref="p1", receipt_within=timedelta(seconds=30))
    night.page()

    night.receipts.take("push", [Receipt(ref="p1", state=MessageState.DELIVERED, number=3)])
    night.advance(timedelta(seconds=60))
    assert night.sent() == [("ann", "push")]

    night.advance(timedelta(seconds=61))
    assert night.sent() == [("ann", "push"), ("ann", "sms")]


def test_receipts_never_move_a_message_backwards_nor_speak_for_another_channel() -> None:
    night = Night()
    night.channels["push"].handed = Handed(ref="p1", receipt_within=MINUTE)
    night.page()
    page_id = night.messages()[0].id

    night.receipts.take("sms", [Receipt(message_id=page_id, state=MessageState.DELIVERED, number=1)])
    assert night.messages()[0].state is MessageState.HANDED
    night.receipts.take("push", [Receipt(message_id=page_id, state=MessageState.DELIVERED, number=3)])
    night.receipts.take("push", [Receipt(message_id=page_id, state=MessageState.FAILED, number=2)])
    night.receipts.take("push", [Receipt(message_id=page_id, state=MessageState.FAILED, number=9)])

    assert night.messages()[0].state is MessageState.DELIVERED
    assert night.moves() == ["handed", "delivered"]


def test_link_of_a_message_acknowledges_and_the_same_link_again_says_so() -> None:
    night = Night()
    night.page()
    url = night.channels["push"].sent[0].ack_url
    assert url is not None
    leave = night.links.read(url.rsplit("/", 1)[1], now=night.clock.now())

    assert night.receipts.by_link(leave, Deed.ACKNOWLEDGE).startswith("You took INC-1")
    assert night.receipts.by_link(leave, Deed.ACKNOWLEDGE) == "You took INC-1 already."
    with pytest.raises(AccessError, match="something else"):
        night.receipts.by_link(leave, Deed.ESCALATE)


def test_link_expires_and_a_cut_one_is_refused() -> None:
    night = Night()
    night.page()
    token = str(night.channels["push"].sent[0].ack_url).rsplit("/", 1)[1]

    with pytest.raises(AccessError, match="not one of resile's"):
        night.links.read(token[:-2], now=night.clock.now())
    night.clock.advance(timedelta(hours=24))
    with pytest.raises(AccessError, match="expired"):
        night.links.read(token, now=night.clock.now())


def test_escalating_by_hand_pages_the_next_step_at_once_even_after_an_acknowledgement() -> None:
    night = Night()
    night.page()
    night.paging.acknowledge("INC-1", who="ann", by="user:ann")

    said = night.paging.escalate("INC-1", who="ann", by="user:ann")
    night.work()

    assert said == "INC-1: now paging bob."
    assert night.sent()[-1] == ("bob", "push") or ("bob", "push") in night.sent()
    assert night.paging.standing()[0].state is EscalationState.RUNNING


def test_paging_somebody_else_takes_the_place_of_the_policy() -> None:
    night = Night()
    night.page()

    night.paging.page_also("INC-1", [Target(TargetKind.PERSON, "bob")], who="eve", by="user:eve")
    night.advance(6 * MINUTE)

    assert set(night.paged()[1:]) == {"bob"}


def test_edits_of_the_policy_do_not_touch_what_is_running() -> None:
    night = Night()
    night.page()
    night.write({("policy", "default"): policy(("person/ann", "0"))})

    night.advance(6 * MINUTE)

    assert night.paged() == ["ann", "ann", "bob"]


def test_person_who_left_the_catalog_is_told_and_the_next_step_begins_at_once() -> None:
    night = Night({**TWO_PEOPLE, ("policy", "default"): policy(("person/bob", "0"), ("person/ann", "5m"))})
    night.write({("person", "bob"): None})  # type: ignore[dict-item]

    with pytest.raises(ConfigError, match="reaches nobody"):
        night.page(policy=None, targets=[Target(TargetKind.PERSON, "bob")])
    incident_id = night.page()

    assert night.paged(incident_id) == ["ann"]
    steps = [event for event in night.events(incident_id) if isinstance(event, Escalated)]
    assert steps[0].missing == ("person bob is not in the catalog any more",)


@pytest.mark.parametrize(
    "ends",
    [Reach(InstantName.RESTORED), Mark(Exclusion.NOISE, "a test of the fire alarm"), Reach(InstantName.CLOSED)],
)
def test_whatever_ends_an_incident_ends_its_paging(ends: object) -> None:
    night = Night()
    night.page()
    command(night, ends)

    night.advance(HOUR)

    assert night.paged() == ["ann"]
    assert night.paging.standing() == []


def test_merged_incident_pages_no_more_and_the_other_goes_on() -> None:
    night = Night()
    night.page()
    night.page("Payments fail")
    command(night, Merge("INC-2"))

    night.advance(6 * MINUTE)

    assert night.paged("INC-1") == ["ann"]
    assert night.paged("INC-2") == ["ann", "ann", "bob"]


def test_acknowledgement_that_is_taken_back_pages_anew() -> None:
    night = Night()
    night.page()
    night.paging.acknowledge("INC-1", who="ann", by="user:ann")
    event_id = next(event.id for event in night.events() if type(event).__name__ == "Acknowledged")

    command(night, Correct(event_id, None, "a slip"))
    night.work()

    assert night.paged() == ["ann", "ann"]
    began = [event for event in night.events() if isinstance(event, PagingBegan)]
    assert began[-1].because == "the acknowledgement was taken back"


def test_timeline_that_was_told_past_paging_stops_it_at_the_next_look() -> None:
    night = Night()
    night.page()
    growing = Growing("INC-1", night.events(), now=night.clock.now(), by="import:pagerduty")
    growing.carry_out(Reach(InstantName.RESTORED))
    night.timelines.append(growing.appends())

    night.advance(HOUR)

    assert night.paged() == ["ann"]
    assert night.kinds()[-1] == "PagingEnded"


def test_only_verified_ways_are_used_where_there_are_any() -> None:
    night = Night()
    night.verified = {"ann": frozenset({"sms"})}
    night.page()

    assert night.sent() == [("ann", "sms")]
    assert "never verified" not in night.messages()[0].text


def test_rules_say_which_way_for_which_severity() -> None:
    rules = [{"use": "mail"}, {"use": "sms", "after": "0", "severities": ["SEV1"]}]
    night = Night({**TWO_PEOPLE, ("person", "ann"): person("push", "sms", "mail", rules=rules)})
    night.page(severity=Severity.SEV3)
    night.page("It burns", severity=Severity.SEV1)

    assert sorted(night.sent()) == [("ann", "mail"), ("ann", "mail"), ("ann", "sms")]


def test_excess_to_one_address_goes_as_one_and_first_pages_never_wait() -> None:
    documents = {
        ("person", "ann"): person("push"),
        ("policy", "default"): policy(("person/ann", "0"), ("person/ann", "30s")),
    }
    night = Night(documents, throttles={"": Throttle(most=4, within=5 * MINUTE)})
    for number in range(6):
        night.page(f"trouble {number}")
    assert len(night.channels["push"].sent) == 6  # each is the first of its incident

    night.advance(2 * MINUTE)

    later = night.channels["push"].sent[6:]
    assert len(later) == 1
    assert later[0].title == "6 more pages"
    assert "trouble 5" in later[0].text
    assert all(night.moves(f"INC-{number}") == ["handed", "handed"] for number in range(1, 7))


def test_answer_to_a_bundle_is_one_for_all_that_is_in_it() -> None:
    documents = {
        ("person", "ann"): person("push"),
        ("policy", "default"): policy(("person/ann", "0"), ("person/ann", "30s"), last="1h"),
    }
    night = Night(documents, throttles={"": Throttle(most=1, within=5 * MINUTE)})
    night.page("one")
    night.page("two")
    night.advance(2 * MINUTE)
    bundle = night.channels["push"].sent[-1]
    assert bundle.title == "2 more pages"
    leave = night.links.read(str(bundle.ack_url).rsplit("/", 1)[1], now=night.clock.now())

    said = night.receipts.by_link(leave, Deed.ACKNOWLEDGE)

    assert said == "You took INC-1, INC-2. Nobody else is paged for them."
    assert {one.state for one in night.paging.standing()} == {EscalationState.ACKNOWLEDGED}


def test_page_whose_sender_died_is_sent_again_and_says_so() -> None:
    night = Night()
    night.paging.page("Checkout is slow", who="eve", by="user:eve")
    claimed = night.notifier.claim(limit=10)
    assert len(claimed) == 1  # and whoever claimed it dies

    night.advance(MINUTE)

    assert [one.is_repeat for one in night.channels["push"].sent] == [True]
    assert night.channels["push"].sent[0].title.endswith("(may be a repeat)")
    assert night.channels["push"].sent[0].id == claimed[0].id


def test_page_that_may_have_gone_out_before_is_not_called_cancelled() -> None:
    """Its sender died; the next one had it in hand while somebody acknowledged, and gives it back unsent."""
    night = Night()
    incident_id = night.paging.page("Checkout is slow", who="eve", by="user:eve")
    assert len(night.notifier.claim(limit=10)) == 1
    night.clock.advance(MINUTE)
    (again,) = night.notifier.claim(limit=10)
    night.paging.acknowledge(incident_id, who="ann", by="user:ann")

    night.notifier.give_back(again)

    assert night.messages()[0].state is MessageState.UNCERTAIN
    assert night.moves() == ["uncertain"]


def test_notice_whose_sender_died_is_not_sent_again_and_the_gap_is_told() -> None:
    night = Night()
    night.page()
    notice = replace(
        night.messages()[0], id="notice", message_class=MessageClass.NOTICE, state=MessageState.QUEUED, version=1
    )
    night.store.commit(Changes(messages=(notice,)))
    assert [message.id for message in night.notifier.claim(limit=10)] == ["notice"]

    night.advance(MINUTE)

    assert night.store.messages(["notice"])["notice"].state is MessageState.UNCERTAIN
    assert [one.id for one in night.channels["push"].sent].count("notice") == 0
    assert night.moves()[-1] == "uncertain"


def test_unknown_policy_and_unknown_incident_are_refused_with_the_way_out() -> None:
    night = Night()

    with pytest.raises(ConfigError, match="there are default"):
        night.page(policy="defualt")
    with pytest.raises(ConfigError, match="check its id"):
        night.paging.acknowledge("INC-9", who="ann", by="user:ann")


def test_of_those_that_began_together_the_ninth_stands_before_the_tenth() -> None:
    night = Night()
    for n in range(11):
        night.paging.page(f"Checkout {n} is slow", who="eve", by="user:eve")

    assert [one.incident_id for one in night.paging.standing()] == [f"INC-{n}" for n in range(1, 12)]
