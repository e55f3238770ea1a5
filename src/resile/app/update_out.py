"""Updates as data: the same for the terminal and the API."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from resile.model.room import KnownDraft, Room
from resile.ports.telling_store import TellingCounts


class DraftOut(Struct, frozen=True, kw_only=True):
    """A draft, or the update that came of it.

    Attributes:
        state: `waiting`, `published` or `dropped`.
        needs: how many who did not write it have to agree; `agreed`: who has.
        n_told: to how many subscribers it went, when it was published.
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
    draft, sent = known.draft, known.sent
    return DraftOut(
        draft_id=known.id,
        audience=draft.audience,
        phase=draft.status,
        state="published" if sent is not None else "waiting" if known.is_waiting else "dropped",
        title=draft.title,
        text=draft.text,
        components=draft.components,
        next_within_s=draft.next_within_s,
        template=draft.template,
        needs=draft.needs,
        agreed=list(known.agreed),
        by=draft.by,
        at=draft.at,
        published_by=None if sent is None else sent.by,
        published_at=None if sent is None else sent.at,
        n_told=0 if sent is None else sent.n_told,
    )


def updates_out(incident_id: str, room: Room, told: dict[str, TellingCounts]) -> UpdatesOut:
    """All of them."""
    known: Sequence[KnownDraft] = list(room.drafts.values())
    return UpdatesOut(
        incident_id=incident_id, drafts=[draft_out(one) for one in known], promises=dict(room.promises), told=told
    )
