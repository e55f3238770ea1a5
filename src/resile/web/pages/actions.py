"""What people say of an incident as a whole on its page: each form is one command on its timeline."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from msgspec import UNSET

from resile.app.wiring import Resile
from resile.model.errors import ConfigError
from resile.model.event import Exclusion
from resile.model.incident import Incident, InstantName, fold, value_of
from resile.model.lifecycle import ChangeSeverity, Command, Correct, Describe, Mark, Merge, Reach, Reopen
from resile.model.severity import parse_severity
from resile.model.time import parse_instant
from resile.web.pages.carrying_out import Aim, carry_out, name_of, within
from resile.web.security import check_form

router = APIRouter(prefix="/do", include_in_schema=False, dependencies=[Depends(check_form)])

MAX_TITLE = 500
MAX_SERVICES = 100


class _Reach(Aim):
    instant: str
    at: str = ""
    text: str = ""
    form: str = "reach"


class _Reopen(Aim):
    reason: str = ""


class _Severity(Aim):
    severity: str


class _Describe(Aim):
    title: str = ""
    services: str = ""
    team: str = ""


class _Mark(Aim):
    exclusion: str = ""
    reason: str = ""


class _Merge(Aim):
    into: str = ""


class _Correct(Aim):
    event_id: str
    to: str = ""
    reason: str = ""
    how: str = "move"


@router.post("/reach")
def reach(request: Request, form: Annotated[_Reach, Form()]) -> Response:
    """An instant was reached, now or at a time given."""
    # Whoever presses Acknowledged is who acknowledged.
    taker = name_of(request) if form.instant == InstantName.ACKNOWLEDGED else None

    def command() -> Command:
        return Reach(_instant(form.instant), within(form.text, "the text") or taker)

    return carry_out(request, form, command, name=form.form[:40] or "reach", at=form.at)


@router.post("/reopen")
def reopen(request: Request, form: Annotated[_Reopen, Form()]) -> Response:
    """It was not over."""
    return carry_out(request, form, lambda: Reopen(within(form.reason, "the reason")), name="reopen")


@router.post("/severity")
def change_severity(request: Request, form: Annotated[_Severity, Form()]) -> Response:
    """It is worse or less bad."""
    return carry_out(request, form, lambda: ChangeSeverity(parse_severity(form.severity)), name="severity")


@router.post("/describe")
def describe(request: Request, form: Annotated[_Describe, Form()]) -> Response:
    """Other words for it, other services, another team."""
    resile: Resile = request.app.state.resile

    def command() -> Command:
        # As the page showed it: what one left as it was may be otherwise by now, and stays so.
        shown = fold(form.incident_id, resile.timelines.read(form.incident_id)[: max(0, form.version)])
        return _described(form, shown)

    return carry_out(request, form, command, name="describe")


@router.post("/mark")
def mark(request: Request, form: Annotated[_Mark, Form()]) -> Response:
    """It counts in no measure, or counts again."""

    def command() -> Command:
        return Mark(_exclusion(form.exclusion), within(form.reason, "the reason"))

    return carry_out(request, form, command, name="mark")


@router.post("/merge")
def merge(request: Request, form: Annotated[_Merge, Form()]) -> Response:
    """It is the same trouble as another one, which carries on for both; with none, it is not so after all."""
    return carry_out(request, form, lambda: Merge(form.into.strip() or None), name="merge")


@router.post("/correct")
def correct(request: Request, form: Annotated[_Correct, Form()]) -> Response:
    """An instant happened at another time, or not at all."""

    def command() -> Command:
        moved = None if form.how == "take-back" else _moved(form.to)
        return Correct(form.event_id, moved, within(form.reason, "the reason"))

    return carry_out(request, form, command, name=f"correct-{form.event_id[:40]}")


def _described(form: _Describe, shown: Incident) -> Describe:
    title = form.title.strip()
    if not title:
        raise ConfigError("the title is empty; say in a few words what is the matter")
    services = tuple(dict.fromkeys(filter(None, (name.strip() for name in form.services.split(",")))))
    if len(title) > MAX_TITLE or len(form.team) > MAX_TITLE or any(len(name) > MAX_TITLE for name in services):
        raise ConfigError(f"title, team and each service have at most {MAX_TITLE} characters; write less")
    if len(services) > MAX_SERVICES:
        raise ConfigError(f"{len(services)} services are more than {MAX_SERVICES}; name those that matter")
    team = form.team.strip() or None
    return Describe(
        title=UNSET if title == value_of(shown.title, "") else title,
        services=UNSET if services == value_of(shown.services, ()) else services,
        team=UNSET if team == value_of(shown.team, None) else team,
    )


def _instant(name: str) -> InstantName:
    try:
        return InstantName(name)
    except ValueError:
        raise ConfigError(f"instant {name[:40]!r} is unknown; use one of {', '.join(InstantName)}") from None


def _exclusion(name: str) -> Exclusion | None:
    if not name:
        return None
    try:
        return Exclusion(name)
    except ValueError:
        raise ConfigError(f"{name[:40]!r} is no reason to exclude; use one of {', '.join(Exclusion)}") from None


def _moved(text: str) -> datetime:
    if not text.strip():
        raise ConfigError("the corrected time is empty; write it as 2024-01-31T08:30:00Z")
    return parse_instant(text)
