"""What pages people, put together over one database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial

from msgspec import Struct

from resile.app.alert_parts import Alerting, alerting_over
from resile.app.catalog import Catalog
from resile.app.contacts import Contacts
from resile.app.directory import Directory, Verified
from resile.app.links import Links
from resile.app.message_facts import ItsPlaybook
from resile.app.message_words import CatalogWords
from resile.app.paging import Paging
from resile.app.playbooks import Playbooks
from resile.app.receipts import Receipts
from resile.model.event import Event
from resile.model.incident import Incident
from resile.model.room_event import PlaybookOpened
from resile.ports.catalog import CatalogStore
from resile.ports.clock import Clock
from resile.ports.contact_book import ContactBook
from resile.ports.door_book import Door
from resile.ports.paging_store import PagingStore
from resile.ports.silence_book import SilenceBook
from resile.ports.timeline_store import TimelineStore
from resile.response.ending import EndingLengths


class PagingParts(Struct, frozen=True, kw_only=True):
    """The use cases from an alert to a person who answers."""

    pager: Paging
    receipts: Receipts
    links: Links
    alerting: Alerting
    contacts: Contacts
    words: CatalogWords


def paging_over(
    paging: PagingStore,
    timelines: TimelineStore,
    *,
    catalog: Catalog,
    documents: CatalogStore,
    contact_book: ContactBook,
    silence_book: SilenceBook,
    doors: Callable[[], Mapping[str, Door]],
    links: Links,
    clock: Clock,
    lengths: EndingLengths | None = None,
    address: str | None = None,
) -> PagingParts:
    """All of it over these stores; `lengths` and `address` as in Endings."""
    contacts = Contacts(catalog, contact_book, paging, clock)
    playbooks = Playbooks(catalog, paging, timelines, clock)
    words = CatalogWords(catalog, paging, timelines, _ItsPlaybook(playbooks, links if address else None))
    look = partial(_directory, catalog, documents, contacts.verified)
    # Alerts have opened theirs before they page.
    pager = Paging(paging, timelines, clock, look=look, words=words, opening=playbooks.opening)
    alerting = alerting_over(
        paging,
        timelines,
        silence_book,
        catalog=catalog,
        doors=doors,
        # One batch of alerts is decided at one instant, and asks for everybody many times.
        pages=lambda: Paging(paging, timelines, clock, look=cache(look), words=words),
        ways=contacts.ways_for,
        clock=clock,
        verified=contacts.verified,
        lengths=lengths,
        address=address,
    )
    receipts = Receipts(paging, timelines, pager, clock)
    return PagingParts(pager=pager, receipts=receipts, links=links, alerting=alerting, contacts=contacts, words=words)


def _directory(catalog: Catalog, documents: CatalogStore, verified: Verified, now: datetime) -> Directory:
    """Everybody, as of an instant."""
    return Directory(catalog, documents, now=now, verified=verified)


class _ItsPlaybook:
    """Which playbook the pages of an incident name.

    Args:
        links: None where resile has no address.
    """

    def __init__(self, playbooks: Playbooks, links: Links | None) -> None:
        self._playbooks = playbooks
        self._links = links
        # Many may be paged at once, and each page asks the same.
        self._last: tuple[tuple[str, int], str | None] | None = None

    def __call__(self, incident: Incident, events: Sequence[Event]) -> ItsPlaybook | None:
        """The playbook that was opened last, with its steps on the incident's page; else the one that fits best."""
        links = self._links
        opened = next((event for event in reversed(events) if isinstance(event, PlaybookOpened)), None)
        if opened is not None:
            return ItsPlaybook(opened.playbook, "" if links is None else f"{links.incident(incident.id)}#playbook")
        best = self._best(incident)
        return None if best is None else ItsPlaybook(best, "" if links is None else links.playbook(best))

    def _best(self, incident: Incident) -> str | None:
        asked, last = (incident.id, incident.n_events), self._last
        if last is None or last[0] != asked:
            last = self._last = asked, self._playbooks.best(incident)
        return last[1]
