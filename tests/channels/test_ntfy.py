"""ntfy against a server on loopback that takes its messages."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from resile.channels.http_client import HttpClient
from resile.channels.ntfy import CHANNEL
from resile.channels.outward import Outward
from resile.channels.plugin import Surroundings
from resile.model.errors import AccessError, ConfigError, DeliveryError
from resile.model.message import MessageClass
from resile.model.severity import Severity
from resile.ports.channel import Channel, RefusedError, UncertainError
from resile.testing.loopback_http import Fault, Reply
from resile.testing.loopback_ntfy import LoopbackNtfy
from resile.testing.simulated_clock import SimulatedClock
from tests.channels.messages import BASE, ID, NOW, hostile, page


@pytest.fixture
def server() -> Iterator[LoopbackNtfy]:
    with LoopbackNtfy() as running:
        yield running


def opened(server: LoopbackNtfy, surroundings: Surroundings, **given: Any) -> Channel:
    return CHANNEL.open({"server": server.address, **given}, surroundings)


def guarded() -> Surroundings:
    return Surroundings(http=HttpClient(Outward()), clock=SimulatedClock(NOW))


def test_a_page_arrives_with_its_buttons(server: LoopbackNtfy) -> None:
    # The server of the settings is trusted, wherever it is.
    handed = opened(server, guarded()).send(page("alerts"), timeout_s=5)

    assert server.published == [
        {
            "topic": "alerts",
            "title": "SEV1 shop: checkout fails",
            "message": "Checkout fails.\nYou are on call for payments.",
            "priority": 5,
            "tags": ["rotating_light", "SEV1"],
            "click": f"{BASE}/incidents/inc-7",
            "sequence_id": ID,
            "actions": [
                {
                    "action": "http",
                    "label": "Acknowledge",
                    "url": f"{BASE}/act/both?do=acknowledge",
                    "method": "POST",
                    "clear": True,
                },
                {
                    "action": "http",
                    "label": "Escalate",
                    "url": f"{BASE}/act/both?do=escalate",
                    "method": "POST",
                    "clear": True,
                },
                {"action": "view", "label": "Open", "url": f"{BASE}/incidents/inc-7"},
            ],
        }
    ]
    assert handed.ref == "ntfy1"
    assert server.requests[0].headers["idempotency-key"] == ID


@pytest.mark.parametrize(
    ("severity", "kind", "priority"),
    [
        (Severity.SEV1, MessageClass.PAGE, 5),
        (Severity.SEV3, MessageClass.PAGE, 4),
        (Severity.SEV5, MessageClass.PAGE, 3),
        (None, MessageClass.PAGE, 5),
        (Severity.SEV1, MessageClass.UPDATE, 3),
        (None, MessageClass.CHECK, 3),
    ],
)
def test_how_loud_it_is_follows_from_how_bad_it_is(
    server: LoopbackNtfy, severity: Severity | None, kind: MessageClass, priority: int
) -> None:
    opened(server, guarded()).send(page("alerts", severity=severity, message_class=kind), timeout_s=5)

    assert server.published[0]["priority"] == priority


def test_what_cannot_be_answered_has_no_buttons(server: LoopbackNtfy) -> None:
    without = {"ack_url": None, "escalate_url": None, "act_url": None, "url": None}

    opened(server, guarded()).send(page("alerts", **without), timeout_s=5)

    assert server.published[0]["actions"] == []
    assert "click" not in server.published[0]


def test_the_token_goes_to_the_server_of_the_settings_alone(server: LoopbackNtfy, surroundings: Surroundings) -> None:
    server.token = "tk_right"
    channel = opened(server, surroundings, token="tk_right")

    channel.send(page("alerts"), timeout_s=5)
    with LoopbackNtfy() as other:
        channel.send(page(f"{other.address}/alerts"), timeout_s=5)

    assert server.requests[0].headers["authorization"] == "Bearer tk_right"
    assert "authorization" not in other.requests[0].headers
    assert "tk_right" not in f"{channel!r}{vars(channel)}"


def test_other_servers_are_guarded(server: LoopbackNtfy) -> None:
    channel = CHANNEL.open({}, guarded())

    with pytest.raises(ConfigError, match="allowed_addresses"):
        channel.address(f"{server.address}/alerts")
    with pytest.raises(RefusedError, match="allowed_addresses"):
        channel.send(page(f"{server.address}/alerts"), timeout_s=5)
    assert server.requests == []


def test_a_topic_is_written_with_its_server() -> None:
    channel = CHANNEL.open({}, guarded())

    assert channel.address(" my-topic ") == "https://ntfy.sh/my-topic"
    assert channel.address("https://NTFY.example.org/my-topic") == "https://ntfy.example.org/my-topic"


@pytest.mark.parametrize(
    "text", ["", "a/b", "a b", "https://ntfy.sh/", "https://ntfy.sh/a?b", "x" * 65, "ftp://x/y", "a\nb"]
)
def test_what_is_no_topic_is_refused(text: str) -> None:
    channel = CHANNEL.open({}, guarded())

    with pytest.raises(ConfigError):
        channel.address(text)
    with pytest.raises(RefusedError) as refused:
        channel.send(page(text), timeout_s=1)
    assert refused.value.is_final


@pytest.mark.parametrize(
    "fault",
    [Fault.HANGS, Fault.DROPS, Fault.TALKS_NONSENSE, Fault.DRIPS, Fault.CUTS, Reply(body=b"<html>"), Reply(body=[])],
)
def test_without_a_proper_answer_nobody_knows(server: LoopbackNtfy, fault: Fault | Reply) -> None:
    server.fails = [fault]

    with pytest.raises(UncertainError):
        opened(server, guarded()).send(page("alerts"), timeout_s=1)


def test_a_refusal_says_why(server: LoopbackNtfy) -> None:
    server.token = "tk_right"

    with pytest.raises(RefusedError, match=r"403 \(forbidden\).*channels\.ntfy\.token") as refused:
        opened(server, guarded()).send(page("alerts"), timeout_s=5)

    assert not refused.value.is_final


def test_too_many_is_tried_again_later(server: LoopbackNtfy) -> None:
    server.fails = [Reply(status=429, headers={"retry-after": "20"}, body={"error": "limit reached"})]

    with pytest.raises(RefusedError, match="limit reached") as refused:
        opened(server, guarded()).send(page("alerts"), timeout_s=5)

    assert (refused.value.again_in_s, refused.value.is_final) == (20.0, False)


def test_check_tells_whether_the_token_is_known(server: LoopbackNtfy) -> None:
    opened(server, guarded()).check(timeout_s=5)
    server.token = "tk_right"

    opened(server, guarded(), token="tk_right").check(timeout_s=5)
    with pytest.raises(DeliveryError, match=r"channels\.ntfy\.token"):
        opened(server, guarded(), token="tk_wrong").check(timeout_s=5)


@pytest.mark.parametrize("wrong", ["ntfy.sh", "https://ntfy.sh/topic", "ftp://ntfy.sh"])
def test_a_wrong_server_is_named(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"channels\.ntfy\.server"):
        CHANNEL.open({"server": wrong}, guarded())


def test_nobody_calls_from_ntfy(server: LoopbackNtfy) -> None:
    with pytest.raises(AccessError):
        opened(server, guarded()).receipts({}, {}, b"", url="")


@given(title=hostile, text=hostile | hostile.map(lambda text: text * 100))
@settings(deadline=None, max_examples=30)
def test_any_words_fit(title: str, text: str) -> None:
    with LoopbackNtfy() as server:
        opened(server, guarded()).send(page("alerts", title=title, text=text), timeout_s=5)

    (told,) = server.published
    assert len(told["message"].encode()) <= 4_000
    assert "\n" not in told["title"]


def test_a_token_does_not_go_out_in_clear() -> None:
    server = {"server": "http://ntfy.example.org"}

    assert CHANNEL.open(server, guarded())
    with pytest.raises(ConfigError, match="server' is not encrypted"):
        CHANNEL.open({**server, "token": "tk_right"}, guarded())
