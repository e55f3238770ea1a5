"""Bodies of alerts as their senders make them."""

from typing import Any

from resile.model.alert import Alert
from resile.ports.delivery_door import DoorOptions
from resile.sources.doors.registry import open_door
from tests.sources.doors.bodies import any_cloud_event, cdevents_incident, delivery

FIRING = "0001-01-01T00:00:00Z"


def heard(kind: str, body: Any, headers: dict[str, str] | None = None, **options: Any) -> Alert:
    """The one alert that a door hears in a body."""
    (alert,) = open_door(kind, DoorOptions(**options)).understand(delivery(kind, body, headers)).alerts
    return alert


def prometheus_alert(**fields: Any) -> dict[str, Any]:
    """One that Prometheus sends: it began at 11:50, and holds until 12:04 if nothing more is heard."""
    return {
        "labels": {
            "alertname": "CheckoutErrorRate",
            "service": "checkout",
            "severity": "critical",
            "instance": "10.0.0.7:9100",
            "job": "checkout-pods",
        },
        "annotations": {
            "summary": "Checkout fails for 7 % of all orders",
            "description": "More than 5 % for 10 minutes.\nSee the dashboard.",
            "runbook_url": "https://playbooks.acme.example/checkout-errors",
            "dashboard_url": "https://grafana.acme.example/d/checkout",
        },
        "startsAt": "2024-03-04T11:50:00.123456789Z",
        "endsAt": "2024-03-04T12:04:00Z",
        "generatorURL": "https://prometheus.acme.example/graph?g0.expr=rate",
        **fields,
    }


def notified_alert(status: str = "firing", **fields: Any) -> dict[str, Any]:
    """One as it stands in a notification."""
    ends_at = FIRING if status == "firing" else "2024-03-04T11:58:00Z"
    return prometheus_alert(status=status, endsAt=ends_at, fingerprint="c6eadffa33fcdf37", **fields)


