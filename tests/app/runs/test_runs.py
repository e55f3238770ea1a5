"""Steps are run by who may, once, as the playbook had them, and all of it is told on the timeline."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from resile.app.incidents import command_incident, show_incident
from resile.app.paging_engine import handlers_of
from resile.app.tick import Ticker
from resile.app.wiring import open_resile
from resile.model.errors import ConflictError, ResileError, TransitionError
from resile.model.event import Exclusion, Mitigated, Source
from resile.model.incident import InstantName
from resile.model.lifecycle import Reach
from resile.model.room_event import StepBegan, StepEnded, StepOutcome
from resile.response.playbook import Who
from tests.app.runs.world import ANN, BOB, LOCALLY, PLAYBOOK, TOKEN, World, opened


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with opened(fresh_data(tmp_path)) as made:
        made.write(PLAYBOOK)
        made.declare()
        yield made


def tick(world: World) -> None:
    """Do what is due."""
    resile = world.resile
    while Ticker(resile.paging, resile.clock, handlers_of(resile), by="test").tick():
        pass


def test_a_tap_runs_a_change_and_its_output_is_told(world: World) -> None:
    run = world.ran("restart")

    assert run.ended is not None
    assert (run.ended.outcome, run.ended.exit_code, run.ended.output) == (StepOutcome.DONE, 0, "restarted")
    assert (run.agreed, run.number, run.runner, dict(run.inputs)) == (("ann",), 1, "shell", {"service": "checkout"})
    assert (world.home / "restarted").read_text() == "checkout"


def test_steps_that_only_look_run_by_themselves_and_once(world: World) -> None:
    runs = world.resile.runs
    world.page()

    assert [runs.begin_by_itself(world.id), runs.begin_by_itself(world.id)] == [1, 0]

    [run] = world.room.runs.values()
    ended = world.over(run.run_id).ended
    assert (run.step, run.agreed, ended and ended.output) == ("look", (), "looked at checkout")


def test_nothing_runs_where_runners_are_not_allowed(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with opened(fresh_data(tmp_path), is_allowed=False) as world:
        world.write(PLAYBOOK)
        world.declare()
        world.page()

        assert world.resile.runs.begin_by_itself(world.id) == 0
        with pytest.raises(TransitionError, match="shell runner, which is not allowed here"):
            world.run("look")
        assert not world.room.runs


def test_danger_needs_a_second_person(world: World) -> None:
    runs = world.resile.runs
    asked = runs.run(world.id, "checkout", "wipe", who=ANN)

    assert asked.is_waiting
    with pytest.raises(TransitionError, match="asked for by you"):
        runs.agree(world.id, asked.run_id, who=ANN)
    with pytest.raises(TransitionError, match="account of their own"):
        runs.agree(world.id, asked.run_id, who=TOKEN)
    with pytest.raises(TransitionError, match="account of their own"):
        runs.agree(world.id, asked.run_id, who=LOCALLY)
    assert not (world.home / "wiped").exists()

    runs.agree(world.id, asked.run_id, who=BOB)

    run = world.over(asked.run_id)
    assert (run.asked_by, run.agreed, run.is_done) == ("user:ann", ("ann", "bob"), True)
    with pytest.raises(TransitionError, match="no longer waits"):
        runs.agree(world.id, asked.run_id, who=BOB)
    assert (world.home / "wiped").read_text() == "wiped\n"


@pytest.mark.parametrize("who", [TOKEN, LOCALLY, Who("user:ann")])
def test_nobody_without_an_account_asks_for_danger(world: World, who: Who) -> None:
    with pytest.raises(TransitionError, match="two people with accounts"):
        world.run("wipe", who)


def test_a_second_person_may_say_no(world: World) -> None:
    asked = world.run("wipe")

    world.resile.runs.refuse(world.id, asked, who=BOB)

    ended = world.room.runs[asked].ended
    assert ended is not None
    assert (ended.outcome, ended.because) == (StepOutcome.REFUSED, "bob said no")
    with pytest.raises(TransitionError, match="no longer waits"):
        world.resile.runs.agree(world.id, asked, who=BOB)


def test_a_yes_after_more_than_an_hour_does_not_count(world: World) -> None:
    asked = world.run("wipe")
    world.clock.advance(timedelta(minutes=61))

    with pytest.raises(TransitionError, match="more than an hour ago"):
        world.resile.runs.agree(world.id, asked, who=BOB)


def test_what_was_asked_for_is_what_runs_though_the_playbook_was_edited(world: World) -> None:
    asked = world.run("wipe")
    world.write(PLAYBOOK.replace("echo wiped", "echo everything"))

    world.resile.runs.agree(world.id, asked, who=BOB)

    assert world.over(asked).number == 1
    assert (world.home / "wiped").read_text() == "wiped\n"


def test_a_playbook_that_is_edited_while_it_runs_changes_nothing(world: World) -> None:
    slow = PLAYBOOK.replace(
        'echo begun; touch "$HOME/begun"; exec sleep 30', "until test -e $HOME/go; do sleep 0.05; done; echo old"
    )
    world.write(slow)
    world.resile.playbooks.open(world.id, "checkout", by="user:ann")
    running = world.run("wait")

    world.write(slow.replace("echo old", "echo new"))
    (world.home / "go").touch()

    ended = world.over(running).ended
    assert ended is not None
    assert (ended.output, world.room.runs[running].number) == ("old\n", 2)
    with pytest.raises(TransitionError, match="open at version 2, not 3"):
        world.run("wait", number=3)


def test_a_step_that_runs_is_not_run_beside_itself(world: World) -> None:
    running = world.run("wait")
    world.begun()

    with pytest.raises(TransitionError, match="runs already"):
        world.run("wait", BOB)

    world.resile.runs.stop(world.id, running, who=BOB)
    ended = world.over(running).ended
    assert ended is not None
    assert (ended.outcome, ended.because, ended.output) == (StepOutcome.STOPPED, "bob stopped it", "begun\n")


@pytest.mark.parametrize("is_postgresql", [False, True])
def test_of_two_who_tap_at_once_one_runs_it(
    tmp_path: Path, fresh_data: Callable[[Path], Path], fresh_postgresql_url: str, is_postgresql: bool
) -> None:
    url = fresh_postgresql_url if is_postgresql else None
    folder = fresh_data(tmp_path)
    with opened(folder, url=url) as world, open_resile(world.resile.settings, clock=world.clock) as other:
        world.write(PLAYBOOK)
        world.declare()
        begin = threading.Barrier(6)
        begun: list[str] = []
        refused: list[str] = []

        def tap(number: int) -> None:
            runs = (world.resile, other)[number % 2].runs
            begin.wait()
            try:
                begun.append(runs.run(world.id, "checkout", "wait", who=ANN).run_id)
            except (TransitionError, ConflictError) as error:
                refused.append(str(error))

        threads = [threading.Thread(target=tap, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (len(begun), len(refused)) == (1, 5)
        assert all("runs already" in why for why in refused)
        events = world.resile.timelines.read(world.id)
        assert sum(isinstance(event, StepBegan) for event in events) == 1
        # From whichever of the two it does not run on, too.
        world.resile.runs.stop(world.id, begun[0], who=BOB)
        other.runs.crew.wait(begun[0], 20)
        assert world.over(begun[0]).ended is not None
        other.runs.crew.stop()


def test_a_run_that_nobody_keeps_is_ended_as_unknown_and_not_run_again(world: World) -> None:
    resile = world.resile
    running = world.run("wait")
    world.clock.advance(timedelta(seconds=21))

    tick(world)

    ended = world.room.runs[running].ended
    assert ended is not None
    assert ended.outcome is StepOutcome.UNKNOWN
    assert "before you run it again" in ended.because
    # Whoever ran it after all says nothing more of it.
    resile.runs.crew.stop()
    assert resile.runs.crew.wait(running, 10)
    tick(world)
    assert [type(event) for event in resile.timelines.read(world.id)].count(StepEnded) == 1


def test_stopping_resile_ends_what_runs_and_says_so(world: World) -> None:
    running = world.run("wait")

    world.resile.runs.crew.stop()

    ended = world.room.runs[running].ended
    assert ended is not None
    assert (ended.outcome, ended.because) == (StepOutcome.STOPPED, "resile was stopped")
    with pytest.raises(ConflictError):
        world.run("restart")


def test_no_more_run_at_once_than_may(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    with opened(fresh_data(tmp_path), at_once=1) as world:
        world.write(PLAYBOOK)
        world.declare()
        world.run("wait")

        with pytest.raises(ConflictError, match="1 steps run already"):
            world.run("restart")
        assert len(world.room.runs) == 1


def test_a_rollback_undoes_a_change_once_and_verify_says_when_it_was_mitigated(world: World) -> None:
    changed = world.ran("restart")
    world.clock.advance(timedelta(minutes=1))

    verified = world.ran("ok")

    [told] = [event for event in world.resile.timelines.read(world.id) if isinstance(event, Mitigated)]
    assert verified.ended is not None
    assert (told.source, told.at) == (Source.MEASURED, verified.ended.at)
    undone = world.over(world.resile.runs.roll_back(world.id, changed.run_id, who=BOB).run_id)
    assert (undone.step, undone.rolls_back, undone.is_done) == ("undo", changed.run_id, True)
    with pytest.raises(TransitionError, match="nothing undoes"):
        world.resile.runs.roll_back(world.id, changed.run_id, who=BOB)


def test_a_dangerous_rollback_takes_two_people_and_is_offered_no_more(world: World) -> None:
    world.write(PLAYBOOK.replace("{name=undo risk=change", "{name=undo risk=danger"))
    world.resile.playbooks.open(world.id, "checkout", by="user:ann")
    changed = world.ran("restart")

    asked = world.resile.runs.roll_back(world.id, changed.run_id, who=ANN)
    world.resile.runs.agree(world.id, asked.run_id, who=BOB)

    assert world.over(asked.run_id).rolls_back == changed.run_id
    with pytest.raises(TransitionError, match="nothing undoes"):
        world.resile.runs.roll_back(world.id, changed.run_id, who=BOB)


def test_who_acknowledges_while_it_is_verified_keeps_nothing_from_being_measured(world: World) -> None:
    world.write(PLAYBOOK.replace("test -e", "until test -e $HOME/go; do sleep 0.05; done; test -e"))
    world.resile.playbooks.open(world.id, "checkout", by="user:ann")
    world.ran("restart")
    world.clock.advance(timedelta(minutes=1))
    verifying = world.run("ok")
    world.clock.advance(timedelta(minutes=1))
    command_incident(world.resile, world.id, Reach(InstantName.ACKNOWLEDGED), by="user:bob")
    (world.home / "go").touch()

    assert world.over(verifying).is_done
    assert mitigated(world)


def mitigated(world: World) -> bool:
    view = show_incident(world.resile, world.id)
    assert view is not None
    return view.instants.mitigated is not None


def test_verify_that_fails_says_nothing_of_mitigation(world: World) -> None:
    assert not world.ran("ok").is_done
    assert not mitigated(world)


def test_every_step_of_verify_has_to_pass_after_the_last_change(world: World) -> None:
    world.write(PLAYBOOK + "```sh {name=too risk=read timeout=5s}\ntrue\n```\n")
    world.resile.playbooks.open(world.id, "checkout", by="user:ann")
    world.ran("too")
    world.ran("restart")
    world.clock.advance(timedelta(minutes=1))

    world.ran("ok")

    assert not mitigated(world)
    world.ran("too")
    assert mitigated(world)


@pytest.mark.parametrize("exclusion", [Exclusion.DRILL, Exclusion.TEST])
def test_verify_of_a_drill_measures_nothing(world: World, exclusion: Exclusion) -> None:
    world.declare(exclusion=exclusion)
    world.ran("restart")

    world.ran("ok")

    assert not mitigated(world)


def test_what_people_said_of_mitigation_stays(world: World) -> None:
    command_incident(world.resile, world.id, Reach(InstantName.MITIGATED), by="user:bob")
    world.ran("restart")

    world.ran("ok")

    found = [event for event in world.resile.timelines.read(world.id) if isinstance(event, Mitigated)]
    assert [event.source for event in found] == [Source.HUMAN]


def test_nothing_runs_for_what_is_closed(world: World) -> None:
    for instant in (InstantName.RESTORED, InstantName.CLOSED):
        command_incident(world.resile, world.id, Reach(instant), by="user:ann")

    with pytest.raises(TransitionError, match="closed; reopen"):
        world.run("restart")


def test_inputs_that_are_missing_keep_only_steps_that_speak_of_them(world: World) -> None:
    world.declare("checkout", "basket")

    with pytest.raises(TransitionError, match="step look needs service"):
        world.run("look")
    assert world.ran("ask-later").is_done
    chosen = world.ran("look", inputs={"service": "basket"}).ended
    assert chosen is not None
    assert chosen.output == "looked at basket"


def test_secrets_reach_the_step_that_asks_and_no_timeline(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> None:
    secret = "hunter2-&/very secret"  # noqa: S105 - made for this
    body = """\
