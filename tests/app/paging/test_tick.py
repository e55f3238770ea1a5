"""What is due is done, whatever one of it breaks."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from resile.app.tick import Ticker
from resile.model.errors import StoreError, TransitionError
from resile.ports.paging_store import Changes, Timer, TimerKind
from tests.app.paging.world import NIGHT, Night


def timer(subject: str, due_at: datetime | None = NIGHT) -> Timer:
    return Timer(kind=TimerKind.UPDATE, subject=subject, due_at=due_at)


@pytest.mark.parametrize(
    "fault",
    [TransitionError("it was merged"), StoreError("a text holds half of a surrogate pair"), ZeroDivisionError()],
    ids=lambda fault: type(fault).__name__,
)
def test_one_that_cannot_be_done_holds_up_no_other_and_is_asked_about_later(fault: Exception) -> None:
    night = Night()
    done: list[str] = []

    def handler(timers: Sequence[Timer], now: datetime) -> Changes:
        del now
        if any(one.subject == "bad" for one in timers):
            raise fault
        done.extend(one.subject for one in timers)
        return Changes(timers=tuple(timer(one.subject, None) for one in timers))

    ticker = Ticker(night.store, night.clock, {TimerKind.UPDATE: handler}, by="me")
    night.store.commit(Changes(timers=tuple(timer(name) for name in ("a", "bad", "c"))))

    assert ticker.tick() == 3
    assert done == ["a", "c"]
    assert [(one.subject, one.due_at) for one in night.store.timers(TimerKind.UPDATE)] == [
        ("bad", NIGHT + timedelta(seconds=30))
    ]


def test_store_that_fails_ends_the_tick() -> None:
    night = Night()
    night.store.commit(Changes(timers=(timer("a"), timer("b"))))
    n_asked = 0

    def handler(timers: Sequence[Timer], now: datetime) -> Changes:
        nonlocal n_asked
        n_asked += 1
        raise StoreError("the disk is full")

    def commit(changes: Changes) -> None:
        raise StoreError("the disk is full")

    night.store.commit = commit  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        Ticker(night.store, night.clock, {TimerKind.UPDATE: handler}, by="me").tick()
    assert n_asked == 2


def test_timer_that_somebody_set_meanwhile_stays_as_they_set_it() -> None:
    night = Night()
    night.store.commit(Changes(timers=(timer("a"),)))

    def handler(timers: Sequence[Timer], now: datetime) -> Changes:
        night.store.commit(Changes(timers=(timer("a", now),)))
        return Changes(timers=tuple(timer(one.subject, now + timedelta(hours=1)) for one in timers))

    Ticker(night.store, night.clock, {TimerKind.UPDATE: handler}, by="me").tick()

    assert [one.due_at for one in night.store.timers(TimerKind.UPDATE)] == [NIGHT]