def notification(*alerts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What Alertmanager sends to a webhook."""
    return {
        "version": "4",
        "groupKey": '{}/{team="payments"}:{alertname="CheckoutErrorRate"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "resile",
        "groupLabels": {"alertname": "CheckoutErrorRate"},
        "commonLabels": {"alertname": "CheckoutErrorRate", "service": "checkout"},
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.acme.example",
        "alerts": list(alerts or [notified_alert()]),
        **fields,
    }


def grafana(*alerts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What Grafana sends to a webhook."""
    one = {
        "status": "firing",
        "labels": {"alertname": "High memory", "service": "cart", "severity": "warning", "grafana_folder": "Shop"},
        "annotations": {"description": "Memory of cart is above 80 %."},
        "startsAt": "2024-03-04T12:51:03+01:00",
        "endsAt": FIRING,
        "generatorURL": "https://grafana.acme.example/alerting/grafana/ad1/view",
        "fingerprint": "57c6d9296de2ad39",
        "silenceURL": "https://grafana.acme.example/alerting/silence/new",
        "dashboardURL": "",
        "panelURL": "https://grafana.acme.example/d/mem?viewPanel=2",
        "ruleUID": "ad1",
        "values": {"B": 84.25, "C": 1},
    }
    return {
        "receiver": "resile",
        "status": "firing",
        "orgId": 1,
        "alerts": list(alerts or [one]),
        "groupLabels": {"alertname": "High memory"},
        "commonLabels": {"alertname": "High memory"},
        "commonAnnotations": {},
        "externalURL": "https://grafana.acme.example/",
        "version": "1",
        "groupKey": '{}:{alertname="High memory"}',
        "truncatedAlerts": 0,
        "title": "[FIRING:1] High memory Shop (cart)",
        "state": "alerting",
        "message": "**Firing**",
        **fields,
    }


def pagerduty_event(action: str = "trigger", **fields: Any) -> dict[str, Any]:
    """An event of Events v2."""
    payload = {
        "summary": "Queue of the mailer is 40,000 long",
        "source": "mail-7.acme.example",
        "severity": "error",
        "timestamp": "2024-03-04T11:59:00.000+0000",
        "component": "postfix",
        "group": "mail",
        "class": "queue length",
        "custom_details": {"service": "mailer", "length": 40_000, "log": "first\nsecond", "nested": {"a": [1]}},
    }
    return {
        "routing_key": "0123456789abcdef0123456789abcdef",
        "event_action": action,
        "dedup_key": "mailer/queue",
        "client": "Nagios",
        "client_url": "https://nagios.acme.example/queue",
        "links": [{"href": "https://wiki.acme.example/queue", "text": "How the queue works"}],
        "images": [{"src": "https://nagios.acme.example/queue.png", "alt": "Queue"}],
        **({"payload": payload} if action == "trigger" else {}),
        **fields,
    }


def pagerduty_event_v1(kind: str = "trigger", **fields: Any) -> dict[str, Any]:
    """An event in the shape of before."""
    return {
        "service_key": "0123456789abcdef0123456789abcdef",
        "event_type": kind,
        "incident_key": "shop/disk",
        "description": "Disk of shop is full",
        "client": "Zabbix",
        "client_url": "https://zabbix.acme.example/1",
        "details": {"service": "shop", "severity": "critical", "free": "0 %"},
        "contexts": [{"type": "image", "src": "https://zabbix.acme.example/1.png"}],
        **fields,
    }


def pagerduty_webhook(
    kind: str = "incident.triggered", at: str = "2024-03-04T11:00:00Z", **data: Any
) -> dict[str, Any]:
    """An event of a webhook subscription of PagerDuty's."""
    incident = {
        "id": "PGR0VU2",
        "type": "incident",
        "html_url": "https://acme.pagerduty.example/incidents/PGR0VU2",
        "number": 2,
        "status": "triggered",
        "incident_key": "mailer/queue",
        "created_at": "2024-03-04T11:00:00Z",
        "title": "Mails are not sent",
        "service": {"id": "PF9KMXH", "summary": "mailer", "type": "service_reference"},
        "assignees": [{"id": "PTUXL6G", "summary": "Ann", "type": "user_reference"}],
        "escalation_policy": {"id": "PUS0KTE", "summary": "Mail", "type": "escalation_policy_reference"},
        "teams": [{"id": "PFCVPS0", "summary": "post", "type": "team_reference"}],
        "priority": {"id": "PSO75BM", "summary": "P1", "type": "priority_reference"},
        "urgency": "high",
        "resolve_reason": None,
    }
    return {
        "event": {
            "id": "01BRB6ZP4M",
            "event_type": kind,
            "resource_type": "incident",
            "occurred_at": at,
            "agent": {"id": "PLH1HKV", "summary": "Ann", "type": "user_reference"},
            "client": None,
            "data": data or incident,
        }
    }


def pagerduty_note(kind: str = "incident_note", **data: Any) -> dict[str, Any]:
    """What somebody writes to an incident."""
    told = {
        "incident": {"id": "PGR0VU2", "summary": "Mails are not sent", "type": "incident_reference"},
        "id": "P2LA89X",
        "type": kind,
        "content": "Restarted it.",
        "message": "We are at it.",
        **data,
    }
    event = "incident.annotated" if kind == "incident_note" else "incident.status_update_published"
    return pagerduty_webhook(event, "2024-03-04T11:20:00Z", **told)


def opsgenie(**fields: Any) -> dict[str, Any]:
    """A request that creates an alert."""
    return {
        "message": "Backups of shop fail",
        "alias": "shop/backup",
        "description": "Two nights in a row.",
        "responders": [{"type": "user", "username": "ann@acme.example"}, {"type": "team", "name": "storage"}],
        "tags": ["nightly", "env:production"],
        "details": {"region": "eu-1", "runbook_url": "https://playbooks.acme.example/backup"},
        "entity": "shop",
        "source": "backup-1",
        "priority": "P2",
        **fields,
    }


def datadog(transition: str = "Triggered", **fields: Any) -> dict[str, Any]:
    """What Datadog makes of our template."""
    return {
        "alert_cycle_key": "3141592653589793238",
        "alert_transition": transition,
        "alert_title": "Load of web is high",
        "event_title": "[Triggered on {host:web-1}] Load of web is high",
        "text_only_msg": "%%%\nLoad was > 4.\n%%%",
        "alert_type": "error",
        "alert_priority": "P2",
        "alert_id": "1234",
        "alert_metric": "system.load.1",
        "alert_scope": "host:web-1",
        "hostname": "web-1",
        "tags": "service:web,env:production,critical-path",
        "link": "https://app.datadoghq.example/monitors/1234",
        "snapshot": "https://snapshots.datadoghq.example/1.png",
        "date": "1709553540000",
        "aggreg_key": "9bd4ac31",
        **fields,
    }


def sentry_issue(action: str = "created", **issue: Any) -> dict[str, Any]:
    """Sentry's webhook on an issue."""
    return {
        "action": action,
        "actor": {"type": "user", "id": 789, "name": "ann"},
        "installation": {"uuid": "a8e5d37a"},
        "data": {
            "issue": {
                "id": "1170820242",
                "shortId": "SHOP-1",
                "title": "ZeroDivisionError: division by zero",
                "culprit": "cart.total",
                "level": "error",
                "status": "unresolved",
                "substatus": "new",
                "web_url": "https://acme.sentry.example/issues/1170820242/",
                "project": {"id": "4", "name": "Shop", "slug": "shop"},
                "firstSeen": "2024-03-04T11:40:00Z",
                "lastSeen": "2024-03-04T11:55:00Z",
                "assignedTo": None,
                **issue,
            }
        },
    }


def sentry_event() -> dict[str, Any]:
    """Sentry's webhook on an issue alert."""
    return {
        "action": "triggered",
        "actor": {"type": "application", "id": "sentry", "name": "Sentry"},
        "data": {
            "triggered_rule": "Many errors",
            "event": {
                "issue_id": "1170820242",
                "title": "ZeroDivisionError: division by zero",
                "message": "",
                "culprit": "cart.total",
                "level": "fatal",
                "environment": "production",
                "datetime": "2024-03-04T11:58:00.951000Z",
                "project": 4,
                "tags": [["browser", "Firefox"], ["level", "fatal"], ["odd"]],
                "url": "https://acme.sentry.example/api/0/projects/acme/shop/events/e4874d66/",
                "web_url": "https://acme.sentry.example/issues/1170820242/events/e4874d66/",
            },
        },
    }


def sentry_metric(action: str = "critical") -> dict[str, Any]:
    """Sentry's webhook on a metric alert."""
    return {
        "action": action,
        "actor": {"type": "application", "id": "sentry", "name": "Sentry"},
        "data": {
            "description_title": "Critical: Too many errors",
            "description_text": "1000 events in the last 10 minutes",
            "web_url": "https://acme.sentry.example/alerts/rules/details/7/",
            "metric_alert": {
                "id": "1170820242",
                "identifier": "7",
                "title": "Too many errors",
                "date_started": "2024-03-04T11:50:00Z",
                "date_closed": "2024-03-04T11:59:00Z" if action == "resolved" else None,
                "projects": ["shop"],
                "alert_rule": {"name": "Too many errors", "environment": "production", "aggregate": "count()"},
            },
        },
    }


def statuspage(**fields: Any) -> dict[str, Any]:
    """What a subscriber of a status page is sent."""
    return {
        "meta": {"unsubscribe": "https://status.acme.example/?unsubscribe=j0vqr9kl3513"},
        "page": {"id": "j2mfxwj97wnj", "status_indicator": "major", "status_description": "Partial System Outage"},
        "incident": {
            "id": "rclfxz2g21ly",
            "name": "Carts are lost",
            "status": "identified",
            "impact": "major",
            "created_at": "2024-03-04T11:00:00.000Z",
            "updated_at": "2024-03-04T11:30:00.000Z",
            "resolved_at": None,
            "shortlink": "https://stspg.example/pkvpcwjwqd5b",
            "components": [{"id": "vfkmjq7zxw0m", "name": "Cart", "status": "major_outage"}],
            "incident_updates": [
                {
                    "id": "drfcwbnpxnr6",
                    "status": "identified",
                    "body": "It is the database.\nWe fail over.",
                    "created_at": "2024-03-04T11:30:00.000Z",
                    "updated_at": "2024-03-04T11:30:00.000Z",
                    "display_at": "2024-03-04T11:30:00.000Z",
                },
                {
                    "id": "x5fcwbnpxnr1",
                    "status": "investigating",
                    "body": "We look into it.",
                    "created_at": "2024-03-04T11:00:00.000Z",
                    "updated_at": "2024-03-04T11:00:00.000Z",
                    "display_at": "2024-03-04T11:00:00.000Z",
                },
            ],
            **fields,
        },
    }


SENTRY = "sentry-hook-resource"
SENT: list[tuple[str, dict[str, str], Any]] = [
    ("alertmanager", {}, notification(notified_alert(), notified_alert("resolved"))),
    ("prometheus", {}, [prometheus_alert()]),
    ("grafana", {}, grafana()),
    ("pagerduty_events", {}, pagerduty_event()),
    ("pagerduty_events", {}, pagerduty_event("resolve")),
    ("pagerduty_events", {}, pagerduty_event_v1()),
    ("pagerduty_webhook", {}, pagerduty_webhook()),
    ("pagerduty_webhook", {}, pagerduty_note()),
    ("opsgenie", {}, opsgenie()),
    (
        "opsgenie",
        {"x-resile-path": "/v2/alerts/shop%2Fbackup/close?identifierType=alias"},
        {"user": "ann", "note": "x"},
    ),
    ("datadog", {}, datadog()),
    ("sentry", {SENTRY: "issue"}, sentry_issue()),
    ("sentry", {SENTRY: "event_alert"}, sentry_event()),
    ("sentry", {SENTRY: "metric_alert"}, sentry_metric()),
    ("statuspage", {}, statuspage()),
    ("cdevents", {}, cdevents_incident()),
    ("cloudevents", {}, any_cloud_event()),
    ("json", {}, {"alert": {"name": "Disk is full", "status": "firing", "service": "shop", "id": 7, "host": "web-1"}}),
    ("heartbeat", {}, {"ok": False, "text": "Backup failed"}),
]
