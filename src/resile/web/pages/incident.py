"""One incident: how long, since when, what happened in which order, and who says so."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from msgspec import Struct

from resile.analytics.query import Condition, Query, Window
from resile.analytics.results import GroupStatistics
from resile.analytics.sentences import Parts, typical_s
from resile.analytics.words import exact_duration, phase_name
from resile.app import report
from resile.app.deployments import DeploymentRow, deployments_before
from resile.app.incident_pages import incident_pages
from resile.app.incidents import IncidentView, show_incident
from resile.app.paging_lines import STATE_WORDS
from resile.app.questions import known_window
from resile.app.wiring import Resile
from resile.model.escalation import EscalationState
from resile.model.event import Exclusion, Source
from resile.model.incident import InstantName, labels_of, value_of
from resile.model.message import MessageState
from resile.model.phases import PHASE_ENDS, Phase, cause_of, taker_of
from resile.model.severity import Severity
from resile.ports.account_store import Scope as Right
from resile.web.pages.rendering import render
from resile.web.pages.timeline import lines_of

router = APIRouter(include_in_schema=False)

# A phase is drawn at least this wide, so that a short one can still be seen.
_LEAST_SHARE = 0.012

INSTANT_WORDS = {
    InstantName.IMPACT_BEGAN: "Impact began",
    InstantName.DETECTED: "Detected",
    InstantName.ACKNOWLEDGED: "Acknowledged",
    InstantName.IDENTIFIED: "Cause identified",
    InstantName.MITIGATED: "Mitigated",
    InstantName.RESTORED: "Restored",
    InstantName.CLOSED: "Closed",
}
_NOUNS = {
    InstantName.IMPACT_BEGAN: "impact",
    InstantName.DETECTED: "detection",
    InstantName.ACKNOWLEDGED: "acknowledgement",
    InstantName.IDENTIFIED: "identification",
    InstantName.MITIGATED: "mitigation",
    InstantName.RESTORED: "restoration",
    InstantName.CLOSED: "closing",
}
_NEWS = {
    MessageState.HANDED: "good",
    MessageState.DELIVERED: "good",
    MessageState.FAILED: "bad",
    MessageState.UNCERTAIN: "bad",
}
# What a page's state is called, and whether that is good news, bad, or neither.
PAGE_WORDS = {state: (words, _NEWS.get(state, "")) for state, words in STATE_WORDS.items()}
_UNTAKEN = {
    EscalationState.RUNNING: "nobody has taken it",
    EscalationState.UNREACHABLE: "nobody is reachable",
}
SOURCE_WORDS = {
    Source.MEASURED: "measured by telemetry",
    Source.HUMAN: "said by a person",
    Source.REPORTED: "reported by another system",
    Source.INFERRED: "concluded",
}


class PhasePiece(Struct, frozen=True, kw_only=True):
    """A phase in this incident's bar."""

    name: str
    kind: str
    x: str
    width: str
    lasted: str
    is_running: bool = False


@router.get("/incidents/{incident_id:path}")
def incident_page(request: Request, incident_id: str) -> Response:
    """The page."""
    resile: Resile = request.app.state.resile
    if not incident_id:
        return RedirectResponse("/incidents", status_code=307)
    view = show_incident(resile, incident_id)
    if view is None:
        return render(request, "incident_unknown.html", status_code=404, title="Not found", incident_id=incident_id)
    return page_of(request, view)


