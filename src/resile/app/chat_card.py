"""What the card, the topic and the name of an incident's channel say."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from resile.app.printable import printable
from resile.app.staying_clear import watched_words
from resile.channels.slack_room_card import ACKNOWLEDGE, COMMAND, ESCALATE, MITIGATED, RESTORED, Card
from resile.model.event import Event
from resile.model.incident import Incident, value_of
from resile.model.phases import Instants, Status, cause_of, instants, status_of, taker_of
from resile.model.room import Room, room_of
from resile.model.room_event import Role

MAX_NAME = 80
_MAX_TOPIC = 250
_NUMBER = re.compile(r"[A-Za-z]+-(\d+)")
_UNFIT = re.compile(r"[^a-z0-9_-]+")
_DASHES = re.compile(r"-{2,}")
_STATES = {
    Status.OPEN: "Nobody has acknowledged it yet.",
    Status.ACKNOWLEDGED: "Somebody is on it.",
    Status.IDENTIFIED: "The cause is known.",
    Status.MITIGATED: "The impact is held off.",
    Status.RESTORED: "The service is restored.",
    Status.CLOSED: "It is closed.",
}
_OVER = frozenset({Status.RESTORED, Status.CLOSED})


def card_of(
    incident_id: str, incident: Incident, timeline: Sequence[Event], *, watched_until: datetime | None, url: str | None
) -> Card:
    """The card of an incident as it stands.

    Args:
        watched_until: all its alerts are clear, and it is restored then if they stay so.
    """
    known, room = instants(incident), room_of(timeline)
    status = status_of(incident, known)
    into = value_of(incident.merged_into, None)
    severity = value_of(incident.severity, None)
    services: tuple[str, ...] = value_of(incident.services, ())
    state = _STATES[status] if into is None else f"It was merged into {into}."
    if watched_until is not None and into is None and status not in _OVER:
        words = watched_words(f"{watched_until:%Y-%m-%d %H:%M} UTC")
        state = f"{state} {words[0].upper()}{words[1:]}."
    return Card(
        incident_id=incident_id,
        title=printable(value_of(incident.title, "")),
        state=state,
        lines=(
            ("Severity", severity.value if severity else ""),
            ("Services", ", ".join(services)),
            ("Team", value_of(incident.team, None) or ""),
            *_moments(known),
            ("Taken by", taker_of(incident) or ""),
            ("Cause", cause_of(incident) or ""),
            *_roles(room),
            ("Last update", room.updates[-1].text if room.updates else ""),
        ),
        answers=() if into is not None else _answers(status, room),
        url=url,
    )


def _moments(known: Instants) -> list[tuple[str, str]]:
    named = (("Noticed", known.detected), ("Mitigated", known.mitigated), ("Restored", known.restored))
    return [(name, f"{one.at:%Y-%m-%d %H:%M} UTC") for name, one in named if one is not None]


def _roles(room: Room) -> list[tuple[str, str]]:
    return [(role.value.capitalize(), ", ".join(one.person for one in holders)) for role, holders in room.roles.items()]


def _answers(status: Status, room: Room) -> tuple[str, ...]:
    if status is Status.CLOSED:
        return ()
    if status is Status.RESTORED:
        return (COMMAND,) if room.holder(Role.COMMANDER) is None else ()
    found = [ACKNOWLEDGE] if status is Status.OPEN else []
    found.append(ESCALATE)
    found += [] if status is Status.MITIGATED else [MITIGATED]
    found.append(RESTORED)
    found += [COMMAND] if room.holder(Role.COMMANDER) is None else []
    return tuple(found)


def topic_of(incident: Incident, room: Room) -> str:
    """One line for the channel's head."""
    severity = value_of(incident.severity, None)
    commander = room.holder(Role.COMMANDER)
    parts = (
        severity.value if severity else "",
        printable(value_of(incident.title, "")),
        f"commander: {commander.person}" if commander is not None else "",
    )
    shown = " · ".join(part for part in parts if part)
    # Slack finds mentions in a topic between these signs, and says nowhere that it reads them written out.
    return shown.replace("<", "‹").replace(">", "›")[:_MAX_TOPIC]


def name_of(pattern: str, incident_id: str, incident: Incident, *, suffix: int = 1, most: int = MAX_NAME) -> str:
    """What the channel is called: small letters, digits, `-` and `_`, as Slack has it."""
    number = _NUMBER.fullmatch(incident_id)
    severity = value_of(incident.severity, None)
    services = value_of(incident.services, ())
    fields = {
        "number": number[1] if number else incident_id,
        "id": incident_id,
        "title": value_of(incident.title, ""),
        "severity": severity.value if severity else "",
        "service": services[0] if services else "",
        "date": "" if incident.declared_at is None else f"{incident.declared_at:%Y%m%d}",
    }
    fitting = pattern.format(**{name: _slug(value) for name, value in fields.items()})
    end = "" if suffix == 1 else f"-{suffix}"
    return (_slug(fitting)[: most - len(end)].rstrip("-") or "incident") + end


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _DASHES.sub("-", _UNFIT.sub("-", plain)).strip("-")
