"""Who is on call: all schedules, and one over the weeks, with the forms that change it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from msgspec import Struct
from pydantic import BaseModel

from resile.analytics.sentences import Parts
from resile.app.access import Identity
from resile.app.calendar_in import Reading
from resile.app.feeds import FeedSeen
from resile.app.oncall import Calendar, Standing
from resile.app.wiring import Resile
from resile.model.errors import ConfigError, ConflictError
from resile.model.time import DAY, WEEK, parse_instant
from resile.ports.feed_book import FeedOf
from resile.response.oncall import Because, Duty, Spell, spells
from resile.web.pages.incident import may_write
from resile.web.pages.rendering import path_part, render
from resile.web.security import check_form

router = APIRouter(include_in_schema=False)

WEEKS = (2, 4, 12)
_MAX_STEPS = 60
_N_COLOURS = 6
# No person can be called so; an empty choice is one that was not made.
_NOBODY = "-"
WHY = {
    Because.TURN: "turn",
    Because.STANDS_IN: "stands in",
    Because.OVERRIDE: "override",
    Because.TAKEN_OFF: "taken off by an override",
    Because.NO_LAYER: "the schedule has no rotation",
    Because.NOT_BEGUN: "no rotation has begun",
    Because.ENDED: "every rotation has ended",
    Because.OFF_HOURS: "outside the hours of every rotation",
    Because.NOBODY_LEFT: "nobody is in the rotation",
}


class Piece(Struct, frozen=True):
    """A part of one week's row.

    Attributes:
        left, width: in percent of the week.
        colour: 0 for a gap, else a number by person.
    """

    left: float
    width: float
    colour: int
    person: str | None
    starts_at: datetime
    ends_at: datetime


class Week(Struct, frozen=True):
    """A week from its Monday on, by the schedule's clock.

    Attributes:
        now_left: where now is, in percent of the week; None in another week.
    """

    monday: datetime
    pieces: list[Piece]
    now_left: float | None


@router.get("/oncall")
def oncall_page(request: Request) -> Response:
    """Every schedule."""
    return show_all(request)


def show_all(request: Request, *, problem: str | None = None, status_code: int = 200) -> Response:
    """Every schedule, and the feeds whose address the reader may know."""
    resile: Resile = request.app.state.resile
    standings = resile.oncall.standings()
    identity: Identity = request.state.identity
    seen = resile.feeds.seen_by(identity)
    fed = {one.feed.name for one in seen if one.feed.of is FeedOf.PERSON}
    return render(
        request,
        "oncall.html",
        status_code=status_code,
        title="On call",
        message=message(standings),
        standings=standings,
        unreadable=resile.catalog.unreadable(),
        why=why,
        tone=_tone(standings),
        problem=problem,
        feeds=[one for one in seen if one.feed.of is FeedOf.PERSON],
        feedless=[name for name in resile.feeds.persons_of(identity) if name not in fed],
        address=address_of(request),
    )


def address_of(request: Request) -> str:
    """Where whoever asks reaches this server, for addresses to be copied."""
    resile: Resile = request.app.state.resile
    return (resile.settings.base_url or str(request.base_url)).rstrip("/")


def message(standings: Sequence[Standing]) -> Parts:
    """The page's one message: whether somebody would be called now, and whether that stays so."""
    if not standings:
        return [("No schedule is known yet.", False)]
    empty = [one for one in standings if one.now.person is None]
    gaps = sum(len(one.gaps) for one in standings)
    if empty:
        return [("Nobody is on call", True), (f" for {_listed([one.title for one in empty])}.", False)]
    who = "Somebody is on call in every schedule" if len(standings) > 1 else f"{standings[0].now.person} is on call"
    if gaps:
        return [(who, True), (f"; within fourteen days there {_gaps(gaps)}.", False)]
    return [(who, True), (", without a gap for the next fourteen days.", False)]


def _tone(standings: Sequence[Standing]) -> str:
    """In which colour the message is stressed: that nobody would be called is no good news."""
    return "bad" if any(one.now.person is None for one in standings) else ""


def _gaps(n: int) -> str:
    return "is one gap" if n == 1 else f"are {n} gaps"


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:3])
    more = [f"{len(names) - len(shown)} more"] if len(names) > len(shown) else []
    *before, last = shown + more
    return f"{', '.join(before)} and {last}" if before else last


