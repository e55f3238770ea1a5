"""On-call duty equals the minute-by-minute oracle around the moments when clocks are set, in every zone of tzdata."""

from datetime import timedelta
from itertools import pairwise

import pytest

from resile.response.oncall import duties
from tests.response.oracle import holders
from tests.response.worlds import World, worlds_of, zones

# Zones under all their names, and many more worlds of each, in bench/oncall_oracle.py.
_ZONES = zones(are_distinct=True)
_PARTS = 8


def differences(world: World) -> list[str]:
    """Minutes at which the duties and the oracle name somebody else; and whatever breaks the duties' own promises."""
    found = duties(world.schedule, world.overrides, world.starts_at, world.ends_at)
    wrong = []
    if found[0].starts_at != world.starts_at or found[-1].ends_at != world.ends_at:
        wrong.append("the window is not filled")
    for before, after in pairwise(found):
        if before.ends_at != after.starts_at:
            wrong.append(f"a hole or an overlap at {after.starts_at}")
    expected = holders(world.schedule, world.overrides, world.starts_at, world.ends_at, world.clocks)
    place = 0
    for number, person in enumerate(expected):
        at = world.starts_at + number * timedelta(minutes=1)
        while found[place].ends_at <= at:
            place += 1
        if found[place].person != person:
            wrong.append(f"{at}: {found[place]} but the oracle has {person}")
    return wrong


@pytest.mark.parametrize("part", range(_PARTS))
def test_duties_equal_the_oracle_in_every_zone(part: int) -> None:
    for zone in _ZONES[part::_PARTS]:
        for world in worlds_of(zone, n=1, seed=1):
            assert not differences(world), (zone, world.schedule, world.overrides)
