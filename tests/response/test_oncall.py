"""Who is on call, by examples that people argue about."""

from datetime import UTC, datetime, time, timedelta
from time import process_time

import pytest

from resile.model.errors import ConfigError
from resile.model.schedule import (
    Hours,
    Layer,
    Override,
    Participant,
    Schedule,
    Unit,
    Weekday,
    check_override,
    check_schedule,
)
from resile.response.oncall import Because, Duty, duties, gaps, lost_shifts, on_call

ANN, BOB, CYD = Participant("ann"), Participant("bob"), Participant("cyd")
WEEKDAYS = tuple(Weekday)[:5]


def local(text: str) -> datetime:
    """What a clock on a wall shows."""
    return datetime.fromisoformat(text)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MONDAY = local("2026-03-02T09:00")


def weekly(*people: Participant, name: str = "primary", **more: object) -> Layer:
    told = {"starts": MONDAY, "unit": Unit.WEEK, **more}
    return Layer(name=name, people=people or (ANN, BOB), **told)  # type: ignore[arg-type]


def schedule(*layers: Layer, zone: str = "Europe/Berlin") -> Schedule:
    found = Schedule(name="payments", zone=zone, layers=layers)
    check_schedule(found)
    return found


def held(duty: Duty) -> tuple[str, str, str | None]:
    return duty.starts_at.strftime("%m-%dT%H:%M"), duty.ends_at.strftime("%m-%dT%H:%M"), duty.person


def test_hand_over_stays_at_nine_by_the_local_clock_when_summer_time_comes() -> None:
    found = duties(schedule(weekly()), (), at("2026-03-20T00:00"), at("2026-04-10T00:00"))

    # Berlin sets its clock on 29 March: nine o'clock is 08:00 UTC before and 07:00 UTC after.
    assert [held(duty) for duty in found] == [
        ("03-20T00:00", "03-23T08:00", "ann"),
        ("03-23T08:00", "03-30T07:00", "bob"),
        ("03-30T07:00", "04-06T07:00", "ann"),
        ("04-06T07:00", "04-10T00:00", "bob"),
    ]


def test_hand_over_in_an_hour_that_is_left_out_comes_when_the_clock_is_set() -> None:
    nightly = weekly(unit=Unit.DAY, starts=local("2026-03-27T02:30"))

    found = duties(schedule(nightly), (), at("2026-03-28T12:00"), at("2026-03-29T12:00"))

    assert [held(duty) for duty in found] == [
        ("03-28T12:00", "03-29T01:00", "bob"),
        ("03-29T01:00", "03-29T12:00", "ann"),
    ]


def test_hand_over_in_an_hour_that_comes_twice_comes_with_the_first() -> None:
    nightly = weekly(unit=Unit.DAY, starts=local("2026-10-24T02:30"))

    found = duties(schedule(nightly), (), at("2026-10-24T12:00"), at("2026-10-25T12:00"))

    assert [held(duty) for duty in found] == [
        ("10-24T12:00", "10-25T00:30", "ann"),
        ("10-25T00:30", "10-25T12:00", "bob"),
    ]


def test_hours_within_an_hour_that_comes_twice_are_served_twice() -> None:
    small_hours = weekly(ANN, hours=(Hours(time(2), timedelta(minutes=30)),), starts=local("2026-10-01"))

    found = duties(schedule(small_hours), (), at("2026-10-24T22:00"), at("2026-10-25T03:00"))

    assert [held(duty) for duty in found if duty.person] == [
        ("10-25T00:00", "10-25T00:30", "ann"),
        ("10-25T01:00", "10-25T01:30", "ann"),
    ]


