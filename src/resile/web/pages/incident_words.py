"""One incident in words and widths: its message, what comes next, and its phases side by side."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from resile.analytics.sentences import Parts
from resile.analytics.words import exact_duration, phase_name
from resile.app.incidents import IncidentView
from resile.app.paging_lines import STATE_WORDS
from resile.app.staying_clear import watched_words
from resile.model.escalation import EscalationState
from resile.model.event import Acknowledged, Source
from resile.model.incident import InstantName, value_of
from resile.model.message import MessageState
from resile.model.phases import PHASE_ENDS, Phase, taker_of
from resile.model.room import Room
from resile.model.room_event import CalledIn

# A phase is drawn at least this wide, so that a short one can still be seen.
_LEAST_SHARE = 0.012
# Of a title the message tells so much; the whole of it stands on the page besides.
_LONGEST_TITLE = 140

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
UNTAKEN = {
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
    """A phase in this incident's bar; `width`: its share of it in percent, from 1."""

    name: str
    kind: str
    width: int
    lasted: str
    is_running: bool = False


def message_of(view: IncidentView, state: EscalationState | None, now: datetime, *, watched_until: str = "") -> Parts:
    """What is the matter and how it stands, as one message in pieces.

    Args:
        watched_until: all its alerts are clear, and it is restored then if they stay so; empty: they are not.
    """
    title = " ".join(value_of(view.incident.title, "").split())
    if len(title) > _LONGEST_TITLE:
        title = title[: _LONGEST_TITLE - 1].rstrip() + "…"
    ends = "" if title.endswith((".", "!", "?", "…")) else "."
    opening: Parts = [(f"{title}{ends} ", False)] if title else []
    return opening + _with_paging(_with_watch(_standing(view, now), view, watched_until), state)


def _standing(view: IncidentView, now: datetime) -> Parts:
    """How long it took or has taken."""
    known = view.instants
    began = known.detected or known.impact_began
    into = value_of(view.incident.merged_into, None)
    if into is not None:
        return [("Merged", True), (f" into {into}, which carries on for both.", False)]
    if view.contradictions:
        return [("Its instants ", False), ("contradict each other", True), (", so it counts in no measure.", False)]
    if began is None:
        return [("Nobody knows ", False), ("when it was detected", True), (", so it counts in no measure.", False)]
    since = f"since it {_began_words(view)}"
    if known.restored is not None:
        lasted = exact_duration((known.restored.at - began.at).total_seconds())
        return [("Restored ", False), (lasted, True), (f" after it {_began_words(view)}.", False)]
    lasted = exact_duration((now - began.at).total_seconds())
    if known.mitigated is not None:
        return [("Mitigated", True), (f", not restored yet: {lasted} {since}.", False)]
    if known.closed is not None:
        return [("Closed, but nobody said ", False), ("when it was restored", True), (".", False)]
    return [("Open for ", False), (lasted, True), (f" {since}.", False)]


def _began_words(view: IncidentView) -> str:
    return "was detected" if view.instants.detected is not None else "began"


def _with_watch(parts: Parts, view: IncidentView, until: str) -> Parts:
    """The message with what is better than that it is open."""
    if not is_watched(view, until):
        return parts
    *before, (last, is_key) = parts
    return [*before, (f"{last.rstrip('.')}; ", is_key), (watched_words(until), True), (".", False)]


def is_watched(view: IncidentView, until: str) -> bool:
    """Whether it is open, and what is left is to see that its alerts stay clear."""
    is_merged = value_of(view.incident.merged_into, None) is not None
    return bool(until) and not is_merged and view.instants.restored is None and view.instants.closed is None


def _with_paging(parts: Parts, state: EscalationState | None) -> Parts:
    """The message with what is worse than that it is open."""
    if state is None or state not in UNTAKEN:
        return parts
    *before, (last, is_key) = parts
    return [*before, (f"{last.rstrip('.')}; ", is_key), (UNTAKEN[state], True), (".", False)]


