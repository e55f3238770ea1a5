"""One incident: how bad, what next, who; since when; why; and everything else that its room holds."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from msgspec import Struct
from msgspec.structs import replace

from resile.app.incident_pages import incident_pages
from resile.app.incidents import IncidentView, show_incident
from resile.app.staying_clear import watched_until
from resile.app.wiring import Resile
from resile.model.event import Exclusion
from resile.model.incident import InstantName, labels_of, value_of
from resile.model.phases import cause_of, taker_of
from resile.model.room import Room, room_of
from resile.model.room_event import Role, TaskState
from resile.model.severity import Severity
from resile.ports.account_store import Scope as Right
from resile.web.asking_who import who_of
from resile.web.pages import incident_sides as sides
from resile.web.pages.incident_words import (
    INSTANT_WORDS,
    PAGE_WORDS,
    SOURCE_WORDS,
    UNTAKEN,
    message_of,
    missing_of,
    next_deed,
    pieces_of,
    responders_of,
    said_of,
    span_words,
)
from resile.web.pages.meanwhile import news_in
from resile.web.pages.playbook_part import playbook_part
from resile.web.pages.rendering import render, rendered, zone_of
from resile.web.pages.timeline import Lines, who
from resile.web.pages.updates_part import updates_part
from resile.web.shared_now import SharedNow
from resile.web.shared_room import Look, Made, SharedRooms

router = APIRouter(include_in_schema=False)

# The newest lines are shown, between one block and two, so that the first one moves seldom.
BLOCK = 100
# At once; what is earlier or later is a page further.
MOST_LINES = 500
_LONGEST_VERSION = 9

# What further parts of the page need: of resile, the incident and its room, the names that their templates use.
PARTS: tuple[Callable[[Resile, IncidentView, Room], Mapping[str, Any]], ...] = (updates_part,)


class Refused(Struct, frozen=True):
    """A form that was not carried out, with all that was typed into it; `form` is its name in the page."""

    form: str
    fields: Mapping[str, str]


@router.get("/incidents/{incident_id:path}")
def incident_page(
    request: Request,
    incident_id: str,
    *,
    part: str = "",
    first: Annotated[str, Query(alias="from")] = "",
    follow: str = "",
    edit: str = "",
    since: str = "",
    until: str = "",
) -> Response:
    """The page; with `part=live` what changes on it alone.

    Args:
        first: number of the first line to show.
        follow: whether the newest line is to be among them, however many there are by now.
        edit: id of the note whose words are to be changed.
        since: the version on which something was decided that is done by now; what others did after it is told.
        until: the version at which it was done.
    """
    if not incident_id:
        return RedirectResponse("/incidents", status_code=307)
    if edit:
        view = show_incident(request.app.state.resile, incident_id)
        made = None if view is None else _made(request, view, edit=edit)
    else:
        made = _shared(request, incident_id, _number(first), follows=bool(follow))
    if made is None:
        return render(request, "incident_unknown.html", status_code=404, title="Not found", incident_id=incident_id)
    if part == "live":
        return HTMLResponse(f"<!doctype html><title></title><body>{made.html}", headers={"cache-control": "no-store"})
    news = _news(request, incident_id, since, until)
    return render(request, "incident.html", title=made.title, room=made.html, problem="", news=news)


def page_of(
    request: Request, view: IncidentView, *, problem: str = "", status_code: int = 200, refused: Refused | None = None
) -> Response:
    """The incident's page; `problem` says why a command was not carried out, whose form comes back as it was filled."""
    made = _made(request, view, refused=refused)
    return render(
        request, "incident.html", status_code=status_code, title=made.title, room=made.html, problem=problem, news=[]
    )


def _shared(request: Request, incident_id: str, first: int | None, *, follows: bool) -> Made | None:
    """The page as everybody sees it who may do the same, in this reader's hands."""
    rooms: SharedRooms = request.app.state.rooms
    resile: Resile = request.app.state.resile

    def make() -> Made | None:
        view = show_incident(resile, incident_id)
        return None if view is None else _drawn(request, view, first=first, follows=follows)

    look = Look(incident_id, zone_of(request).key, may_write(request), first, follows)
    made = rooms.page(look, request.state.csrf_token, make)
    if made is None or not made.is_personal:
        return made
    return rooms.page(replace(look, whose=who_of(request).by), request.state.csrf_token, make)


