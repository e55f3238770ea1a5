"""A person says that there is an incident, and whether somebody is to be paged for it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from resile.app.access import Identity
from resile.app.incidents import declare
from resile.app.wiring import Resile
from resile.model.errors import ConfigError, TransitionError
from resile.model.lifecycle import Declare
from resile.model.severity import Severity, parse_severity
from resile.web.pages.rendering import path_part, render
from resile.web.security import check_form

router = APIRouter(include_in_schema=False)
changes = APIRouter(prefix="/do", include_in_schema=False, dependencies=[Depends(check_form)])

MAX_TITLE = 500
MAX_SERVICES = 100


class _Declared(BaseModel):
    title: str = ""
    severity: str = ""
    services: str = ""
    pages: str = ""


@router.get("/declare")
def declare_page(request: Request) -> Response:
    """The form."""
    resile: Resile = request.app.state.resile
    return _page(request, _Declared(severity=Severity.SEV3.value, pages="yes" if resile.catalog.policies() else ""))


@changes.post("/declare")
def declare_incident(request: Request, form: Annotated[_Declared, Form()]) -> Response:
    """It exists from now on; those who answer for its services are paged if that was wished."""
    resile: Resile = request.app.state.resile
    by: Identity = request.state.identity
    try:
        title = form.title.strip()
        services = _services(title, form.services)
        severity = parse_severity(form.severity) if form.severity else None
        if form.pages:
            incident_id = resile.pager.page(title, who=by.name, by=by.by, severity=severity, services=services)
        else:
            told = Declare(title=title, severity=severity, services=services)
            incident_id = declare(resile, told, by=by.by).incident.id
    except (ConfigError, TransitionError) as error:
        return _page(request, form, problem=str(error))
    return RedirectResponse(f"/incidents/{path_part(incident_id)}", status_code=303)


def _page(request: Request, typed: _Declared, *, problem: str = "") -> Response:
    resile: Resile = request.app.state.resile
    return render(
        request,
        "declare.html",
        status_code=409 if problem else 200,
        title="Declare an incident",
        typed=typed,
        problem=problem,
        severities=[one.value for one in Severity],
        services=list(resile.catalog.services()),
        has_policies=bool(resile.catalog.policies()),
    )


def _services(title: str, said: str) -> tuple[str, ...]:
    """The services that were named; all of it is checked as far as people can mistype it."""
    if not title:
        raise ConfigError("the title is empty; say in a few words what is the matter")
    services = tuple(dict.fromkeys(filter(None, (name.strip() for name in said.split(",")))))
    if any(len(text) > MAX_TITLE for text in (title, *services)) or len(services) > MAX_SERVICES:
        raise ConfigError(f"title and services have {MAX_TITLE} characters each, of {MAX_SERVICES} services, at most")
    return services
