"""Calls through Twilio, or through whoever speaks its interface; answered by a key."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from resile.channels.given import Given
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.twilio_api import (
    SETTINGS,
    TwilioAccount,
    account_of,
    message_in,
    number,
    number_to,
    receipt_within,
    with_message,
)
from resile.channels.twiml import CONTENT_TYPE, EMPTY, asked_again, call_of, said
from resile.model.errors import ConfigError
from resile.model.message import MessageState
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, Reply

KIND = ChannelKind(
    name="voice",
    title="Call",
    address_words="a telephone number with its country, +4915112345678",
    settings={
        **SETTINGS,
        "from!": "the number that calls",
        "ring_s": "for how many seconds it rings (30)",
    },
    has_receipts=True,
)
_ANSWERED = (3, MessageState.DELIVERED)
# What was told of one call, in the order in which it can happen: the later one stands, whenever it is heard.
_STATES = {
    "in-progress": _ANSWERED,
    "answered": _ANSWERED,
    "busy": (4, MessageState.FAILED),
    "no-answer": (4, MessageState.FAILED),
    "failed": (4, MessageState.FAILED),
    "canceled": (4, MessageState.FAILED),
    "completed": (5, MessageState.DELIVERED),
}
_KEYS = {"4": "acknowledge", "6": "escalate"}
_EVENTS = ("initiated", "ringing", "answered", "completed")


class TwilioVoice:
    """An account's calls.

    Args:
        awaits: for how long a receipt is awaited; None: none is.
    """

    kind = KIND

    def __init__(self, account: TwilioAccount, *, caller: str, ring_s: int, awaits: timedelta | None) -> None:
        self._account = account
        self._caller = caller
        self._ring_s = ring_s
        self._awaits = awaits

    def address(self, text: str) -> str:
        """A number with its country."""
        return number(text)

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Call."""
        url = None if outgoing.receipt_url is None else with_message(outgoing.receipt_url, outgoing.id)
        fields = [
            ("To", number_to(outgoing)),
            ("From", self._caller),
            ("Twiml", call_of(outgoing, url)),
            ("Timeout", str(self._ring_s)),
        ]
        if url is not None:
            fields += [("StatusCallback", url), ("StatusCallbackMethod", "POST")]
            fields += [("StatusCallbackEvent", event) for event in _EVENTS]
        created = self._account.create("Calls", fields, timeout_s=timeout_s)
        return Handed(ref=created.sid, receipt_within=None if url is None else self._awaits)

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """What became of a call, or a key that was pressed."""
        told = self._account.told(headers, body, url=url)
        message_id, ref = message_in(query), told.get("CallSid") or None
        if "Digits" in told:
            answer = _KEYS.get(told["Digits"][:1])
            place, state = _ANSWERED
            return [
                Receipt(
                    message_id=message_id,
                    ref=ref,
                    # Somebody is there, whatever they pressed.
                    state=state,
                    number=place,
                    answer=answer,
                    by=told.get("To") or None,
                    # A key ends the call, or is asked for again.
                    answer_id=ref if answer is not None else None,
                    reply_to=url,
                )
            ]
        status = told.get("CallStatus", "")
        if status not in _STATES:
            return []
        place, state = _STATES[status]
        error = f"the call did not come through: {status}" if state is MessageState.FAILED else None
        return [Receipt(message_id=message_id, ref=ref, state=state, number=place, error=error)]

    def reply(self, receipts: Sequence[Receipt], sentences: Sequence[str]) -> Reply:
        """To a key, what came of it; to one that means nothing, the question again."""
        keys = [one for one in receipts if one.reply_to is not None]
        again = next((one.reply_to for one in keys if one.answer is None), None)
        told = said(" ".join(sentences)) if keys and sentences else EMPTY
        twiml = told if again is None else asked_again(again)
        return Reply(body=twiml.encode(), content_type=CONTENT_TYPE)

    def check(self, *, timeout_s: float) -> None:
        """Whether the account lets us in."""
        self._account.check(timeout_s=timeout_s)


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> TwilioVoice:
    given = Given(KIND, settings)
    try:
        caller = number(given.text("from"))
    except ConfigError:
        raise given.error("from", "is no telephone number with its country", "write +4915112345678") from None
    return TwilioVoice(
        account_of(given, KIND, surroundings.http),
        caller=caller,
        ring_s=given.number("ring_s", 30, least=5, most=600),
        awaits=receipt_within(given),
    )


CHANNEL = ChannelPlugin(kind=KIND, open=_open)
