"""Which notices of shifts are due: each once, none late, none for a shift that only the window begins."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from resile.model.schedule import Layer, Override, Participant, Schedule, Unit
from resile.model.time import DAY, HOUR, MINUTE
from resile.response.notices import Notice, NoticeKind, Wish, next_notice_at, notices_at_once, notices_due
from resile.response.oncall import Spell, duties, spells

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
WISHES = {"ann": Wish(), "bob": Wish()}


def held(*overrides: Override, people: tuple[str, ...] = ("ann", "bob")) -> list[Spell]:
    layer = Layer(
        name="primary",
        starts=datetime(2026, 3, 2, 9),  # noqa: DTZ001 - by the local clock
        unit=Unit.WEEK,
        people=tuple(map(Participant, people)),
    )
    schedule = Schedule(name="payments", zone="UTC", layers=(layer,))
    return spells(duties(schedule, overrides, MONDAY - 10 * DAY, MONDAY + 60 * DAY))


def put_on(person: str, starts: float, ends: float) -> Override:
    return Override(
        id="o1", person=person, starts_at=MONDAY + starts * HOUR, ends_at=MONDAY + ends * HOUR, by="user:eve"
    )


def told(found: list[Notice]) -> list[tuple[str, str, float]]:
    return [(one.person, one.kind.value, (one.at - MONDAY) / HOUR) for one in found]


def test_whoever_comes_is_told_a_day_before_and_then_and_whoever_goes_at_the_end() -> None:
    week = 7 * 24
    since = MONDAY + (week - 30) * HOUR
    found = []
    for hour in range(40):  # looked at each hour, as after short standstills
        now = since + hour * HOUR
        found += notices_due(held(), WISHES, since=now - HOUR, now=now)

    assert told(found) == [("bob", "begins", week - 24), ("ann", "ends", week), ("bob", "begins", week)]
    assert [(one.before, one.after) for one in found] == [("ann", "ann"), (None, "bob"), ("ann", "ann")]


def test_what_fell_due_longer_than_an_hour_ago_is_left_out() -> None:
    due = MONDAY + 7 * DAY

    assert len(notices_due(held(), WISHES, since=due - DAY / 2, now=due + HOUR - MINUTE)) == 2
    assert notices_due(held(), WISHES, since=due - DAY / 2, now=due + HOUR) == []


def test_shift_that_the_window_cuts_neither_begins_nor_ends_there() -> None:
    whole = held(people=("ann",))
    window = whole[-1]

    assert next_notice_at(whole, WISHES, after=MONDAY) is None
    assert window.person == "ann"


def test_next_notice_is_the_earliest_after_an_instant() -> None:
    assert next_notice_at(held(), WISHES, after=MONDAY) == MONDAY + 6 * DAY
    assert next_notice_at(held(), WISHES, after=MONDAY + 6 * DAY) == MONDAY + 7 * DAY
    assert next_notice_at(held(), {}, after=MONDAY) is None


TEN = MONDAY + 10 * HOUR


def at_once(
    before: tuple[Override, ...], after: tuple[Override, ...], wishes: dict[str, Wish] = WISHES
) -> list[Notice]:
    return notices_at_once(held(*before), held(*after), wishes, now=TEN)


def test_whoever_is_put_on_duty_within_a_day_is_told_at_once_and_not_again_for_what_is_past() -> None:
    shifts = held(put_on("bob", 15, 20))

    (notice,) = notices_at_once(held(), shifts, WISHES, now=TEN)

    assert (notice.person, notice.kind, notice.lead) == ("bob", NoticeKind.BEGINS, DAY)
    assert (notice.before, notice.after) == ("ann", "ann")
    later = notices_due(shifts, WISHES, since=TEN, now=TEN + 6 * HOUR)
    assert later == []  # each is older than an hour by then
    at_its_beginning = notices_due(shifts, WISHES, since=TEN, now=MONDAY + 15 * HOUR)
    assert [one.lead for one in at_its_beginning if one.person == "bob"] == [timedelta(0)]


def test_whoever_takes_over_now_hears_of_it_once() -> None:
    shifts = held(put_on("bob", 10, 20))

    (notice,) = notices_at_once(held(), shifts, WISHES, now=TEN)
    (due,) = [one for one in notices_due(shifts, WISHES, since=TEN - HOUR, now=TEN) if one.person == "bob"]

    assert notice.names == due.names


def test_nobody_is_told_at_once_of_what_is_far_away_over_theirs_before_or_not_wanted() -> None:
    assert at_once((), (put_on("bob", 35, 40),)) == []
    assert at_once((), (put_on("bob", 2, 5),)) == []
    assert at_once((), (put_on("ann", 15, 20),)) == []
    assert at_once((), (put_on("bob", 15, 20),), wishes={}) == []
    (only_at_the_beginning,) = at_once((), (put_on("bob", 15, 20),), wishes={"bob": Wish(before=(timedelta(0),))})
    assert only_at_the_beginning.kind is NoticeKind.PUT_ON


def test_override_that_is_removed_while_it_runs_tells_both_from_now_on() -> None:
    back, gone = at_once((put_on("bob", 8, 20),), ())

    assert (back.person, back.kind, back.shift.starts_at, back.before) == ("ann", NoticeKind.PUT_ON, TEN, "bob")
    assert (gone.person, gone.kind, gone.after) == ("bob", NoticeKind.TAKEN_OFF, "ann")
    assert (gone.shift.starts_at, gone.shift.ends_at) == (TEN, MONDAY + 20 * HOUR)


def test_override_that_is_removed_before_it_begins_tells_who_stays_and_who_is_free() -> None:
    stays, gone = at_once((put_on("bob", 15, 20),), ())

    assert (stays.person, stays.kind, stays.shift.ends_at) == ("ann", NoticeKind.STAYS, MONDAY + 7 * DAY)
    assert (gone.person, gone.kind, gone.shift.starts_at) == ("bob", NoticeKind.TAKEN_OFF, MONDAY + 15 * HOUR)


def test_override_that_changes_tells_only_of_what_it_changes() -> None:
    (sooner,) = at_once((put_on("bob", 15, 20),), (put_on("bob", 12, 20),))
    assert (sooner.person, sooner.shift.starts_at) == ("bob", MONDAY + 12 * HOUR)

    longer, later = at_once((put_on("bob", 8, 20),), (put_on("bob", 8, 22),))
    assert (longer.person, longer.kind, longer.shift.ends_at) == ("bob", NoticeKind.STAYS, MONDAY + 22 * HOUR)
    assert (later.person, later.kind, later.shift.ends_at) == ("ann", NoticeKind.TAKEN_OFF, MONDAY + 22 * HOUR)

    # Who is on duty right up to the change hears of it when it ends.
    (shorter,) = at_once((put_on("bob", 8, 20),), (put_on("bob", 8, 18),))
    assert (shorter.person, shorter.kind, shorter.shift.starts_at) == ("ann", NoticeKind.BEGINS, MONDAY + 18 * HOUR)


def test_removed_gap_and_one_that_is_made_tell_who_comes_and_who_goes() -> None:
    nobody = Override(id="o1", person=None, starts_at=MONDAY + 8 * HOUR, ends_at=MONDAY + 20 * HOUR, by="user:eve")

    (back,) = at_once((nobody,), ())
    (gone,) = at_once((), (nobody,))

    assert (back.person, back.kind, back.before) == ("ann", NoticeKind.PUT_ON, None)
    assert (gone.person, gone.kind, gone.after) == ("ann", NoticeKind.ENDS, None)


def test_override_that_is_entered_late_says_no_more_than_what_falls_due_then() -> None:
    override = put_on("bob", 9.9, 20)
    shifts = held(override)

    begins, ends = at_once((), (override,))
    due = notices_due(shifts, WISHES, since=TEN - HOUR, now=TEN)

    assert [one.names for one in due] == [ends.names, begins.names]


def test_what_did_not_change_tells_nobody() -> None:
    assert at_once((put_on("bob", 8, 20),), (put_on("bob", 8, 20),)) == []
    assert at_once((put_on("bob", 30 + 8, 60),), ()) == []


OVERRIDES = st.lists(
    st.builds(
        lambda person, begins, lasts: replace(put_on("bob", begins / 2, (begins + lasts) / 2), person=person),
        st.sampled_from(["ann", "bob", "cyd", None]),
        st.integers(-20, 60),
        st.integers(1, 40),
    ),
    max_size=4,
)


@given(before=OVERRIDES, kept=st.integers(0, 4), added=OVERRIDES)
def test_whoever_comes_or_goes_at_this_moment_hears_of_it_once(
    before: list[Override], kept: int, added: list[Override]
) -> None:
    was, is_now = held(*before), held(*before[:kept], *added)
    wishes = {**WISHES, "cyd": Wish()}

    found = notices_at_once(was, is_now, wishes, now=TEN)

    due = notices_due(is_now, wishes, since=TEN - HOUR / 4, now=TEN)
    told = {one.person for one in (*found, *due)}
    holders = {next(one.person for one in shifts if one.starts_at <= TEN < one.ends_at) for shifts in (was, is_now)}
    assert len(holders) == 1 or holders - {None} <= told
    assert len({one.names for one in found}) == len(found)
    assert all(one.shift.starts_at < one.shift.ends_at for one in found)
