"""Maintenance & subscribers: when services are worked on, who hears of updates, and the forms that change both."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from resile.analytics.sentences import Parts
from resile.app.access import Identity
from resile.app.communication_parts import Communication
from resile.app.maintenance_out import subscriber_out, window_out
from resile.app.wiring import Resile
from resile.model.catalog import Kind
from resile.model.component import MaintenancePhase
from resile.model.component_document import ComponentDocument
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.model.time import WEEK, parse_instant
from resile.ports.account_store import Scope
from resile.ports.maintenance_book import Window
from resile.web.pages.rendering import render
from resile.web.security import check_form

router = APIRouter(include_in_schema=False)
changes = APIRouter(prefix="/do", include_in_schema=False, dependencies=[Depends(check_form)])

PATH = "/settings/maintenance"
_SUBSCRIBERS_SHOWN = 100


class _Add(BaseModel):
    title: str = ""
    service: list[str] = []
    component: list[str] = []
    starts_at: str = ""
    ends_at: str = ""
    text: str = ""
    quiet: str = ""


class _Move(BaseModel):
    window_id: str
    starts_at: str = ""
    ends_at: str = ""
    version: int = 0


class _Which(BaseModel):
    window_id: str = ""
    subscriber_id: str = ""


@router.get(PATH)
def maintenance_page(request: Request, after: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Windows of the last week and all to come; subscribers a hundred at a time."""
    return _page(request, after=after)


@changes.post("/maintenance/add")
def add(request: Request, form: Annotated[_Add, Form()]) -> Response:
    """Enter one."""

    def work(use: Communication, by: Identity) -> object:
        resile: Resile = request.app.state.resile
        starts_at = parse_instant(form.starts_at) if form.starts_at.strip() else resile.clock.now()
        if not form.ends_at.strip():
            raise ConfigError("a maintenance window needs an end; write it as 2026-03-07T04:00")
        return use.maintenance.add(
            by,
            form.title,
            [*form.service, *(f"component/{name}" for name in form.component)],
            starts_at=starts_at,
            ends_at=parse_instant(form.ends_at),
            text=form.text.replace("\r\n", "\n"),
            is_announced=not form.quiet,
        )

    return _do(request, work, typed=form.model_dump())


@changes.post("/maintenance/move")
def move(request: Request, form: Annotated[_Move, Form()]) -> Response:
    """Another beginning, another end."""

    def work(use: Communication, by: Identity) -> object:
        return use.maintenance.move(
            by,
            form.window_id,
            starts_at=parse_instant(form.starts_at) if form.starts_at.strip() else None,
            ends_at=parse_instant(form.ends_at) if form.ends_at.strip() else None,
            version=form.version or None,
        )

    return _do(request, work)


@changes.post("/maintenance/finish")
def finish(request: Request, form: Annotated[_Which, Form()]) -> Response:
    """It is over now."""
    return _do(request, lambda use, by: use.maintenance.finish(by, form.window_id))


@changes.post("/maintenance/cancel")
def cancel(request: Request, form: Annotated[_Which, Form()]) -> Response:
    """It does not take place."""
    return _do(request, lambda use, by: use.maintenance.cancel(by, form.window_id))


@changes.post("/subscribers/remove")
def remove(request: Request, form: Annotated[_Which, Form()]) -> Response:
    """The address is forgotten."""
    return _do(request, lambda use, by: use.subscribers.remove(by, form.subscriber_id))


def _do(
    request: Request, work: Callable[[Communication, Identity], object], *, typed: dict[str, Any] | None = None
) -> Response:
    """Do it and show the page; or show it with the sentence why not, and what was typed."""
    resile: Resile = request.app.state.resile
    try:
        work(resile.communication, request.state.identity)
    except (AccessError, ConfigError, ConflictError) as error:
        status_code = 403 if isinstance(error, AccessError) else 409
        return _page(request, status_code=status_code, problem=str(error), typed=typed)
    return RedirectResponse(PATH, status_code=303)


def _page(
    request: Request,
    *,
    status_code: int = 200,
    problem: str = "",
    typed: dict[str, Any] | None = None,
    after: str = "",
) -> Response:
    resile: Resile = request.app.state.resile
    use, now = resile.communication, resile.clock.now()
    can_write = Scope.WRITE in request.state.identity.scopes
    windows = use.maintenance.listed(since=now - WEEK)
    found = list(islice(use.subscribers.listed(after=after), _SUBSCRIBERS_SHOWN))
    n_told, n_aside = use.subscribers.count()
    page = render(
        request,
        "maintenance.html",
        status_code=status_code,
        title="Maintenance & subscribers",
        message=message(windows, now, n_told),
        problem=problem,
        typed=typed or {},
        can_write=can_write,
        services=list(resile.catalog.services()),
        components=_components(resile),
        windows=[window_out(one, now) for one in windows],
        subscribers=[subscriber_out(one, is_whole=can_write) for one in found],
        following=found[-1].id if len(found) == _SUBSCRIBERS_SHOWN else "",
        n_told=n_told,
        n_aside=n_aside,
    )
    page.headers["cache-control"] = "no-store"
    return page


def _components(resile: Resile) -> list[tuple[str, str]]:
    """Those of the status page: name and title."""
    found = resile.catalog.all_of(Kind.COMPONENT, ComponentDocument)
    return [(name, one.title or name) for name, one in found.items() if one.public]


def message(windows: Sequence[Window], now: datetime, n_told: int) -> Parts:
    """The page's one message: what is under way, what comes next, how many hear of it."""
    phases = [one.phase_at(now) for one in windows]
    running = phases.count(MaintenancePhase.IN_PROGRESS)
    coming = phases.count(MaintenancePhase.SCHEDULED)
    told = "1 subscriber hears" if n_told == 1 else f"{n_told:,} subscribers hear"
    if running:
        return [("Maintenance is ", False), ("under way", True), (f"; {told} of it.", False)]
    if coming:
        planned = f"{coming} maintenance windows are planned" if coming > 1 else "Maintenance is planned"
        return [(planned, True), (f"; {told} of it.", False)]
    return [("No maintenance is planned; ", False), (f"{told} of updates.", False)]
