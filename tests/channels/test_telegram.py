"""Telegram against a Bot API on loopback."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from resile.channels.http_client import HttpClient
from resile.channels.outward import Outward
from resile.channels.plugin import Surroundings
from resile.channels.telegram import CHANNEL
from resile.model.errors import AccessError, ConfigError, DeliveryError
from resile.ports.channel import Channel, RefusedError, Replying, UncertainError
from resile.testing.loopback_http import Fault, Reply
from resile.testing.loopback_telegram import LoopbackTelegram
from resile.testing.simulated_clock import SimulatedClock
from tests.channels.messages import BASE, ID, NOW, hostile, page

HOOK = "https://resile.example.org/receipts/telegram"
SECRET = "s" * 20
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET}


@pytest.fixture
def server() -> Iterator[LoopbackTelegram]:
    with LoopbackTelegram() as running:
        yield running


def opened(server: LoopbackTelegram, **given: Any) -> Channel:
    # No key, so that there is no secret unless one is set.
    bare = Surroundings(http=HttpClient(Outward()), clock=SimulatedClock(NOW))
    told = {"token": server.token, "api": server.address, "secret": SECRET, **given}
    return CHANNEL.open({name: value for name, value in told.items() if value is not None}, bare)


def button(server: LoopbackTelegram, letter: str) -> str:
    """What the button of a page carries that acknowledges (a) or escalates (e)."""
    opened(server).send(page("42", receipt_url=HOOK), timeout_s=5)
    buttons: list[dict[str, str]] = server.sent[-1]["reply_markup"]["inline_keyboard"][0]
    return next(one["callback_data"] for one in buttons if one["callback_data"].startswith(letter))


def test_a_page_has_buttons_that_call_us(server: LoopbackTelegram) -> None:
    handed = opened(server).send(page("42", receipt_url=HOOK), timeout_s=5)

    (told,) = server.sent
    assert told["text"] == "SEV1 shop: checkout fails\n\nCheckout fails.\nYou are on call for payments."
    answers, others = told["reply_markup"]["inline_keyboard"]
    assert [one["text"] for one in answers] == ["Acknowledge", "Escalate"]
    assert others == [{"text": "Open the incident", "url": f"{BASE}/incidents/inc-7"}]
    # Plain text: nothing in it is markup.
    assert "parse_mode" not in told
    assert handed.ref == "42/1"
    assert server.requests[0].headers["idempotency-key"] == ID


def test_telegram_is_told_once_where_to_call(server: LoopbackTelegram) -> None:
    channel = opened(server)

    channel.send(page("42", receipt_url=HOOK), timeout_s=5)
    channel.send(page("42", receipt_url=HOOK), timeout_s=5)

    assert server.webhooks == [{"url": HOOK, "secret_token": SECRET, "allowed_updates": ["callback_query"]}]


def test_a_page_is_handed_over_although_telegram_cannot_be_told_where_to_call(server: LoopbackTelegram) -> None:
    server.fails = [None, Fault.HANGS]

    handed = opened(server).send(page("42", receipt_url=HOOK), timeout_s=1)

    assert handed.ref == "42/1"


def test_where_nobody_can_call_us_buttons_open_pages(server: LoopbackTelegram) -> None:
    opened(server).send(page("42"), timeout_s=5)

    (told,) = server.sent
    assert told["reply_markup"]["inline_keyboard"][0] == [
        {"text": "Acknowledge", "url": f"{BASE}/answer/ack"},
        {"text": "Escalate", "url": f"{BASE}/answer/esc"},
    ]


def test_addresses_that_telegram_takes_for_no_button_stand_in_the_text(server: LoopbackTelegram) -> None:
    here = "http://127.0.0.1:8321"
    given = {"url": f"{here}/incidents/inc-7", "ack_url": f"{here}/answer/ack", "escalate_url": None}

    opened(server).send(page("42", **given), timeout_s=5)

    (told,) = server.sent
    assert "reply_markup" not in told
    assert told["text"].endswith(f"Acknowledge: {here}/answer/ack\n\n{here}/incidents/inc-7")


@pytest.mark.parametrize(("letter", "answer"), [("a", "acknowledge"), ("e", "escalate")])
def test_a_pressed_button_is_an_answer(server: LoopbackTelegram, letter: str, answer: str) -> None:
    body = update(button(server, letter), {"id": 5, "username": "ann_k"})

    (receipt,) = opened(server).receipts(HEADERS, {}, body, url=HOOK)

    assert (receipt.message_id, receipt.answer, receipt.by, receipt.answer_id) == (ID, answer, "@ann_k", "q1")


def test_whoever_has_a_chat_with_the_bot_presses_no_button_that_was_not_made_for_them(server: LoopbackTelegram) -> None:
    made = button(server, "a")
    for forged in (f"a:{ID}", f"e:{made[2:]}", made.replace(ID, ID[::-1]), f"{made[:-1]}!", f"{made}x"):
        # Telegram passes on whatever text a client says that it was.
        assert opened(server).receipts(HEADERS, {}, update(forged, {"id": 6}), url=HOOK) == []


@pytest.mark.parametrize(
    ("sender", "by"),
    [({"first_name": "Ann", "last_name": "K"}, "Ann K"), ({}, None), (3, None), ({"username": ""}, None)],
)
def test_who_pressed_is_told_as_telegram_names_them(server: LoopbackTelegram, sender: Any, by: str | None) -> None:
    (receipt,) = opened(server).receipts(HEADERS, {}, update(button(server, "a"), sender), url=HOOK)

    assert receipt.by == by


def test_whoever_pressed_is_told_what_came_of_it(server: LoopbackTelegram) -> None:
    channel = opened(server)
    assert isinstance(channel, Replying)
    receipts = channel.receipts(HEADERS, {}, update(button(server, "a"), {}), url=HOOK)

    reply = channel.reply(receipts, ["inc-7 is yours." + "!" * 300])

    told = json.loads(reply.body)
    assert (told["method"], told["callback_query_id"]) == ("answerCallbackQuery", "q1")
    assert told["text"].startswith("inc-7 is yours.")
    assert len(told["text"]) == 200
    assert reply.content_type == "application/json"
    assert channel.reply([], []).body == b""


@pytest.mark.parametrize(
    "headers", [{}, {"x-telegram-bot-api-secret-token": "wrong"}, {"x-telegram-bot-api-secret-token": "é"}]
)
def test_who_does_not_know_the_secret_is_not_telegram(server: LoopbackTelegram, headers: dict[str, str]) -> None:
    with pytest.raises(AccessError):
        opened(server).receipts(headers, {}, update(button(server, "a"), {}), url=HOOK)
    with pytest.raises(AccessError):
        opened(server, secret=None).receipts({"x-telegram-bot-api-secret-token": ""}, {}, b"{}", url=HOOK)


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"[]", b"1", b'{"message": {"text": "hi"}}', b'{"callback_query": 3}', b'{"callback_query": {}}',
        b'{"callback_query": {"id": 7, "data": "x:1"}}', b'{"callback_query": {"id": "q", "data": "a:"}}',
        b'{"callback_query": {"id": "q", "data": ["a"]}}',
    ],
)  # fmt: skip
def test_other_updates_tell_nothing(server: LoopbackTelegram, body: bytes) -> None:
    assert opened(server).receipts(HEADERS, {}, body, url=HOOK) == []


@pytest.mark.parametrize("body", [b"", b"\xff", b"{" * 100_000, b"["])
def test_an_update_that_cannot_be_read_is_refused(server: LoopbackTelegram, body: bytes) -> None:
    with pytest.raises(ConfigError, match="no JSON"):
        opened(server).receipts(HEADERS, {}, body, url=HOOK)


@pytest.mark.parametrize(
    ("status", "body", "final_and_again", "words"),
    [
        (400, {"description": "Bad Request: chat not found"}, (True, None), "chat not found"),
        (403, {"description": "Forbidden: bot was blocked by the user"}, (True, None), "blocked"),
        (401, {"description": "Unauthorized"}, (False, None), r"channels\.telegram\.token"),
        (404, {"description": "Not Found"}, (False, None), r"channels\.telegram\.token"),
        (429, {"description": "Too Many", "parameters": {"retry_after": 7}}, (False, 7.0), "429"),
        (429, {"description": "Too Many", "parameters": {"retry_after": 10**18}}, (False, 86_400.0), "429"),
        (500, {}, (False, None), "500"),
    ],
)
def test_a_refusal_says_whether_it_is_final(
    server: LoopbackTelegram, status: int, body: dict[str, Any], final_and_again: tuple[bool, float | None], words: str
) -> None:
    server.fails = [Reply(status=status, body={"ok": False, **body})]

    with pytest.raises(RefusedError, match=words) as refused:
        opened(server).send(page("42"), timeout_s=5)

    assert (refused.value.is_final, refused.value.again_in_s) == final_and_again
    assert server.token not in str(refused.value)


@pytest.mark.parametrize(
    "fault",
    [
        *Fault,
        Reply(body=b"nonsense"),
        Reply(body=[]),
        Reply(body={"ok": True}),
        Reply(body={"ok": True, "result": 1}),
        Reply(status=502),
    ],
)
def test_without_a_proper_answer_nobody_knows(server: LoopbackTelegram, fault: Fault | Reply) -> None:
    server.fails = [fault]

    with pytest.raises(UncertainError) as uncertain:
        opened(server).send(page("42"), timeout_s=1)
    assert server.token not in str(uncertain.value)


def test_check_asks_who_the_bot_is(server: LoopbackTelegram) -> None:
    opened(server).check(timeout_s=5)
    with pytest.raises(DeliveryError, match=r"channels\.telegram\.token"):
        opened(server, token="2000:other").check(timeout_s=5)
    assert server.sent == []


@pytest.mark.parametrize(("text", "address"), [(" 42 ", "42"), ("-100123", "-100123"), ("@acme_pages", "@acme_pages")])
def test_a_chat_is_a_number_or_a_channel(server: LoopbackTelegram, text: str, address: str) -> None:
    assert opened(server).address(text) == address


@pytest.mark.parametrize("text", ["", "ann", "@", "42 43", "+42", "@a\nb", "４２"])
def test_what_is_no_chat_is_refused(server: LoopbackTelegram, text: str) -> None:
    with pytest.raises(ConfigError, match="is no chat"):
        opened(server).address(text)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"token": None}, "token' is missing"),
        ({"token": "abc"}, "token' is no token"),
        ({"secret": "x"}, "secret' is no secret"),
        ({"api": "x"}, "api' is neither https"),
        ({"api": "http://bots.example.org"}, "api' is not encrypted"),
    ],
)
def test_wrong_settings_are_named(server: LoopbackTelegram, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=rf"channels\.telegram\.{words}"):
        opened(server, **wrong)


@given(title=hostile, text=hostile | hostile.map(lambda text: text * 60))
@settings(deadline=None, max_examples=30)
def test_any_words_fit(title: str, text: str) -> None:
    with LoopbackTelegram() as server:
        opened(server).send(page("42", title=title, text=text), timeout_s=5)

    assert len(server.sent[0]["text"].encode("utf-16-le")) <= 2 * 4_096


def update(data: str, sender: Any) -> bytes:
    return json.dumps({"update_id": 1, "callback_query": {"id": "q1", "from": sender, "data": data}}).encode()
