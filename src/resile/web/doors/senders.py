"""How each sender proves who it is, how its deliveries are told apart, and what of them is kept."""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET, Struct, UnsetType

from resile.model.errors import ConfigError
from resile.ports.journal import Delivery
from resile.sources.doors.mending import decoded
from resile.sources.doors.naming import digest
from resile.sources.doors.registry import TEST
from resile.web.doors import proofs, replies
from resile.web.doors.answer import refused
from resile.web.doors.pagerduty_body import dedup_key, routing_key, tells_its_time, without_routing_key
from resile.web.doors.proofs import Headers, Proof
from resile.web.doors.replies import DEDUP_KEY, Accepting, Refusing

_ID = re.compile(r"[\x21-\x7e]{1,200}")
_MAX_HEADER = 1_000


def _always(_: bytes) -> bool:
    return True


def _never(_: bytes) -> bool:
    return False


def _nameless(_headers: Headers, _body: bytes) -> None:
    return None


def _itself(headers: Headers, body: bytes) -> bytes | None:
    del headers
    return body


class Sender(Struct, frozen=True, kw_only=True):
    """What differs between senders.

    Attributes:
        proves: whether headers and raw body show that the sender knows the secret.
        way_out: what to do about a refusal.
        shows: what it was that was missing or wrong.
        id_of: the sender's own name of this delivery; None where it has none.
        is_one: whether the same body without a name, sent again, is the same delivery. Senders of alerts send the same
            again as long as it holds, and when it holds again.
        keeps: names of headers that are kept.
        keeps_all: how the names of further ones begin.
        key_of: the key by which the door is found, where the address does not name it.
        key_is_in_body: who cannot be read cannot be recognised.
        json_of: the part of a body that must be JSON; None where there is none.
        strikes: the body without the secret in it.
        names_alerts: whether an alert without a name is given one, which the sender is told.
        accepts, refuses: what it is answered.
        keyless: the status for who shows no key at all.
        faulty: the status for a body that can be read and says nothing of use; it is kept all the same, as failed.
            None: it is taken, for the sender would but send it again, or stop to send at all.
        methods: those of HTTP by which it may knock.
    """

    proves: Proof
    way_out: str
    shows: str = "secret"
    id_of: Callable[[Headers, bytes], str | None] = _nameless
    is_one: Callable[[bytes], bool] = _always
    keeps: tuple[str, ...] = ("content-type",)
    keeps_all: str | None = None
    key_of: Callable[[Headers, bytes], str | None] | None = None
    key_is_in_body: bool = False
    json_of: Callable[[Headers, bytes], bytes | None] = _itself
    strikes: Callable[[bytes], bytes] | None = None
    names_alerts: bool = False
    accepts: Accepting = replies.accepted
    refuses: Refusing = refused
    keyless: int = 401
    faulty: int | None = None
    methods: frozenset[str] = frozenset({"POST"})


def kept_headers(sender: Sender, headers: Headers) -> dict[str, str]:
    """The headers that a door needs to understand the body; no secret and no signature is among them."""
    kept = {name: headers[name][:_MAX_HEADER] for name in sender.keeps if name in headers}
    if sender.keeps_all is not None:
        kept |= {name: value[:_MAX_HEADER] for name, value in headers.items() if name.startswith(sender.keeps_all)}
    return kept


def digest_of(body: bytes) -> str:
    """A name for what has none."""
    return hashlib.sha256(body).hexdigest()


def _idempotency_key(headers: Headers, body: bytes) -> str | None:
    del body
    return headers.get("idempotency-key")


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
        told = decoded(body, type=_CloudEvent)
    except msgspec.MsgspecError:
        return None
    of = told if told.context is UNSET else told.context
    return None if of.id is UNSET else f"{'' if of.source is UNSET else of.source}#{of.id}"


class _Webhook(Struct):
    event: _Context | UnsetType = UNSET


def _webhook_id(headers: Headers, body: bytes) -> str | None:
    """The id of the event that PagerDuty's webhook tells of; sent again, it is the same."""
    del headers
    try:
        told = decoded(body, type=_Webhook)
    except msgspec.MsgspecError:
        return None
    return None if told.event is UNSET or told.event.id is UNSET else told.event.id


def _json_of_github(headers: Headers, body: bytes) -> bytes | None:
    """GitHub sends it as a field of a form unless the webhook says otherwise."""
    if not headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return body
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=8)
    except ValueError:
        raise ConfigError("github: the body is no form; set the webhook's content type to application/json") from None
    if "payload" not in fields:
        raise ConfigError("github: the form has no payload; set the webhook's content type to application/json")
    return fields["payload"][0].encode()


def _json_or_nothing(headers: Headers, body: bytes) -> bytes | None:
    del headers
    return body or None


def _json_of_event(headers: Headers, body: bytes) -> bytes | None:
    """A CloudEvent in binary mode may have no data."""
    return None if not body and "ce-id" in headers else body


def _no_json(_headers: Headers, _body: bytes) -> None:
    return None


_ENTER = "the secret that `resile door add` printed"
_AUTHORIZED = f"send {_ENTER} as `Authorization: Bearer SECRET`, or as the password of basic authentication"
_PAGERDUTY = Sender(
    proves=lambda secret, headers, body: proofs.is_same_secret(routing_key(headers, body) or "", secret),
    shows="key",
    way_out="send the routing key that `resile door add` printed",
    id_of=_idempotency_key,
    is_one=_never,
    key_of=routing_key,
    key_is_in_body=True,
    strikes=without_routing_key,
    names_alerts=True,
    accepts=replies.event_accepted,
    refuses=replies.event_refused,
    keyless=400,
    faulty=400,
)
_OPSGENIE = Sender(
    proves=lambda secret, headers, _: proofs.is_same_secret(proofs.genie_key(headers) or "", secret),
    shows="key",
    way_out="send `Authorization: GenieKey KEY` with the key that `resile door add` printed",
    is_one=_never,
    key_of=lambda headers, _: proofs.genie_key(headers),
    accepts=replies.opsgenie_accepted,
    refuses=replies.opsgenie_refused,
    faulty=422,
)