def _made(request: Request, view: IncidentView, *, edit: str = "", refused: Refused | None = None) -> Made:
    """The page for one reader alone."""
    rooms: SharedRooms = request.app.state.rooms
    return rooms.own(_drawn(request, view, edit=edit, refused=refused), request.state.csrf_token)


def _drawn(
    request: Request,
    view: IncidentView,
    *,
    first: int | None = None,
    follows: bool = False,
    edit: str = "",
    refused: Refused | None = None,
) -> Made:
    rooms: SharedRooms = request.app.state.rooms
    resile: Resile = request.app.state.resile
    # Before anything is looked at: what happens meanwhile is told by the stream.
    seq = resile.timelines.last_seq()
    room = room_of(view.timeline)
    context = {
        "csrf_token": rooms.token,
        "seq": seq,
        "refused": refused,
        "edited": refused.form.removeprefix("edit-") if refused and refused.form.startswith("edit-") else edit,
        "can_write": may_write(request),
        **_known_of(view, room),
        **_lines(Lines(view.timeline, view.incident, room), first, edit or _line_of(refused), follows=follows),
        **_standing(request, view, room),
    }
    context |= playbook_part(request, view.incident.id, view.timeline, room)
    for part in PARTS:
        context.update(part(resile, view, room))
    title = value_of(view.incident.title, "") or view.incident.id
    # Who asked for a step cannot agree to it; all others can.
    is_personal = may_write(request) and any(run.is_waiting for run in room.runs.values())
    return Made(title, rendered(request, "parts/incident_room.html", title=title, **context), is_personal)


def _known_of(view: IncidentView, room: Room) -> dict[str, Any]:
    """What the timeline alone tells."""
    incident = view.incident
    severity = value_of(incident.severity, None)
    commander = room.holder(Role.COMMANDER)
    responders = responders_of(view, room)
    is_over = bool(view.instants.restored or view.instants.closed or value_of(incident.merged_into, None) is not None)
    mitigated, asked_at = view.instants.mitigated, room.asked_at
    return {
        "view": view,
        "incident": incident,
        "room_of_it": room,
        "severity_name": None if severity is None else severity.value,
        "services": value_of(incident.services, ()),
        "team": value_of(incident.team, None),
        "taker": taker_of(incident),
        "commander": None if commander is None else commander.person,
        "responders": responders,
        "cause": cause_of(incident),
        "url": web_address(value_of(incident.url, None)),
        "labels": labels_of(incident),
        "exclusion": value_of(incident.exclusion, None),
        "merged_into": value_of(incident.merged_into, None),
        "is_over": is_over,
        # Of an incident that was reopened since, nobody was asked yet.
        "asked_at": None if is_over or mitigated is None or asked_at is None or asked_at < mitigated.at else asked_at,
        "span": span_words(view),
        "instants": [
            (INSTANT_WORDS[name], found, SOURCE_WORDS[found.source])
            for name in InstantName
            if (found := view.instants.get(name)) is not None
        ],
        "missing": missing_of(view),
        "has_joined": any(len(phase.names) > 1 for phase in view.phases),
        "roles": [(role.value, holders) for role, holders in room.roles.items()],
        "role_names": [role.value for role in Role],
        "tasks": _tasks_of(room),
        "n_done": sum(task.state is TaskState.DONE for task in room.tasks),
        "to_reach": [name.value for name in InstantName if view.instants.get(name) is None],
        "instant_words": {name.value: words for name, words in INSTANT_WORDS.items()},
        "page_words": PAGE_WORDS,
        "severities": [one.value for one in Severity],
        "exclusions": [one.value for one in Exclusion],
        "who": who,
    }


def _tasks_of(room: Room) -> list[Any]:
    """What is still to be done first; what was dropped is not shown."""
    shown = [task for task in room.tasks if task.state is not TaskState.DROPPED]
    return sorted(shown, key=lambda task: task.state is TaskState.DONE)


