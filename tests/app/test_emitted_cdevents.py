"""Incidents leave as CDEvents that others, our own door among them, understand."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from resile.app.emitted_cdevents import cdevent_of
from resile.app.growing import Growing
from resile.app.happened import happenings
from resile.model.alert import AlertState
from resile.model.event import Declared, Source
from resile.model.incident import InstantName
from resile.model.lifecycle import Reach, Reopen
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Delivery
from resile.sources.doors.cdevents import open_door
from resile.testing.webhook_sink import WebhookSink

from .cdevents_schema import faults_of
from .emit_world import CLOSED, NOW, RESTORED, World, declared


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as opened:
        yield opened


def test_emitted_cdevents_are_understood_by_the_door_for_them(sink: WebhookSink) -> None:
    world = World(sink, kind="cdevents")
    world.emit()
    world.does("INC-1", declared(), by="door:alertmanager")
    world.does("INC-1", Reach(InstantName.ACKNOWLEDGED, "ann"), RESTORED, CLOSED)
    world.does("INC-2", declared("A customer calls"))
    world.emit()
    world.advance(timedelta(minutes=1))

    door, alerts = open_door(DoorOptions()), []
    for request in sink.requests:
        assert request.headers["content-type"] == "application/cloudevents+json"
        headers = {"content-type": request.headers["content-type"]}
        delivery = Delivery(door="cdevents", id="1", received_at=NOW, headers=headers, body=request.body)
        alerts += door.understand(delivery).alerts

    told = {(event["subject"], event["type"]) for event in world.told()}
    assert told == {
        ("INC-1", "dev.cdevents.incident.detected.0.3.0"),
        ("INC-1", "dev.cdevents.incident.resolved.0.3.0"),
        ("INC-2", "dev.cdevents.incident.reported.0.3.0"),
    }
    assert len(alerts) == 3
    of_first = [alert for alert in alerts if "INC-1" in alert.fingerprint]
    assert {alert.state for alert in of_first} == {AlertState.FIRING, AlertState.RESOLVED}
    assert len({alert.fingerprint for alert in of_first}) == 1
    assert {alert.service for alert in alerts} == {"checkout"}


def test_emitted_cdevents_are_as_their_schema_has_them(sink: WebhookSink) -> None:
    world = World(sink, kind="cdevents", environment="staging")
    world.emit()
    world.does("INC-2", declared("A customer calls", labels={"environment": "live"}))
    world.emit()
    world.send()

    event = world.told()[0]

    envelope = {name: value for name, value in event.items() if name != "data"}
    assert envelope == {
        "specversion": "1.0",
        "id": event["id"],
        "source": "https://resile.example.org",
        "type": "dev.cdevents.incident.reported.0.3.0",
        "subject": "INC-2",
        "time": "2026-03-04T12:00:00Z",
        "datacontenttype": "application/cdevents+json",
    }
    data = event["data"]
    assert set(data) <= {"context", "subject", "customData", "customDataContentType"}
    assert data["context"] == {
        "specversion": "0.5.0",
        "id": event["id"],
        "source": event["source"],
        "type": event["type"],
        "timestamp": event["time"],
        "chainId": "INC-2",
    }
    assert data["subject"] == {
        "id": "INC-2",
        "source": event["source"],
        "content": {
            "description": "A customer calls",
            "environment": {"id": "live"},
            "service": {"id": "checkout"},
            "ticketURI": "https://resile.example.org/incidents/INC-2",
        },
    }


@pytest.mark.parametrize(
    "url",
    [
        None,
        "https://status.example.org/incidents/1?a=b#c",
        "https://status.example.org/a|b c/ü",
        "JIRA-12",
        "/incidents/1",
        "https://[::1",
        "javascript:alert(1)",
        "https://example.org/\ud800",
    ],
)
@pytest.mark.parametrize("page", [None, "https://resile.example.org/incidents/1"])
@pytest.mark.parametrize("labels", [{}, {"environment": ""}, {"environment": "eu west/1"}])
def test_whatever_happens_leaves_as_the_schema_of_cdevents_has_it(
    url: str | None, page: str | None, labels: dict[str, str]
) -> None:
    told = Growing("INC-1", [], now=NOW, by="user:ann")
    told.tell(Declared, title="Checkout is slow", url=url, source=Source.REPORTED, labels=labels)
    for command in (Reach(InstantName.ACKNOWLEDGED, "ann"), RESTORED, Reopen("again"), CLOSED):
        told.now += timedelta(minutes=1)
        told.carry_out(command)

    events = [
        cdevent_of(one, event_id="e1", source="resile", environment="production", url=page)
        for one in happenings("INC-1", told.events)
    ]

    found = [event for event in events if event is not None]
    assert [fault for event in found for fault in faults_of(event)] == []
    says = [event["type"].split(".")[3] for event in found]
    is_web = page is not None or (url or "").startswith("https://status.")
    assert says == ["reported" if is_web else "detected", "resolved", "detected", "resolved"]


def test_schema_of_cdevents_finds_what_is_wrong(sink: WebhookSink) -> None:
    world = World(sink, kind="cdevents")
    world.emit()
    world.does("INC-1", declared("A customer calls"))
    world.emit()
    world.send()
    (event,) = world.told()
    assert faults_of(event) == []

    event["data"]["subject"]["type"] = "incident"
    event["data"]["subject"]["content"]["ticketURI"] = "JIRA-12"
    del event["data"]["subject"]["content"]["environment"]
    event["time"] = "2026-03-04T12:00:01Z"

    assert len(faults_of(event)) == 4


def test_one_that_was_restored_before_it_is_closed_is_resolved_once(sink: WebhookSink) -> None:
    world = World(sink, kind="cdevents")
    world.emit()
    world.does("INC-1", declared(), CLOSED)
    world.does("INC-2", declared(), RESTORED, CLOSED)
    world.emit()

    assert sorted(message.title for message in world.queued()) == [
        "INC-1 closed",
        "INC-1 declared",
        "INC-2 declared",
        "INC-2 restored",
    ]
