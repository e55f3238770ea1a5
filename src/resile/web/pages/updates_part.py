"""The part of an incident's page that tells audiences: drafts, what was published, what is promised."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from msgspec import Struct

from resile.analytics.words import exact_duration
from resile.app.incidents import IncidentView
from resile.app.telling import told_words
from resile.app.update_drafts import phase_of
from resile.app.update_out import DraftOut, UpdatesOut
from resile.app.wiring import Resile
from resile.model.audience import Audience
from resile.model.component import ComponentState, UpdatePhase
from resile.model.room import Room
from resile.model.time import MINUTE

_SHOWN = 5
_SOON = 5 * MINUTE


class Promise(Struct, frozen=True):
    """What an audience waits for: `in 9 min 30 s`, `overdue by 2 min`; `left_s`: below zero once it is overdue."""

    audience: str
    due_at: datetime
    left_s: float
    words: str
    tone: str


def updates_part(resile: Resile, view: IncidentView, room: Room) -> Mapping[str, Any]:
    """What `parts/incident_updates.html` shows; the same for everybody who looks."""
    found = resile.communication.updates.of(view.incident.id, room)
    now = resile.clock.now()
    fault = _faults(resile, view)
    return {
        "updates": {
            "waiting": [(one, fault(one)) for one in found.drafts if one.state == "waiting"],
            "published": [(one, _told(found, one)) for one in reversed(found.drafts) if _is_shown(one)][:_SHOWN],
            "promises": [_promise(audience, due_at, now) for audience, due_at in found.promises.items()],
            "audiences": [one.value for one in reversed(Audience)],
            "phases": [one.value for one in UpdatePhase],
            "phase": phase_of(view.incident).value,
            "states": [(one.value, one.words) for one in ComponentState],
        }
    }


def _is_shown(one: DraftOut) -> bool:
    """Whether it was published; what corrected it is shown with it."""
    return one.published_at is not None and one.corrects is None


def _faults(resile: Resile, view: IncidentView) -> Callable[[DraftOut], str]:
    """Why the template that would fit a draft was not used; empty: one was, or none fits, or it is a correction.

    Drafts for one audience and phase have the same one, which is rendered once.
    """

    @cache
    def fault(audience: str, phase: str) -> str:
        return resile.communication.updates.prepare(view.incident.id, audience, phase).fault or ""

    return lambda one: "" if one.template is not None or one.corrects else fault(one.audience, one.phase)


def _told(found: UpdatesOut, one: DraftOut) -> str:
    counts = found.told.get(one.draft_id)
    if counts is None or one.state == "withdrawn":
        return ""
    return told_words(counts) if counts.is_over else f"{counts.handed:,} of {counts.n:,} subscribers were told so far"


def _promise(audience: str, due_at: datetime, now: datetime) -> Promise:
    left = due_at - now
    left_s = left.total_seconds()
    words = exact_duration(abs(left_s))
    if left <= timedelta(0):
        return Promise(audience, due_at, left_s, f"overdue by {words}", "bad")
    return Promise(audience, due_at, left_s, f"in {words}", "warn" if left <= _SOON else "")
