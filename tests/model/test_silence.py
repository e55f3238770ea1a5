"""When silences hold, and what matchers fit."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.model.alert import Alert, AlertState
from resile.model.alert_documents import InhibitionDocument, RouteDocument, ThrottleDocument, inhibition_of, route_of
from resile.model.errors import ConfigError
from resile.model.matcher import Matcher, matcher_of, matchers_of
from resile.model.severity import Severity
from resile.model.silence import Silence, recurrence_of

START = datetime(2026, 1, 1, tzinfo=UTC)


def recurring(every: str, zone: str) -> Silence:
    return Silence(
        id="s1",
        matchers=(Matcher("service", "shop"),),
        starts_at=START,
        ends_at=None,
        by="user:ann",
        because="backup",
        made_at=START,
        recurs=recurrence_of(every, zone),
    )


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("every", "at", "until"),
    [
        ("sat 02:00-04:00", utc(2026, 2, 28, 1), utc(2026, 2, 28, 3)),
        ("sat 02:00-04:00", utc(2026, 2, 28, 3), None),
        ("sat 02:00-04:00", utc(2026, 2, 27, 1), None),
        ("fri-mon 22:00-06:00", utc(2026, 3, 3, 4, 59), utc(2026, 3, 3, 5)),
        ("fri-mon 22:00-06:00", utc(2026, 3, 4, 1), None),
        ("00:00-24:00", utc(2026, 3, 3, 4), utc(2026, 3, 3, 23)),
        # The clock goes from two to three: hours that begin at half past two begin at three, and are shorter.
        ("sun 02:30-04:00", utc(2026, 3, 29, 0, 59), None),
        ("sun 02:30-04:00", utc(2026, 3, 29, 1), utc(2026, 3, 29, 2)),
        # Those that lie in the hour that is left out are never.
        ("sun 02:10-02:50", utc(2026, 3, 29, 1), None),
        # Half past two comes twice: the first counts.
        ("sun 02:30-04:00", utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 3)),
        ("sun 02:00-02:30", utc(2026, 10, 25, 1, 10), None),
    ],
)
def test_recurring_silence_follows_the_local_clock(every: str, at: datetime, until: datetime | None) -> None:
    assert recurring(every, "Europe/Berlin").holds_until(at) == until


@given(
    st.integers(0, 365 * 24 * 60),
    st.integers(0, 1439),
    st.integers(1, 1439),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "UTC"]),
)
def test_holds_until_is_the_first_instant_at_which_it_does_not(minute: int, start: int, lasts: int, zone: str) -> None:
    ends = (start + lasts) % 1440
    silence = recurring(f"{start // 60}:{start % 60:02}-{ends // 60}:{ends % 60:02}", zone)
    at = START + timedelta(minutes=minute)

    until = silence.holds_until(at)

    if until is None:
        shown = at.astimezone(ZoneInfo(zone))
        since = (shown.hour * 60 + shown.minute - start) % 1440
        # Only where the clock was set within the last day may it be within its hours and not hold.
        is_set = (
            at.astimezone(ZoneInfo(zone)).utcoffset() != (at - timedelta(days=1)).astimezone(ZoneInfo(zone)).utcoffset()
        )
        assert since >= lasts or is_set
    else:
        assert at < until <= at + timedelta(minutes=lasts + 120)
        assert silence.holds(until - timedelta(microseconds=1))


@pytest.mark.parametrize(
    "said",
    ["", "sat", "25:00-26:00", "sat 2-4", "someday 02:00-04:00", "24:00-02:00", "sat 02:00-24:30", "mon-x 1:00-2:00"],
)
def test_hours_that_are_not_understood_are_refused(said: str) -> None:
    with pytest.raises(ConfigError, match="silence every"):
        recurrence_of(said, "UTC")


def alert(**more: object) -> Alert:
    given = {"labels": {}, "service": "shop", "severity": Severity.SEV1, "title": "errors", **more}
    return Alert(
        door="am",
        fingerprint="1",
        state=AlertState.FIRING,
        starts_at=START,
        told_at=START,
        **given,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ("service=shop", True),
        ("service!=shop", False),
        ("severity=sev-1", True),
        ("severity=p1", True),
        ("severity=critical", False),
        ("title=~err.*", True),
        ("title=~err", False),  # a pattern is for the whole
        ("title!~warn.*", True),
        ("door=am", True),
        ("host=", True),  # what it does not have says nothing
        ("host!=a", True),
        ("host=~.+", False),
        ("env=prod", True),
        ("env = prod", True),
        ("env=~(prod|test)", True),
    ],
)
def test_matcher_fits(said: str, fits: bool) -> None:
    assert matcher_of(said, "silence").fits(alert(labels={"env": "prod"})) is fits


def test_label_of_a_fields_name_may_say_it_as_well() -> None:
    told = alert(labels={"severity": "critical", "service": "shop-api"})

    assert all(matcher_of(said, "silence").fits(told) for said in ("severity=critical", "severity=SEV1"))
    assert not matcher_of("service!=shop-api", "silence").fits(told)


@given(st.text(max_size=30), st.text(max_size=30))
def test_matcher_is_written_as_it_is_read(name: str, value: str) -> None:
    try:
        (matcher,) = matchers_of({name: value}, "route 'x'")
    except ConfigError:
        return
    if name.strip() == name and not set(name) & set("=!~") and not name.startswith(("=", "!", "~")):
        again = matcher_of(str(matcher), "silence")
        assert again == matcher or value != value.strip()


def test_pattern_that_would_take_for_ever_is_decided_at_once() -> None:
    matcher = matcher_of("title=~(a+)+$", "silence")

    assert not matcher.fits(alert(title="a" * 500 + "!"))


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (RouteDocument(match={"a": "~("}), "pattern"),
        (RouteDocument(match={"": "x"}), "no label's name"),
        (RouteDocument(match={str(n): "x" for n in range(60)}), "more than 50"),
        (RouteDocument(match={"a": "~" + "a?" * 900}), "longer than|steps"),
        (RouteDocument(order=10**9), "order"),
        (RouteDocument(severity="terrible"), "route 'r'.*terrible"),
        (RouteDocument(reopens_within="soon"), "reopens_within"),
        (RouteDocument(reopens_within="8d"), "outside"),
        (RouteDocument(group_by=tuple(map(str, range(21)))), "more than 20"),
        (RouteDocument(group_by=("",)), "no label's name"),
        (RouteDocument(service="\n"), "service"),
        (RouteDocument(throttle=ThrottleDocument(most=0, within="5m")), "most"),
        (RouteDocument(throttle=ThrottleDocument(most=5, within="0")), "within"),
    ],
)
def test_route_that_will_not_do_is_refused(told: RouteDocument, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        route_of("r", told)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (InhibitionDocument(while_firing={}, mute={"a": "b"}), "fit every alert"),
        (InhibitionDocument(while_firing={"a": "b"}, mute={}), "fit every alert"),
        (InhibitionDocument(while_firing={"a": "~["}, mute={"a": "b"}), "pattern"),
        (InhibitionDocument(while_firing={"a": "b"}, mute={"a": "b"}, equal=("\0",)), "no label's name"),
    ],
)
def test_inhibition_that_will_not_do_is_refused(told: InhibitionDocument, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        inhibition_of("i", told)
