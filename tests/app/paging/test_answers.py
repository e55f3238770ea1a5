"""Answers that name no message, and addresses that are secrets: whose page it was, and what the timeline says of it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from resile.app.links import Deed
from resile.app.receipts import in_few_words
from resile.model.event import PagingBegan
from resile.model.message import Message, shown_address
from resile.ports.channel import Receipt, RefusedError
from resile.ports.paging_store import Changes
from tests.app.paging.world import Night


def test_answer_that_names_no_message_is_for_the_newest_page_to_that_address() -> None:
    night = Night()
    night.page("older")
    night.clock.advance(timedelta(seconds=1))
    night.page("newer")

    said = night.receipts.take("push", [Receipt(answer="acknowledge", to_address="push:x", by="+4900")])

    assert said == ["You took INC-2. Nobody else is paged for it."]
    assert night.receipts.take("push", [Receipt(answer="acknowledge", to_address="nobody")]) == [
        "resile knows no page to which this answers."
    ]


def test_answer_that_names_no_message_is_rather_for_a_page_that_nobody_answered() -> None:
    night = Night()
    waiting = night.page("still waiting")
    night.clock.advance(timedelta(seconds=1))
    taken = night.page("taken at once")
    night.paging.acknowledge(taken, who="bob", by="user:bob")

    said = night.receipts.take("push", [Receipt(answer="acknowledge", to_address="push:x", by="+4900")])

    assert said == [f"You took {waiting}. Nobody else is paged for it."]
    assert night.receipts.take("push", [Receipt(answer="acknowledge", to_address="push:x")]) == [
        f"bob took {taken} already."
    ]


def test_same_push_twice_within_a_minute_begins_one_step() -> None:
    night = Night()
    incident_id = night.page()
    (page,) = night.store.messages_of([incident_id])

    first = night.receipts.answered(page, Deed.ESCALATE)
    night.clock.advance(timedelta(seconds=59))
    again = night.receipts.answered(page, Deed.ESCALATE)

    assert first == f"{incident_id}: now paging bob."
    assert again == (f"{incident_id}: ann had the next step begun already, less than a minute ago; now paging bob.")
    pushes = [one for one in night.timelines.read(incident_id) if isinstance(one, PagingBegan)]
    assert [one.because for one in pushes if one.because.startswith("escalated")] == ["escalated by ann"]


def test_push_that_is_meant_anew_begins_another_step() -> None:
    night = Night()
    incident_id = night.page()
    (page,) = night.store.messages_of([incident_id])

    def n_pushes() -> int:
        told = night.timelines.read(incident_id)
        return sum(isinstance(one, PagingBegan) and one.because.startswith("escalated") for one in told)

    night.receipts.answered(page, Deed.ESCALATE)
    night.receipts.answered(replace(page, person="bob"), Deed.ESCALATE)
    assert n_pushes() == 2
    night.paging.acknowledge(incident_id, who="bob", by="person:bob")
    night.receipts.answered(replace(page, person="bob"), Deed.ESCALATE)
    assert n_pushes() == 3
    night.clock.advance(timedelta(seconds=60))
    night.receipts.answered(replace(page, person="bob"), Deed.ESCALATE)
    assert n_pushes() == 4
    night.paging.escalate(incident_id, who="bob", by="user:bob")
    assert n_pushes() == 5


HOOK = "https://hooks.slack.com/services/T0000/B0000/s3cr3t-of-the-room"


def of_nobody(night: Night, incident_id: str) -> Message:
    """A page to an address that is nobody's, handed over."""
    (page,) = night.store.messages_of([incident_id])
    told = replace(page, id="hook", person=None, contact=None, address=HOOK, version=1)
    night.store.commit(Changes(messages=(told,)))
    return told


@pytest.mark.parametrize(
    ("by", "who"),
    [("@zoe", "@zoe"), (None, "somebody at push"), ("+4915112345678", "…5678"), ("", "somebody at push")],
)
def test_whoever_answers_for_an_address_of_nobody_is_named_without_it(by: str | None, who: str) -> None:
    night = Night()
    incident_id = night.page()
    page = of_nobody(night, incident_id)

    night.receipts.take("push", [Receipt(message_id=page.id, answer="acknowledge", by=by)])

    assert night.store.escalations([incident_id])[incident_id].by == who
    told = str(night.timelines.read(incident_id))
    assert "s3cr3t" not in told
    assert "12345678" not in told


@pytest.mark.parametrize("address", [HOOK, "+4915112345678"])
@pytest.mark.parametrize("most", [40, 1_000])
def test_address_that_a_channel_does_not_take_is_not_on_the_timeline(address: str, most: int) -> None:
    night = Night()
    contacts = [{"name": "push", "channel": "push", "address": address}]
    night.write({("person", "ann"): {"contacts": contacts}, ("person", "bob"): {}})
    cut = address if len(address) <= most else f"{address[: most - 1]}…"
    night.channels["push"].fault = RefusedError(f"'{cut}' is no e-mail address; write another", is_final=True)

    incident_id = night.page()

    (message,) = night.store.messages_of([incident_id])
    assert message.error == f"'{shown_address(address)}' is no e-mail address; write another"
    assert address[-6:] not in str(night.timelines.read(incident_id))


@pytest.mark.parametrize(
    ("address", "echoed"),
    [
        ("Ann@Example.org", "ann@example.org"),
        ("ann@example.org", "ANN@EXAMPLE.ORG"),
        ("+4915112345678", "+49 (151) 123-45678"),
        ("+4915112345678", "4915112345678"),
        ("+49 151 1234-5678", "+4915112345678"),
    ],
)
def test_address_that_is_echoed_in_another_way_is_not_on_the_timeline(address: str, echoed: str) -> None:
    night = Night()
    contacts = [{"name": "push", "channel": "push", "address": address}]
    night.write({("person", "ann"): {"contacts": contacts}, ("person", "bob"): {}})
    night.channels["push"].fault = RefusedError(f"'{echoed}' is not known (21211)", is_final=True)

    incident_id = night.page()

    (message,) = night.store.messages_of([incident_id])
    assert message.error == f"'{shown_address(address)}' is not known (21211)"
    assert echoed not in str(night.timelines.read(incident_id))


def test_number_of_a_chat_is_not_sought_in_other_numbers() -> None:
    night = Night()
    contacts = [{"name": "push", "channel": "push", "address": "42"}]
    night.write({("person", "ann"): {"contacts": contacts}, ("person", "bob"): {}})
    night.channels["push"].fault = RefusedError("Telegram answered 429", is_final=True)

    (message,) = night.store.messages_of([night.page()])

    assert message.error == "Telegram answered 429"


def test_what_came_of_many_incidents_is_said_in_a_sentence_for_each_way_that_it_went() -> None:
    went = [(f"INC-{n}", f"You took INC-{n}. Nobody else is paged for it.") for n in range(1, 117)]
    went += [("INC-117", "bob took INC-117 already."), ("INC-118", "INC-118 is over already: restored.")]
    went += [("INC-119", "INC-119 is over already: restored.")]

    assert in_few_words(went) == (
        "You took INC-1, INC-2, INC-3 and 113 more. Nobody else is paged for them. bob took INC-117 already. "
        "INC-118, INC-119 are over already: restored."
    )
