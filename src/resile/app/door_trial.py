"""A delivery to try a door with: in its sender's shape, signed as the sender signs, and marked as a test."""

import hashlib
import hmac
import json
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from resile.app.door_examples import example_of
from resile.app.door_kinds import KINDS
from resile.model.time import format_instant
from resile.ports.door_book import Door

# The same each time, so that the recovery ends what the test began.
KEY = "resile-test"
TITLE = "A test of resile: nothing is wrong"
_RESOURCE = "https://resile.invalid/test"


class Trial(Struct, frozen=True, kw_only=True):
    """What is sent.

    Attributes:
        token: stands in the body, so that the entry in the journal can be found.
        kept: the headers that a door needs to understand the body; no secret.
        said: what the door's front would keep of the address, in the manner of headers.
        tail: what follows the door's address.
    """

    token: str
    kept: dict[str, str]
    body: bytes
    said: Mapping[str, str] = {}
    tail: str = ""


# What the test of a door is that takes no test alert, and why.
_IS_NO_ALERT: Mapping[str, str] = {
    "github": "the ping that GitHub sends for a new webhook; it shows that the door opens, and means nothing",
    "gitlab": "an event that means nothing; it shows that the door opens",
    "pagerduty_webhook": "the ping that PagerDuty's own button sends: its webhooks tell of incidents, and a made-up "
    "one would be counted, so that no incident comes of it",
    "statuspage": "a component that stays as it is: the page's incidents are taken as such, and a made-up one would be "
    "counted, so that no incident comes of it",
}


def said_of_trial(kind: str) -> str:
    """What the test of such a door is, where it is no alert; else empty."""
    told = _IS_NO_ALERT.get(kind)
    return "" if told is None else f"The test was {told}."


class _Asked(Struct, frozen=True):
    door: Door
    token: str
    at: datetime
    is_over: bool

    @property
    def at_text(self) -> str:
        return format_instant(self.at)

    def either(self, firing: str, resolved: str) -> str:
        return resolved if self.is_over else firing


def trial_of(door: Door, *, at: datetime, secret: str | None, is_over: bool = False) -> Trial:
    """A test alert, or where the door takes none a delivery that means nothing.

    Args:
        secret: where the body carries it.
        is_over: the condition of an earlier test holds no more.
    """
    asked = _Asked(door, secrets.token_hex(8), at, is_over)
    told = _BODIES[door.kind](asked)
    if door.kind == "pagerduty":
        told["routing_key"] = secret
    kept = {"content-type": "application/json", **_HEADERS.get(door.kind, {})}
    if door.kind == "github":
        kept["x-github-delivery"] = f"test-{asked.token}"
    tail = f"/{KEY}/close?identifierType=alias" if door.kind == "opsgenie" and is_over else ""
    said = {"x-resile-path": KINDS[door.kind].path + tail} if tail else _SAID.get(door.kind, {})
    return Trial(token=asked.token, kept=kept, body=json.dumps(told).encode(), said=said, tail=tail)


def proof_of(door: Door, secret: str | None, body: bytes) -> dict[str, str]:
    """The headers by which the sender shows that it knows the secret."""
    if secret is None:
        return {}
    proves = _PROOFS.get(door.kind)
    return {"authorization": f"Bearer {secret}"} if proves is None else proves(secret, body)


