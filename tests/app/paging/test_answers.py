"""Answers that name no message, and addresses that are secrets: whose page it was, and what the timeline says of it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

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


def test_number_of_a_chat_is_not_sought_in_other_numbers() -> None:
    night = Night()
    contacts = [{"name": "push", "channel": "push", "address": "42"}]
    night.write({("person", "ann"): {"contacts": contacts}, ("person", "bob"): {}})
    night.channels["push"].fault = RefusedError("Telegram answered 429", is_final=True)

    (message,) = night.store.messages_of([night.page()])

    assert message.error == "Telegram answered 429"
