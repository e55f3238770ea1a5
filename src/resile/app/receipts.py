"""What providers say of messages later, and what people answer with them."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Any

import structlog

from resile.app.bundling import PAGES, is_bundle
from resile.app.links import Deed, Leave
from resile.app.notify import Measures
from resile.app.noting import Note, noted
from resile.app.paging import TRIES, Paging
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.model.message import Message, MessageState, moves_forward, shown_address
from resile.ports.channel import Receipt
from resile.ports.clock import Clock
from resile.ports.paging_store import PagingStore
from resile.ports.timeline_store import TimelineStore

_DEEDS = {"acknowledge": Deed.ACKNOWLEDGE, "escalate": Deed.ESCALATE}
# Of the pages to one address, so many are asked whether somebody answered them.
_LOOKED_AT = 20
# Answers by which one that is told again is known; the oldest is forgotten first.
_MAX_HEARD = 10_000
# Of incidents of which the same is said, so many are named; a name stands here in their sentence.
_NAMED = 3
_ID = "\0"
_log = structlog.get_logger()


class Receipts:
    """Takes receipts and answers.

    Attributes:
        measures: hears how long messages took to arrive; given by whoever serves.
    """

    def __init__(self, store: PagingStore, timelines: TimelineStore, paging: Paging, clock: Clock) -> None:
        self._store = store
        self._timelines = timelines
        self.paging = paging
        self.measures: Measures | None = None
        self._clock = clock
        self._heard = _Heard()

    def take(self, channel: str, receipts: Sequence[Receipt]) -> list[str]:
        """Note what they say; one sentence for each answer, to be told to whoever answered.

        One of a message that is not known, which was let go or is another's, is passed over; so is an answer that was
        told before: it must not escalate twice, nor answer a page that came in between.
        """
        said: list[str] = []
        for receipt in receipts:
            answer = (channel, receipt.answer_id, receipt.message_id, receipt.answer)
            if receipt.answer_id is None:
                said += self._taken(channel, receipt)
            elif self._heard.begin(answer):
                try:
                    said += self._taken(channel, receipt)
                except BaseException:
                    # It is told again, and must not be lost then.
                    self._heard.forget(answer)
                    raise
        return said

    def _taken(self, channel: str, receipt: Receipt) -> list[str]:
        message = self._meant(channel, receipt)
        if message is None:
            _log.info("receipt of an unknown message", channel=channel)
            return ["resile knows no page to which this answers."] if receipt.answer is not None else []
        if receipt.state is not None:
            self._move(message, receipt)
        if receipt.answer is None:
            return []
        return [self.answered(message, _DEEDS[receipt.answer], by=receipt.by)]

    def _meant(self, channel: str, receipt: Receipt) -> Message | None:
        if receipt.message_id is not None:
            found = self._store.messages([receipt.message_id]).get(receipt.message_id)
            # Whoever speaks for one channel does not speak for the others.
            return found if found is not None and found.channel == channel else None
        if receipt.ref is not None:
            return self._store.message_by_ref(channel, receipt.ref)
        if receipt.to_address is not None:
            return self._asking(self._store.newest_pages_to(channel, receipt.to_address, limit=_LOOKED_AT))
        return None

    def _asking(self, pages: Sequence[Message]) -> Message | None:
        """Of the pages to one address the newest that nobody answered yet; where all were, the newest."""
        incidents = {one.id: self._incidents(one) for one in pages}
        known = self._store.escalations(sorted({name for names in incidents.values() for name in names}))
        pages_now = {name for name, one in known.items() if one.state in PAGES}
        newest = next(iter(pages), None)
        return next((one for one in pages if not pages_now.isdisjoint(incidents[one.id])), newest)

    def _move(self, message: Message, receipt: Receipt) -> None:
        """Move it forward; never back, whatever comes late or twice."""
        state = receipt.state
        for _ in range(TRIES):
            if state is None or receipt.number <= message.receipt_no or not moves_forward(message.state, state):
                return
            fields: dict[str, Any] = {"receipt_no": receipt.number}
            if state is MessageState.DELIVERED:
                fields["delivered_at"] = self._clock.now()
            if receipt.ref is not None:
                fields["ref"] = receipt.ref
            note = Note(message=message, state=state, because=receipt.error or "", fields=fields)
            try:
                self._store.commit(noted(self._store, self._timelines, [note], now=self._clock.now()))
            except ConflictError:
                current = self._store.messages([message.id]).get(message.id)
                if current is None:
                    return
                message = current
                continue
            self._measured(message, fields.get("delivered_at"))
            return
        raise ConflictError(f"message {message.id}: others keep writing; send the receipt again")

    def _measured(self, message: Message, delivered_at: datetime | None) -> None:
        if self.measures is not None and delivered_at is not None and message.handed_at is not None:
            self.measures.delivered(message, took_s=(delivered_at - message.handed_at).total_seconds())

    def by_link(self, leave: Leave, deed: Deed) -> str:
        """Do what the holder of a signed link asks for; one sentence for them.

        Raises:
            AccessError: the link does not let them, or its message is gone.
        """
        if deed not in {Deed.ACKNOWLEDGE, Deed.ESCALATE} or leave.deed not in {deed, Deed.ACT}:
            raise AccessError("this link is for something else; open the incident and answer there")
        message = self._store.messages([leave.message_id]).get(leave.message_id)
        if message is None:
            raise AccessError("the page of this link is not kept any more; open the incident and answer there")
        return self.answered(message, deed)

    def answered(self, message: Message, deed: Deed, *, by: str | None = None) -> str:
        """Whoever got a message acknowledges, or has the next step begin; of a bundle, for all that is in it.

        Args:
            by: who it was, as the channel names them; counts where the address is nobody's.
        """
        # Never the address: it may be a secret, and the timeline forgets nothing.
        who = message.person or _named(by) or f"somebody at {message.channel}"
        teller = f"person:{who}"
        act = self.paging.acknowledge if deed is Deed.ACKNOWLEDGE else self.paging.escalate
        said = []
        for incident_id in self._incidents(message):
            try:
                said.append((incident_id, act(incident_id, who=who, by=teller, message_id=message.id)))
            except ConfigError as error:
                said.append((incident_id, f"{error}."))
        return in_few_words(said) or "This message belongs to no incident."

    def _incidents(self, message: Message) -> list[str]:
        if not is_bundle(message):
            return [] if message.incident_id is None else [message.incident_id]
        went = [*self._store.bundled_into(message.id)]
        return sorted({one.incident_id for one in went if one.incident_id is not None})

    def state_of(self, leave: Leave) -> Message | None:
        """The message of a link, for the page that asks whether it is meant."""
        return self._store.messages([leave.message_id]).get(leave.message_id)


class _Heard:
    """Answers that were taken, or are being taken, in this process; may be asked from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: OrderedDict[tuple[str | None, ...], None] = OrderedDict()

    def begin(self, answer: tuple[str | None, ...]) -> bool:
        """Note an answer; whether it is told for the first time."""
        with self._lock:
            if answer in self._answers:
                return False
            self._answers[answer] = None
            if len(self._answers) > _MAX_HEARD:
                self._answers.popitem(last=False)
            return True

    def forget(self, answer: tuple[str | None, ...]) -> None:
        """It was not taken after all."""
        with self._lock:
            self._answers.pop(answer, None)


def _named(by: str | None) -> str | None:
    """Whoever answered, by a name that may be shown: some channels know no more of them than their number."""
    return shown_address(by) if by is not None and by[:1] == "+" else by


def in_few_words(said: Sequence[tuple[str, str]]) -> str:
    """What came of each incident, where it was the same for several said once: a bundle may hold hundreds."""
    alike: dict[str, list[str]] = {}
    for incident_id, sentence in said:
        alike.setdefault(sentence.replace(incident_id, _ID, 1), []).append(incident_id)
    sentences = []
    for sentence, ids in alike.items():
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        words = sentence.replace(" for it.", " for them.").replace(f"{_ID} is ", f"{_ID} are ") if ids[1:] else sentence
        sentences.append(words.replace(_ID, f"{', '.join(ids[:_NAMED])}{more}"))
    return " ".join(sentences)
