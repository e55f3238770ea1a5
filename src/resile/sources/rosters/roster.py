"""What an export comes to: documents under names that fit, and a sentence for everything that cannot be said."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from resile.model.catalog import MAX_NAME, Document, Kind, check_references, document_of
from resile.model.errors import ConfigError
from resile.model.schedule import zone_of
from resile.model.time import EARLIEST, LATEST, format_instant
from resile.sources.catalog_folder import Key

_OTHER = re.compile(r"[^a-z0-9._-]+")
_MAX_TITLE = 200
# Seconds of three years; a longer turn is nobody's.
_MOST = 100_000_000
UTC_NAME = "UTC"


class PlannedOverride(Struct, frozen=True, kw_only=True):
    """Somebody who is on duty in somebody else's place; overrides are no documents but are entered."""

    schedule: str
    person: str
    starts_at: datetime
    ends_at: datetime

    @property
    def command(self) -> str:
        """How it is entered."""
        times = f"--from {format_instant(self.starts_at)} --to {format_instant(self.ends_at)}"
        return f"resile oncall override {self.schedule} {self.person} {times}"


class Roster:
    """The documents as they come together.

    Attributes:
        notes: of each thing that resile says otherwise, or not at all, one sentence.
        overrides: those that are not over.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.notes: list[str] = []
        self.overrides: list[PlannedOverride] = []
        self._bodies: dict[Key, dict[str, Any]] = {}
        self._names: dict[tuple[Kind, str], str] = {}

    @property
    def documents(self) -> Mapping[Key, dict[str, Any]]:
        """Bodies by kind and name."""
        return self._bodies

    def name(self, kind: Kind, ref: str, title: str) -> str:
        """The name for what the other tool knows by `ref` and calls `title`: the same each time it is asked for."""
        if (kind, ref) not in self._names:
            taken = {name for (other, _), name in self._names.items() if other is kind}
            self._names[kind, ref] = _free(name_of(title) or name_of(ref) or kind.value, taken)
        return self._names[kind, ref]

    def known(self, kind: Kind, ref: str) -> str | None:
        """The name of something that was named before; None: the export does not hold it."""
        name = self._names.get((kind, ref))
        return name if name is not None and (kind, name) in self._bodies else None

    def add(self, kind: Kind, name: str, title: str, **body: Any) -> None:
        """Add a document; what is empty is left out. The title tells what the other tool calls it."""
        shown = title_of(title)
        fields = {"title": shown} if shown and shown != name else {}
        self._bodies[kind, name] = fields | {key: value for key, value in body.items() if value not in (None, [], "")}

    def note(self, sentence: str) -> None:
        """Say once what cannot be said in resile, and what was taken instead."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def override(self, schedule: str, person: str, starts_at: datetime, ends_at: datetime) -> None:
        """An override, unless it is over."""
        if max(starts_at, self.now) < ends_at:
            self.overrides.append(
                PlannedOverride(schedule=schedule, person=person, starts_at=starts_at, ends_at=ends_at)
            )

    def zone(self, said: object, subject: str, *, otherwise: str | None = UTC_NAME) -> str | None:
        """A zone by its IANA name; `otherwise` with a note where it is none."""
        if isinstance(said, str) and said:
            try:
                return zone_of(said, subject=subject).key
            except ConfigError:
                taken = f"{otherwise} is taken, which is most likely wrong: mend it" if otherwise else "it is left out"
                self.note(f"{subject}: zone {said[:60]!r} is no IANA zone; {taken}")
        return otherwise

    def checked(self) -> Mapping[Key, dict[str, Any]]:
        """The documents, each checked as `resile apply` does.

        What cannot be read, for the export says what no schedule can be, is left out with a note, and so is what then
        names something that is not there.
        """
        while True:
            documents = self._readable()
            try:
                check_references(documents, places={})
            except ConfigError as error:
                culprit = next(key for key in documents if str(error).startswith(f"{key[0]} {key[1]!r} "))
                self._leave_out(culprit, error)
            else:
                return self._bodies

    def _readable(self) -> dict[Key, Document]:
        found = {}
        for key, body in list(self._bodies.items()):
            try:
                found[key] = document_of(*key, body)
            except ConfigError as error:
                self._leave_out(key, error)
        return found

    def _leave_out(self, key: Key, error: ConfigError) -> None:
        del self._bodies[key]
        self.note(f"{key[0]} {key[1]!r} is left out: {error}")


def name_of(title: str) -> str:
    """A title as a name of the catalog: `Zahlungen – Tag` becomes `zahlungen-tag`; empty where nothing is left."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    return _OTHER.sub("-", plain).strip("-._")[:MAX_NAME].strip("-._")


def _free(wanted: str, taken: set[str]) -> str:
    if wanted not in taken:
        return wanted
    number = 2
    while (name := f"{wanted[: MAX_NAME - len(str(number)) - 1].rstrip('-._')}-{number}") in taken:
        number += 1
    return name


def title_of(said: object) -> str:
    """A title on one line, without what no title may hold."""
    text = said if isinstance(said, str) else ""
    return "".join(one if one.isprintable() else " " for one in text).strip()[:_MAX_TITLE]


def text_of(value: Mapping[str, Any], *fields: str) -> str:
    """The first of some fields that holds a text."""
    return next((found for field in fields if isinstance(found := value.get(field), str) and found.strip()), "")


def whole_of(value: Mapping[str, Any], field: str, otherwise: int = 0) -> int:
    """A field that holds a whole number, of a size that can be counted with."""
    found = value.get(field)
    if not isinstance(found, int) or isinstance(found, bool) or abs(found) > _MOST:
        return otherwise
    return found


def items_of(value: Any, field: str) -> list[dict[str, Any]]:
    """The objects in a list, whatever else stands in it."""
    found = value.get(field) if isinstance(value, Mapping) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def strings_of(value: Mapping[str, Any], field: str) -> list[str]:
    """The texts in a list, whatever else stands in it."""
    found = value.get(field)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def inner(value: Any, *fields: str) -> dict[str, Any]:
    """An object within objects; an empty one where it is not there."""
    for field in fields:
        value = value.get(field) if isinstance(value, Mapping) else None
    return value if isinstance(value, dict) else {}


def instant_of(said: object, zone: str = UTC_NAME) -> datetime | None:
    """A time of an export, by the clock of a zone where it has no offset; None where it is none."""
    if not isinstance(said, str):
        return None
    try:
        at = datetime.fromisoformat(said.strip())
    except ValueError:
        return None
    if not EARLIEST.year < at.year < LATEST.year:
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def severities_of(is_urgent: bool) -> Sequence[str]:
    """Where another tool knows but two degrees."""
    return ["SEV1", "SEV2"] if is_urgent else ["SEV3", "SEV4", "SEV5"]
