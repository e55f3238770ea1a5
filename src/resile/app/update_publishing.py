"""What follows when an update is published, corrected or withdrawn: events, the promise, and who is told of it."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from resile.app.growing import Growing
from resile.app.tell import told_by
from resile.app.update_corrections import current_of, first_of, reason_of, wordings_of
from resile.app.update_drafts import Drafting
from resile.app.update_rules import UpdateRule
from resile.model.audience import Audience, audience_of
from resile.model.component import UpdatePhase
from resile.model.errors import TransitionError
from resile.model.event import Exclusion, Source, Updated
from resile.model.incident import Incident, value_of
from resile.model.message import Message, MessageClass, message_id_of
from resile.model.phases import instants
from resile.model.policy import Way
from resile.model.room import KnownDraft
from resile.model.room_event import UpdateDrafted, UpdateDropped, UpdatePromised, Withdrawn
from resile.model.severity import Severity
from resile.model.time import format_instant
from resile.ports.paging_store import Changes, Timer
from resile.ports.telling_store import Telling, TellingKind
from resile.response.published import NEVER_OUTSIDE

_log = structlog.get_logger()


class Publishing:
    """Decides what follows; writes nothing.

    Args:
        drafting: knows how each audience is told.
        ways: by which a person of the catalog is reached.
        timer: when the promises of an incident are looked at next.
        n_told: how many subscribers hear of some components; of none: of everything.
    """

    def __init__(
        self,
        *,
        drafting: Drafting,
        ways: Callable[[str, Severity | None], tuple[Way, ...]],
        timer: Callable[[Growing], Timer],
        n_told: Callable[[Collection[str]], int],
    ) -> None:
        self._drafting = drafting
        self._ways = ways
        self._timer = timer
        self._n_told = n_told

    def of(self, growing: Growing, known: KnownDraft) -> Changes:
        """What follows when a draft is sent.

        Raises:
            TransitionError: not enough have agreed, the incident is over, or what it corrects is not as it was.
        """
        draft, incident = known.draft, growing.incident
        audience = audience_of(draft.audience)
        rule = self._drafting.rule(incident, audience)
        corrected = None if draft.corrects is None else current_of(growing, draft.corrects)
        _refuse_drill(incident, draft)
        if corrected is None:
            _check_open(incident, draft)
        _check_agreed(incident, known, rule)
        due_at = None if draft.next_within_s is None else growing.now + timedelta(seconds=draft.next_within_s)
        is_outside = audience is Audience.CUSTOMERS
        messages = self._to_people(growing, known, rule, *_worded(known, corrected))
        growing.tell(
            Updated,
            source=Source.HUMAN,
            text=draft.text,
            status=draft.status,
            title=draft.title,
            audience=draft.audience,
            draft_id=known.id,
            components=draft.components,
            n_told=len(messages) + (self._n_told(_touched(known, corrected)) if is_outside else 0),
            corrects=draft.corrects,
            reason=draft.reason,
        )
        if due_at is not None:
            growing.tell(UpdatePromised, source=Source.HUMAN, audience=draft.audience, due_at=due_at)
        if is_outside:
            messages = (*messages, told_by(_telling(growing, known, corrected, due_at)))
        _log.info("update published", incident=incident.id, audience=draft.audience, phase=draft.status)
        return Changes(timers=(self._timer(growing),), messages=messages)

    def retracted(self, growing: Growing, known: KnownDraft, reason: str) -> Changes:
        """What follows when an update that was sent is withdrawn: its words, and all that corrected them, are gone.

        Raises:
            TransitionError: there is no reason.
        """
        why, drafts = reason_of(growing, reason), wordings_of(growing, known)
        rule = self._drafting.rule(growing.incident, audience_of(known.draft.audience))
        for one in (*known.versions, *(each.draft for each in drafts)):
            growing.tell(Withdrawn, source=Source.HUMAN, event_id=one.id, reason=why)
        for each in drafts:
            if each.is_waiting:
                growing.tell(UpdateDropped, source=Source.HUMAN, draft_id=each.id, reason="withdrawn")
        at = f"{first_of(known).at:%Y-%m-%d %H:%M} UTC"
        title, text = f"Withdrawn: what we wrote {at}", f"What we wrote {at} does not hold and was withdrawn: {why}"
        messages = self._to_people(growing, known, rule, title, text)
        if known.draft.audience == Audience.CUSTOMERS:
            messages = (*messages, told_by(_taking_back(growing, known, title, text, why)))
        _log.info("update withdrawn", incident=growing.incident_id, audience=known.draft.audience)
        return Changes(messages=messages)

    def _to_people(
        self, growing: Growing, known: KnownDraft, rule: UpdateRule, title: str, text: str
    ) -> tuple[Message, ...]:
        """The message to each person whom the settings name, on their first way."""
        severity = value_of(growing.incident.severity, None)
        what = "update" if known.is_waiting else "retraction"
        found = []
        for person in rule.people:
            ways = self._ways(person, severity)
            if not ways:
                _log.warning("update reaches nobody", person=person, incident=growing.incident_id)
                continue
            contact = ways[0].contact
            found.append(
                Message(
                    id=message_id_of(what, growing.incident_id, known.id, person),
                    message_class=MessageClass.UPDATE,
                    channel=contact.channel,
                    address=contact.address,
                    title=title,
                    text=text,
                    queued_at=growing.now,
                    due_at=growing.now,
                    incident_id=growing.incident_id,
                    person=person,
                    contact=contact.name,
                )
            )
        return tuple(found)


def telling_id(incident_id: str, draft_id: str) -> str:
    """The id by which subscribers are told of a draft that was sent."""
    return message_id_of("update", incident_id, draft_id)


def _worded(known: KnownDraft, corrected: KnownDraft | None) -> tuple[str, str]:
    """Title and text as they are sent; of a correction with what it corrects, and why."""
    draft = known.draft
    if corrected is None:
        return draft.title, draft.text
    at = f"{first_of(corrected).at:%Y-%m-%d %H:%M} UTC"
    return f"Corrected: {draft.title}", f"{draft.text}\n\nThis corrects what we wrote {at}: {draft.reason}"


def _touched(known: KnownDraft, corrected: KnownDraft | None) -> tuple[str, ...]:
    """The components whose subscribers are told; of a correction also those of what it corrects."""
    before = () if corrected is None else [version.components for version in corrected.versions]
    named = [known.draft.components, *before]
    # One that names none is for all.
    return tuple(dict.fromkeys(name for one in named for name in one)) if all(named) else ()


def _telling(growing: Growing, known: KnownDraft, corrected: KnownDraft | None, due_at: datetime | None) -> Telling:
    """What subscribers are told: nothing but what was published; not even the incident's number."""
    draft, (title, text) = known.draft, _worded(known, corrected)
    earlier = () if corrected is None else _tellings_of(growing, corrected)
    body: dict[str, Any] = {
        "phase": draft.status,
        "components": draft.components,
        "published_at": format_instant(growing.now),
        "next_update_by": None if due_at is None else format_instant(due_at),
    }
    if earlier:
        body |= {"corrects": earlier[0], "reason": draft.reason}
    return Telling(
        id=telling_id(growing.incident_id, known.id),
        kind=TellingKind.UPDATE,
        title=title,
        text=text,
        components=_touched(known, corrected),
        body=msgspec.json.encode(body).decode(),
        incident_id=growing.incident_id,
        made_at=growing.now,
        calls_back=earlier,
    )


