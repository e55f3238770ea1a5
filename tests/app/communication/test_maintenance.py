"""Maintenance windows are announced as they come, begin and end, and what lies within them counts in no measure."""

from datetime import datetime, timedelta

import pytest

from resile.app.access import LOCAL, Identity
from resile.app.maintenance_marks import BY
from resile.model.catalog import Kind
from resile.model.component import MaintenancePhase
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.model.event import Exclusion, Marked
from resile.model.incident import InstantName, fold, value_of
from resile.model.lifecycle import Describe, Mark
from resile.model.room_event import AskedIfRestored
from resile.model.time import DAY, HOUR, MINUTE
from resile.ports.account_store import Scope
from resile.ports.maintenance_book import Window
from resile.ports.paging_store import TimerKind

from .world import ANN, NOW, World, body_of


def planned(world: World, *, begins: timedelta = HOUR, lasts: timedelta = HOUR, **more: object) -> Window:
    """A window of checkout."""
    now = world.clock.now()
    window = world.maintenance.add(
        ANN,
        "New database",
        ["checkout"],
        starts_at=now + begins,
        ends_at=now + begins + lasts,
        **more,  # type: ignore[arg-type]
    )
    world.work()
    return window


def subjects(world: World, address: str = "reader@example.net") -> list[str]:
    """What somebody was told, without the confirmation."""
    return [str(mail["Subject"]) for mail in world.mails(address)[1:]]


def exclusion(world: World, incident_id: str) -> Exclusion | None:
    """How an incident counts."""
    return value_of(fold(incident_id, world.timeline(incident_id)).exclusion, None)


def test_window_is_announced_when_it_is_entered_begins_and_ends(world: World) -> None:
    world.subscribe("reader@example.net")
    world.subscribe("search@example.net", "search")
    window = planned(world, text="We move to a new database.")
    assert subjects(world) == ["Maintenance planned: New database"]
    assert "from 2026-03-04 13:00 UTC until 2026-03-04 14:00 UTC" in body_of(world.mails("reader@example.net")[-1])

    world.advance(HOUR)
    assert window.phase_at(world.clock.now()) is MaintenancePhase.IN_PROGRESS
    world.advance(HOUR)

    assert subjects(world)[1:] == ["Maintenance has begun: New database", "Maintenance is over: New database"]
    assert subjects(world, "search@example.net") == []
    assert world.resile.paging.timers(TimerKind.MAINTENANCE) == []


def test_moved_finished_and_cancelled_windows_say_so_once(world: World) -> None:
    world.subscribe("reader@example.net")
    window = planned(world)
    moved = world.maintenance.move(ANN, window.id, starts_at=NOW + 2 * HOUR, ends_at=NOW + 4 * HOUR)
    world.work()
    world.maintenance.arm()
    world.maintenance.arm()
    world.advance(2 * HOUR)
    world.maintenance.finish(ANN, moved.id)
    world.work()
    other = planned(world)
    world.maintenance.cancel(ANN, other.id)
    world.work()
    world.maintenance.arm()
    world.work()

    assert subjects(world) == [
        "Maintenance planned: New database",
        "Maintenance moved: New database",
        "Maintenance has begun: New database",
        "Maintenance is over: New database",
        "Maintenance planned: New database",
        "Maintenance is cancelled: New database",
    ]


def test_window_that_is_not_announced_is_told_to_nobody(world: World) -> None:
    world.subscribe("reader@example.net")
    planned(world, is_announced=False)

    world.advance(3 * HOUR)

    assert subjects(world) == []


def test_window_that_nobody_armed_before_the_process_died_is_armed_by_the_next(world: World) -> None:
    world.subscribe("reader@example.net")
    window = Window(
        id="w1",
        title="Half written",
        components=("checkout",),
        starts_at=NOW + MINUTE,
        ends_at=NOW + HOUR,
        by="user:ann",
        made_at=NOW,
        changed_at=NOW,
    )
    world.maintenance._book.write(window)

    world.maintenance.arm()
    world.advance(2 * HOUR)

    assert [one.split(":")[0] for one in subjects(world)] == [
        "Maintenance planned",
        "Maintenance has begun",
        "Maintenance is over",
    ]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"starts_at": NOW - HOUR}, "cannot begin in the past"),
        ({"ends_at": NOW}, "ends after it begins"),
        ({"starts_at": NOW + HOUR, "ends_at": NOW + MINUTE}, "ends after it begins"),
        ({"ends_at": NOW + 20 * DAY}, "lasts 14 days at most"),
        ({"components": ["nope"]}, "'nope' is not in the catalog"),
        ({"components": []}, "of 1 to 50 services"),
        ({"title": " \x00 "}, "has a title"),
        ({"text": "x" * 5_001}, "5,001 characters"),
    ],
)
def test_window_that_cannot_be_meant_is_refused(world: World, change: dict[str, object], match: str) -> None:
    told: dict[str, object] = {
        "title": "New database",
        "components": ["checkout"],
        "starts_at": NOW + MINUTE,
        "ends_at": NOW + HOUR,
    }

    with pytest.raises(ConfigError, match=match):
        world.maintenance.add(ANN, **told | change)  # type: ignore[arg-type]

    assert world.maintenance.listed() == []


