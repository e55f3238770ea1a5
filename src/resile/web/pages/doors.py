"""Doors: what is connected and what arrived, and the forms that connect a sender, try it and let it go."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from msgspec import Struct
from pydantic import BaseModel

from resile.analytics.sentences import Parts
from resile.app.access import LOCAL, Identity
from resile.app.door_kinds import KINDS, entered_path
from resile.app.door_recipes import HIDDEN, Recipe, recipes_of
from resile.app.door_troubles import newest_of
from resile.app.doors import DoorSeen
from resile.app.lengths import seconds_of
from resile.app.try_door import Tried, followed, write_trial
from resile.app.wiring import Resile
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.model.severity import Severity
from resile.ports.account_store import Scope
from resile.ports.delivery_door import DoorOptions
from resile.ports.door_book import Door
from resile.web.pages.rendering import render
from resile.web.security import check_form

router = APIRouter(include_in_schema=False)
changes = APIRouter(prefix="/do/doors", include_in_schema=False, dependencies=[Depends(check_form)])

# So long a page waits for what became of a test; after that it says that it is still waiting.
_FOLLOWED_FOR_S = 5.0
_FIELDS = ("title", "key", "state", "severity", "service", "description", "url")


class Connected(Struct, frozen=True, kw_only=True):
    """A door that was just made.

    Attributes:
        secret: shown this once; None where it has none, or the sender knows it.
    """

    name: str
    title: str
    address: str
    secret: str | None
    is_secret_in_address: bool
    recipes: Sequence[Recipe]


class _Add(BaseModel):
    kind: str = ""
    name: str = ""
    service: str = ""
    severity: str = ""
    every: str = ""
    grace: str = ""
    secret: str = ""
    resolved_when: str = ""
    at_title: str = ""
    at_key: str = ""
    at_state: str = ""
    at_severity: str = ""
    at_service: str = ""
    at_description: str = ""
    at_url: str = ""


class _Which(BaseModel):
    door: str = ""
    over: str = ""


@router.get("/doors")
def doors_page(request: Request) -> Response:
    """What is connected; `show` looks at one door, `kind` opens the form for one kind."""
    return _page(request)


@changes.post("/add")
def add(request: Request, form: Annotated[_Add, Form()]) -> Response:
    """Connect a sender; the secret is on the answer and nowhere else."""
    resile: Resile = request.app.state.resile
    try:
        door, secret = resile.doors.add(
            _keeper(request),
            form.kind,
            form.name.strip() or None,
            options=_options(form),
            given=form.secret.strip() or None,
        )
    except (ConfigError, ConflictError) as error:
        return _page(request, status_code=409, problem=_for_pages(str(error)), said=form)
    kind = KINDS[door.kind]
    address = _base(request) + entered_path(door, secret)
    is_shown = door.sealed is None and not kind.is_secret_in_address
    made = Connected(
        name=door.name,
        title=kind.title,
        address=address,
        secret=secret if is_shown else None,
        is_secret_in_address=kind.is_secret_in_address,
        recipes=recipes_of(door, address, secret),
    )
    return _page(request, made=made)


@changes.post("/test")
def test(request: Request, form: Annotated[_Which, Form()]) -> Response:
    """Send a test alert into the journal, and say what became of it."""
    resile: Resile = request.app.state.resile
    try:
        name = resile.doors.found(_keeper(request), form.door).name
        trial = write_trial(resile, _keeper(request), name, is_over=bool(form.over))
    except ConfigError as error:
        return _page(request, status_code=409, problem=_for_pages(str(error)))
    return _page(request, shown=name, tried=followed(resile, name, trial.token, within_s=_FOLLOWED_FOR_S))


@changes.post("/remove")
def remove(request: Request, form: Annotated[_Which, Form()]) -> Response:
    """Close a door for good."""
    resile: Resile = request.app.state.resile
    if not resile.doors.remove(_keeper(request), form.door):
        return _page(request, status_code=409, problem=f"There is no door {form.door[:100]} any more.")
    return RedirectResponse("/doors", status_code=303)


def message(doors: Sequence[DoorSeen]) -> Parts:
    """The page's one message: whether what arrives is understood."""
    if not doors:
        return [("Nothing is connected yet.", False)]
    failing = [one.name for one in doors if one.counts.n_failed]
    silent = [one.name for one in doors if one.counts.last_at is None]
    many = "1 door is open" if len(doors) == 1 else f"{len(doors)} doors are open"
    if failing:
        return [
            (f"{many}; ", False),
            ("what arrived could not be processed", True),
            (f" at {_listed(failing)}.", False),
        ]
    if silent:
        return [(f"{many}; ", False), ("nothing was heard yet", True), (f" at {_listed(silent)}.", False)]
    return [(many, True), (", and something was heard at each.", False)]


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:3])
    more = [f"{len(names) - len(shown)} more"] if len(names) > len(shown) else []
    *before, last = shown + more
    return f"{', '.join(before)} and {last}" if before else last


