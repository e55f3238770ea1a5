"""A clock that somebody sets back goes on."""

from datetime import UTC, datetime, timedelta

from resile.app.steady_clock import SteadyClock

NIGHT = datetime(2026, 3, 2, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Machine:
    """A machine whose clock can be set, and whose time passes."""

    def __init__(self) -> None:
        self.at = NIGHT
        self.elapsed = 0.0

    def now(self) -> datetime:
        return self.at

    def passes(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.elapsed += seconds

    def elapsed_s(self) -> float:
        return self.elapsed


def test_clock_that_is_set_back_goes_on_at_its_pace_until_the_machine_has_caught_up() -> None:
    machine = Machine()
    clock = SteadyClock(machine, machine.elapsed_s)
    machine.passes(10)
    assert clock.now() == NIGHT + timedelta(seconds=10)

    machine.at -= HOUR
    machine.passes(300)

    assert clock.now() == NIGHT + timedelta(seconds=310)
    machine.passes(3600)
    assert clock.now() == NIGHT + timedelta(seconds=3910)
    machine.at = NIGHT + timedelta(seconds=4000)
    assert clock.now() == machine.at


def test_clock_that_is_set_forward_is_followed() -> None:
    machine = Machine()
    clock = SteadyClock(machine, machine.elapsed_s)

    machine.at += HOUR

    assert clock.now() == NIGHT + HOUR


def test_time_never_runs_backwards_however_little_it_is_set_back() -> None:
    machine = Machine()
    clock = SteadyClock(machine, machine.elapsed_s)
    before = clock.now()

    machine.at -= timedelta(seconds=0.5)

    assert clock.now() >= before