def _line_of(refused: Refused | None) -> str:
    """The event on whose line a form stands, lest it come back to a page that has no room for it."""
    fields = {} if refused is None else refused.fields
    return fields.get("note_id") or fields.get("event_id") or ""


def _lines(lines: Lines, first: int | None, asked: str, *, follows: bool) -> dict[str, Any]:
    """The lines that are shown, that of the event `asked` among them, and how many come before and after them."""
    n = len(lines)
    begins, ends = shown_lines(n, first, follows=follows)
    place = lines.place_of(asked) if asked else None
    if place is not None and not begins <= place < ends:
        begins, ends = shown_lines(n, place)
    earlier = max(0, begins - BLOCK if n == ends else begins - MOST_LINES)
    return {
        "lines": lines.between(begins, ends),
        "n_before": begins,
        "n_after": n - ends,
        # With whether the newest are among those that follow then.
        "earlier": (earlier, n - earlier <= MOST_LINES),
        "later": (ends, n - ends <= MOST_LINES),
    }


def shown_lines(n: int, asked: int | None, *, follows: bool = False) -> tuple[int, int]:
    """The numbers of the first line that is shown, of so many, and of the first one that no longer is.

    Args:
        asked: the first line that somebody wants to see.
        follows: the newest are to be among them; what is too early for that goes, a block at a time.
    """
    usual = max(0, n // BLOCK * BLOCK - BLOCK)
    begins = usual if asked is None else min(asked, usual)
    if n - begins > MOST_LINES and follows:
        begins = -(-(n - MOST_LINES) // BLOCK) * BLOCK
    return begins, min(n, begins + MOST_LINES)


def _standing(request: Request, view: IncidentView, room: Room) -> dict[str, Any]:
    """What other stores tell: paging, figures, deployments, whom one may ask."""
    resile: Resile = request.app.state.resile
    rooms: SharedRooms = request.app.state.rooms
    now: SharedNow = request.app.state.now
    services = value_of(view.incident.services, ())
    paging = incident_pages(resile, view)
    moment = resile.clock.now()
    due_at = watched_until(resile.paging, view.incident.id)
    until = "" if due_at is None else f"{due_at.astimezone(zone_of(request)):%H:%M}"
    return {
        "paging": paging,
        "message": message_of(view, paging.state, moment, watched_until=until),
        "said": said_of(view, paging.state, watched_until=until),
        "tone": "bad" if view.contradictions or paging.state in UNTAKEN else "",
        "next": next_deed(view, paging.state),
        "pieces": pieces_of(view, moment),
        "beside": sides.beside(
            resile, rooms.figures, services[0] if services else None, value_of(view.incident.severity, None)
        ),
        "deployments": sides.deployed_before(resile, rooms.figures, view, services),
        "alerts": sides.related_alerts(view, paging),
        "near": sides.near_alerts(resile, rooms.figures, view),
        "to_call_in": sides.to_call_in(resile),
        "out_of_reach": sides.out_of_reach(resile, room),
        "people": sorted({*resile.catalog.people(), *responders_of(view, room)}),
        "others": sides.other_open(rooms.figures.of("now", now.look), view.incident.id) if may_write(request) else [],
    }


def _news(request: Request, incident_id: str, since: str, until: str) -> list[str]:
    """What others did between the version on which this reader decided and the one at which it was done."""
    version = _number(since)
    if version is None:
        return []
    timeline = request.app.state.resile.timelines.read(incident_id)
    identity = getattr(request.state, "identity", None)
    return news_in(timeline[version : _number(until)], by="" if identity is None else identity.by)


def _number(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= _LONGEST_VERSION else None


def web_address(url: str | None) -> str | None:
    """The address in the system it came from, if a browser may follow it: an import may hold `javascript:` too."""
    return url if url and url.startswith(("https://", "http://")) else None


def may_write(request: Request) -> bool:
    """Whether whoever asks may change something."""
    identity = getattr(request.state, "identity", None)
    return identity is not None and Right.WRITE in identity.scopes
