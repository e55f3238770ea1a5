"""What people are told in a chat beside single sentences: how an incident stands, and what they may ask for."""

from datetime import datetime

from resile.analytics.words import duration
from resile.app.incidents import IncidentView
from resile.app.printable import printable
from resile.app.staying_clear import watched_words
from resile.model.incident import value_of
from resile.model.phases import taker_of
from resile.model.room import room_of

_HELP = (
    ("declare [SEV2] [service=NAME] WHAT", "declare an incident; page does the same and pages who is on call"),
    ("ack", "take it: nobody else is paged"),
    ("escalate", "page the next"),
    ("sev SEV1", "say how bad it is"),
    ("identified CAUSE", "say that the cause is known"),
    ("mitigated, restored, closed", "say that this was reached"),
    ("reopen WHY", "say that it was not over"),
    ("note TEXT", "write something into the timeline"),
    ("task TEXT", "say what is to be done"),
    ("role commander @ann", "say who does what; without a name it is you, none: nobody"),
    ("update [for=customers] TEXT", "tell responders, executives or customers; one that waits: update agree 00012"),
    ("status", "how it stands"),
    ("open", "make a channel for it"),
)


def help_text(command: str, *, makes_channels: bool) -> str:
    """What may be asked for, a line for each."""
    shown = _HELP if makes_channels else [one for one in _HELP if one[0] != "open"]
    lines = [f"{command} {words}: {what}" for words, what in shown]
    where = "In an incident's channel it is meant; elsewhere name it" if makes_channels else "Name the incident"
    where = f"{where}: {command} ack INC-7"
    return "\n".join([*lines, where])


def status_text(view: IncidentView, *, watched_until: datetime | None, url: str | None) -> str:
    """How an incident stands, in few lines; `watched_until` as in its card."""
    incident, room = view.incident, room_of(view.timeline)
    severity = value_of(incident.severity, None)
    named = f"{incident.id} {severity.value if severity else ''}".strip()
    lines = [f"{named}: {printable(value_of(incident.title, ''))}", f"It is {view.status.value}."]
    began, restored = view.instants.detected, view.instants.restored
    if began is not None and restored is not None:
        lines.append(f"It took {duration((restored.at - began.at).total_seconds())}.")
    elif began is not None:
        lines.append(f"Noticed {began.at:%Y-%m-%d %H:%M} UTC.")
    if watched_until is not None and restored is None:
        words = watched_words(f"{watched_until:%Y-%m-%d %H:%M} UTC")
        lines.append(f"{words[0].upper()}{words[1:]}.")
    taker = taker_of(incident)
    lines += [f"Taken by {taker}."] if taker else []
    lines += [f"{role.value.capitalize()}: {', '.join(one.person for one in has)}" for role, has in room.roles.items()]
    n_open = sum(task.state.value == "open" for task in room.tasks)
    lines += [f"{n_open} task{'' if n_open == 1 else 's'} open."] if n_open else []
    lines += [url] if url is not None else []
    return "\n".join(lines)