def test_window_that_has_begun_keeps_its_beginning_and_one_that_is_over_stays_over(world: World) -> None:
    window = planned(world)
    with pytest.raises(ConfigError, match="has not begun"):
        world.maintenance.finish(ANN, window.id)
    world.advance(70 * MINUTE)

    with pytest.raises(ConfigError, match="has begun"):
        world.maintenance.move(ANN, window.id, starts_at=NOW + 3 * HOUR)
    longer = world.maintenance.move(ANN, window.id, ends_at=NOW + 3 * HOUR)
    with pytest.raises(ConfigError, match="changed meanwhile"):
        world.maintenance.move(ANN, window.id, ends_at=NOW + 4 * HOUR, version=1)
    assert longer.over_at == NOW + 3 * HOUR
    world.advance(2 * HOUR)
    for act in (world.maintenance.finish, world.maintenance.cancel):
        with pytest.raises(ConfigError, match="is over or cancelled"):
            act(ANN, window.id)
    with pytest.raises(ConfigError, match="there is no maintenance"):
        world.maintenance.cancel(ANN, "nope")


def test_who_may_not_write_enters_nothing(world: World) -> None:
    reader = Identity(by="user:eve", name="eve", scopes=frozenset({Scope.READ}))

    with pytest.raises(AccessError):
        world.maintenance.add(reader, "x", ["checkout"], starts_at=NOW, ends_at=NOW + HOUR)


def test_of_two_who_change_a_window_at_once_one_is_told(world: World) -> None:
    window = planned(world)
    book = world.maintenance._book
    book.write(structs_replace(window, version=2))

    with pytest.raises(ConflictError, match="changed meanwhile"):
        book.write(structs_replace(window, version=2))


def structs_replace(window: Window, **fields: object) -> Window:
    """The window with other fields."""
    from msgspec.structs import replace  # noqa: PLC0415

    return replace(window, **fields)


def test_incident_whose_impact_lies_within_a_window_is_marked_with_its_name(world: World) -> None:
    window = planned(world)
    world.advance(70 * MINUTE)
    incident_id = world.declare()
    other = world.declare(service="search")
    world.work()
    world.advance(20 * MINUTE)
    world.reach(incident_id, InstantName.RESTORED)
    world.advance(2 * HOUR)

    marks = [event for event in world.timeline(incident_id) if isinstance(event, Marked)]
    assert [(mark.exclusion, mark.by) for mark in marks] == [(Exclusion.PLANNED, BY)]
    assert f"maintenance {window.id}, New database" in (marks[0].reason or "")
    assert exclusion(world, other) is None


def test_incident_that_outlasts_its_window_counts_again(world: World) -> None:
    planned(world)
    world.advance(110 * MINUTE)
    incident_id = world.declare()
    world.work()
    assert exclusion(world, incident_id) is Exclusion.PLANNED

    world.advance(11 * MINUTE)

    assert exclusion(world, incident_id) is None


def test_of_what_counts_again_people_are_asked_whether_it_is_restored(world: World) -> None:
    planned(world)
    world.advance(110 * MINUTE)
    incident_id = world.declare()
    world.reach(incident_id, InstantName.MITIGATED)
    world.work()
    assert exclusion(world, incident_id) is Exclusion.PLANNED
    # It was mitigated within the window; that it reached another service is learnt after its end.
    world.advance(2 * HOUR)
    world.command(incident_id, Describe(services=("checkout", "search")))
    world.work()
    assert exclusion(world, incident_id) is None

    world.advance(HOUR)

    assert any(isinstance(event, AskedIfRestored) for event in world.timeline(incident_id))


def test_incident_that_outlasts_a_window_that_was_finished_or_cancelled_counts_again(world: World) -> None:
    for end in (world.maintenance.finish, world.maintenance.cancel):
        window = planned(world, begins=MINUTE)
        world.advance(5 * MINUTE)
        incident_id = world.declare()
        world.work()
        assert exclusion(world, incident_id) is Exclusion.PLANNED

        end(ANN, window.id)
        world.work()

        assert exclusion(world, incident_id) is None


