"""What an import did, counted while it runs."""

import re
from collections import Counter
from datetime import datetime

from msgspec import Struct

from resile.app.draft_order import lies_ahead, out_of_order
from resile.ports.source import Place, Taken

# Sentences that differ only in figures and quoted words are one kind; beyond so many kinds they are counted together.
MAX_KINDS = 100
_PARTICULAR = re.compile(r"'(?:[^'\\]|\\.)*'|\"[^\"]*\"|[0-9][0-9:.,T+-]*[0-9Z]|[0-9]")
_REST = "other reasons"


class Kind(Struct, frozen=True):
    """Rows with the same reason.

    Attributes:
        example: the reason of the first of them, with its place.
    """

    count: int
    column: str
    place: str
    example: str


class ImportSummary(Struct, frozen=True, kw_only=True):
    """What an import did.

    Attributes:
        excluded: of the incidents read, those that no measure counts, by reason.
        n_contradictory: incidents whose instants contradict each other.
        skipped, refused, doubts: the reasons, most frequent first.
    """

    n_new: int
    n_updated: int
    n_unchanged: int
    n_skipped: int
    n_refused: int
    n_doubtful: int
    n_contradictory: int
    is_dry_run: bool
    excluded: dict[str, int]
    severities: dict[str, int]
    skipped: list[Kind]
    refused: list[Kind]
    doubts: list[Kind]
    remarks: list[str]

    @property
    def n_incidents(self) -> int:
        """How many incidents the input told of."""
        return self.n_new + self.n_updated + self.n_unchanged


class Kinds:
    """Counts reasons, those that differ only in particulars as one."""

    def __init__(self) -> None:
        self._count: Counter[tuple[str, str]] = Counter()
        self._first: dict[tuple[str, str], tuple[str, str]] = {}

    def add(self, place: Place, sentence: str) -> None:
        """Count one."""
        key = (place.column, _PARTICULAR.sub("…", sentence))
        if key not in self._first and len(self._first) >= MAX_KINDS:
            key = ("", _REST)
        self._first.setdefault(key, (str(place), sentence))
        self._count[key] += 1

    def listed(self) -> list[Kind]:
        """Most frequent first, each with its first example."""
        return [Kind(count, key[0], *self._first[key]) for key, count in self._count.most_common()]

    def total(self) -> int:
        """All that were counted."""
        return self._count.total()


class Tally:
    """Counts what becomes of rows."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._outcomes: Counter[str] = Counter()
        self._excluded: Counter[str] = Counter()
        self._severities: Counter[str] = Counter()
        self._skipped, self._refused, self._doubts = Kinds(), Kinds(), Kinds()
        self._n_doubtful = self._n_contradictory = 0
        self.remarks: list[str] = []

    def taken(self, taken: Taken, outcome: str) -> tuple[str, ...]:
        """Count a draft that was read, and what it brought.

        Returns:
            All doubts about it, those on its instants included.
        """
        draft, doubts = taken.draft, taken.doubts
        if (wrong := out_of_order(draft.steps)) is not None:
            self._n_contradictory += 1
            doubts = (*doubts, wrong)
        if (ahead := lies_ahead(draft.steps, self._now)) is not None:
            doubts = (*doubts, ahead)
        self._outcomes[outcome] += 1
        self._severities[draft.severity.value if draft.severity is not None else "none"] += 1
        if draft.exclusion is not None:
            self._excluded[draft.exclusion.value] += 1
        if doubts:
            self._n_doubtful += 1
            for doubt in doubts:
                self._doubts.add(taken.place, doubt)
        return doubts

    def skipped(self, place: Place, reason: str) -> None:
        """Count a row that does not count."""
        self._skipped.add(place, reason)

    def refused(self, place: Place, reason: str) -> None:
        """Count a row that could not be read."""
        self._refused.add(place, reason)

    def summary(self, *, is_dry_run: bool) -> ImportSummary:
        """The counts so far."""
        return ImportSummary(
            n_new=self._outcomes["new"],
            n_updated=self._outcomes["updated"],
            n_unchanged=self._outcomes["unchanged"],
            n_skipped=self._skipped.total(),
            n_refused=self._refused.total(),
            n_doubtful=self._n_doubtful,
            n_contradictory=self._n_contradictory,
            is_dry_run=is_dry_run,
            excluded=dict(sorted(self._excluded.items())),
            severities=dict(sorted(self._severities.items())),
            skipped=self._skipped.listed(),
            refused=self._refused.listed(),
            doubts=self._doubts.listed(),
            remarks=self.remarks,
        )
