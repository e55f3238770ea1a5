from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from resile.channels.slack import HOOKS, Slack
from resile.channels.slack_blocks import body_of, escaped
from resile.model.errors import AccessError, ConfigError, DeliveryError
from resile.ports.channel import Receipt, RefusedError, UncertainError
from resile.testing.loopback_http import Fault, Reply
from resile.testing.loopback_slack import HOOK, SIGNING_SECRET, TOKEN, LoopbackSlack, read_for_marks
from tests.channels.messages import BASE, NOW
from tests.channels.pages import HOSTILE, TEXTS, opened, page

URL = f"{BASE}/receipts/slack"


@pytest.fixture
def provider() -> Iterator[LoopbackSlack]:
    with LoopbackSlack() as provider:
        yield provider


@pytest.fixture
def slack(provider: LoopbackSlack) -> Slack:
    return open_slack(provider)


def open_slack(provider: LoopbackSlack, **more: Any) -> Slack:
    settings = {"token": TOKEN, "signing_secret": SIGNING_SECRET, "api": provider.api, "hooks": provider.address}
    channel = opened("slack", {**settings, **more})
    assert isinstance(channel, Slack)
    return channel


def actions(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        one["action_id"]: one for block in body["blocks"] if block["type"] == "actions" for one in block["elements"]
    }


def test_a_page_is_posted_with_buttons_that_name_it(provider: LoopbackSlack, slack: Slack) -> None:
    handed = slack.send(page("C024BE91L"), timeout_s=5)

    (posted,) = provider.posted
    assert posted["channel"] == "C024BE91L"
    assert posted["blocks"][0]["text"]["text"] == "checkout: error rate is 4 %"
    assert [one["text"] for one in posted["blocks"][2]["elements"]] == ["SEV2 · inc-7 · ann"]
    assert actions(posted)["resile_acknowledge"]["value"] == "0123456789abcdef01234567"
    assert actions(posted)["resile_escalate"]["value"] == "0123456789abcdef01234567"
    assert actions(posted)["resile_open"]["url"] == f"{BASE}/incidents/inc-7"
    assert handed.ref == "C024BE91L:1503435956.000001"
    assert handed.receipt_within is None


@pytest.mark.parametrize("more", [{"signing_secret": ""}, {}], ids=["without a signing secret", "unreachable"])
def test_buttons_are_links_where_no_answer_would_come_back(provider: LoopbackSlack, more: dict[str, str]) -> None:
    slack = open_slack(provider, **more)

    slack.send(page("#ops", receipt_url=URL if more else None), timeout_s=5)

    assert actions(provider.posted[0])["resile_acknowledge"]["url"] == f"{BASE}/answer/acknowledge-token"
    assert "value" not in actions(provider.posted[0])["resile_acknowledge"]


def test_an_incoming_webhook_gets_links(provider: LoopbackSlack, slack: Slack) -> None:
    address = slack.address(f"{provider.address}{HOOK}")

    slack.send(page(address), timeout_s=5)

    assert actions(provider.posted[0])["resile_escalate"]["url"] == f"{BASE}/answer/escalate-token"


def test_a_message_without_answers_has_no_buttons(provider: LoopbackSlack, slack: Slack) -> None:
    slack.send(page("#ops", url=None, ack_url=None, escalate_url=None, text="", severity=None), timeout_s=5)

    assert actions(provider.posted[0]) == {}


def test_what_strangers_wrote_is_inert(provider: LoopbackSlack, slack: Slack) -> None:
    slack.send(page("#ops", title=HOSTILE, text=HOSTILE, person=HOSTILE), timeout_s=5)

    (posted,) = provider.posted
    assert read_for_marks(posted["text"]) == []
    assert posted["parse"] == "none"
    assert posted["link_names"] is posted["mrkdwn"] is False
    texts = [block["text"]["type"] for block in posted["blocks"] if "text" in block]
    texts += [one["type"] for block in posted["blocks"] if block["type"] == "context" for one in block["elements"]]
    assert set(texts) == {"plain_text"}


@given(title=TEXTS, text=TEXTS)
def test_whatever_a_text_holds_slack_reads_no_mark_in_it(title: str, text: str) -> None:
    body = body_of(page("#ops", title=title, text=text), has_buttons=True)

    assert read_for_marks(body["text"]) == []
    assert "<" not in body["text"]
    assert ">" not in body["text"]
    assert all(block["text"]["type"] == "plain_text" for block in body["blocks"] if "text" in block)
    assert 0 < len(body["blocks"][0]["text"]["text"]) <= 150


