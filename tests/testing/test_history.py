from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import median

import numpy as np
import pytest

from resile.model.draft import Draft, incident_id_of
from resile.model.event import Exclusion, Source
from resile.model.history import STEP_KINDS, record_history
from resile.model.incident import Incident, fold
from resile.model.phases import contradictions, instants
from resile.testing.history import YEAR, simulated_year
from resile.testing.simulated_services import SERVICES

END = datetime(2026, 7, 1, 12, tzinfo=UTC)


def year(seed: int = 7, n: int = 1000) -> list[Draft]:
    return list(simulated_year(END, np.random.default_rng(seed), n))


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    return year()


@pytest.fixture(scope="module")
def counted(drafts: list[Draft]) -> list[tuple[Draft, Incident]]:
    """Those that count, with what their timelines fold into."""
    return [(draft, incident_of(draft)) for draft in drafts if draft.exclusion is None]


def incident_of(draft: Draft) -> Incident:
    events = record_history(draft, [], now=END, by="import:simulated")
    return fold(incident_id_of(draft.origin, draft.ref), events)


def minutes_to_restore(incident: Incident) -> float | None:
    known = instants(incident)
    if known.detected is None or known.restored is None or contradictions(known):
        return None
    return (known.restored.at - known.detected.at) / timedelta(minutes=1)


def test_same_seed_gives_the_same_year() -> None:
    assert year(seed=3, n=200) == year(seed=3, n=200)


def test_another_seed_gives_another_year() -> None:
    assert year(seed=3, n=200) != year(seed=4, n=200)


@pytest.mark.parametrize("n", [1, 3, 4, 50, 1000])
def test_about_as_many_incidents_as_asked_for_with_distinct_names(n: int) -> None:
    refs = [draft.ref for draft in year(n=n)]

    assert len(set(refs)) == len(refs)
    assert 0.98 * n <= len(refs) <= max(n, 3)


def test_nothing_is_told_from_outside_the_year(drafts: list[Draft]) -> None:
    told = [step.at for draft in drafts for step in draft.steps]

    assert max(told) <= END
    # Wrongly typed times may lie an hour or two before the first impact.
    assert min(told) >= END - YEAR - timedelta(days=1)


def test_every_step_is_of_a_known_kind_and_every_incident_was_detected(drafts: list[Draft]) -> None:
    assert {step.kind for draft in drafts for step in draft.steps} == STEP_KINDS
    assert all(any(step.kind == "detected" for step in draft.steps) for draft in drafts)


def test_incidents_come_in_order_of_impact_except_duplicates(drafts: list[Draft]) -> None:
    began = [
        step.at
        for draft in drafts
        if "duplicate-of" not in draft.labels
        for step in draft.steps
        if step.kind == "impact_began"
    ]

    assert began == sorted(began)


def test_every_team_and_service_of_the_company_occurs(drafts: list[Draft]) -> None:
    assert {draft.services[0] for draft in drafts} == {service.name for service in SERVICES}
    assert {draft.team for draft in drafts} == {service.team for service in SERVICES}


def test_every_reason_for_exclusion_occurs_and_nine_of_ten_incidents_count(drafts: list[Draft]) -> None:
    by_exclusion = Counter(draft.exclusion for draft in drafts)

    assert set(by_exclusion) == {None, *Exclusion}
    assert 0.86 <= by_exclusion[None] / len(drafts) <= 0.92


def test_records_hold_what_goes_wrong_in_life(counted: list[tuple[Draft, Incident]]) -> None:
    known = [instants(incident) for _, incident in counted]

    assert sum(at.n_reopened > 0 for at in known) >= 15
    assert sum(bool(contradictions(at)) for at in known) >= 5
    assert sum(at.restored is None and at.closed is not None for at in known) >= 3
    assert sum(at.restored is None and at.closed is None for at in known) >= 3
    assert sum(at.identified is None for at in known) > 0.08 * len(known)
    assert sum(at.impact_began is None for at in known) > 0.07 * len(known)
    assert sum(len(draft.services) > 1 for draft, _ in counted) > 0.05 * len(counted)
    assert any(len(draft.title) > 200 for draft, _ in counted)
    assert any(draft.severity is None for draft, _ in counted)


def test_instants_are_known_in_every_way(drafts: list[Draft]) -> None:
    assert {step.source for draft in drafts for step in draft.steps} == set(Source)


def test_duplicates_are_noise_and_name_an_incident_that_counts(drafts: list[Draft]) -> None:
    by_ref = {draft.ref: draft for draft in drafts}
    duplicates = [draft for draft in drafts if "duplicate-of" in draft.labels]

    assert duplicates
    for duplicate in duplicates:
        assert duplicate.exclusion is Exclusion.NOISE
        assert by_ref[duplicate.labels["duplicate-of"]].exclusion is None


def test_the_latest_incidents_are_still_open(drafts: list[Draft]) -> None:
    for draft in drafts[-3:]:
        known = instants(incident_of(draft))
        assert draft.exclusion is None
        assert known.restored is None
        assert known.closed is None


def test_durations_have_a_heavy_tail(counted: list[tuple[Draft, Incident]]) -> None:
    minutes = [m for _, incident in counted if (m := minutes_to_restore(incident)) is not None]

    assert np.mean(minutes) > 1.4 * np.median(minutes)
    assert max(minutes) > 15 * np.median(minutes)


@pytest.mark.parametrize(("service", "low", "high"), [("search", 0.3, 0.8), ("warehouse-sync", 1.4, 3.2)])
def test_search_gets_faster_and_warehouse_sync_slower(service: str, low: float, high: float) -> None:
    ratios = []
    for seed in range(5):
        before, after = [], []
        for draft in year(seed=seed):
            at = min(step.at for step in draft.steps)
            minutes = minutes_to_restore(incident_of(draft))
            if draft.exclusion is None and draft.services[0] == service and minutes is not None:
                (before if at < END - YEAR / 2 else after if at > END - 0.4 * YEAR else []).append(minutes)
        ratios.append(median(after) / median(before))

    assert low < median(ratios) < high


def test_checkout_is_acknowledged_late_at_night(counted: list[tuple[Draft, Incident]]) -> None:
    day, night = [], []
    for draft, incident in counted:
        known = instants(incident)
        if draft.services[0] != "checkout" or known.acknowledged is None or known.detected is None:
            continue
        hour = known.detected.at.hour
        lasted = known.acknowledged.at - known.detected.at
        (night if hour >= 22 or hour < 6 else day).append(lasted)

    assert median(night) > 2 * median(day)


def test_worse_incidents_are_restored_sooner(counted: list[tuple[Draft, Incident]]) -> None:
    by_severity: dict[str, list[float]] = {}
    for draft, incident in counted:
        minutes = minutes_to_restore(incident)
        if draft.severity is not None and minutes is not None:
            by_severity.setdefault(draft.severity, []).append(minutes)
    medians = [median(by_severity[severity]) for severity in sorted(by_severity)]

    assert medians == sorted(medians)
