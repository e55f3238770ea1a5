"""Deliveries, and bodies of CDEvents and PagerDuty as their senders make them."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from resile.ports.journal import Delivery

RECEIVED = datetime(2024, 3, 4, 12, tzinfo=UTC)
SHA = "a3f0" * 10
PARENT = "b17e" * 10
JSON = {"content-type": "application/json"}


def delivery(door: str, body: Any, headers: dict[str, str] | None = None, *, name: str = "d-1") -> Delivery:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Delivery(door=door, id=name, received_at=RECEIVED, headers={**JSON, **(headers or {})}, body=raw)


def of_github(event: str, body: Any, *, content_type: str = "application/json") -> Delivery:
    return delivery("github", body, {"x-github-event": event, "x-github-delivery": "d-1", "content-type": content_type})


def of_gitlab(event: str, body: Any) -> Delivery:
    return delivery("gitlab", body, {"x-gitlab-event": event})


def cdevent(kind: str = "service.deployed.0.2.0", number: str = "e-1", **content: Any) -> dict[str, Any]:
    return {
        "context": {
            "version": "0.4.1",
            "id": number,
            "chainId": "4c8cb7dd-3448-41de-8768-eec704e2829b",
            "source": "https://cd.acme.example/argocd",
            "type": f"dev.cdevents.{kind}",
            "timestamp": "2024-03-04T10:00:00.315384Z",
        },
        "subject": {
            "id": "service/shop",
            "source": "https://cd.acme.example/argocd",
            "type": "service",
            "content": {
                "environment": {"id": "prod", "source": "clusters/eu"},
                "artifactId": f"pkg:golang/github.com/acme/shop@{SHA}",
                **content,
            },
        },
    }


def cloud_event(event: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event["context"]["id"],
        "source": event["context"]["source"],
        "type": event["context"]["type"],
        "time": "2024-03-04T10:00:00.315384Z",
        "datacontenttype": "application/json",
        "data": event,
        **attributes,
    }


def change_event(**payload: Any) -> dict[str, Any]:
    return {
        "routing_key": "0123456789abcdef0123456789abcdef",
        "payload": {
            "summary": "Deployed shop 1.4.2",
            "timestamp": "2024-03-04T10:00:00.315+0000",
            "source": "ci.acme.example",
            "custom_details": {
                "service": "shop",
                "environment": "Production",
                "version": "1.4.2",
                "revision": SHA,
                "repo": "https://github.com/acme/shop.git",
            },
            **payload,
        },
        "links": [{"href": "https://ci.acme.example/5", "text": "The run"}],
    }


def cdevents_incident(predicate: str = "detected", **content: Any) -> dict[str, Any]:
    """A CDEvent that tells of an incident."""
    return {
        "context": {
            "version": "0.4.1",
            "id": f"e-{predicate}",
            "source": "https://monitoring.acme.example",
            "type": f"dev.cdevents.incident.{predicate}.0.2.0",
            "timestamp": "2024-03-04T11:45:00Z",
        },
        "subject": {
            "id": "incident-123",
            "source": "monitoring/shop",
            "type": "incident",
            "content": {
                "description": "Response time above 10 ms",
                "environment": {"id": "prod", "source": "clusters/eu"},
                "service": {"id": "clusters/eu/shop"},
                "artifactId": "pkg:oci/shop@1.4.2?vcs_url=git%2Bhttps://github.com/acme/shop",
                **content,
            },
        },
    }


def any_cloud_event(kind: str = "com.acme.disk.alert.raised", **attributes: Any) -> dict[str, Any]:
    """A CloudEvent of somebody's own."""
    return {
        "specversion": "1.0",
        "id": "a-1",
        "source": "/hosts/db-1",
        "type": kind,
        "subject": "/var",
        "time": "2024-03-04T11:58:00Z",
        "datacontenttype": "application/json",
        "data": {"message": "Disk is nearly full", "severity": "warning", "service": "database"},
        **attributes,
    }
