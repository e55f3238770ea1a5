"""Playbooks: what there is and what each comes to, what a text needs mended, and which is open for an incident."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec import Struct
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.playbook_lint import surroundings
from resile.app.playbook_rows import PlaybookRow, playbook_rows
from resile.app.playbooks import Offered
from resile.model.catalog import MAX_NAME
from resile.model.playbook import MAX_PLAYBOOK, Playbook, PlaybookFault
from resile.model.playbook_text import playbook_named
from resile.model.room_event import PlaybookOpened
from resile.response.playbook_lint import lint
from resile.web.api.asking import resile_of
from resile.web.api.commands import Body
from resile.web.api.incidents import known
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["playbooks"])

_MOST = 100


class Playbooks(Struct, frozen=True):
    """Playbooks by name; `n` is how many there are."""

    playbooks: list[PlaybookRow]
    n: int


class PlaybookOut(Struct, frozen=True, kw_only=True):
    """A playbook as it was read from its text, in a version."""

    playbook: Playbook
    version: int
    faults: list[PlaybookFault]


class Faults(Struct, frozen=True):
    """What is to be mended, by line."""

    faults: list[PlaybookFault]


class OfferedOut(Struct, frozen=True, kw_only=True):
    """A playbook that may be opened for an incident; `because` null: only a person can say that it is for it."""

    playbook: str
    title: str
    version: int
    because: str | None


class OfferedFor(Struct, frozen=True, kw_only=True):
    """The playbook that is in use for an incident, and all that may be opened: those that fit first, the best first."""

    in_use: PlaybookOpened | None
    offered: list[OfferedOut]


class LintBody(Body):
    """A text to be looked at; nothing is kept."""

    text: Annotated[str, Field(max_length=2 * MAX_PLAYBOOK)]


class OpenBody(Body):
    """Which playbook to open; null: the one that fits best."""

    playbook: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | None = None


@router.get("/playbooks", summary="List playbooks", responses=answers(Playbooks))
def playbooks(
    request: Request,
    *,
    after: Annotated[str, Query(max_length=MAX_NAME, description="Only those whose name comes after this one.")] = "",
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
) -> Response:
    """What each is for, its steps by risk, what is to be mended, how often it was used and to what effect."""
    names = sorted(resile_of(request).playbooks.all())
    wanted = [name for name in names if name > after][:limit]
    return as_json(Playbooks(playbook_rows(resile_of(request), wanted), len(names)))


@router.post("/playbooks/lint", summary="Look a playbook's text through", responses=answers(Faults))
def look_through(request: Request, body: LintBody) -> Response:
    """Everything that is to be mended of a text that is not in the catalog yet; nothing is kept of it."""
    name = playbook_named(body.text) or "it"
    return as_json(Faults(lint(name, body.text, surroundings(resile_of(request)))))


@router.get("/playbooks/{name}", summary="One playbook", responses=answers(PlaybookOut, also=(404,)))
def playbook(
    request: Request,
    name: str,
    version: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="As it was in this version; else as it is now.")
    ] = None,
) -> Response:
    """Its text, its sections and its steps. `PUT /catalog/playbook/{name}` writes it: `text` in its body."""
    resile = resile_of(request)
    now = resile.playbooks.all().get(name)
    number = version or (0 if now is None else now.number)
    found = resile.playbooks.as_of(name, number)
    if found is None:
        raise HTTPException(404, f"playbook {name[:64]!r} is not known in that version; /api/v1/playbooks lists them")
    faults = lint(name, found.text, surroundings(resile))
    return as_json(PlaybookOut(playbook=found, version=number, faults=faults))


@router.get(
    "/incidents/{incident_id:path}/playbooks", summary="An incident's playbooks",
    responses=answers(OfferedFor, also=(404,)),
)  # fmt: skip
def offered(request: Request, incident_id: str) -> Response:
    """Which is in use, and which may be opened."""
    incident = known(request, incident_id).incident
    resile = resile_of(request)
    in_use = resile.playbooks.of_incident(incident_id)
    listed = [_offered(one) for one in resile.playbooks.offered(incident)]
    return as_json(OfferedFor(in_use=None if in_use is None else in_use[0], offered=listed))


@router.post(
    "/incidents/{incident_id:path}/playbooks", status_code=201, summary="Open a playbook",
    responses=answers(PlaybookOpened, status=201, also=(404, 409)),
)  # fmt: skip
def open_playbook(request: Request, incident_id: str, body: OpenBody) -> Response:
    """Open one for an incident; it is the one in use from now on, and counts as used by whoever opened it."""
    known(request, incident_id)
    told = resile_of(request).playbooks.open(incident_id, body.playbook, by=request.state.identity.by)
    return as_json(told, status_code=201)


def _offered(one: Offered) -> OfferedOut:
    playbook = one.known.playbook
    because = None if one.fit is None else one.fit.because
    return OfferedOut(playbook=playbook.name, title=playbook.title, version=one.known.number, because=because)