@given(TEXTS)
def test_escaping_is_undone_by_what_slack_does(text: str) -> None:
    assert escaped(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def test_texts_longer_than_slack_takes_are_cut(provider: LoopbackSlack, slack: Slack) -> None:
    slack.send(page("#ops", title="x" * 10_000, text="y" * 100_000, person="z" * 5_000), timeout_s=5)

    assert len(provider.posted) == 1


@pytest.mark.parametrize(
    ("error", "is_final", "words"),
    [
        ("channel_not_found", True, "must first invite the app"),
        ("not_in_channel", True, "invite the app"),
        ("is_archived", True, "archive"),
        ("msg_too_long", True, "msg_too_long"),
        ("invalid_auth", False, "channels.slack.token"),
        ("token_revoked", False, "channels.slack.token"),
        ("ratelimited", False, "does not take it now"),
        ("service_unavailable", False, "does not take it now"),
    ],
)
def test_an_error_of_slack_says_whether_it_may_be_tried_again(
    provider: LoopbackSlack, slack: Slack, error: str, is_final: bool, words: str
) -> None:
    provider.error = error

    with pytest.raises(RefusedError, match=words) as caught:
        slack.send(page("#ops"), timeout_s=5)

    assert caught.value.is_final is is_final
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("error", ["internal_error", "fatal_error"])
def test_a_fault_of_slack_leaves_open_whether_it_posted(provider: LoopbackSlack, slack: Slack, error: str) -> None:
    provider.error = error

    with pytest.raises(UncertainError):
        slack.send(page("#ops"), timeout_s=5)


@pytest.mark.parametrize(
    "fault",
    [
        *Fault,
        Reply(status=500),
        Reply(status=502),
        Reply(status=200, body=b"<html>"),
        Reply(body={"fine": True}),
        Reply(body=[]),
    ],
)
@pytest.mark.parametrize("is_hook", [False, True])
def test_whatever_is_no_answer_of_slack_is_uncertain(
    provider: LoopbackSlack, slack: Slack, fault: Fault | Reply, is_hook: bool
) -> None:
    provider.fails = [fault]
    address = f"{provider.address}{HOOK}" if is_hook else "#ops"

    with pytest.raises(UncertainError) as caught:
        slack.send(page(address), timeout_s=0.5)

    assert len(provider.requests) == 1
    assert "loopbackhooksecret" not in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_slack_is_asked_again_when_it_wants_to(provider: LoopbackSlack, slack: Slack) -> None:
    provider.fails = [Reply(status=429, body={"ok": False, "error": "ratelimited"}, headers={"retry-after": "30"})]

    with pytest.raises(RefusedError) as caught:
        slack.send(page("#ops"), timeout_s=5)

    assert caught.value.again_in_s == 30
    assert not caught.value.is_final


def test_a_slack_that_is_not_there_took_nothing() -> None:
    with LoopbackSlack() as provider:
        slack = open_slack(provider)

    with pytest.raises(RefusedError) as caught:
        slack.send(page("#ops"), timeout_s=2)

    assert not caught.value.is_final


@pytest.mark.parametrize(("action", "answer"), [("resile_acknowledge", "acknowledge"), ("resile_escalate", "escalate")])
def test_a_button_answers_its_message(provider: LoopbackSlack, slack: Slack, action: str, answer: str) -> None:
    slack.send(page("#ops"), timeout_s=5)
    pressed = provider.presses(URL, action, at=NOW)

    receipts = slack.receipts(pressed.headers, pressed.query, pressed.body, url=URL)

    assert receipts == [
        Receipt(
            message_id="0123456789abcdef01234567",
            answer=answer,
            by="@ann",
            answer_id="1548426417.840180",
            reply_to=f"{provider.address}/actions/T0000000/1/reply",
        )
    ]


def test_a_link_that_is_opened_answers_nothing(provider: LoopbackSlack, slack: Slack) -> None:
    slack.send(page("#ops"), timeout_s=5)
    pressed = provider.presses(URL, "resile_open", at=NOW)

    assert slack.receipts(pressed.headers, pressed.query, pressed.body, url=URL) == []


@pytest.mark.parametrize(
    ("at", "secret"),
    [
        (NOW - timedelta(minutes=6), SIGNING_SECRET),
        (NOW + timedelta(minutes=6), SIGNING_SECRET),
        (NOW, "another secret"),
        (NOW, ""),
    ],
    ids=["old", "of the future", "wrong", "empty"],
)
def test_what_is_signed_wrongly_or_long_ago_is_not_taken(
    provider: LoopbackSlack, slack: Slack, at: Any, secret: str
) -> None:
    slack.send(page("#ops"), timeout_s=5)
    pressed = provider.presses(URL, "resile_acknowledge", at=at, secret=secret)

    with pytest.raises(AccessError):
        slack.receipts(pressed.headers, {}, pressed.body, url=URL)


def test_a_body_that_was_changed_is_not_taken(provider: LoopbackSlack, slack: Slack) -> None:
    slack.send(page("#ops"), timeout_s=5)
    pressed = provider.presses(URL, "resile_escalate", at=NOW)

    with pytest.raises(AccessError):
        slack.receipts(pressed.headers, {}, pressed.body.replace(b"escalate", b"acknowledge"), url=URL)


@pytest.mark.parametrize(
    "headers", [{}, {"X-Slack-Signature": "v0="}, {"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "é"}]
)
def test_what_is_not_signed_is_not_taken(slack: Slack, headers: dict[str, str]) -> None:
    with pytest.raises(AccessError):
        slack.receipts(headers, {}, b"payload={}", url=URL)


def test_without_a_signing_secret_nothing_is_taken(provider: LoopbackSlack) -> None:
    slack = open_slack(provider, signing_secret="")
    forged = provider.signed(URL, b"payload={}", at=NOW, secret="")

    with pytest.raises(AccessError, match="signing_secret"):
        slack.receipts(forged.headers, {}, forged.body, url=URL)


@pytest.mark.parametrize("body", [b"", b"\xff", b"payload=", b"payload=[]", b"payload=" + b"[" * 10_000, b"a=1&" * 100])
def test_nonsense_that_slack_signed_is_refused_in_words(provider: LoopbackSlack, slack: Slack, body: bytes) -> None:
    signed = provider.signed(URL, body, at=NOW)

    with pytest.raises(ConfigError, match="payload"):
        slack.receipts(signed.headers, {}, signed.body, url=URL)


def test_the_signature_is_that_of_slacks_documentation() -> None:
    from resile.channels.slack_signature import signature  # noqa: PLC0415 - of this test alone

    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )

    assert (
        signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
        == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    )


def test_whoever_pressed_is_told_what_came_of_it(provider: LoopbackSlack, slack: Slack) -> None:
    slack.send(page("#ops"), timeout_s=5)
    pressed = provider.presses(URL, "resile_acknowledge", at=NOW)
    receipts = slack.receipts(pressed.headers, {}, pressed.body, url=URL)

    reply = slack.reply(receipts, ["inc-7 <!here> acknowledged."])
    assert reply.body == b""
    assert provider.told == []
    assert reply.afterwards is not None
    reply.afterwards()

    (told,) = provider.told
    assert told == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": "inc-7 &lt;!here&gt; acknowledged.",
    }


def test_words_go_to_slack_alone(provider: LoopbackSlack, slack: Slack) -> None:
    slack.send(page("#ops"), timeout_s=5)
    pressed = provider.presses(URL, "resile_acknowledge", at=NOW, response_url="https://evil.example/collect")
    receipts = slack.receipts(pressed.headers, {}, pressed.body, url=URL)

    assert slack.reply(receipts, ["inc-7 acknowledged."]).afterwards is None


def test_an_answer_holds_although_slack_cannot_be_told(provider: LoopbackSlack, slack: Slack) -> None:
    slack.send(page("#ops"), timeout_s=5)
    pressed = provider.presses(URL, "resile_acknowledge", at=NOW)
    reply = slack.reply(slack.receipts(pressed.headers, {}, pressed.body, url=URL), ["inc-7 acknowledged."])
    provider.fails = [Fault.DROPS]

    assert reply.afterwards is not None
    reply.afterwards()


@pytest.mark.parametrize("text", [" C024BE91L ", "U024BE7LH", "#ops", "#süd-ops"])
def test_ids_and_names_are_addresses(slack: Slack, text: str) -> None:
    assert slack.address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["", "ops", "#", "# ops", "#a<b", "c024be91l", f"{HOOKS}/services/T0/B0/x", "https://evil.example/services/a"],
)
def test_anything_else_is_no_address(slack: Slack, text: str) -> None:
    with pytest.raises(ConfigError):
        slack.address(text)


