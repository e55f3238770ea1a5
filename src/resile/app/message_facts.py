"""What messages tell, field by field: from these come the built-in words, and templates of the catalog may use them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct
from msgspec.structs import replace

from resile.analytics.words import duration
from resile.app.printable import printable, printable_lines
from resile.model.audience import Audience
from resile.model.incident import Incident, labels_of, value_of
from resile.model.phases import cause_of, instants
from resile.response.wall_clock import local

MAX_LISTED = 20
_MAX_NAME = 200
_MAX_TITLE = 500
_MAX_TEXT = 4_000
# Where alerts, and people, write down what is to be done; the first that there is.
_PLAYBOOK_LABELS = ("playbook", "playbook_url", "runbook", "runbook_url")


class Moment(Struct, frozen=True, kw_only=True):
    """An instant in words.

    Attributes:
        utc: `2026-03-01 02:14 UTC`.
        local: on the person's clock, `03:14 Europe/Berlin`; empty where that is UTC too.
        ago: how long ago, `16 min`; of one that is to come, how long until then.
    """

    utc: str
    local: str
    ago: str

    def __str__(self) -> str:
        """Both clocks."""
        return f"{self.utc} ({self.local})" if self.local else self.utc


class IncidentFacts(Struct, frozen=True, kw_only=True):
    """An incident.

    Attributes:
        since: when it was noticed.
        playbook: the address of what to do: where alerts or people wrote it down, else `playbook_page`.
        playbook_name, playbook_page: resile's own playbook that is for it, and where its steps are run.
    """

    id: str
    title: str
    severity: str
    services: tuple[str, ...]
    team: str
    since: Moment
    playbook: str
    labels: Mapping[str, str]
    playbook_name: str = ""
    playbook_page: str = ""


class PageFacts(Struct, frozen=True, kw_only=True):
    """A page.

    Attributes:
        because: why this person: `on call for payments`.
        others: titles of what else is open, the most urgent first.
        n_more: how many more of these there are.
    """

    incident: IncidentFacts
    person: str
    because: str
    others: tuple[str, ...] = ()
    n_more: int = 0


class ShiftFacts(Struct, frozen=True, kw_only=True):
    """Somebody's turn on call, which begins at `begins`; `others`: what is open then."""

    schedule: str
    person: str
    begins: Moment
    ends: Moment
    others: tuple[str, ...] = ()
    n_more: int = 0


class UpdateFacts(Struct, frozen=True, kw_only=True):
    """A status update: what somebody wrote, the phase in the writer's own word, and who it was.

    Attributes:
        incident: for customers without title, labels, team and number: nothing that is ours alone.
        audience: `responders`, `executives`, `customers`; empty where somebody wrote all of it.
        components: titles of what is affected.
        lasted: from its beginning until it was restored, or until now: `42 min`.
        next_within: `30 min`; empty: no further update is promised.
        commander, cause: who leads, and the cause where it is known; empty for customers.
    """

    incident: IncidentFacts
    text: str
    status: str
    by: str
    audience: str = ""
    components: tuple[str, ...] = ()
    lasted: str = ""
    next_within: str = ""
    commander: str = ""
    cause: str = ""


Facts = PageFacts | ShiftFacts | UpdateFacts


def moment(at: datetime, *, now: datetime, zone: str | None) -> Moment:
    """An instant in words, on the clock of a zone too where it is known."""
    ago = duration(abs((now - at).total_seconds()))
    clock = _zone(zone)
    if clock is None or not local(at, clock) - at.replace(tzinfo=None):
        return Moment(utc=f"{at:%Y-%m-%d %H:%M} UTC", local="", ago=ago)
    shown = local(at, clock)
    # The date, where it is another one.
    day = "" if shown.date() == at.date() else f"{shown:%Y-%m-%d} "
    return Moment(utc=f"{at:%Y-%m-%d %H:%M} UTC", local=f"{day}{shown:%H:%M} {clock.key}", ago=ago)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # UTC is told anyway; no page waits for a zone that this machine does not know.
        return None


class ItsPlaybook(Struct, frozen=True):
    """resile's own playbook that is for an incident: its name, and its page, empty where resile has no address."""

    name: str
    page: str


