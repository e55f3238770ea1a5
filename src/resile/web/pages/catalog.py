"""The catalog: its documents by kind, each with its versions, and the forms that write and remove them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel

from resile.analytics.sentences import Parts
from resile.analytics.words import counted
from resile.app.access import Identity
from resile.app.address_warnings import address_warnings
from resile.app.catalog import Change, Key
from resile.app.playbook_lint import surroundings
from resile.app.shown_addresses import sees_whole, shown_contacts, shown_versions
from resile.app.wiring import Resile
from resile.model.catalog import Kind, document_of, references
from resile.model.errors import ConfigError, ConflictError
from resile.model.playbook import PlaybookFault
from resile.model.playbook_text import playbook_named
from resile.ports.catalog import Version
from resile.response.playbook_lint import lint
from resile.sources.catalog_folder import difference, file_text, read_text
from resile.web.pages.catalog_examples import EXAMPLES
from resile.web.pages.catalog_versions import compared_versions, marked_lines, steps_of
from resile.web.pages.incident import may_write
from resile.web.pages.rendering import path_part, render
from resile.web.security import check_form

router = APIRouter(include_in_schema=False)

PER_PAGE = 100
AT_A_GLANCE = 10
MAX_VERSIONS = 100
MAX_Q = 200
_SHOWN = "the document"
PLURALS = {
    Kind.PERSON: "people",
    Kind.TEAM: "teams",
    Kind.SERVICE: "services",
    Kind.SCHEDULE: "schedules",
    Kind.POLICY: "policies",
    Kind.ROUTE: "routes",
    Kind.INHIBITION: "inhibitions",
    Kind.TEMPLATE: "templates",
    Kind.PLAYBOOK: "playbooks",
    Kind.COMPONENT: "components",
}


class Section(Struct, frozen=True, kw_only=True):
    """The documents of one kind, as many as are shown.

    Attributes:
        n: how many there are.
    """

    kind: Kind
    plural: str
    n: int
    shown: Sequence[Version]


class Editing(Struct, frozen=True, kw_only=True):
    """A form as it was filled in.

    Attributes:
        expected: number of the version that was looked at; None: there is none yet.
        lines: of the difference that it would make; None: it was not asked for.
        seen: digest of the text whose difference is shown.
        warnings: what the change would bring about.
        faults: of a playbook, what is to be mended, by line.
    """

    text: str
    expected: int | None
    problem: str = ""
    lines: Sequence[tuple[str, str]] | None = None
    seen: str = ""
    warnings: Sequence[str] = ()
    faults: Sequence[PlaybookFault] = ()


@router.get("/catalog")
def catalog_page(request: Request) -> Response:
    """What is in the catalog, by kind, or what a search finds in it."""
    resile: Resile = request.app.state.resile
    q = request.query_params.get("q", "").strip()[:MAX_Q]
    kind = request.query_params.get("kind", "")
    chosen = Kind(kind) if kind in list(Kind) else None
    # As they are shown: a search must not find what is hidden.
    versions = shown_versions(request.state.identity, resile.catalog, resile.catalog.versions().values())
    found = [one for one in versions if _matches(one, q)]
    by_kind = {one: [version for version in found if version.kind == one] for one in Kind}
    n_pages = max(1, -(-len(by_kind[chosen]) // PER_PAGE)) if chosen else 1
    page = min(_number(request.query_params.get("page", "1"), 1), n_pages)
    first = (page - 1) * PER_PAGE
    sections = [
        Section(
            kind=one,
            plural=PLURALS[one],
            n=len(versions),
            shown=versions[first : first + PER_PAGE] if chosen else versions[:AT_A_GLANCE],
        )
        for one, versions in by_kind.items()
        if versions and (chosen is None or one is chosen)
    ]
    return render(
        request,
        "catalog.html",
        title="Catalog",
        message=_message(by_kind, chosen, q),
        sections=sections,
        counts={one: len(versions) for one, versions in by_kind.items()},
        plurals=PLURALS,
        q=q,
        chosen=chosen,
        page=page,
        n_pages=n_pages,
        first=first,
        problems=[*resile.catalog.unreadable(), *resile.catalog.warnings()],
        can_write=may_write(request),
    )


def _matches(version: Version, q: str) -> bool:
    return not q or q.casefold() in f"{version.name} {msgspec.json.encode(version.body).decode()}".casefold()


def _message(by_kind: Mapping[Kind, Sequence[Version]], chosen: Kind | None, q: str) -> Parts:
    n = sum(map(len, by_kind.values())) if chosen is None else len(by_kind[chosen])
    found = f" found for “{q}”" if q else ""
    if chosen is not None:
        return [(f"{n} {PLURALS[chosen] if n != 1 else chosen}", True), (f"{found}.", False)]
    if not n and not q:
        return [("The catalog is empty.", False)]
    return [(counted(n, "document"), True), (f"{found or ' in the catalog'}.", False)]


@router.get("/catalog/new")
def new_page(request: Request) -> Response:
    """A form for a document that there is not yet."""
    kind = request.query_params.get("kind", "")
    text = EXAMPLES[Kind(kind) if kind in list(Kind) else Kind.PERSON]
    return _new_page(request, Editing(text=text, expected=None))


@router.get("/catalog/{kind}/{name}")
def document_page(request: Request, kind: str, name: str) -> Response:
    """One document with its versions; `?edit=3` opens the form with what version 3 said."""
    return document_page_of(request, kind, name)


class _Written(BaseModel):
    text: str = ""
    expected: str = ""
    seen: str = ""
    do: str = ""


class _Removal(BaseModel):
    expected: str = ""
    sure: str = ""


changes = APIRouter(prefix="/do/catalog", include_in_schema=False, dependencies=[Depends(check_form)])


@changes.post("/new")
def create(request: Request, form: Annotated[_Written, Form()]) -> Response:
    """Show what a new document would add, or add it."""
    return _write(request, form, None)


@changes.post("/{kind}/{name}")
def change(request: Request, kind: str, name: str, form: Annotated[_Written, Form()]) -> Response:
    """Show what would change, or change it."""
    if kind not in list(Kind):
        return _unknown(request, kind, name)
    return _write(request, form, (Kind(kind), name))


@changes.post("/{kind}/{name}/remove")
def remove(request: Request, kind: str, name: str, form: Annotated[_Removal, Form()]) -> Response:
    """Take a document out of the catalog."""
    resile: Resile = request.app.state.resile
    by: Identity = request.state.identity
    if kind not in list(Kind):
        return _unknown(request, kind, name)
    try:
        _check_sure(form, kind, name)
        made = resile.catalog.change_to(Kind(kind), name, None, expected=_number(form.expected, 0))
        resile.catalog.apply(by, [made] if made else [])
    except (ConfigError, ConflictError) as error:
        return document_page_of(request, kind, name, problem=str(error), status_code=409)
    return RedirectResponse(f"/catalog?kind={kind}", status_code=303)


def _check_sure(form: _Removal, kind: str, name: str) -> None:
    if form.sure != "yes":
        raise ConfigError(f"{kind} {name!r} was not taken out; tick that you are sure")


def _check_same(said: Key, key: Key | None) -> None:
    if key is not None and said != key:
        raise ConfigError(
            f"this is {said[0]} {said[1]!r}, and the page is of {key[0]} {key[1]!r}; "
            "leave kind and name as they are, or write a new document"
        )


def _write(request: Request, form: _Written, key: Key | None) -> Response:
    """Show the difference of what was written; make it where it is the one that was shown before."""
    resile: Resile = request.app.state.resile
    expected = None if key is None else _number(form.expected, 0)
    try:
        said_kind, said_name, body = _read(form.text, key)
        _check_same((said_kind, said_name), key)
        made = resile.catalog.change_to(said_kind, said_name, body, expected=expected)
        seen = hashlib.sha256(form.text.encode(errors="replace")).hexdigest()
        if made is not None and not (form.do == "apply" and form.seen == seen):
            return _answer(request, key, _previewed(request, form.text, expected, made, seen))
        resile.catalog.apply(request.state.identity, [made] if made else [])
    except ConflictError as error:
        # What was written stays in the form, now to be held against the newest version.
        newest = resile.catalog.history(*key)[0].number if key else None
        return _answer(request, key, Editing(text=form.text, expected=newest, problem=str(error)), status_code=409)
    except ConfigError as error:
        editing = Editing(text=form.text, expected=expected, problem=str(error))
        return _answer(request, key, editing, status_code=400)
    return RedirectResponse(f"/catalog/{said_kind}/{path_part(said_name)}", status_code=303)


def _read(text: str, key: Key | None) -> tuple[Kind, str, dict[str, Any]]:
    """What was written; on the page of a playbook it is one, however its front matter is spoilt."""
    if key is not None and key[0] is Kind.PLAYBOOK:
        return *key, {"text": text.replace("\r\n", "\n")}
    return read_text(text, shown=_SHOWN)


def _previewed(request: Request, text: str, expected: int | None, made: Change, seen: str) -> Editing:
    resile: Resile = request.app.state.resile
    before = None if made.before is None else made.before.body
    already = set(resile.catalog.warnings())
    return Editing(
        text=text,
        expected=expected,
        lines=marked_lines(difference(made.kind, made.name, before, made.after)),
        seen=seen,
        warnings=[
            *(one for one in resile.catalog.warnings([made]) if one not in already),
            *_of_channels(request, made),
        ],
    )


def _of_channels(request: Request, made: Change) -> list[str]:
    """What the channels say of the addresses in a document; nothing where this application pages nobody."""
    channels = request.app.state.channels
    return address_warnings({(made.kind, made.name): (made.after or {}, "")}, channels) if channels else []


def _answer(request: Request, key: Key | None, editing: Editing, *, status_code: int = 200) -> Response:
    editing = _with_faults(request, key, editing)
    if key is None:
        return _new_page(request, editing, status_code=status_code)
    return document_page_of(request, *key, editing=editing, status_code=status_code)


def _with_faults(request: Request, key: Key | None, editing: Editing) -> Editing:
    """Of a playbook, with what is to be mended; all of it, where it was refused for the first of it."""
    is_one = key is not None and key[0] is Kind.PLAYBOOK
    name = key[1] if key is not None and is_one else playbook_named(editing.text)
    if name is None or (key is not None and not is_one):
        return editing
    faults = lint(name, editing.text, surroundings(request.app.state.resile))
    return replace(editing, faults=faults)


def _new_page(request: Request, editing: Editing, *, status_code: int = 200) -> Response:
    return render(
        request,
        "catalog_new.html",
        status_code=status_code,
        title="New document",
        editing=editing,
        plurals=PLURALS,
        can_write=may_write(request),
    )


def document_page_of(
    request: Request,
    kind: str,
    name: str,
    *,
    editing: Editing | None = None,
    problem: str = "",
    status_code: int = 200,
) -> Response:
    """The page of one document, with a form as it was filled in, or why something was refused."""
    resile: Resile = request.app.state.resile
    versions = resile.catalog.history(Kind(kind), name) if kind in list(Kind) else []
    if not versions:
        return _unknown(request, kind, name)
    versions = shown_versions(request.state.identity, resile.catalog, versions)
    newest = versions[0]
    return render(
        request,
        "catalog_document.html",
        status_code=status_code,
        title=str((newest.body or {}).get("title") or name),
        kind=Kind(kind),
        plural=PLURALS[Kind(kind)],
        newest=newest,
        text=file_text(kind, name, newest.body),
        steps=steps_of(Kind(kind), name, versions[: MAX_VERSIONS + 1])[:MAX_VERSIONS],
        n_versions=len(versions),
        compared=compared_versions(
            Kind(kind),
            name,
            versions,
            numbers=[_number(request.query_params.get(field, ""), 0) for field in ("from", "to")],
        ),
        named_by=resile.catalog.named_by(Kind(kind), name),
        names=_named(newest, Kind(kind), name),
        editing=editing or _asked(request, Kind(kind), name, versions),
        is_editing=editing is not None or "edit" in request.query_params,
        problem=problem,
        can_write=may_write(request),
        **_contacts(request, Kind(kind), newest),
    )


def _contacts(request: Request, kind: Kind, newest: Version) -> dict[str, Any]:
    """How a person is reached, and whether whoever looks may prove it."""
    resile: Resile = request.app.state.resile
    by: Identity = request.state.identity
    if kind is not Kind.PERSON or newest.body is None:
        return {"contacts": (), "may_verify": False}
    try:
        return {
            "contacts": shown_contacts(by, resile.catalog, newest.name, resile.contacts.of(newest.name)),
            "may_verify": resile.contacts.may_verify(by, newest.name),
            "is_shortened": not sees_whole(by, resile.catalog, newest.name),
        }
    except ConfigError:
        # The document can be read no more; what is wrong with it is told at its top.
        return {"contacts": (), "may_verify": False}


def _unknown(request: Request, kind: str, name: str) -> Response:
    return render(request, "catalog_unknown.html", status_code=404, title="Not found", called=f"{kind} {name}"[:200])


def _asked(request: Request, kind: Kind, name: str, versions: Sequence[Version]) -> Editing:
    """The form before anything was written: with the version that was asked for, else with the newest there was."""
    number = _number(request.query_params.get("edit", ""), 0)
    told = [one for one in versions if one.body is not None]
    chosen = next((one for one in told if one.number == number), told[0])
    editing = Editing(text=file_text(kind, name, chosen.body), expected=versions[0].number)
    return _with_faults(request, (kind, name), editing)


def _named(newest: Version, kind: Kind, name: str) -> Sequence[Key]:
    try:
        return references(document_of(kind, name, newest.body or {}))
    except ConfigError:
        return []


def _number(said: Any, otherwise: int) -> int:
    is_number = isinstance(said, str) and 0 < len(said) <= 9 and said.isascii() and said.isdecimal()  # noqa: PLR2004
    return int(said) if is_number and int(said) > 0 else otherwise
