"""Alerts that time and a door, or two nodes, bring at the same moment."""

from collections.abc import Callable

from resile.app.alert_intake import FiringCounts, Told
from resile.app.alert_parts import Alerting, alerting_over
from resile.app.contacts import Contacts
from resile.app.tick import Ticker
from resile.model.event import AlertFired
from resile.model.time import HOUR, MINUTE
from resile.ports.paging_store import Changes
from resile.testing.memory_contacts import MemoryContactBook
from tests.app.alerts.world import ACKNOWLEDGED, ANN, AlertWorld, committing


def _node(world: AlertWorld, before: Callable[[Changes], None]) -> Alerting:
    """Another process over the same stores, where something happens before each commit."""
    store = committing(world.paging, before)
    return alerting_over(
        store,
        world.timelines,
        world.book,
        catalog=world.catalog,
        doors=lambda: world.doors,
        pages=world.paging_now,
        ways=Contacts(world.catalog, MemoryContactBook(), store, world.clock).ways_for,
        clock=world.clock,
    )


def _once(act: Callable[[], object]) -> Callable[[Changes], None]:
    left = [act]

    def before(_: Changes) -> None:
        if left:
            left.pop()()

    return before


def test_time_and_a_door_that_bring_two_of_one_group_make_one_incident(world: AlertWorld) -> None:
    world.parts.silences.add(ANN, ["host=a"], because="deploy", lasts=MINUTE)
    world.write("route", "all", group_by=["service"])
    muted, other = (world.alert(host, service=None, labels={"host": host}) for host in "ab")
    world.tell(muted)
    assert world.n_incidents() == 0
    world.clock.advance(20 * MINUTE)
    door = _node(world, _once(world.tick))

    door.intake.take([Told(alerts=(other,))])

    made = world.row(muted).incident_id
    assert world.row(other).incident_id == made
    assert world.n_incidents() == 1
    assert len(world.told(made, AlertFired)) == 2
    assert len(world.pages()) == 1


def test_door_that_is_quicker_than_time_leaves_one_incident_too(world: AlertWorld) -> None:
    world.parts.silences.add(ANN, ["host=a"], because="deploy", lasts=MINUTE)
    world.write("route", "all", group_by=["service"])
    muted, other = (world.alert(host, service=None, labels={"host": host}) for host in "ab")
    world.tell(muted)
    world.clock.advance(20 * MINUTE)
    before = _once(lambda: world.tell(other))
    ticker = Ticker(committing(world.paging, before), world.clock, _node(world, lambda _: None).handlers, by="another")

    while ticker.tick():
        pass

    assert world.row(muted).incident_id == world.row(other).incident_id
    assert world.n_incidents() == 1
    assert len(world.pages()) == 1


def test_what_others_declare_for_other_groups_is_no_conflict(world: AlertWorld) -> None:
    n_commits = []
    once = _once(lambda: world.fires("latency", service="login"))

    def before(changes: Changes) -> None:
        n_commits.append(changes)
        once(changes)

    _node(world, before).intake.take([Told(alerts=(world.alert("errors", service="shop"),))])

    assert world.n_incidents() == 2
    assert len(n_commits) == 1


def test_what_expires_is_counted_once_though_others_were_quicker(world: AlertWorld) -> None:
    world.parts.intake.firing = counts = FiringCounts(world.paging, most=10)
    soon = world.now() + MINUTE
    silent = [world.alert(f"value {n}", service=None, expires_at=soon) for n in range(3)]
    world.parts.intake.take([Told(alerts=(*silent, world.alert("stays", service=None)))])
    assert counts.room("alertmanager", now=world.now()) == 6
    world.clock.advance(2 * MINUTE)
    # Somebody is quicker with one of them, so that all are decided anew.
    taken = world.alert("value 0", ACKNOWLEDGED, service=None, by="zoe", expires_at=world.now() + HOUR)
    before = _once(lambda: world.tell(taken))
    ticker = Ticker(committing(world.paging, before), world.clock, world.parts.handlers, by="another")

    while ticker.tick():
        pass
    told = tuple(world.alert(f"new {n}", service=None) for n in range(20))
    world.parts.intake.take([Told(alerts=told)])

    assert world.paging.firing_counts()["alertmanager"] == 10


def test_alert_that_is_heard_of_while_it_is_taken_for_silent_goes_on(world: AlertWorld) -> None:
    made = world.fires(expires_at=world.now() + MINUTE)
    world.clock.advance(2 * MINUTE)
    before = _once(lambda: world.tell(world.alert(expires_at=world.now() + HOUR)))
    ticker = Ticker(committing(world.paging, before), world.clock, world.parts.handlers, by="another")

    while ticker.tick():
        pass

    assert not world.is_over(made)
    assert (world.row("errors").state, world.row("errors").n_told) == ("firing", 2)
    world.pass_by(2 * HOUR)
    assert world.is_over(made)
