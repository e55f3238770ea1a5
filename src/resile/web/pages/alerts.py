"""Alerts, and the question why: what became of each, which stage decided it, and for what reason."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from resile.analytics.sentences import Parts
from resile.analytics.words import counted
from resile.app.alerts import MAX_LISTED, AlertQuestions, AlertRow, AlertView
from resile.app.incidents import show_incident
from resile.app.wiring import Resile
from resile.model.alert import AlertState, Outcome, Stage
from resile.model.document import length_of
from resile.model.errors import ConfigError, ConflictError
from resile.model.incident import value_of
from resile.model.matcher import matcher_of
from resile.model.silence import LONGEST
from resile.model.time import MINUTE, format_instant, parse_instant
from resile.web.alert_list import whole_page
from resile.web.pages import now
from resile.web.pages.incident import may_write, web_address
from resile.web.pages.rendering import path_part, render
from resile.web.security import check_form

router = APIRouter(include_in_schema=False)
changes = APIRouter(prefix="/do", include_in_schema=False, dependencies=[Depends(check_form)])

PER_PAGE = 100
# So many pages are looked through for one that holds alerts which do not fire.
_TRIES = 3
_MAX_TEXT = 200
OUTCOME_WORDS = {
    Outcome.DECLARED: "declared",
    Outcome.JOINED: "joined",
    Outcome.REOPENED: "reopened",
    Outcome.KNOWN: "as before, nothing was done",
    Outcome.SILENCED: "silenced",
    Outcome.INHIBITED: "inhibited",
    Outcome.THROTTLED: "joined, nobody paged",
    Outcome.CLEARED: "cleared",
}
STAGE_WORDS = {
    Stage.DEDUP: "Seen before?",
    Stage.SILENCE: "Silenced?",
    Stage.INHIBIT: "Inhibited?",
    Stage.GROUP: "Group",
    Stage.ROUTE: "Route",
    Stage.THROTTLE: "Throttled?",
    Stage.CORRELATE: "Correlated?",
    Stage.INCIDENT: "Incident",
}


@router.get("/alerts")
def alerts_page(request: Request) -> Response:
    """The list."""
    asked, problems = _asked(request)
    questions = questions_of(request)
    rows, following = _found(questions, asked)
    firing = questions.listed(firing=True, limit=MAX_LISTED)
    first, n_firing = _firing_first(questions, asked)
    parts, tone = _message(len(firing))
    return render(
        request,
        "alerts.html",
        title="Alerts",
        message=parts,
        tone=tone,
        problems=problems,
        is_known=bool(rows or firing or questions.listed(limit=1)),
        rows=[*first, *rows],
        n_firing_more=n_firing - len(first),
        text=asked["q"],
        outcome=asked["outcome"],
        is_firing_only=asked["state"] == "firing",
        outcomes=[one.value for one in Outcome],
        outcome_words={one.value: words for one, words in OUTCOME_WORDS.items()},
        address=lambda **put: _address({**asked, "before": "", **put}),
        next=_address({**asked, "before": following}) if following else "",
        is_later=bool(asked["before"]),
    )


def questions_of(request: Request) -> AlertQuestions:
    """Whom one asks of alerts."""
    resile: Resile = request.app.state.resile
    return AlertQuestions(resile.paging)


def _asked(request: Request) -> tuple[dict[str, str], list[str]]:
    """What the address asks for, and a sentence for each word that is none."""
    given, problems = request.query_params, []
    asked = {"q": given.get("q", "").strip(), "outcome": "", "state": "", "before": ""}
    if len(asked["q"]) > _MAX_TEXT:
        problems.append(f"the search is longer than {_MAX_TEXT} characters; it was cut")
        asked["q"] = asked["q"][:_MAX_TEXT]
    if outcome := given.get("outcome", ""):
        if outcome in list(Outcome):
            asked["outcome"] = outcome
        else:
            problems.append(f"outcome {outcome[:40]!r} is unknown; use one of {', '.join(Outcome)}")
    if state := given.get("state", ""):
        if state == AlertState.FIRING:
            asked["state"] = state
        else:
            problems.append(f"state {state[:40]!r} is unknown; use firing")
    if before := given.get("before", ""):
        try:
            asked["before"] = format_instant(parse_instant(before[:40]))
        except ConfigError as error:
            problems.append(str(error))
    return asked, problems


def _found(questions: AlertQuestions, asked: dict[str, str]) -> tuple[list[AlertRow], str]:
    """A page of the newest decisions, and before which instant the next one begins; empty: there is none.

    Unless only those that fire are asked for, these stand before all others, and so not among them.
    """
    is_firing_only, before = asked["state"] == AlertState.FIRING, asked["before"]
    for _ in range(_TRIES):
        rows, more = whole_page(partial(_ask, questions, asked, firing=is_firing_only, before=before), PER_PAGE)
        before = format_instant(rows[-1].decided_at) if more else ""
        kept = rows if is_firing_only else [row for row in rows if row.state == AlertState.RESOLVED]
        if kept or not more:
            return kept, before
    return [], before


def _firing_first(questions: AlertQuestions, asked: dict[str, str]) -> tuple[list[AlertRow], int]:
    """Those that fire, for the top of the first page, and how many there are."""
    if asked["state"] or asked["before"]:
        return [], 0
    found = _ask(questions, asked, MAX_LISTED, firing=True, before="")
    return found[:PER_PAGE], len(found)


def _ask(questions: AlertQuestions, asked: dict[str, str], limit: int, *, firing: bool, before: str) -> list[AlertRow]:
    earlier = parse_instant(before) if before else None
    text, outcome = asked["q"].replace("\x00", ""), asked["outcome"] or None
    return questions.listed(text=text, outcome=outcome, firing=firing, before=earlier, limit=limit)


def _address(words: dict[str, str]) -> str:
    said = urlencode([(name, value) for name, value in words.items() if value])
    return f"/alerts?{said}" if said else "/alerts"


def _message(n_firing: int) -> tuple[Parts, str]:
    if not n_firing:
        return [("No alert", True), (" fires.", False)], ""
    more = "at least " if n_firing >= MAX_LISTED else ""
    return [(f"{more}{counted(n_firing, 'alert')}", True), (f" {'fires' if n_firing == 1 else 'fire'}.", False)], "bad"


@router.get("/alerts/{alert_id}")
def alert_page(request: Request, alert_id: str) -> Response:
    """One alert."""
    return _page(request, alert_id)


class _Silence(BaseModel):
    alert_id: str
    match: str = ""
    lasts: str = ""
    because: str = ""


def _page(request: Request, alert_id: str, *, problem: str = "", said: _Silence | None = None) -> Response:
    view = questions_of(request).one(alert_id)
    if view is None:
        return render(request, "alert_unknown.html", status_code=404, title="Not found", alert_id=alert_id[:100])
    alert = view.alert
    latest = view.decisions[0] if view.decisions else None
    parts, tone = _alert_message(alert)
    return render(
        request,
        "alert.html",
        status_code=409 if problem else 200,
        title=alert.title or alert.id,
        view=view,
        alert=alert,
        message=parts,
        tone=tone,
        latest=latest,
        earlier=view.decisions[1:],
        incident_title=_incident_title(request, alert.incident_id),
        outcome_words={one.value: words for one, words in OUTCOME_WORDS.items()},
        stage_words={one.value: words for one, words in STAGE_WORDS.items()},
        links=[one for one in view.links if web_address(one.url)],
        playbook=web_address(view.playbook),
        matchers=matchers_of(view),
        problem=problem,
        said_match="" if said is None else said.match,
        said_lasts="" if said is None else said.lasts,
        said_because="" if said is None else said.because,
        can_write=may_write(request),
    )


def _alert_message(alert: AlertRow) -> tuple[Parts, str]:
    """What became of it, and the reason, in one sentence."""
    it = {"firing": "It fires", "acknowledged": "It was taken there", "resolved": "It is resolved"}[alert.state]
    did = {
        Outcome.DECLARED: f"declared {alert.incident_id}",
        Outcome.JOINED: f"joined {alert.incident_id}",
        Outcome.REOPENED: f"reopened {alert.incident_id}",
        Outcome.KNOWN: "changed nothing",
        Outcome.SILENCED: "was silenced",
        Outcome.INHIBITED: "was inhibited",
        Outcome.THROTTLED: f"joined {alert.incident_id} without paging anybody",
        Outcome.CLEARED: "was cleared",
    }[Outcome(alert.outcome)]
    tone = "bad" if alert.state == AlertState.FIRING else ""
    why = f": {alert.why.rstrip('.')}." if alert.why else "."
    return [(f"{it}; it ", False), (did, True), (why, False)], tone


def _incident_title(request: Request, incident_id: str | None) -> str:
    view = None if incident_id is None else show_incident(request.app.state.resile, incident_id)
    return "" if view is None else value_of(view.incident.title, "")


def matchers_of(view: AlertView) -> Sequence[str]:
    """What a silence for exactly this alert would match, as lines to be edited; what no line can say is left out."""
    said = [*view.labels.items(), ("title", view.alert.title), ("door", view.alert.door)]
    lines = [f"{name}={value}" for name, value in said if value and _can_be_said(name, value)]
    return lines[:-2] or lines


def _can_be_said(name: str, value: str) -> bool:
    """Whether a line of the form means this value of this label and nothing else."""
    try:
        meant = matcher_of(f"{name}={value}", "silence")
    except ConfigError:
        return False
    is_one_line = len(f"{name}={value}".splitlines()) == 1
    return is_one_line and (meant.name, meant.value, meant.is_pattern, meant.is_not) == (name, value, False, False)


class _End(BaseModel):
    silence_id: str


@changes.post("/silence")
def silence(request: Request, form: Annotated[_Silence, Form()]) -> Response:
    """Alerts that match are silenced for a while."""
    resile: Resile = request.app.state.resile
    try:
        lasts = length_of(form.lasts, "silence", least=MINUTE, most=LONGEST)
        matches = [line for line in form.match.splitlines() if line.strip()]
        resile.alerting.silences.add(request.state.identity, matches, because=form.because, lasts=lasts)
    except (ConfigError, ConflictError) as error:
        return _page(request, form.alert_id, problem=str(error), said=form)
    return RedirectResponse(f"/alerts/{path_part(form.alert_id)}", status_code=303)


@changes.post("/silence/end")
def end_silence(request: Request, form: Annotated[_End, Form()]) -> Response:
    """It mutes nothing any more."""
    resile: Resile = request.app.state.resile
    try:
        resile.alerting.silences.end(request.state.identity, form.silence_id)
    except (ConfigError, ConflictError) as error:
        return now.page_of(request, problem=str(error), status_code=409)
    return RedirectResponse("/now", status_code=303)
