"""Providers of a simulation, with everything that real ones do: they refuse, hang, lose, answer twice and late."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from msgspec import Struct
from numpy.random import Generator

from resile.model.message import MessageState
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError, UncertainError
from resile.ports.clock import SleepingClock
from resile.testing.faulty_paging import CrashError

RECEIPT_WITHIN = timedelta(seconds=60)


class Mood(StrEnum):
    """How a provider behaves for a while."""

    FINE = "fine"
    REFUSES = "refuses"  # certainly not taken, for a while
    REJECTS = "rejects"  # certainly not taken, for good
    HANGS = "hangs"  # not taken, and nobody knows
    LATE = "late"  # taken and delivered, and nobody knows
    LOSES = "loses"  # taken, never delivered
    TWICE = "twice"  # taken once, delivered twice


_TAKES = frozenset({Mood.FINE, Mood.LATE, Mood.LOSES, Mood.TWICE})


class Arrival(Struct, frozen=True, kw_only=True):
    """A message in somebody's hands."""

    message_id: str
    incident_id: str | None
    person: str | None
    at: datetime
    ack_url: str | None
    by_provider_again: bool = False


class Accepted(Struct, frozen=True, kw_only=True):
    """A call by which a provider took a message."""

    message_id: str
    incident_id: str | None
    at: datetime
    engine: str


class SimulatedChannel:
    """A provider.

    Args:
        deliver: hears what arrives.
        later: has something done after a while.
        tell: takes receipts.
        took: hears what was taken.
        before, during, after: called around what matters; may crash whoever sends, or let others run meanwhile.
    """

    def __init__(
        self,
        name: str,
        rng: Generator,
        clock: SleepingClock,
        *,
        has_receipts: bool,
        deliver: Callable[[Arrival], None],
        later: Callable[[timedelta, Callable[[], None]], None],
        tell: Callable[[str, list[Receipt]], None],
        before: Callable[[Outgoing], None],
        during: Callable[[], None],
        took: Callable[[Outgoing], None],
        after: Callable[[], None],
    ) -> None:
        self._kind = ChannelKind(name=name, title=name, address_words="anything", has_receipts=has_receipts)
        self._rng = rng
        self._clock = clock
        self._deliver = deliver
        self._later = later
        self._tell = tell
        self._before = before
        self._during = during
        self._note_taken = took
        self._after = after
        self.mood = Mood.FINE
        self.n_calls = 0

    @property
    def kind(self) -> ChannelKind:
        """What it is."""
        return self._kind

    def address(self, text: str) -> str:
        """Any will do."""
        return text

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """As its mood is."""
        self._before(outgoing)
        self.n_calls += 1
        mood = self.mood
        # The whole of what a call may take, or nearly nothing.
        is_slow = mood in {Mood.HANGS, Mood.LATE}
        try:
            self._clock.sleep(timeout_s if is_slow else float(self._rng.uniform(0.02, 1.5)))
            if is_slow:
                self._during()
        except CrashError:
            # Whoever called is gone, and what was called may have it all the same.
            if mood in _TAKES and self._rng.random() < 0.5:  # noqa: PLR2004 - half of them
                self._took(outgoing, mood)
            raise
        if mood is Mood.REFUSES:
            raise RefusedError("the provider is not there; try later")
        if mood is Mood.REJECTS:
            raise RefusedError("the provider knows no such address", is_final=True)
        if mood is Mood.HANGS:
            raise UncertainError("no answer within 10 s")
        self._took(outgoing, mood)
        self._after()
        if mood is Mood.LATE:
            raise UncertainError("no answer within 10 s")
        return Handed(ref=f"ref-{outgoing.id}", receipt_within=RECEIPT_WITHIN if self._kind.has_receipts else None)

    def _took(self, outgoing: Outgoing, mood: Mood) -> None:
        self._note_taken(outgoing)
        arrives = mood is not Mood.LOSES
        for number in range(2 if mood is Mood.TWICE else 1):
            if arrives:
                self._later(self._soon(20), partial(self._arrive, outgoing, is_again=number > 0))
        if not self._kind.has_receipts:
            return
        if arrives:
            self._receipt(outgoing, MessageState.DELIVERED, 3, within_s=90)
            # What was sent first comes last: providers do not keep the order.
            self._receipt(outgoing, MessageState.FAILED, 1, within_s=120, chance=0.1)
            self._receipt(outgoing, MessageState.DELIVERED, 3, within_s=200, chance=0.2)
        else:
            self._receipt(outgoing, MessageState.FAILED, 2, within_s=120, chance=0.3)

    def _receipt(
        self, outgoing: Outgoing, state: MessageState, number: int, *, within_s: float, chance: float = 1.0
    ) -> None:
        if self._rng.random() < chance:
            receipt = Receipt(message_id=outgoing.id, state=state, number=number)
            self._later(self._soon(within_s), partial(self._tell, self._kind.name, [receipt]))

    def _arrive(self, outgoing: Outgoing, *, is_again: bool) -> None:
        self._deliver(
            Arrival(
                message_id=outgoing.id,
                incident_id=outgoing.incident_id,
                person=outgoing.person,
                at=self._clock.now(),
                ack_url=outgoing.ack_url,
                by_provider_again=is_again,
            )
        )

    def _soon(self, within_s: float) -> timedelta:
        return timedelta(seconds=float(self._rng.uniform(0.1, within_s)))

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """Simulated ones come by `tell`."""
        del headers, query, body, url
        return []

    def check(self, *, timeout_s: float) -> None:
        """As its mood is."""
        del timeout_s
        if self.mood in {Mood.REFUSES, Mood.HANGS}:
            raise RefusedError("the provider is not there; try later")
