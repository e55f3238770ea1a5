"""Webhooks against a receiver that checks signatures."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from resile.channels.http_client import HttpClient
from resile.channels.outward import Outward
from resile.channels.plugin import Surroundings
from resile.channels.webhook import CHANNEL, Webhook
from resile.model.errors import AccessError, ConfigError
from resile.model.message import MessageClass
from resile.ports.channel import RefusedError, UncertainError
from resile.testing.loopback_http import Fault, Reply
from resile.testing.simulated_clock import SimulatedClock
from resile.testing.webhook_sink import WebhookSink, is_signed
from tests.channels.messages import ID, NOW, hostile, page

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as running:
        yield running


def opened(surroundings: Surroundings, **given: Any) -> Webhook:
    channel = CHANNEL.open(given, surroundings)
    assert isinstance(channel, Webhook)
    return channel


def test_a_page_arrives_whole_and_signed(sink: WebhookSink, surroundings: Surroundings) -> None:
    channel = opened(surroundings)
    secret = channel.secret_for(sink.address)
    assert secret is not None
    sink.secret = secret.get_secret_value()

    handed = channel.send(page(sink.address), timeout_s=5)

    (request,) = sink.requests
    assert request.json() == {
        "id": ID,
        "type": "page",
        "title": "SEV1 shop: checkout fails",
        "text": "Checkout fails.\nYou are on call for payments.",
        "severity": "SEV1",
        "incident": "inc-7",
        "person": "ann",
        "url": "https://resile.example.org/incidents/inc-7",
        "ack_url": "https://resile.example.org/answer/ack",
        "escalate_url": "https://resile.example.org/answer/esc",
        "act_url": "https://resile.example.org/act/both",
        "is_repeat": False,
    }
    assert request.headers["webhook-id"] == request.headers["idempotency-key"] == handed.ref == ID
    assert request.headers["webhook-timestamp"] == str(int(NOW.timestamp()))


def test_the_signature_is_the_one_of_the_standards_example(sink: WebhookSink) -> None:
    # Of https://www.standardwebhooks.com: id, time, body and secret, and what comes of them.
    clock = SimulatedClock(datetime.fromtimestamp(1614265330, UTC))
    channel = opened(Surroundings(http=HttpClient(Outward(["127.0.0.1"])), clock=clock), secret=SECRET)

    channel.send(
        page(sink.address, id="msg_p5jXN8AQM9LWM0D4loKWxJek", extra={"body": '{"test": 2432232314}'}), timeout_s=5
    )

    assert sink.requests[0].headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_same_message_twice_carries_the_same_id(sink: WebhookSink, surroundings: Surroundings) -> None:
    channel = opened(surroundings)

    channel.send(page(sink.address), timeout_s=5)
    channel.send(page(sink.address, is_repeat=True), timeout_s=5)

    assert [request.headers["webhook-id"] for request in sink.requests] == [ID, ID]
    assert [request.json()["is_repeat"] for request in sink.requests] == [False, True]


def test_an_emitted_event_goes_out_as_it_was_written(sink: WebhookSink, surroundings: Surroundings) -> None:
    body = '{"specversion":"1.0",  "type":"dev.resile.incident.declared"}'
    extra = {"body": body, "content_type": "application/cloudevents+json"}

    opened(surroundings).send(page(sink.address, message_class=MessageClass.EMITTED, extra=extra), timeout_s=5)

    assert sink.requests[0].body == body.encode()
    assert sink.requests[0].headers["content-type"] == "application/cloudevents+json"


def test_each_host_has_a_secret_of_its_own_or_the_one_that_is_set(surroundings: Surroundings) -> None:
    def secret(channel: Webhook, url: str) -> str:
        found = channel.secret_for(url)
        assert found is not None
        return found.get_secret_value()

    derived, set_one = (
        opened(surroundings),
        opened(surroundings, secret=SECRET, secrets={"B.example": "whsec_" + "b" * 32}),
    )

    assert secret(derived, "https://a.example/x") == secret(derived, "https://a.example/y")
    assert secret(derived, "https://a.example/x") != secret(derived, "https://b.example/x")
    assert secret(set_one, "https://a.example/x") == SECRET
    assert secret(set_one, "https://b.example/x") == "whsec_" + "b" * 32


def test_without_a_key_nothing_is_signed(sink: WebhookSink) -> None:
    bare = Surroundings(http=HttpClient(Outward(["127.0.0.1"])), clock=SimulatedClock(NOW))

    opened(bare).send(page(sink.address), timeout_s=5)

    assert "webhook-signature" not in sink.requests[0].headers


@pytest.mark.parametrize(
    "wrong", [{"secret": "abc"}, {"secret": "whsec_abc"}, {"secret": "whsec_" + "é"}, {"secrets": {"a.example": "x"}}]
)
def test_a_secret_that_is_none_is_named_and_not_shown(surroundings: Surroundings, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"channels\.webhook\.secret.* is no secret of a webhook") as refused:
        opened(surroundings, **wrong)

    assert "abc" not in str(refused.value)


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.DROPS, Fault.TALKS_NONSENSE, Fault.DRIPS])
def test_without_an_answer_nobody_knows(sink: WebhookSink, surroundings: Surroundings, fault: Fault) -> None:
    sink.fails = [fault]

    with pytest.raises(UncertainError):
        opened(surroundings).send(page(sink.address), timeout_s=1)


@pytest.mark.parametrize(("status", "is_final"), [(400, True), (401, False), (410, True), (429, False), (500, False)])
def test_a_refusal_tells_the_status_and_nothing_that_the_receiver_wrote(
    sink: WebhookSink, surroundings: Surroundings, status: int, is_final: bool
) -> None:
    sink.fails = [Reply(status=status, body={"secret": "of the inside"})]

    with pytest.raises(RefusedError, match=f"answered {status}") as refused:
        opened(surroundings).send(page(sink.address), timeout_s=5)

    assert refused.value.is_final is is_final
    assert "inside" not in str(refused.value)


def test_an_address_of_our_own_network_is_refused_when_typed_and_when_sent(sink: WebhookSink) -> None:
    guarded = opened(Surroundings(http=HttpClient(Outward()), clock=SimulatedClock(NOW)))

    with pytest.raises(ConfigError, match="allowed_addresses"):
        guarded.address(sink.address)
    with pytest.raises(RefusedError, match="allowed_addresses") as refused:
        guarded.send(page(sink.address), timeout_s=5)

    assert refused.value.is_final
    assert sink.requests == []


def test_what_cannot_be_asked_is_answered_so(surroundings: Surroundings) -> None:
    channel = opened(surroundings)

    channel.check(timeout_s=1)
    with pytest.raises(AccessError):
        channel.receipts({}, {}, b"", url="")


@given(title=hostile, text=hostile, content_type=hostile)
@settings(deadline=None, max_examples=30)
def test_what_strangers_wrote_stays_within_the_body(title: str, text: str, content_type: str) -> None:
    channel = opened(Surroundings(http=HttpClient(Outward(["127.0.0.1"])), clock=SimulatedClock(NOW), key=lambda: b"k"))
    with WebhookSink() as sink:
        channel.send(page(sink.address, title=title, text=text), timeout_s=5)
        channel.send(page(sink.address, extra={"body": text, "content_type": content_type}), timeout_s=5)

    secret = channel.secret_for(sink.address)
    assert secret is not None
    assert all(is_signed(request, secret.get_secret_value()) for request in sink.requests)
    assert all(len(request.headers) == 10 for request in sink.requests)
    told = json.loads(sink.requests[0].body)
    assert "\n" not in told["title"]
    assert "\x1b" not in told["title"] + told["text"]