def test_the_day_that_samoa_never_had_is_a_lost_shift_and_no_gap() -> None:
    daily = Layer(name="day", starts=local("2011-12-28"), unit=Unit.DAY, people=(ANN, BOB, CYD))
    window = at("2011-12-29T10:00"), at("2011-12-31T10:00")

    found = duties(schedule(daily, zone="Pacific/Apia"), (), *window)

    # 29 December is bob's, the 30th would have been cyd's, the 31st is ann's.
    assert [held(duty) for duty in found] == [
        ("12-29T10:00", "12-30T10:00", "bob"),
        ("12-30T10:00", "12-31T10:00", "ann"),
    ]
    lost = lost_shifts(schedule(daily, zone="Pacific/Apia"), *window)
    assert [(one.layer, one.person, one.at) for one in lost] == [("day", "cyd", at("2011-12-30T10:00"))]


def test_who_joins_with_a_lost_shift_has_it_and_loses_it() -> None:
    joining = Participant("bob", joins_at=at("2011-12-30T10:00"))
    daily = Layer(name="day", starts=local("2011-12-28"), unit=Unit.DAY, people=(ANN, joining))
    # The window begins with the lost shift itself.
    window = at("2011-12-30T10:00"), at("2012-01-01T10:00")

    found = duties(schedule(daily, zone="Pacific/Apia"), (), *window)

    assert [duty.person for duty in found] == ["ann", "bob"]
    lost = lost_shifts(schedule(daily, zone="Pacific/Apia"), *window)
    assert [(one.person, one.at) for one in lost] == [("bob", at("2011-12-30T10:00"))]


def test_lord_howe_sets_its_clock_by_half_an_hour() -> None:
    daily = Layer(name="day", starts=local("2026-10-01T02:15"), unit=Unit.DAY, people=(ANN, BOB))

    found = duties(schedule(daily, zone="Australia/Lord_Howe"), (), at("2026-10-03T00:00"), at("2026-10-05T00:00"))

    # On 4 October 02:00 becomes 02:30: 02:15 is never shown, and 15:30 UTC is when it would have been.
    assert [held(duty) for duty in found] == [
        ("10-03T00:00", "10-03T15:30", "ann"),
        ("10-03T15:30", "10-04T15:15", "bob"),
        ("10-04T15:15", "10-05T00:00", "ann"),
    ]


def test_the_31st_comes_back_after_a_month_that_has_none() -> None:
    monthly = weekly(unit=Unit.MONTH, starts=local("2026-01-31T09:00"))

    found = duties(schedule(monthly, zone="UTC"), (), at("2026-02-01T00:00"), at("2026-05-15T00:00"))

    assert [duty.starts_at for duty in found[1:]] == [
        at("2026-02-28T09:00"),
        at("2026-03-31T09:00"),
        at("2026-04-30T09:00"),
    ]


def test_nights_and_days_by_two_layers_leave_no_gap() -> None:
    days = weekly(ANN, BOB, name="days", hours=(Hours(time(8), timedelta(hours=12)),))
    nights = weekly(CYD, name="nights", hours=(Hours(time(20), timedelta(hours=12)),))

    window = at("2026-03-16T00:00"), at("2026-04-06T00:00")

    assert gaps(schedule(days, nights), (), *window) == []
    assert on_call(schedule(days, nights), (), at("2026-03-16T23:00")).person == "cyd"


def test_office_hours_leave_gaps_that_say_why() -> None:
    office = weekly(hours=(Hours(time(9), timedelta(hours=8), WEEKDAYS),))

    found = gaps(schedule(office, zone="UTC"), (), at("2026-03-06T16:00"), at("2026-03-09T10:00"))

    assert [held(gap) for gap in found] == [("03-06T17:00", "03-09T09:00", None)]
    assert found[0].because is Because.OFF_HOURS


def test_hours_past_midnight_belong_to_the_day_on_which_they_begin() -> None:
    nights = weekly(ANN, hours=(Hours(time(22), timedelta(hours=10), (Weekday.FRIDAY,)),), starts=local("2026-03-01"))

    found = duties(schedule(nights, zone="UTC"), (), at("2026-03-05T00:00"), at("2026-03-09T00:00"))

    assert [held(duty) for duty in found if duty.person] == [("03-06T22:00", "03-07T08:00", "ann")]


