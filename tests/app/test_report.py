"""Reports over a real store: what is appended is in the next answer."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from resile.analytics.query import Condition, Query, Window
from resile.app import report
from resile.app.extent import default_window, extent
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.model.draft import Draft, Step
from resile.model.errors import ConfigError
from resile.model.history import record_history
from resile.model.severity import Severity
from resile.ports.timeline_store import Append
from resile.testing.simulated_clock import SimulatedClock

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
JANUARY = datetime(2024, 1, 1, 9, tzinfo=UTC)
WINDOW = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))


@pytest.fixture
def resile(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[Resile]:
    with open_resile(Settings(data=fresh_data(tmp_path)), clock=SimulatedClock(NOW)) as opened:
        yield opened


def take(resile: Resile, *drafts: Draft) -> None:
    for draft in drafts:
        events = record_history(draft, (), now=NOW, by="import:test")
        resile.timelines.append([Append(f"test:{draft.ref}", 0, tuple(events))])


def drafts(n: int, *, first: datetime = JANUARY, name: str = "a", **others: object) -> list[Draft]:
    """Restored incidents, a day apart, that lasted 1, 2, 3, ... hours."""
    made = []
    for k in range(n):
        start = first + timedelta(days=k)
        steps = (
            Step("impact_began", start - timedelta(minutes=20)),
            Step("detected", start),
            Step("acknowledged", start + timedelta(minutes=10)),
            Step("restored", start + timedelta(hours=k + 1)),
        )
        made.append(Draft(origin="test", ref=f"{name}{k}", title=f"{name} {k}", steps=steps, **others))
    return made


def test_what_was_appended_is_in_the_next_report(resile: Resile) -> None:
    query = Query(window=WINDOW)
    assert report.restore(resile, query).overall.n_restored == 0

    take(resile, *drafts(7))

    assert report.restore(resile, query).overall.median_s == 4 * 3_600


def test_default_window_of_a_finished_history_ends_with_it(resile: Resile) -> None:
    take(resile, *drafts(3))

    window = default_window(resile)

    assert window.start == JANUARY.replace(hour=0)
    last = JANUARY + timedelta(days=2, hours=3)
    assert window.end == (last + timedelta(days=1)).replace(hour=0)  # whole days read easier
    assert report.restore(resile, Query(window=window)).overall.n_restored == 3


def test_default_window_of_a_running_history_ends_now(resile: Resile) -> None:
    take(resile, *drafts(3), *drafts(1, first=NOW - timedelta(days=80), name="late"))

    assert default_window(resile).end == NOW


def test_without_incidents_the_default_window_is_the_last_ninety_days(resile: Resile) -> None:
    assert extent(resile) == (None, None, 0)
    assert default_window(resile).end == NOW


def test_open_incident_lasts_until_now_and_no_longer(resile: Resile) -> None:
    started = NOW - timedelta(hours=5)
    take(resile, Draft(origin="test", ref="open", steps=(Step("detected", started),)))
    query = Query(window=Window(NOW - timedelta(days=1), NOW + timedelta(days=300)))

    (dot,), n = report.dots(resile, query)

    assert (n, dot.is_open, dot.duration_s) == (1, True, 5 * 3_600)
    assert report.survival(resile, query).n_open == 1


def test_every_kind_of_report_answers_the_same_history(resile: Resile) -> None:
    take(resile, *drafts(9, severity=Severity.SEV1, services=("shop",)))
    take(resile, *drafts(9, first=JANUARY + timedelta(days=40), name="b", severity=Severity.SEV2, services=("search",)))
    query = Query(window=WINDOW, by=("severity",))

    phases = report.phases(resile, query)
    survival = report.survival(resile, query)
    halves = Window(WINDOW.start, JANUARY + timedelta(days=30)), Window(JANUARY + timedelta(days=30), WINDOW.end)
    windows = report.compare(resile, query, *halves)
    values = report.compare_values(resile, query, "severity", "SEV1", "SEV2")
    what_if = report.what_if(resile, query, "detect", 15, (Condition("service", ("shop",)),))

    assert [p.phase for p in phases.overall.phases] == ["detect", "acknowledge", "identify+mitigate+verify"]
    assert survival.median_s == report.restore(resile, query).overall.median_s == 5 * 3_600
    assert windows.ratio == values.ratio == pytest.approx(1)
    assert (what_if.n_changed, what_if.saved_s) == (9, 9 * 15 * 60)
    assert all(b"NaN" not in msgspec.json.encode(found) for found in (phases, survival, windows, values, what_if))


def test_sides_without_a_severity_in_common_have_nothing_to_adjust(resile: Resile) -> None:
    take(resile, *drafts(9, severity=Severity.SEV1, services=("shop",)))
    take(resile, *drafts(9, name="b", severity=Severity.SEV2, services=("search",)))

    found = report.compare_values(resile, Query(window=WINDOW), "service", "shop", "search")

    assert (found.adjusted_ratio, found.adjusted_ratio_low, found.adjusted_ratio_high) == (None, None, None)


def test_values_and_labels_are_listed_most_frequent_first(resile: Resile) -> None:
    take(resile, *drafts(3, services=("shop", "mail"), labels={"cause": "disk", "region": "eu"}))
    take(resile, *drafts(1, name="b", services=("mail",)), *drafts(1, name="c"))

    assert report.dimension_values(resile, "service") == [("mail", 4), ("shop", 3), (None, 1)]
    assert report.dimension_values(resile, "cause") == [("disk", 3), (None, 2)]
    assert report.label_names(resile) == ["cause", "region"]
    with pytest.raises(ConfigError, match="is a period"):
        report.dimension_values(resile, "week")


def test_too_many_dots_are_thinned_evenly_and_keep_the_extremes(resile: Resile) -> None:
    take(resile, *drafts(60))

    dots, n = report.dots(resile, Query(window=WINDOW), limit=7)

    assert n == 60
    assert len(dots) == 7
    assert {dot.duration_s for dot in dots} >= {3_600, 60 * 3_600}
    assert [dot.started_at for dot in dots] == sorted(dot.started_at for dot in dots)
