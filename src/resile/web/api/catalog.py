"""The catalog's documents with their versions, and the proof that a contact's address is its person's."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from msgspec import Struct
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.access import Identity
from resile.app.contacts import ContactSeen
from resile.app.shown_addresses import shown_contacts, shown_versions
from resile.model.catalog import Kind
from resile.ports.catalog import Version
from resile.web.api.asking import resile_of
from resile.web.api.commands import Body as Said
from resile.web.api.commands import Words
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["catalog"])


class Documents(Struct, frozen=True):
    """Documents of the catalog, or versions of one, the newest first."""

    documents: list[Version]


class Warned(Struct, frozen=True):
    """What in the catalog will most likely leave somebody waiting, one sentence each."""

    warnings: list[str]


class Contacts(Struct, frozen=True):
    """How a person is reached, in their order."""

    contacts: list[ContactSeen]


class Awaited(Struct, frozen=True):
    """Until when the code that is on its way may be entered."""

    until: datetime


class DocumentBody(Said):
    """A document as it is to be."""

    body: Annotated[dict[str, Any], Field(description="As its file says it, without kind and name.")]
    expected: Annotated[
        int | None,
        Field(ge=0, le=2**31 - 1, description="Number of the version that was looked at; null: there is none yet."),
    ] = None


class CodeBody(Said):
    """The code that arrived."""

    code: Words


@router.get("/catalog", summary="What the catalog holds", responses=answers(Documents))
def catalog(request: Request) -> Response:
    """Every document as it is now; people's addresses are shortened for whoever may only read, but for their own."""
    catalog = resile_of(request).catalog
    return as_json(Documents(shown_versions(_identity(request), catalog, catalog.versions().values())))


@router.get("/catalog/warnings", summary="What may leave somebody waiting", responses=answers(Warned))
def warnings(request: Request) -> Response:
    """What is allowed in the catalog and will most likely leave somebody waiting at night, or can be read no more."""
    catalog = resile_of(request).catalog
    return as_json(Warned([*catalog.unreadable(), *catalog.warnings()]))


@router.get("/catalog/{kind}/{name}", summary="A document's versions", responses=answers(Documents, also=(404,)))
def versions(request: Request, kind: Kind, name: str) -> Response:
    """Every version with who wrote it, the newest first; addresses as in `/catalog`."""
    found = _history(request, kind, name)
    return as_json(Documents(shown_versions(_identity(request), resile_of(request).catalog, found)))


@router.put("/catalog/{kind}/{name}", summary="Write a document", responses=answers(Documents, also=(409,)))
def write(request: Request, kind: Kind, name: str, body: DocumentBody) -> Response:
    """Make a document say something else, or make a new one; checked as `resile apply` checks files."""
    catalog, by = resile_of(request).catalog, _identity(request)
    made = catalog.change_to(kind, name, body.body, expected=body.expected)
    catalog.apply(by, [made] if made else [])
    return as_json(Documents(catalog.history(kind, name)[:1]))


@router.delete("/catalog/{kind}/{name}", summary="Take a document out", responses=answers(Documents, also=(404, 409)))
def remove(
    request: Request,
    kind: Kind,
    name: str,
    expected: Annotated[int, Query(ge=1, le=2**31 - 1, description="Number of the version that was looked at.")],
) -> Response:
    """Take a document out of the catalog; its versions are kept."""
    _history(request, kind, name)
    catalog, by = resile_of(request).catalog, _identity(request)
    made = catalog.change_to(kind, name, None, expected=expected)
    catalog.apply(by, [made] if made else [])
    return as_json(Documents(catalog.history(kind, name)[:1]))


@router.get("/contacts/{person}", summary="A person's contacts", responses=answers(Contacts, also=(404,)))
def contacts(request: Request, person: str) -> Response:
    """How a person is reached, and which addresses were proven to be theirs; addresses as in `/catalog`."""
    _person(request, person)
    return as_json(_contacts(request, person))


@router.post(
    "/contacts/{person}/{contact}/code", status_code=202, summary="Send a code",
    responses=answers(Awaited, status=202, also=(404,)),
)  # fmt: skip
def send_code(request: Request, person: str, contact: str) -> Response:
    """Send a code of six digits to a contact; it holds for ten minutes and five tries."""
    _person(request, person)
    until = resile_of(request).contacts.send_code(_identity(request), person, contact)
    return as_json(Awaited(until), status_code=202)


@router.post(
    "/contacts/{person}/{contact}/verify", summary="Verify a contact", responses=answers(Contacts, also=(404,))
)
def verify(request: Request, person: str, contact: str, body: CodeBody) -> Response:
    """Prove by the code that arrived that the address is the person's."""
    _person(request, person)
    resile_of(request).contacts.confirm(_identity(request), person, contact, body.code)
    return as_json(_contacts(request, person))


def _contacts(request: Request, person: str) -> Contacts:
    resile = resile_of(request)
    return Contacts(shown_contacts(_identity(request), resile.catalog, person, resile.contacts.of(person)))


def _identity(request: Request) -> Identity:
    found: Identity = request.state.identity
    return found


def _history(request: Request, kind: Kind, name: str) -> list[Version]:
    found = resile_of(request).catalog.history(kind, name)
    if not found:
        raise HTTPException(404, f"{kind} {name[:64]!r} is not in the catalog; /api/v1/catalog lists what is")
    return found


def _person(request: Request, name: str) -> None:
    if resile_of(request).catalog.person(name) is None:
        raise HTTPException(404, f"person {name[:64]!r} is not in the catalog; /api/v1/catalog lists who is")
