"""The forms by which somebody proves that an address of the catalog is theirs.

They stand below /settings, where people who may otherwise only read keep what is their own.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from resile.app.wiring import Resile
from resile.model.catalog import Kind
from resile.model.errors import AccessError, ConfigError
from resile.web.pages.catalog import document_page_of
from resile.web.pages.rendering import path_part
from resile.web.security import check_form

router = APIRouter(prefix="/settings/contacts", include_in_schema=False, dependencies=[Depends(check_form)])


class _Code(BaseModel):
    code: str = ""


@router.post("/{person}/{contact}/send")
def send(request: Request, person: str, contact: str) -> Response:
    """Send a code to a contact."""
    resile: Resile = request.app.state.resile
    try:
        resile.contacts.send_code(request.state.identity, person, contact)
    except (AccessError, ConfigError) as error:
        return _refused(request, person, error)
    return _back(person)


@router.post("/{person}/{contact}/confirm")
def confirm(request: Request, person: str, contact: str, form: Annotated[_Code, Form()]) -> Response:
    """Prove a contact by the code that came there."""
    resile: Resile = request.app.state.resile
    try:
        resile.contacts.confirm(request.state.identity, person, contact, form.code)
    except (AccessError, ConfigError) as error:
        return _refused(request, person, error)
    return _back(person)


def _refused(request: Request, person: str, error: Exception) -> Response:
    status_code = 403 if isinstance(error, AccessError) else 400
    return document_page_of(request, Kind.PERSON, person, problem=str(error), status_code=status_code)


def _back(person: str) -> Response:
    return RedirectResponse(f"/catalog/person/{path_part(person)}#contacts", status_code=303)
