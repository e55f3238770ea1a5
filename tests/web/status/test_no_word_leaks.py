"""Whatever stands on timelines and in the catalog, the public reads what was published for it and nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resile.app.public_ids import PublicIds
from resile.app.status_settings import StatusSettings
from resile.model.component import ComponentState, MaintenancePhase
from resile.model.event import (
    Acknowledged,
    AlertFired,
    Declared,
    Described,
    Event,
    Exclusion,
    Identified,
    Marked,
    Noted,
    Paged,
    Reopened,
    Restored,
    Source,
    Updated,
)
from resile.model.room_event import (
    CalledIn,
    EvidenceAdded,
    EvidenceKind,
    Risk,
    Role,
    RoleTaken,
    Said,
    StepBegan,
    StepEnded,
    StepOutcome,
    TaskAdded,
    UpdateDrafted,
)
from resile.model.time import MINUTE
from resile.response.public_status import Announced, Listed, public_status
from resile.response.published import published, told_of
from resile.web.status.site import SiteMaker

from .world import NOW

INNER = "zzinner"
WORD = f"{INNER} <b>{INNER}</b>"
KEYS = (f"{INNER}-shop", f"{INNER}-db", f"{INNER}-nowhere")
KINDS: tuple[Callable[[], tuple[Any, dict[str, Any]]], ...] = (
    lambda: (Described, {"title": WORD, "services": (WORD,), "team": WORD, "url": WORD, "labels": {WORD: WORD}}),
    lambda: (Acknowledged, {"who": WORD}),
    lambda: (Identified, {"cause": WORD}),
    lambda: (Restored, {}),
    lambda: (Reopened, {"reason": WORD}),
    lambda: (Noted, {"text": WORD}),
    lambda: (AlertFired, {"alert_id": WORD, "title": WORD, "door": WORD, "because": WORD}),
    lambda: (Paged, {"message_id": WORD, "person": WORD, "contact": WORD, "channel": WORD}),
    lambda: (Marked, {"exclusion": Exclusion.NOISE, "reason": WORD}),
    lambda: (RoleTaken, {"role": Role.COMMANDER, "person": WORD}),
    lambda: (TaskAdded, {"text": WORD, "owner": WORD}),
    lambda: (EvidenceAdded, {"evidence": EvidenceKind.LOG, "title": WORD, "url": WORD, "text": WORD}),
    lambda: (CalledIn, {"target": WORD, "people": (WORD,), "because": WORD}),
    lambda: (Said, {"channel": WORD, "author": WORD, "text": WORD}),
    lambda: (
        StepBegan,
        {"run_id": WORD, "playbook": WORD, "number": 1, "step": WORD, "runner": WORD, "risk": Risk.READ},
    ),
    lambda: (StepEnded, {"run_id": WORD, "outcome": StepOutcome.DONE, "output": WORD, "because": WORD}),
    lambda: (UpdateDrafted, {"audience": "customers", "status": WORD, "title": WORD, "text": WORD}),
    lambda: (Updated, {"audience": "responders", "text": WORD, "title": WORD, "status": WORD}),
    lambda: (Updated, {"audience": None, "text": WORD, "title": WORD, "components": {KEYS[0]: "major_outage"}}),
)
STATES = st.sampled_from([*ComponentState, WORD])
PUBLISHED = st.fixed_dictionaries(
    {
        "text": st.sampled_from(["We look into it.", "It is over.", ""]),
        "title": st.sampled_from(["Payments fail", ""]),
        "status": st.sampled_from(["investigating", "identified", "monitoring", "resolved", WORD, None]),
        "components": st.dictionaries(st.sampled_from(KEYS), STATES, max_size=3),
    }
)
STEPS = st.lists(st.one_of(st.sampled_from(KINDS), PUBLISHED), max_size=12)


def timeline(steps: list[Any]) -> list[Event]:
    found: list[Event] = []
    told: list[tuple[Any, dict[str, Any]]] = [(Declared, {"title": WORD, "services": (KEYS[1],), "ref": WORD})]
    told += [
        (Updated, {**step, "audience": "customers", "draft_id": WORD}) if isinstance(step, dict) else step()
        for step in steps
    ]
    for number, (kind, fields) in enumerate(told):
        at = NOW - timedelta(hours=5) + number * MINUTE
        found.append(
            kind(id=f"{WORD}-{number}", at=at, recorded_at=at, by=WORD, source=Source.HUMAN, **fields),
        )
    return found


def listed(name: str, title: str) -> Listed:
    return Listed(name=name, title=title, group="Parts", keys=frozenset({name, KEYS[1]}), since=NOW - 9 * MINUTE)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=3))
def test_no_inner_word_is_in_any_byte_that_is_served(several: list[list[Any]]) -> None:
    told = [told_of(f"{WORD}-{number}", timeline(steps)) for number, steps in enumerate(several)]
    window = Announced(
        id=f"{WORD}-window",
        title="New disks",
        text="Short.",
        keys=frozenset(KEYS),
        phase=MaintenancePhase.IN_PROGRESS,
        starts_at=NOW - MINUTE,
        ends_at=NOW + MINUTE,
        announced_at=NOW - 2 * MINUTE,
        changed_at=NOW - MINUTE,
    )
    page = StatusSettings(title="Acme")
    status = public_status(
        published(told), [listed(KEYS[0], "Online shop"), listed("api", "API")], [window], now=NOW, zone=page.clock
    )
    maker = SiteMaker(
        page,
        PublicIds(lambda: b"k" * 32),
        address="http://status.test",
        can_subscribe=False,
        now=lambda: NOW,
    )

    site = maker.site(status)

    for path, one in site.answers.items():
        assert INNER not in path
        for said in (one.body, repr(one.headers).encode(), repr(one.unchanged).encode()):
            assert INNER.encode() not in said.lower()
    assert INNER not in repr(site.moved)
    assert all(INNER not in own + title for own, title, _ in site.components)


def test_the_words_are_looked_for_in_the_right_place() -> None:
    with pytest.raises(AssertionError):
        check_finds(timeline([{"text": WORD, "title": "", "status": None, "components": {}}]))


def check_finds(events: list[Event]) -> None:
    status = public_status(published([told_of("x", events)]), [], [], now=NOW, zone=StatusSettings().clock)
    maker = SiteMaker(
        StatusSettings(), PublicIds(lambda: b"k" * 32), address="http://x", can_subscribe=False, now=lambda: NOW
    )
    assert INNER.encode() not in maker.site(status).answers["/"].body
