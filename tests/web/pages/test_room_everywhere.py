"""What can be done on an incident's page can be done from the terminal and by REST."""

from fastapi import APIRouter
from typer.main import get_command

from resile.app.wiring import Resile
from resile.cli.main import app as program
from resile.web.pages import actions, paging, playbook_part, room_actions, update_actions

from .conftest import browser_of

ROUTERS: tuple[APIRouter, ...] = (
    actions.router,
    room_actions.router,
    paging.router,
    playbook_part.router,
    update_actions.router,
)
# Each form of the page: the command, with the options that it takes for that, and the operation.
COMMANDS, UPDATES, RUNS = "POST commands", "POST updates", "POST steps/runs/{run_id}"
ALSO: dict[str, tuple[str, str]] = {
    "reach": ("incident detect --at", COMMANDS),
    "reopen": ("incident reopen --reason", COMMANDS),
    "severity": ("incident severity", COMMANDS),
    "describe": ("incident describe --title --service --team", COMMANDS),
    "mark": ("incident mark --reason", COMMANDS),
    "merge": ("incident merge --apart", COMMANDS),
    "correct": ("incident correct --to --never", COMMANDS),
    "note": ("incident note --picture", "POST notes"),
    "note/edit": ("incident edit-note", "PATCH notes/{note_id}"),
    "role": ("incident role", "POST roles"),
    "role/lay-down": ("incident role --lay-down", "DELETE roles/{role}/{person}"),
    "task": ("incident task --owner", "POST tasks"),
    "task/change": ("incident task --id --done --drop --open", "PATCH tasks/{task_id}"),
    "evidence": ("incident evidence --url --log --picture", "POST evidence"),
    "call-in": ("incident call-in --because", "POST call-in"),
    "withdraw": ("incident withdraw --reason", "POST withdraw"),
    "paging/acknowledge": ("incident ack", "POST acknowledge"),
    "paging/escalate": ("incident escalate", "POST escalate"),
    "paging/restore": ("incident restore", COMMANDS),
    "paging/also": ("incident call-in", "POST call-in"),
    "step/run": ("playbook run --incident --step --input", "POST steps/{step}/run"),
    # The terminal knows no accounts, and a second person has one.
    "step/agree": ("", f"{RUNS}/agree"),
    "step/refuse": ("incident step --refuse", f"{RUNS}/refuse"),
    "step/stop": ("incident step --stop", f"{RUNS}/stop"),
    "step/roll-back": ("incident step --undo", f"{RUNS}/roll-back"),
    "update/draft": ("incident update --audience --phase", UPDATES),
    "update/edit": ("incident update --draft --publish --title --next", "PUT updates/{draft_id}"),
    "update/agree": ("incident update --draft --agree", "POST updates/{draft_id}/agree"),
    "update/drop": ("incident update --draft --drop", "POST updates/{draft_id}/drop"),
    "update/correct": ("incident update --correct --reason", "POST updates/{draft_id}/correct"),
    "update/retract": ("incident update --retract --reason", "POST updates/{draft_id}/retract"),
    "update/withdraw": ("incident update --audience --withdraw", "DELETE updates/promises/{audience}"),
}


def test_every_form_of_the_page_is_known_here() -> None:
    forms = {route.path.removeprefix("/do/") for router in ROUTERS for route in router.routes}  # type: ignore[attr-defined]

    assert forms == set(ALSO)


def options_of(command: str) -> set[str]:
    """What a command takes; nothing is taken by none."""
    found = get_command(program)
    for name in command.split():
        found = found.commands[name]  # type: ignore[attr-defined]
    return {option for parameter in found.params for option in parameter.opts}


def test_each_form_has_its_command_and_its_operation(empty: Resile) -> None:
    described = browser_of(empty).get("/api/v1/openapi.json").json()["paths"]

    for form, (command, operation) in ALSO.items():
        name, *options = command.split(" --")
        method, path = operation.split()
        assert {f"--{option}" for option in options} <= options_of(name), form
        assert method.lower() in described[f"/api/v1/incidents/{{incident_id}}/{path}"], form
