"""What updates say to each audience in each phase, where no template of the catalog does."""

from resile.app.message_facts import UpdateFacts
from resile.model.audience import Audience
from resile.model.component import UpdatePhase

_FEW = 3


def drafted_words(facts: UpdateFacts) -> tuple[str, str]:
    """Title and text. Customers read nothing but what users see: no names of ours, no alerts, no causes."""
    phase = UpdatePhase(facts.status)
    if facts.audience == Audience.CUSTOMERS:
        return _for_customers(facts, phase)
    lines = _for_executives(facts, phase) if facts.audience == Audience.EXECUTIVES else _for_responders(facts, phase)
    head = " ".join(filter(None, (facts.incident.severity, facts.incident.title)))
    return f"{phase.capitalize()}: {head}", "\n".join([*lines, *_next(facts)])


def _for_customers(facts: UpdateFacts, phase: UpdatePhase) -> tuple[str, str]:
    what = _joined(facts.components)
    since = facts.incident.since.utc
    if phase is UpdatePhase.INVESTIGATING:
        title = f"Problems with {what}" if what else "We are looking into a problem"
        told = [
            f"Since {since} there are problems with {what or 'our service'}. We are looking into what causes them.",
            "Some of what you do there may be slow, or fail.",
        ]
    elif phase is UpdatePhase.IDENTIFIED:
        title = f"Problems with {what}: cause found" if what else "We found the cause of the problem"
        told = [f"We know what causes the problems with {what or 'our service'} since {since}, and are ending them."]
    elif phase is UpdatePhase.MONITORING:
        title = f"{what}: better, and being watched" if what else "The problem is contained, and being watched"
        told = [
            f"{what or 'Our service'} should work again. We go on watching until we are sure that it stays so.",
        ]
    else:
        title = f"Solved: problems with {what}" if what else "Solved"
        told = [
            f"{what or 'Our service'} works again. The problems began {since} and lasted {facts.lasted}.",
            "We are sorry for the trouble.",
        ]
    return title, "\n".join([*told, *_next(facts)])


def _for_executives(facts: UpdateFacts, phase: UpdatePhase) -> list[str]:
    affected = _joined(facts.components) or "not known yet"
    if phase is UpdatePhase.RESOLVED:
        return [f"Restored after {facts.lasted}.", f"Affected were: {affected}."]
    stands = {
        UpdatePhase.INVESTIGATING: "The cause is not known yet.",
        UpdatePhase.IDENTIFIED: "The cause is known, and being dealt with.",
        UpdatePhase.MONITORING: "Users should no longer be affected; it is being watched.",
    }[phase]
    lines = [f"Since {facts.incident.since.utc}, {facts.lasted} by now.", f"Affected: {affected}.", stands]
    return [*lines, f"{facts.commander} leads."] if facts.commander else lines


def _for_responders(facts: UpdateFacts, phase: UpdatePhase) -> list[str]:
    incident = facts.incident
    is_over = phase is UpdatePhase.RESOLVED
    lines = [f"Restored after {facts.lasted}." if is_over else f"Since {incident.since.utc}, {facts.lasted} by now."]
    if incident.services:
        lines.append(f"Affected: {', '.join(incident.services)}.")
    cause = f"Cause: {facts.cause}" if facts.cause else "" if is_over else "Cause: not known yet."
    leads = f"Commander: {facts.commander}." if facts.commander else "" if is_over else "Nobody is commander yet."
    playbook = "" if is_over or not incident.playbook else f"Playbook: {incident.playbook}"
    return [*lines, *filter(None, (cause, leads, playbook)), f"Incident {incident.id}."]


def _next(facts: UpdateFacts) -> list[str]:
    return [f"The next update follows within {facts.next_within}."] if facts.next_within else []


def _joined(names: tuple[str, ...]) -> str:
    """`Checkout, Cart and Search`; of many the first, and how many more."""
    if len(names) > _FEW:
        return f"{', '.join(names[:_FEW])} and {len(names) - _FEW} more"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
