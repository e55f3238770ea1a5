import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resile.app import follow_facts
from resile.app.follow_facts import FactsFollower
from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.event import Declared, Source
from resile.ports.timeline_store import Append

AT = datetime(2024, 1, 1, tzinfo=UTC)


def appends(*numbers: int) -> list[Append]:
    declared = Declared(id="00001", at=AT, recorded_at=AT, by="import:desk", source=Source.REPORTED, title="x")
    return [Append(f"desk:{n}", 0, (declared,)) for n in numbers]


def test_facts_are_derived_while_incidents_are_still_being_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_facts, "WORTHWHILE_INCIDENTS", 3)
    monkeypatch.setattr(follow_facts, "PORTION_EVENTS", 1)
    # A secret that could not be read where it is masked.
    (tmp_path / "resile.toml").write_text('[runners.query.shop]\nurl = "postgresql://reader:secret@db/shop"\n')
    settings = load_settings(data=tmp_path)
    with open_resile(settings) as resile, FactsFollower(settings) as follower:
        resile.timelines.append(appends(1, 2))
        follower.stored(2)
        assert follower._process is None
        resile.timelines.append(appends(3))
        follower.stored(1)
        assert follower._process is not None

        while not list((tmp_path / "facts").glob("*.parquet")):
            assert follower._process.poll() is None, "it ended before it had derived anything"
            threading.Event().wait(0.002)

        resile.timelines.append(appends(4))
        follower.close()
        assert follower._process.returncode == 0
        resile.facts.refresh()
        with resile.facts.table() as facts:
            assert facts.count().to_pyarrow().as_py() == 4


def test_an_import_goes_on_where_no_process_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_facts, "WORTHWHILE_INCIDENTS", 1)
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-python"))

    with FactsFollower(load_settings(data=tmp_path)) as follower:
        follower.stored(1)

    assert follower._process is None


def test_a_follower_that_is_killed_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_facts, "WORTHWHILE_INCIDENTS", 1)
    settings = load_settings(data=tmp_path)
    with open_resile(settings) as resile:
        with FactsFollower(settings) as follower:
            resile.timelines.append(appends(1))
            follower.stored(1)
            assert follower._process is not None
            follower._process.kill()

        resile.facts.refresh()
        with resile.facts.table() as facts:
            assert facts.count().to_pyarrow().as_py() == 1
