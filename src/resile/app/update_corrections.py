"""Which update is to be corrected or withdrawn, and whether it may."""

from datetime import datetime
from itertools import pairwise

from resile.app.growing import Growing
from resile.app.printable import printable
from resile.app.update_drafts import Drafting, Prepared
from resile.model.errors import TransitionError
from resile.model.event import Updated
from resile.model.room import KnownDraft
from resile.model.room_event import UpdateDrafted, UpdateDropped
from resile.model.time import format_instant

MAX_REASON = 500
# Why a draft was dropped in whose place another was put.
CHANGED = "changed"


def standing(growing: Growing, draft_id: str) -> KnownDraft:
    """An update that was published and not withdrawn; named by its draft, or by that of a correction of it.

    Raises:
        TransitionError: it was not published, or was withdrawn.
    """
    subject, drafts = f"incident {growing.incident_id}", growing.room.drafts
    known = drafts.get(draft_id)
    if known is not None and known.corrects is not None and known.sent is not None:
        known = drafts[known.corrects]
    if known is None or known.sent is None:
        raise TransitionError(f"{subject} has published no update {draft_id[:40]!r}; look again")
    if known.withdrawn is not None:
        who, at = known.withdrawn.by, format_instant(known.withdrawn.at)
        raise TransitionError(f"{subject}: this update was withdrawn by {who} {at}; publish another")
    return known


def first_of(known: KnownDraft) -> Updated:
    """What was published first, of an update that was."""
    return known.versions[0]


def wordings_of(growing: Growing, known: KnownDraft) -> list[KnownDraft]:
    """Every draft that holds words of an update: of itself, of its corrections, and of each before it was changed."""
    drafts, ids = growing.room.drafts, {version.id for version in known.versions}
    # One that is changed is dropped, and the next event is what was put in its place.
    before = {
        event.id: dropped.draft_id
        for dropped, event in pairwise(growing.events)
        if isinstance(dropped, UpdateDropped) and isinstance(event, UpdateDrafted) and dropped.reason == CHANGED
    }
    found = [one for one in drafts.values() if one.id == known.id or one.draft.corrects in ids]
    for one in found:
        earlier = drafts.get(before.pop(one.id, ""))
        if earlier is not None and earlier not in found:
            found.append(earlier)
    return found


def current_of(growing: Growing, event_id: str) -> KnownDraft:
    """The update whose words in force are those of an event.

    Raises:
        TransitionError: it was corrected or withdrawn meanwhile.
    """
    known = next((one for one in growing.room.drafts.values() if event_id in {each.id for each in one.versions}), None)
    subject = f"incident {growing.incident_id}"
    if known is None or known.withdrawn is not None:
        raise TransitionError(f"{subject}: the update that this corrects was withdrawn; drop it, and publish another")
    last = known.versions[-1]
    if last.id != event_id:
        raise TransitionError(
            f"{subject}: {last.by} corrected this update {format_instant(last.at)}; "
            "drop this, and correct what it says now"
        )
    return known


def correction_of(growing: Growing, draft_id: str, drafting: Drafting, reason: str) -> Prepared:
    """What a correction says before somebody changed it: what is published now.

    Raises:
        TransitionError: it was not published, or was withdrawn; there is no reason.
    """
    known = standing(growing, draft_id)
    return drafting.correcting(growing.incident, known, reason_of(growing, reason))


def check_seen(growing: Growing, draft_id: str, seen: datetime | None) -> None:
    """That nobody corrected the words since somebody saw them.

    Raises:
        TransitionError: somebody did, or they do not stand.
    """
    known = standing(growing, draft_id)
    last = known.corrections[-1] if known.corrections else None
    if last is not None and last.at != seen:
        raise TransitionError(
            f"incident {growing.incident_id}: {last.by} corrected this update {format_instant(last.at)}; "
            "look at what it says now, and correct that"
        )


def check_differs(growing: Growing, correction: KnownDraft) -> None:
    """That a correction says something else than what is published.

    Raises:
        TransitionError: it does not.
    """
    draft = correction.draft
    last = current_of(growing, draft.corrects or "").versions[-1]
    if (draft.title, draft.text, draft.components) == (last.title, last.text, last.components):
        raise TransitionError(f"incident {growing.incident_id}: this is what was published; change what is wrong in it")


def reason_of(growing: Growing, reason: str) -> str:
    """Why something published is changed, in one line.

    Raises:
        TransitionError: there is none, or it is too long.
    """
    why = " ".join(printable(reason).split())
    if not 0 < len(why) <= MAX_REASON:
        raise TransitionError(
            f"incident {growing.incident_id}: what was published is changed for a reason of 1 to {MAX_REASON} "
            "characters; say why, in words for whoever reads it"
        )
    return why
