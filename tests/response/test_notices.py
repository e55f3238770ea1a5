"""Which notices of shifts are due: each once, none late, none for a shift that only the window begins."""

from datetime import UTC, datetime, timedelta

from resile.model.schedule import Layer, Override, Participant, Schedule, Unit
from resile.model.time import DAY, HOUR, MINUTE
from resile.response.notices import Notice, NoticeKind, Wish, next_notice_at, notice_at_once, notices_due
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


def test_whoever_is_put_on_duty_within_a_day_is_told_at_once_and_not_again_for_what_is_past() -> None:
    now = MONDAY + 10 * HOUR
    shifts = held(put_on("bob", 15, 20))

    notice = notice_at_once(shifts, WISHES, "bob", starts_at=MONDAY + 15 * HOUR, now=now)

    assert notice is not None
    assert (notice.kind, notice.lead, notice.before, notice.after) == (NoticeKind.BEGINS, DAY, "ann", "ann")
    later = notices_due(shifts, WISHES, since=now, now=now + 6 * HOUR)
    assert later == []  # each is older than an hour by then
    at_its_beginning = notices_due(shifts, WISHES, since=now, now=MONDAY + 15 * HOUR)
    assert [one.lead for one in at_its_beginning if one.person == "bob"] == [timedelta(0)]


def test_whoever_takes_over_now_hears_of_it_once() -> None:
    now = MONDAY + 10 * HOUR
    shifts = held(put_on("bob", 10, 20))

    notice = notice_at_once(shifts, WISHES, "bob", starts_at=now, now=now)
    (due,) = [one for one in notices_due(shifts, WISHES, since=now - HOUR, now=now) if one.person == "bob"]

    assert notice is not None
    assert notice.names == due.names


def test_nobody_is_told_at_once_of_what_is_far_away_over_theirs_before_or_not_wanted() -> None:
    now = MONDAY + 10 * HOUR

    def asked(override: Override, person: str = "bob", wishes: dict[str, Wish] = WISHES) -> Notice | None:
        return notice_at_once(held(override), wishes, person, starts_at=override.starts_at, now=now)

    assert asked(put_on("bob", 35, 40)) is None
    assert asked(put_on("bob", 2, 5)) is None
    assert asked(put_on("ann", 15, 20), "ann") is None
    assert asked(put_on("bob", 15, 20), wishes={}) is None
    only_at_the_beginning = asked(put_on("bob", 15, 20), wishes={"bob": Wish(before=(timedelta(0),))})
    assert only_at_the_beginning is not None
    assert only_at_the_beginning.kind is NoticeKind.PUT_ON