def _keeper(request: Request) -> Identity:
    found: Identity = request.state.identity
    return found


def _is_keeper(by: Identity) -> bool:
    return by == LOCAL or Scope.ADMIN in by.scopes


def _options(form: _Add) -> DoorOptions:
    places = {name: str(getattr(form, f"at_{name}")).strip() for name in _FIELDS}
    return DoorOptions(
        service=form.service.strip() or None,
        severity=form.severity.strip() or None,
        every_s=seconds_of("How often", form.every.strip() or None),
        grace_s=seconds_of("How late", form.grace.strip() or None),
        fields={name: place for name, place in places.items() if place},
        resolved_when=form.resolved_when.strip() or None,
    )


def _for_pages(sentence: str) -> str:
    """A sentence of the command line, in the words of the form."""
    words = (
        ("; give --name", "; give it one"),
        ("give another --name", "give another name"),
        ("by --secret-stdin", "in the field for it"),
        ("give --every, such as 1h", "say it, such as 1h"),
        ("; resile door list shows them", ""),
    )
    for before, after in words:
        sentence = sentence.replace(before, after)
    return sentence[:1].upper() + sentence[1:] + "."


def _page(
    request: Request,
    *,
    status_code: int = 200,
    problem: str | None = None,
    said: _Add | None = None,
    made: Connected | None = None,
    shown: str | None = None,
    tried: Tried | None = None,
) -> Response:
    resile: Resile = request.app.state.resile
    by = _keeper(request)
    if not _is_keeper(by):
        raise AccessError(f"{by.name} may not keep the doors: an admin does; ask one")
    doors = resile.doors.listed(by)
    wanted = shown or request.query_params.get("show", "")
    kind = said.kind if said is not None else request.query_params.get("kind", "")
    page = render(
        request,
        "doors.html",
        status_code=status_code,
        title="Doors",
        message=message(doors),
        tone="bad" if any(one.counts.n_failed for one in doors) else "",
        doors=doors,
        titles={name: one.title for name, one in KINDS.items()},
        kinds=KINDS,
        kind=kind if kind in KINDS else "",
        chosen=KINDS.get(kind),
        kind_address=_base(request) + KINDS[kind].path if kind in KINDS else "",
        severities=list(Severity),
        field_names=_FIELDS,
        said=said or _Add(),
        problem=problem,
        made=made,
        tried=tried,
        **_one(request, resile, by, doors, wanted),
    )
    page.headers["cache-control"] = "no-store"
    return page


def _one(request: Request, resile: Resile, by: Identity, doors: Sequence[DoorSeen], wanted: str) -> dict[str, Any]:
    """One door closely: what to enter at its sender, without the secret, and what arrived last."""
    seen = next((one for one in doors if one.name == wanted), None)
    if seen is None:
        return {"one": None, "door": None, "recipes": (), "newest": ()}
    door = resile.doors.all().get(wanted)
    recipes = () if door is None else recipes_of(door, _hidden_address(request, door), HIDDEN)
    return {"one": seen, "door": door, "recipes": recipes, "newest": newest_of(resile, by, wanted)}


def _hidden_address(request: Request, door: Door) -> str:
    return _base(request) + entered_path(door, HIDDEN if door.has_secret else None)


def _base(request: Request) -> str:
    """The address under which senders reach this server."""
    base: str = request.app.state.resile.settings.base_url or str(request.base_url)
    return base.rstrip("/")