def _signed(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _nothing(_secret: str, _body: bytes) -> dict[str, str]:
    return {}


_PROOFS: Mapping[str, Callable[[str, bytes], dict[str, str]]] = {
    "github": lambda secret, body: {"x-hub-signature-256": f"sha256={_signed(secret, body)}"},
    "gitlab": lambda secret, _: {"x-gitlab-token": secret},
    "alertmanager": lambda secret, _: {"authorization": f"Basic {b64encode(f'resile:{secret}'.encode()).decode()}"},
    "pagerduty": _nothing,
    "pagerduty_webhook": lambda secret, body: {"x-pagerduty-signature": f"v1={_signed(secret, body)}"},
    "opsgenie": lambda secret, _: {"authorization": f"GenieKey {secret}"},
    "sentry": lambda secret, body: {"sentry-hook-signature": _signed(secret, body)},
    "statuspage": _nothing,
    "heartbeat": _nothing,
}
_HEADERS: Mapping[str, dict[str, str]] = {
    "github": {"x-github-event": "ping"},
    "gitlab": {"x-gitlab-event": "Test Hook"},
    "sentry": {"sentry-hook-resource": "issue"},
    "cloudevents": {"content-type": "application/cloudevents+json"},
}
_SAID: Mapping[str, dict[str, str]] = {"pagerduty": {"x-resile-address": "events"}}


def _idle(asked: _Asked) -> dict[str, Any]:
    """What means nothing to the door."""
    told: dict[str, Any] = {"zen": "a test by `resile door test`", "test": asked.token}
    if asked.door.kind == "gitlab":
        told["object_kind"] = "test"
    return told


def _cdevents(asked: _Asked) -> dict[str, Any]:
    context = {
        "version": "0.4.1",
        "id": asked.token,
        "source": "/resile",
        "type": f"dev.cdevents.incident.{asked.either('detected', 'resolved')}.0.2.0",
        "timestamp": asked.at_text,
    }
    content = {"description": TITLE, "environment": {"id": "resile"}}
    return {"context": context, "subject": {"id": KEY, "source": "/resile", "type": "incident", "content": content}}


def _prometheus_alert(asked: _Asked) -> dict[str, Any]:
    told = {
        "labels": {"alertname": "ResileTest", "door": asked.door.name, "severity": "info"},
        "annotations": {"summary": TITLE, "description": f"Sent by `resile door test`: {asked.token}"},
        "startsAt": asked.at_text,
        "generatorURL": _RESOURCE,
    }
    return {**told, "endsAt": asked.at_text} if asked.is_over else told


def _prometheus(asked: _Asked) -> Any:
    return [_prometheus_alert(asked)]


def _alertmanager(asked: _Asked) -> dict[str, Any]:
    alert = _prometheus_alert(asked)
    status = asked.either("firing", "resolved")
    ends_at = alert.get("endsAt", "0001-01-01T00:00:00Z")
    return {
        "version": "4",
        "groupKey": KEY,
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "resile",
        "groupLabels": {"alertname": "ResileTest"},
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": _RESOURCE,
        "alerts": [{**alert, "status": status, "endsAt": ends_at, "fingerprint": KEY}],
    }


def _grafana(asked: _Asked) -> dict[str, Any]:
    told = _alertmanager(asked)
    return {**told, "orgId": 1, "title": TITLE, "state": asked.either("alerting", "ok"), "message": TITLE}


def _pagerduty(asked: _Asked) -> dict[str, Any]:
    payload = {
        "summary": TITLE,
        "source": "resile",
        "severity": "info",
        "timestamp": asked.at_text,
        "custom_details": {"test": asked.token},
    }
    return {"event_action": asked.either("trigger", "resolve"), "dedup_key": KEY, "payload": payload}


def _pagerduty_webhook(asked: _Asked) -> dict[str, Any]:
    """What PagerDuty's own button sends: its webhooks tell of incidents, and a made-up one would be counted."""
    event = {
        "id": f"test-{asked.token}",
        "event_type": "pagey.ping",
        "resource_type": "pagey",
        "occurred_at": asked.at_text,
        "data": {"message": TITLE, "type": "ping"},
    }
    return {"event": event}


def _opsgenie(asked: _Asked) -> dict[str, Any]:
    if asked.is_over:
        return {"note": f"the test is over: {asked.token}", "source": "resile"}
    return {"message": TITLE, "alias": KEY, "priority": "P5", "description": asked.token, "source": "resile"}


def _datadog(asked: _Asked) -> dict[str, Any]:
    return {
        "alert_title": TITLE,
        "alert_transition": asked.either("Triggered", "Recovered"),
        "alert_type": asked.either("info", "success"),
        "alert_cycle_key": KEY,
        "alert_id": "1",
        "alert_scope": "service:resile",
        "alert_priority": "P5",
        "date": str(int(asked.at.timestamp() * 1_000)),
        "text_only_msg": asked.token,
    }


def _sentry(asked: _Asked) -> dict[str, Any]:
    issue = {
        "id": KEY,
        "title": TITLE,
        "culprit": asked.token,
        "level": "info",
        "status": asked.either("unresolved", "resolved"),
        "firstSeen": asked.at_text,
        "lastSeen": asked.at_text,
        "web_url": _RESOURCE,
        "project": {"id": "1", "name": "resile", "slug": "resile"},
    }
    return {"action": asked.either("created", "resolved"), "data": {"issue": issue}}


def _statuspage(asked: _Asked) -> dict[str, Any]:
    """A component that stays as it is: the page's incidents are taken as such, and a made-up one would be counted."""
    update = {
        "id": asked.token,
        "component_id": KEY,
        "old_status": "operational",
        "new_status": "operational",
        "created_at": asked.at_text,
    }
    page = {"id": KEY, "status_indicator": "none", "status_description": TITLE}
    return {
        "page": page,
        "component_update": update,
        "component": {"id": KEY, "name": "resile", "status": "operational"},
    }


def _cloudevents(asked: _Asked) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"test-{asked.token}",
        "source": "/resile",
        "type": "dev.resile.test",
        "subject": KEY,
        "time": asked.at_text,
        "datacontenttype": "application/json",
        "data": {"title": TITLE, "state": asked.either("firing", "resolved")},
    }


def _json(asked: _Asked) -> Any:
    options = asked.door.options
    over = (options.resolved_when or "resolved").rpartition("=")[2].split(",")[0].strip()
    values = {"title": TITLE, "key": KEY, "state": asked.either("firing", over), "severity": "SEV5"}
    body = example_of(options, values)
    marked = body[0] if isinstance(body, list) and body else body
    if isinstance(marked, dict):
        marked["resile_test"] = asked.token
        return body
    # The door's options lead to no field of an alert; that nothing is found there is what the test shows.
    return [*body, {"resile_test": asked.token}]


def _heartbeat(asked: _Asked) -> dict[str, Any]:
    return {"ok": not asked.is_over, "text": f"a test by `resile door test`: {asked.token}"}


_BODIES: Mapping[str, Callable[[_Asked], Any]] = {
    "github": _idle,
    "gitlab": _idle,
    "cdevents": _cdevents,
    "alertmanager": _alertmanager,
    "prometheus": _prometheus,
    "grafana": _grafana,
    "pagerduty": _pagerduty,
    "pagerduty_webhook": _pagerduty_webhook,
    "opsgenie": _opsgenie,
    "datadog": _datadog,
    "sentry": _sentry,
    "statuspage": _statuspage,
    "cloudevents": _cloudevents,
    "json": _json,
    "heartbeat": _heartbeat,
}
