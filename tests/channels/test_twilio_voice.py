from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given

from resile.channels.twilio_voice import TwilioVoice
from resile.channels.twiml import MAX_TWIML, call_of, message, said
from resile.model.errors import AccessError, ConfigError
from resile.model.message import MessageState
from resile.ports.channel import Receipt, RefusedError, UncertainError
from resile.testing.callbacks import Callback
from resile.testing.loopback_http import Fault, Reply
from resile.testing.loopback_twilio import SID, TOKEN, LoopbackTwilio
from tests.channels.messages import BASE
from tests.channels.pages import HOSTILE, TEXTS, opened, page

ANN = "+4915112345678"
URL = f"{BASE}/receipts/voice"
VERBS = {"Response", "Gather", "Say", "Hangup", "Message"}


@pytest.fixture
def provider() -> Iterator[LoopbackTwilio]:
    with LoopbackTwilio() as provider:
        yield provider


@pytest.fixture
def voice(provider: LoopbackTwilio) -> TwilioVoice:
    return open_voice(provider)


def open_voice(provider: LoopbackTwilio, **more: Any) -> TwilioVoice:
    settings = {"account_sid": SID, "auth_token": TOKEN, "from": "+1 555 000 1111", "base": provider.address}
    channel = opened("voice", {**settings, **more})
    assert isinstance(channel, TwilioVoice)
    return channel


def take(channel: TwilioVoice, told: Callback) -> list[Receipt]:
    return channel.receipts(told.headers, told.query, told.body, url=told.url)


def heard(twiml: str | bytes) -> list[tuple[str, str]]:
    return [(one.tag, one.text or "") for one in ET.fromstring(twiml).iter()]  # noqa: S314 - of our own making


def test_a_call_says_who_calls_and_why_twice_and_takes_a_key(provider: LoopbackTwilio, voice: TwilioVoice) -> None:
    handed = voice.send(page(ANN, receipt_url=URL), timeout_s=5)

    (taken,) = provider.taken
    gather = ET.fromstring(taken.fields["Twiml"]).find("Gather")  # noqa: S314 - of our own making
    assert gather is not None
    assert gather.attrib["action"] == f"{URL}?message=0123456789abcdef01234567"
    assert gather.attrib["numDigits"] == "1"
    say = gather.find("Say")
    assert say is not None
    assert say.attrib == {"loop": "2"}
    assert say.text == (
        "This is resile. For ann. SEV2 checkout: error rate is 4 %. HighErrorRate fires on shop-3 since 05:06. "
        "Press 4 to acknowledge. Press 6 to escalate."
    )
    assert taken.events == ("initiated", "ringing", "answered", "completed")
    assert taken.fields["From"] == "+15550001111"
    assert taken.fields["Timeout"] == "30"
    assert (handed.ref, handed.receipt_within) == (taken.sid, timedelta(seconds=60))


def test_a_resile_that_nobody_reaches_asks_for_no_key(provider: LoopbackTwilio, voice: TwilioVoice) -> None:
    handed = voice.send(page(ANN, receipt_url=None), timeout_s=5)

    assert "Gather" not in provider.taken[0].fields["Twiml"]
    assert "StatusCallback" not in provider.taken[0].fields
    assert handed.receipt_within is None


def test_what_strangers_wrote_is_said_not_done(provider: LoopbackTwilio, voice: TwilioVoice) -> None:
    voice.send(page(ANN, receipt_url=URL, title=HOSTILE, text=HOSTILE, person=HOSTILE), timeout_s=5)

    tags = [tag for tag, _ in heard(provider.taken[0].fields["Twiml"])]
    assert tags == ["Response", "Gather", "Say", "Say"]


@given(title=TEXTS, text=TEXTS, person=TEXTS)
def test_whatever_a_text_holds_the_twiml_has_our_verbs_alone(title: str, text: str, person: str) -> None:
    twiml = call_of(page(ANN, title=title, text=text, person=person), f"{URL}?a=1&message=\"'<x>")

    assert [tag for tag, _ in heard(twiml)] == ["Response", "Gather", "Say", "Say"]
    assert len(twiml) <= MAX_TWIML
    assert {tag for tag, _ in heard(said(text))} == {"Response", "Say", "Hangup"}
    assert [tag for tag, _ in heard(message(text))] == ["Response", "Message"]


@pytest.mark.parametrize("sign", ["&", "<", '"', "𝕏"])
def test_the_longest_texts_fit_into_a_call(provider: LoopbackTwilio, voice: TwilioVoice, sign: str) -> None:
    voice.send(page(ANN, receipt_url=URL, title=sign * 5_000, text=sign * 5_000, person=sign * 500), timeout_s=5)

    assert len(provider.taken) == 1