def incident_facts(
    incident: Incident,
    *,
    now: datetime,
    zone: str | None = None,
    playbook: str | None = None,
    ours: ItsPlaybook | None = None,
) -> IncidentFacts:
    """An incident as messages tell it.

    Args:
        playbook: address of what to do, where no label of the incident names it.
    """
    known = instants(incident)
    since = known.detected.at if known.detected is not None else incident.declared_at or now
    severity = value_of(incident.severity, None)
    labels = labels_of(incident)
    page = "" if ours is None else ours.page
    told = playbook_label(incident) or playbook or page
    return IncidentFacts(
        id=incident.id,
        title=_short(value_of(incident.title, ""), _MAX_TITLE) or incident.id,
        severity="" if severity is None else severity.value,
        services=tuple(_short(one, _MAX_NAME) for one in value_of(incident.services, ())[:MAX_LISTED]),
        team=_short(value_of(incident.team, None) or "", _MAX_NAME),
        since=moment(since, now=now, zone=zone),
        playbook=told if _is_address(told) else "",
        labels={name: _short(value, _MAX_TITLE) for name, value in labels.items()},
        playbook_name="" if ours is None else ours.name,
        playbook_page=page,
    )


def playbook_label(incident: Incident) -> str | None:
    """The address that a label of the incident names as its playbook."""
    labels = labels_of(incident)
    return next((labels[name] for name in _PLAYBOOK_LABELS if _is_address(labels.get(name, ""))), None)


def _is_address(words: str) -> bool:
    return words.startswith(("https://", "http://")) and words.isprintable() and " " not in words


def page_facts(
    incident: Incident,
    *,
    because: str,
    now: datetime,
    person: str = "",
    zone: str | None = None,
    playbook: str | None = None,
    ours: ItsPlaybook | None = None,
    others: Sequence[str] = (),
) -> PageFacts:
    """A page of an incident for a person whose clock shows `zone`; `others`: titles of what else is open."""
    return PageFacts(
        incident=incident_facts(incident, now=now, zone=zone, playbook=playbook, ours=ours),
        person=_short(person, _MAX_NAME),
        because=_short(because, _MAX_TITLE),
        **_listed(others),
    )


def shift_facts(
    schedule: str,
    *,
    person: str,
    begins_at: datetime,
    ends_at: datetime,
    now: datetime,
    zone: str | None = None,
    others: Sequence[str] = (),
) -> ShiftFacts:
    """A turn on call by a schedule, which is called as people call it."""
    return ShiftFacts(
        schedule=_short(schedule, _MAX_NAME),
        person=_short(person, _MAX_NAME),
        begins=moment(begins_at, now=now, zone=zone),
        ends=moment(ends_at, now=now, zone=zone),
        **_listed(others),
    )


def update_facts(
    incident: Incident, *, text: str, now: datetime, status: str | None = None, by: str = "", zone: str | None = None
) -> UpdateFacts:
    """A status update on an incident."""
    return UpdateFacts(
        incident=incident_facts(incident, now=now, zone=zone),
        text=printable_lines(text)[:_MAX_TEXT].strip(),
        status=_short(status or "", _MAX_NAME),
        by=_short(by, _MAX_NAME),
    )


def draft_facts(
    incident: Incident,
    *,
    audience: Audience,
    status: str,
    now: datetime,
    components: Sequence[str] = (),
    next_within_s: int | None = None,
    commander: str = "",
) -> UpdateFacts:
    """What a draft for an audience may tell. What customers are not to read is not in it."""
    known = instants(incident)
    facts = incident_facts(incident, now=now)
    began = known.impact_began or known.detected
    began_at = (incident.declared_at or now) if began is None else began.at
    ended_at = now if known.restored is None else known.restored.at
    facts = replace(facts, since=moment(began_at, now=now, zone=None))
    titles = tuple(_short(one, _MAX_NAME) for one in components[:MAX_LISTED])
    is_outside = audience is Audience.CUSTOMERS
    if is_outside:
        facts = replace(facts, id="", title="", severity="", services=titles, team="", playbook="", labels={})
    return UpdateFacts(
        incident=facts,
        text="",
        status=status,
        by="",
        audience=audience.value,
        components=titles,
        lasted=duration(max((ended_at - began_at).total_seconds(), 0.0)),
        next_within="" if next_within_s is None else duration(next_within_s),
        commander="" if is_outside else _short(commander, _MAX_NAME),
        cause="" if is_outside else _short(cause_of(incident) or "", _MAX_TITLE),
    )


def _listed(others: Sequence[str]) -> dict[str, Any]:
    shown = tuple(_short(one, _MAX_NAME) for one in others[:3])
    return {"others": shown, "n_more": len(others) - len(shown)}


def _short(text: str, limit: int) -> str:
    words = printable(text).strip()
    return words if len(words) <= limit else words[: limit - 1] + "…"
