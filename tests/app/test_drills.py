"""Ring drills: everybody on call is really paged, what came of it is on record, and no real page is disturbed."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resile.analytics.query import Query, Window
from resile.app.access import LOCAL
from resile.app.catalog import Catalog
from resile.app.drill_results import Drill, drills_listed, drills_of
from resile.app.drills import ANSWERS_WITHIN, ONCE, RingDrills, Rung
from resile.app.incidents import Listing, list_incidents
from resile.app.notify import Notifier
from resile.app.paging_engine import handlers_of
from resile.app.settings import load_settings
from resile.app.tick import Ticker
from resile.app.weekly import weekly_of
from resile.app.wiring import Resile, open_resile
from resile.model.catalog import Kind
from resile.model.errors import ConfigError
from resile.model.message import MessageClass
from resile.model.policy import Target, TargetKind
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt
from resile.ports.paging_store import Changes, Timer, TimerKind
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2026, 3, 4, 12, 50, tzinfo=UTC)  # a Wednesday
RINGS_AT = datetime(2026, 3, 4, 13, tzinfo=UTC)
LAYER = {"name": "primary", "starts": "2026-01-05 09:00", "every": "week"}
DOCUMENTS = {
    (Kind.PERSON, "ann"): {"contacts": [{"name": "mail", "channel": "email", "address": "ann@example.org"}]},
    (Kind.PERSON, "bob"): {"contacts": [{"name": "mail", "channel": "email", "address": "bob@example.org"}]},
    (Kind.PERSON, "cleo"): {"contacts": [{"name": "mail", "channel": "email", "address": "cleo@example.org"}]},
    (Kind.SCHEDULE, "shop"): {"zone": "Europe/Berlin", "layers": [LAYER | {"people": ["ann"]}]},
    (Kind.SCHEDULE, "blog"): {"zone": "Europe/Berlin", "layers": [LAYER | {"people": ["ann"]}]},
    (Kind.SCHEDULE, "payments"): {"zone": "Europe/Berlin", "layers": [LAYER | {"people": ["bob"]}]},
    (Kind.SCHEDULE, "empty"): {"zone": "Europe/Berlin"},
}


class Mailbox:
    """A channel that keeps what it was handed."""

    kind = ChannelKind(name="email", title="E-mail", address_words="an address")

    def __init__(self) -> None:
        self.taken: list[Outgoing] = []

    def address(self, text: str) -> str:
        return text

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        del timeout_s
        self.taken.append(outgoing)
        return Handed()

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        del headers, query, body, url
        return []

    def check(self, *, timeout_s: float) -> None:
        del timeout_s


class World:
    """An open resile whose time moves by `advance` alone."""

    def __init__(self, resile: Resile, clock: SimulatedClock) -> None:
        self.resile = resile
        self.clock = clock
        self.mailbox = Mailbox()
        self.drills: RingDrills = drills_of(resile)
        self.ticker = Ticker(resile.paging, clock, handlers_of(resile), by="engine")
        self.notifier = Notifier(
            resile.paging, resile.timelines, clock, {"email": self.mailbox}, links=None, by="engine"
        )
        wanted = {key: (body, "") for key, body in DOCUMENTS.items()}
        catalog: Catalog = resile.catalog
        catalog.apply(LOCAL, catalog.changes_to(wanted))

    def advance(self, length: timedelta) -> None:
        until = self.clock.now() + length
        while self.clock.now() < until:
            self.clock.advance(min(timedelta(seconds=10), until - self.clock.now()))
            self.work()

    def work(self) -> None:
        while self.ticker.tick() + self.notifier.send_due():
            pass

    def ring(self) -> dict[str, str]:
        rung = self.drills.ring(by="user:eve")
        assert isinstance(rung, Rung)
        self.work()
        self.clock.advance(timedelta(seconds=1))
        return rung.people

    def listed(self) -> list[Drill]:
        return drills_listed(self.resile).drills


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    clock = SimulatedClock(NOW)
    settings = load_settings(data=fresh_data(tmp_path / "data"), ring_drill="wed 14:00 Europe/Berlin")
    with open_resile(settings, clock=clock) as resile:
        yield World(resile, clock)


def test_everybody_on_call_is_paged_once_and_nobody_else(world: World) -> None:
    world.ring()

    assert sorted(page.address for page in world.mailbox.taken) == ["ann@example.org", "bob@example.org"]
    assert {page.message_class for page in world.mailbox.taken} == {MessageClass.PAGE}
    assert all("Ring drill" in page.title for page in world.mailbox.taken)


def test_who_answered_and_how_fast_is_on_record_and_closed_at_once(world: World) -> None:
    people = world.ring()
    world.advance(timedelta(seconds=70))

    said = world.resile.pager.acknowledge(people["ann"], who="ann", by="person:ann")

    assert said.startswith("You took")
    answers = world.listed()[0].answers
    assert [(one.person, one.answered_after_s, one.is_open) for one in answers] == [
        ("bob", None, True),
        ("ann", 71.0, False),
    ]
    assert [one.incident_id for one in world.resile.pager.standing()] == [people["bob"]]


def test_who_does_not_answer_is_recorded_as_such_after_the_bound_and_paged_no_more(world: World) -> None:
    world.ring()

    world.advance(ANSWERS_WITHIN + timedelta(minutes=1))

    assert world.resile.pager.standing() == []
    assert [(one.person, one.answered_after_s, one.is_open) for one in world.listed()[0].answers] == [
        ("ann", None, False),
        ("bob", None, False),
    ]
    assert world.listed()[0].answers[0].channels == ("email",)
    n_pages = len(world.mailbox.taken)
    world.advance(timedelta(hours=2))
    assert len(world.mailbox.taken) == n_pages


def test_somebody_elses_answer_is_told_as_theirs(world: World) -> None:
    people = world.ring()

    world.resile.pager.acknowledge(people["bob"], who="eve", by="user:eve")

    assert {one.person: one.by for one in world.listed()[0].answers} == {"ann": None, "bob": "eve"}


def test_drills_count_in_no_measure(world: World) -> None:
    people = world.ring()
    world.resile.pager.acknowledge(people["ann"], who="ann", by="person:ann")

    query = Query(window=Window(NOW - timedelta(days=1), NOW + timedelta(days=1)))

    assert list_incidents(world.resile, Listing(query=query)).total == 0
    assert list_incidents(world.resile, Listing(query=query, excluded="drill")).total == 2


def test_a_drill_gives_way_to_a_real_incident_by_an_hour(world: World) -> None:
    real = world.resile.pager.page(
        "Checkout is down", who="eve", by="user:eve", targets=[Target(TargetKind.PERSON, "cleo")]
    )
    world.work()

    put_off = world.drills.ring(by="user:eve")

    assert put_off == NOW + timedelta(hours=1)
    world.resile.pager.acknowledge(real, who="cleo", by="person:cleo")
    world.advance(timedelta(minutes=61))
    assert sorted(page.address for page in world.mailbox.taken) == [
        "ann@example.org",
        "bob@example.org",
        "cleo@example.org",
    ]


def test_one_drill_at_a_time(world: World) -> None:
    world.ring()

    with pytest.raises(ConfigError, match="under way"):
        world.drills.ring(by="user:eve")


def test_it_begins_by_itself_every_week_when_the_settings_say(world: World) -> None:
    world.drills.arm()
    assert world.drills.next_at() == RINGS_AT

    world.advance(timedelta(minutes=9))
    assert world.mailbox.taken == []
    world.advance(timedelta(minutes=2))

    assert len(world.mailbox.taken) == 2
    assert world.drills.next_at() == RINGS_AT + timedelta(days=7)
    assert drills_listed(world.resile).next_at == RINGS_AT + timedelta(days=7)


def test_the_weekly_one_gives_way_too_and_stays_put_off_over_a_restart(world: World) -> None:
    world.drills.arm()
    world.resile.pager.page("Down", who="eve", by="user:eve", targets=[Target(TargetKind.PERSON, "cleo")])
    world.work()

    world.clock.advance(timedelta(minutes=10))
    world.work()
    world.drills.arm()

    assert world.drills.next_at() == RINGS_AT + timedelta(hours=1)


def test_two_that_are_due_at_one_moment_page_everybody_once(world: World) -> None:
    world.drills.arm()
    once = Timer(kind=TimerKind.DRILL, subject=ONCE, due_at=RINGS_AT)
    world.resile.paging.commit(Changes(timers=(once,)))

    world.advance(timedelta(minutes=11))

    assert len(world.mailbox.taken) == 2


def test_one_whose_time_passed_while_nothing_ran_is_left_out(world: World) -> None:
    world.drills.arm()
    world.clock.advance(timedelta(hours=14))

    world.work()

    assert world.mailbox.taken == []
    assert world.drills.next_at() == RINGS_AT + timedelta(days=7)


def test_without_the_setting_none_begins(tmp_path: Path, fresh_data: Callable[[Path], Path], world: World) -> None:
    world.drills.arm()
    without = RingDrills(
        world.resile.pager,
        world.resile.paging,
        world.resile.timelines,
        world.clock,
        schedules=world.resile.catalog.schedules,
        weekly=None,
    )
    world.clock.advance(timedelta(hours=3))

    without.arm()

    assert without.next_at() is None


def test_with_nobody_on_call_nobody_is_paged(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with (
        open_resile(load_settings(data=fresh_data(tmp_path / "data")), clock=SimulatedClock(NOW)) as resile,
        pytest.raises(ConfigError, match="there are no schedules"),
    ):
        drills_of(resile).ring(by="user:eve")


@pytest.mark.parametrize(
    ("said", "at", "next_at"),
    [
        ("wed 14:00 Europe/Berlin", "2026-03-04T12:59:59", "2026-03-04T13:00:00"),
        ("wed 14:00 Europe/Berlin", "2026-03-04T13:00:00", "2026-03-11T13:00:00"),
        # The clock is set forward on 29 March, and back on 25 October.
        ("Wednesday 14:00 Europe/Berlin", "2026-03-26T00:00:00", "2026-04-01T12:00:00"),
        ("sun 02:30 Europe/Berlin", "2026-03-28T00:00:00", "2026-03-29T01:00:00"),
        ("sun 02:30 Europe/Berlin", "2026-10-24T00:00:00", "2026-10-25T00:30:00"),
        ("mon 0:00", "2026-03-04T00:00:00", "2026-03-09T00:00:00"),
        ("mon 9:05 Pacific/Kiritimati", "2026-03-07T12:00:00", "2026-03-08T19:05:00"),
    ],
)
def test_times_of_the_week_go_by_the_clock_of_their_place(said: str, at: str, next_at: str) -> None:
    found = weekly_of(said, "it").after(datetime.fromisoformat(at).replace(tzinfo=UTC))

    assert found == datetime.fromisoformat(next_at).replace(tzinfo=UTC)


@pytest.mark.parametrize("said", ["", "14:00", "wed 25:00", "wedding 14:00", "wed 14:00 Europe/Berlim", "wed 14"])
def test_what_is_no_time_of_the_week_is_refused_with_the_settings(said: str) -> None:
    with pytest.raises(ConfigError, match="ring_drill"):
        load_settings(ring_drill=said)
