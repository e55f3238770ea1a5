"""Deployments in resile's own words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from resile.model.change import Deployment, DeploymentKind, DeploymentReported, DeploymentStatus, fold_deployment
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.deployment import open_door
from tests.sources.doors.bodies import RECEIVED, SHA, delivery


def reports(body: Any, name: str = "d-1") -> list[DeploymentReported]:
    said = open_door(DoorOptions()).understand(delivery("deployment", body, name=name))
    return [report for report in said.reports if isinstance(report, DeploymentReported)]


def folded(*bodies: Any) -> Deployment:
    deployment = fold_deployment([report for body in bodies for report in reports(body)])
    assert deployment is not None
    return deployment


def test_a_service_alone_is_a_deployment_to_production_now() -> None:
    deployment = folded({"service": "team/shop"})

    assert deployment.id == "api:d-1"
    assert (deployment.service, deployment.environment) == ("team/shop", "production")
    assert (deployment.status, deployment.deployed_at) == (DeploymentStatus.SUCCEEDED, RECEIVED)


def test_everything_that_can_be_told_is_kept() -> None:
    deployment = folded(
        {
            "service": "shop",
            "environment": "Prod",
            "version": "1.4.2",
            "repo": "git@github.com:acme/shop.git",
            "sha": SHA.upper(),
            "status": "succeeded",
            "at": "2024-03-04T12:10:00+02:00",
            "started_at": "2024-03-04T10:05:00Z",
            "unplanned": "hotfix",
            "caused": ["INC-7", "INC-7"],
            "mends": "INC-6",
            "url": "https://ci.acme.example/5",
            "title": "Cart in two steps",
            "id": "run-5",
        }
    )

    assert deployment.id == "api:run-5"
    assert (deployment.environment, deployment.version) == ("production", "1.4.2")
    assert (deployment.repo, deployment.sha) == ("github.com/acme/shop", SHA)
    assert deployment.started_at == datetime(2024, 3, 4, 10, 5, tzinfo=UTC)
    assert deployment.deployed_at == datetime(2024, 3, 4, 10, 10, tzinfo=UTC)
    assert (deployment.unplanned, deployment.mends) == (DeploymentKind.HOTFIX, "INC-6")
    assert [(link.incident_id, link.is_cause) for link in deployment.links] == [("INC-7", True)]


def test_told_twice_under_one_id_it_is_one_deployment() -> None:
    begun = {"service": "shop", "id": "run-5", "status": "running", "at": "2024-03-04T10:05:00Z"}
    done = {"service": "shop", "id": "run-5", "at": "2024-03-04T10:10:00Z"}

    assert folded(begun, done) == folded(done, begun)
    assert folded(begun, done).status is DeploymentStatus.SUCCEEDED
    assert [one.id for one in reports(done)] == [one.id for one in reports(done, name="d-2")]


def test_without_an_id_every_sending_is_a_deployment_of_its_own() -> None:
    assert {reports({"service": "shop"}, name=name)[0].subject for name in ("d-1", "d-2")} == {"api:d-1", "api:d-2"}


def test_a_report_says_whose_token_told_of_it() -> None:
    sent = delivery("deployment", {"service": "shop"}, {"x-resile-by": "token:ci"})

    assert [report.by for report in open_door(DoorOptions()).understand(sent).reports] == ["token:ci"]
    assert [report.by for report in reports({"service": "shop"})] == ["door:deployment"]


def test_a_null_is_a_field_that_is_not_told() -> None:
    assert folded({"service": "shop", "environment": None, "status": None, "caused": None}).environment == "production"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "deployment: service is missing; say what was deployed"),
        ({"service": None}, "deployment: service is missing; say what was deployed"),
        ({"service": ""}, "deployment: service is empty; fill it in"),
        ({"service": 7}, "deployment: service is not a text; write it as one"),
        ({"service": "shop", "caused": "INC-7"}, "deployment: caused is not a list of texts; write it as one"),
        ({"service": "shop", "caused": [7]}, "deployment: caused[0] is not a text; write it as one"),
        ({"service": "shop", "environment": ""}, "deployment: environment is empty; fill it in"),
        ({"service": "shop", "enviroment": "x"}, "deployment: 'enviroment' is unknown; did you mean environment?"),
        (
            {"service": "shop", "status": "success"},
            "deployment: status is 'success', which is unknown; did you mean succeeded?",
        ),
        ({"service": "shop", "status": 1}, "deployment: status is not a text; write it as one"),
        (
            {"service": "shop", "unplanned": "yes"},
            "deployment: unplanned is 'yes', which is unknown; use rollback, hotfix, revert",
        ),
        (
            {"service": "shop", "sha": "a3f0a3f"},
            "deployment: sha is 'a3f0a3f', no full id of a commit; give what git rev-parse HEAD says",
        ),
        ({"service": "shop", "repo": "https://["}, "deployment: repo is 'https://[', no repository; write it as"),
        ({"service": "shop", "url": "javascript:alert(1)"}, "no http or https address; correct it"),
        ({"service": "shop", "at": "noon"}, "deployment: at is 'noon', no time from 1900 to 2200"),
        (
            {"service": "shop", "at": "2024-03-04T10:00:00Z", "started_at": "2024-03-04T11:00:00Z"},
            "deployment: started_at lies after at; swap them",
        ),
        (
            {"service": "shop", "at": "2024-03-06T10:00:00Z"},
            "deployment: at lies in the future; correct the clock, or leave",
        ),
        ({"service": "shop", "id": ""}, "deployment: id is empty; fill it in"),
        (b"service=shop", "deployment: the body is malformed JSON at line 1, column 1"),
        ([], "deployment: the body is a list, not an object; send one JSON object"),
    ],
)
def test_bad_input_gets_one_sentence_that_names_the_field(body: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        reports(body)

    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
