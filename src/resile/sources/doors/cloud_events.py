"""CloudEvents 1.0 over HTTP: one event as JSON (structured), a list of them (batch), or in headers (binary)."""

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import unquote

from msgspec import Struct

from resile.ports.journal import Delivery
from resile.sources.doors.body import Node, kind_of, printable, read_body

_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_ENVELOPE = "application/cloudevents"
_PREFIX = "ce-"
# What an event must carry besides its data.
_NEEDED = ("specversion", "id", "source", "type")
_MAX_BATCH = 1_000


class CloudEvent(Struct, frozen=True):
    """An event's envelope, and its data as JSON.

    Attributes:
        attributes: those of its envelope; `time` may be missing.
        data: missing where the event carries none.
    """

    attributes: Node
    data: Node


def events_in(sender: str, delivery: Delivery) -> Iterator[CloudEvent]:
    """The events of a delivery; one that comes without any envelope is taken by what it is itself.

    Raises:
        ConfigError: it is neither of the three modes.
    """
    content_type = delivery.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if any(name.startswith(_PREFIX) for name in delivery.headers) and not content_type.startswith(_ENVELOPE):
        yield _binary(sender, content_type, delivery)
        return
    body = read_body(sender, delivery.body)
    if isinstance(body.value, list):
        for node in body.items(_MAX_BATCH):
            yield _structured(node)
        return
    if content_type == _BATCH:
        body.refuse(f"is {kind_of(body.value)}, but the content type says a batch", "send a list of events")
    if not isinstance(body.value, dict):
        body.refuse(f"is {kind_of(body.value)}, neither an event nor a list of events", "send one JSON object")
    yield _structured(body) if content_type == _STRUCTURED or body["specversion"].is_told else CloudEvent(body, body)


def _structured(event: Node) -> CloudEvent:
    if not isinstance(event.value, dict):
        event.refuse(f"is {kind_of(event.value)}, not an event", "send JSON objects")
    _check(event)
    encoded = event["data_base64"].raw_text()
    if encoded is None:
        return CloudEvent(event, event["data"])
    if not _is_json(event["datacontenttype"].text() or ""):
        return CloudEvent(event, Node(event.sender, event["data_base64"].path, None))
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        event["data_base64"].refuse("is no base64")
    data = read_body(event.sender, decoded)
    data.path = event["data_base64"].path
    return CloudEvent(event, data)


def _binary(sender: str, content_type: str, delivery: Delivery) -> CloudEvent:
    told = {name[len(_PREFIX) :]: unquote(value) for name, value in delivery.headers.items() if name.startswith("ce-")}
    attributes = Node(sender, "headers", {name: printable(value, 2_000) for name, value in told.items()})
    _check(attributes)
    return CloudEvent(
        attributes, read_body(sender, delivery.body) if _is_json(content_type) else Node(sender, "", None)
    )


def _is_json(content_type: str) -> bool:
    """Whether data may be read: of another kind, it is none that could be understood; its type says what is sent."""
    folded = content_type.partition(";")[0].strip().casefold()
    return not folded or folded.endswith(("/json", "+json"))


def _check(event: Node) -> None:
    for name in _NEEDED:
        event[name].needed_text(2_000)
    version = event["specversion"].needed_text()
    if not version.startswith("1."):
        event["specversion"].refuse(f"is {version!r}", "send CloudEvents 1.0")
