"""The shortest program that does what a timeline store does, to hold stores against; and timelines of no meaning."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st

from resile.model.draft import AsOf
from resile.model.errors import ConflictError
from resile.model.event import Event, Noted, Source
from resile.ports.timeline_store import Append, TimelineStore

START = datetime(2024, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


def note(number: int, text: str = "seen") -> Event:
    """The n-th event of a timeline, for tests that do not care which."""
    at = START + timedelta(minutes=number)
    return Noted(id=f"{number:05d}", at=at, recorded_at=at, by="user:ann", source=Source.HUMAN, text=text)


def append_of(
    incident_id: str,
    first: int,
    n_events: int = 1,
    *,
    taken: tuple[str, str, bytes] | None = None,
    as_of: AsOf | None = None,
) -> Append:
    """Events number `first` and following, for a timeline that holds those before."""
    events = tuple(note(number) for number in range(first, first + n_events))
    return Append(incident_id, first - 1, events, taken, as_of)


# One append: to which timeline, how far from the right version, how many events, whether a draft was taken.
WISHES = st.tuples(st.sampled_from("abcé"), st.sampled_from([0, 0, 0, -1, 1]), st.integers(0, 3), st.booleans())


def agree_with_model(store: TimelineStore, batches: list[list[tuple[str, int, int, bool]]], *, era: str) -> None:
    """Append random batches to both, and expect the same of both.

    `era` keeps the names of one example apart from those of the others before it in the same store.
    """
    start, model = store.last_seq(), TimelineModel()

    for batch in batches:
        appends = [model.append_for(era + name, off, n, is_taken) for name, off, n, is_taken in batch]
        model.commit_or_forget(store, appends)

    names = [era + name for name in "abcé"]
    assert [(stored.incident_id, stored.event) for stored in store.follow(start)] == model.log
    assert store.read_many(names) == model.timelines
    assert list(store.incidents_changed(start, store.last_seq())) == sorted(model.timelines.items())
    assert store.taken("table", names) == model.taken


class TimelineModel:
    """Timelines in dictionaries."""

    def __init__(self) -> None:
        self.timelines: dict[str, list[Event]] = {}
        self.log: list[tuple[str, Event]] = []
        self.taken: dict[str, bytes] = {}
        self._numbers = itertools.count(1)
        self._versions: dict[str, int] = {}

    def append_for(self, name: str, off: int, n_events: int, is_taken: bool) -> Append:
        """An append that expects the version after those of the same batch, or `off` from it."""
        version = self._versions.get(name, len(self.timelines.get(name, ())))
        self._versions[name] = version + n_events
        events = tuple(note(next(self._numbers)) for _ in range(n_events))
        taken = ("table", name, events[-1].id.encode() if events else b"") if is_taken else None
        return Append(name, max(version + off, 0), events, taken)

    def commit_or_forget(self, store: TimelineStore, appends: list[Append]) -> None:
        """Append, and expect a conflict exactly where a version is wrong."""
        self._versions = {}
        after: dict[str, list[Event]] = {}
        is_right = True
        for append in appends:
            timeline = after.setdefault(append.incident_id, list(self.timelines.get(append.incident_id, ())))
            is_right = is_right and len(timeline) == append.expected_version
            timeline += append.events
        if not is_right:
            with pytest.raises(ConflictError):
                store.append(appends)
            return
        store.append(appends)
        self.timelines |= {name: timeline for name, timeline in after.items() if timeline}
        self.log += [(append.incident_id, event) for append in appends for event in append.events]
        self.taken |= {append.taken[1]: append.taken[2] for append in appends if append.taken is not None}
