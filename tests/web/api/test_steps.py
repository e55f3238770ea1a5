"""Steps of a playbook by REST and on an incident's page: who may, what is shown, and that nothing in it is believed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from resile.web.server import create_app
from tests.app.runs.world import PLAYBOOK, World, opened

from .conftest import PASSWORDS
from .visitor import Visitor

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"
STEPS = "/api/v1/incidents/INC-1/steps"


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with opened(fresh_data(tmp_path)) as made:
        made.write(PLAYBOOK)
        made.declare()
        yield made


@pytest.fixture
def app(world: World) -> FastAPI:
    return create_app(world.resile, passwords=PASSWORDS)


def test_steps_are_run_by_rest_and_shown_with_their_output(app: FastAPI, world: World) -> None:
    program = Visitor(app).set_up().program("read", "write")

    begun = program.client.post(f"{STEPS}/restart/run", json={"number": 1})

    assert begun.status_code == 202
    world.over(begun.json()["run_id"])
    shown = program.get(STEPS).json()
    step = next(one for one in shown["steps"] if one["name"] == "restart")
    assert (step["last"]["state"], step["last"]["output"], step["last"]["undone_by"]) == ("done", "restarted", "undo")
    assert [one["name"] for one in shown["steps"] if one["is_next"]] == ["ok"]
    assert shown["inputs"] == [{"name": "service", "value": "checkout", "because": "", "choices": []}]
    undone = program.client.post(f"{STEPS}/runs/{begun.json()['run_id']}/roll-back")
    assert world.over(undone.json()["run_id"]).step == "undo"


def test_a_token_neither_asks_for_danger_nor_agrees(app: FastAPI, world: World) -> None:
    program = Visitor(app).set_up().program("read", "write")

    refused = program.client.post(f"{STEPS}/wipe/run", json={})
    unknown = program.client.post(f"{STEPS}/runs/none/agree")

    assert (refused.status_code, unknown.status_code) == (409, 409)
    assert "two people with accounts" in refused.text


def test_what_is_not_there_is_not_found(app: FastAPI) -> None:
    program = Visitor(app).set_up().program("read", "write")

    assert program.get("/api/v1/incidents/INC-9/steps").status_code == 404
    assert program.client.post("/api/v1/incidents/INC-9/steps/restart/run", json={}).status_code == 404
    assert program.client.post(f"{STEPS}/restart/run", json={"number": 7}).status_code == 409
    assert program.client.post(f"{STEPS}/restart/run", json={"shell": "rm"}).status_code == 400


def test_a_viewer_runs_nothing(app: FastAPI, world: World) -> None:
    viewer = Visitor(app).set_up().new_user("vic", "viewer")

    page = viewer.get("/incidents/INC-1").text
    refused = viewer.send("/do/step/run", seen_on="/settings", incident_id="INC-1", playbook="checkout", number="1",
                          step="restart")  # fmt: skip

    assert "/do/step/" not in page
    assert refused.status_code == 403
    assert not world.room.runs


def test_danger_on_the_page_takes_two_people(app: FastAPI, world: World) -> None:
    ann = Visitor(app).set_up()
    bob = ann.new_user("bob", "editor")
    page, tap = "/incidents/INC-1", {"incident_id": "INC-1", "playbook": "checkout", "number": "1"}

    asked = ann.send("/do/step/run", seen_on=page, **tap, step="wipe")
    [run] = world.room.runs.values()
    mine = ann.get(page).text
    own = ann.send("/do/step/agree", seen_on=page, incident_id="INC-1", run_id=run.run_id)

    assert (asked.status_code, own.status_code) == (303, 409)
    assert "was asked for by you; a second person has to agree" in own.text
    assert 'action="/do/step/agree"' not in mine
    assert 'action="/do/step/agree"' in bob.get(page).text
    agreed = bob.send("/do/step/agree", seen_on=page, incident_id="INC-1", run_id=run.run_id)
    assert agreed.status_code == 303
    assert world.over(run.run_id).agreed == ("ann", "bob")
    assert "ann and bob" in ann.get(page).text


def test_what_a_step_writes_is_shown_as_text(app: FastAPI, world: World) -> None:
    world.write(PLAYBOOK.replace("printf restarted", f"printf '%s' '{HOSTILE}'"))
    world.resile.playbooks.open("INC-1", "checkout", by="user:ann")
    world.ran("restart")

    page = Visitor(app).get("/incidents/INC-1").text

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_form_from_elsewhere_runs_nothing(app: FastAPI, world: World) -> None:
    answer = Visitor(app).client.post(
        "/do/step/run", data={"incident_id": "INC-1", "playbook": "checkout", "number": "1", "step": "restart"}
    )

    assert answer.status_code == 403
    assert not world.room.runs


def test_what_is_chosen_on_the_page_is_what_the_step_is_given(app: FastAPI, world: World) -> None:
    world.declare("checkout", "basket")
    visitor = Visitor(app)
    tap = {"incident_id": world.id, "playbook": "checkout", "number": "1", "step": "look"}

    assert 'name="input-service"' in visitor.get(f"/incidents/{world.id}").text
    invented = visitor.send("/do/step/run", seen_on=f"/incidents/{world.id}", **tap, **{"input-service": "$(reboot)"})
    chosen = visitor.send("/do/step/run", seen_on=f"/incidents/{world.id}", **tap, **{"input-service": "basket"})

    assert (invented.status_code, chosen.status_code) == (409, 303)
    [run] = world.room.runs.values()
    assert dict(world.over(run.run_id).inputs) == {"service": "basket"}
