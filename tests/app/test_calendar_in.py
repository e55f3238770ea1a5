"""iCalendar in: files in the shapes that other programs write become overrides, as often as they are read."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from resile.app import ics_series
from resile.app.access import LOCAL, Identity
from resile.app.calendar_in import CalendarIn, Reading
from resile.app.catalog import Catalog
from resile.app.documents.duty_calendar import duty_calendar
from resile.app.oncall import OnCall
from resile.model.catalog import Kind
from resile.model.errors import AccessError, ConfigError
from resile.model.time import DAY
from resile.ports.account_store import Scope
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.simulated_clock import SimulatedClock

from .calendar_samples import GOOGLE, OPSGENIE, OUTLOOK, PAGERDUTY

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROTATION = {"name": "primary", "starts": "2026-03-02 09:00", "every": "week", "people": ["cyd"]}
PEOPLE = {
    "ann": {
        "title": "Ann Example",
        "contacts": [{"name": "mail", "channel": "email", "address": "Ann@Example.org"}],
    },
    "bob": {"title": "Bob Miller", "user": "robert@example.org"},
    "cyd": {},
}


class World:
    def __init__(self, zone: str = "Europe/Berlin") -> None:
        self.clock = SimulatedClock(NOW)
        self.store = MemoryCatalogStore()
        catalog = Catalog(self.store, self.clock)
        documents = {(Kind.PERSON, name): (body, "") for name, body in PEOPLE.items()}
        schedule = {"zone": zone, "layers": [ROTATION]}
        catalog.apply(LOCAL, catalog.changes_to({**documents, (Kind.SCHEDULE, "payments"): (schedule, "")}))
        self.oncall = OnCall(catalog, self.store, self.clock)
        self.calendars = CalendarIn(catalog, self.store, self.oncall, self.clock)

    def read(self, body: str, **asked: bool) -> Reading:
        return self.calendars.read(LOCAL, "payments", body.encode(), **asked)

    def held(self) -> list[str]:
        overrides = (one.override for one in self.store.overrides("payments"))
        ordered = sorted(overrides, key=lambda one: one.starts_at)
        return [f"{one.person} {one.starts_at:%m-%dT%H:%M}/{one.ends_at:%m-%dT%H:%M}" for one in ordered]


@pytest.fixture
def world() -> World:
    return World()


def file(*events: str, before: str = "") -> str:
    body = "\n".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{before}{body}\nEND:VCALENDAR\n"


def single(uid: str, who: str, starts: str = "20260310T090000Z", ends: str = "20260310T170000Z") -> str:
    return f"UID:{uid}\nDTSTART:{starts}\nDTEND:{ends}\nSUMMARY:{who}"


def test_google_series_with_a_day_left_out_and_one_moved_keeps_its_hours_over_summer_time(world: World) -> None:
    reading = world.read(GOOGLE)

    assert reading.problems == ()
    assert world.held() == ["ann 03-23T17:00/03-24T07:00", "bob 03-31T16:00/04-01T06:00"]


def test_outlook_zones_are_known_by_their_own_names_and_by_their_rules(world: World) -> None:
    reading = world.read(OUTLOOK)

    assert reading.problems == ()
    assert world.held() == ["ann 03-10T17:00/03-11T07:00", "bob 07-04T16:00/07-05T06:00"]


@pytest.mark.parametrize(
    ("body", "held"),
    [(PAGERDUTY, "ann 03-10T08:00/03-17T08:00"), (OPSGENIE, "bob 03-10T08:00/03-10T20:00")],
)
def test_exports_of_pagers_name_people_by_mail(world: World, body: str, held: str) -> None:
    reading = world.read(body)

    assert reading.problems == ()
    assert world.held() == [held]


@pytest.mark.parametrize(
    ("starts", "ends", "held"),
    [
        # Whole days and floating times are by the schedule's clock, the day of summer time 23 hours long.
        ("DTSTART;VALUE=DATE:20260329", "DTEND;VALUE=DATE:20260330", "03-28T23:00/03-29T22:00"),
        ("DTSTART;VALUE=DATE:20260310", "SEQUENCE:0", "03-09T23:00/03-10T23:00"),
        ("DTSTART:20260310T090000", "DTEND:20260310T170000", "03-10T08:00/03-10T16:00"),
        # A clock that is set: what it leaves out comes after it, what it shows twice is the first.
        ("DTSTART:20260329T023000", "DTEND:20260329T120000", "03-29T01:30/03-29T10:00"),
        ("DTSTART:20261025T023000", "DTEND:20261025T120000", "10-25T00:30/10-25T11:00"),
        # Days are by the clock, hours are exact.
        ("DTSTART:20260328T120000", "DURATION:P1D", "03-28T11:00/03-29T10:00"),
        ("DTSTART:20260328T120000", "DURATION:PT20H", "03-28T11:00/03-29T07:00"),
        ("DTSTART;TZID=America/New_York:20260310T090000", "DTEND:20260310T210000Z", "03-10T13:00/03-10T21:00"),
        (
            "DTSTART;TZID=/softwarestudio.org/Olson_20011030_5/America/New_York:20260310T090000",
            "DURATION:PT1H",
            "03-10T13:00/03-10T14:00",
        ),
    ],
)
def test_times_are_read_by_the_clock_that_they_mean(world: World, starts: str, ends: str, held: str) -> None:
    reading = world.read(file(f"UID:1\n{starts}\n{ends}\nSUMMARY:ann"))

    assert reading.problems == ()
    assert world.held() == [f"ann {held}"]


@pytest.mark.parametrize(
    ("summary", "person"),
    [
        ("ann", "ann"),
        ("On call: ann", "ann"),
        ("ON-CALL - Bob Miller", "bob"),
        ("Payments primary: Ann Example", "ann"),
        ("ann@example.org (Payments)", "ann"),
        ("Bob Miller is on call for Payments", "bob"),
        ("cyd: payments", "cyd"),
    ],
)
def test_person_is_known_by_name_title_or_mail_in_the_summary(world: World, summary: str, person: str) -> None:
    (entered,) = world.read(file(single("1", summary))).added

    assert entered.person == person
    assert entered.because == f"calendar: {summary}"


def test_same_file_changes_nothing_and_a_changed_event_takes_the_place_of_the_old(world: World) -> None:
    before = file(single("1", "ann"), single("2", "bob", "20260311T090000Z", "20260311T170000Z"))
    world.read(before)

    assert world.read(before) == Reading(schedule="payments", n_same=2)
    again = world.read(before.replace("SUMMARY:ann", "SUMMARY:cyd"))
    assert ([one.person for one in again.added], [one.person for one in again.replaced]) == (["cyd"], ["ann"])
    assert [one.id for one in again.added] == [one.id for one in again.replaced]
    assert world.held() == ["cyd 03-10T09:00/03-10T17:00", "bob 03-11T09:00/03-11T17:00"]
    world.read(before)
    assert world.held()[0] == "ann 03-10T09:00/03-10T17:00"


def test_event_that_vanished_is_removed_only_where_that_is_asked_for(world: World) -> None:
    world.oncall.override(LOCAL, "payments", "bob", starts_at=NOW + DAY, ends_at=NOW + 2 * DAY)
    world.read(file(single("1", "ann"), single("2", "bob", "20260311T090000Z", "20260311T170000Z")))
    fewer = file(single("1", "ann"))

    assert world.read(fewer).changes_nothing
    assert [one.person for one in world.read(fewer, prunes=True).removed] == ["bob"]
    # What people entered by hand stays.
    assert world.held() == ["bob 03-02T12:00/03-03T12:00", "ann 03-10T09:00/03-10T17:00"]


def test_nothing_is_removed_for_an_event_that_cannot_be_read_or_placed(world: World) -> None:
    world.read(file(single("1", "ann")))

    unplaced = world.read(file(single("1", "eve")), prunes=True)
    broken = world.read(file(single("1", "ann", starts="soon")), prunes=True)

    assert (unplaced.removed, broken.removed) == ((), ())
    assert broken.problems[-1].startswith("nothing was removed")
    assert world.held() == ["ann 03-10T09:00/03-10T17:00"]


def test_event_that_is_called_off_is_removed(world: World) -> None:
    world.read(file(single("1", "ann")))

    world.read(file(single("1", "ann") + "\nSTATUS:CANCELLED"))

    assert world.held() == []


def test_trying_changes_nothing(world: World) -> None:
    assert len(world.read(file(single("1", "ann")), tries=True).added) == 1
    assert world.held() == []


def test_what_cannot_be_placed_is_told_event_by_event_and_the_rest_is_entered(world: World) -> None:
    reading = world.read(
        file(
            single("1", "Eve"),
            single("2", "ann and friends") + "\nATTENDEE:mailto:eve@example.org",
            single("3", "ann - bob"),
            "DTSTART:20260310T090000Z\nSUMMARY:ann",
            single("5", "ann", ends="20260310T080000Z"),
            single("6", "ann", starts="20260310T090000").replace("DTSTART:", "DTSTART;TZID=Middle Earth:"),
            single("7", "ann") + "\nRRULE:FREQ=SECONDLY",
            single("8", "ann") + "\nRRULE:FREQ=WEEKLY;BYDAY=XX",
            "UID:9\nDTSTART:20260310T090000Z\nSUMMARY:ann",
            single("10", "bob"),
            "UID:11\nDTSTART:20260310T090000Z\nDURATION:long\nSUMMARY:ann",
        )
    )

    assert world.held() == ["bob 03-10T09:00/03-10T17:00"]
    assert sorted(one.partition(":")[0] for one in reading.problems) == sorted(
        f"line {number}" for number in (4, 10, 17, 23, 30, 35, 39, 46, 55, 67)
    )
    assert reading.n_problems == len(reading.problems) == 10


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "line 1 is not BEGIN:VCALENDAR"),
        ("<html>", "no iCalendar file"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1", "line 3 is not END:VCALENDAR"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nEND:VCALENDAR", "line 4 ends VCALENDAR, but VEVENT is open"),
        ("BEGIN:VCALENDAR\n" + "X" * 900_000, "more than 900,000 bytes"),
    ],
)
def test_file_that_is_none_is_refused_with_its_line(world: World, body: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        world.read(body)


def test_what_is_over_or_far_away_is_counted_and_not_entered(world: World) -> None:
    reading = world.read(
        file(
            single("1", "ann", "20260220T090000Z", "20260220T170000Z"),
            single("2", "ann", "20280220T090000Z", "20280220T170000Z"),
            single("3", "ann", "20260228T090000Z", "20260301T170000Z"),
        )
    )

    assert (reading.n_over, reading.n_beyond, len(reading.added)) == (1, 1, 1)


def test_series_without_end_is_followed_for_a_year(world: World) -> None:
    reading = world.read(file(single("1", "ann", "20250101T000000Z", "20250101T080000Z") + "\nRRULE:FREQ=DAILY"))

    assert len(reading.added) == 366
    assert all(two.starts_at - one.starts_at == DAY for one, two in pairwise(reading.added))
    # A day later one day more, and what is over stays as it was.
    world.clock.advance(DAY)
    assert (
        len(world.read(file(single("1", "ann", "20250101T000000Z", "20250101T080000Z") + "\nRRULE:FREQ=DAILY")).added)
        == 1
    )


def test_series_ends_by_until_and_has_what_was_added(world: World) -> None:
    reading = world.read(
        file(
            single("1", "ann") + "\nRRULE:FREQ=DAILY;UNTIL=20260312T090000Z\nRDATE:20260320T090000Z",
            single("2", "bob", "20260401T090000Z", "20260401T100000Z") + "\nRRULE:FREQ=DAILY;UNTIL=20260402",
        )
    )

    assert [f"{one.person} {one.starts_at:%d}" for one in reading.added] == [
        "ann 10", "ann 11", "ann 12", "ann 20", "bob 01", "bob 02",
    ]  # fmt: skip


def test_rule_that_never_fits_ends_all_the_same(world: World) -> None:
    rule = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"

    assert [one.starts_at.day for one in world.read(file(single("1", "ann") + f"\nRRULE:{rule}")).added] == [10]


NEVER = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"


@pytest.mark.parametrize(
    "body",
    [
        file(*(single(str(n), "ann") + f"\nRRULE:{NEVER}" for n in range(500))),
        file(single("1", "ann") + f"\nRRULE:{NEVER}" * 500),
        file(
            single("0", "ann") + "\nRRULE:FREQ=DAILY",
            *(single(str(n), "ann", "19010101T000000Z", "19010101T010000Z") + f"\nRRULE:{NEVER}" for n in range(1, 9)),
        ),
    ],
    ids=["many series", "many rules of one series", "among others"],
)
def test_file_whose_rules_take_too_long_is_refused_by_the_worst_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(ics_series, "MAX_FILE_STEPS", 600_000)

    with pytest.raises(ConfigError, match=rf"line \d+: RRULE '{NEVER}': .* takes more than 600,000 steps.* in parts"):
        world.read(body)
    assert world.held() == []


def test_large_calendar_of_many_years_is_not_refused(world: World) -> None:
    weekly = (
        single(f"w{n}", "ann", "20160104T090000Z", "20160104T100000Z") + "\nRRULE:FREQ=WEEKLY" for n in range(150)
    )
    daily = (
        single(f"d{n}", "bob", "20210104T090000Z", "20210104T100000Z") + "\nRRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR"
        for n in range(5)
    )

    assert world.read(file(*weekly, *daily, single("1", "ann") + f"\nRRULE:{NEVER}")).problems == ()


def test_rule_with_an_endless_list_is_not_followed(world: World) -> None:
    rule = "FREQ=DAILY;BYMONTHDAY=" + ",".join(str(n) for n in range(40, 1_000))

    assert ["is not followed" in one for one in world.read(file(single("1", "ann") + f"\nRRULE:{rule}")).problems] == [
        True
    ]


def own_zone(name: str, rule: str) -> str:
    steps = "".join(
        f"BEGIN:{kind}\nDTSTART:19701025T030000\nTZOFFSETFROM:{since}\nTZOFFSETTO:{to}\nRRULE:{rule}\nEND:{kind}\n"
        for kind, since, to in (("STANDARD", "+0200", "+0100"), ("DAYLIGHT", "+0100", "+0200"))
    )
    return f"BEGIN:VTIMEZONE\nTZID:{name}\n{steps}END:VTIMEZONE\n"


def in_zone(zone: str) -> str:
    return f"UID:{zone}\nDTSTART;TZID={zone}:20260310T090000\nDTEND;TZID={zone}:20260310T170000\nSUMMARY:ann"


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;BYHOUR=" + ",".join(str(n) for n in range(14)),
        "FREQ=YEARLY;INTERVAL=0;BYMONTH=3;BYDAY=-1SU",
        "FREQ=YEARLY;BYMONTH=99;BYDAY=-1SU",
    ],
)
def test_zone_whose_clock_is_set_never_or_all_the_time_is_unknown(world: World, rule: str) -> None:
    reading = world.read(file(in_zone("Odd"), before=own_zone("Odd", rule)))

    assert ["zone 'Odd' is unknown" in one for one in reading.problems] == [True]


@pytest.mark.parametrize("more", ["", ";INTERVAL=1;WKST=SU", ";BYHOUR=2;BYMINUTE=0", ";UNTIL=20400101T000000Z"])
def test_zone_whose_clock_is_set_once_a_year_is_known_by_its_rules(world: World, more: str) -> None:
    world.read(file(in_zone("Ours"), before=own_zone("Ours", f"FREQ=YEARLY{more};BYMONTH=10;BYDAY=-1SU")))

    assert len(world.held()) == 1


def test_file_with_many_zones_of_its_own_is_told_to_name_them(world: World) -> None:
    names = [f"Odd {n}" for n in range(22)]
    zones = "".join(own_zone(name, "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU") for name in names)

    reading = world.read(file(*(in_zone(name) for name in names), before=zones))

    assert ["more than 20 zones" in one for one in reading.problems] == [True, True]


def test_more_times_than_are_possible_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ics_series, "MAX_OCCURRENCES", 100)

    with pytest.raises(ConfigError, match="more than 100 times on call"):
        world.read(file(single("1", "ann") + "\nRRULE:FREQ=DAILY"))


def test_own_calendar_comes_back_as_the_same_duties(world: World) -> None:
    before = world.oncall.calendar("payments", NOW, NOW + 20 * DAY).duties
    body = duty_calendar(world.oncall, now=NOW, weeks=4).decode()

    reading = world.read(body)

    assert reading.problems == ()
    after = world.oncall.calendar("payments", NOW, NOW + 20 * DAY).duties
    assert [one.person for one in after if one.person] == ["cyd"] * sum(1 for one in after if one.person)
    assert before[-1].ends_at == after[-1].ends_at


def test_who_may_not_write_reads_nothing_in(world: World) -> None:
    reader = Identity(by="user:eve", name="eve", scopes=frozenset({Scope.READ}))

    with pytest.raises(AccessError):
        world.calendars.read(reader, "payments", file(single("1", "ann")).encode())
    with pytest.raises(ConfigError, match="schedule 'search' is unknown"):
        world.calendars.read(LOCAL, "search", file(single("1", "ann")).encode())


@pytest.mark.parametrize(
    "rule", ["FREQ=DAILY;INTERVAL=0", "FREQ=WEEKLY;INTERVAL=99999999999", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"]
)
def test_rule_that_would_be_followed_for_ever_is_refused(world: World, rule: str) -> None:
    reading = world.read(file(single("1", "ann") + f"\nRRULE:{rule}"))

    assert ["is not followed" in one for one in reading.problems] == [True]
    assert world.held() == []
