"""When the page goes out, what only looks runs by itself, once, however many nodes there are."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from resile.app.auto_steps import AutoSteps
from resile.app.wiring import open_resile
from tests.app.runs.world import PLAYBOOK, World, opened


def page(world: World) -> None:
    """Have somebody paged for an incident for which a playbook is open."""
    world.write(PLAYBOOK)
    world.declare()
    world.page()


def look_at_all(*nodes: AutoSteps) -> None:
    """Have each look until there is nothing new."""
    for node in nodes:
        while node.step():
            pass


def test_steps_that_look_run_when_the_page_goes_out(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with opened(fresh_data(tmp_path)) as world, open_resile(world.resile.settings, clock=world.clock) as other:
        page(world)
        nodes = [AutoSteps(one.runs, one.timelines, one.clock) for one in (world.resile, other)]

        look_at_all(*nodes)

        [run] = world.room.runs.values()
        ended = world.over(run.run_id).ended
        assert (run.step, run.agreed, ended and ended.output) == ("look", (), "looked at checkout")


def test_what_was_paged_for_long_ago_is_left_to_people(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with opened(fresh_data(tmp_path)) as world:
        page(world)
        world.clock.advance(timedelta(minutes=11))
        node = AutoSteps(world.resile.runs, world.resile.timelines, world.clock)

        while node.step():
            pass

        assert not world.room.runs


def test_what_finds_no_place_waits_for_one(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with opened(fresh_data(tmp_path), at_once=1) as world:
        page(world)
        running = world.run("wait")
        node = AutoSteps(world.resile.runs, world.resile.timelines, world.clock)
        while node.step():
            pass
        assert len(world.room.runs) == 1

        world.resile.runs.crew.stop_run(running, because="make room")
        world.over(running)
        node.step()

        assert [run.step for run in world.room.runs.values()] == ["wait", "look"]


def test_playbook_that_is_opened_after_the_page_went_out_looks_by_itself_once(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    with opened(fresh_data(tmp_path)) as world, open_resile(world.resile.settings, clock=world.clock) as other:
        world.declare()
        world.page()
        nodes = [AutoSteps(one.runs, one.timelines, one.clock) for one in (world.resile, other)]
        look_at_all(*nodes)
        world.write(PLAYBOOK)

        world.resile.playbooks.open(world.id, by="user:ann")
        look_at_all(*nodes)
        world.resile.playbooks.open(world.id, "checkout", by="user:bob")
        look_at_all(*nodes)

        [run] = world.room.runs.values()
        assert (run.step, run.agreed) == ("look", ())
        world.over(run.run_id)


def test_playbook_that_is_opened_where_nobody_was_paged_waits_for_a_tap(
    tmp_path: Path, fresh_data: Callable[[Path], Path]
) -> None:
    with opened(fresh_data(tmp_path)) as world:
        world.write(PLAYBOOK)
        world.declare()
        world.resile.playbooks.open(world.id, "checkout", by="user:ann")

        look_at_all(AutoSteps(world.resile.runs, world.resile.timelines, world.clock))

        assert not world.room.runs
