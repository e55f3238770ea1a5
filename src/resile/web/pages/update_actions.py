"""What people do with updates on an incident's page: draft, change, agree, publish, drop, take a promise back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from msgspec import UNSET, UnsetType
from pydantic import BaseModel

from resile.app.access import Identity
from resile.app.incidents import show_incident
from resile.app.update_drafts import MAX_COMPONENTS, Wording
from resile.app.update_out import DraftOut
from resile.app.updates import Updates
from resile.app.wiring import Resile
from resile.model.document import length_of
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.time import MINUTE, WEEK, parse_instant
from resile.web.pages.incident import Refused, page_of
from resile.web.pages.rendering import path_part
from resile.web.security import check_form

router = APIRouter(prefix="/do/update", include_in_schema=False, dependencies=[Depends(check_form)])


class _Aim(BaseModel):
    incident_id: str


class _Draft(_Aim):
    audience: str = ""
    phase: str = ""


class _Edit(_Aim):
    draft_id: str
    title: str = ""
    text: str = ""
    following: str = ""
    how: str = "save"
    component: list[str] = []
    state: list[str] = []


class _Which(_Aim):
    draft_id: str


class _Published(_Which):
    title: str = ""
    text: str = ""
    reason: str = ""
    seen: str = ""
    component: list[str] = []
    state: list[str] = []


class _Promised(_Aim):
    audience: str = ""


@router.post("/draft")
def draft(request: Request, form: Annotated[_Draft, Form()]) -> Response:
    """Words for an audience from what is known, to be changed before they are sent."""
    return _do(
        request,
        form,
        "update-new",
        lambda updates, by: updates.draft(by, form.incident_id, form.audience, form.phase or None),
    )


@router.post("/edit")
def edit(request: Request, form: Annotated[_Edit, Form()]) -> Response:
    """Other words, or the same sent."""

    def work(updates: Updates, by: Identity) -> object:
        said = _wording(form)
        known = _known(updates, form)
        is_changed = (known.title, known.text, known.components, known.next_within_s) != (
            " ".join(form.title.split()),
            form.text.replace("\r\n", "\n").strip(),
            dict(said.components) if said.components is not UNSET else {},
            int(said.next_within.total_seconds()) if isinstance(said.next_within, timedelta) else None,
        )
        draft_id = updates.edit(by, form.incident_id, form.draft_id, said).id if is_changed else form.draft_id
        return updates.publish(by, form.incident_id, draft_id) if form.how == "publish" else None

    return _do(request, form, f"update-{form.draft_id}", work)


@router.post("/agree")
def agree(request: Request, form: Annotated[_Which, Form()]) -> Response:
    """It may be sent, says somebody who did not write it."""
    return _do(request, form, "update-agree", lambda updates, by: updates.agree(by, form.incident_id, form.draft_id))


@router.post("/drop")
def drop(request: Request, form: Annotated[_Which, Form()]) -> Response:
    """It will not be sent."""
    return _do(request, form, "update-drop", lambda updates, by: updates.drop(by, form.incident_id, form.draft_id))


@router.post("/correct")
def correct(request: Request, form: Annotated[_Published, Form()]) -> Response:
    """Other words for what was published; sent at once, where nobody else has to agree."""

    def work(updates: Updates, by: Identity) -> object:
        said = Wording(title=form.title, text=form.text.replace("\r\n", "\n"), components=_states(form))
        # As the settings are now; where somebody has to agree it waits as a draft.
        is_sent = not updates.prepare(form.incident_id, _known(updates, form).audience).needs
        return updates.correct(
            by, form.incident_id, form.draft_id, said, form.reason, is_sent=is_sent, seen=_seen(form.seen)
        )

    return _do(request, form, f"correct-{form.draft_id}", work)


@router.post("/retract")
def retract(request: Request, form: Annotated[_Published, Form()]) -> Response:
    """What was published does not stand."""
    return _do(
        request,
        form,
        f"retract-{form.draft_id}",
        lambda updates, by: updates.retract(by, form.incident_id, form.draft_id, form.reason),
    )


@router.post("/withdraw")
def withdraw(request: Request, form: Annotated[_Promised, Form()]) -> Response:
    """Nothing more is promised."""
    return _do(
        request, form, "update-withdraw", lambda updates, by: updates.withdraw(by, form.incident_id, form.audience)
    )


def _do(request: Request, form: _Aim, name: str, work: Callable[[Updates, Identity], object]) -> Response:
    """Do it and show the incident; or show it with the sentence why not, and what was typed."""
    resile: Resile = request.app.state.resile
    try:
        work(resile.communication.updates, request.state.identity)
    except (ConfigError, TransitionError, ConflictError) as error:
        view = show_incident(resile, form.incident_id)
        if view is None:
            raise
        fields = {field: str(value) for field, value in form.model_dump().items()}
        return page_of(request, view, problem=str(error), status_code=409, refused=Refused(name, fields))
    return RedirectResponse(f"/incidents/{path_part(form.incident_id)}#done-{name}", status_code=303)


def _known(updates: Updates, form: _Edit | _Published) -> DraftOut:
    for one in updates.seen(form.incident_id).drafts:
        if one.draft_id == form.draft_id:
            return one
    raise TransitionError(f"incident {form.incident_id} has no draft {form.draft_id[:40]!r}; look again")


def _wording(form: _Edit) -> Wording:
    following = form.following.strip()
    within = None if not following or following == "off" else length_of(following, "next", least=MINUTE, most=WEEK)
    return Wording(
        title=form.title,
        text=form.text.replace("\r\n", "\n"),
        components=_states(form),
        next_within=within,
    )


def _seen(said: str) -> datetime | UnsetType | None:
    """When the words were corrected last that the page showed."""
    if not said:
        return UNSET
    return None if said == "never" else parse_instant(said)


def _states(form: _Edit | _Published) -> dict[str, str]:
    """By component, how it is to be shown."""
    if len(form.component) != len(form.state) or len(form.component) > MAX_COMPONENTS:
        raise ConfigError("the components and their states do not belong together; load the page again")
    return dict(zip(form.component, form.state, strict=True))
