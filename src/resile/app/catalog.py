"""Keeping the catalog: what a folder would change, applying it, and what it says now."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, TypeVar

from msgspec import Struct

from resile.app.access import Identity, require
from resile.model.catalog import (
    Document,
    Kind,
    Person,
    ScheduleDocument,
    Service,
    Team,
    check_references,
    document_of,
    references,
    schedule_of,
)
from resile.model.catalog_warnings import warnings_of
from resile.model.errors import ConfigError, ConflictError
from resile.model.paging_documents import CHANNELS, PolicyDocument, TemplateDocument, policy_of
from resile.model.playbook import Playbook, PlaybookDocument
from resile.model.policy import Policy
from resile.model.schedule import Schedule
from resile.model.time import format_instant
from resile.ports.account_store import Scope
from resile.ports.catalog import CatalogStore, Version, Writing
from resile.ports.clock import Clock
from resile.sources.installed import installed

Key = tuple[Kind, str]
T = TypeVar("T", bound=Document)
V = TypeVar("V")
_MOST_NAMERS = 5


class Change(Struct, frozen=True, kw_only=True):
    """A document that is to be otherwise.

    Attributes:
        before: None: it is new.
        after: None: it is taken out.
    """

    kind: Kind
    name: str
    before: Version | None
    after: dict[str, Any] | None


class Catalog:
    """The use cases of the catalog."""

    def __init__(self, store: CatalogStore, clock: Clock) -> None:
        self._hear: Callable[[], None] | None = None
        self._store = store
        self._clock = clock
        # What was read of each version, and what was made of what was read: in a storm it is asked for all the time.
        self._read: dict[Key, tuple[Version, Document | None]] = {}
        self._made: dict[Key, tuple[Version, Any]] = {}

    def when_changed(self, hear: Callable[[], None]) -> None:
        """From now on call this after each change; of several the last."""
        self._hear = hear

    def versions(self) -> dict[Key, Version]:
        """What is in it now."""
        return {(Kind(one.kind), one.name): one for one in self._store.documents()}

    def all_of(self, kind: Kind, type_: type[T]) -> dict[str, T]:
        """The documents of one kind, by name; those that can be read no more are told of by `unreadable`."""
        return {version.name: document for version, document in self._each(kind, type_)}

    def _each(self, kind: Kind, type_: type[T]) -> list[tuple[Version, T]]:
        found: list[tuple[Version, T]] = []
        for one in self._store.documents():
            if one.kind == kind and one.body is not None:
                document = self._document(kind, one, one.body)
                if document is not None:
                    assert isinstance(document, type_)  # noqa: S101 - what kind and type say to each other
                    found.append((one, document))
        return found

    def _document(self, kind: Kind, version: Version, body: dict[str, Any]) -> Document | None:
        """What a version says; None: it cannot be read."""
        known = self._read.get((kind, version.name))
        if known is not None and known[0] is version:
            return known[1]
        document: Document | None = None
        with suppress(ConfigError):
            document = document_of(kind, version.name, body)
        self._read[kind, version.name] = version, document
        return document

    def _of_each(self, kind: Kind, type_: type[T], make: Callable[[Version, T], V]) -> dict[str, V]:
        """What is made of each document of a kind, once of each version."""
        found: dict[str, V] = {}
        for version, told in self._each(kind, type_):
            known = self._made.get((kind, version.name))
            if known is None or known[0] is not version:
                known = self._made[kind, version.name] = version, make(version, told)
            found[version.name] = known[1]
        return found

    def unreadable(self) -> list[str]:
        """What was right when it was written and can be read no more, such as a zone that this machine does not know.

        One such document must not hide who is on call by the others.
        """
        found = []
        for one in self._store.documents():
            try:
                document_of(Kind(one.kind), one.name, one.body or {})
            except ConfigError as error:
                found.append(f"{error}; the document counts for nothing until it is mended")
        return found

    def people(self) -> dict[str, Person]:
        """Everybody, by name."""
        return self.all_of(Kind.PERSON, Person)

    def person(self, name: str) -> Person | None:
        """One of them; None where the catalog does not know them, or can read them no more."""
        told = self._store.document(Kind.PERSON, name)
        if told is None or told.body is None:
            return None
        with suppress(ConfigError):
            document = document_of(Kind.PERSON, name, told.body)
            assert isinstance(document, Person)  # noqa: S101 - what kind and type say to each other
            return document
        return None

    def teams(self) -> dict[str, Team]:
        """Every team, by name."""
        return self.all_of(Kind.TEAM, Team)

    def schedules(self) -> dict[str, Schedule]:
        """Every schedule, by name."""
        return self._of_each(Kind.SCHEDULE, ScheduleDocument, lambda one, told: schedule_of(one.name, told))

    def services(self) -> dict[str, Service]:
        """Every service, by name."""
        return self.all_of(Kind.SERVICE, Service)

    def policies(self) -> dict[str, Policy]:
        """Every escalation policy, by name, of its present version."""
        return self._of_each(
            Kind.POLICY, PolicyDocument, lambda one, told: policy_of(one.name, told, version=one.number)
        )

    def playbooks(self) -> dict[str, tuple[Version, Playbook]]:
        """Every playbook with the version in which it says that, by name."""
        from resile.model.playbook_text import parse_playbook  # noqa: PLC0415 - loads with the first playbook

        return self._of_each(
            Kind.PLAYBOOK, PlaybookDocument, lambda one, told: (one, parse_playbook(one.name, told.text))
        )

    def title_of(self, kind: Kind, name: str) -> str:
        """What a document is called on pages: its title, else its name."""
        told = self._store.document(kind, name)
        return str((told.body or {}).get("title") or name) if told is not None else name

    def changes_to(
        self,
        wanted: Mapping[Key, tuple[dict[str, Any], str]],
        *,
        prunes: bool = False,
        without: Collection[Key] = (),
    ) -> list[Change]:
        """What must change so that the catalog says what is wanted.

        Args:
            wanted: bodies and where they stand, for errors; an empty place where no file holds them.
            prunes: whether what is not wanted is taken out; else it stays as it is.
            without: what is taken out in any case.

        Raises:
            ConfigError: a document is wrong, it or an override names what would not be there.
        """
        now = self._newest()
        changes = []
        documents: dict[Key, Document] = {}
        for key, (body, place) in wanted.items():
            documents[key] = _checked(key, body, place)
            before = now.get(key)
            if before is None or before.body != body:
                changes.append(Change(kind=key[0], name=key[1], before=before, after=body))
        for key, before in now.items():
            if key in wanted or before.body is None:
                continue
            if prunes or key in without:
                changes.append(Change(kind=key[0], name=key[1], before=before, after=None))
            else:
                documents[key] = document_of(*key, before.body)
        check_references(documents, places={key: place for key, (_, place) in wanted.items() if place})
        self._check_overrides(documents)
        for change in changes:
            place = wanted[change.kind, change.name][1] if change.after is not None else ""
            _check_written(change.name, documents.get((change.kind, change.name)), f"{place}: " if place else "")
        return sorted(changes, key=lambda change: (list(Kind).index(change.kind), change.name))

    def change_to(self, kind: Kind, name: str, body: dict[str, Any] | None, *, expected: int | None) -> Change | None:
        """What making one document otherwise changes; None: it says that already.

        Args:
            body: None takes it out.
            expected: number of the version that was looked at; None: there is to be none yet.

        Raises:
            ConfigError: it is wrong, names what is not there, or is named where it is to be taken out.
            ConflictError: somebody else changed it since.
        """
        newest = self._newest().get((kind, name))
        is_there = newest is not None and newest.body is not None
        if expected is None and is_there:
            raise ConfigError(f"{kind} {name!r} is in the catalog already; change it there, or use another name")
        if expected is not None and expected != (0 if newest is None else newest.number):
            who = "nobody wrote it yet" if newest is None else f"{newest.by} wrote version {newest.number} meanwhile"
            raise ConflictError(f"{kind} {name!r} is not as you saw it: {who}; look at it and try again")
        if body is not None:
            changes = self.changes_to({(kind, name): (body, "")})
        else:
            namers = self.named_by(kind, name)
            if namers:
                named = ", ".join(f"{other} {other_name!r}" for other, other_name in namers[:_MOST_NAMERS])
                raise ConfigError(f"{kind} {name!r} cannot be taken out: {named} names it; change that first")
            changes = self.changes_to({}, without={(kind, name)})
        return changes[0] if changes else None

    def named_by(self, kind: Kind, name: str) -> list[Key]:
        """Which documents name this one, itself aside."""
        found = []
        for key, one in self.versions().items():
            if key != (kind, name) and one.body is not None:
                with suppress(ConfigError):
                    if (kind, name) in references(document_of(*key, one.body)):
                        found.append(key)
        return sorted(found, key=lambda key: (list(Kind).index(key[0]), key[1]))

    def _check_overrides(self, documents: Mapping[Key, Document]) -> None:
        """Whether everybody whom an override puts on duty, now or later, would still be there."""
        now = self._clock.now()
        for name in (name for kind, name in documents if kind is Kind.SCHEDULE):
            for one in (entered.override for entered in self._store.overrides(name, ends_after=now)):
                if one.person is not None and (Kind.PERSON, one.person) not in documents:
                    raise ConfigError(
                        f"override {one.id} of schedule {name!r} puts person {one.person!r} on duty until "
                        f"{format_instant(one.ends_at)}; keep them, or let it hold no longer: "
                        f"resile oncall remove {one.id}"
                    )

    def warnings(self, changes: Sequence[Change] = ()) -> list[str]:
        """What will most likely leave somebody waiting at night, now or after these changes, one sentence each."""
        bodies = {key: one.body for key, one in self.versions().items()}
        bodies |= {(change.kind, change.name): change.after for change in changes}
        documents = {}
        for key, body in bodies.items():
            if body is not None:
                with suppress(ConfigError):
                    documents[key] = document_of(*key, body)
        return warnings_of(documents)

    def apply(self, by: Identity, changes: list[Change]) -> None:
        """Make the changes, all or none.

        Raises:
            AccessError: who asks may not write.
            ConflictError: somebody else changed one of the documents meanwhile.
        """
        require(by, Scope.WRITE)
        writings = [
            Writing(
                kind=one.kind,
                name=one.name,
                body=one.after,
                expected=0 if one.before is None else one.before.number,
            )
            for one in changes
        ]
        self._store.write(writings, at=self._clock.now(), by=by.by)
        if self._hear is not None and writings:
            self._hear()

    def history(self, kind: Kind, name: str) -> list[Version]:
        """Every version of a document, the newest first."""
        return self._store.versions(kind, name)

    def _newest(self) -> dict[Key, Version]:
        """By kind and name, also of what was taken out: its next version follows on its last."""
        return {(Kind(one.kind), one.name): one for one in self._store.newest()}


def _checked(key: Key, body: dict[str, Any], place: str) -> Document:
    try:
        return document_of(*key, body)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}" if place else str(error)) from None


def _check_written(name: str, document: Document | None, place: str) -> None:
    """What is asked of a document only when it is written: that its channels are there, and its words can be rendered.

    What was right then stays: a package that is not installed here must not hinder other changes.
    """
    if isinstance(document, Person):
        _check_channels(name, document, place)
    elif isinstance(document, TemplateDocument):
        from resile.app.templates import check_template_renders  # noqa: PLC0415 - loads when there is one

        faults = check_template_renders(document, name)
        if faults:
            raise ConfigError(f"{place}{faults[0]}")


def _check_channels(name: str, person: Person, place: str) -> None:
    for one in person.contacts:
        if one.channel not in CHANNELS and one.channel not in (known := installed("resile.channels")):
            names = sorted({*CHANNELS, *known})
            near = get_close_matches(one.channel, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(names)}"
            raise ConfigError(
                f"{place}person {name!r}: contact {one.name!r}: there is no channel {one.channel!r}; {hint}"
            )