def said_of(view: IncidentView, state: EscalationState | None, *, watched_until: str = "") -> str:
    """What a screen reader is told when it changes: the state, without how long it lasts."""
    better = f"; {watched_words(watched_until)}" if is_watched(view, watched_until) else ""
    worse = f"; {UNTAKEN[state]}" if state in UNTAKEN else ""
    return f"{view.incident.id} is {view.status.value}{better}{worse}."


def next_deed(view: IncidentView, state: EscalationState | None) -> InstantName | None:
    """What is to be said next by a tap; None where nothing is left to say."""
    known = view.instants
    if known.closed is not None or value_of(view.incident.merged_into, None) is not None:
        return None
    if known.restored is not None:
        return InstantName.CLOSED
    if known.acknowledged is None or state in UNTAKEN or (known.n_reopened and taker_of(view.incident) is None):
        return InstantName.ACKNOWLEDGED
    return InstantName.MITIGATED if known.mitigated is None else InstantName.RESTORED


def responders_of(view: IncidentView, room: Room) -> list[str]:
    """Everybody who takes part: who took it, who has a role or was called in, the first first."""
    told = [event.who for event in view.timeline if isinstance(event, Acknowledged) and event.who]
    told += [holder.person for holders in room.roles.values() for holder in holders]
    told += [person for event in view.timeline if isinstance(event, CalledIn) for person in event.people]
    told += [event.by.partition(":")[2] for event in view.timeline if event.by.startswith("user:")]
    return list(dict.fromkeys(told))


def span_words(view: IncidentView) -> str:
    """From the first instant known to the last: `10 min 38 s from impact to restoration`."""
    if not view.phases:
        return "No phases are known yet" if view.instants.closed is None else "No phases are known"
    whole = sum((phase.lasted for phase in view.phases), timedelta())
    first, last = view.phases[0].began, view.phases[-1].ended
    ends = [next((_NOUNS[n] for n in InstantName if view.instants.get(n) == one), "") for one in (first, last)]
    return f"{exact_duration(whole.total_seconds())} from {ends[0]} to {ends[1]}"


def missing_of(view: IncidentView) -> list[str]:
    """The instants that nobody told although they must have happened."""
    order = list(InstantName)[:-1]
    reached = [i for i, name in enumerate(order) if view.instants.get(name) is not None]
    is_over = view.instants.restored is not None or view.instants.closed is not None
    last = len(order) if is_over else max(reached, default=-1) + 1
    return [INSTANT_WORDS[name] for name in order[:last] if view.instants.get(name) is None]


def pieces_of(view: IncidentView, now: datetime) -> list[PhasePiece]:
    """The phases side by side, as wide as they lasted; a running one last."""
    running, running_for = _running(view, now)
    stretches = [*_lengths(view.phases)]
    if running_for is not None:
        stretches.append((running, running_for, True))
    whole = sum((lasted for _, lasted, _ in stretches), timedelta()).total_seconds()
    shares = [max(lasted.total_seconds() / whole if whole else 1.0, _LEAST_SHARE) for _, lasted, _ in stretches]
    return [
        PhasePiece(
            name=phase_name(name),
            kind="joined" if "+" in name else name,
            width=max(1, round(share / sum(shares) * 100)),
            lasted=exact_duration(lasted.total_seconds()),
            is_running=is_running,
        )
        for (name, lasted, is_running), share in zip(stretches, shares, strict=True)
    ]


def _lengths(phases: Iterable[Phase]) -> Iterable[tuple[str, timedelta, bool]]:
    return (("+".join(phase.names), phase.lasted, False) for phase in phases)


def _running(view: IncidentView, now: datetime) -> tuple[str, timedelta | None]:
    """The phase that still runs and for how long already; an incident that is over has none."""
    known = view.instants
    is_merged = value_of(view.incident.merged_into, None) is not None
    if known.restored is not None or known.closed is not None or view.contradictions or is_merged:
        return "", None
    reached = [name for name in list(InstantName)[:-1] if known.get(name) is not None]
    if not reached:
        return "", None
    last = known.get(reached[-1])
    order = list(InstantName)
    following = next((p.value for p, end in PHASE_ENDS.items() if order.index(end) > order.index(reached[-1])), "")
    return following, None if last is None or not following else max(now - last.at, timedelta())