```sh {name=leak risk=read timeout=9s secrets=DEPLOY_KEY auto=no}
echo "$DEPLOY_KEY"; printf '%s' "$DEPLOY_KEY" | base64; printf 'user:%s' "$DEPLOY_KEY" | base64 -w 3
printf '%s' "$DEPLOY_KEY" | od -An -tx1 | tr -d ' \\n'; printf '%s' "$DEPLOY_KEY" | fold -w 2
```
```sh {name=none risk=read timeout=9s auto=no}
echo "[$DEPLOY_KEY]"
```
```sh {name=other risk=read timeout=9s secrets=NOT_SET auto=no}
true
```
"""
    with opened(fresh_data(tmp_path), secrets={"DEPLOY_KEY": secret}) as world:
        world.write(PLAYBOOK.replace("## Mitigation", body + "## Mitigation"))
        world.declare()

        leaked, none = world.ran("leak").ended, world.ran("none").ended

        assert leaked is not None
        assert none is not None
        assert leaked.output.count("[secret DEPLOY_KEY]") == 5
        squeezed = "".join(leaked.output.split())
        assert not any(part in squeezed for part in ("hunter", "very", "aHVudGVy", "68756e74"))
        assert none.output == "[]\n"
        with pytest.raises(TransitionError, match="secret NOT_SET, which is not set"):
            world.run("other")


def test_a_secret_that_a_step_lists_is_no_unknown_input() -> None:
    from resile.model.playbook_text import examine_playbook  # noqa: PLC0415 - beside its use

    body = "```http {name=x risk=change timeout=5s secrets=KEY}\nPOST https://a.example/$$x\nX: $KEY\n```\n"
    text = PLAYBOOK.replace("## Verify", body + "## Verify")

    assert examine_playbook("checkout", text).faults == ()
    [fault] = examine_playbook("checkout", text.replace(" secrets=KEY", "")).faults
    assert "$KEY, which is no input" in fault.what


def test_unknown_things_are_refused_with_a_sentence(world: World) -> None:
    runs = world.resile.runs
    for call in (
        lambda: runs.run("INC-99", "checkout", "look", who=ANN),
        lambda: runs.run(world.id, "nothing", "look", who=ANN),
        lambda: runs.run(world.id, "checkout", "no'; DROP", who=ANN),
        lambda: runs.agree(world.id, "none", who=ANN),
        lambda: runs.stop(world.id, "none", who=ANN),
        lambda: runs.roll_back(world.id, "none", who=ANN),
    ):
        with pytest.raises(ResileError, match="; "):
            call()
