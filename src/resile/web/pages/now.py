"""The page that is looked at first when something is wrong: what is open, who has it, who is on call, what is late."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from resile.analytics.sentences import Parts
from resile.analytics.words import counted, exact_duration
from resile.app.now import Now, OnCallNow
from resile.app.standing import OpenIncident
from resile.app.wiring import Resile
from resile.model.escalation import EscalationState
from resile.model.time import HOUR, MINUTE
from resile.web.pages.incident import may_write
from resile.web.pages.rendering import render
from resile.web.pages.timeline import who
from resile.web.shared_now import SharedNow

router = APIRouter(include_in_schema=False)

_NAMED = 2


@router.get("/now")
def now_page(request: Request) -> Response:
    """The page."""
    return page_of(request)


def page_of(request: Request, *, problem: str = "", status_code: int = 200) -> Response:
    """The page; `problem` says why something was refused."""
    resile: Resile = request.app.state.resile
    # Before the page is made: what happens meanwhile is told by the stream.
    seq = resile.timelines.last_seq()
    shared: SharedNow = request.app.state.now
    now = shared.look()
    parts, tone = message(now)
    return render(
        request,
        "now.html",
        status_code=status_code,
        title="Now",
        now=now,
        message=parts,
        said="".join(words for words, _ in message(now, says_how_long=False)[0]),
        tone=tone,
        ago=ago,
        who=who,
        seq=seq,
        silences=[one for one in resile.alerting.silences.listed() if one.holds],
        problem=problem,
        can_write=may_write(request),
    )


def message(now: Now, *, says_how_long: bool = True) -> tuple[Parts, str]:
    """The page's one message, and in which colour it is stressed."""
    nobody = [one for one in now.open if one.state is EscalationState.UNREACHABLE]
    if nobody:
        return [
            ("Nobody is reachable", True),
            (f" for {_named(nobody, now.n_unreachable)}. Call somebody yourself.", False),
        ], "bad"
    untaken = [one for one in now.open if one.state is EscalationState.RUNNING]
    if untaken:
        first = untaken[0]
        more = f" and {now.n_untaken - 1} more" if now.n_untaken > 1 else ""
        waits = f" for {ago(first.detected_at, now.at)}" if first.detected_at and says_how_long else ""
        said = f"nobody has taken {first.incident_id}{more}"
        return [(f"{_open(now.n_open)}; ", False), (said, True), (f"{waits}.", False)], "bad"
    if now.open:
        whose = ", ".join(f"{one.by or 'somebody'} has {one.incident_id}" for one in now.open[:_NAMED])
        rest = now.n_open - len(now.open[:_NAMED])
        more = f", {rest} more {'is' if rest == 1 else 'are'} open" if rest else ""
        return [(f"{_open(now.n_open)}; ", False), (whose, True), (f"{more}.", False)], ""
    if now.unpaged:
        return [(_open(now.n_open), True), ("; nobody is paged.", False)], ""
    if now.overdue:
        return [("No incident is open, but ", False), ("something needs a look", True), (".", False)], "bad"
    return _quiet(now.on_call)


def _quiet(on_call: Sequence[OnCallNow]) -> tuple[Parts, str]:
    if not on_call:
        return [("All quiet.", True), (" No schedule is known yet, so nobody is on call.", False)], ""
    empty = [one for one in on_call if one.person is None]
    if empty:
        titles = _listed([one.title for one in empty])
        return [("All quiet, but ", False), ("nobody is on call", True), (f" for {titles}.", False)], "bad"
    whose = _listed([f"{one.person} is on call for {one.title}" for one in on_call])
    return [("All quiet.", True), (f" {whose}.", False)], ""


def _open(n: int) -> str:
    return f"{counted(n, 'incident')} {'is' if n == 1 else 'are'} open"


def _named(found: Sequence[OpenIncident], n: int) -> str:
    return _listed([one.incident_id for one in found], n)


def _listed(names: Sequence[str], n: int | None = None) -> str:
    """The first of them, and how many more there are of `n`, or of these."""
    shown = list(names[:_NAMED])
    n_more = (len(names) if n is None else n) - len(shown)
    more = [f"{n_more} more"] if n_more > 0 else []
    *before, last = shown + more
    return f"{', '.join(before)} and {last}" if before else last


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago something was, as coarsely as it is said: `6 min`, `2 h 10 min`."""
    if then is None:
        return "an unknown time"
    length = max(now - then, timedelta())
    if length < MINUTE:
        return "less than a minute"
    return exact_duration((length // MINUTE * MINUTE).total_seconds() if length < 48 * HOUR else length.total_seconds())
