"""Bugs planted into the delivery of pages, as somebody could have written them; the simulation must find each."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from resile.alerting import decide, incident_stages, stages
from resile.alerting.case import Case, World
from resile.alerting.standing import Standing
from resile.app import alert_batch, notify, noting, paging, receipts, senders
from resile.app.alert_incidents import AlertIncidents
from resile.app.paging import Paging
from resile.model.alert import KnownAlert
from resile.model.errors import ConflictError
from resile.model.escalation import Escalation, EscalationState
from resile.model.message import Message, MessageClass, MessageState
from resile.ports.channel import Handed, Receipt, UncertainError
from resile.ports.paging_store import Changes, Counted, Timer
from resile.response import escalate
from resile.testing import memory_paging
from resile.testing.faulty_paging import FaultyPagingStore

Mutant = Callable[[], Iterator[None]]


@contextmanager
def _swapped(holder: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, before)


def does_not_ask_again() -> Any:
    """Whether a page is still needed is not asked right before it is sent."""
    return _swapped(notify.Notifier, "_is_needed", lambda *_: True)


def acknowledges_on_the_timeline_alone() -> Any:
    """Who acknowledges is written down, and paging goes on."""
    return _swapped(Paging, "following", lambda *_, **__: Changes())


def notes_before_it_sends() -> Any:
    """A page counts as handed over before it is: who dies in between loses it."""
    deliver = notify.Notifier.deliver

    def mutated(self: notify.Notifier, message: Message) -> None:
        if message.message_class is MessageClass.PAGE:
            self._note(message, MessageState.HANDED, handed_at=self._clock.now())
        deliver(self, message)

    return _swapped(notify.Notifier, "deliver", mutated)


def never_sends_again() -> Any:
    """What was being sent when somebody died is left lying."""
    claim = FaultyPagingStore.claim_messages

    def mutated(self: FaultyPagingStore, **asked: Any) -> list[Message]:
        return [message for message in claim(self, **asked) if not message.is_repeat]

    return _swapped(FaultyPagingStore, "claim_messages", mutated)


def writes_in_two_steps() -> Any:
    """Timeline and escalation are committed before the messages that they tell of."""
    commit = FaultyPagingStore.commit

    def mutated(self: FaultyPagingStore, changes: Changes) -> None:
        new = tuple(message for message in changes.messages if message.version == 1)
        commit(self, replace(changes, messages=tuple(one for one in changes.messages if one.version > 1)))
        if new:
            commit(self, Changes(messages=new))

    return _swapped(FaultyPagingStore, "commit", mutated)


def forgets_timers() -> Any:
    """After a step no timer is set for the next."""
    due_at_of = escalate.due_at_of

    def mutated(escalation: Escalation, sent: Mapping[str, Message], *, now: datetime) -> datetime | None:
        return None if escalation.step > 0 else due_at_of(escalation, sent, now=now)

    return _swapped(escalate, "due_at_of", mutated)


def gives_up_in_silence() -> Any:
    """After the last round nothing is said."""

    def mutated(self: Any) -> None:
        one = self._escalation
        if one.step + 1 < len(one.policy.steps):
            self._begin_step(one.step + 1, is_early=False)
        else:
            self._escalation = replace(one, state=EscalationState.ENDED, step_due_at=None)

    return _swapped(escalate._Advance, "begin_next_step", mutated)


def waits_though_it_was_lost() -> Any:
    """A page that did not come through is not noticed until the next step."""
    return _swapped(escalate, "is_lost", lambda *_: False)


def repeats_what_is_uncertain() -> Any:
    """What may have been taken is sent again under the same name."""
    not_handed = notify.Notifier._not_handed

    def mutated(self: notify.Notifier, message: Message, error: Exception) -> None:
        if isinstance(error, UncertainError) and message.n_tries < 3:
            self._note(message, MessageState.QUEUED, because=str(error), due_at=self._clock.now())
            return
        not_handed(self, message, error)  # type: ignore[arg-type]

    return _swapped(notify.Notifier, "_not_handed", mutated)


def sends_without_a_lease() -> Any:
    """Whoever claimed several sends them all, however long the first ones took."""
    deliver = notify.Notifier.deliver

    def mutated(self: notify.Notifier, message: Message) -> None:
        for_ever = self._clock.now() + timedelta(hours=1)
        deliver(self, replace(message, lease_until=for_ever))

    return _swapped(notify.Notifier, "deliver", mutated)


def moves_backwards() -> Any:
    """A receipt that comes late undoes what is known."""
    move = receipts.Receipts._move

    def mutated(self: receipts.Receipts, message: Message, receipt: Receipt) -> None:
        with _swapped(receipts, "moves_forward", lambda before, after: before is not after):
            move(self, message, replace(receipt, number=message.receipt_no + 1))

    return _swapped(receipts.Receipts, "_move", mutated)


def does_not_wake_paging() -> Any:
    """Paging is not told that a page did not come through."""
    return _swapped(noting, "_changes_what_is_due", lambda *_: False)


def writes_whatever_others_wrote() -> Any:
    """Where somebody was quicker, what was decided before is written over it."""
    commit = FaultyPagingStore.commit

    def mutated(self: FaultyPagingStore, changes: Changes) -> None:
        try:
            commit(self, changes)
        except ConflictError:
            stood = self._store.escalations([one.incident_id for one in changes.escalations])
            over = tuple(replace(one, version=stood[one.incident_id].version + 1) for one in changes.escalations)
            commit(self, Changes(escalations=over, timers=changes.timers))

    return _swapped(FaultyPagingStore, "commit", mutated)


def takes_a_hang_for_success() -> Any:
    """What nobody knows counts as handed over."""
    handed = notify.Notifier._handed

    def mutated(self: notify.Notifier, message: Message) -> Handed:
        try:
            return handed(self, message)
        except UncertainError:
            return Handed()

    return _swapped(notify.Notifier, "_handed", mutated)


def rings_on_after_it_was_pushed() -> Any:
    """Pushed on from the last step, those of before ring on under the same names as those of the new round."""

    def mutated(escalation: Escalation, *, now: datetime) -> Escalation:
        is_last = escalation.step + 1 >= len(escalation.policy.steps)
        return replace(
            escalation,
            state=EscalationState.RUNNING,
            step=-1 if is_last else escalation.step,
            n_starts=escalation.n_starts + 1,
            step_due_at=now,
            by=None,
        )

    return _swapped(paging, "pushed", mutated)


def leaves_what_waits() -> Any:
    """Who acknowledges does not call off what waits, and the state is not asked when it is claimed."""
    return _swapped(paging, "called_off", lambda *_: ())


def makes_a_new_incident_each_time() -> Any:
    """An alert that fires again is not remembered."""
    return _swapped(incident_stages, "_of_its_own", lambda *_: [])


def lets_what_fires_again_lie() -> Any:
    """What was restored and fires again reopens its incident, and pages nobody."""

    def mutated(self: AlertIncidents, wish: Any, known: Escalation | None, standing: Standing) -> bool:
        return known is None and begins(self, wish, known, standing)

    begins = AlertIncidents._begins
    return _swapped(AlertIncidents, "_begins", mutated)


@contextmanager
def believes_what_comes_last() -> Iterator[None]:
    """A telling that was overtaken by a later one, or comes twice, counts as news."""

    def mutated(case: Case, world: World) -> Any:
        if case.known is not None:
            told_at = max(case.alert.told_at, case.known.alert.told_at + timedelta(microseconds=1))
            case = replace(case, alert=replace(case.alert, told_at=told_at))
        return dedup(case, world)

    dedup = stages.dedup
    with (
        _swapped(decide, "_FIRING", (mutated, *decide._FIRING[1:])),
        _swapped(decide, "_CLEARING", (mutated, *decide._CLEARING[1:])),
        _swapped(alert_batch, "dedup", mutated),
    ):
        yield


def hears_no_silence_of_a_sender() -> Any:
    """What is heard of no more, and what a silence mutes no longer, is never looked at."""
    return _swapped(alert_batch, "asked_again_at", lambda *_, **__: None)


def restores_with_the_first() -> Any:
    """The first alert that clears restores its incident, whatever else of it fires."""
    firing_of = World.firing_of

    def mutated(self: World, standing: Standing, *, also: str | None = None) -> frozenset[str]:
        return frozenset(sorted(firing_of(self, standing, also=also))[:1])

    return _swapped(World, "firing_of", mutated)


def sends_one_after_the_other() -> Any:
    """A provider that hangs keeps all that goes over its channel waiting."""
    return _swapped(senders, "N_SENDERS", 1)


def looks_late() -> Any:
    """Paging is told of what did not come through, and looks at it with the next minute."""
    told = noting._told

    def mutated(*given: Any) -> tuple[Timer, ...]:
        return tuple(replace(one, due_at=one.due_at + timedelta(seconds=30))
                     for one in told(*given) if one.due_at is not None)  # fmt: skip

    return _swapped(noting, "_told", mutated)


def leaves_the_last_way_unused() -> Any:
    """Only the first two ways of a person are brought forward."""
    all_lost = escalate._Advance._all_lost

    def mutated(self: Any, paths: Any) -> bool:
        return len(paths) < 2 and all_lost(self, paths)

    return _swapped(escalate._Advance, "_all_lost", mutated)


def lets_each_declare_for_a_group() -> Any:
    """Who finds that a group has no incident makes one, though others did at the same moment."""
    commit = FaultyPagingStore.commit

    def mutated(self: FaultyPagingStore, changes: Changes) -> None:
        commit(self, replace(changes, declared_for=()))

    return _swapped(FaultyPagingStore, "commit", mutated)


def counts_without_a_version() -> Any:
    """Who takes an alert for silent does not see that it was told again at that moment."""

    def mutated(known: KnownAlert, counted: Counted) -> KnownAlert:
        return replace(told_again(known, counted), version=known.version)

    told_again = memory_paging.told_again
    return _swapped(memory_paging, "told_again", mutated)


def believes_a_clock_that_is_behind() -> Any:
    """What a sender says of the end is taken by our own clock."""

    def mutated(case: Case, known: KnownAlert | None) -> Case:
        del known
        return case

    return _swapped(alert_batch, "as_meant", mutated)


def counts_without_its_end() -> Any:
    """The end that a sender tells again is not kept, so that it seems to move on for ever."""

    def mutated(known: KnownAlert, counted: Counted) -> KnownAlert:
        return told_again(known, replace(counted, holds_until=None))

    told_again = memory_paging.told_again
    return _swapped(memory_paging, "told_again", mutated)


MUTANTS: tuple[Callable[[], Any], ...] = (
    does_not_ask_again,
    acknowledges_on_the_timeline_alone,
    notes_before_it_sends,
    never_sends_again,
    writes_in_two_steps,
    forgets_timers,
    gives_up_in_silence,
    waits_though_it_was_lost,
    repeats_what_is_uncertain,
    sends_without_a_lease,
    moves_backwards,
    does_not_wake_paging,
    writes_whatever_others_wrote,
    takes_a_hang_for_success,
    rings_on_after_it_was_pushed,
    leaves_what_waits,
    makes_a_new_incident_each_time,
    lets_what_fires_again_lie,
    believes_what_comes_last,
    hears_no_silence_of_a_sender,
    restores_with_the_first,
    sends_one_after_the_other,
    looks_late,
    leaves_the_last_way_unused,
    lets_each_declare_for_a_group,
    counts_without_a_version,
    believes_a_clock_that_is_behind,
    counts_without_its_end,
)
