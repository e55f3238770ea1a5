"""What CDEvents 0.5.0 ask of the events of incidents, as a JSON schema.

Written anew after what https://github.com/cdevents/spec says at v0.5.0 (spec.md, continuous-operations.md,
schemas/incident*.json), without the links, of which resile sends none.
"""

from typing import Any

from jsonschema_rs import Draft202012Validator

_TEXT = {"type": "string", "minLength": 1}
_REFERENCE = {**_TEXT, "format": "uri-reference"}
_URI = {**_TEXT, "format": "uri"}


def _closed(required: tuple[str, ...], **fields: Any) -> dict[str, Any]:
    """An object with these fields and no others."""
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": fields}


_ELSEWHERE = _closed(("id",), id=_TEXT, source=_REFERENCE)


def cdevent_schema(predicate: str) -> dict[str, Any]:
    """Of an event of an incident: detected, reported, resolved."""
    ticket = {"ticketURI": _URI} if predicate == "reported" else {}
    content = _closed(
        ("environment", *ticket),
        description={"type": "string"},
        environment=_ELSEWHERE,
        service=_ELSEWHERE,
        artifactId=_TEXT,
        **ticket,
    )
    context = _closed(
        ("specversion", "id", "source", "type", "timestamp"),
        specversion=_TEXT,
        id=_TEXT,
        source=_REFERENCE,
        type={"type": "string", "enum": [f"dev.cdevents.incident.{predicate}.0.3.0"]},
        timestamp={"type": "string", "format": "date-time"},
        schemaUri=_URI,
        chainId=_TEXT,
    )
    return _closed(
        ("context", "subject"),
        context=context,
        subject=_closed(("id", "content"), id=_TEXT, source=_REFERENCE, content=content),
        customData={"oneOf": [{"type": "object"}, {"type": "string", "contentEncoding": "base64"}]},
        customDataContentType={"type": "string"},
    )


def faults_of(event: dict[str, Any]) -> list[str]:
    """Where a CloudEvent of the structured mode departs from CDEvents, and from their binding to CloudEvents."""
    told, context = event["data"], event["data"]["context"]
    predicate = context["type"].split(".")[3]
    validator = Draft202012Validator(cdevent_schema(predicate), validate_formats=True)
    faults = [f"{'.'.join(map(str, one.instance_path))}: {one.message}" for one in validator.iter_errors(told)]
    bound = {
        "specversion": "1.0",
        "id": context["id"],
        "source": context["source"],
        "type": context["type"],
        "subject": told["subject"]["id"],
        "time": context["timestamp"],
        "datacontenttype": "application/cdevents+json",
    }
    return faults + [
        f"{name}: {event.get(name)!r} is not {value!r}" for name, value in bound.items() if event.get(name) != value
    ]