def page_of(request: Request, view: IncidentView, *, problem: str = "", status_code: int = 200) -> Response:
    """The incident's page; `problem` says why a command was refused."""
    resile: Resile = request.app.state.resile
    incident = view.incident
    now = resile.clock.now()
    severity = value_of(incident.severity, None)
    services = value_of(incident.services, ())
    paging = incident_pages(resile, view)
    context = {
        "title": value_of(incident.title, "") or incident.id,
        "view": view,
        "incident": incident,
        "severity_name": None if severity is None else severity.value,
        "services": services,
        "team": value_of(incident.team, None),
        "taker": taker_of(incident),
        "cause": cause_of(incident),
        "url": web_address(value_of(incident.url, None)),
        "labels": labels_of(incident),
        "exclusion": value_of(incident.exclusion, None),
        "merged_into": value_of(incident.merged_into, None),
        "message": _with_paging(message_parts(view, now), paging.state),
        "said": _said(view, paging.state),
        "tone": "bad" if view.contradictions or paging.state in _UNTAKEN else "",
        "pieces": pieces(view.phases, *_running(view, now)),
        "span": span_words(view),
        "instants": [
            (INSTANT_WORDS[name], found, SOURCE_WORDS[found.source])
            for name in InstantName
            if (found := view.instants.get(name)) is not None
        ],
        "missing": _missing(view),
        "has_joined": any(len(phase.names) > 1 for phase in view.phases),
        "beside": _beside(resile, services[0] if services else None, severity),
        "deployments": _deployments(resile, view, services),
        "lines": lines_of(view.timeline, incident),
        "seq": resile.timelines.last_seq(),
        "paging": paging,
        "page_words": PAGE_WORDS,
        "to_page": to_page(resile),
        "instant_words": {name.value: words for name, words in INSTANT_WORDS.items()},
        "to_reach": [name.value for name in InstantName if view.instants.get(name) is None],
        "severities": [one.value for one in Severity],
        "exclusions": [one.value for one in Exclusion],
        "problem": problem,
        "can_write": may_write(request),
    }
    return render(request, "incident.html", status_code=status_code, **context)


def message_parts(view: IncidentView, now: datetime) -> list[tuple[str, bool]]:
    """How long it took or has taken, as one sentence in pieces."""
    known = view.instants
    began = known.detected or known.impact_began
    if view.contradictions:
        return [("Its instants ", False), ("contradict each other", True), (", so it counts in no measure.", False)]
    if began is None:
        return [("Nobody knows ", False), ("when it was detected", True), (", so it counts in no measure.", False)]
    if known.restored is not None:
        lasted = exact_duration((known.restored.at - began.at).total_seconds())
        return [("Restored ", False), (lasted, True), (f" after it {_began_words(view)}.", False)]
    lasted = exact_duration((now - began.at).total_seconds())
    if known.mitigated is not None:
        return [("Mitigated, not restored yet: ", False), (lasted, True), (f" since it {_began_words(view)}.", False)]
    if known.closed is not None:
        return [("Closed, but nobody said ", False), ("when it was restored", True), (".", False)]
    return [("Open for ", False), (lasted, True), (f" since it {_began_words(view)}.", False)]


def _with_paging(parts: Parts, state: EscalationState | None) -> Parts:
    """The message with what is worse than that it is open."""
    if state is None or state not in _UNTAKEN:
        return parts
    *before, (last, is_key) = parts
    return [*before, (f"{last.rstrip('.')}; ", is_key), (_UNTAKEN[state], True), (".", False)]


def _said(view: IncidentView, state: EscalationState | None) -> str:
    """What a screen reader is told when it changes: the state, without how long it lasts."""
    worse = f"; {_UNTAKEN[state]}" if state in _UNTAKEN else ""
    return f"{view.incident.id} is {view.status.value}{worse}."


def _began_words(view: IncidentView) -> str:
    return "was detected" if view.instants.detected is not None else "began"


def span_words(view: IncidentView) -> str:
    """From the first instant known to the last: `10 min 38 s from impact to restoration`."""
    if not view.phases:
        return "No phases are known yet" if view.instants.closed is None else "No phases are known"
    whole = sum((phase.lasted for phase in view.phases), timedelta())
    first, last = view.phases[0].began, view.phases[-1].ended
    ends = [next((_NOUNS[n] for n in InstantName if view.instants.get(n) == one), "") for one in (first, last)]
    return f"{exact_duration(whole.total_seconds())} from {ends[0]} to {ends[1]}"


