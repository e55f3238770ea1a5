"""Keeping the catalog: what a folder would change, applying it, and what it says now."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

from msgspec import Struct

from resile.app.access import Identity, require
from resile.model.catalog import (
    Document,
    Kind,
    Person,
    ScheduleDocument,
    Team,
    check_references,
    document_of,
    schedule_of,
)
from resile.model.errors import ConfigError
from resile.model.schedule import Schedule
from resile.model.time import format_instant
from resile.ports.account_store import Scope
from resile.ports.catalog import CatalogStore, Version, Writing
from resile.ports.clock import Clock

Key = tuple[Kind, str]
T = TypeVar("T", bound=Document)


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
        self._store = store
        self._clock = clock

    def versions(self) -> dict[Key, Version]:
        """What is in it now."""
        return {(Kind(one.kind), one.name): one for one in self._store.documents()}

    def all_of(self, kind: Kind, type_: type[T]) -> dict[str, T]:
        """The documents of one kind, by name; those that can be read no more are told of by `unreadable`."""
        found: dict[str, T] = {}
        for one in self._store.documents():
            if one.kind == kind and one.body is not None:
                with suppress(ConfigError):
                    document = document_of(kind, one.name, one.body)
                    assert isinstance(document, type_)  # noqa: S101 - what kind and type say to each other
                    found[one.name] = document
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

    def teams(self) -> dict[str, Team]:
        """Every team, by name."""
        return self.all_of(Kind.TEAM, Team)

    def schedules(self) -> dict[str, Schedule]:
        """Every schedule, by name."""
        return {name: schedule_of(name, told) for name, told in self.all_of(Kind.SCHEDULE, ScheduleDocument).items()}

    def title_of(self, kind: Kind, name: str) -> str:
        """What a document is called on pages: its title, else its name."""
        told = self._store.document(kind, name)
        return str((told.body or {}).get("title") or name) if told is not None else name

    def changes_to(self, wanted: Mapping[Key, tuple[dict[str, Any], str]], *, prunes: bool = False) -> list[Change]:
        """What must change so that the catalog says what is wanted.

        Args:
            wanted: bodies and where they stand, for errors.
            prunes: whether what is not wanted is taken out; else it stays as it is.

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
            if prunes:
                changes.append(Change(kind=key[0], name=key[1], before=before, after=None))
            else:
                documents[key] = document_of(*key, before.body)
        check_references(documents, places={key: place for key, (_, place) in wanted.items() if place})
        self._check_overrides(documents)
        return sorted(changes, key=lambda change: (list(Kind).index(change.kind), change.name))

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
        raise ConfigError(f"{place}: {error}") from None
