"""Incidents of CDEvents, and CloudEvents of any type, as alerts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from resile.model.alert import AlertState, Link
from resile.model.errors import ConfigError
from resile.model.severity import Severity
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.registry import open_door
from tests.sources.doors.alert_bodies import heard
from tests.sources.doors.bodies import RECEIVED, any_cloud_event, cdevent, cdevents_incident, cloud_event, delivery

AT = datetime(2024, 3, 4, 11, 45, tzinfo=UTC)


def test_an_incident_that_was_detected_fires() -> None:
    alert = heard("cdevents", cdevents_incident())

    assert (alert.state, alert.fingerprint) == (AlertState.FIRING, "monitoring/shop#incident-123")
    assert (alert.title, alert.service, alert.starts_at) == ("Response time above 10 ms", "shop", AT)
    assert alert.labels == {
        "environment": "production",
        "artifactId": "pkg:oci/shop@1.4.2?vcs_url=git%2Bhttps://github.com/acme/shop",
        "version": "1.4.2",
        "repo": "github.com/acme/shop",
    }


def test_a_reported_one_has_a_ticket_and_a_resolved_one_ends() -> None:
    reported = heard("cdevents", cdevents_incident("reported", ticketURI="https://tickets.acme.example/7"))
    resolved = heard("cdevents", cdevents_incident("resolved", description="Faster again"))

    assert reported.links == (Link("ticket", "https://tickets.acme.example/7"),)
    assert (resolved.state, resolved.ends_at) == (AlertState.RESOLVED, AT)
    assert (resolved.title, resolved.description) == ("", "Faster again")
    assert reported.fingerprint == resolved.fingerprint


def test_what_cdevents_require_and_an_incident_lacks_is_said() -> None:
    alert = heard("cdevents", cdevents_incident(environment=None, service=None, artifactId=None, description=None))

    assert alert.title == "Incident incident-123"
    assert "it names no environment, which CDEvents require" in alert.warnings


def test_one_batch_may_tell_of_a_deployment_and_of_an_incident() -> None:
    batch = [cloud_event(cdevent()), cloud_event(cdevents_incident())]
    for kind in ("cdevents", "cloudevents"):
        said = open_door(kind, DoorOptions()).understand(delivery(kind, batch))
        assert (len(said.reports), len(said.alerts)) == (1, 1)


def test_an_event_of_any_type_is_read_as_json() -> None:
    alert = heard("cloudevents", any_cloud_event())

    assert (alert.title, alert.severity, alert.service) == ("Disk is nearly full", Severity.SEV3, "database")
    assert alert.starts_at == datetime(2024, 3, 4, 11, 58, tzinfo=UTC)
    assert alert.labels["ce_type"] == "com.acme.disk.alert.raised"
    assert alert.warnings == ()


@pytest.mark.parametrize("fields", [{}, {"subject": None}])
def test_the_end_of_an_event_meets_its_beginning(fields: dict[str, Any]) -> None:
    began = heard("cloudevents", any_cloud_event(**fields))
    over = heard("cloudevents", any_cloud_event("com.acme.disk.alert.resolved", **fields))

    assert (began.state, over.state) == (AlertState.FIRING, AlertState.RESOLVED)
    assert began.fingerprint == over.fingerprint


def test_what_the_data_says_goes_before_the_type() -> None:
    alert = heard("cloudevents", any_cloud_event(data={"title": "x", "status": "closed", "id": "7"}))

    assert (alert.state, alert.fingerprint) == (AlertState.RESOLVED, "7")


def test_an_event_without_data_is_taken_by_its_attributes() -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/cron", "ce-type": "job.failed"}

    alert = heard("cloudevents", b"", {**headers, "content-type": "text/plain"})

    assert (alert.title, alert.starts_at, alert.state) == ("job.failed", RECEIVED, AlertState.FIRING)


@pytest.mark.parametrize("body", [{"type": "x"}, 7, any_cloud_event() | {"specversion": "0.3"}])
def test_what_is_no_event_is_refused(body: Any) -> None:
    with pytest.raises(ConfigError):
        heard("cloudevents", body)
