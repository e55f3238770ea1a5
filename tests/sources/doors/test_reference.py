"""docs/reference/doors.md: its examples are run as they stand, and what their curl would send is understood."""

import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from resile.model.change import DeploymentReported, DeploymentStatus
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors import deployment, github, gitlab
from resile.sources.doors.registry import open_door
from tests.sources.doors.bodies import RECEIVED, delivery

PAGE = (Path(__file__).parents[3] / "docs/reference/doors.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sh\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
SECRET = "of-this-test"  # noqa: S105 - it opens nothing
KINDS = {
    "/api/v1/deployments": "deployment",
    "/doors/github": "github",
    "/doors/gitlab": "gitlab",
    "/doors/cdevents": "cdevents",
    "/v2/change/enqueue": "pagerduty_change",
}


class Request(msgspec.Struct):
    """What curl would send."""

    path: str
    headers: dict[str, str]
    body: bytes


def sent(example: str, folder: Path) -> Request:
    """Run an example in a shell whose curl writes down its arguments."""
    curl = folder / "curl"
    curl.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n", encoding="utf-8")
    curl.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "SECRET": SECRET, "TOKEN": SECRET}
    ran = subprocess.run(["bash", "-euo", "pipefail", "-c", example], env=environment, capture_output=True, check=True)
    arguments = iter(json.loads(ran.stdout))
    request = Request("", {}, b"")
    for argument in arguments:
        if argument == "-H":
            name, _, value = next(arguments).partition(": ")
            request.headers[name.lower()] = value
        elif argument in {"-d", "--json"}:
            request.body = next(arguments).encode()
            request.headers.setdefault("content-type", "application/json" if argument == "--json" else "form")
        else:
            request.path = urlsplit(argument).path
    return request


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_tells_of_a_deployment_to_production(example: str, tmp_path: Path) -> None:
    request = sent(example, tmp_path)
    kind = KINDS[request.path]

    said = open_door(kind, DoorOptions()).understand(delivery(kind, request.body, request.headers))

    last = said.reports[-1]
    assert isinstance(last, DeploymentReported)
    assert (last.service, last.environment, last.status) == ("shop", "production", DeploymentStatus.SUCCEEDED)
    assert last.recorded_at == RECEIVED
    assert last.version or last.sha


def test_every_door_has_an_example(tmp_path: Path) -> None:
    assert {KINDS[sent(example, tmp_path).path] for example in EXAMPLES} == set(KINDS.values())


def test_the_signature_of_the_example_is_right(tmp_path: Path) -> None:
    (request,) = (one for one in (sent(example, tmp_path) for example in EXAMPLES) if "x-github-event" in one.headers)

    right = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-hub-signature-256"] == f"sha256={right}"


def test_every_field_of_a_deployment_is_in_the_table() -> None:
    section = PAGE.partition("## A deployment in one line")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, flags=re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert documented == {field.name for field in msgspec.structs.fields(deployment.DeploymentBody)}


@pytest.mark.parametrize(("heading", "module"), [("GitHub", github), ("GitLab", gitlab)])
def test_every_event_that_is_understood_is_in_its_table(heading: str, module: object) -> None:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].casefold()
    door = module.open_door(DoorOptions())
    events = door._events if heading == "GitHub" else door._kinds
    # GitLab's note is a comment in its own words, too.
    words = (
        {"note": "comment", "merge_request": "merge request", "work_item": "work item"} if heading == "GitLab" else {}
    )

    assert [event for event in events if words.get(event, event) not in section] == []
