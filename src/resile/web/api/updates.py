"""Updates of an incident: drafted, agreed to, published, promised."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec import UNSET, Struct
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.access import Identity
from resile.app.incidents import show_incident
from resile.app.update_corrections import MAX_REASON
from resile.app.update_drafts import MAX_COMPONENTS, MAX_TEXT, MAX_TITLE, Prepared, Wording
from resile.app.update_out import DraftOut, UpdatesOut, draft_out
from resile.app.updates import Updates
from resile.model.audience import Audience
from resile.model.component import ComponentState, UpdatePhase
from resile.model.document import length_of
from resile.model.room import KnownDraft
from resile.model.time import MINUTE, WEEK
from resile.web.api.asking import resile_of
from resile.web.api.commands import Body, Words
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(prefix="/incidents/{incident_id:path}/updates", tags=["incidents"])

_ANSWERS = answers(DraftOut, also=(404, 409))


class PreparedOut(Struct, frozen=True, kw_only=True):
    """What would be drafted now; `fault` says why the template that would fit was not used."""

    audience: Audience
    phase: UpdatePhase
    title: str
    text: str
    components: dict[str, str]
    next_within_s: int | None
    needs: int
    template: str | None
    fault: str | None


class WordingBody(Body):
    """What an update says; what is left out comes from what is known, or stays as it was."""

    title: Annotated[str, Field(max_length=MAX_TITLE)] | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    components: Annotated[dict[Words, ComponentState], Field(max_length=MAX_COMPONENTS)] | None = None
    next_within: Annotated[str, Field(max_length=20, examples=["30m", "off"])] | None = None

    def wording(self) -> Wording:
        """As the use cases take it."""
        promised: timedelta | None = None
        if self.next_within not in {None, "off"}:
            promised = length_of(self.next_within or "", "next_within", least=MINUTE, most=WEEK)
        return Wording(
            title=UNSET if self.title is None else self.title,
            text=UNSET if self.text is None else self.text,
            components=UNSET if self.components is None else {n: s.value for n, s in self.components.items()},
            next_within=UNSET if self.next_within is None else promised,
        )


class DraftBody(WordingBody):
    """An update for an audience; with `publish` it is sent at once, where nobody else has to agree."""

    audience: Audience
    phase: UpdatePhase | None = None
    publish: bool = False


class DropBody(Body):
    """Why a draft will not be sent."""

    reason: Annotated[str, Field(max_length=500)] = ""


class CorrectBody(Body):
    """Other words for a published update, and why; who reads it reads the reason. What is left out stays as it was."""

    title: Annotated[str, Field(max_length=MAX_TITLE)] | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    components: Annotated[dict[Words, ComponentState], Field(max_length=MAX_COMPONENTS)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]
    publish: bool = False


class RetractBody(Body):
    """Why a published update does not stand; who read it reads this."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


@router.get("", summary="List an incident's updates", responses=answers(UpdatesOut, also=(404,)))
def listed(request: Request, incident_id: str) -> Response:
    """Drafts and what was published, when the next update is due, and how far subscribers were told."""
    return as_json(_of(request, incident_id).seen(incident_id))


@router.get("/prepared", summary="What a draft would say", responses=answers(PreparedOut, also=(404,)))
def prepared(
    request: Request,
    incident_id: str,
    audience: Annotated[Audience, Query()],
    phase: Annotated[UpdatePhase | None, Query(description="Else as far as the incident has come.")] = None,
) -> Response:
    """From what is known now; nothing is written."""
    found = _of(request, incident_id).prepare(incident_id, audience.value, None if phase is None else phase.value)
    return as_json(prepared_out(found))


@router.post("", status_code=201, summary="Draft an update", responses=answers(DraftOut, status=201, also=(404, 409)))
def draft(request: Request, incident_id: str, body: DraftBody) -> Response:
    """What is left out comes from what is known."""
    updates = _of(request, incident_id)
    do = updates.say if body.publish else updates.draft
    phase = None if body.phase is None else body.phase.value
    return _shown(do(_by(request), incident_id, body.audience.value, phase, body.wording()), status_code=201)


