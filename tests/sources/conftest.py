"""What the tests of sources share: read a table given as text, or any input of a known layout."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec import Struct

from resile.model.draft import Draft
from resile.ports.source import Progress, Reading, Refused, Remark, Skipped, Source, SourceOptions, Taken
from resile.sources.registry import open_source

FIXTURES = Path(__file__).parent / "fixtures"


class Readings(Struct):
    """What a source gave, sorted by kind."""

    taken: list[Taken] = []
    skipped: list[Skipped] = []
    refused: list[Refused] = []
    remarks: list[str] = []
    progress: list[Progress] = []

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> "Readings":
        kinds = (Taken, Skipped, Refused, Progress)
        found = {kind: [one for one in readings if isinstance(one, kind)] for kind in kinds}
        remarks = [one.text for one in readings if isinstance(one, Remark)]
        return cls(found[Taken], found[Skipped], found[Refused], remarks, found[Progress])

    @property
    def drafts(self) -> dict[str, Draft]:
        return {one.draft.ref: one.draft for one in self.taken}

    def only(self) -> Draft:
        assert len(self.taken) == 1, self
        return self.taken[0].draft

    def times(self, ref: str) -> dict[str, str]:
        """The first step of each kind of an incident, as ISO text without offset."""
        steps = sorted(self.drafts[ref].steps, key=lambda step: step.at, reverse=True)
        return {step.kind: step.at.isoformat(timespec="seconds").removesuffix("+00:00") for step in steps}


@pytest.fixture
def read_known() -> Callable[..., Readings]:
    def read(kind: str, path: Path | str, **options: object) -> Readings:
        source: Source = open_source(kind, SourceOptions(**options))  # type: ignore[arg-type]
        return Readings.of(list(source.read(FIXTURES / path)))

    return read


@pytest.fixture
def read_table(tmp_path: Path) -> Callable[..., Readings]:
    def read(content: str | bytes | Path, mapping: str, *, file: str = "table.csv", **options: object) -> Readings:
        path = content if isinstance(content, Path) else tmp_path / file
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        (tmp_path / "map.yaml").write_text(mapping, encoding="utf-8")
        source = open_source("table", SourceOptions(mapping=tmp_path / "map.yaml", **options))  # type: ignore[arg-type]
        return Readings.of(list(source.read(path)))

    return read
