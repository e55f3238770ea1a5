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

from resile.model.alert import AlertState
from resile.model.change import DeploymentReported, DeploymentStatus
from resile.model.severity import ALIASES
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors import deployment, github, gitlab
from resile.sources.doors.json_fields import FIELDS
from resile.sources.doors.json_guess import NAMES
from resile.sources.doors.registry import kinds, open_door
from resile.sources.doors.severity_words import SEVERITY_WORDS
from tests.sources.doors.bodies import RECEIVED, delivery

PAGE = (Path(__file__).parents[3] / "docs/reference/doors.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sh\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
# Of each heading, the body under it.
ALERTS = [
    (section.partition("\n")[0], body)
    for section in PAGE.split("\n### ")[1:]
    for body in re.findall(r"^```json\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
]
ALERT_KINDS = {
    "Alertmanager": "alertmanager",
    "Prometheus": "prometheus",
    "Grafana": "grafana",
    "PagerDuty events": "pagerduty_events",
    "PagerDuty webhooks": "pagerduty_webhook",
    "Opsgenie": "opsgenie",
    "Datadog": "datadog",
    "Sentry": "sentry",
    "Statuspage": "statuspage",
    "CloudEvents of any type": "cloudevents",
    "JSON of any shape": "json",
    "Heartbeats": "heartbeat",
}
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


@pytest.mark.parametrize(("heading", "body"), ALERTS, ids=[heading for heading, _ in ALERTS])
def test_every_body_of_an_alert_is_understood_whole(heading: str, body: str) -> None:
    kind = ALERT_KINDS[heading]
    if kind == "datadog":
        body = body.replace("$TAGS", "service:checkout").replace("$ALERT_TRANSITION", "Triggered")
        body = re.sub(r"\$ALERT_PRIORITY", "P1", body).replace("$ALERT_TITLE", "Load").replace("$ALERT_CYCLE_KEY", "7")

    said = open_door(kind, DoorOptions()).understand(delivery(kind, body.encode()))

    if kind == "heartbeat":
        (beat,) = said.beats
        assert (beat.is_ok, beat.text) == (False, "Disk is full")
    elif said.incidents:
        (draft,) = said.incidents
        assert (draft.services, draft.origin) == (("checkout",), kind.removesuffix("_webhook"))
        assert draft.severity is not None
    else:
        (alert,) = said.alerts
        assert (alert.service, alert.state, alert.warnings) == ("checkout", AlertState.FIRING, ())
        assert alert.severity is not None


def test_every_kind_for_alerts_has_a_body() -> None:
    assert [heading for heading, _ in ALERTS] == list(ALERT_KINDS)
    assert set(kinds()) == {*KINDS.values(), *ALERT_KINDS.values()}


def test_every_word_for_a_severity_is_in_the_table() -> None:
    rows = dict(re.findall(r"^\| (SEV\d) \| (.+) \|$", PAGE, flags=re.MULTILINE))
    documented = {word.casefold(): row for row, words in rows.items() for word in re.findall(r"`(\w+)`", words)}

    assert {word: severity.value for word, severity in (SEVERITY_WORDS | ALIASES).items()}.items() <= documented.items()


def test_the_usual_names_are_those_of_the_table() -> None:
    section = PAGE.partition("### JSON of any shape")[2].partition("\nA way is")[0]
    documented = {word.replace("_", "") for row in section.splitlines()[4:] for word in re.findall(r"`(\w+)`", row)}

    assert {name for names in NAMES.values() for name in names} <= documented
    assert {field.replace("_", "") for field in FIELDS} <= documented