def why(spell: Spell) -> str:
    """Why somebody holds a spell, each reason once."""
    return ", ".join(dict.fromkeys(_why(duty) for duty in spell.duties))


def _why(duty: Duty) -> str:
    words = WHY[duty.because]
    if duty.stands_in_for:
        words += f" for {duty.stands_in_for}, who left"
    return f"{words} in {duty.layer}" if duty.layer and duty.person else words


@router.get("/oncall/{name}")
def schedule_page(request: Request, name: str) -> Response:
    """One schedule."""
    return show_schedule(request, name)


class _Override(BaseModel):
    person: str = ""
    starts_at: str = ""
    ends_at: str = ""
    because: str = ""


class _Take(BaseModel):
    person: str = ""
    because: str = ""


class _Swap(BaseModel):
    first_at: str = ""
    second_at: str = ""
    because: str = ""


class _Remove(BaseModel):
    override: str = ""


changes = APIRouter(prefix="/do/oncall", include_in_schema=False, dependencies=[Depends(check_form)])


@changes.post("/{name}/override")
def override(request: Request, name: str, form: Annotated[_Override, Form()]) -> Response:
    """Somebody else, or nobody, from one instant to another."""

    def act(resile: Resile, by: Identity, zone: ZoneInfo) -> None:
        times = {"starts_at": _instant(form.starts_at, zone), "ends_at": _instant(form.ends_at, zone)}
        person = None if form.person == _NOBODY else _chosen(form.person)
        resile.oncall.override(by, name, person, because=form.because, **times)

    return _carry_out(request, name, act, form)


@changes.post("/{name}/take")
def take(request: Request, name: str, form: Annotated[_Take, Form()]) -> Response:
    """A person takes over now."""

    def act(resile: Resile, by: Identity, _: ZoneInfo) -> None:
        resile.oncall.take(by, name, _chosen(form.person), form.because)

    return _carry_out(request, name, act, form)


@changes.post("/{name}/swap")
def swap(request: Request, name: str, form: Annotated[_Swap, Form()]) -> Response:
    """Two exchange their duties."""

    def act(resile: Resile, by: Identity, zone: ZoneInfo) -> None:
        instants = _instant(form.first_at, zone), _instant(form.second_at, zone)
        resile.oncall.swap(by, name, *instants, form.because)

    return _carry_out(request, name, act, form)


@changes.post("/{name}/remove")
def remove(request: Request, name: str, form: Annotated[_Remove, Form()]) -> Response:
    """An override holds no longer."""
    return _carry_out(request, name, lambda resile, by, _: resile.oncall.remove(by, form.override), form)


def _chosen(person: str) -> str:
    if not person:
        raise ConfigError("nobody was chosen; choose who is on call")
    return person


def _carry_out(
    request: Request, name: str, act: Callable[[Resile, Identity, ZoneInfo], object], form: BaseModel
) -> Response:
    """Do it and show the schedule; or show it with the sentence why not, and the form as it was filled in."""
    resile: Resile = request.app.state.resile
    schedule = resile.catalog.schedules().get(name)
    try:
        if schedule is not None:
            act(resile, request.state.identity, ZoneInfo(schedule.zone))
    except (ConfigError, ConflictError) as error:
        return show_schedule(request, name, problem=str(error), said=form, status_code=409)
    return RedirectResponse(f"/oncall/{path_part(name)}", status_code=303)


def _instant(said: str, zone: ZoneInfo) -> datetime:
    """A time as a form's field gives it: by the schedule's clock, unless it carries an offset."""
    try:
        at = datetime.fromisoformat(said.strip())
    except ValueError:
        raise ConfigError(f"time {said[:40]!r} is not understood; write 2026-03-02T09:00") from None
    return parse_instant((at if at.tzinfo is not None else at.replace(tzinfo=zone)).isoformat())


