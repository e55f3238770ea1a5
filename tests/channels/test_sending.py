"""Messages on their whole way: from the queue through a channel to a provider, and what the store says of them then."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from resile.app.links import Links
from resile.app.notify import Notifier
from resile.channels.registry import open_channels
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.paging_store import Changes
from resile.testing.loopback_http import Fault, Reply
from resile.testing.loopback_smtp import Hitch, LoopbackSmtp
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock
from resile.testing.webhook_sink import WebhookSink
from tests.channels.messages import NOW


class World:
    """A notifier with channels that lead to servers on loopback."""

    def __init__(self, sink: WebhookSink, smtp: LoopbackSmtp) -> None:
        self.sink, self.smtp = sink, smtp
        self.clock = SimulatedClock(NOW)
        timelines = MemoryTimelineStore()
        self.store = MemoryPagingStore(timelines)
        email = {"host": "127.0.0.1", "port": smtp.port, "tls": "none", "from": "resile@example.org"}
        channels = open_channels({"email": email}, clock=self.clock, allowed=["127.0.0.1"], key=lambda: b"k" * 32)
        links = Links("https://resile.example.org", lambda: b"k" * 32)
        self.notifier = Notifier(self.store, timelines, self.clock, channels, links=links, by="n1")

    def send(self, channel: str, address: str) -> Message:
        """What the store says of a page of no incident after it was sent once."""
        kind = MessageClass.PAGE
        message = Message(
            id="m", message_class=kind, channel=channel, address=address, title="t", text="x", queued_at=NOW, due_at=NOW
        )
        self.store.commit(Changes(messages=(message,)))
        assert self.notifier.send_due() == 1
        return self.store.messages(["m"])["m"]


@pytest.fixture
def world() -> Iterator[World]:
    with WebhookSink() as sink, LoopbackSmtp() as smtp:
        yield World(sink, smtp)


def test_what_is_taken_is_handed_over(world: World) -> None:
    assert world.send("webhook", world.sink.address).state is MessageState.HANDED
    assert world.sink.requests[0].headers["webhook-id"] == "m"


def test_mail_that_is_taken_is_handed_over(world: World) -> None:
    sent = world.send("email", "ann@example.org")

    assert (sent.state, sent.ref) == (MessageState.HANDED, "<m@example.org>")


def test_what_is_refused_is_sent_again_when_the_provider_asks_for_it(world: World) -> None:
    world.sink.fails = [Reply(status=503, headers={"retry-after": "90"})]

    sent = world.send("webhook", world.sink.address)

    assert (sent.state, sent.due_at) == (MessageState.QUEUED, NOW + timedelta(seconds=90))
    world.clock.advance(timedelta(seconds=90))
    assert world.notifier.send_due() == 1
    assert world.store.messages(["m"])["m"].state is MessageState.HANDED


def test_what_is_refused_for_good_failed(world: World) -> None:
    world.smtp.fails["RCPT"] = "550 5.1.1 no such mailbox"

    sent = world.send("email", "ann@example.org")

    assert sent.state is MessageState.FAILED
    assert "no such mailbox" in (sent.error or "")


def test_of_what_broke_off_nobody_knows(world: World) -> None:
    world.sink.fails = [Fault.DROPS]

    assert world.send("webhook", world.sink.address).state is MessageState.UNCERTAIN


def test_of_mail_that_was_told_and_not_answered_nobody_knows(world: World) -> None:
    world.smtp.fails["BODY"] = Hitch.DROPS

    assert world.send("email", "ann@example.org").state is MessageState.UNCERTAIN


def test_an_address_inside_failed_and_says_which_setting_would_let_it(world: World) -> None:
    sent = world.send("webhook", "http://169.254.169.254/latest/meta-data/")

    assert sent.state is MessageState.FAILED
    assert "allowed_addresses" in (sent.error or "")
