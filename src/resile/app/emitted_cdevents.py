"""Incidents as CDEvents 0.5, in CloudEvents 1.0 of the structured mode: detected, reported, resolved.

Source: https://github.com/cdevents/spec, continuous-operations.md and cloudevents-binding.md.
"""

from typing import Any
from urllib.parse import quote, urlsplit

from resile.app.happened import Happened
from resile.model.event import Declared, Source
from resile.model.incident import value_of
from resile.model.phases import instants
from resile.model.time import format_instant

CONTENT_TYPE = "application/cloudevents+json"
SPEC_VERSION = "0.5.0"
_TYPE = "dev.cdevents.incident.{predicate}.0.3.0"


def cdevent_of(
    told: Happened, *, event_id: str, source: str, environment: str, url: str | None
) -> dict[str, Any] | None:
    """A CloudEvent that carries a CDEvent; None: CDEvents have no word for what happened.

    Args:
        event_id: unique within the source.
        source: URI reference of this resile.
        environment: where the service runs; the incident's label `environment` goes before it.
        url: the incident's page; None: people cannot reach it.
    """
    predicate, ticket = _predicate(told, url)
    if predicate is None:
        return None
    incident, at = told.incident, format_instant(told.event.at)
    kind = _TYPE.format(predicate=predicate)
    label = incident.labels.get("environment")
    content: dict[str, Any] = {
        "description": value_of(incident.title, "") or incident.id,
        "environment": {"id": value_of(label, None) or environment},
    }
    services = value_of(incident.services, ())
    if services:
        content["service"] = {"id": services[0]}
    if predicate == "reported":
        content["ticketURI"] = ticket
    severity = value_of(incident.severity, None)
    data = {
        "context": {
            "specversion": SPEC_VERSION,
            "id": event_id,
            "source": source,
            "type": kind,
            "timestamp": at,
            # By which all that is told of one incident belongs together.
            "chainId": incident.id,
        },
        "subject": {"id": incident.id, "source": source, "content": content},
        "customData": {
            "name": told.name,
            "version": told.version,
            "severity": None if severity is None else severity.value,
            "services": list(services),
            "team": value_of(incident.team, None),
            "url": url,
        },
        "customDataContentType": "application/json",
    }
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": kind,
        "subject": incident.id,
        "time": at,
        "datacontenttype": "application/cdevents+json",
        "data": data,
    }


def _predicate(told: Happened, url: str | None) -> tuple[str | None, str | None]:
    """What CDEvents call it, and the address of its ticket."""
    if told.name == "declared":
        event = told.event
        ticket = _uri(event.url if isinstance(event, Declared) else None) or _uri(url)
        # What people say is reported, by a ticket that has an address; what systems say was detected.
        is_reported = ticket is not None and event.source in {Source.HUMAN, Source.REPORTED}
        return ("reported", ticket) if is_reported else ("detected", None)
    if told.name == "reopened":
        return "detected", None
    was_over = instants(told.before).restored is not None
    is_over = told.name == "restored" or (told.name == "closed" and not was_over)
    return ("resolved", None) if is_over else (None, None)


def _uri(address: str | None) -> str | None:
    """An address of the web as a URI has it; None: it is none, and so no ticket's."""
    if address is None:
        return None
    try:
        # Systems give addresses as their pages show them; what is quoted already stays so.
        written = quote(address.strip(), safe="%/:=&?~#+!$,;'@()*[]")
        parts = urlsplit(written)
    except ValueError:
        return None
    return written if parts.scheme in {"http", "https"} and parts.netloc else None
