"""Whatever is sent to the API, as its description allows or otherwise, is answered as it says, never with a fault."""

from collections.abc import Iterator

import numpy as np
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from requests import Request
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from resile.app.access import LOCAL
from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.model.catalog import Kind
from resile.model.draft import incident_id_of
from resile.model.history import record_history
from resile.ports.timeline_store import Append
from resile.testing.history import simulated_year
from resile.testing.simulated_clock import SimulatedClock
from resile.web.server import create_app

from .conftest import NOW, PASSWORDS
from .visitor import ORIGIN, Visitor

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    ("GET", "/api/v1/report/restore"),
    ("GET", "/api/v1/report/trend"),
    ("GET", "/api/v1/report/dora"),
    ("POST", "/api/v1/deployments"),
    ("GET", "/api/v1/journal"),
    ("GET", "/api/v1/doors"),
    ("POST", "/api/v1/doors"),
    ("DELETE", "/api/v1/doors/{door}"),
    ("POST", "/api/v1/doors/{door}/test"),
    ("GET", "/api/v1/report/phases"),
    ("GET", "/api/v1/report/compare"),
    ("GET", "/api/v1/report/what-if"),
    ("GET", "/api/v1/report/survival"),
    ("GET", "/api/v1/incidents"),
    ("POST", "/api/v1/incidents"),
    ("GET", "/api/v1/incidents/{incident_id}"),
    ("GET", "/api/v1/incidents/{incident_id}/timeline"),
    ("GET", "/api/v1/incidents/{incident_id}/pictures"),
    ("POST", "/api/v1/incidents/{incident_id}/pictures"),
    ("GET", "/api/v1/incidents/{incident_id}/playbooks"),
    ("POST", "/api/v1/incidents/{incident_id}/playbooks"),
    ("GET", "/api/v1/playbooks"),
    ("GET", "/api/v1/playbooks/{name}"),
    ("POST", "/api/v1/playbooks/lint"),
    ("GET", "/api/v1/incidents/{incident_id}/room"),
    ("POST", "/api/v1/incidents/{incident_id}/roles"),
    ("DELETE", "/api/v1/incidents/{incident_id}/roles/{role}/{person}"),
    ("POST", "/api/v1/incidents/{incident_id}/tasks"),
    ("PATCH", "/api/v1/incidents/{incident_id}/tasks/{task_id}"),
    ("POST", "/api/v1/incidents/{incident_id}/notes"),
    ("PATCH", "/api/v1/incidents/{incident_id}/notes/{note_id}"),
    ("POST", "/api/v1/incidents/{incident_id}/evidence"),
    ("POST", "/api/v1/incidents/{incident_id}/withdraw"),
    ("POST", "/api/v1/incidents/{incident_id}/call-in"),
    ("GET", "/api/v1/incidents/{incident_id}/export"),
    ("GET", "/api/v1/incidents/{incident_id}/alerts"),
    ("GET", "/api/v1/incidents/{incident_id}/deployments"),
    ("POST", "/api/v1/incidents/{incident_id}/commands"),
    ("POST", "/api/v1/incidents/{incident_id}/chat"),
    ("POST", "/api/v1/imports"),
    ("GET", "/api/v1/oncall"),
    ("GET", "/api/v1/oncall.ics"),
    ("GET", "/api/v1/feeds"),
    ("POST", "/api/v1/feeds"),
    ("DELETE", "/api/v1/feeds/{of}/{name}"),
    ("GET", "/api/v1/oncall/{schedule}"),
    ("POST", "/api/v1/oncall/{schedule}/overrides"),
    ("DELETE", "/api/v1/oncall/overrides/{override_id}"),
    ("GET", "/api/v1/catalog"),
    ("GET", "/api/v1/catalog/warnings"),
    ("GET", "/api/v1/catalog/{kind}/{name}"),
    ("PUT", "/api/v1/catalog/{kind}/{name}"),
    ("DELETE", "/api/v1/catalog/{kind}/{name}"),
    ("GET", "/api/v1/contacts/{person}"),
    ("POST", "/api/v1/contacts/{person}/{contact}/code"),
    ("POST", "/api/v1/contacts/{person}/{contact}/verify"),
    ("GET", "/api/v1/now"),
    ("GET", "/api/v1/stream"),
    ("POST", "/api/v1/pages"),
    ("GET", "/api/v1/incidents/{incident_id}/pages"),
    ("POST", "/api/v1/incidents/{incident_id}/acknowledge"),
    ("POST", "/api/v1/incidents/{incident_id}/escalate"),
    ("GET", "/api/v1/incidents/{incident_id}/steps"),
    ("POST", "/api/v1/incidents/{incident_id}/steps/{step}/run"),
    ("POST", "/api/v1/incidents/{incident_id}/steps/runs/{run_id}/agree"),
    ("POST", "/api/v1/incidents/{incident_id}/steps/runs/{run_id}/refuse"),
    ("POST", "/api/v1/incidents/{incident_id}/steps/runs/{run_id}/stop"),
    ("POST", "/api/v1/incidents/{incident_id}/steps/runs/{run_id}/roll-back"),
    ("GET", "/api/v1/alerts"),
    ("GET", "/api/v1/alerts/{alert_id}"),
    ("GET", "/api/v1/silences"),
    ("POST", "/api/v1/silences"),
    ("GET", "/api/v1/silences/{silence_id}"),
    ("DELETE", "/api/v1/silences/{silence_id}"),
    ("GET", "/api/v1/incidents/{incident_id}/updates"),
    ("GET", "/api/v1/incidents/{incident_id}/updates/prepared"),
    ("POST", "/api/v1/incidents/{incident_id}/updates"),
    ("PUT", "/api/v1/incidents/{incident_id}/updates/{draft_id}"),
    ("POST", "/api/v1/incidents/{incident_id}/updates/{draft_id}/agree"),
    ("POST", "/api/v1/incidents/{incident_id}/updates/{draft_id}/publish"),
    ("POST", "/api/v1/incidents/{incident_id}/updates/{draft_id}/drop"),
    ("POST", "/api/v1/incidents/{incident_id}/updates/{draft_id}/correct"),
    ("POST", "/api/v1/incidents/{incident_id}/updates/{draft_id}/retract"),
    ("DELETE", "/api/v1/incidents/{incident_id}/updates/promises/{audience}"),
    ("GET", "/api/v1/maintenance"),
    ("POST", "/api/v1/maintenance"),
    ("GET", "/api/v1/maintenance/{window_id}"),
    ("PATCH", "/api/v1/maintenance/{window_id}"),
    ("POST", "/api/v1/maintenance/{window_id}/finish"),
    ("DELETE", "/api/v1/maintenance/{window_id}"),
    ("GET", "/api/v1/subscribers"),
    ("DELETE", "/api/v1/subscribers/{subscriber_id}"),
    ("GET", "/api/v1/accounts/changes"),
    ("GET", "/api/v1/doctor"),
    ("GET", "/api/v1/version"),
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("schema")
    with open_resile(Settings(data=folder), clock=SimulatedClock(NOW)) as resile:
        drafts = simulated_year(NOW, np.random.default_rng(2), n=40)
        resile.timelines.append(
            [
                Append(incident_id_of(one.origin, one.ref), 0, tuple(record_history(one, [], now=NOW, by="import:x")))
                for one in drafts
            ]
        )
        rotation = {"name": "primary", "starts": "2024-01-01 09:00", "every": "week", "people": ["ann"]}
        documents = {
            (Kind.PERSON, "ann"): (
                {"contacts": [{"name": "mail", "channel": "email", "address": "ann@example.org"}]},
                "",
            ),
            (Kind.PLAYBOOK, "ann"): ({"text": "---\nplaybook: ann\n---\n# What ann does\n"}, ""),
            (Kind.SCHEDULE, "payments"): ({"zone": "Europe/Berlin", "layers": [rotation]}, ""),
        }
        resile.catalog.apply(LOCAL, resile.catalog.changes_to(documents))
        yield create_app(resile, passwords=PASSWORDS)