def test_beginning_that_is_learnt_late_marks_or_unmarks(world: World) -> None:
    planned(world)
    world.advance(61 * MINUTE)
    incident_id = world.declare()
    world.work()
    assert exclusion(world, incident_id) is Exclusion.PLANNED

    early(world, incident_id, NOW + 30 * MINUTE)
    assert exclusion(world, incident_id) is None
    late = world.declare()
    world.advance(80 * MINUTE)
    world.reach(late, InstantName.RESTORED)
    world.work()
    assert exclusion(world, late) is None


def early(world: World, incident_id: str, at: datetime) -> None:
    """Say that its impact began then."""
    from resile.app.incidents import command_incident  # noqa: PLC0415
    from resile.model.lifecycle import Reach  # noqa: PLC0415

    command_incident(world.resile, incident_id, Reach(InstantName.IMPACT_BEGAN), by="user:ann", at=at)
    world.work()


def test_what_somebody_said_of_how_it_counts_is_left_alone(world: World) -> None:
    planned(world)
    world.advance(70 * MINUTE)
    counted = world.declare()
    world.command(counted, Mark(Exclusion.DRILL))
    world.command(counted, Mark(None, "it was no planned work"))
    world.work()
    assert exclusion(world, counted) is None

    planned_by_us = world.declare()
    world.work()
    world.command(planned_by_us, Mark(None, "it was more than planned"))
    world.work()

    assert exclusion(world, planned_by_us) is None


def test_service_that_turns_out_not_to_be_affected_takes_the_mark_back(world: World) -> None:
    planned(world)
    world.advance(70 * MINUTE)
    incident_id = world.declare()
    world.work()

    world.command(incident_id, Describe(services=("search",)))
    world.work()

    assert exclusion(world, incident_id) is None


def test_window_that_is_moved_before_it_begins_marks_what_lies_in_the_new_one(world: World) -> None:
    window = planned(world)
    world.maintenance.move(ANN, window.id, starts_at=NOW + 3 * HOUR, ends_at=NOW + 4 * HOUR)
    world.advance(70 * MINUTE)
    first = world.declare()
    world.advance(5 * MINUTE)
    world.reach(first, InstantName.RESTORED)
    world.advance(2 * HOUR)
    second = world.declare()
    world.work()

    assert (exclusion(world, first), exclusion(world, second)) == (None, Exclusion.PLANNED)


def test_incident_that_reaches_a_service_nobody_works_on_counts(world: World) -> None:
    planned(world)
    world.advance(70 * MINUTE)
    incident_id = world.declare()
    world.work()
    assert exclusion(world, incident_id) is Exclusion.PLANNED

    world.command(incident_id, Describe(services=("checkout", "search")))
    world.work()

    assert exclusion(world, incident_id) is None


def test_who_waits_for_the_end_is_told_of_another_one_and_of_nothing_that_is_none(world: World) -> None:
    world.subscribe("reader@example.net")
    window = planned(world)
    world.advance(70 * MINUTE)

    for _ in range(2):
        longer = NOW + 3 * HOUR
        if window.ends_at != longer:
            window = world.maintenance.move(ANN, window.id, ends_at=longer)
        else:
            with pytest.raises(ConfigError, match="has these times already"):
                world.maintenance.move(ANN, window.id, ends_at=longer)
        world.maintenance.arm()
        world.work()

    assert subjects(world)[2:] == ["Maintenance ends at another time: New database"]
    assert "over by 2026-03-04 15:00 UTC" in body_of(world.mails("reader@example.net")[-1])
    world.maintenance.cancel(ANN, window.id)
    world.work()
    assert "and does not go on" in body_of(world.mails("reader@example.net")[-1])


def test_window_of_a_component_is_told_to_its_subscribers_and_takes_nothing_out_of_the_measures(world: World) -> None:
    wanted = {(Kind.COMPONENT, "web"): ({"title": "Website", "services": ["checkout"]}, "")}
    world.resile.catalog.apply(LOCAL, world.resile.catalog.changes_to(wanted))
    world.subscribe("web@example.net", "web")
    world.subscribe("search@example.net", "search")

    for named in ("web", "component/web"):
        window = world.maintenance.add(ANN, "New front", [named], starts_at=NOW, ends_at=NOW + HOUR)
        assert (window.components, window.services, window.shown_on) == (("component/web",), (), ("web",))
    world.work()
    incident_id = world.declare()
    world.work()

    assert len(subjects(world, "web@example.net")) == 2
    assert subjects(world, "search@example.net") == []
    assert exclusion(world, incident_id) is None
