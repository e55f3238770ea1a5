"""Drafts of updates: what they say before somebody changed it, and what somebody may make of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from resile.app.growing import Growing
from resile.app.message_facts import UpdateFacts, draft_facts
from resile.app.message_words import Words
from resile.app.printable import printable, printable_lines
from resile.app.update_rules import UpdateRule
from resile.model.audience import Audience, audience_of
from resile.model.component import UpdatePhase, component_state, state_in, update_phase
from resile.model.errors import TransitionError
from resile.model.event import Source
from resile.model.incident import Incident, value_of
from resile.model.phases import instants
from resile.model.room import KnownDraft
from resile.model.room_event import Role, UpdateDrafted
from resile.model.severity import Severity
from resile.model.time import MINUTE, WEEK

MAX_TITLE, MAX_TEXT, MAX_COMPONENTS, MAX_DRAFTS = 200, 10_000, 50, 500

# Of some services, the components that the status page shows of them: by name their title.
Components = Callable[[Sequence[str]], Mapping[str, str]]


class Wording(Struct, frozen=True, kw_only=True):
    """What somebody wants an update to say; what is UNSET comes from what is known.

    Attributes:
        components: by name, the state that the status page is to show.
        next_within: when the next one is promised; None: none is.
    """

    title: UnsetType | str = UNSET
    text: UnsetType | str = UNSET
    components: UnsetType | Mapping[str, str] = UNSET
    next_within: UnsetType | timedelta | None = UNSET


class Prepared(Struct, frozen=True, kw_only=True):
    """A draft that nobody saved yet.

    Attributes:
        template: of the catalog, that worded it; None: we did.
        fault: why the template that would fit was not used; None: nothing is wrong.
        needs: how many who did not write it have to agree.
        corrects, reason: of the words for one that was published already, as in `Updated`.
    """

    audience: Audience
    phase: UpdatePhase
    title: str
    text: str
    components: dict[str, str]
    next_within: timedelta | None
    needs: int
    template: str | None = None
    fault: str | None = None
    corrects: str | None = None
    reason: str = ""


class Drafting:
    """Words drafts.

    Args:
        rules: how an audience is told of an incident of a severity.
        words: an update's words, by the catalog's templates; the facts and the present instant.
    """

    def __init__(
        self,
        *,
        rules: Callable[[Audience, Severity | None], UpdateRule],
        words: Callable[[UpdateFacts, datetime], Words],
        components: Components,
    ) -> None:
        self._rules = rules
        self._words = words
        self._components = components

    def rule(self, incident: Incident, audience: Audience) -> UpdateRule:
        """How an audience is told of an incident."""
        return self._rules(audience, value_of(incident.severity, None))

    def prepared(self, growing: Growing, audience: Audience, phase: str | None) -> Prepared:
        """What is drafted of an incident as it stands."""
        incident, rule = growing.incident, self.rule(growing.incident, audience)
        stands = phase_of(incident) if phase is None else update_phase(phase)
        services: tuple[str, ...] = value_of(incident.services, ())
        components = self._components(services)
        next_within = None if stands is UpdatePhase.RESOLVED else rule.every
        commander = growing.room.holder(Role.COMMANDER)
        facts = draft_facts(
            incident,
            audience=audience,
            status=stands.value,
            now=growing.now,
            components=list(components.values()),
            next_within_s=None if next_within is None else int(next_within.total_seconds()),
            commander="" if commander is None else commander.person,
        )
        words = self._words(facts, growing.now)
        state = state_in(stands, value_of(incident.severity, None))
        return Prepared(
            audience=audience,
            phase=stands,
            title=words.title,
            text=words.text,
            # Of what others read nothing is shown on the status page.
            components=dict.fromkeys(components, state.value) if audience is Audience.CUSTOMERS else {},
            next_within=next_within,
            needs=rule.agree,
            template=words.template,
            fault=words.fault,
        )

    def again(self, incident: Incident, old: UpdateDrafted) -> Prepared:
        """A draft as it was, to be changed."""
        audience = audience_of(old.audience)
        return Prepared(
            audience=audience,
            phase=update_phase(old.status),
            title=old.title,
            text=old.text,
            components=dict(old.components),
            next_within=None if old.next_within_s is None else timedelta(seconds=old.next_within_s),
            needs=max(old.needs, self.rule(incident, audience).agree),
            template=old.template,
            corrects=old.corrects,
            reason=old.reason,
        )

    def correcting(self, incident: Incident, known: KnownDraft, reason: str) -> Prepared:
        """What an update that was published says now, to be corrected."""
        last = known.versions[-1]
        words = {"title": last.title, "text": last.text, "components": last.components, "next_within_s": None}
        needs = self.rule(incident, audience_of(known.draft.audience)).agree
        return self.again(incident, replace(known.draft, **words, needs=needs, corrects=last.id, reason=reason))


def add_draft(growing: Growing, prepared: Prepared, said: Wording) -> None:
    """Save a draft, with what somebody wants it to say.

    Raises:
        ConfigError: there is no such state of a component.
        TransitionError: it says nothing, too much, or there are too many drafts.
    """
    if len(growing.room.drafts) >= MAX_DRAFTS:
        raise TransitionError(f"incident {growing.incident_id} has {MAX_DRAFTS} drafts already; publish one of them")
    subject = f"incident {growing.incident_id}: the update's"
    # A correction says nothing new, and promises nothing.
    is_new = prepared.corrects is None
    next_within = prepared.next_within if said.next_within is UNSET or not is_new else said.next_within
    title = prepared.title if said.title is UNSET else said.title
    text = prepared.text if said.text is UNSET else said.text
    told = prepared.components if said.components is UNSET else said.components
    if len(told) > MAX_COMPONENTS:
        raise TransitionError(f"{subject} components are more than {MAX_COMPONENTS}; name fewer")
    growing.tell(
        UpdateDrafted,
        source=Source.HUMAN,
        audience=prepared.audience.value,
        status=prepared.phase.value,
        title=_checked(" ".join(printable(title).split()), f"{subject} title", MAX_TITLE),
        text=_checked(printable_lines(text).strip(), f"{subject} text", MAX_TEXT),
        components={printable(name)[:MAX_TITLE]: component_state(state).value for name, state in told.items()},
        next_within_s=None if next_within is None else _seconds(next_within, subject),
        template=prepared.template,
        needs=prepared.needs,
        corrects=prepared.corrects,
        reason=prepared.reason,
    )


def phase_of(incident: Incident) -> UpdatePhase:
    """How far an incident has come, as far as it is known."""
    known = instants(incident)
    if known.restored is not None:
        return UpdatePhase.RESOLVED
    if known.mitigated is not None:
        return UpdatePhase.MONITORING
    return UpdatePhase.INVESTIGATING if known.identified is None else UpdatePhase.IDENTIFIED


def _checked(words: str, subject: str, most: int) -> str:
    if not words:
        raise TransitionError(f"{subject} is empty; write a word")
    if len(words) > most:
        raise TransitionError(f"{subject} has {len(words):,} characters; write at most {most:,}")
    return words


def _seconds(next_within: timedelta, subject: str) -> int:
    if not MINUTE <= next_within <= WEEK:
        raise TransitionError(f"{subject} next one is promised within a minute to a week; give a time between them")
    return int(next_within.total_seconds())
