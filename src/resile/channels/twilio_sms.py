"""SMS through Twilio, or through whoever speaks its interface; answered by an SMS."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from resile.channels.given import Given
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.sms_text import sms_of
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
from resile.channels.twiml import CONTENT_TYPE, EMPTY, message
from resile.model.message import MessageState
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, Reply

KIND = ChannelKind(
    name="sms",
    title="SMS",
    address_words="a telephone number with its country, +4915112345678",
    settings={
        **SETTINGS,
        "from": "the number that sends, or a name of up to 11 letters; or else messaging_service_sid",
        "messaging_service_sid": "the messaging service that sends, MG...",
        "replies": "false where the number's address for incoming messages is not resile's (true)",
    },
    has_receipts=True,
)
# What was told of one message, in the order in which it can happen: the later one stands, whenever it is heard.
_STATES = {
    "undelivered": (4, MessageState.FAILED),
    "failed": (4, MessageState.FAILED),
    "canceled": (4, MessageState.FAILED),
    "delivered": (5, MessageState.DELIVERED),
    "read": (6, MessageState.DELIVERED),
}
_INCOMING = frozenset({"", "received", "receiving"})
_ANSWERS = {
    "4": "acknowledge",
    "ack": "acknowledge",
    "acknowledge": "acknowledge",
    "6": "escalate",
    "esc": "escalate",
    "escalate": "escalate",
}
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_NUMBER = re.compile(r"\+?[0-9]+")


class TwilioSms:
    """An account's SMS.

    Args:
        sender: the field that says who sends, and its value.
        can_be_answered: whether an SMS sent back reaches resile.
        awaits: for how long a receipt is awaited; None: none is.
    """

    kind = KIND

    def __init__(
        self, account: TwilioAccount, *, sender: tuple[str, str], can_be_answered: bool, awaits: timedelta | None
    ) -> None:
        self._account = account
        self._sender = sender
        self._can_be_answered = can_be_answered
        self._awaits = awaits

    def address(self, text: str) -> str:
        """A number with its country."""
        return number(text)

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Send it."""
        receipt_url = outgoing.receipt_url
        text = sms_of(outgoing, can_reply=self._can_be_answered and receipt_url is not None)
        fields = [("To", number_to(outgoing)), self._sender, ("Body", text)]
        if receipt_url is not None:
            fields.append(("StatusCallback", with_message(receipt_url, outgoing.id)))
        created = self._account.create("Messages", fields, timeout_s=timeout_s)
        return Handed(ref=created.sid, receipt_within=None if receipt_url is None else self._awaits)

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """What became of a message, or an SMS sent back."""
        told = self._account.told(headers, body, url=url)
        status = told.get("MessageStatus") or told.get("SmsStatus", "")
        if status in _INCOMING and "Body" in told:
            return self._answer(told)
        if status not in _STATES:
            return []
        place, state = _STATES[status]
        code = told.get("ErrorCode", "")
        why = f" (error {code})" if code.isascii() and code.isdigit() else ""
        return [
            Receipt(
                message_id=message_in(query),
                ref=told.get("MessageSid") or None,
                state=state,
                number=place,
                error=f"the SMS was not delivered: {status}{why}" if state is MessageState.FAILED else None,
            )
        ]

    def reply(self, receipts: Sequence[Receipt], sentences: Sequence[str]) -> Reply:
        """To an answer, an SMS that says what came of it."""
        del receipts
        words = " ".join(sentences)
        return Reply(body=(message(words) if words else EMPTY).encode(), content_type=CONTENT_TYPE)

    def check(self, *, timeout_s: float) -> None:
        """Whether the account lets us in."""
        self._account.check(timeout_s=timeout_s)

    def _answer(self, told: Mapping[str, str]) -> list[Receipt]:
        answer = _ANSWERS.get(told["Body"].strip(" \t\r\n.!\"'").lower())
        sender, name = told.get("From", ""), told.get("MessageSid", "")
        if answer is None or not sender:
            return []
        return [Receipt(answer=answer, by=sender, to_address=sender, answer_id=name or None)]


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> TwilioSms:
    given = Given(KIND, settings)
    sender, service = given.text("from"), given.text("messaging_service_sid")
    if bool(sender) is bool(service):
        raise given.error("from", "or messaging_service_sid must be given", "give one of the two")
    if sender and not _SENDER.fullmatch(sender):
        raise given.error("from", "is no sender", "write +4915112345678, a short number, or up to 11 letters")
    return TwilioSms(
        account_of(given, KIND, surroundings.http),
        sender=("From", sender) if sender else ("MessagingServiceSid", service),
        # Nobody can answer to a name.
        can_be_answered=given.flag("replies", default=True) and (not sender or bool(_NUMBER.fullmatch(sender))),
        awaits=receipt_within(given),
    )


CHANNEL = ChannelPlugin(kind=KIND, open=_open)