def _taking_back(growing: Growing, known: KnownDraft, title: str, text: str, why: str) -> Telling:
    """What those are told who were told of an update that does not stand."""
    earlier = _tellings_of(growing, known)
    body = {"withdraws": earlier[0], "withdrawn_at": format_instant(growing.now), "reason": why}
    return Telling(
        id=message_id_of("retraction", growing.incident_id, known.id),
        kind=TellingKind.UPDATE,
        title=title,
        text=text,
        body=msgspec.json.encode(body).decode(),
        incident_id=growing.incident_id,
        made_at=growing.now,
        calls_back=earlier,
        is_for_told=True,
    )


def _tellings_of(growing: Growing, known: KnownDraft) -> tuple[str, ...]:
    """By which ids subscribers were told of an update and its corrections, the first first."""
    drafts = [version.draft_id for version in known.versions]
    return tuple(telling_id(growing.incident_id, one) for one in drafts if one is not None)


def _check_agreed(incident: Incident, known: KnownDraft, rule: UpdateRule) -> None:
    needs = max(known.draft.needs, rule.agree)
    n_more = needs - len([who for who in known.agreed if who != known.draft.by])
    if n_more > 0:
        raise TransitionError(
            f"incident {incident.id}: {n_more} more {'person has' if n_more == 1 else 'people have'} to agree to "
            "this update who did not write it; ask them"
        )


def _refuse_drill(incident: Incident, draft: UpdateDrafted) -> None:
    exclusion = value_of(incident.exclusion, None)
    if draft.audience == Audience.CUSTOMERS and exclusion in NEVER_OUTSIDE:
        instead = "" if draft.corrects is None else "; withdraw what they were told"
        raise TransitionError(f"incident {incident.id} is a {exclusion}, of which customers are told nothing{instead}")


def _check_open(incident: Incident, draft: UpdateDrafted) -> None:
    into = value_of(incident.merged_into, None)
    if into is not None:
        raise TransitionError(f"incident {incident.id} was merged into {into}; publish the update there")
    is_resolved = draft.status == UpdatePhase.RESOLVED
    known = instants(incident)
    if value_of(incident.exclusion, None) is Exclusion.NOISE:
        # It is over, and was nothing: whoever was told of it is told that it is solved.
        if not is_resolved:
            raise TransitionError(
                f"incident {incident.id} was marked as noise; publish that it is resolved, or count it again"
            )
        return
    if known.closed is not None and not is_resolved:
        raise TransitionError(
            f"incident {incident.id} was closed {format_instant(known.closed.at)}; "
            "publish that it is resolved, or reopen it first"
        )
    if is_resolved and known.restored is None and draft.audience == Audience.CUSTOMERS:
        raise TransitionError(
            f"incident {incident.id} is not restored, so that it cannot be published as resolved; restore it first"
        )
