"""What to enter at a sender so that it knocks at our door, to copy and paste."""

import json
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from resile.app.door_examples import example_of
from resile.ports.door_book import Door

# Stands where the secret is not shown.
HIDDEN = "SECRET"


class Recipe(Struct, frozen=True):
    """One way to set a sender up.

    Attributes:
        words: where it is entered, one sentence without its full stop.
        text: what is entered there.
    """

    words: str
    text: str


def recipes_of(door: Door, address: str, secret: str | None) -> tuple[Recipe, ...]:
    """What to enter, the likeliest way first.

    Args:
        address: whole, as the sender is told it; it may hold the secret.
        secret: None of a door that has none.
    """
    if not door.has_secret:
        event = _EVENTS.get(door.kind, "")
        head = f"curl {address} -H 'Content-Type: application/json'{event} -d @event.json"
        return (Recipe("On this machine", head if door.kind != "heartbeat" else f"curl -fsS {address}"),)
    return _TOLD[door.kind](door, address, secret or HIDDEN)


# Of a door without a secret, which no sender elsewhere can reach.
_EVENTS = {"github": " -H 'X-GitHub-Event: deployment_status'", "gitlab": " -H 'X-Gitlab-Event: Deployment Hook'"}


def _github(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    events = (
        "deployment",
        "deployment_status",
        "pull_request",
        "pull_request_review",
        "push",
        "release",
        "workflow_run",
    )
    asked = " \\\n  ".join(f"-f 'events[]={event}'" for event in events)
    return (
        Recipe(
            "At GitHub, of the repository or the organisation: Settings > Webhooks > Add webhook",
            f"Payload URL   {address}\nContent type  application/json\nSecret        {secret}\n"
            "Events        Deployments, Deployment statuses, Pull requests, Pull request reviews, Pushes, Releases, "
            "Workflow runs",
        ),
        Recipe(
            "Or with GitHub's command line, for one repository",
            "gh api repos/OWNER/REPOSITORY/hooks -f name=web -F active=true \\\n"
            f"  -f 'config[url]={address}' -f 'config[content_type]=json' \\\n"
            f"  -f 'config[secret]={secret}' \\\n  {asked}",
        ),
    )


def _gitlab(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    return (
        Recipe(
            "At GitLab, of the project or the group: Settings > Webhooks > Add new webhook",
            f"URL           {address}\nSecret token  {secret}\n"
            "Trigger       Push events, Merge request events, Comments, Deployment events, Pipeline events, "
            "Releases events",
        ),
    )


def _cdevents(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    return (
        Recipe(
            "At the sender of CDEvents (structured or binary CloudEvents over HTTP)",
            f"URL     {address}\nHeader  Authorization: Bearer {secret}",
        ),
        _curl(address, _bearer(secret), "-H 'Content-Type: application/cloudevents+json' -d @event.json"),
    )


def _prometheus(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    at = urlsplit(address)
    return (
        Recipe(
            "In prometheus.yml, beside an Alertmanager or in its place",
            "alerting:\n  alertmanagers:\n"
            f"    - scheme: {at.scheme}\n      path_prefix: {at.path}\n"
            f"      authorization:\n        credentials: {secret}\n"
            f'      static_configs:\n        - targets: ["{at.netloc}"]',
        ),
    )


def _alertmanager(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    return (
        Recipe(
            "In alertmanager.yml; name the receiver in a route",
            "receivers:\n  - name: resile\n    webhook_configs:\n"
            f"      - url: {address}\n        send_resolved: true\n        http_config:\n"
            f"          authorization:\n            credentials: {secret}",
        ),
    )


def _grafana(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    return (
        Recipe(
            "At Grafana: Alerting > Contact points > Add contact point > Webhook",
            f"URL                                {address}\nHTTP Method                        POST\n"
            f"Authorization Header - Scheme      Bearer\nAuthorization Header - Credentials {secret}",
        ),
        Recipe(
            "Or as a file in Grafana's provisioning/alerting",
            "apiVersion: 1\ncontactPoints:\n  - orgId: 1\n    name: resile\n    receivers:\n"
            "      - uid: resile\n        type: webhook\n        settings:\n"
            f"          url: {address}\n          httpMethod: POST\n"
            f"          authorization_scheme: Bearer\n          authorization_credentials: {secret}",
        ),
    )


def _pagerduty(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    base = address.removesuffix("/v2/enqueue")
    event = {
        "routing_key": secret,
        "event_action": "trigger",
        "dedup_key": "disk-db1",
        "payload": {"summary": "Disk of db1 is full", "source": "db1", "severity": "critical"},
    }
    return (
        Recipe(
            "At the sender of PagerDuty events, where the address can be set from events.pagerduty.com to another",
            f"Events v2       {address}\nChange events   {base}/v2/change/enqueue\n"
            f"Events v1       {base}/generic/2010-04-15/create_event.json\nIntegration key {secret}",
        ),
        Recipe("Or with curl", f"curl {address} -H 'Content-Type: application/json' -d '{json.dumps(event)}'"),
    )


def _pagerduty_webhook(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    del secret
    return (
        Recipe(
            "At PagerDuty: Integrations > Generic Webhooks (v3) > New Webhook; the door got its secret",
            f"Webhook URL         {address}\n"
            "Event Subscription  incident.triggered, incident.acknowledged, incident.unacknowledged, "
            "incident.priority_updated, incident.reopened, incident.resolved",
        ),
    )


def _opsgenie(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    alert = {"message": "Disk of db1 is full", "alias": "disk-db1", "priority": "P1"}
    key = f"-H 'Authorization: GenieKey {secret}' -H 'Content-Type: application/json'"
    return (
        Recipe(
            "At the sender of Opsgenie alerts, where the address can be set from api.opsgenie.com to another",
            f"API URL  {address.removesuffix('/v2/alerts')}\nAPI key  {secret}",
        ),
        Recipe(
            "Or with curl",
            f"curl {address} {key} -d '{json.dumps(alert)}'\n"
            f"curl '{address}/disk-db1/close?identifierType=alias' {key} -d '{{}}'",
        ),
    )


_DATADOG = {
    "alert_title": "$ALERT_TITLE",
    "alert_transition": "$ALERT_TRANSITION",
    "alert_type": "$ALERT_TYPE",
    "alert_cycle_key": "$ALERT_CYCLE_KEY",
    "alert_id": "$ALERT_ID",
    "alert_scope": "$ALERT_SCOPE",
    "alert_metric": "$ALERT_METRIC",
    "alert_priority": "$ALERT_PRIORITY",
    "aggreg_key": "$AGGREG_KEY",
    "hostname": "$HOSTNAME",
    "tags": "$TAGS",
    "date": "$DATE",
    "link": "$LINK",
    "snapshot": "$SNAPSHOT",
    "text_only_msg": "$TEXT_ONLY_MSG",
}


def _datadog(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    return (
        Recipe(
            "At Datadog: Integrations > Webhooks > New; name it resile, and write @webhook-resile into monitors",
            address,
        ),
        Recipe("Its payload, as JSON (leave Encode as form unticked)", json.dumps(_DATADOG, indent=2)),
        Recipe("Its custom headers", json.dumps({"Authorization": f"Bearer {secret}"})),
    )


def _sentry(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    del secret
    return (
        Recipe(
            "At Sentry: Settings > Custom Integrations > Internal Integration; the door got its client secret",
            f"Webhook URL        {address}\nAlert Rule Action  on\nPermissions        Issue & Event: Read\n"
            "Webhooks           issue",
        ),
    )


def _statuspage(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    del secret
    return (
        Recipe(
            "On the status page: Subscribe to updates > webhook; the address is the secret, for Statuspage cannot sign",
            address,
        ),
    )


def _cloudevents(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/shop",
        "type": "com.example.alert",
        "data": {"title": "Disk full"},
    }
    return (
        Recipe("At the sender of CloudEvents", f"URL     {address}\nHeader  Authorization: Bearer {secret}"),
        _curl(address, _bearer(secret), f"-H 'Content-Type: application/cloudevents+json' -d '{json.dumps(event)}'"),
    )


def _json(door: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    body = json.dumps(
        example_of(door.options, {"title": "Disk of db1 is full", "key": "disk-db1", "severity": "critical"})
    )
    return (_curl(address, _bearer(secret), f"-H 'Content-Type: application/json' -d '{body}'"),)


def _heartbeat(_: Door, address: str, secret: str) -> tuple[Recipe, ...]:
    bare = address.removesuffix(f"/{secret}")
    call = "curl -fsS -m 10 --retry 5"
    return (
        Recipe(
            "In a crontab, around the job; the address is the secret",
            f"0 * * * * if /usr/local/bin/job; then {call} {address}; else {call} {address}/fail; fi",
        ),
        Recipe("Or with the secret in a header", f"{call} {_bearer(secret)} {bare}"),
    )


def _bearer(secret: str) -> str:
    return f"-H 'Authorization: Bearer {secret}'"


def _curl(address: str, *more: str) -> Recipe:
    return Recipe("With curl", f"curl {address} {' '.join(more)}")


_TOLD: Mapping[str, Callable[[Door, str, str], tuple[Recipe, ...]]] = {
    "github": _github,
    "gitlab": _gitlab,
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
