"""Updates as data: the same for the terminal and the API."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from resile.model.room import KnownDraft, Room
from resile.ports.telling_store import TellingCounts


class DraftOut(Struct, frozen=True, kw_only=True):
    """A draft, or the update that came of it.

    Attributes:
        state: `waiting`, `published`, `dropped` or `withdrawn`; of what was withdrawn title and text are empty.
        title, text, components: of what was published and corrected, as it says now.
        needs: how many who did not write it have to agree; `agreed`: who has.
        n_told: to how many addresses it went, when it was published.
        corrects: the draft of the published update whose words these take the place of; None: it is no correction.
        reason: why it corrects, was corrected or withdrawn.
    """

    draft_id: str
    audience: str
    phase: str
    state: str
    title: str
    text: str
    components: dict[str, str]
    next_within_s: int | None
    template: str | None
    needs: int
    agreed: list[str]
    by: str
    at: datetime
    published_by: str | None = None
    published_at: datetime | None = None
    n_told: int = 0
    corrects: str | None = None
    corrected_by: str | None = None
    corrected_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    reason: str = ""


class UpdatesOut(Struct, frozen=True, kw_only=True):
    """All updates of an incident, the oldest first.

    Attributes:
        promises: by audience, when the next update is due.
        told: of the newest for customers, by draft, how far subscribers were told.
    """

    incident_id: str
    drafts: list[DraftOut]
    promises: dict[str, datetime]
    told: dict[str, TellingCounts]


def draft_out(known: KnownDraft) -> DraftOut:
    """One of them."""
    draft, sent, gone = known.draft, known.sent, known.withdrawn
    corrected = known.corrections[-1] if known.corrections else None
    says = corrected or draft
    return DraftOut(
        draft_id=known.id,
        audience=draft.audience,
        phase=draft.status,
        state=_state(known),
        title="" if gone is not None else says.title,
        text="" if gone is not None else says.text,
        components=says.components,
        next_within_s=draft.next_within_s,
        template=draft.template,
        needs=draft.needs,
        agreed=list(known.agreed),
        by=draft.by,
        at=draft.at,
        published_by=None if sent is None else sent.by,
        published_at=None if sent is None else sent.at,
        n_told=0 if sent is None else sent.n_told,
        corrects=known.corrects,
        corrected_by=None if corrected is None else corrected.by,
        corrected_at=None if corrected is None else corrected.at,
        withdrawn_by=None if gone is None else gone.by,
        withdrawn_at=None if gone is None else gone.at,
        reason=says.reason if gone is None else gone.reason,
    )


def _state(known: KnownDraft) -> str:
    if known.withdrawn is not None:
        return "withdrawn"
    return "published" if known.sent is not None else "waiting" if known.is_waiting else "dropped"


def updates_out(incident_id: str, room: Room, told: dict[str, TellingCounts]) -> UpdatesOut:
    """All of them."""
    known: Sequence[KnownDraft] = list(room.drafts.values())
    return UpdatesOut(
        incident_id=incident_id, drafts=[draft_out(one) for one in known], promises=dict(room.promises), told=told
    )