def test_later_layer_holds_where_somebody_is_in_it() -> None:
    primary = weekly(ANN)
    late = weekly(BOB, name="holidays", starts=local("2026-03-04"), ends=local("2026-03-05"))

    found = duties(schedule(primary, late, zone="UTC"), (), at("2026-03-03T00:00"), at("2026-03-06T00:00"))

    assert [held(duty) for duty in found] == [
        ("03-03T00:00", "03-04T00:00", "ann"),
        ("03-04T00:00", "03-05T00:00", "bob"),
        ("03-05T00:00", "03-06T00:00", "ann"),
    ]


def test_of_two_overrides_the_one_entered_later_holds_and_says_so() -> None:
    def override(name: str, person: str | None, start: str, end: str) -> Override:
        return Override(id=name, person=person, starts_at=at(start), ends_at=at(end), by="user:ann")

    overrides = (
        override("o1", "bob", "2026-03-03T00:00", "2026-03-05T00:00"),
        override("o2", None, "2026-03-04T00:00", "2026-03-06T00:00"),
    )

    found = duties(schedule(weekly(ANN)), overrides, at("2026-03-03T00:00"), at("2026-03-07T00:00"))

    assert [(held(duty), duty.because, duty.override) for duty in found] == [
        (("03-03T00:00", "03-04T00:00", "bob"), Because.OVERRIDE, "o1"),
        (("03-04T00:00", "03-06T00:00", None), Because.TAKEN_OFF, "o2"),
        (("03-06T00:00", "03-07T00:00", "ann"), Because.TURN, None),
    ]


def test_ten_thousand_overrides_are_answered_as_few_are() -> None:
    start = at("2026-03-02T09:00")
    overrides = [
        Override(
            id=str(number),
            person=("bob", "cyd", None)[number % 3],
            # Each a day long, five minutes apart, entered in no order of time.
            starts_at=start + timedelta(minutes=5 * (number * 7919 % 10_000)),
            ends_at=start + timedelta(minutes=5 * (number * 7919 % 10_000) + 1440),
            by="user:ann",
        )
        for number in range(10_000)
    ]
    began_s = process_time()

    found = duties(schedule(weekly(ANN)), overrides, start, start + timedelta(days=40))

    # One laid over the other it took minutes.
    assert process_time() - began_s < 5
    for duty in found[::97]:
        (*_, holding) = [one for one in overrides if one.starts_at <= duty.starts_at < one.ends_at] or [None]
        assert (duty.override, duty.person) == ((holding.id, holding.person) if holding else (None, "ann"))


def test_year_of_hourly_shifts_is_answered_as_a_week_is() -> None:
    office = tuple(Hours(time(hour), timedelta(minutes=10)) for hour in range(24))
    joining = tuple(Participant(f"p{n}", joins_at=at("2026-03-02T09:00") + timedelta(hours=n)) for n in range(200))
    hourly = weekly(*joining, unit=Unit.HOUR, hours=office)
    began_s = process_time()

    duties(schedule(hourly), (), at("2026-03-01T00:00"), at("2027-03-01T00:00"))

    assert process_time() - began_s < 5


def test_who_joins_while_the_clock_shows_an_hour_again_has_the_next_shift() -> None:
    joining = Participant("bob", joins_at=at("2026-10-25T01:10"))
    nightly = weekly(ANN, joining, unit=Unit.DAY, starts=local("2026-10-24T02:30"))

    found = duties(schedule(nightly), (), at("2026-10-24T12:00"), at("2026-10-28T00:00"))

    # He joins at 02:10, shown for the second time: the hand-over of 02:30 came with the first.
    assert [held(duty) for duty in found] == [
        ("10-24T12:00", "10-25T00:30", "ann"),
        ("10-25T00:30", "10-26T01:30", "ann"),
        ("10-26T01:30", "10-27T01:30", "bob"),
        ("10-27T01:30", "10-28T00:00", "ann"),
    ]


