"""What messages say: by a template of the catalog where there is one that works, else in words of our own."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from msgspec import Struct

from resile.app.catalog import Catalog
from resile.app.message_facts import (
    Facts,
    IncidentFacts,
    ItsPlaybook,
    PageFacts,
    ShiftFacts,
    UpdateFacts,
    page_facts,
    playbook_label,
)
from resile.app.standing import standing
from resile.app.templates import KINDS, chosen, rendered
from resile.app.update_words import drafted_words
from resile.model.catalog import Kind
from resile.model.errors import ConfigError
from resile.model.event import AlertFired, Event
from resile.model.incident import Incident
from resile.model.paging_documents import TemplateDocument
from resile.model.playbook import PlaybookDocument
from resile.model.room_event import PlaybookOpened
from resile.ports.paging_store import PagingStore
from resile.ports.timeline_store import TimelineStore
from resile.response.escalate import NewPage

MAX_SHORT = 160
_READ_ANEW = timedelta(seconds=5)
_MAX_FAULTS = 100
# Others that are open are counted up to so many.
_MAX_OPEN = 50
# Of a flood of alerts the first are asked for a playbook.
_MAX_ASKED = 50
_NAME_OF = {facts: message for message, facts in KINDS.items()}
_log = structlog.get_logger()


class Words(Struct, frozen=True, kw_only=True):
    """What a message says.

    Attributes:
        text: whole; what matters most comes first, so that channels may cut it.
        template: name of the template of the catalog that worded it; None: we did.
        fault: why the template of the catalog was not used; None: there is none, or it was.
    """

    title: str
    text: str
    fault: str | None = None
    template: str | None = None

    @property
    def short(self) -> str:
        """For a text message: the title and as much of the text as fits into 160 characters."""
        whole = f"{self.title}. {' '.join(self.text.split())}"
        return whole if len(whole) <= MAX_SHORT else whole[: MAX_SHORT - 1] + "…"


def words_of(facts: Facts, templates: Mapping[str, TemplateDocument], *, channel: str) -> Words:
    """What a message says on a channel. A template that is broken loses no message."""
    ours = built_in(facts)
    found = _template_for(facts, templates, channel)
    if found is None:
        return ours
    try:
        subject, text = rendered(*found, facts)
    except ConfigError as error:
        return Words(title=ours.title, text=ours.text, fault=str(error))
    return Words(title=subject or ours.title, text=text or ours.text, template=found[0])


def _template_for(
    facts: Facts, templates: Mapping[str, TemplateDocument], channel: str
) -> tuple[str, TemplateDocument] | None:
    audience, phase = (facts.audience, facts.status) if isinstance(facts, UpdateFacts) else (None, None)
    return chosen(templates, _NAME_OF[type(facts)], channel, audience=audience, phase=phase)


def built_in(facts: Facts) -> Words:
    """Words of our own."""
    if isinstance(facts, PageFacts):
        return _page(facts)
    return _shift(facts) if isinstance(facts, ShiftFacts) else _update(facts)


def page_words(incident: Incident, because: str, *, now: datetime, zone: str | None = None) -> tuple[str, str]:
    """Title and text of a page in words of our own, for where there is no catalog at hand."""
    words = built_in(page_facts(incident, because=because, now=now, zone=zone))
    return words.title, words.text


def _page(facts: PageFacts) -> Words:
    incident = facts.incident
    lines = [f"Since {incident.since}, {incident.since.ago} ago."]
    if facts.because:
        lines.append(f"You are paged because you are {facts.because}.")
    lines += _what_to_do(incident)
    return Words(title=_title(incident), text="\n".join([*lines, *_rest(incident), *_also_open(facts)]))


def _what_to_do(incident: IncidentFacts) -> list[str]:
    if incident.playbook_name:
        where = f": {incident.playbook_page}" if incident.playbook_page else "."
        lines = [f"Acknowledge, then follow playbook {incident.playbook_name}{where}"]
        is_other = incident.playbook not in ("", incident.playbook_page)
        return [*lines, f"Also named for it: {incident.playbook}"] if is_other else lines
    if incident.playbook:
        return [f"Acknowledge, then follow the playbook: {incident.playbook}"]
    return ["Acknowledge, so that nobody else is woken; then open the incident."]


def _shift(facts: ShiftFacts) -> Words:
    lines = [f"From {facts.begins} until {facts.ends} you are on call for {facts.schedule}."]
    lines += _also_open(facts) or ["Nothing is open."]
    return Words(title=f"On call for {facts.schedule}", text="\n".join(lines))


def _update(facts: UpdateFacts) -> Words:
    if facts.audience:
        title, text = drafted_words(facts)
        return Words(title=title, text=text)
    status = f" ({facts.status})" if facts.status else ""
    lines = [facts.text or "There is nothing new to tell.", f"Since {facts.incident.since}."]
    lines += [f"Written by {facts.by}."] if facts.by else []
    return Words(title=f"Update{status}: {_title(facts.incident)}", text="\n".join([*lines, *_rest(facts.incident)]))


def _title(incident: IncidentFacts) -> str:
    """`SEV1 checkout: Error rate is high`."""
    head = " ".join(part for part in (incident.severity, *incident.services[:1]) if part)
    return f"{head}: {incident.title}" if head else incident.title


def _rest(incident: IncidentFacts) -> list[str]:
    lines = [f"Affected: {', '.join(incident.services)}."] if len(incident.services) > 1 else []
    return [*lines, f"Incident {incident.id}" + (f", team {incident.team}." if incident.team else ".")]


def _also_open(facts: PageFacts | ShiftFacts) -> list[str]:
    if not facts.others:
        return []
    more = f"; and {facts.n_more} more" if facts.n_more else ""
    return [f"Also open: {'; '.join(facts.others)}{more}."]


class PageWords(Protocol):
    """What a page says."""

    def __call__(self, incident: Incident, events: Sequence[Event], page: NewPage, *, now: datetime) -> tuple[str, str]:
        """Title and text, plain."""
        ...


class CatalogWords:
    """What pages say, by the catalog's templates and on the clock of whoever is paged; a PageWords.

    Attributes:
        faults: of each template that could not be rendered, what was wrong the last time.

    Args:
        store, timelines: what alerts say of playbooks, and what else is open.
        its_playbook: resile's own playbook of an incident with these events; None: there is none.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: PagingStore,
        timelines: TimelineStore,
        its_playbook: Callable[[Incident, Sequence[Event]], ItsPlaybook | None] = lambda *_: None,
    ) -> None:
        self._its_playbook = its_playbook
        self._catalog = catalog
        self._store = store
        self._timelines = timelines
        self.faults: dict[str, str] = {}
        self._read_at: datetime | None = None
        self._templates: Mapping[str, TemplateDocument] = {}
        self._zones: Mapping[str, str | None] = {}
        self._open: Sequence[tuple[str, str]] = ()
        self._has_playbooks = False

    def __call__(self, incident: Incident, events: Sequence[Event], page: NewPage, *, now: datetime) -> tuple[str, str]:
        """Title and text of a page."""
        self._look(now)
        is_asked = _has_joined(events) and not playbook_label(incident)
        facts = page_facts(
            incident,
            because=page.why,
            now=now,
            person=page.person,
            zone=self._zones.get(page.person),
            playbook=self._playbook(incident.id) if is_asked else None,
            ours=self._its_playbook(incident, events) if self._may_have_one(events) else None,
            others=[title for incident_id, title in self._open if incident_id != incident.id],
        )
        words = self.words_of(facts, channel=page.way.contact.channel, now=now)
        return words.title, words.text

    def words_of(self, facts: Facts, *, channel: str, now: datetime) -> Words:
        """What another message says."""
        self._look(now)
        words = words_of(facts, self._templates, channel=channel)
        found = _template_for(facts, self._templates, channel)
        if found is not None:
            self._note(found[0], words.fault)
        return words

    def zone_of(self, person: str, *, now: datetime) -> str | None:
        """By which clock somebody lives; None: it is not known."""
        self._look(now)
        return self._zones.get(person)

    def _note(self, name: str, fault: str | None) -> None:
        if fault is None:
            self.faults.pop(name, None)
        elif name not in self.faults and len(self.faults) < _MAX_FAULTS:
            self.faults[name] = fault
            _log.warning("template not used", template=name, fault=fault)

    def _look(self, now: datetime) -> None:
        """Read the catalog, unless it was read a moment ago: in a storm many pages are written at once."""
        if self._read_at is not None and abs(now - self._read_at) < _READ_ANEW:
            return
        self._templates = self._catalog.all_of(Kind.TEMPLATE, TemplateDocument)
        self._zones = {name: person.zone for name, person in self._catalog.people().items()}
        self._has_playbooks = bool(self._catalog.all_of(Kind.PLAYBOOK, PlaybookDocument))
        self._open = [
            (one.incident_id, f"{one.severity} {one.title}" if one.severity else one.title)
            for one in standing(self._store, self._timelines, now=now, most=_MAX_OPEN)
        ]
        self._read_at = now

    def _may_have_one(self, events: Sequence[Event]) -> bool:
        return self._has_playbooks or any(isinstance(event, PlaybookOpened) for event in events)

    def _playbook(self, incident_id: str) -> str | None:
        known = self._store.alerts_of([incident_id], limit=_MAX_ASKED)
        return next((one.alert.playbook for one in known if one.alert.playbook), None)


def _has_joined(events: Sequence[Event]) -> bool:
    """Whether alerts came to it beside that which made it, of which all that a page tells stands in its own labels."""
    fired = [event for event in events if isinstance(event, AlertFired)]
    return len(fired) > 1 or (len(fired) == 1 and fired[0].recorded_at != events[0].recorded_at)