SENDERS: Mapping[str, Sender] = {
    "github": Sender(
        proves=proofs.is_signed,
        shows="signature",
        id_of=lambda headers, _: headers.get("x-github-delivery"),
        keeps=("x-github-event", "x-github-delivery", "x-github-enterprise-host", "content-type"),
        way_out=f"enter {_ENTER} in the webhook's settings",
        json_of=_json_of_github,
    ),
    "gitlab": Sender(
        proves=proofs.has_gitlab_token,
        id_of=_idempotency_key,
        keeps=("x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance", "content-type"),
        way_out=f"enter {_ENTER} as the webhook's secret token",
    ),
    "cdevents": Sender(
        proves=proofs.is_authorized_or_signed,
        id_of=_cloud_event_id,
        way_out="send `Authorization: Bearer SECRET`, or sign the body in X-Hub-Signature-256",
        keeps_all="ce-",
        faulty=400,
    ),
    "cloudevents": Sender(
        proves=proofs.is_authorized_or_signed,
        id_of=_cloud_event_id,
        way_out="send `Authorization: Bearer SECRET`, or sign the body in X-Hub-Signature-256",
        keeps_all="ce-",
        faulty=400,
        json_of=_json_of_event,
    ),
    "alertmanager": Sender(proves=proofs.is_authorized, way_out=_AUTHORIZED, is_one=_never, faulty=400),
    "prometheus": Sender(
        proves=proofs.is_authorized,
        way_out=_AUTHORIZED,
        is_one=_never,
        accepts=replies.prometheus_accepted,
        refuses=replies.prometheus_refused,
        faulty=400,
    ),
    "alertmanager_api": Sender(
        proves=proofs.is_authorized,
        way_out=_AUTHORIZED,
        refuses=replies.prometheus_refused,
        json_of=_no_json,
        methods=frozenset({"GET", "HEAD"}),
    ),
    "grafana": Sender(
        proves=proofs.is_of_grafana,
        way_out=f"enter {_ENTER} as the contact point's authorization credentials, or as its HMAC secret",
        is_one=_never,
        faulty=400,
    ),
    "pagerduty": msgspec.structs.replace(
        _PAGERDUTY, is_one=tells_its_time, names_alerts=False, accepts=replies.change_event_accepted
    ),
    "pagerduty_events": _PAGERDUTY,
    "pagerduty_first": msgspec.structs.replace(_PAGERDUTY, accepts=replies.first_event_accepted),
    "pagerduty_webhook": Sender(
        proves=proofs.is_of_pagerduty,
        shows="signature",
        way_out="remove the door and make it anew with the secret that PagerDuty shows for this webhook",
        id_of=_webhook_id,
    ),
    "opsgenie": _OPSGENIE,
    "opsgenie_deed": msgspec.structs.replace(_OPSGENIE, json_of=_json_or_nothing),
    "datadog": Sender(
        proves=proofs.is_authorized,
        way_out=f"{_AUTHORIZED}, in the webhook's custom headers",
        is_one=_never,
        faulty=400,
    ),
    "sentry": Sender(
        proves=proofs.is_of_sentry,
        shows="signature",
        way_out="remove the door and make it anew with the client secret of the integration at Sentry",
        id_of=lambda headers, _: headers.get("request-id"),
        keeps=("content-type", "sentry-hook-resource", "sentry-hook-timestamp"),
    ),
    "statuspage": Sender(proves=proofs.is_in_address, way_out="enter the whole address that `resile door add` printed"),
    "json": Sender(
        proves=proofs.is_authorized_or_signed,
        way_out=f"{_AUTHORIZED}, or sign the body in X-Hub-Signature-256",
        id_of=_idempotency_key,
        is_one=_never,
        faulty=400,
    ),
    "heartbeat": Sender(
        proves=proofs.is_in_address,
        way_out="call the whole address that `resile door add` printed, or send `Authorization: Bearer SECRET`",
        is_one=_never,
        json_of=_no_json,
        # A job in a crontab calls the address by curl, and that asks by GET.
        methods=frozenset({"GET", "POST"}),
    ),
}


def delivery_of(
    door: str,
    sender: Sender,
    headers: Headers,
    body: bytes,
    *,
    received_at: datetime,
    said: Mapping[str, str] = {},
    is_test: bool = False,
) -> Delivery:
    """What is written into the journal: named by its sender or by its digest, without any secret.

    Args:
        said: what the address tells, kept beside the headers.
        is_test: whoever sent it may have the server try its ways.
    """
    given = sender.id_of(headers, body)
    if sender.strikes is not None:
        body = sender.strikes(body)
    name = name_of(given, body, None if sender.is_one(body) else received_at)
    kept = {**kept_headers(sender, headers), **said}
    if sender.names_alerts:
        kept[DEDUP_KEY] = (dedup_key(body) or digest("pagerduty", name))[:_MAX_HEADER]
    if is_test:
        kept[TEST] = "1"
    return Delivery(door=door, id=name, received_at=received_at, headers=kept, body=body)


def name_of(given: str | None, body: bytes, received_at: datetime | None) -> str:
    """The name of a delivery in the journal: what its sender calls it, else a digest of its body.

    Args:
        received_at: given where the same body at another time is another delivery.
    """
    if given is not None:
        return given if _ID.fullmatch(given) else digest_of(given.encode())
    return digest_of(body if received_at is None else body + received_at.isoformat().encode())
