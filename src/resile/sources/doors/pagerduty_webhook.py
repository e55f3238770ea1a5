"""PagerDuty's webhooks, version 3: what happened to its incidents, as it happens."""

from datetime import datetime

from resile.model.draft import Draft, Step
from resile.model.errors import ConfigError
from resile.model.event import Exclusion, Source
from resile.model.severity import Severity, parse_severity
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import prose
from resile.sources.doors.body import MAX_TITLE, Node, printable, read_object
from resile.sources.doors.naming import Naming, bounded_ref

# As the import of an export calls them: what is told at both is one incident.
ORIGIN = "pagerduty"
_SENDER = "PagerDuty's webhook"
_MAX_TEXT = 8_000
_MAX_NAMES = 20
# What happens to an incident and changes none of its instants, in the words of the log of an export.
_NOTED = {
    "incident.escalated": "escalate",
    "incident.delegated": "delegate",
    "incident.reassigned": "assign",
    "incident.unacknowledged": "unacknowledge",
}
_INCIDENT = "incident"
_NOTE = "incident_note"
_UPDATE = "incident_status_update"
_RESPONDER = "incident_responder"


def open_door(options: DoorOptions) -> "PagerDutyWebhookDoor":
    """The door for PagerDuty's webhooks with these options."""
    return PagerDutyWebhookDoor(options)


class PagerDutyWebhookDoor:
    """Understands the events of a webhook subscription."""

    def __init__(self, options: DoorOptions) -> None:
        self._naming = Naming(options)

    def understand(self, delivery: Delivery) -> Understood:
        """What happened to an incident; each event tells only that, and what was told before still holds.

        Raises:
            ConfigError: it is no event of version 3.
        """
        event = read_object(_SENDER, delivery.body)["event"].needed()
        kind = event["event_type"].needed_text()
        data = event["data"]
        told = data["type"].text() if data.is_told else None
        if not kind.startswith("incident.") or told not in {_INCIDENT, _NOTE, _UPDATE, _RESPONDER}:
            return Understood(unmapped=f"an event {kind!r}, of which resile takes nothing")
        at = event["occurred_at"].needed_instant()
        draft = self._incident(event, kind, at) if told == _INCIDENT else self._word(event, told or "", at)
        return Understood(incidents=(draft,))

    def _incident(self, event: Node, kind: str, at: datetime) -> Draft:
        """An incident as it is now, with the instant of what just happened."""
        data = event["data"]
        created = data["created_at"].instant()
        service = _summary(data["service"])
        service = self._naming.service(service, otherwise=service)
        labels = {"urgency": data["urgency"].text(), "escalation_policy": _summary(data["escalation_policy"])}
        is_merged = "merge" in (_summary(data["resolve_reason"]) or _type(data["resolve_reason"]) or "")
        steps = [Step("detected", created)] if created is not None else []
        return Draft(
            origin=ORIGIN,
            ref=bounded_ref(data["id"].name()),
            title=data["title"].text(MAX_TITLE) or data["summary"].text(MAX_TITLE) or "",
            severity=_severity(data["priority"]),
            services=(service,) if service else (),
            team=next((name for one in data["teams"].items() if (name := _summary(one))), None),
            labels={name: text for name, text in labels.items() if text},
            exclusion=Exclusion.NOISE if is_merged else None,
            url=data["html_url"].url(),
            as_of=at,
            steps=(*steps, *_happened(event, kind, at)),
            adds=True,
        )

    @staticmethod
    def _word(event: Node, told: str, at: datetime) -> Draft:
        """What somebody wrote or answered: it names its incident, and tells no more of it."""
        data = event["data"]
        incident = data["incident"].needed()
        text = prose(data["content" if told == _NOTE else "message"].raw_text() or "", _MAX_TEXT)
        who = _summary(event["agent"]) or _summary(data["user"])
        if told == _UPDATE:
            step = Step("updated", at, text=text)
        elif told == _NOTE:
            step = Step("noted", at, text=_joined(f"annotate by {who}" if who else "annotate", text))
        else:
            said = f"responder {_summary(data['user']) or 'asked'} is {data['state'].text() or 'asked'}"
            step = Step("noted", at, text=_joined(said, text))
        return Draft(
            origin=ORIGIN,
            ref=bounded_ref(incident["id"].name()),
            title=incident["summary"].text(MAX_TITLE) or "",
            url=incident["html_url"].url(),
            as_of=at,
            steps=(step,),
            adds=True,
        )


def _happened(event: Node, kind: str, at: datetime) -> tuple[Step, ...]:
    agent = event["agent"]
    who = _summary(agent)
    if kind == "incident.acknowledged":
        return (Step("acknowledged", at, text=who),)
    if kind == "incident.resolved":
        return (Step("restored", at, _source(agent)),)
    if kind == "incident.reopened":
        return (Step("reopened", at),)
    word = _NOTED.get(kind)
    if word is None:
        return ()
    names = [name for one in event["data"]["assignees"].items() if (name := _summary(one))][:_MAX_NAMES]
    to, by = (f"to {', '.join(names)}" if names else ""), (f"by {who}" if who else "")
    return (Step("noted", at, text=printable(" ".join(filter(None, (word, to, by))), MAX_TITLE)),)


def _source(agent: Node) -> Source:
    """Nobody's word is a timeout's conclusion, a tool's a measurement, a person's is reported."""
    if not agent.is_told:
        return Source.INFERRED
    is_tool = (_type(agent) or "").endswith(("integration_reference", "service_reference", "service"))
    return Source.MEASURED if is_tool else Source.REPORTED


def _severity(priority: Node) -> Severity | None:
    """As an import reads it, so that both say the same."""
    try:
        return parse_severity(_summary(priority) or "")
    except ConfigError:
        return None


def _summary(node: Node) -> str | None:
    """What a reference calls what it refers to."""
    if not isinstance(node.value, dict):
        return None
    return node["summary"].text() or node["name"].text()


def _type(node: Node) -> str | None:
    return node["type"].text() if isinstance(node.value, dict) else None


def _joined(said: str, words: str) -> str:
    return f"{said}: {words}" if words else said
