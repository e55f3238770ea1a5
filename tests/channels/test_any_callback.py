"""Whatever bytes a callback holds, signed or not: it is understood, or refused in words."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.model.errors import AccessError, ConfigError
from resile.ports.channel import Channel, Receipt, Replying
from resile.testing.callbacks import Callback
from resile.testing.loopback_slack import SIGNING_SECRET, LoopbackSlack
from resile.testing.loopback_slack import TOKEN as SLACK_TOKEN
from resile.testing.loopback_twilio import SID, TOKEN, LoopbackTwilio
from tests.channels.messages import BASE, NOW
from tests.channels.pages import TEXTS, opened

ACCOUNT = {"account_sid": SID, "auth_token": TOKEN, "from": "+15550001111"}
FIELDS = (
    "Body",
    "From",
    "To",
    "MessageSid",
    "MessageStatus",
    "SmsStatus",
    "CallSid",
    "CallStatus",
    "Digits",
    "ErrorCode",
)
WORDS = st.sampled_from(["4", "6", "delivered", "failed", "received", "busy", "completed", "", "SM1"]) | TEXTS
PAYLOADS = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.sampled_from(["block_actions", "resile_acknowledge"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "user", "actions", "action_id", "value", "username", "response_url"]), inner
        )
    ),
    max_leaves=15,
)


@pytest.fixture(scope="module")
def twilio() -> Iterator[LoopbackTwilio]:
    with LoopbackTwilio() as provider:
        yield provider


@pytest.fixture(scope="module")
def slack() -> Iterator[LoopbackSlack]:
    with LoopbackSlack() as provider:
        yield provider


CHANNELS: dict[str, Channel] = {
    "sms": opened("sms", ACCOUNT),
    "voice": opened("voice", ACCOUNT),
    "slack": opened("slack", {"token": SLACK_TOKEN, "signing_secret": SIGNING_SECRET}),
    "teams": opened("teams", {}),
}


def heard(name: str, told: Callback) -> list[Receipt]:
    channel = CHANNELS[name]
    receipts: list[Receipt] = []
    with suppress(AccessError, ConfigError):
        receipts = channel.receipts(told.headers, told.query, told.body, url=told.url)
    if isinstance(channel, Replying):
        channel.reply(receipts, ["inc-7 acknowledged."] * sum(one.answer is not None for one in receipts))
    return receipts


@given(name=st.sampled_from(list(CHANNELS)), body=st.binary(max_size=200), headers=st.dictionaries(TEXTS, TEXTS))
def test_what_is_not_signed_is_no_receipt(name: str, body: bytes, headers: dict[str, str]) -> None:
    assert heard(name, Callback(url=f"{BASE}/receipts/{name}", headers=headers, body=body)) == []


@given(name=st.sampled_from(["sms", "voice"]), fields=st.dictionaries(st.sampled_from(FIELDS), WORDS))
def test_any_form_that_twilio_signed_is_understood_or_refused(
    twilio: LoopbackTwilio, name: str, fields: dict[str, str]
) -> None:
    # A form holds no halves of letters.
    fields = {one: text.encode("utf-8", "replace").decode() for one, text in fields.items()}

    for receipt in heard(name, twilio.signed(f"{BASE}/receipts/{name}?message=m1", fields)):
        assert receipt.answer in {"acknowledge", "escalate", None}
        assert receipt.answer or receipt.state


@given(payload=PAYLOADS)
def test_any_payload_that_slack_signed_is_understood_or_refused(slack: LoopbackSlack, payload: object) -> None:
    for receipt in heard("slack", slack.signed_payload(f"{BASE}/receipts/slack", payload, at=NOW)):
        assert receipt.answer in {"acknowledge", "escalate"}
        assert receipt.message_id
