"""Senders that say until when an alert holds, by clocks that differ from ours."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.model.alert import Alert, AlertState
from resile.model.time import DAY, HOUR, MINUTE
from tests.alerting.worlds import FIRING, RESOLVED, Told, alert, at

# As Prometheus says of what fires: four times its resend delay.
_AHEAD = 4 * MINUTE


def telling(minute: float, *, behind: timedelta, ends: timedelta = _AHEAD, began: float = 0) -> Alert:
    """Told `minute` minutes after noon by a clock that is `behind`: that it holds until `ends` from then."""
    holds_until = at(minute) - behind + ends
    is_over = holds_until <= at(minute)
    return alert(
        state=RESOLVED if is_over else FIRING,
        starts_at=at(began) - behind,
        told_at=at(minute),
        ends_at=holds_until if is_over else None,
        holds_until=holds_until,
        expires_at=None if is_over else holds_until,
    )


def over(minute: float, *, behind: timedelta, since: float, began: float = 0) -> Alert:
    """Told by the same sender that it is over since a minute."""
    return telling(minute, behind=behind, ends=at(since) - at(minute), began=began)


def state(told: Told) -> AlertState:
    (known,) = told.known.values()
    return known.alert.state


BEHIND = st.integers(0, 29 * DAY // MINUTE * 60).map(lambda seconds: timedelta(seconds=seconds))


@given(BEHIND, st.lists(st.integers(30, 75), min_size=2, max_size=30), st.integers(1, 75))
def test_what_is_told_again_fires_until_it_is_over_by_whatever_clock(
    behind: timedelta, gaps: list[int], last: int
) -> None:
    told = Told()
    minute = 0.0
    for n, gap in enumerate(gaps):
        told.tell(telling(minute, behind=behind))
        assert state(told) is FIRING or (n == 0 and behind >= _AHEAD)
        minute += gap / 60
    since = minute - gaps[-1] / 60 + last / 60
    for n in range(5):
        told.tell(over(since + n, behind=behind, since=since))
    (known,) = told.known.values()

    assert known.alert.state is RESOLVED
    assert known.n_fired == 1
    assert known.alert.ends_at is not None
    # By less than it tells ahead nobody can see that its clock is behind: it is off by as much.
    unseen = behind if behind < _AHEAD else timedelta()
    assert abs(known.alert.ends_at - at(since)) <= max(timedelta(seconds=75), unseen)


@given(BEHIND)
def test_what_is_over_stays_over_however_often_that_is_told(behind: timedelta) -> None:
    told = Told()
    for minute in range(2, 17):
        told.tell(over(minute, behind=behind, since=1))

    assert state(told) is RESOLVED
    assert told.timelines == {}


def test_of_a_slow_clock_it_is_said_what_is_wrong_and_how_to_mend_it() -> None:
    told = Told()
    told.tell(telling(0, behind=10 * MINUTE))

    decided = told.tell(telling(1, behind=10 * MINUTE))

    (known,) = told.known.values()
    assert decided.verdicts[0].reason.startswith("fires, for the end that it tells moves on with each telling")
    assert "6 min behind or more; set it by NTP" in known.alert.warnings[0]
    assert known.alert.expires_at == at(6)
    assert known.alert.starts_at == at(0)
    assert len(told.timelines) == 1


def test_clock_that_is_set_back_while_an_alert_fires_does_not_end_it() -> None:
    told = Told()
    for minute in range(5):
        told.tell(telling(minute, behind=timedelta()))
    for minute in range(5, 30):
        told.tell(telling(minute, behind=HOUR, began=60))
        assert state(told) is FIRING

    told.tell(over(30, behind=HOUR, since=29.5, began=60))

    assert state(told) is RESOLVED


def test_clock_that_is_set_right_while_an_alert_fires_does_not_end_it() -> None:
    told = Told()
    for minute in range(5):
        told.tell(telling(minute, behind=HOUR))
    for minute in range(5, 10):
        told.tell(telling(minute, behind=timedelta(), began=-60))
        assert state(told) is FIRING

    told.tell(over(10, behind=timedelta(), since=9.9, began=-60))

    assert state(told) is RESOLVED


def test_one_of_two_senders_with_a_slow_clock_does_not_end_what_the_other_tells_of() -> None:
    told = Told()
    told.tell(telling(0, behind=timedelta()))
    for minute in range(1, 20):
        told.tell(telling(minute, behind=10 * MINUTE))
        assert state(told) is FIRING
        told.tell(telling(minute + 0.5, behind=timedelta()))
        assert state(told) is FIRING


def test_the_same_telling_twice_means_the_same() -> None:
    told = Told()
    for minute in (0, 1):
        told.tell(telling(minute, behind=10 * MINUTE))

    assert not told.tell(telling(1, behind=10 * MINUTE)).is_written
    assert state(told) is FIRING


@pytest.mark.parametrize("began", [1, 2])
def test_each_short_time_of_which_only_the_end_is_heard_is_over(began: int) -> None:
    told = Told()
    told.tell(over(1, behind=timedelta(), since=0.9, began=0))

    told.tell(over(began + 2, behind=timedelta(), since=began + 1, began=began))

    assert state(told) is RESOLVED
