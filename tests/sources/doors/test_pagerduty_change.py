"""PagerDuty's change events, in the shape of Events v2."""

from datetime import UTC, datetime
from typing import Any

import pytest

from resile.model.change import DeploymentReported, DeploymentStatus, encode_report
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.pagerduty_change import open_door
from tests.sources.doors.bodies import RECEIVED, SHA, change_event, delivery


def deployment(body: dict[str, Any], **options: Any) -> DeploymentReported:
    (report,) = open_door(DoorOptions(**options)).understand(delivery("pagerduty_change", body)).reports
    assert isinstance(report, DeploymentReported)
    return report


def test_a_change_event_is_a_deployment() -> None:
    report = deployment(change_event())

    assert report.at == datetime(2024, 3, 4, 10, 0, 0, 315000, tzinfo=UTC)
    assert (report.service, report.environment) == ("shop", "production")
    assert (report.version, report.sha, report.repo) == ("1.4.2", SHA, "github.com/acme/shop")
    assert (report.title, report.url) == ("Deployed shop 1.4.2", "https://ci.acme.example/5")
    assert report.status is DeploymentStatus.SUCCEEDED


def test_the_routing_key_is_kept_nowhere_and_names_nothing() -> None:
    body = change_event()
    other = body | {"routing_key": "ffffffffffffffffffffffffffffffff"}

    assert body["routing_key"].encode() not in encode_report(deployment(body))
    assert deployment(body) == deployment(other)


def test_without_details_the_source_is_the_service() -> None:
    report = deployment(change_event(custom_details=None, timestamp=None))

    assert (report.service, report.environment) == ("ci.acme.example", "production")
    assert (report.at, report.version) == (RECEIVED, None)
    assert deployment(change_event(custom_details=None), services={"ci.acme.example": "shop"}).service == "shop"
    assert deployment(change_event(custom_details={"repo": "acme/shop"})).service == "shop"


def test_two_alike_are_one_where_they_tell_their_time_and_else_two() -> None:
    door = open_door(DoorOptions())

    def subjects(body: dict[str, Any]) -> set[str]:
        sent = [delivery("pagerduty_change", body, name=name) for name in ("d-1", "d-2")]
        return {report.subject for one in sent for report in door.understand(one).reports}

    assert len(subjects(change_event())) == 1
    assert len(subjects(change_event(timestamp=None))) == 2


def test_a_build_that_failed_was_not_deployed() -> None:
    details = {"build_state": "failed", "revision": "r7", "status": {"nested": "is left"}}

    report = deployment(change_event(custom_details=details))

    assert (report.status, report.version, report.sha) == (DeploymentStatus.FAILED, "r7", None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("ABORTED", DeploymentStatus.CANCELLED),
        ("canceled", DeploymentStatus.CANCELLED),
        ("FAILURE", DeploymentStatus.FAILED),
        ("unstable", DeploymentStatus.SUCCEEDED),
        ("started", DeploymentStatus.RUNNING),
        ("in_progress", DeploymentStatus.RUNNING),
        ("active", DeploymentStatus.SUCCEEDED),
    ],
)
def test_how_it_went_is_said_in_the_details(word: str, status: DeploymentStatus) -> None:
    assert deployment(change_event(custom_details={"build_state": word})).status is status


def test_an_alert_is_no_change() -> None:
    body = {"routing_key": "k", "event_action": "trigger", "payload": {"summary": "x", "severity": "error"}}

    assert open_door(DoorOptions()).understand(delivery("pagerduty_change", body)).unmapped


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"routing_key": "k"}, "payload is missing"),
        (change_event(summary=""), "payload.summary is empty"),
        (change_event(timestamp="soon"), "payload.timestamp is 'soon'"),
        (change_event() | {"links": "x"}, "links is a text, not a list"),
    ],
)
def test_bad_input_is_refused_with_its_place(body: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        deployment(body)
