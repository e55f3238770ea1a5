"""How each sender proves who it is, and how its deliveries are told apart."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from resile.ports.journal import Delivery

# Header names in lower case; a sender that repeats one is read by its last.
Headers = Mapping[str, str]
_ID = re.compile(r"[\x21-\x7e]{1,200}")
_MAX_HEADER = 1_000
_NO_SECRET = b"*"


class Sender(Struct, frozen=True):
    """What differs between senders.

    Attributes:
        proves: whether headers and raw body show that the sender knows the secret; compared in constant time.
        id_of: the sender's own name of this delivery; None where it has none.
        keeps: names of headers that are kept.
        keeps_all: how the names of further ones begin.
        way_out: what to do about a refusal.
        is_one: whether the same body without a name, sent again, is the same delivery.
    """

    proves: Callable[[str, Headers, bytes], bool]
    id_of: Callable[[Headers, bytes], str | None]
    keeps: tuple[str, ...]
    way_out: str
    is_one: Callable[[bytes], bool] = lambda _: True
    keeps_all: str | None = None


def kept_headers(sender: Sender, headers: Headers) -> dict[str, str]:
    """The headers that a door needs to understand the body; no secret and no signature is among them."""
    kept = {name: headers[name][:_MAX_HEADER] for name in sender.keeps if name in headers}
    if sender.keeps_all is not None:
        kept |= {name: value[:_MAX_HEADER] for name, value in headers.items() if name.startswith(sender.keeps_all)}
    return kept


def is_same_secret(given: str, right: str) -> bool:
    """Whether they are the same; takes as long whether they nearly are or not at all."""
    return hmac.compare_digest(given.encode(), right.encode())


def digest_of(body: bytes) -> str:
    """A name for what has none."""
    return hashlib.sha256(body).hexdigest()


def _is_signed(secret: str, headers: Headers, body: bytes) -> bool:
    kind, _, given = headers.get("x-hub-signature-256", "").partition("=")
    right = hmac.digest(secret.encode(), body, "sha256").hex()
    return kind == "sha256" and is_same_secret(given.lower(), right)


def _has_gitlab_token(secret: str, headers: Headers, body: bytes) -> bool:
    del body
    return is_same_secret(headers.get("x-gitlab-token", ""), secret)


def _is_bearer(secret: str, headers: Headers, body: bytes) -> bool:
    kind, _, given = headers.get("authorization", "").partition(" ")
    is_known = kind.lower() == "bearer" and is_same_secret(given.strip(), secret)
    return is_known or _is_signed(secret, headers, body)


def _has_routing_key(secret: str, headers: Headers, body: bytes) -> bool:
    return is_same_secret(routing_key(headers, body) or "", secret)


class _Context(Struct):
    id: str | UnsetType = UNSET
    source: str | UnsetType = UNSET


class _CloudEvent(_Context):
    context: _Context | UnsetType = UNSET


def _cloud_event_id(headers: Headers, body: bytes) -> str | None:
    """By source and id, which together are unique; of a batch, or of a body that has none, None."""
    if "ce-id" in headers:
        return f"{headers.get('ce-source', '')}#{headers['ce-id']}"
    try:
        told = msgspec.json.decode(body, type=_CloudEvent)
    except msgspec.MsgspecError:
        return None
    of = told if told.context is UNSET else told.context
    return None if of.id is UNSET else f"{'' if of.source is UNSET else of.source}#{of.id}"


class _Routed(Struct):
    routing_key: str | UnsetType = UNSET
    payload: Raw | UnsetType = UNSET


class _Timed(Struct):
    timestamp: Raw | UnsetType | None = UNSET


def routing_key(headers: Headers, body: bytes) -> str | None:
    """The key by which PagerDuty's senders name the service: in the body, or in a header."""
    try:
        told = msgspec.json.decode(body, type=_Routed)
    except msgspec.MsgspecError:
        return None
    return headers.get("x-routing-key") if told.routing_key is UNSET else told.routing_key


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
    fields = msgspec.json.decode(body, type=dict[str, Raw])
    return msgspec.json.encode({**fields, "routing_key": "*"})


def _tells_its_time(body: bytes) -> bool:
    """Whether a change event says when it happened; two alike that do not are two, of different times."""
    try:
        told = msgspec.json.decode(body, type=_Routed)
        timed = _Timed() if told.payload is UNSET else msgspec.json.decode(told.payload, type=_Timed)
    except msgspec.MsgspecError:
        return True
    return isinstance(timed.timestamp, Raw) and bytes(timed.timestamp) != b"null"


SENDERS: Mapping[str, Sender] = {
    "github": Sender(
        _is_signed,
        lambda headers, _: headers.get("x-github-delivery"),
        ("x-github-event", "x-github-delivery", "x-github-enterprise-host", "content-type"),
        "enter the secret that `resile door add` printed in the webhook's settings",
    ),
    "gitlab": Sender(
        _has_gitlab_token,
        lambda headers, _: headers.get("idempotency-key"),
        ("x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance", "content-type"),
        "enter the secret that `resile door add` printed as the webhook's secret token",
    ),
    "cdevents": Sender(
        _is_bearer,
        _cloud_event_id,
        ("content-type",),
        "send `Authorization: Bearer SECRET`, or sign the body in X-Hub-Signature-256",
        keeps_all="ce-",
    ),
    "pagerduty": Sender(
        _has_routing_key,
        lambda headers, _: headers.get("idempotency-key"),
        ("content-type",),
        "send the routing key that `resile door add` printed",
        _tells_its_time,
    ),
}


def delivery_of(door: str, sender: Sender, headers: Headers, body: bytes, *, received_at: datetime) -> Delivery:
    """What is written into the journal: named by its sender or by its digest, without any secret."""
    given = sender.id_of(headers, body)
    if sender is SENDERS["pagerduty"]:
        body = without_routing_key(body)
    return Delivery(
        door=door,
        id=name_of(given, body, None if sender.is_one(body) else received_at),
        received_at=received_at,
        headers=kept_headers(sender, headers),
        body=body,
    )


def name_of(given: str | None, body: bytes, received_at: datetime | None) -> str:
    """The name of a delivery in the journal: what its sender calls it, else a digest of its body.

    Args:
        received_at: given where the same body at another time is another delivery.
    """
    if given is not None:
        return given if _ID.fullmatch(given) else digest_of(given.encode())
    return digest_of(body if received_at is None else body + received_at.isoformat().encode())
