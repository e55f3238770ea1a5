"""Where the time goes: phases partition it, over columns as over one incident."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.analytics.grouping import NO_INSTANT
from resile.analytics.phase_columns import BOUNDS, contradicts, join_name, join_of, phase_columns
from resile.analytics.phase_report import phases_report
from resile.analytics.query import Condition
from resile.analytics.results import PhasesReport
from resile.analytics.what_if import what_if_report
from resile.model.errors import ConfigError
from resile.model.event import Source
from resile.model.phases import Instant, Instants, contradictions, phases
from resile.model.time import from_us
from tests.analytics.facts import START, asking, at, facts, incident, lasting

INSTANTS = st.lists(
    st.lists(st.none() | st.integers(0, 9).map(lambda us: us * 10**6), min_size=6, max_size=6), min_size=1, max_size=20
)


def columns(rows: list[list[int | None]]) -> np.ndarray:
    return np.array([[NO_INSTANT if us is None else us for us in row] for row in rows], dtype=np.int64).T


@given(INSTANTS)
@settings(max_examples=300)
def test_many_incidents_are_parted_as_each_alone(rows: list[list[int | None]]) -> None:
    parts = phase_columns(columns(rows))

    for place, row in enumerate(rows):
        known = Instants(
            **{
                name: None if us is None else Instant(from_us(us), Source.HUMAN, "1")
                for name, us in zip(BOUNDS, row, strict=True)
            }
        )
        mine = parts.incidents == place
        ours = dict(zip(map(join_name, parts.joins[mine].tolist()), parts.lasted_us[mine].tolist(), strict=True))
        assert ours == {"+".join(p.names): p.lasted // timedelta(microseconds=1) for p in phases(known)}
        assert contradicts(columns([row]))[0] == bool(contradictions(known))


@given(INSTANTS)
def test_phases_sum_to_the_stretch_from_the_first_known_instant_to_the_last(rows: list[list[int | None]]) -> None:
    parts = phase_columns(columns(rows))

    for place, row in enumerate(rows):
        known = [us for us in row if us is not None]
        whole = known[-1] - known[0] if known == sorted(known) and known else 0
        assert parts.lasted_us[parts.incidents == place].sum() == whole
        assert np.all(parts.lasted_us >= 0)


def test_joins_are_written_and_read_alike() -> None:
    assert all(join_of(join_name(join)) == join for join in range(1, 32))
    assert join_name(0b11) == "detect+acknowledge"


def full(name: str, start_h: float, *minutes: float, **others: Any) -> dict[str, Any]:
    """Impact, then detection, acknowledgement, identification, mitigation and restoration after so many minutes."""
    names = ("impact_began", "detected", "acknowledged", "identified", "mitigated", "restored")
    known = {name: at(hours=start_h, minutes=sum(minutes[:k])) for k, name in enumerate(names)} | others
    return incident(name, known.pop("detected"), **known)


def report(*rows: dict[str, Any], **asked: Any) -> PhasesReport:
    return phases_report(facts(rows), asking(**asked))


def test_shares_are_of_the_whole_time_and_sum_to_one() -> None:
    overall = report(full("a", 0, 10, 5, 15, 20, 10), full("b", 9, 20, 5, 5, 5, 5)).overall

    assert {p.phase: p.total_s for p in overall.phases} == {
        "detect": 1_800,
        "acknowledge": 600,
        "identify": 1_200,
        "mitigate": 1_500,
        "verify": 900,
    }
    assert sum(p.share for p in overall.phases) == pytest.approx(1)
    assert (overall.n, overall.mean_s) == (2, 3_000)


def test_unknown_instant_joins_its_neighbours_and_says_so() -> None:
    overall = report(full("a", 0, 10, 5, 15, 20, 10, identified=None), full("b", 9, 10, 5, 15, 20, 10)).overall

    by_name = {p.phase: p for p in overall.phases}
    assert by_name["identify+mitigate"].total_s == 35 * 60
    assert by_name["identify"].n == by_name["mitigate"].n == 1
    assert [p.phase for p in overall.phases] == [
        "detect",
        "acknowledge",
        "identify",
        "identify+mitigate",
        "mitigate",
        "verify",
    ]
    assert any("joined" in note for note in overall.notes)


def test_open_and_contradictory_incidents_are_left_out_and_counted() -> None:
    found = report(
        full("a", 0, 10, 5, 15, 20, 10),
        full("open", 5, 10, 5, 15, 20, 10, restored=None),
        full("wrong", 6, 10, 5, 15, 20, 10, acknowledged=START - timedelta(days=1)),
    )

    assert found.overall.n == 1
    assert (found.excluded["open"], found.excluded["contradictory"]) == (1, 1)


def test_groups_have_their_own_phases_longest_first() -> None:
    found = report(
        full("a", 0, 10, 5, 15, 20, 10, service="shop"),
        full("b", 9, 90, 5, 5, 5, 5, service="search", other_services=["shop"]),
        by=("service",),
    )

    assert [(group.key["service"], group.n) for group in found.groups] == [("search", 1), ("shop", 2)]


def test_report_over_nothing_has_no_phases() -> None:
    overall = report().overall

    assert (overall.n, overall.mean_s, overall.phases) == (0, None, [])


def test_sooner_detection_shortens_the_time_from_impact_by_no_more_than_there_was() -> None:
    rows = [full("a", 0, 30, 5, 5, 5, 5), full("b", 9, 4, 5, 5, 5, 5), full("c", 20, 60, 5, 5, 5, 5, detected=at())]
    rows[2]["impact_began"] = None

    answer = what_if_report(facts(rows), asking(), "detect", 10)

    assert answer.saved_s == (10 + 4) * 60
    assert (answer.n_changed, answer.n) == (2, 2)
    assert (answer.mean_before_s, answer.mean_after_s) == (37 * 60, 30 * 60)
    assert (answer.median_before_s, answer.median_after_s) == (37 * 60, 30 * 60)
    assert answer.saved_per_year_s == pytest.approx(answer.saved_s * 365.25 / 91)


def test_only_the_class_asked_for_becomes_shorter() -> None:
    rows = [full(str(n), n, 5, 5, 30, 5, 5, severity=f"SEV{n % 2 + 1}") for n in range(10)]

    answer = what_if_report(facts(rows), asking(), "identify", 20, (Condition("severity", ("SEV1",)),))

    assert (answer.n_changed, answer.n, answer.saved_s) == (5, 10, 5 * 20 * 60)
    assert answer.where == {"severity": ["SEV1"]}
    assert (answer.mean_before_s, answer.mean_after_s) == (45 * 60, 35 * 60)


def test_what_if_says_by_which_clock_it_counts_and_how_many_are_open() -> None:
    rows = [full("a", 0, 30, 5, 5, 5, 5), incident("b", at(days=1)), incident("c", at(days=2), impact_began=at(days=2))]

    sooner = what_if_report(facts(rows), asking(), "detect", 10)
    shorter = what_if_report(facts(rows), asking(), "identify", 1)

    assert (sooner.clock, sooner.n, sooner.n_open) == ("impact_to_restored", 1, 1)
    assert (shorter.clock, shorter.n, shorter.n_open) == ("detected_to_restored", 1, 2)


def test_what_if_over_a_short_window_is_not_blown_up_to_a_year() -> None:
    window = asking().window.__class__(START, at(days=7))

    assert what_if_report(facts(lasting(60)), asking(window=window), "verify", 1).saved_per_year_s is None


@pytest.mark.parametrize(("phase", "minutes"), [("sleep", 5.0), ("detect", 0.0), ("detect", -1.0), ("", 1.0)])
def test_what_if_nonsense_is_refused_in_one_sentence(phase: str, minutes: float) -> None:
    with pytest.raises(ConfigError, match=r"unknown; use one of|give a number above 0"):
        what_if_report(facts([]), asking(), phase, minutes)
