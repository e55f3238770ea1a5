"""Zones that a file describes itself are those that it means, and none takes long."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from resile.app.own_zone import MAX_LINES, MAX_RULES, own_zone

HALF_AN_HOUR = timedelta(minutes=30)


def part(kind: str, starts: str, before: str, after: str, *more: str) -> list[str]:
    return [f"BEGIN:{kind}", f"DTSTART:{starts}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", *more, f"END:{kind}"]


def block(*parts: list[str]) -> list[str]:
    return ["BEGIN:VTIMEZONE", "TZID:Ours", *(line for one in parts for line in one), "END:VTIMEZONE"]


def yearly(month: int, day: str, more: str = "") -> str:
    return f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={day}{more}"


BERLIN = block(
    part("STANDARD", "16010101T030000", "+0200", "+0100", yearly(10, "-1SU", ";INTERVAL=1")),
    part("DAYLIGHT", "16010101T020000", "+0100", "+0200", yearly(3, "-1SU", ";INTERVAL=1")),
)
NEW_YORK = block(
    part("DAYLIGHT", "19870405T020000", "-0500", "-0400", yearly(4, "1SU", ";UNTIL=20060402T070000Z")),
    part("DAYLIGHT", "20070311T020000", "-0500", "-0400", yearly(3, "2SU")),
    part("STANDARD", "19671029T020000", "-0400", "-0500", yearly(10, "-1SU", ";UNTIL=20061029T060000Z")),
    part("STANDARD", "20071104T020000", "-0400", "-0500", yearly(11, "1SU")),
)
APIA = block(
    part("STANDARD", "20110924T030000", "-1100", "-1000"),
    part("STANDARD", "20111230T000000", "-1000", "+1400"),
)


@pytest.mark.parametrize(
    ("told", "meant", "since", "until"),
    [
        (BERLIN, "Europe/Berlin", 2007, 2008),
        (NEW_YORK, "America/New_York", 2006, 2008),
        (NEW_YORK, "America/New_York", 2036, 2037),
        (APIA, "Pacific/Apia", 2011, 2012),
    ],
)
def test_zone_is_the_one_that_it_describes_at_every_half_hour(
    told: list[str], meant: str, since: int, until: int
) -> None:
    own = own_zone(told, "Ours")
    assert own is not None
    # Apia had summer time before what is described of it.
    at, ends = datetime(since, 10 if meant == "Pacific/Apia" else 1, 1), datetime(until, 1, 1)  # noqa: DTZ001

    while at < ends:
        for fold in (0, 1):
            ours, theirs = (at.replace(tzinfo=zone, fold=fold).utcoffset() for zone in (own, ZoneInfo(meant)))
            assert (at, fold, ours) == (at, fold, theirs)
        assert at.replace(tzinfo=UTC).astimezone(own).utcoffset() == (
            at.replace(tzinfo=UTC).astimezone(ZoneInfo(meant)).utcoffset()
        )
        at += HALF_AN_HOUR


def test_zone_without_summer_time_is_one() -> None:
    own = own_zone(block(part("STANDARD", "19700101T000000", "+0530", "+0530")), "Ours")

    assert datetime(2026, 3, 1, tzinfo=own).utcoffset() == timedelta(hours=5, minutes=30)
    assert datetime(1960, 3, 1, tzinfo=own).utcoffset() == timedelta(hours=5, minutes=30)


STARTS = ("STANDARD", "19701025T030000", "+0200", "+0100")


@pytest.mark.parametrize(
    "told",
    [
        [],
        block(),
        block(["BEGIN:STANDARD", "END:STANDARD"]),
        block(part("STANDARD", "19701025", "+0200", "+0100")),
        block(part("STANDARD", "19701025T030000", "+2500", "+0100")),
        block(part("STANDARD", "19701025T030000", "two", "+0100")),
        block(part(*STARTS, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")),
        block(part(*STARTS, "RRULE:FREQ=YEARLY;INTERVAL=0;BYMONTH=2;BYMONTHDAY=30")),
        block(part(*STARTS, "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30")),
        block(part(*STARTS, "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU")),
        block(part(*STARTS, yearly(99, "-1SU"))),
        block(part(*STARTS, yearly(3, "XX"))),
        block(part(*STARTS, yearly(3, "-1SU", ";UNTIL=soon"))),
        block(*([part(*STARTS, yearly(10, "-1SU"))] * (MAX_RULES + 1))),
        block(part(*STARTS, *(["X-SAYS:nothing"] * MAX_LINES))),
    ],
)
def test_what_is_no_zone_or_takes_long_is_none(told: list[str]) -> None:
    assert own_zone(told, "Ours") is None