def test_who_leaves_in_the_middle_of_a_shift_is_stood_in_for_by_the_next() -> None:
    leaving = Participant("ann", leaves_at=at("2026-03-04T12:00"))

    found = duties(schedule(weekly(leaving, BOB, CYD), zone="UTC"), (), at("2026-03-02T09:00"), at("2026-03-24T00:00"))

    assert [(held(duty)[0], duty.person, duty.stands_in_for) for duty in found] == [
        ("03-02T09:00", "ann", None),
        ("03-04T12:00", "bob", "ann"),
        ("03-09T09:00", "bob", None),
        ("03-16T09:00", "cyd", None),
        ("03-23T09:00", "bob", None),
    ]


def test_who_joins_takes_their_turn_at_their_place_and_moves_nobody_elses_past_shifts() -> None:
    joining = Participant("bob", joins_at=at("2026-03-10T00:00"))
    window = at("2026-03-02T09:00"), at("2026-04-06T09:00")

    before = duties(schedule(weekly(ANN, CYD), zone="UTC"), (), *window)
    after = duties(schedule(weekly(ANN, joining, CYD), zone="UTC"), (), *window)

    assert [duty.person for duty in before] == ["ann", "cyd", "ann", "cyd", "ann"]
    # cyd's week of the 9th stays; after her it is ann's turn, then bob's, who has joined.
    assert [duty.person for duty in after] == ["ann", "cyd", "ann", "bob", "cyd"]


def test_rotation_of_which_everybody_left_is_a_gap_with_its_reason() -> None:
    leaving = Participant("ann", leaves_at=at("2026-03-03T00:00"))

    duty = on_call(schedule(weekly(leaving), zone="UTC"), (), at("2026-03-05T00:00"))

    assert (duty.person, duty.because, duty.layer) == (None, Because.NOBODY_LEFT, "primary")


def test_before_the_first_hand_over_nobody_is_on_call() -> None:
    duty = on_call(schedule(weekly(), zone="UTC"), (), at("2026-03-01T00:00"))

    assert (duty.person, duty.because, duty.ends_at) == (None, Because.NOT_BEGUN, at("2026-03-02T09:00"))


def test_rotation_of_centuries_is_answered_as_one_of_yesterday() -> None:
    old = weekly(unit=Unit.HOUR, starts=local("1900-01-01"))

    assert on_call(schedule(old, zone="UTC"), (), at("2199-12-01T00:30")).person in {"ann", "bob"}


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (weekly(ends=local("2026-03-01")), "ends 2026-03-01 00:00:00 before it starts 2026-03-02 09:00:00; swap them"),
        (weekly(every=0), "a hand-over every 0 weeks is not possible; give a whole number from 1 to 522"),
        (weekly(zone="Mars/Olympus"), "zone 'Mars/Olympus' is unknown; give an IANA name such as Europe/Berlin"),
        (weekly(Participant("")), "person '' cannot be used as a name"),
        (weekly(hours=(Hours(time(9), timedelta(0)),)), "hours of duty cannot last 0:00:00; give up to 7 days"),
        (
            Layer(name="x", starts=MONDAY, unit=Unit.DAY, people=()),
            "has nobody in its rotation; name at least one person",
        ),
        (weekly(starts=at("2026-03-02T09:00")), "starts and ends are by the local clock; leave the offset out"),
    ],
)
def test_schedule_that_cannot_be_followed_says_where_and_how_to_mend_it(layer: Layer, sentence: str) -> None:
    with pytest.raises(ConfigError, match="schedule 'payments'") as refused:
        schedule(layer)

    assert sentence in str(refused.value)


def test_override_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ConfigError, match="ends 2026-03-01T00:00:00Z before it starts 2026-03-02T00:00:00Z; swap them"):
        check_override(
            Override(
                id="o", person="ann", starts_at=at("2026-03-02T00:00"), ends_at=at("2026-03-01T00:00"), by="user:ann"
            )
        )
