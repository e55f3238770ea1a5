"""Tells subscribers, address by address, at most once each: noted as leaving before it leaves.

Whoever dies while one is leaving leaves one address of which nobody knows; it is not told again, and the timeline says
so. What was claimed and had not begun to leave is told by others.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec
import structlog

from resile.app.subscribers import Subscribers
from resile.app.tell_words import words_for
from resile.channels.webhook import KIND as WEBHOOK
from resile.model.errors import DeliveryError
from resile.model.message import MessageClass
from resile.ports.channel import Bulk, Channel, Outgoing, RefusedError, Session
from resile.ports.clock import Clock
from resile.ports.telling_store import Copy, CopyState, Done, Telling, TellingKind, TellingStore

SEND_WITHIN_S = 8.0
# By so much the clocks of two machines may differ.
_SKEW = timedelta(seconds=5)
# Longer than a call and what clocks differ by; who dies holds up what it had claimed for so long.
LEASE = timedelta(seconds=25)
PORTION = 20
MAX_BOUNCES = 3
GIVES_UP_AFTER = timedelta(hours=1)
_FIRST_WAIT = timedelta(seconds=15)
_LAST_WAIT = timedelta(minutes=5)
_KEPT = 1_000
_MAX_ERROR = 200
_log = structlog.get_logger()


class Teller:
    """Sends what waits for one channel; several may be at work, in several threads and processes.

    Args:
        by: who this is; no two alike.
    """

    def __init__(
        self,
        store: TellingStore,
        subscribers: Subscribers,
        clock: Clock,
        channels: Mapping[str, Channel],
        *,
        by: str,
    ) -> None:
        self._store = store
        self._subscribers = subscribers
        self._clock = clock
        self._channels = channels
        self._by = by
        self._turns = itertools.count(1)
        self._tellings: dict[str, Telling | None] = {}

    def step(self, channel: str) -> int:
        """Claim a portion of a channel and send it; how many were claimed.

        Raises:
            RefusedError: the channel cannot be reached at all; everything waits as it did.
            StoreError: the store failed; of what was leaving nobody knows.
        """
        once = iter((True, False))
        return self.run(channel, goes_on=lambda: next(once))

    def run(self, channel: str, *, goes_on: Callable[[], bool]) -> int:
        """The same, portion by portion through one connection, until nothing is due; how many were claimed.

        Raises:
            RefusedError, StoreError: as `step`.
        """
        n_claimed = 0
        session: Session | None = None
        try:
            while goes_on():
                now = self._clock.now()
                by = f"{self._by}:{next(self._turns)}"
                claimed = self._store.claim(channel, now=now, until=now + LEASE, by=by, limit=PORTION)
                if not claimed:
                    break
                n_claimed += len(claimed)
                session = session or self._session(channel, claimed)
                self._send_all(claimed, session)
        finally:
            if session is not None:
                session.close()
        return n_claimed

    def _send_all(self, claimed: list[Copy], session: Session | None) -> None:
        done: Done | None = None
        for n, copy in enumerate(claimed):
            now = self._clock.now()
            if copy.lease_until is None or now + timedelta(seconds=SEND_WITHIN_S) + _SKEW > copy.lease_until:
                # Others take them soon; what hangs keeps only itself waiting.
                self._store.give_back(claimed[n:])
                break
            is_mine = self._store.begin(copy, done=done, most_bounces=MAX_BOUNCES, now=now)
            done = self._sent(copy, session) if is_mine else None
        if done is not None:
            self._store.finish([done], most_bounces=MAX_BOUNCES, now=self._clock.now())

    def _session(self, channel: str, claimed: Sequence[Copy]) -> Session | None:
        """One connection for many, where the channel has such."""
        opened: object = self._channels.get(channel)
        if not isinstance(opened, Bulk):
            return None
        try:
            return opened.session(timeout_s=SEND_WITHIN_S)
        except RefusedError as error:
            self._store.give_back([copy for copy in claimed if not self._is_given_up(copy, error)])
            raise

    def _sent(self, copy: Copy, session: Session | None) -> Done:
        """Send one that is noted as leaving; what came of it."""
        channel = self._channels.get(copy.channel)
        if channel is None:
            return Done(copy=copy, state=CopyState.FAILED, error=f"channel {copy.channel} is not set up here")
        telling = self._telling(copy.telling_id)
        if telling is None:
            return Done(copy=copy, state=CopyState.FAILED, error="what it tells is gone")
        if telling.kind is not TellingKind.CONFIRM and not telling.title:
            return Done(copy=copy, state=CopyState.CALLED_BACK)
        try:
            outgoing = self._outgoing(telling, copy)
            (session or channel).send(outgoing, timeout_s=SEND_WITHIN_S)
        except RefusedError as error:
            return self._refused(copy, error)
        except DeliveryError as error:
            # A hook that takes what is said and never answers would hold up the others each time.
            is_bounce = copy.channel == WEBHOOK.name
            return Done(copy=copy, state=CopyState.UNCERTAIN, error=_without(str(error), copy), is_bounce=is_bounce)
        except Exception as error:  # noqa: BLE001 - whatever one address breaks, the others are told
            _log.error("subscriber not told", channel=copy.channel, error=type(error).__name__)
            return Done(copy=copy, state=CopyState.UNCERTAIN, error=f"a fault ({type(error).__name__})")
        return Done(copy=copy, state=CopyState.HANDED)

    def _refused(self, copy: Copy, error: RefusedError) -> Done:
        said = _without(str(error), copy)
        if error.is_final:
            return Done(copy=copy, state=CopyState.FAILED, error=said, is_bounce=True)
        now = self._clock.now()
        wait = min(_FIRST_WAIT * 2 ** min(copy.n_tries, 10), _LAST_WAIT)
        if now + wait >= copy.first_due_at + GIVES_UP_AFTER:
            # A hook stands for itself; a mail server that refuses for an hour says nothing of one mailbox.
            is_bounce = copy.channel == WEBHOOK.name
            return Done(copy=copy, state=CopyState.FAILED, error=said, is_bounce=is_bounce)
        return Done(copy=copy, state=CopyState.QUEUED, error=said, due_at=now + wait)

    def _is_given_up(self, copy: Copy, error: RefusedError) -> bool:
        """Note one that waited for too long for a channel that cannot be reached."""
        now = self._clock.now()
        if now < copy.first_due_at + GIVES_UP_AFTER:
            return False
        if self._store.begin(copy, done=None, most_bounces=MAX_BOUNCES, now=now):
            done = Done(copy=copy, state=CopyState.FAILED, error=_without(str(error), copy))
            self._store.finish([done], most_bounces=MAX_BOUNCES, now=now)
        return True

    def _telling(self, telling_id: str) -> Telling | None:
        if telling_id not in self._tellings:
            if len(self._tellings) >= _KEPT:
                self._tellings.clear()
            self._tellings[telling_id] = self._store.telling(telling_id)
        return self._tellings[telling_id]

    def _outgoing(self, telling: Telling, copy: Copy) -> Outgoing:
        is_ask = telling.kind is TellingKind.CONFIRM
        confirm_url = self._subscribers.confirm_url(copy.subscriber_id) if is_ask else None
        leave_url = None if is_ask else self._subscribers.leave_url(copy.subscriber_id)
        title, text = words_for(telling)
        extra: dict[str, str] = {}
        if copy.channel == WEBHOOK.name:
            told = {
                "type": f"status.{telling.kind}",
                "id": telling.id,
                "title": title,
                "text": text,
                telling.kind.value: msgspec.json.decode(telling.body),
                "confirm_url": confirm_url,
                "leave_url": leave_url,
            }
            body = {name: value for name, value in told.items() if value not in (None, {})}
            extra = {"body": msgspec.json.encode(body).decode(), "content_type": "application/json"}
        return Outgoing(
            id=f"{telling.id}-{copy.subscriber_id}",
            message_class=MessageClass.UPDATE,
            address=copy.address,
            title=title,
            text=text,
            confirm_url=confirm_url,
            leave_url=leave_url,
            extra=extra,
        )


def _without(said: str, copy: Copy) -> str:
    """What a channel says, without the address."""
    return said.replace(copy.address, "…")[:_MAX_ERROR] if copy.address else said[:_MAX_ERROR]
