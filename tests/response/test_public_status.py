"""What the public sees, worked out by hand in small cases."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from resile.model.component import ComponentState, MaintenancePhase, UpdatePhase
from resile.model.time import DAY, HOUR, MINUTE
from resile.response.component_states import Stretch, state_at, stretches, uptime, worst_within
from resile.response.public_status import MAX_SHOWN, Announced, Indicator, Listed, PublicStatus, public_status
from resile.response.published import Published, PublishedUpdate, ToldOf, published

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
LONG_AGO = NOW - 400 * DAY
UTC_ZONE = ZoneInfo("UTC")
MAJOR, PARTIAL = ComponentState.MAJOR_OUTAGE, ComponentState.PARTIAL_OUTAGE
DEGRADED, UP = ComponentState.DEGRADED_PERFORMANCE, ComponentState.OPERATIONAL


def update(minutes_ago: float, phase: str = "investigating", its: str = "a", **components: str) -> PublishedUpdate:
    at = NOW - timedelta(minutes=minutes_ago)
    return PublishedUpdate(
        incident_id=its, event_id=f"{minutes_ago}", at=at, phase=UpdatePhase(phase), text="", components=components
    )


def incident(*updates: PublishedUpdate, restored: datetime | None = None) -> Published:
    return Published(ids=(updates[0].incident_id,), updates=updates, restored_at=restored)


def listed(name: str, *services: str, since: datetime = LONG_AGO) -> Listed:
    return Listed(name=name, title=name, keys=frozenset({name, *services}), since=since)


def seen(*incidents: Published, components: tuple[Listed, ...] = (listed("shop"),), **given: object) -> PublicStatus:
    zone = given.get("zone", UTC_ZONE)
    assert isinstance(zone, ZoneInfo)
    return public_status(list(incidents), components, [], now=NOW, zone=zone)


def states(*incidents: Published) -> list[tuple[str, float]]:
    found = stretches(incidents).get("shop", ())
    return [(one.state.value, (NOW - one.began_at) / MINUTE) for one in found]


def test_state_holds_until_the_next_word_on_the_component() -> None:
    its = incident(
        update(60, shop="major_outage"), update(40, "identified"), update(20, "monitoring", shop="operational")
    )

    assert states(its) == [("major_outage", 60), ("operational", 20)]


def test_resolving_lets_go_of_what_it_does_not_name() -> None:
    assert states(incident(update(60, shop="major_outage"), update(20, "resolved"))) == [
        ("major_outage", 60),
        ("operational", 20),
    ]


def test_of_two_incidents_the_worst_state_is_shown() -> None:
    one = incident(update(60, shop="major_outage"), update(20, "resolved"))
    other = incident(update(50, its="b", shop="degraded_performance"))

    assert states(one, other) == [("major_outage", 60), ("degraded_performance", 20)]


def test_what_a_resolved_incident_left_behind_ends_with_the_next_word() -> None:
    one = incident(update(60, shop="major_outage"), update(50, "resolved", shop="degraded_performance"))
    other = incident(update(30, its="b", shop="partial_outage"), update(10, "resolved", its="b"))

    assert states(one, other) == [
        ("major_outage", 60),
        ("degraded_performance", 50),
        ("partial_outage", 30),
        ("operational", 10),
    ]


def test_incident_that_goes_on_after_it_was_resolved_holds_again() -> None:
    its = incident(update(60, shop="major_outage"), update(50, "resolved"), update(40, shop="partial_outage"))

    assert states(its)[-1] == ("partial_outage", 40)
    assert seen(its).open_incidents


def test_uptime_counts_a_major_outage_whole_and_a_partial_one_in_part() -> None:
    found = (
        Stretch(MAJOR, NOW - 10 * HOUR, NOW - 9 * HOUR),
        Stretch(PARTIAL, NOW - 9 * HOUR, NOW - 8 * HOUR),
        Stretch(DEGRADED, NOW - 8 * HOUR, NOW - 7 * HOUR),
        Stretch(UP, NOW - 7 * HOUR),
    )

    assert uptime(found, NOW - 10 * HOUR, NOW).share == pytest.approx(1 - 1.3 / 10)
    assert uptime(found, NOW - 7 * HOUR, NOW).share == 1
    assert uptime(found, NOW, NOW).share is None
    assert uptime((), NOW - DAY, NOW).share == 1


def test_day_before_a_component_was_listed_is_not_claimed() -> None:
    (shown,) = seen(components=(listed("shop", since=NOW - 2 * DAY),)).components

    assert [day.state for day in shown.days[-4:]] == [None, UP, UP, UP]
    assert shown.uptime.since == NOW - 2 * DAY


def test_days_follow_the_zones_clock() -> None:
    # Berlin's clock was set forward that night: the day has 23 hours.
    (shown,) = seen(zone=ZoneInfo("Europe/Berlin")).components

    assert len(shown.days) == 90
    assert shown.days[-1].begins_at == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert seen(zone=ZoneInfo("Europe/Berlin")).until == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_component_stands_for_its_services() -> None:
    both = (listed("web", "checkout", "search"), listed("api"))
    status = seen(incident(update(30, checkout="partial_outage", search="degraded_performance")), components=both)

    assert [(one.listed.name, one.state) for one in status.components] == [("api", UP), ("web", PARTIAL)]
    assert status.incidents[0].components == ("web",)
    assert status.indicator is Indicator.MAJOR


def test_incident_of_which_no_component_is_listed_is_no_silence() -> None:
    assert seen(incident(update(30, cellar="major_outage"))).indicator is Indicator.MINOR
    assert seen(incident(update(30, "monitoring"))).indicator is Indicator.NONE
    assert seen(components=()).description == "No Known Incidents"


def test_restored_without_a_word_of_it_is_monitoring() -> None:
    (shown,) = seen(incident(update(60, shop="major_outage"), restored=NOW - 10 * MINUTE)).incidents
    assert (shown.phase, shown.restored_at) == (UpdatePhase.MONITORING, NOW - 10 * MINUTE)

    # Told only after it was over, and told of as if it were not.
    (shown,) = seen(incident(update(5, shop="major_outage"), restored=NOW - 10 * MINUTE)).incidents
    assert (shown.phase, shown.restored_at) == (UpdatePhase.MONITORING, NOW - 10 * MINUTE)

    its = incident(update(60), update(5, "resolved"), restored=NOW - 10 * MINUTE)
    (shown,) = seen(its).incidents
    assert (shown.phase, shown.restored_at, shown.is_open) == (UpdatePhase.RESOLVED, None, False)


def test_what_is_back_is_up_and_what_was_published_since_stands() -> None:
    # Said at 10 minutes ago, as of 20; meanwhile somebody told how it had been.
    its = Published(
        ids=("a",),
        updates=(update(60, shop="major_outage"), update(15, shop="partial_outage")),
        restored_at=NOW - 20 * MINUTE,
        let_go_at=(NOW - 20 * MINUTE, NOW - 10 * MINUTE),
    )
    assert states(its) == [("major_outage", 60), ("operational", 20), ("partial_outage", 15), ("operational", 10)]

    later = replace(its, updates=(*its.updates, update(5, "monitoring", shop="degraded_performance")))
    assert states(later)[-1] == ("degraded_performance", 5)
    over = replace(its, updates=(update(60), update(50, "resolved", shop="degraded_performance")))
    assert states(over) == [("degraded_performance", 50)]


def test_of_more_than_can_be_listed_nothing_is_denied() -> None:
    def many(*, n: int, first: Published) -> PublicStatus:
        # One a minute; before them one that goes on, and one of yesterday that is over.
        newest = (incident(update(k, "resolved", its=f"i{k}")) for k in range(n))
        over = incident(update(2_000, its="o", shop="major_outage"), update(1_990, "resolved", its="o"))
        return seen(*newest, first, over)

    going_on = incident(update(1_700, its="z", shop="partial_outage"))
    cut = many(n=MAX_SHOWN, first=going_on)
    assert cut.is_cut
    assert [one.ids for one in cut.open_incidents] == [("z",)]
    assert [(one.listed.name, one.state) for one in cut.components] == [("shop", PARTIAL)]
    # That the outage of yesterday has no page hides it from no picture.
    assert [one.state for one in cut.components[0].days[-3:]] == [UP, MAJOR, PARTIAL]
    assert all(day.incidents for day in cut.days)
    assert len(cut.days) == 2

    whole = many(n=MAX_SHOWN - 2, first=going_on)
    assert not whole.is_cut
    assert len(whole.days) == 90


def test_what_another_machine_told_ahead_of_our_clock_is_shown_once_it_is_so() -> None:
    ahead = seen(incident(update(-0.1, shop="major_outage")))

    assert (ahead.indicator, ahead.until) == (Indicator.NONE, NOW + timedelta(seconds=6))


def test_outage_is_worse_than_maintenance() -> None:
    window = Announced(
        id="w",
        title="w",
        text="",
        keys=frozenset({"shop"}),
        phase=MaintenancePhase.IN_PROGRESS,
        starts_at=NOW - HOUR,
        ends_at=NOW + HOUR,
        announced_at=NOW - DAY,
        changed_at=NOW - DAY,
    )
    its = incident(update(30, shop="partial_outage"))

    assert public_status([its], [listed("shop")], [window], now=NOW, zone=UTC_ZONE).components[0].state is PARTIAL
    alone = public_status([], [listed("shop")], [window], now=NOW, zone=UTC_ZONE)
    assert (alone.components[0].state, alone.until) == (ComponentState.UNDER_MAINTENANCE, NOW + HOUR)


def test_incidents_merged_in_a_circle_are_one() -> None:
    told = [
        ToldOf(incident_id="a", updates=(update(9),), merged_into="b"),
        ToldOf(incident_id="b", updates=(update(8, its="b"),), merged_into="a"),
        ToldOf(incident_id="c", updates=(update(7, its="c"),), merged_into="gone"),
    ]

    assert [one.ids for one in published(told)] == [("gone", "c"), ("a", "b")]


UPDATES = st.lists(
    st.builds(
        lambda minutes, phase, its, states: update(minutes, phase, its, **states),
        st.integers(0, 200),
        st.sampled_from([*UpdatePhase]),
        st.sampled_from("abc"),
        st.dictionaries(st.sampled_from(["shop", "api"]), st.sampled_from([*ComponentState]), max_size=2),
    ),
    max_size=12,
)


def told_by(updates: list[PublishedUpdate]) -> list[Published]:
    told = [ToldOf(incident_id=its, updates=tuple(one for one in updates if one.incident_id == its)) for its in "abc"]
    return published(told)


@given(UPDATES)
def test_stretches_follow_each_other_and_end_operational_once_all_is_resolved(updates: list[PublishedUpdate]) -> None:
    for found in stretches(told_by(updates)).values():
        assert [one.ended_at for one in found[:-1]] == [one.began_at for one in found[1:]]
        assert found[-1].ended_at is None
        assert all(one.began_at < after.began_at for one, after in pairwise(found))
        assert all(one.state is not after.state for one, after in pairwise(found))

    over = [*updates, *(update(-1, "resolved", its) for its in "abc")]
    for found in stretches(told_by(over)).values():
        named = [one for one in updates if one.phase is UpdatePhase.RESOLVED and one.components]
        assert named or found[-1].state is UP

    ended = [replace(one, over_at=NOW, let_go_at=(NOW,)) for one in told_by(updates)]
    assert not seen(*ended).open_incidents
    for found in stretches(ended).values():
        named = [one for one in updates if one.phase is UpdatePhase.RESOLVED and one.components]
        assert named or found[-1].state is UP


@given(UPDATES, st.integers(-10, 210))
def test_what_is_told_later_does_not_change_what_was_shown(updates: list[PublishedUpdate], minutes_ago: int) -> None:
    at = NOW - minutes_ago * MINUTE
    earlier = [one for one in updates if one.at <= at]

    whole, part = stretches(told_by(updates)), stretches(told_by(earlier))

    for name in ("shop", "api"):
        assert state_at(whole.get(name, ()), at) is state_at(part.get(name, ()), at)
        assert worst_within(whole.get(name, ()), at - DAY, at) is worst_within(part.get(name, ()), at - DAY, at)
        assert uptime(whole.get(name, ()), at - DAY, at) == uptime(part.get(name, ()), at - DAY, at)