def test_without_a_token_only_webhooks_are_addresses(provider: LoopbackSlack) -> None:
    slack = open_slack(provider, token="")

    assert slack.address(f"{provider.address}{HOOK}")
    with pytest.raises(ConfigError, match="token"):
        slack.address("#ops")
    slack.check(timeout_s=5)
    assert provider.requests == []


def test_the_token_is_checked_without_posting(provider: LoopbackSlack, slack: Slack) -> None:
    slack.check(timeout_s=5)
    provider.error = "account_inactive"

    with pytest.raises(DeliveryError, match="account_inactive"):
        slack.check(timeout_s=5)
    assert provider.posted == []


@pytest.mark.parametrize("setting", ["api", "hooks"])
def test_the_token_goes_over_encrypted_connections_alone(provider: LoopbackSlack, setting: str) -> None:
    with pytest.raises(ConfigError, match=f"channels.slack.{setting}.*encrypted"):
        open_slack(provider, **{setting: "http://slack.example.org"})


def test_that_it_may_be_a_repeat_is_not_cut(provider: LoopbackSlack, slack: Slack) -> None:
    slack.send(page("#ops", title="x" * 400 + " (may be a repeat)", is_repeat=True), timeout_s=5)

    (posted,) = provider.posted
    assert posted["blocks"][0]["text"]["text"].endswith("x… (may be a repeat)")
    assert len(posted["blocks"][0]["text"]["text"]) == 150
