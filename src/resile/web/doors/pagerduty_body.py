"""What the front must read of a body of PagerDuty's events: the key, which is the secret, and the key of the alert."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from resile.sources.doors.mending import decoded
from resile.web.doors.proofs import Headers

_NO_SECRET = b"*"


class _Routed(Struct):
    routing_key: str | UnsetType = UNSET
    service_key: str | UnsetType = UNSET
    payload: Raw | UnsetType = UNSET


class _Timed(Struct):
    timestamp: Raw | UnsetType | None = UNSET


class _Deduplicated(Struct):
    dedup_key: Any = None
    incident_key: Any = None


def routing_key(headers: Headers, body: bytes) -> str | None:
    """The key by which PagerDuty's senders name the service: in the body, `service_key` of old, or in a header."""
    try:
        told: _Routed = decoded(body, type=_Routed)
    except msgspec.MsgspecError:
        return None
    if told.routing_key is not UNSET:
        return told.routing_key
    return headers.get("x-routing-key") if told.service_key is UNSET else told.service_key


def without_routing_key(body: bytes) -> bytes:
    """The body with the key, which is the secret, made unreadable; of the same length where it stands in plain words.

    Raises:
        msgspec.MsgspecError: it is no JSON object.
    """
    key = routing_key({}, body)
    if not key:
        return body
    struck = body.replace(key.encode(), _NO_SECRET * len(key.encode()))
    if routing_key({}, struck) != key:
        return struck
    # Written with escapes: another spelling of the same text.
    fields = decoded(body, type=dict[str, Raw])
    hidden = {name: "*" for name in ("routing_key", "service_key") if name in fields}
    return msgspec.json.encode({**fields, **hidden})


def tells_its_time(body: bytes) -> bool:
    """Whether a change event says when it happened; two alike that do not are two, of different times."""
    try:
        told = decoded(body, type=_Routed)
        timed = _Timed() if told.payload is UNSET else decoded(told.payload, type=_Timed)
    except msgspec.MsgspecError:
        return True
    return isinstance(timed.timestamp, Raw) and bytes(timed.timestamp) != b"null"


def dedup_key(body: bytes) -> str | None:
    """The sender's name of the alert; None where it has none."""
    try:
        told = decoded(body, type=_Deduplicated)
    except msgspec.MsgspecError:
        return None
    given = told.dedup_key or told.incident_key
    return given if isinstance(given, str) else None
