"""Opsgenie's alert API: alerts created, acknowledged and closed by their alias."""

from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from resile.model.alert import Alert, AlertState, fingerprint_of
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.sources.doors.alert_parts import PATH, Telling, labels_of_tags, scalar_text
from resile.sources.doors.body import Node, printable, read_object

_SENDER = "Opsgenie's request"
# As Opsgenie has it.
_DEFAULT_PRIORITY = "P3"
_ENDS = {"close": AlertState.RESOLVED, "acknowledge": AlertState.ACKNOWLEDGED}
_MAX_PATH = 4_000
_MAX_TAGS = 100
_PLAYBOOKS = ("runbook_url", "runbook", "playbook_url", "playbook")


def open_door(options: DoorOptions) -> "OpsgenieDoor":
    """The door for requests to Opsgenie with these options."""
    return OpsgenieDoor(options)


class OpsgenieDoor:
    """Understands what is sent to /v2/alerts and below it."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options

    def understand(self, delivery: Delivery) -> Understood:
        """What a request says; the header `x-resile-path` has its path, without which it creates an alert.

        Raises:
            ConfigError: it is no such request.
        """
        asked = _asked(delivery.headers.get(PATH, "")[:_MAX_PATH])
        # An end needs no body.
        is_bare = bool(asked.action) and not delivery.body.strip()
        body = read_object(_SENDER, b"{}" if is_bare else delivery.body)
        telling = Telling(self._options, delivery)
        if asked.identifier and asked.action in _ENDS:
            return Understood(alerts=(_ended(telling, body, asked),))
        if asked.identifier or asked.action:
            return Understood(
                unmapped=f"a request to {asked.action or 'change'} an alert, of which resile takes nothing"
            )
        return Understood(alerts=(_created(telling, body),))


class _Asked(NamedTuple):
    """What a path asks, and of which alert."""

    identifier: str = ""
    action: str = ""


def _asked(path: str) -> _Asked:
    """Read `/v2/alerts/ALIAS/close?identifierType=alias`, whatever stands before it."""
    place, _, query = path.partition("?")
    _, is_found, rest = place.partition("/v2/alerts")
    if not is_found:
        return _Asked()
    parts = [unquote(part) for part in rest.strip("/").split("/")] if rest.strip("/") else []
    if not parts:
        return _Asked()
    if len(parts) == 1 and parts[0] in _ENDS:  # as the version before had it: the alias is a parameter
        return _Asked(next(iter(_parameter(query, "alias")), ""), parts[0])
    return _Asked(parts[0], printable(parts[1], 40) if len(parts) > 1 else "")


def _parameter(query: str, name: str) -> list[str]:
    try:
        return parse_qs(query, max_num_fields=32).get(name, [])
    except ValueError:
        return []


def _ended(telling: Telling, body: Node, asked: _Asked) -> Alert:
    return telling.alert(
        state=_ENDS[asked.action],
        title="",
        labels={},
        key=asked.identifier,
        description=telling.raw(body["note"]),
        by=telling.line(body["user"]),
    )


def _created(telling: Telling, body: Node) -> Alert:
    details = telling.texts(body["details"])
    entity, source = telling.raw(body["entity"]), telling.raw(body["source"])
    for name in _PLAYBOOKS:
        telling.playbook(details.get(name, ""), f"details.{name}")
    labels = {**labels_of_tags(_tags(body["tags"])), **details}
    own = {"entity": entity, "source": source, "team": details.get("team", "") or _team(telling, body)}
    labels |= {name: text for name, text in own.items() if text}
    message = telling.raw(body["message"])
    key = telling.raw(body["alias"])
    if not (message or key or labels or body["description"].is_told):
        body["message"].needed().refuse("is empty", "fill it in")
    if not key.strip():
        telling.warn("it has no alias, so that nothing can close it; those that say the same count as the same alert")
        key = fingerprint_of({"message": message, **labels})
    return telling.alert(
        state=AlertState.FIRING,
        title=message,
        labels=labels,
        key=key,
        severity=telling.severity([telling.raw(body["priority"]) or _DEFAULT_PRIORITY]),
        service=entity,
        known_by=(source,),
        description=telling.raw(body["description"]),
    )


def _tags(node: Node) -> list[str]:
    value = node.value
    if isinstance(value, str):
        return value.split(",")[:_MAX_TAGS]
    return [scalar_text(one) or "" for one in value[:_MAX_TAGS]] if isinstance(value, list) else []


def _team(telling: Telling, body: Node) -> str:
    """The first team that is to answer."""
    for field in ("responders", "teams"):
        value = body[field].value
        for number, one in enumerate(value[:_MAX_TAGS] if isinstance(value, list) else []):
            if isinstance(one, dict) and (field == "teams" or one.get("type") == "team"):
                name = telling.line(Node(body.sender, f"{field}[{number}]", one)["name"])
                if name:
                    return name
    return ""
