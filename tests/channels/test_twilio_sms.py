from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from resile.channels.sms_text import MAX_SEGMENTS, in_phone_alphabet, n_segments, sms_of
from resile.channels.twilio_sms import TwilioSms
from resile.model.errors import AccessError, ConfigError, DeliveryError
from resile.model.message import MessageClass, MessageState
from resile.ports.channel import Receipt, RefusedError, UncertainError
from resile.testing.callbacks import Callback
from resile.testing.loopback_http import Fault, Reply
from resile.testing.loopback_twilio import SID, TOKEN, LoopbackTwilio
from tests.channels.messages import BASE
from tests.channels.pages import TEXTS, opened, page

ANN = "+4915112345678"
URL = f"{BASE}/receipts/sms"


@pytest.fixture
def provider() -> Iterator[LoopbackTwilio]:
    with LoopbackTwilio() as provider:
        yield provider


@pytest.fixture
def sms(provider: LoopbackTwilio) -> TwilioSms:
    return open_sms(provider)


def open_sms(provider: LoopbackTwilio, **more: Any) -> TwilioSms:
    settings = {"account_sid": SID, "auth_token": TOKEN, "from": "+15550001111", "base": provider.address}
    channel = opened("sms", {**settings, **more})
    assert isinstance(channel, TwilioSms)
    return channel


def take(channel: TwilioSms, told: Callback) -> list[Receipt]:
    return channel.receipts(told.headers, told.query, told.body, url=told.url)


def sent(sms: TwilioSms, provider: LoopbackTwilio, **more: Any) -> str:
    sms.send(page(ANN, receipt_url=URL, **more), timeout_s=5)
    return provider.taken[-1].fields["Body"]


