"""Notices of shifts, told as stories on the simulated clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

from resile.app.access import LOCAL, Identity
from resile.app.catalog import Catalog
from resile.app.oncall import OnCall
from resile.app.shift_notices import ShiftNotices
from resile.app.tick import Ticker
from resile.model.catalog import Kind
from resile.model.message import MessageClass
from resile.model.schedule import Override
from resile.model.time import DAY, HOUR, MINUTE
from resile.ports.account_store import Role, Scope, User
from resile.ports.paging_store import TimerKind
from resile.testing.memory_catalog import MemoryCatalogStore
from resile.testing.memory_paging import MemoryPagingStore
from resile.testing.memory_store import MemoryTimelineStore
from resile.testing.simulated_clock import SimulatedClock

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROTATION = {"name": "primary", "starts": "2026-03-02 09:00", "every": "week", "people": ["ann", "bob"]}
BOB = Identity(
    by="user:bob",
    name="bob",
    scopes=frozenset(Scope),
    user=User(id="u1", name="bob", role=Role.EDITOR, created_at=MONDAY),
)


def person(name: str, **fields: Any) -> dict[str, Any]:
    contacts = [
        {"name": "phone", "channel": "sms", "address": f"+1555{name}"},
        {"name": "mail", "channel": "email", "address": f"{name}@example.org"},
    ]
    return {"contacts": contacts, **fields}


class World:
    """One schedule, two people in it and one beside it, an hour after its first Monday began."""

    def __init__(self, *, verified: dict[str, frozenset[str]] | None = None, **bodies: dict[str, Any]) -> None:
        self.clock = SimulatedClock(MONDAY + HOUR)
        self.paging = MemoryPagingStore(MemoryTimelineStore())
        documents = MemoryCatalogStore()
        self.catalog = Catalog(documents, self.clock)
        self.shifts = ShiftNotices(
            self.catalog,
            documents,
            self.paging,
            self.clock,
            verified=lambda: verified or {},
            address="https://resile.example.org",
        )
        self.catalog.when_changed(self.shifts.ensure_timers)
        self.oncall = OnCall(self.catalog, documents, self.clock, hear=self.shifts.changed)
        self.people = {name: bodies.get(name, person(name)) for name in ("ann", "bob", "cyd")}
        self.apply({"zone": "Europe/Berlin", "title": "Payments", "layers": [ROTATION | {"zone": "UTC"}]})

    def apply(self, schedule: dict[str, Any] | None) -> None:
        wanted = {(Kind.PERSON, name): (body, "") for name, body in self.people.items()}
        if schedule is not None:
            wanted[Kind.SCHEDULE, "payments"] = (schedule, "")
        self.catalog.apply(LOCAL, self.catalog.changes_to(wanted, prunes=True))

    def run(self, lasts: timedelta, *, step: timedelta = 5 * MINUTE, by: str = "engine") -> None:
        """Let time pass while the engine runs."""
        ticker = Ticker(self.paging, self.clock, {TimerKind.SHIFT: self.shifts.due}, by=by)
        ticker.tick()
        for _ in range(lasts // step):
            self.clock.advance(step)
            ticker.tick()

    def told(self) -> list[str]:
        found = sorted(self.paging.recent_messages(limit=1_000), key=lambda one: (one.queued_at, one.person or ""))
        assert {one.message_class for one in found} <= {MessageClass.NOTICE}
        return [f"{one.person} {(one.queued_at - MONDAY) / HOUR:g} {one.title}" for one in found]


def test_those_who_come_and_go_hear_of_it_once() -> None:
    world = World()

    world.run(8 * DAY)

    assert world.told() == [
        "bob 144 You are on call for Payments from Mon 2026-03-09 10:00",
        "ann 168 Your duty for Payments is over",
        "bob 168 You are on call for Payments now",
    ]
    before, over, begins = sorted(world.paging.recent_messages(), key=lambda one: (one.queued_at, one.person or ""))
    assert before.text.splitlines() == [
        "From Mon 2026-03-09 10:00 until Mon 2026-03-16 10:00 (Europe/Berlin).",
        "You take over from ann.",
        "You hand over to ann.",
        "https://resile.example.org/oncall/payments",
    ]
    assert over.text.splitlines()[0] == "You hand over to bob."
    assert (begins.channel, begins.address, begins.contact) == ("email", "bob@example.org", "mail")


def test_two_engines_and_a_repeated_look_make_one_message() -> None:
    world = World()
    world.run(7 * DAY - HOUR)
    n = len(world.told())

    world.shifts.ensure_timers()
    for timer in world.paging.timers(TimerKind.SHIFT):
        for _ in range(3):
            world.paging.commit(world.shifts.due([timer], world.clock.now()))

    assert len(world.told()) == n == 3


def test_after_a_standstill_what_is_older_than_an_hour_is_left_out() -> None:
    world = World()
    world.run(HOUR)
    world.clock.advance(6 * DAY - 2 * HOUR + 40 * MINUTE)  # past the notice a day before, by 40 minutes
    world.shifts.ensure_timers()  # as a server does that starts
    world.run(5 * MINUTE)
    assert [one.partition(" ")[0] for one in world.told()] == ["bob"]

    world.clock.advance(DAY + 2 * HOUR)
    world.shifts.ensure_timers()
    world.run(HOUR)

    assert len(world.told()) == 1


def test_each_hears_as_they_chose() -> None:
    wishes = {"use": "phone", "before": ["2h"], "ends": False}
    world = World(ann=person("ann", notices=wishes), bob=person("bob", notices="off"))

    world.run(15 * DAY, step=15 * MINUTE)

    assert world.told() == ["ann 334 You are on call for Payments from Mon 2026-03-16 10:00"]
    (message,) = world.paging.recent_messages()
    assert message.channel == "sms"


def test_notice_goes_to_no_address_that_was_not_proven_where_another_was() -> None:
    world = World(bob=person("bob", notices={"use": "mail"}), verified={"bob": frozenset({"phone"})})

    world.run(6 * DAY)

    (message,) = world.paging.recent_messages()
    assert (message.person, message.channel) == ("bob", "sms")


def test_whoever_is_put_on_duty_hears_of_it_at_once_and_not_again_for_the_same() -> None:
    world = World()

    world.oncall.take(LOCAL, "payments", "cyd", "ann is ill")
    world.run(HOUR)

    assert world.told() == ["ann 1 Your duty for Payments is over", "cyd 1 You are on call for Payments now"]


def test_whoever_puts_themselves_on_duty_needs_no_notice_at_once() -> None:
    world = World()
    soon = world.clock.now() + 5 * HOUR

    world.oncall.override(BOB, "payments", "bob", starts_at=soon, ends_at=soon + HOUR)
    assert world.told() == []
    world.oncall.override(BOB, "payments", "cyd", starts_at=soon + 2 * HOUR, ends_at=soon + 3 * HOUR)
    world.oncall.override(BOB, "payments", "cyd", starts_at=soon + 3 * DAY, ends_at=soon + 4 * DAY)

    assert world.told() == ["cyd 1 You are on call for Payments from Mon 2026-03-02 18:00"]


def test_swap_tells_those_whose_duty_is_near() -> None:
    world = World()

    world.oncall.swap(LOCAL, "payments", MONDAY + 2 * HOUR, MONDAY + 8 * DAY)

    assert [one.partition(" ")[0] for one in world.told()] == ["bob"]


def test_override_that_is_removed_while_it_runs_tells_who_is_on_duty_now_and_who_no_longer_is() -> None:
    world = World()
    (entered,) = world.oncall.take(LOCAL, "payments", "cyd", "ann is ill")
    world.run(2 * HOUR)

    world.oncall.remove(LOCAL, entered.id)
    world.run(HOUR)

    assert world.told()[2:] == [
        "ann 3 You are on call for Payments now",
        "cyd 3 You are no longer on call for Payments",
    ]
    ann, cyd = sorted(world.paging.recent_messages(limit=2), key=lambda one: one.person or "")
    assert ann.text.splitlines() == [
        "From Mon 2026-03-02 13:00 until Mon 2026-03-09 10:00 (Europe/Berlin).",
        "You take over from cyd.",
        "You hand over to bob.",
        "https://resile.example.org/oncall/payments",
    ]
    assert cyd.text.splitlines()[0] == "ann is on call instead until Mon 2026-03-09 10:00 (Europe/Berlin)."


def test_override_that_is_removed_shortly_before_it_begins_tells_both_and_again_when_it_is_back() -> None:
    world = World()
    soon = world.clock.now() + 5 * HOUR
    told = []
    for _ in range(2):
        (entered,) = world.oncall.override(LOCAL, "payments", "cyd", starts_at=soon, ends_at=soon + HOUR)
        world.run(10 * MINUTE)
        world.oncall.remove(LOCAL, entered.id)
        world.run(10 * MINUTE)
        told += [one.split(" ", 2)[::2] for one in world.told()[len(told) :]]

    assert (
        told
        == [
            ["cyd", "You are on call for Payments from Mon 2026-03-02 16:00"],
            ["ann", "You stay on call for Payments until Mon 2026-03-09 10:00"],
            ["cyd", "You are not on call for Payments from Mon 2026-03-02 16:00 after all"],
        ]
        * 2
    )
    world.run(8 * HOUR)
    assert len(world.told()) == 6  # and nothing when it would have begun


def test_swap_that_is_undone_tells_both() -> None:
    world = World()
    entered = world.oncall.swap(LOCAL, "payments", MONDAY + 2 * HOUR, MONDAY + 8 * DAY)
    world.run(HOUR)

    for one in entered:
        world.oncall.remove(LOCAL, one.id)
    world.run(HOUR)

    assert world.told() == [
        "ann 1 Your duty for Payments is over",
        "bob 1 You are on call for Payments now",
        "ann 2 You are on call for Payments now",
        "bob 2 You are no longer on call for Payments",
    ]


def test_who_removes_their_own_override_is_not_told_and_who_wants_no_notices_neither() -> None:
    world = World(ann=person("ann", notices="off"))
    (entered,) = world.oncall.take(BOB, "payments", "bob")

    world.oncall.remove(BOB, entered.id)
    world.run(HOUR)

    assert world.told() == []


def test_calendar_that_is_read_in_again_tells_of_what_it_took_away() -> None:
    world = World()
    soon = world.clock.now() + 3 * HOUR
    (entered,) = world.oncall.override(LOCAL, "payments", "cyd", starts_at=soon, ends_at=soon + HOUR)
    bobs = Override(id="o2", person="bob", starts_at=soon, ends_at=soon + HOUR, by="local")

    world.oncall.replace(LOCAL, "payments", removed=[entered.id], added=[bobs])

    assert [one.split(" ")[0] for one in world.told()] == ["bob", "cyd", "cyd"]


def test_schedule_that_is_taken_out_is_looked_at_no_more() -> None:
    world = World()
    assert [timer.subject for timer in world.paging.timers(TimerKind.SHIFT)] == ["payments"]

    world.apply(None)

    assert world.paging.timers(TimerKind.SHIFT) == []


def test_template_of_the_catalog_words_the_notice() -> None:
    world = World()
    template = {"message": "shift_notice", "subject": "Hello {{ person }}", "text": "{{ schedule }} is yours."}
    world.catalog.apply(LOCAL, world.catalog.changes_to({(Kind.TEMPLATE, "shift"): (template, "")}))

    world.run(6 * DAY)

    (message,) = world.paging.recent_messages()
    assert (message.title, message.text.splitlines()[0]) == ("Hello bob", "Payments is yours.")