@pytest.mark.parametrize(
    ("status", "state", "number"),
    [
        ("in-progress", MessageState.DELIVERED, 3),
        ("completed", MessageState.DELIVERED, 5),
        ("busy", MessageState.FAILED, 4),
        ("no-answer", MessageState.FAILED, 4),
        ("failed", MessageState.FAILED, 4),
        ("canceled", MessageState.FAILED, 4),
    ],
)
def test_a_call_that_is_answered_arrived_and_one_that_is_not_failed(
    provider: LoopbackTwilio, voice: TwilioVoice, status: str, state: MessageState, number: int
) -> None:
    voice.send(page(ANN, receipt_url=URL), timeout_s=5)
    told = provider.tells(provider.taken[0], status)

    (receipt,) = take(voice, told)

    assert (receipt.state, receipt.number) == (state, number)
    assert receipt.message_id == "0123456789abcdef01234567"
    assert (receipt.error is None) is (state is MessageState.DELIVERED)
    assert take(voice, told) == [receipt]
    assert voice.reply([receipt], []).body.endswith(b"<Response/>")


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing", "something new"])
def test_a_call_on_its_way_says_nothing_yet(provider: LoopbackTwilio, voice: TwilioVoice, status: str) -> None:
    voice.send(page(ANN, receipt_url=URL), timeout_s=5)

    assert take(voice, provider.tells(provider.taken[0], status)) == []


@pytest.mark.parametrize(("digit", "answer"), [("4", "acknowledge"), ("6", "escalate")])
def test_a_key_answers_its_page(provider: LoopbackTwilio, voice: TwilioVoice, digit: str, answer: str) -> None:
    voice.send(page(ANN, receipt_url=URL), timeout_s=5)

    (receipt,) = take(voice, provider.presses(provider.taken[0], digit))

    assert (receipt.answer, receipt.by, receipt.message_id) == (answer, ANN, "0123456789abcdef01234567")
    assert receipt.state is MessageState.DELIVERED
    reply = voice.reply([receipt], ["inc-7 acknowledged."])
    assert heard(reply.body) == [("Response", ""), ("Say", "inc-7 acknowledged."), ("Hangup", "")]


def test_a_key_that_means_nothing_is_asked_for_again(provider: LoopbackTwilio, voice: TwilioVoice) -> None:
    voice.send(page(ANN, receipt_url=URL), timeout_s=5)

    (receipt,) = take(voice, provider.presses(provider.taken[0], "9"))
    reply = voice.reply([receipt], [])

    assert receipt.answer is None
    gather = ET.fromstring(reply.body).find("Gather")  # noqa: S314 - of our own making
    assert gather is not None
    assert gather.attrib["action"] == f"{URL}?message=0123456789abcdef01234567"


def test_a_key_that_is_signed_wrongly_is_not_taken(provider: LoopbackTwilio, voice: TwilioVoice) -> None:
    voice.send(page(ANN, receipt_url=URL), timeout_s=5)

    with pytest.raises(AccessError):
        take(voice, provider.presses(provider.taken[0], "4", token="another"))


def test_a_call_for_another_message_cannot_be_made_of_one(provider: LoopbackTwilio, voice: TwilioVoice) -> None:
    voice.send(page(ANN, receipt_url=URL), timeout_s=5)
    told = provider.presses(provider.taken[0], "4")

    with pytest.raises(AccessError):
        voice.receipts(told.headers, {"message": "other"}, told.body, url=f"{URL}?message=other")


@pytest.mark.parametrize("fault", [*Fault, Reply(status=500), Reply(status=200, body=b"no")])
def test_whatever_is_no_answer_is_uncertain(provider: LoopbackTwilio, voice: TwilioVoice, fault: Fault | Reply) -> None:
    provider.fails = [fault]

    with pytest.raises(UncertainError):
        voice.send(page(ANN, receipt_url=URL), timeout_s=0.5)


def test_a_number_that_nobody_has_is_refused_for_good(provider: LoopbackTwilio, voice: TwilioVoice) -> None:
    provider.unknown = {ANN}

    with pytest.raises(RefusedError, match="21211") as caught:
        voice.send(page(ANN), timeout_s=5)
    assert caught.value.is_final


@pytest.mark.parametrize("settings", [{"from": "RESILE"}, {"from": None}, {"ring_s": 2}, {"replies": True}])
def test_settings_that_cannot_be_used_are_named(provider: LoopbackTwilio, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"channels.voice.{next(iter(settings))}"):
        open_voice(provider, **settings)
