"""PagerDuty's Events v2, and the shape of v1: conditions that are triggered, acknowledged and resolved by a key."""

from collections.abc import Iterator

from resile.model.alert import MAX_LABEL_VALUE, Alert, AlertState
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import Telling, scalar_text
from resile.sources.doors.body import Node, read_object
from resile.sources.doors.naming import digest

_SENDER = "PagerDuty's event"
_STATES = {
    "trigger": AlertState.FIRING,
    "acknowledge": AlertState.ACKNOWLEDGED,
    "resolve": AlertState.RESOLVED,
}
# The key that the sender was answered, where the front keeps it.
_ANSWERED = "x-resile-dedup-key"
# Of the payload, kept as labels beside what custom_details tells.
_LABELS = ("source", "component", "group", "class")
_PLAYBOOKS = ("runbook_url", "runbook", "playbook_url", "playbook")
_MAX_ADDRESSES = 50


def open_door(options: DoorOptions) -> "PagerDutyEventsDoor":
    """The door for PagerDuty's events with these options."""
    return PagerDutyEventsDoor(options)


class PagerDutyEventsDoor:
    """Understands what is sent to /v2/enqueue, and what was sent to /generic/2010-04-15/create_event.json."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options

    def understand(self, delivery: Delivery) -> Understood:
        """What an event says; the routing key, which is a secret, is not part of it.

        Raises:
            ConfigError: it is no event, or ends what it does not name.
        """
        body = read_object(_SENDER, delivery.body)
        telling = Telling(self._options, delivery)
        # Told apart by how they name the kind of event.
        is_first = body["event_type"].is_told and not body["event_action"].is_told
        read = _of_first_version if is_first else _of_second_version
        return Understood(alerts=(read(telling, body, delivery),))


def made_key(delivery_id: str) -> str:
    """The key of a trigger that comes without one: of its own, as at PagerDuty; the answer to the sender tells it."""
    return digest("pagerduty", delivery_id)


def _of_second_version(telling: Telling, body: Node, delivery: Delivery) -> Alert:
    payload = body["payload"]
    state = _state(telling, body["event_action"], is_whole=payload.is_told)
    text = "" if isinstance(payload.value, dict) else telling.raw(payload)
    if not isinstance(payload.value, dict):
        payload = Node(body.sender, "payload", None)
    if state is AlertState.FIRING and not payload.is_told and not text and not body["dedup_key"].is_told:
        body["payload"].needed().refuse("says nothing", "send at least its summary, source and severity")
    own = {name: telling.raw(payload[name]) for name in _LABELS}
    labels, description = _details(telling, payload["custom_details"])
    _addresses(telling, body["links"], body["images"])
    telling.link(telling.line(body["client"]) or "client", telling.raw(body["client_url"]), "client_url")
    at = telling.instant(payload["timestamp"])
    return telling.alert(
        state=state,
        title=telling.raw(payload["summary"]) or text,
        labels={**labels, **{name: text for name, text in own.items() if text}},
        key=_key(telling, body["dedup_key"], state, delivery),
        starts_at=None if state is AlertState.RESOLVED else at,
        ends_at=at if state is AlertState.RESOLVED else None,
        severity=telling.severity([telling.raw(payload["severity"])]),
        known_by=(own["component"], own["source"], own["group"], own["class"]),
        description=description,
    )


def _of_first_version(telling: Telling, body: Node, delivery: Delivery) -> Alert:
    state = _state(telling, body["event_type"], is_whole=body["description"].is_told)
    labels, description = _details(telling, body["details"])
    _addresses(telling, body["contexts"])
    telling.link(telling.line(body["client"]) or "client", telling.raw(body["client_url"]), "client_url")
    # Of an end or an acknowledgement, the description tells of that, and not of the condition.
    title = telling.raw(body["description"])
    is_new = state is AlertState.FIRING
    return telling.alert(
        state=state,
        title=title if is_new else "",
        labels=labels,
        key=_key(telling, body["incident_key"], state, delivery),
        severity=telling.severity([labels.get("severity", "")]),
        known_by=(telling.line(body["client"]),),
        description=description if is_new else "\n".join(filter(None, (title, description))),
    )


def _state(telling: Telling, node: Node, *, is_whole: bool) -> AlertState:
    word = telling.line(node).casefold()
    state = _STATES.get(word)
    if state is not None:
        return state
    if not is_whole:
        node.needed().refuse(f"is {word!r}", "send trigger, acknowledge or resolve")
    telling.warn(f"{node.path} is {word!r}, none of trigger, acknowledge and resolve; it is taken as trigger")
    return AlertState.FIRING


def _key(telling: Telling, node: Node, state: AlertState, delivery: Delivery) -> str:
    key = telling.raw(node)
    if key.strip():
        return key
    if state is not AlertState.FIRING:
        node.needed().refuse("is empty", "send the key of what was triggered")
    telling.warn(f"it has no {node.path}, so that nothing but the answer to it tells how to resolve it")
    return delivery.headers.get(_ANSWERED) or made_key(delivery.id)


def _details(telling: Telling, node: Node) -> tuple[dict[str, str], str]:
    """Short details as labels; those of several lines, long or alone, as a description. What is nested is left."""
    text = scalar_text(node.value)
    if text is not None:
        return {}, text
    if not isinstance(node.value, dict):
        return {}, telling.raw(node)
    labels: dict[str, str] = {}
    told: list[str] = []
    for name, value in node.value.items():
        text = scalar_text(value)
        if not text:
            continue
        if name in _PLAYBOOKS:
            telling.playbook(text, f"{node.path}.{name}")
        if "\n" in text or len(text) > MAX_LABEL_VALUE:
            told.append(f"{name}:\n{text}")
        else:
            labels[name] = text
    # In the order of their names, for that of the fields may be another one each time.
    return labels, "\n\n".join(sorted(told))


def _addresses(telling: Telling, *nodes: Node) -> None:
    for node in nodes:
        for one in _objects(node):
            words = telling.line(one["text"]) or telling.line(one["alt"])
            image = telling.raw(one["src"])
            telling.link(words or ("image" if image else "link"), telling.raw(one["href"]) or image, one.path)


def _objects(node: Node) -> Iterator[Node]:
    values = node.value if isinstance(node.value, list) else []
    for number, value in enumerate(values[:_MAX_ADDRESSES]):
        if isinstance(value, dict):
            yield Node(node.sender, f"{node.path}[{number}]", value)