def _missing(view: IncidentView) -> list[str]:
    """The instants that nobody told although they must have happened."""
    order = list(InstantName)[:-1]
    reached = [i for i, name in enumerate(order) if view.instants.get(name) is not None]
    is_over = view.instants.restored is not None or view.instants.closed is not None
    last = len(order) if is_over else max(reached, default=-1) + 1
    return [INSTANT_WORDS[name] for name in order[:last] if view.instants.get(name) is None]


def _running(view: IncidentView, now: datetime) -> tuple[str, timedelta | None]:
    """The phase that still runs and for how long already; an incident that is over has none."""
    known = view.instants
    if known.restored is not None or known.closed is not None or view.contradictions:
        return "", None
    reached = [name for name in list(InstantName)[:-1] if known.get(name) is not None]
    if not reached:
        return "", None
    last = known.get(reached[-1])
    order = list(InstantName)
    following = next((p.value for p, end in PHASE_ENDS.items() if order.index(end) > order.index(reached[-1])), "")
    return following, None if last is None or not following else max(now - last.at, timedelta())


def pieces(phases: tuple[Phase, ...], running: str, running_for: timedelta | None) -> list[PhasePiece]:
    """The phases side by side, as wide as they lasted; a running one last."""
    stretches = [("+".join(phase.names), phase.lasted, False) for phase in phases]
    if running_for is not None:
        stretches.append((running, running_for, True))
    whole = sum((lasted for _, lasted, _ in stretches), timedelta()).total_seconds()
    shares = [max(lasted.total_seconds() / whole if whole else 1.0, _LEAST_SHARE) for _, lasted, _ in stretches]
    widths = [share / sum(shares) * 100 for share in shares]
    return [
        PhasePiece(
            name=phase_name(name),
            kind="joined" if "+" in name else name,
            x=f"{sum(widths[:i]):.2f}%",
            width=f"{width:.2f}%",
            lasted=exact_duration(lasted.total_seconds()),
            is_running=is_running,
        )
        for i, ((name, lasted, is_running), width) in enumerate(zip(stretches, widths, strict=True))
    ]


def _beside(resile: Resile, service: str | None, severity: Severity | None) -> tuple[str, GroupStatistics] | None:
    """The figures of all incidents of its service and severity, to hold this one against."""
    if service is None and severity is None:
        return None
    window: Window = known_window(resile)
    given = (("service", service), ("severity", None if severity is None else severity.value))
    where = tuple(Condition(name, (value,)) for name, value in given if value)
    overall = report.restore(resile, Query(window=window, where=where)).overall
    name = " ".join(value for _, value in given if value)
    return (name, overall) if typical_s(overall) is not None else None


def _deployments(
    resile: Resile, view: IncidentView, services: tuple[str, ...]
) -> list[tuple[DeploymentRow, timedelta]]:
    """What was deployed to its services in the day before it began, newest first, and how long before."""
    began = view.instants.impact_began or view.instants.detected
    if began is None:
        return []
    found = deployments_before(resile, services, began.at)
    return [(row, began.at - row.deployed_at) for row in found if row.deployed_at is not None]


def to_page(resile: Resile) -> list[tuple[str, list[str]]]:
    """Whom one may page by name: `person/ann`, by kind."""
    catalog = resile.catalog
    kinds = (("person", catalog.people()), ("schedule", catalog.schedules()), ("team", catalog.teams()))
    return [(kind, [f"{kind}/{name}" for name in names]) for kind, names in kinds if names]


def web_address(url: str | None) -> str | None:
    """The address in the system it came from, if a browser may follow it: an import may hold `javascript:` too."""
    return url if url and url.startswith(("https://", "http://")) else None


def may_write(request: Request) -> bool:
    """Whether whoever asks may change something."""
    identity = getattr(request.state, "identity", None)
    return identity is not None and Right.WRITE in identity.scopes