@pytest.fixture(scope="module")
def program(app: FastAPI) -> Visitor:
    found = Visitor(app).set_up().program("read", "write", "admin")
    assert found.client.post("/api/v1/incidents", json={"title": "Checkout fails"}).status_code == 201
    return found


def test_the_description_names_every_operation(app: FastAPI) -> None:
    document = app.openapi()
    found = {(method.upper(), path.replace(":path", "")) for path, item in document["paths"].items() for method in item}

    assert found == set(OPERATIONS)


# Of what is known: of made-up names nearly every answer would be 404.
KNOWN = {
    "incident_id": "INC-1", "schedule": "payments", "override_id": "o1", "kind": "person", "name": "ann",
    "person": "ann", "contact": "mail", "door": "github", "of": "person",
    "alert_id": "a1", "silence_id": "s1", "step": "restart", "run_id": "r1", "role": "commander",
    "task_id": "t1", "note_id": "n1",
    "draft_id": "d1", "audience": "customers", "window_id": "w1", "subscriber_id": "s1",
}  # fmt: skip
# They take nothing that could be wrong.
WITHOUT_WORDS = {
    ("GET", "/api/v1/incidents/{incident_id}/playbooks"),
    ("GET", "/api/v1/incidents/{incident_id}/room"),
    ("GET", "/api/v1/incidents/{incident_id}/alerts"),
    ("GET", "/api/v1/incidents/{incident_id}/deployments"),
    ("GET", "/api/v1/incidents/{incident_id}/pictures"),
    ("GET", "/api/v1/incidents/{incident_id}"),
    ("GET", "/api/v1/version"),
    ("GET", "/api/v1/doors"),
    ("GET", "/api/v1/doors/{door}"),
    ("DELETE", "/api/v1/doors/{door}"),
    ("GET", "/api/v1/feeds"),
    ("DELETE", "/api/v1/feeds/{of}/{name}"),
    ("GET", "/api/v1/catalog"),
    ("GET", "/api/v1/catalog/{kind}/{name}"),
    ("DELETE", "/api/v1/oncall/overrides/{override_id}"),
    ("GET", "/api/v1/catalog/warnings"),
    ("GET", "/api/v1/contacts/{person}"),
    ("POST", "/api/v1/contacts/{person}/{contact}/code"),
    ("GET", "/api/v1/doctor"),
    ("GET", "/api/v1/now"),
    ("GET", "/api/v1/incidents/{incident_id}/pages"),
    ("POST", "/api/v1/incidents/{incident_id}/acknowledge"),
    ("POST", "/api/v1/incidents/{incident_id}/escalate"),
    ("GET", "/api/v1/incidents/{incident_id}/steps"),
    ("POST", "/api/v1/incidents/{incident_id}/steps/runs/{run_id}/agree"),
    ("POST", "/api/v1/incidents/{incident_id}/steps/runs/{run_id}/refuse"),
    ("POST", "/api/v1/incidents/{incident_id}/steps/runs/{run_id}/stop"),
    ("POST", "/api/v1/incidents/{incident_id}/steps/runs/{run_id}/roll-back"),
    ("POST", "/api/v1/incidents/{incident_id}/chat"),
    ("GET", "/api/v1/alerts/{alert_id}"),
    ("GET", "/api/v1/silences/{silence_id}"),
    ("DELETE", "/api/v1/silences/{silence_id}"),
    ("GET", "/api/v1/incidents/{incident_id}/updates"),
    ("POST", "/api/v1/incidents/{incident_id}/updates/{draft_id}/agree"),
    ("POST", "/api/v1/incidents/{incident_id}/updates/{draft_id}/publish"),
    ("DELETE", "/api/v1/incidents/{incident_id}/updates/promises/{audience}"),
    ("GET", "/api/v1/maintenance/{window_id}"),
    ("POST", "/api/v1/maintenance/{window_id}/finish"),
    ("DELETE", "/api/v1/maintenance/{window_id}"),
    ("DELETE", "/api/v1/subscribers/{subscriber_id}"),
}
CASES = [
    (*operation, mode)
    for operation in OPERATIONS
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # A stream goes on for as long as it is asked to; test_live.py listens to it.
    if operation[1] != "/api/v1/stream" and (mode is GenerationMode.POSITIVE or operation not in WITHOUT_WORDS)
]


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_an_operation_keeps_to_its_description(
    app: FastAPI, program: Visitor, method: str, path: str, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(app.openapi())
    operation = schema[path][method]
    path_parameters = {name: value for name, value in KNOWN.items() if f"{{{name}}}" in path} or None

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=path_parameters))
    def probe(case: schemathesis.Case) -> None:
        request = Request(**case.as_transport_kwargs(base_url=ORIGIN)).prepare()
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
        answer = program.client.request(request.method, request.url, headers=headers, content=request.body)
        case.validate_response(answer, checks=CHECKS)

    probe()


@pytest.mark.parametrize(
    "incident_id", ["NOPE", "a/b", "a%2Fb", "%00", "x" * 5_000, "%F0%9F%A6%86", "..", "%2e%2e", "INC-1/"]
)
@pytest.mark.parametrize("tail", ["", "/timeline"])
def test_an_incident_that_is_not_known_is_not_found_whatever_its_name(
    program: Visitor, incident_id: str, tail: str
) -> None:
    answer = program.get(f"/api/v1/incidents/{incident_id}{tail}")

    assert answer.status_code in ({400} if "%00" in incident_id else {404, 307})
    if answer.status_code != 307:
        assert answer.headers["content-type"] == "application/problem+json"