def test_a_page_is_one_short_sms_that_can_be_answered(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    handed = sms.send(page(ANN, receipt_url=URL, text="Error rate on shop-3."), timeout_s=5)

    (taken,) = provider.taken
    assert taken.fields["To"] == ANN
    assert taken.fields["From"] == "+15550001111"
    assert taken.fields["StatusCallback"] == f"{URL}?message=0123456789abcdef01234567"
    assert taken.fields["Body"] == (
        "SEV2 checkout: error rate is 4 %\nError rate on shop-3.\n"
        f"Reply 4 to acknowledge, 6 to escalate.\n{BASE}/incidents/inc-7"
    )
    assert n_segments(taken.fields["Body"]) == 1
    assert handed.ref == taken.sid
    assert handed.receipt_within == timedelta(seconds=60)


def test_where_no_answer_comes_back_the_link_acknowledges(provider: LoopbackTwilio) -> None:
    for sms in (open_sms(provider, replies=False), open_sms(provider, **{"from": "RESILE"})):
        body = sent(sms, provider)

        assert "Reply" not in body
        assert body.endswith(f"\n{BASE}/answer/acknowledge-token")


def test_a_resile_that_nobody_reaches_awaits_no_receipt(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    handed = sms.send(page(ANN, receipt_url=None, url=None, ack_url=None), timeout_s=5)

    assert handed.receipt_within is None
    assert "StatusCallback" not in provider.taken[0].fields
    assert "Reply" not in provider.taken[0].fields["Body"]


def test_a_messaging_service_sends_in_place_of_a_number(provider: LoopbackTwilio) -> None:
    sms = open_sms(provider, **{"from": None, "messaging_service_sid": "MG0123", "receipt_within_s": 0})

    handed = sms.send(page(ANN, receipt_url=URL), timeout_s=5)

    assert provider.taken[0].fields["MessagingServiceSid"] == "MG0123"
    assert handed.receipt_within is None


def test_a_key_of_the_account_sends_in_place_of_its_token(provider: LoopbackTwilio) -> None:
    sms = open_sms(provider, api_key="SK0123", api_secret="key-secret")

    with pytest.raises(RefusedError, match="20003"):
        sms.send(page(ANN), timeout_s=5)
    assert provider.requests[0].headers["authorization"] == "Basic U0swMTIzOmtleS1zZWNyZXQ="


def test_typographic_signs_are_written_in_the_phones_alphabet() -> None:
    assert in_phone_alphabet("“Łódź” – 90 % … naïve 🔥 café’s ⚠️ Ω") == '"Lódz" - 90 % ... naive  café\'s  Ω'.replace(
        "ó", "o"
    )


def test_accents_that_stand_alone_are_put_together_or_left_out() -> None:
    assert in_phone_alphabet("cafe\u0301 x\u0301") == "café x"


def test_other_scripts_stay_as_they_are() -> None:
    assert in_phone_alphabet("Оплата не работает") == "Оплата не работает"


@given(title=TEXTS, text=TEXTS)
def test_whatever_a_text_holds_the_sms_is_short_and_its_link_whole(title: str, text: str) -> None:
    body = sms_of(page(ANN, title=title * 3, text=text * 10), can_reply=True)

    assert n_segments(body) <= MAX_SEGMENTS
    assert body.endswith(f"\nReply 4 to acknowledge, 6 to escalate.\n{BASE}/incidents/inc-7")
    assert "\x1b" not in body


@given(TEXTS)
def test_a_link_too_long_for_an_sms_is_left_out(text: str) -> None:
    body = sms_of(page(ANN, text=text, url=f"{BASE}/{'x' * 500}"), can_reply=True)

    assert n_segments(body) <= MAX_SEGMENTS
    assert "https://resile" not in body
    assert body.endswith("Reply 4 to acknowledge, 6 to escalate.")


def test_wide_signs_count_twice_where_they_are_two() -> None:
    assert n_segments("a" * 160) == 1
    assert n_segments("a" * 161) == 2
    assert n_segments("€" * 80) == 1
    assert n_segments("€" * 81) == 2
    assert n_segments("ж" * 70) == 1
    assert n_segments("🔥" * 36) == 2


@pytest.mark.parametrize("text", [ANN, " +49 (151) 1234-5678 ", "+49.151.12345678", "+49/15112345678"])
def test_numbers_with_their_country_are_addresses(sms: TwilioSms, text: str) -> None:
    assert sms.address(text) == ANN


@pytest.mark.parametrize(
    "text", ["", "015112345678", "004915112345678", "+0491511234", "+49151", "+49x5112345678", "ann", "+" + "1" * 16]
)
def test_anything_else_is_no_address(sms: TwilioSms, text: str) -> None:
    with pytest.raises(ConfigError):
        sms.address(text)


@pytest.mark.parametrize(
    ("reply", "is_final", "words"),
    [
        (Reply(status=400, body={"code": 21211, "message": "Invalid 'To'"}), True, "21211"),
        (Reply(status=400, body={"code": 21610, "message": "Unsubscribed recipient"}), True, "21610"),
        (Reply(status=400, body={"code": 21606, "message": "From"}), False, "check channels.sms"),
        (Reply(status=401, body={"code": 20003, "message": "Authenticate"}), False, "does not let us in"),
        (Reply(status=401, body=b"no"), False, "channels.sms.auth_token"),
        (Reply(status=429, body={"code": 20429}, headers={"retry-after": "7"}), False, "too much to do"),
        (Reply(status=429, headers={"retry-after": "7"}), False, "429"),
        (Reply(status=503), False, "503"),
        (Reply(status=201, body={"sid": "SM1", "status": "failed"}), False, "gave it up"),
    ],
)
def test_a_refusal_says_whether_it_may_be_tried_again(
    provider: LoopbackTwilio, sms: TwilioSms, reply: Reply, is_final: bool, words: str
) -> None:
    provider.fails = [reply]

    with pytest.raises(RefusedError, match=words) as caught:
        sms.send(page(ANN), timeout_s=5)

    assert caught.value.is_final is is_final
    assert caught.value.again_in_s == (7 if reply.status == 429 else None)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [*Fault, Reply(status=500), Reply(status=502), Reply(status=201, body=b"<html>"), Reply(status=201, body={"a": 1})],
)
def test_whatever_is_no_answer_of_twilio_is_uncertain(
    provider: LoopbackTwilio, sms: TwilioSms, fault: Fault | Reply
) -> None:
    provider.fails = [fault]

    with pytest.raises(UncertainError) as caught:
        sms.send(page(ANN), timeout_s=0.5)

    assert TOKEN not in str(caught.value)


def test_a_twilio_that_is_not_there_took_nothing() -> None:
    with LoopbackTwilio() as provider:
        sms = open_sms(provider)

    with pytest.raises(RefusedError):
        sms.send(page(ANN), timeout_s=2)


def test_receipts_name_their_message_and_rise(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    sent(sms, provider)
    (taken,) = provider.taken

    (delivered,) = take(sms, provider.tells(taken, "delivered"))
    (failed,) = take(sms, provider.tells(taken, "undelivered", ErrorCode="30003"))

    assert delivered == Receipt(
        message_id="0123456789abcdef01234567", ref=taken.sid, state=MessageState.DELIVERED, number=5
    )
    assert failed.state is MessageState.FAILED
    assert failed.error == "the SMS was not delivered: undelivered (error 30003)"
    assert failed.number < delivered.number


def test_receipts_twice_and_in_any_order_say_the_same(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    sent(sms, provider)
    queued, sending, last, delivered = provider.tells_all(provider.taken[0])
    told = [delivered, queued, last, last, delivered, sending, queued]

    receipts = [receipt for one in told for receipt in take(sms, one)]

    assert len(receipts) == 2
    assert {(one.state, one.number) for one in receipts} == {(MessageState.DELIVERED, 5)}


def test_a_receipt_of_a_message_whose_answer_was_lost_still_names_it(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    provider.fails = [Fault.CUTS]
    with pytest.raises(UncertainError):
        sms.send(page(ANN, receipt_url=URL), timeout_s=0.5)

    (receipt,) = take(sms, provider.tells(provider.taken[0], "delivered"))

    assert receipt.message_id == "0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("4", "acknowledge"),
        (" 4. ", "acknowledge"),
        ("ACK", "acknowledge"),
        ("6", "escalate"),
        ("Escalate!", "escalate"),
    ],
)
def test_an_sms_sent_back_answers_the_newest_page_to_its_sender(
    provider: LoopbackTwilio, sms: TwilioSms, text: str, answer: str
) -> None:
    (receipt,) = take(sms, provider.hears(URL, text, sender=ANN))

    assert receipt == Receipt(answer=answer, by=ANN, to_address=ANN, answer_id="SM99")
    reply = sms.reply([receipt], ["inc-7 <acknowledged> & done."])
    assert reply.content_type.startswith("text/xml")
    assert b"<Message>inc-7 &lt;acknowledged&gt; &amp; done.</Message>" in reply.body


@pytest.mark.parametrize("text", ["", "44", "4 hours more, please", "thanks", "STOP", "no"])
def test_other_words_answer_nothing_and_get_no_sms(provider: LoopbackTwilio, sms: TwilioSms, text: str) -> None:
    assert take(sms, provider.hears(URL, text, sender=ANN)) == []
    assert b"<Message>" not in sms.reply([], []).body


@pytest.mark.parametrize("token", ["another token", ""])
def test_what_is_signed_wrongly_is_not_taken(provider: LoopbackTwilio, sms: TwilioSms, token: str) -> None:
    sent(sms, provider)

    for told in (
        provider.tells(provider.taken[0], "failed", token=token),
        provider.hears(URL, "4", sender=ANN, token=token),
    ):
        with pytest.raises(AccessError, match="auth_token"):
            take(sms, told)


def test_a_form_that_was_changed_is_not_taken(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    told = provider.hears(URL, "4", sender=ANN)

    for changed in (
        Callback(url=told.url, headers=told.headers, body=told.body.replace(b"Body=4", b"Body=6")),
        Callback(url=f"{told.url}?message=other", headers=told.headers, body=told.body),
        Callback(url=told.url, headers={}, body=told.body),
    ):
        with pytest.raises(AccessError):
            take(sms, changed)


@pytest.mark.parametrize("body", [b"\xff", b"a=1&" * 300])
def test_nonsense_is_refused_in_words(sms: TwilioSms, body: bytes) -> None:
    with pytest.raises(ConfigError, match="form"):
        sms.receipts({}, {}, body, url=URL)


def test_the_port_may_stand_in_the_signed_address_or_not(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    for signed, called in ((":443", ""), ("", ":443")):
        told = provider.signed(
            f"https://resile.example.org{signed}/receipts/sms", {"MessageSid": "SM1", "MessageStatus": "sent"}
        )
        assert sms.receipts(told.headers, {}, told.body, url=f"https://resile.example.org{called}/receipts/sms") == []


def test_the_signature_is_that_of_twilios_documentation() -> None:
    from resile.channels.twilio_api import signature  # noqa: PLC0415 - of this test alone

    pairs = [
        ("Digits", "1234"),
        ("To", "+18005551212"),
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("From", "+14158675309"),
    ]

    assert signature(b"12345", "https://mycompany.com/myapp.php?foo=1&bar=2", pairs) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_the_account_is_checked_without_sending(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    sms.check(timeout_s=5)
    provider.status = "suspended"

    with pytest.raises(DeliveryError, match="suspended"):
        sms.check(timeout_s=5)
    assert provider.taken == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"from": ""}, "messaging_service_sid"),
        ({"messaging_service_sid": "MG1"}, "messaging_service_sid"),
        ({"from": "a name that is too long"}, "sender"),
        ({"base": "http://sms.example.org"}, "encrypted"),
        ({"base": "sms"}, "base"),
        ({"api_key": "SK1"}, "api_secret"),
        ({"account_sid": "../x"}, "account_sid"),
        ({"auth_token": None}, "auth_token"),
        ({"receipt_within_s": "soon"}, "receipt_within_s"),
    ],
)
def test_settings_that_cannot_be_used_are_named(provider: LoopbackTwilio, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        open_sms(provider, **settings)

    assert TOKEN not in str(caught.value)


def test_an_update_has_no_way_to_answer(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    body = sent(sms, provider, message_class=MessageClass.UPDATE, ack_url=None, escalate_url=None)

    assert "Reply" not in body
    assert body.endswith(f"\n{BASE}/incidents/inc-7")


def test_that_it_may_be_a_repeat_is_said_first(provider: LoopbackTwilio, sms: TwilioSms) -> None:
    body = sent(sms, provider, title="ж" * 400 + " (may be a repeat)", is_repeat=True)

    assert body.startswith("May be a repeat: SEV2 жжж")
    assert n_segments(body) <= MAX_SEGMENTS
