"""The clock on the wall: every instant at which it is set is found."""

import struct
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

from resile.response.wall_clock import LOOK_EVERY, stretches
from tests.response.worlds import zones

# A file begins with a head of this size, after which come its parts (RFC 8536).
_HEAD = struct.Struct(">4sc15x6l")


def set_at(zone: str) -> list[int]:
    """Seconds since 1970 at which the clock of a zone is set, as its file lists them."""
    body = files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    _, _, n_ut, n_std, n_leap, n_times, n_types, n_chars = _HEAD.unpack_from(body)
    # What is written for old readers, in 32 bits, comes first.
    at = _HEAD.size + n_times * 5 + n_types * 6 + n_chars + n_leap * 8 + n_std + n_ut
    _, _, _, _, _, n_times, n_types, _ = _HEAD.unpack_from(body, at)
    at += _HEAD.size
    times = struct.unpack_from(f">{n_times}q", body, at)
    types = body[at + n_times * 8 : at + n_times * 9]
    offsets = [struct.unpack_from(">l", body, at + n_times * 9 + 6 * number)[0] for number in range(n_types)]
    shown = [offsets[0], *(offsets[one] for one in types)]
    return [when for when, (before, after) in zip(times, pairwise(shown), strict=True) if before != after]


def test_no_clock_is_set_twice_between_two_looks() -> None:
    nearest = min(after - before for zone in zones(are_distinct=True) for before, after in pairwise(set_at(zone)))

    assert nearest > LOOK_EVERY.total_seconds()


def test_every_time_at_which_a_clock_is_set_is_found() -> None:
    first, last = datetime(1970, 1, 1, tzinfo=UTC), datetime(1985, 1, 1, tzinfo=UTC)
    for zone in zones(are_distinct=True)[::30]:
        found = [one.starts_at for one in stretches(ZoneInfo(zone), first, last)][1:]

        listed = [datetime.fromtimestamp(at, UTC) for at in set_at(zone)]
        assert found == [at for at in listed if first < at < last], zone


def test_clock_that_is_set_for_a_month_is_set_twice() -> None:
    # Morocco sets its clock back for Ramadan.
    found = list(
        stretches(ZoneInfo("Africa/Casablanca"), datetime(2029, 1, 1, tzinfo=UTC), datetime(2029, 4, 1, tzinfo=UTC))
    )

    assert [one.offset / timedelta(hours=1) for one in found] == [1, 0, 1]


def test_clock_that_is_set_as_the_year_turns_is_set() -> None:
    # Rankin Inlet had no clock before it was built.
    turn = datetime(1957, 1, 1, tzinfo=UTC)

    found = list(stretches(ZoneInfo("America/Rankin_Inlet"), turn - timedelta(days=1), turn + timedelta(days=1)))

    assert [one.starts_at for one in found] == [turn - timedelta(days=1), turn]
