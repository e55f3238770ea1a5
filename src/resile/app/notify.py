"""Messages are handed to their channels: claimed under a lease, asked whether they are still needed, sent, noted."""

import re
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from traceback import format_tb
from typing import Protocol

import structlog

from resile.app.bundling import PAGES, bundled, is_bundle, members_that_page
from resile.app.links import Deed, Links
from resile.app.noting import Note, Noting
from resile.model.errors import ConflictError, DeliveryError, StoreError
from resile.model.message import Message, MessageClass, MessageState, shown_address
from resile.model.policy import Throttle
from resile.ports.channel import Channel, Handed, Outgoing, RefusedError, UncertainError
from resile.ports.clock import Clock
from resile.ports.paging_store import PagingStore
from resile.ports.timeline_store import TimelineStore

# The whole of a call; what hangs longer is uncertain.
SEND_WITHIN_S = 10.0
# By so much the clocks of two machines may differ.
SKEW = timedelta(seconds=10)
# Longer than a call, its turn, and what clocks differ by. Who dies while sending holds a page up for so long.
LEASE = timedelta(seconds=40)
# After a refusal: so long, then twice as long, up to the last; given up after so long in all.
_FIRST_WAIT = timedelta(seconds=5)
_LAST_WAIT = timedelta(minutes=5)
GIVES_UP_AFTER = timedelta(hours=1)
# A page that is an hour old was answered or escalated; an event is as true as ever.
EMITTED_GIVES_UP_AFTER = timedelta(days=3)
# Of those who send, so many are at the store at one moment. All at once would each take a connection, of which
# PostgreSQL gives a hundred to everybody.
_AT_STORE = 4
_AFTER_ANOTHER = timedelta(seconds=1)
_MAX_ERROR = 300
# By how it begins an address is known again where a channel cut it; a shorter one stands there whole.
_BEGINS = 30
# A shorter one is no secret, and may be a part of any word.
_SHORTEST = 6
# Providers write numbers in their own way.
_NUMBER = re.compile(r"\+?[0-9\s()./-]+")
_BETWEEN_DIGITS = r"[\s()./-]{0,3}"
_log = structlog.get_logger()


class Measures(Protocol):
    """Hears how long messages dwelt; for resile's own metrics."""

    def sent(self, message: Message, *, dwell_s: float, took_s: float) -> None:
        """One was handed over so long after it was due; the call took so long."""
        ...

    def failed(self, message: Message, *, is_uncertain: bool) -> None:
        """One was not, or nobody knows."""
        ...

    def delivered(self, message: Message, *, took_s: float) -> None:
        """One arrived so long after it was handed over, as its provider says."""
        ...


