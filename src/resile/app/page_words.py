"""What a page says where no template of the catalog says it otherwise."""

from collections.abc import Sequence
from datetime import datetime

from resile.model.event import Event
from resile.model.incident import Incident, value_of
from resile.response.escalate import NewPage


def plain_words(incident: Incident, events: Sequence[Event], page: NewPage, *, now: datetime) -> tuple[str, str]:
    """Title and text: what is wrong, how bad, where, and why this person is called."""
    del events, now
    title = value_of(incident.title, "") or incident.id
    severity = value_of(incident.severity, None)
    services = ", ".join(() if incident.services is None else incident.services.value)
    told = [f"{incident.id}: {title}."]
    told += [f"Severity {severity}."] if severity is not None else []
    told += [f"Affected: {services}."] if services else []
    told.append(f"You are paged because: {page.why}.")
    return title, " ".join(told)
