"""CDEvents as CloudEvents in each mode, and bare."""

import base64
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from resile.model.change import DeploymentKind, DeploymentReported
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.sources.doors.cdevents import open_door
from tests.sources.doors.bodies import SHA, cdevent, cloud_event, delivery

STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
KIND = "dev.cdevents.service.deployed.0.2.0"
BINARY = {"ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "https://cd.acme.example/argocd", "ce-type": KIND}


def understood(body: Any, headers: dict[str, str] | None = None, **options: Any) -> Understood:
    return open_door(DoorOptions(**options)).understand(delivery("cdevents", body, headers))


def deployment(event: dict[str, Any], **options: Any) -> DeploymentReported:
    (report,) = understood(event, **options).reports
    assert isinstance(report, DeploymentReported)
    return report


def custom_event() -> dict[str, Any]:
    event = cdevent()
    event["context"]["type"] = "dev.cdeventsx.acme-build.created.0.1.0"
    return event


def test_a_deployed_service_is_a_deployment() -> None:
    report = deployment(cdevent())

    assert report.subject == "cdevents:https://cd.acme.example/argocd#e-1"
    assert report.at == datetime(2024, 3, 4, 10, 0, 0, 315384, tzinfo=UTC)
    assert (report.service, report.environment) == ("shop", "production")
    assert (report.version, report.sha) == (SHA, SHA)
    assert report.unplanned is None


def test_every_mode_says_the_same() -> None:
    event = cdevent()
    encoded = base64.b64encode(msgspec.json.encode(event)).decode()
    structured = cloud_event(event)
    in_base64 = {name: value for name, value in structured.items() if name != "data"} | {"data_base64": encoded}

    said = [
        understood(event),
        understood(structured, STRUCTURED),
        understood(structured),
        understood(in_base64, STRUCTURED),
        understood([structured], BATCH),
        understood(event, BINARY),
    ]

    assert len({one.reports for one in said}) == 1
    assert len(said[0].reports) == 1


def test_a_batch_is_one_whatever_headers_a_proxy_adds() -> None:
    batch = [cloud_event(cdevent(number="e-1")), cloud_event(cdevent(number="e-2"))]

    assert len(understood(batch, {**BATCH, "ce-via": "mesh"}).reports) == 2


@pytest.mark.parametrize(
    "kind",
    ["service.deployed.0.1.1", "service.upgraded.0.1.1", "service.deployed.0.2.0", "service.upgraded.0.3.0-draft"],
)
def test_every_version_of_the_type_is_understood(kind: str) -> None:
    assert deployment(cdevent(kind)).unplanned is None


def test_the_version_of_the_specification_may_be_called_either_way() -> None:
    event = cdevent()
    event["context"]["specversion"] = event["context"].pop("version")

    assert deployment(event).service == "shop"


def test_a_service_rolled_back_is_an_unplanned_deployment() -> None:
    assert deployment(cdevent("service.rolledback.0.2.0")).unplanned is DeploymentKind.ROLLBACK


@pytest.mark.parametrize(
    ("artifact", "version", "repo", "sha"),
    [
        ("pkg:oci/shop@sha256%3A0b31b1c02ff4", "sha256:0b31b1c02ff4", None, None),
        (f"pkg:github/acme/shop@{SHA}", SHA, "github.com/acme/shop", SHA),
        (
            f"pkg:oci/shop@1.4.2?vcs_url=git%2Bhttps%3A%2F%2Fgit.acme.example%2Facme%2Fshop.git%40{SHA}",
            "1.4.2",
            "git.acme.example/acme/shop",
            SHA,
        ),
        ("pkg:npm/%40acme/shop@1.4.2", "1.4.2", None, None),
        ("pkg:npm/@acme/shop@1.4.2", "1.4.2", None, None),
        ("pkg:npm/@acme/shop", None, None, None),
        (f"pkg:GitHub/acme/shop@{SHA}", SHA, "github.com/acme/shop", SHA),
        ("shop-1.4.2.whl", "shop-1.4.2.whl", None, None),
        ("pkg:oci/shop@1.4.2?" + "a=b&" * 40, "1.4.2", None, None),
        ("pkg:", None, None, None),
        (None, None, None, None),
    ],
)
def test_an_artifact_tells_version_repository_and_commit(
    artifact: str | None, version: str | None, repo: str | None, sha: str | None
) -> None:
    report = deployment(cdevent(artifactId=artifact))

    assert (report.version, report.repo, report.sha) == (version, repo, sha)


def test_the_service_is_what_the_options_say() -> None:
    assert deployment(cdevent(), services={"service/shop": "checkout"}).service == "checkout"
    assert deployment(cdevent(artifactId="pkg:oci/cart@1"), services={"cart": "checkout"}).service == "checkout"


def test_two_deployments_of_a_batch_are_two() -> None:
    batch = [
        cloud_event(cdevent(number="e-1")),
        cloud_event(cdevent("incident.detected.0.2.0", number="e-2")),
        cloud_event(cdevent(number="e-3")),
    ]

    said = understood(batch, BATCH)

    assert [report.ref.rpartition("#")[2] for report in said.reports] == ["e-1", "e-3"]
    assert said.unmapped is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (cdevent("incident.escalated.0.2.0"), "incident escalated"),
        (cdevent("service.removed.0.2.0"), "service removed"),
        (cdevent("pipelinerun.finished.0.2.0"), "pipelinerun finished"),
        (cloud_event(cdevent(), type="com.example.other"), "com.example.other"),
        ([], "empty batch"),
        (custom_event(), "dev.cdeventsx.acme-build.created.0.1.0"),
        (cloud_event(cdevent(), type="com.example.other", datacontenttype="image/png", data_base64="/w=="), "other"),
    ],
)
def test_what_is_no_deployment_is_said_in_a_sentence(body: Any, words: str) -> None:
    said = understood(body)

    assert said.reports == ()
    assert words in (said.unmapped or "")


def test_a_foreign_event_in_binary_mode_may_carry_anything() -> None:
    headers = {**BINARY, "ce-type": "com.example.other", "content-type": "text/plain"}

    assert understood(b"hello", headers).unmapped


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (cdevent(environment=None), {}, "subject.content.environment is missing"),
        (cdevent(environment={"source": "x"}), {}, "subject.content.environment.id is missing"),
        (
            [cloud_event(cdevent()), cloud_event(cdevent(environment={"id": ""}))],
            BATCH,
            "[1].data.subject.content.environment.id is empty",
        ),
        (cloud_event(cdevent(), specversion="0.3"), STRUCTURED, "specversion is '0.3'"),
        (cloud_event(cdevent(), source=None), STRUCTURED, "source is missing"),
        (cdevent("service.deployed"), {}, "context.type is 'dev.cdevents.service.deployed'"),
        (cloud_event(cdevent()), BATCH, "the content type says a batch"),
        (cdevent(), {"ce-id": "1"}, "headers.specversion is missing"),
        ({}, {}, "context.type is missing"),
        (b"7", {}, "neither an event nor a list"),
        ([7], BATCH, "[0] is a number, not an event"),
        (cloud_event(cdevent()) | {"data_base64": "%"}, STRUCTURED, "data_base64 is no base64"),
    ],
)
def test_bad_input_is_refused_with_its_place(body: Any, headers: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        understood(body, headers)

    assert words in str(refused.value)
    assert ";" in str(refused.value)
