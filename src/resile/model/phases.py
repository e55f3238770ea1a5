"""Which instant holds and what was told with it, which phases lie between, and where instants contradict each other."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

from resile.model.event import Source
from resile.model.incident import Claim, Incident, InstantName

UNDONE_BY_REOPENING = frozenset({"mitigated", "restored", "closed"})
# Telemetry before a person's memory, a person's word before another system's, a conclusion last.
_TRUST = {Source.MEASURED: 0, Source.HUMAN: 1, Source.REPORTED: 2, Source.INFERRED: 3}


class Instant(Struct, frozen=True, gc=False):
    """When something happened, how that is known, and the event that says so."""

    at: datetime
    source: Source
    event_id: str


class Instants(Struct, frozen=True, kw_only=True, gc=False):
    """The instants that hold; None where nobody knows."""

    impact_began: Instant | None = None
    detected: Instant | None = None
    acknowledged: Instant | None = None
    identified: Instant | None = None
    mitigated: Instant | None = None
    restored: Instant | None = None
    closed: Instant | None = None
    n_reopened: int = 0

    def get(self, name: InstantName) -> Instant | None:
        """The instant of that name."""
        found: Instant | None = getattr(self, name.value)
        return found


_CHAIN = tuple(InstantName)[:-1]


class PhaseName(StrEnum):
    """The phases from impact to restoration, in order."""

    DETECT = "detect"
    ACKNOWLEDGE = "acknowledge"
    IDENTIFY = "identify"
    MITIGATE = "mitigate"
    VERIFY = "verify"


PHASE_ENDS: dict[PhaseName, InstantName] = {
    PhaseName.DETECT: InstantName.DETECTED,
    PhaseName.ACKNOWLEDGE: InstantName.ACKNOWLEDGED,
    PhaseName.IDENTIFY: InstantName.IDENTIFIED,
    PhaseName.MITIGATE: InstantName.MITIGATED,
    PhaseName.VERIFY: InstantName.RESTORED,
}


class Phase(Struct, frozen=True):
    """A stretch between two known instants. More than one name: the instants between them are not known.

    Attributes:
        names: the phases that it joins, in order.
        lasted: never negative.
    """

    names: tuple[PhaseName, ...]
    began: Instant
    ended: Instant
    lasted: timedelta


class Contradiction(Struct, frozen=True):
    """Two instants in the wrong order."""

    earlier: InstantName
    later: InstantName
    earlier_at: datetime
    later_at: datetime

    def __str__(self) -> str:
        return f"{self.later} {self.later_at.isoformat()} is before {self.earlier} {self.earlier_at.isoformat()}"


def instants(incident: Incident) -> Instants:
    """Choose, for each instant, the claim that holds.

    Corrections first; then the most trusted source (measured, human, reported, inferred); then the first claim, but
    for mitigated, restored and closed the last. What was claimed of those three no later than the last reopening did
    not hold.
    """
    claims = incident.claims
    if incident.corrections:
        claims = {kind: _corrected(incident, kind) for kind in claims}
    reopened = claims.get("reopened", ())
    since = max((claim.at for claim in reopened), default=None)
    # Only the kinds that were claimed: most incidents know two or three of seven.
    known = {kind: _chosen(kind, some, since) for kind, some in claims.items() if kind != "reopened"}
    return Instants(**known, n_reopened=len(reopened))


def _corrected(incident: Incident, kind: str) -> tuple[Claim, ...]:
    after = []
    for claim in incident.claims[kind]:
        correction = incident.corrections.get(claim.event_id)
        if correction is None:
            after.append(claim)
        elif correction.to is not None:
            told = (correction.stamp[0], correction.source, correction.by, claim.text)
            after.append(Claim(correction.to, claim.event_id, *told))
    return tuple(sorted(after, key=lambda claim: (claim.at, claim.event_id)))


def _chosen(kind: str, claims: tuple[Claim, ...], since: datetime | None) -> Instant | None:
    if kind in UNDONE_BY_REOPENING:
        claims = claims[::-1] if since is None else tuple(claim for claim in claims[::-1] if claim.at > since)
    if not claims:
        return None
    chosen = claims[0] if len(claims) == 1 else min(claims, key=lambda claim: _TRUST[claim.source])
    return Instant(chosen.at, chosen.source, chosen.event_id)


def last_reopening(incident: Incident) -> Claim | None:
    """The latest reopening that stands after corrections; None where there is none."""
    claims = _corrected(incident, "reopened") if "reopened" in incident.claims else ()
    return claims[-1] if claims else None


def responder_of(incident: Incident) -> str | None:
    """Who acknowledged last, of those whose acknowledgement stands after corrections; None where nobody was named."""
    return _last_told(incident, InstantName.ACKNOWLEDGED)


def taker_of(incident: Incident) -> str | None:
    """Who has it now: as `responder_of`, but whoever took it before the last reopening has it no more."""
    told = _told_anew(incident, InstantName.ACKNOWLEDGED)
    return next((claim.text for claim in reversed(told) if claim.text), None)


def cause_of(incident: Incident) -> str | None:
    """The cause identified last, of those that stand after corrections; None where none was told."""
    return _last_told(incident, InstantName.IDENTIFIED)


def _last_told(incident: Incident, name: InstantName) -> str | None:
    claims = _corrected(incident, name.value) if name.value in incident.claims else ()
    return next((claim.text for claim in reversed(claims) if claim.text), None)


def contradictions(known: Instants) -> tuple[Contradiction, ...]:
    """Every pair of neighbouring known instants, from impact to restoration, that is in the wrong order."""
    if is_in_order(known):
        return ()
    chain = [(name, at) for name in _CHAIN if (at := known.get(name)) is not None]
    return tuple(
        Contradiction(earlier, later, first.at, second.at)
        for (earlier, first), (later, second) in pairwise(chain)
        if second.at < first.at
    )


def is_in_order(known: Instants) -> bool:
    """Whether no two neighbouring known instants, from impact to restoration, contradict each other."""
    before: datetime | None = None
    for instant in (
        known.impact_began,
        known.detected,
        known.acknowledged,
        known.identified,
        known.mitigated,
        known.restored,
    ):
        if instant is not None:
            if before is not None and instant.at < before:
                return False
            before = instant.at
    return True


def phases(known: Instants) -> tuple[Phase, ...]:
    """Part the stretch from the first known instant to the last into phases; none where the instants contradict.

    They partition it: each ends where the next begins. A phase whose end is not known joins the one after it.
    """
    return tuple(_phases(known)) if is_in_order(known) else ()


def _phases(known: Instants) -> Iterable[Phase]:
    began = known.impact_began
    names: list[PhaseName] = []
    for phase, end_name in PHASE_ENDS.items():
        ended = known.get(end_name)
        if began is None:
            began = ended
            continue
        names.append(phase)
        if ended is not None:
            yield Phase(tuple(names), began, ended, ended.at - began.at)
            began, names = ended, []


class Status(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    IDENTIFIED = "identified"
    MITIGATED = "mitigated"
    RESTORED = "restored"
    CLOSED = "closed"


def status_of(incident: Incident, known: Instants) -> Status:
    """The furthest instant that is known; reopened, it is open until somebody takes it anew.

    That it was acknowledged first before it was reopened stays known, and measured.
    """
    if known.closed is not None:
        return Status.CLOSED
    if known.restored is not None:
        return Status.RESTORED
    if known.mitigated is not None:
        return Status.MITIGATED
    if known.n_reopened and not _is_taken_anew(incident):
        return Status.OPEN
    if known.identified is not None:
        return Status.IDENTIFIED
    return Status.OPEN if known.acknowledged is None else Status.ACKNOWLEDGED


def _is_taken_anew(incident: Incident) -> bool:
    return any(_told_anew(incident, name) for name in (InstantName.ACKNOWLEDGED, InstantName.IDENTIFIED))


def _told_anew(incident: Incident, name: InstantName) -> tuple[Claim, ...]:
    """What stands of an instant after corrections, and was not told of before the last reopening."""
    claims = _corrected(incident, name.value) if name.value in incident.claims else ()
    reopened = last_reopening(incident)
    if reopened is None:
        return claims
    return tuple(claim for claim in claims if (claim.at, claim.event_id) > (reopened.at, reopened.event_id))