@router.put("/{draft_id}", summary="Change a draft", responses=_ANSWERS)
def edit(request: Request, incident_id: str, draft_id: str, body: WordingBody) -> Response:
    """Gives the draft that stands in its place; who agreed to the old one has not agreed to this."""
    return _shown(_of(request, incident_id).edit(_by(request), incident_id, draft_id, body.wording()))


@router.post("/{draft_id}/agree", summary="Agree to a draft", responses=_ANSWERS)
def agree(request: Request, incident_id: str, draft_id: str) -> Response:
    """Whoever wrote it cannot."""
    return _shown(_of(request, incident_id).agree(_by(request), incident_id, draft_id))


@router.post("/{draft_id}/publish", summary="Publish a draft", responses=_ANSWERS)
def publish(request: Request, incident_id: str, draft_id: str) -> Response:
    """Once, whoever else does at this moment: the second is answered 409."""
    return _shown(_of(request, incident_id).publish(_by(request), incident_id, draft_id))


@router.post("/{draft_id}/drop", summary="Drop a draft", responses=_ANSWERS)
def drop(request: Request, incident_id: str, draft_id: str, body: DropBody | None = None) -> Response:
    """It will not be sent."""
    reason = "" if body is None else body.reason
    return _shown(_of(request, incident_id).drop(_by(request), incident_id, draft_id, reason))


@router.post(
    "/{draft_id}/correct", status_code=201, summary="Correct a published update",
    responses=answers(DraftOut, status=201, also=(404, 409)),
)  # fmt: skip
def correct(request: Request, incident_id: str, draft_id: str, body: CorrectBody) -> Response:
    """Gives the draft of the correction; with `publish` it is sent at once, where nobody else has to agree."""
    said = WordingBody(title=body.title, text=body.text, components=body.components).wording()
    updates = _of(request, incident_id)
    known = updates.correct(_by(request), incident_id, draft_id, said, body.reason, is_sent=body.publish)
    return _shown(known, status_code=201)


@router.post("/{draft_id}/retract", summary="Withdraw a published update", responses=_ANSWERS)
def retract(request: Request, incident_id: str, draft_id: str, body: RetractBody) -> Response:
    """What it said is shown no more, and who was told of it is told so; nobody has to agree."""
    return _shown(_of(request, incident_id).retract(_by(request), incident_id, draft_id, body.reason))


@router.delete(
    "/promises/{audience}", summary="Take back what is promised", responses=answers(UpdatesOut, also=(404, 409))
)
def withdraw(request: Request, incident_id: str, audience: Audience) -> Response:
    """Nobody is reminded any more that this audience waits."""
    updates = _of(request, incident_id)
    updates.withdraw(_by(request), incident_id, audience.value)
    return as_json(updates.seen(incident_id))


def prepared_out(found: Prepared) -> PreparedOut:
    """As data."""
    return PreparedOut(
        audience=found.audience,
        phase=found.phase,
        title=found.title,
        text=found.text,
        components=found.components,
        next_within_s=None if found.next_within is None else int(found.next_within.total_seconds()),
        needs=found.needs,
        template=found.template,
        fault=found.fault,
    )


def _of(request: Request, incident_id: str) -> Updates:
    resile = resile_of(request)
    if show_incident(resile, incident_id) is None:
        raise HTTPException(404, f"incident {incident_id[:200]!r} is not known; /api/v1/incidents lists the ids")
    return resile.communication.updates


def _by(request: Request) -> Identity:
    found: Identity = request.state.identity
    return found


def _shown(known: KnownDraft, *, status_code: int = 200) -> Response:
    return as_json(draft_out(known), status_code=status_code)