class Notifier:
    """Sends. Several may be at work, in several threads and processes.

    Args:
        channels: those that are set up, by name.
        links: None: nobody outside reaches this resile, so that messages carry no links.
        by: who this is; no two alike.
        throttles: by channel; the channel `""` stands for all others.
    """

    def __init__(
        self,
        store: PagingStore,
        timelines: TimelineStore,
        clock: Clock,
        channels: Mapping[str, Channel],
        *,
        links: Links | None,
        by: str,
        measures: Measures | None = None,
        throttles: Mapping[str, Throttle] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._channels = channels
        self._links = links
        self._by = by
        self._measures = measures
        self._throttles = throttles or {}
        self._at_store = threading.BoundedSemaphore(_AT_STORE)
        self._noting = Noting(store, timelines, clock)

    def gather(self) -> None:
        """Have what comes of messages wait until `write_waiting` is called."""
        self._noting.gather()

    def write_waiting(self) -> bool:
        """Write together what came of messages; False: the store refused some, which wait on."""
        return self._noting.write_waiting()

    def start(self) -> None:
        """Write what comes of messages together from now on, and beside the sending of others."""
        self._noting.start()

    def stop(self, *, within_s: float) -> None:
        """Write what came of those that were sent."""
        self._noting.stop(within_s=within_s)

    def claim(self, *, limit: int, but_not: Sequence[str] = ()) -> list[Message]:
        """Messages that are to be sent now, held by this notifier.

        Args:
            but_not: channels of which none is taken.

        Raises:
            StoreError: the store failed.
        """
        now = self._clock.now()
        self._close_gaps(now, limit)
        claimed = self._store.claim_messages(now=now, until=now + LEASE, by=self._by, limit=limit, but_not=but_not)
        try:
            going, held_up = bundled(self._store, claimed, self._throttles, now=now)
            if not held_up.is_empty:
                self._store.commit(held_up)
        except ConflictError:
            return list(claimed)  # Somebody was quicker with one of them: rather too many than none.
        except Exception as error:  # noqa: BLE001 - they are claimed: whatever is wrong with one, all are sent
            _log.error("messages not bundled", exc_info=error)
            return list(claimed)
        return going

    def _close_gaps(self, now: datetime, limit: int) -> None:
        """Those sent at most once, whose sender died: not sent again, and the gap is told."""
        for message in self._store.run_out(now=now, limit=limit):
            because = "whoever sent it died meanwhile; it is not sent again"
            try:
                self._noting.write(Note(message=message, state=MessageState.UNCERTAIN, because=because))
            except Exception as error:  # noqa: BLE001 - one that cannot be noted holds up none that waits
                _log.error("message not noted", message=message.id, exc_info=error)

    def send_due(self, *, limit: int = 20) -> int:
        """Claim and send one after the other; how many were claimed."""
        claimed = self.claim(limit=limit)
        for message in claimed:
            self.deliver(message)
        return len(claimed)

    def deliver(self, message: Message) -> None:
        """Send one that was claimed, and note what came of it.

        Raises:
            StoreError: the store failed; a page is sent again when its lease runs out.
        """
        if (waits_until := self._waits_for_another(message)) is not None:
            self._note(message, MessageState.QUEUED, n_tries=message.n_tries - 1, due_at=waits_until)
            return
        if not self._is_needed(message):
            # One whose sender died before may have gone out.
            state = MessageState.UNCERTAIN if message.is_repeat else MessageState.CANCELLED
            self._note(message, state, because="acknowledged before it was sent")
            return
        began = self._clock.now()
        if message.expires_at is not None and message.expires_at <= began:
            self._note(message, MessageState.CANCELLED, because="it came too late to be of use")
            return
        # Looked at last: its turn, or the store, may have been waited for so long that others take it now.
        if message.lease_until is None or began + timedelta(seconds=SEND_WITHIN_S) + SKEW > message.lease_until:
            self.give_back(message)
            return
        try:
            handed = self._handed(message)
        except DeliveryError as error:
            self._not_handed(message, error)
            return
        now = self._clock.now()
        due = None if handed.receipt_within is None else now + handed.receipt_within
        if self._measures is not None:
            dwell_s = (began - message.due_at).total_seconds()
            self._measures.sent(message, dwell_s=dwell_s, took_s=(now - began).total_seconds())
        ref = None if handed.ref is None else _kept(handed.ref)
        self._note(message, MessageState.HANDED, ref=ref, handed_at=now, receipt_due_at=due)

    def give_back(self, message: Message) -> None:
        """One that was claimed and not sent: it waited too long for its turn, or the program ends."""
        fields = {"n_tries": message.n_tries - 1}
        self._noting.write(Note(message=message, state=MessageState.QUEUED, because=message.error or "", fields=fields))

    def _waits_for_another(self, message: Message) -> datetime | None:
        """Until when an event is not to be sent, because the one before it of the same incident was not yet."""
        before = message.extra.get("after") if message.message_class is MessageClass.EMITTED else None
        another = None if before is None else self._store.messages([before]).get(before)
        if another is None or another.state not in {MessageState.QUEUED, MessageState.SENDING}:
            return None
        return max(another.due_at, self._clock.now()) + _AFTER_ANOTHER

    def _is_needed(self, message: Message) -> bool:
        """Whether it is still to be sent: asked right before, for what was true when it was queued may not be now."""
        if message.message_class is not MessageClass.PAGE:
            return True
        try:
            with self._at_store:
                return self._is_paged_for(message)
        except StoreError as error:
            # It was needed when it was claimed, a moment ago: rather one page too many than one too late.
            _log.warning("sent without asking whether it is needed", message=message.id, error=str(error))
            return True

    def _is_paged_for(self, message: Message) -> bool:
        if message.incident_id is None:
            return not is_bundle(message) or bool(members_that_page(self._store, message))
        known = self._store.escalations([message.incident_id]).get(message.incident_id)
        return known is not None and known.state in PAGES

    def _handed(self, message: Message) -> Handed:
        channel = self._channels.get(message.channel)
        if channel is None:
            raise RefusedError(
                f"channel {message.channel} is not set up here; add [channels.{message.channel}] to resile.toml",
                is_final=True,
            )
        try:
            return channel.send(self._outgoing(message), timeout_s=SEND_WITHIN_S)
        except DeliveryError:
            raise
        except Exception as error:  # - channels are plug-ins: whatever one breaks, the next way is tried
            # Without its words: in them may stand the address.
            where = "".join(format_tb(error.__traceback__))
            _log.error(
                "channel failed", channel=message.channel, message=message.id, error=type(error).__name__, at=where
            )
            raise UncertainError(f"channel {message.channel} has a fault ({type(error).__name__})") from error

    def _outgoing(self, message: Message) -> Outgoing:
        links, now = self._links, self._clock.now()
        answers = links is not None and message.can_answer
        return Outgoing(
            id=message.id,
            message_class=message.message_class,
            address=message.address,
            title=f"{message.title} (may be a repeat)" if message.is_repeat else message.title,
            text=message.text,
            severity=message.severity,
            incident_id=message.incident_id,
            person=message.person,
            url=None if links is None or message.incident_id is None else links.incident(message.incident_id),
            ack_url=links.to(message.id, Deed.ACKNOWLEDGE, now=now) if answers and links is not None else None,
            escalate_url=links.to(message.id, Deed.ESCALATE, now=now) if answers and links is not None else None,
            act_url=links.to(message.id, Deed.ACT, now=now) if answers and links is not None else None,
            receipt_url=None if links is None else links.receipts(message.channel),
            is_repeat=message.is_repeat,
            extra=message.extra,
        )

    def _not_handed(self, message: Message, error: DeliveryError) -> None:
        because = _kept(_without_address(str(error), message.address)[:_MAX_ERROR])
        is_uncertain = not isinstance(error, RefusedError)
        if self._measures is not None:
            self._measures.failed(message, is_uncertain=is_uncertain)
        if _goes_again(message, error):
            wait = min(_FIRST_WAIT * 2 ** min(message.n_tries - 1, 10), _LAST_WAIT)
            if isinstance(error, RefusedError) and error.again_in_s is not None:
                wait = max(wait, min(timedelta(seconds=error.again_in_s), _LAST_WAIT))
            is_emitted = message.message_class is MessageClass.EMITTED
            now = self._clock.now()
            if now + wait < message.queued_at + (EMITTED_GIVES_UP_AFTER if is_emitted else GIVES_UP_AFTER):
                is_repeat = message.is_repeat or is_uncertain
                self._note(message, MessageState.QUEUED, because=because, due_at=now + wait, is_repeat=is_repeat)
                return
        self._note(message, MessageState.UNCERTAIN if is_uncertain else MessageState.FAILED, because=because)

    def _note(self, message: Message, state: MessageState, *, because: str = "", **fields: object) -> None:
        """Have it written what came of it."""
        self._noting.soon(Note(message=message, state=state, because=because, fields=fields))


def _without_address(said: str, address: str) -> str:
    """What a channel says of an address is told on the timeline; however it is written, the address may be secret."""
    shown = shown_address(address)
    if shown == address or len(address) < _SHORTEST:
        return said
    digits = re.findall(r"[0-9]", address)
    if _NUMBER.fullmatch(address) and len(digits) >= _SHORTEST:
        sought = r"\+?" + _BETWEEN_DIGITS.join(digits)
    else:
        sought = re.escape(address[:_BEGINS]) + (r"[^\s'\"]*" if len(address) > _BEGINS else "")
    return re.sub(sought, lambda _: shown, said, flags=re.IGNORECASE)


def _kept(said: str) -> str:
    """What others say, without half characters, which no store keeps: else it could never be noted."""
    return said.encode("utf-8", "replace").decode()


def _goes_again(message: Message, error: DeliveryError) -> bool:
    """Whether the same message is sent again. A page that is uncertain is not: its person's next way goes out."""
    if isinstance(error, RefusedError):
        return not error.is_final and message.message_class.is_at_least_once
    return message.message_class is MessageClass.EMITTED
