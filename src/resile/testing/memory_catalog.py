"""The catalog in memory: a whole CatalogStore for tests, that keeps nothing when it is gone."""

import threading
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from resile.model.errors import ConflictError
from resile.model.schedule import Override
from resile.ports.catalog import EnteredOverride, Version, Writing

Key = tuple[str, str]


class MemoryCatalogStore:
    """The CatalogStore in memory."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._versions: dict[Key, list[Version]] = {}
        self._overrides: dict[str, EnteredOverride] = {}

    def documents(self) -> list[Version]:
        """What is in the catalog now, by kind and name."""
        return [one for one in self.newest() if one.body is not None]

    def newest(self) -> list[Version]:
        """The newest version of everything that ever was in the catalog, by kind and name."""
        with self._guard:
            return [told[-1] for _, told in sorted(self._versions.items())]

    def document(self, kind: str, name: str) -> Version | None:
        """One document as it is now."""
        newest = next(iter(self.versions(kind, name)), None)
        return None if newest is None or newest.body is None else newest

    def versions(self, kind: str, name: str) -> list[Version]:
        """Every version of a document, the newest first."""
        with self._guard:
            return self._versions.get((kind, name), [])[::-1]

    def write(self, writings: Sequence[Writing], *, at: datetime, by: str) -> None:
        """Write all of them or none."""
        with self._guard:
            changed = {key: list(told) for key, told in self._versions.items()}
            for one in writings:
                told = changed.setdefault((one.kind, one.name), [])
                if len(told) != one.expected:
                    raise ConflictError(f"{one.kind} {one.name!r} was changed by somebody else meanwhile; try again")
                number = len(told) + 1
                told.append(Version(kind=one.kind, name=one.name, number=number, body=one.body, at=at, by=by))
            self._versions = changed

    def overrides(self, schedule: str, *, ends_after: datetime | None = None) -> list[EnteredOverride]:
        """Those that hold, in the order in which they were entered."""
        with self._guard:
            return [
                one
                for one in self._overrides.values()
                if one.schedule == schedule
                and one.removed_at is None
                and (ends_after is None or one.override.ends_at > ends_after)
            ]

    def add_overrides(self, schedule: str, overrides: Sequence[Override], *, at: datetime) -> None:
        """Enter all of them or none."""
        with self._guard:
            names = [one.id for one in overrides]
            if len(set(names)) < len(names) or any(name in self._overrides for name in names):
                raise ConflictError(f"an override of {schedule} was entered already; look at what holds now")
            for one in overrides:
                self._overrides[one.id] = EnteredOverride(schedule=schedule, override=one, entered_at=at)

    def override(self, override_id: str) -> EnteredOverride | None:
        """The one of that id that holds."""
        with self._guard:
            known = self._overrides.get(override_id)
            return None if known is None or known.removed_at is not None else known

    def remove_override(self, override_id: str, *, at: datetime, by: str) -> bool:
        """Let it hold no longer."""
        with self._guard:
            known = self._overrides.get(override_id)
            if known is None or known.removed_at is not None:
                return False
            self._overrides[override_id] = replace(known, removed_at=at, removed_by=by)
            return True

    def replace_overrides(
        self, schedule: str, *, removed: Sequence[str], added: Sequence[Override], at: datetime, by: str
    ) -> None:
        """Let some hold no longer and enter others."""
        with self._guard:
            held = dict(self._overrides)
            for name in removed:
                known = held.get(name)
                if known is None or known.removed_at is not None:
                    raise ConflictError(f"override {name} of {schedule} holds no longer; look at what does now")
                held[name] = replace(known, removed_at=at, removed_by=by)
            for one in added:
                known = held.pop(one.id, None)
                if known is not None and known.removed_at is None:
                    raise ConflictError(f"an override of {schedule} was entered already; look at what holds now")
                if known is not None:
                    held[f"{one.id}~{len(held)}"] = known
                held[one.id] = EnteredOverride(schedule=schedule, override=one, entered_at=at)
            self._overrides = held