def show_schedule(
    request: Request,
    name: str,
    *,
    problem: str | None = None,
    said: BaseModel | None = None,
    reading: Reading | None = None,
    is_tried: bool = False,
    status_code: int = 200,
) -> Response:
    """A schedule over the weeks.

    Args:
        problem: why what was asked for was not done, and `said`, the form as it was filled in.
        reading: what a calendar changed, or would change where it was only tried.
    """
    resile: Resile = request.app.state.resile
    schedule = resile.catalog.schedules().get(name)
    if schedule is None:
        return render(request, "oncall_unknown.html", status_code=404, title="Not found", called=name)
    zone = ZoneInfo(schedule.zone)
    weeks, step = _weeks(request), _step(request)
    now = resile.clock.now()
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    # By the local calendar, whatever the clock does in between.
    first = today - today.weekday() * DAY + step * weeks * WEEK
    mondays = [first + number * WEEK for number in range(weeks + 1)]
    calendar = resile.oncall.calendar(name, _utc(mondays[0]), _utc(mondays[-1]))
    standing = next(one for one in resile.oncall.standings() if one.schedule == name)
    colours = _colours(calendar)
    return render(
        request,
        "schedule.html",
        status_code=status_code,
        title=standing.title,
        message=_schedule_message(standing),
        standing=standing,
        calendar=calendar,
        rows=_rows(calendar, mondays, colours, now),
        colours=colours,
        spells=spells(calendar.duties),
        why=why,
        weeks=weeks,
        step=step,
        all_weeks=WEEKS,
        max_steps=_MAX_STEPS // weeks,
        people=resile.catalog.people(),
        can_write=may_write(request),
        problem=problem,
        reading=reading,
        is_tried=is_tried,
        feed=next((one for one in resile.feeds.seen_by(request.state.identity) if _is_of(one, name)), None),
        address_of_server=address_of(request),
        tone=_tone([standing]),
        nobody=_NOBODY,
        override_said=said if isinstance(said, _Override) else None,
        take_said=said if isinstance(said, _Take) else None,
        swap_said=said if isinstance(said, _Swap) else None,
    )


def _is_of(seen: FeedSeen, schedule: str) -> bool:
    return seen.feed.of is FeedOf.SCHEDULE and seen.feed.name == schedule


def _schedule_message(standing: Standing) -> Parts:
    person = standing.now.person
    if person is None:
        return [("Nobody is on call", True), (f": {why(standing.now)}.", False)]
    if standing.next is None:
        return [(person, True), (" is on call, and nobody else within forty days.", False)]
    zone = ZoneInfo(standing.zone)
    until = standing.now.ends_at.astimezone(zone).strftime("%A %Y-%m-%d %H:%M")
    following = standing.next.person or "nobody"
    return [(person, True), (f" is on call until {until}, then {following}.", False)]


def _weeks(request: Request) -> int:
    said = request.query_params.get("weeks", "")
    return int(said) if said in {str(weeks) for weeks in WEEKS} else WEEKS[0]


def _step(request: Request) -> int:
    said = request.query_params.get("step", "0")
    is_number = len(said) <= 3 and said.removeprefix("-").isascii() and said.removeprefix("-").isdecimal()  # noqa: PLR2004
    return max(-_MAX_STEPS, min(_MAX_STEPS, int(said))) if is_number else 0


def _utc(local: datetime) -> datetime:
    return parse_instant(local.isoformat())


def _colours(calendar: Calendar) -> dict[str, int]:
    people = dict.fromkeys(duty.person for duty in calendar.duties if duty.person)
    return {person: number % _N_COLOURS + 1 for number, person in enumerate(people)}


def _rows(calendar: Calendar, mondays: Sequence[datetime], colours: dict[str, int], now: datetime) -> list[Week]:
    held = spells(calendar.duties)
    rows = []
    for monday, after in pairwise(mondays):
        starts_at, ends_at = _utc(monday), _utc(after)
        share = (now - starts_at) / (ends_at - starts_at)
        now_left = round(100 * share, 3) if 0 <= share < 1 else None
        rows.append(Week(monday, _pieces(held, starts_at, ends_at, colours), now_left))
    return rows


def _pieces(held: Sequence[Spell], starts_at: datetime, ends_at: datetime, colours: dict[str, int]) -> list[Piece]:
    lasts = ends_at - starts_at
    found = []
    for spell in held:
        begins, ends = max(spell.starts_at, starts_at), min(spell.ends_at, ends_at)
        if begins < ends:
            left, width = 100 * ((begins - starts_at) / lasts), 100 * ((ends - begins) / lasts)
            colour = colours[spell.person] if spell.person else 0
            found.append(Piece(round(left, 3), round(width, 3), colour, spell.person, spell.starts_at, spell.ends_at))
    return found
