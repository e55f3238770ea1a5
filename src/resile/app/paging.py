"""Paging: who is called for an incident until somebody answers. What it decides and what it tells are one commit."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from msgspec.structs import replace

from resile.app.alert_incidents import OpenPlaybook, opens_none
from resile.app.already import already, pushed_already
from resile.app.calling_in import answering_policy, chosen_policy, tell_called
from resile.app.directory import Directory
from resile.app.endings import ending_looked_at
from resile.app.growing import Growing
from resile.app.message_words import PageWords
from resile.app.reopening import looked_at_again, opens_again
from resile.app.standing import OpenIncident, PagedNow, paged_now
from resile.app.stopping import called_off, take
from resile.model.errors import ConfigError, ConflictError
from resile.model.escalation import Escalation, EscalationState
from resile.model.event import PagingBegan, PagingEnded, Source
from resile.model.incident import InstantName, value_of
from resile.model.lifecycle import Declare, Reach
from resile.model.message import Message, MessageClass
from resile.model.policy import Called, Policy, Step, Target
from resile.model.severity import Severity
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.escalate import NewPage, advance, begun, held, joined, pushed, stand_of, widened

# What resile does by itself, it does under this name.
SYSTEM = "resile"
# The policy of a drill's incidents; no document can have its name.
RING_DRILL = "ring drill"
# So often is decided anew where others wrote first. Alerts that come to one incident at several nodes keep its timeline
# growing without pause; who answers in the middle of that must not be sent away.
TRIES = 40
_log = structlog.get_logger()


class Paging:
    """The use cases of paging.

    Args:
        look: the directory as of an instant.
        words: what a page says.
        opening: gives what opens the playbook of an incident for which paging begins, where none is open.
    """

    def __init__(
        self,
        store: PagingStore,
        timelines: TimelineStore,
        clock: Clock,
        *,
        look: Callable[[datetime], Directory],
        words: PageWords,
        opening: Callable[[], OpenPlaybook] = lambda: opens_none,
    ) -> None:
        self._store = store
        self._timelines = timelines
        self._clock = clock
        self._look = look
        self._words = words
        self._opening = opening

    # What others decide together with an incident: parts of one commit. Nothing here is written.

    def begin(
        self, growing: Growing, known: Escalation | None, *, policy: str | None, because: str, pages: bool = True
    ) -> Changes:
        """Begin to page for an incident, or anew; tells of it on `growing`, whose append is the caller's.

        Args:
            policy: by name; None: nobody answers for it, which is told.
            pages: False: somebody wants that nobody is paged.
        """
        directory = self._look(growing.now)
        found = None if policy is None else directory.policies.get(policy)
        if pages and found is not None:
            return self.begin_by(growing, known, found, because=because, directory=directory)
        if not pages:
            why = because
        elif policy is None:
            why = "no policy answers for it: give the service, its team or the route one, or make the policy `default`"
        else:
            why = f"policy {policy} is not in the catalog any more"
        growing.tell(PagingBegan, policy=None, because=why)
        return Changes()

    def begin_by(
        self,
        growing: Growing,
        known: Escalation | None,
        policy: Policy,
        *,
        because: str,
        directory: Directory | None = None,
    ) -> Changes:
        """As `begin`, by a policy that need not stand in the catalog."""
        if policy.name != RING_DRILL:
            self._opening()(growing)
        growing.tell(PagingBegan, policy=policy.name, because=because)
        started = begun(growing.incident_id, policy, known, now=growing.now)
        return self._advanced(growing, started, (), directory or self._look(growing.now), is_new=True)

    def acknowledged(
        self, growing: Growing, known: Escalation | None, messages: Sequence[Message], *, who: str
    ) -> Changes:
        """Somebody took it, here or in another system: told unless it was, and nobody is paged any more."""
        if stand_of(growing.incident, growing.events).state is EscalationState.RUNNING:
            take(growing, who, Source.REPORTED if growing.by.startswith("door:") else Source.HUMAN)
        return self.following(growing, known, messages)

    def ended(
        self, growing: Growing, known: Escalation | None, messages: Sequence[Message], *, because: str
    ) -> Changes:
        """It is over, as `growing` tells already: nobody is paged any more."""
        return self.following(growing, known, messages, because=because)

    def following(
        self, growing: Growing, known: Escalation | None, messages: Sequence[Message], *, because: str = ""
    ) -> Changes:
        """What follows for paging, and how it ends, from whatever was told on `growing`, by whom ever."""
        followed = Changes() if known is None else self._followed(growing, known, messages, because)
        return followed + ending_looked_at(growing)

    def _followed(self, growing: Growing, known: Escalation, messages: Sequence[Message], because: str) -> Changes:
        stand = stand_of(growing.incident, growing.events)
        if known.state is EscalationState.ENDED:
            why = None if stand.state is EscalationState.ENDED else opens_again(growing, known)
            return Changes() if why is None else self.begin_by(growing, known, known.policy, because=why)
        if stand.state is EscalationState.ACKNOWLEDGED and known.policy.name == RING_DRILL:
            # Whoever answered a drill has done all that is asked of them.
            growing.carry_out(Reach(InstantName.RESTORED), source=Source.MEASURED)
            growing.carry_out(Reach(InstantName.CLOSED), source=Source.MEASURED)
            stand, because = stand_of(growing.incident, growing.events), because or stand.because
        if stand.state is EscalationState.RUNNING:
            if known.state is EscalationState.ACKNOWLEDGED:
                return self.begin_by(growing, known, known.policy, because="the acknowledgement was taken back")
            return looked_at_again(growing, known)
        if known.state is stand.state:
            return Changes()
        growing.tell(PagingEnded, because=because or stand.because)
        cancelled = called_off(growing, messages)
        return Changes(
            escalations=(replace(held(known, stand), version=known.version + 1),),
            messages=cancelled,
            timers=(Timer(kind=TimerKind.ESCALATION, subject=known.incident_id, due_at=None),),
        )

    def _advanced(
        self,
        growing: Growing,
        escalation: Escalation,
        messages: Sequence[Message],
        directory: Directory,
        *,
        is_new: bool,
    ) -> Changes:
        """What is due now; an escalation that is new carries its version already."""
        severity = value_of(growing.incident.severity, None)

        def call(step: Step) -> Called:
            return directory.call(step, severity)

        stood = escalation
        escalation = widened(escalation, severity, call, now=growing.now)
        advanced = advance(escalation, {one.id: one for one in messages}, call, now=growing.now)
        for kind, fields in advanced.told:
            growing.tell(kind, **fields)
        after, writes = advanced.escalation, is_new or advanced.escalation != stood
        if writes and not is_new:
            after = replace(after, version=escalation.version + 1)
        pages = tuple(self._message(growing, page) for page in advanced.pages)
        timer = Timer(kind=TimerKind.ESCALATION, subject=growing.incident_id, due_at=advanced.due_at)
        return Changes(escalations=(after,) if writes else (), messages=pages, timers=(timer,))

    def _message(self, growing: Growing, page: NewPage) -> Message:
        title, text = self._words(growing.incident, growing.events, page, now=growing.now)
        return Message(
            id=page.id,
            message_class=MessageClass.PAGE,
            channel=page.way.contact.channel,
            address=page.way.contact.address,
            title=title,
            text=text,
            queued_at=growing.now,
            due_at=growing.now,
            incident_id=growing.incident_id,
            person=page.person,
            contact=page.way.contact.name,
            severity=value_of(growing.incident.severity, None),
            is_first=page.is_first,
            can_answer=True,
        )

    def called(self, targets: Sequence[Target], *, now: datetime) -> Called:
        """Whom targets come to, each once, whatever the severity."""
        return self._look(now).call(Step(page=tuple(targets)), None)

    # What the clock asks for.

    def due(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """What is due for escalations; sets or takes away each of these timers."""
        ids = [timer.subject for timer in timers]
        known = self._store.escalations(ids)
        timelines = self._timelines.read_many(ids)
        sent: dict[str, list[Message]] = {}
        for message in self._store.messages_of(ids):
            sent.setdefault(message.incident_id or "", []).append(message)
        directory = self._look(now)
        changes = Changes()
        for incident_id in ids:
            growing = Growing(incident_id, timelines.get(incident_id, []), now=now, by=SYSTEM)
            changes += self._due(growing, known.get(incident_id), sent.get(incident_id, []), directory)
        return changes

    def _due(
        self, growing: Growing, known: Escalation | None, sent: Sequence[Message], directory: Directory
    ) -> Changes:
        nothing = Changes(timers=(Timer(kind=TimerKind.ESCALATION, subject=growing.incident_id, due_at=None),))
        if known is None or known.state is not EscalationState.RUNNING:
            return nothing
        # The timeline says what holds; somebody may have told it past paging.
        stopped = self.following(growing, known, sent)
        if not stopped.escalations:
            stopped = self._advanced(growing, known, sent, directory, is_new=False)
        return stopped + Changes(appends=growing.appends())

    # What people ask for.

    def acknowledge(self, incident_id: str, *, who: str, by: str, message_id: str | None = None) -> str:
        """Take an incident: nobody else is paged for it. One sentence for whoever took it.

        Args:
            message_id: of the page that was answered.

        Raises:
            ConfigError: there is no such incident.
            ConflictError: others kept writing first.
        """
        del message_id  # Told by the page's own state; who answered is what counts.

        def taken(growing: Growing, known: Escalation | None, messages: Sequence[Message]) -> tuple[str, Changes]:
            stand = stand_of(growing.incident, growing.events)
            if said := already(incident_id, stand, who=who):
                is_over = stand.state is EscalationState.ENDED
                return said, Changes() if is_over else self.following(growing, known, messages)
            take(growing, who, Source.MEASURED)
            return f"You took {incident_id}. Nobody else is paged for it.", self.following(growing, known, messages)

        return self._decided(incident_id, taken, by=by)

    def escalate(self, incident_id: str, *, who: str, by: str, message_id: str | None = None) -> str:
        """Have the next step begin now, whoever has taken it. One sentence for whoever asked.

        Args:
            message_id: of the page that was answered: a button is pressed twice, and a step that was begun so by the
                same person a moment ago is not followed by another.

        Raises:
            ConfigError: there is no such incident, or nobody whom it could page.
            ConflictError: others kept writing first.
        """

        def push(growing: Growing, known: Escalation | None, messages: Sequence[Message]) -> tuple[str, Changes]:
            stand = stand_of(growing.incident, growing.events)
            if stand.state is EscalationState.ENDED:
                return f"{incident_id} is over already: {stand.because}.", Changes()
            because = f"escalated by {who}"
            if message_id is not None and (said := pushed_already(growing, known, stand, because)):
                return f"{incident_id}: {who} {said}", Changes()
            directory = self._look(growing.now)
            if known is None:
                changes = self._begun_anew(growing, directory, because=because)
            else:
                growing.tell(PagingBegan, policy=known.policy.name, because=because)
                on = replace(pushed(known, now=growing.now), version=known.version + 1)
                changes = self._advanced(growing, on, messages, directory, is_new=True)
            called = sorted({one.person or "" for one in changes.messages if one.version == 1})
            return f"{incident_id}: now paging {', '.join(called) or 'nobody'}.", changes

        return self._decided(incident_id, push, by=by)

    def _begun_anew(self, growing: Growing, directory: Directory, *, because: str) -> Changes:
        policy = answering_policy(directory, growing.incident)
        return self.begin_by(growing, None, policy, because=because, directory=directory)

    def page(
        self,
        text: str,
        *,
        who: str,
        by: str,
        policy: str | None = None,
        targets: Sequence[Target] = (),
        severity: Severity | None = None,
        services: Sequence[str] = (),
    ) -> str:
        """Declare an incident and page for it; gives the incident's id.

        Args:
            policy: by name; None: `targets`, else as the services say.
            targets: whom to page, all at once, whatever policies say.

        Raises:
            ConfigError: nobody would be paged.
        """
        now = self._clock.now()
        directory = self._look(now)
        chosen = chosen_policy(directory, policy, targets, services)
        incident_id = f"INC-{self._timelines.next_number()}"
        growing = Growing(incident_id, [], now=now, by=by)
        growing.carry_out(Declare(title=text, severity=severity, services=tuple(services)))
        changes = self.begin_by(growing, None, chosen, because=f"{who} asked for it", directory=directory)
        self._store.commit(changes + Changes(appends=growing.appends()))
        return incident_id

    def page_also(self, incident_id: str, targets: Sequence[Target], *, who: str, by: str) -> str:
        """Page somebody else for an incident, from now on in place of what its policy says.

        Raises:
            ConfigError: there is no such incident, or nobody would be paged.
        """

        def call(growing: Growing, known: Escalation | None, messages: Sequence[Message]) -> tuple[str, Changes]:
            directory = self._look(growing.now)
            policy = chosen_policy(directory, None, targets, ())
            stand = stand_of(growing.incident, growing.events)
            if stand.state is EscalationState.ENDED:
                return f"{incident_id} is over already: {stand.because}; reopen it first.", Changes()
            stopped = Changes()
            if known is not None:
                stopped = Changes(messages=called_off(growing, messages))
            began = self.begin_by(growing, known, policy, because=f"{who} asked for it", directory=directory)
            return f"{incident_id}: now paging {policy.name}.", stopped + began

        return self._decided(incident_id, call, by=by)

    def call_in(self, incident_id: str, targets: Sequence[Target], *, who: str, by: str, because: str = "") -> str:
        """Have further people paged for an incident, beside whoever is being paged. One sentence for whoever asked.

        Raises:
            ConfigError: there is no such incident, it is over, or nobody would be paged.
        """

        def call(growing: Growing, known: Escalation | None, messages: Sequence[Message]) -> tuple[str, Changes]:
            directory = self._look(growing.now)
            policy = chosen_policy(directory, None, targets, ())
            stand = stand_of(growing.incident, growing.events)
            if stand.state is EscalationState.ENDED:
                raise ConfigError(f"{incident_id} is over already: {stand.because}; reopen it first")
            called = tell_called(growing, directory, targets, because=because)
            said = f"{incident_id}: called in {', '.join(one.person for one in called.callees)}."
            if known is None or {known.state, stand.state} != {EscalationState.RUNNING}:
                why = f"called in by {who}"
                return said, self.begin_by(growing, known, policy, because=why, directory=directory)
            on = replace(joined(known, called, now=growing.now), version=known.version + 1)
            return said, self._advanced(growing, on, messages, directory, is_new=True)

        return self._decided(incident_id, call, by=by)

    def standing(self) -> list[OpenIncident]:
        """The open incidents for which somebody is, was, or should have been paged: the most urgent first."""
        return self.standing_now().shown

    def standing_now(self) -> PagedNow:
        """The same, with how many there are in all."""
        return paged_now(self._store, self._timelines, now=self._clock.now())

    def _decided(
        self,
        incident_id: str,
        decide: Callable[[Growing, Escalation | None, Sequence[Message]], tuple[str, Changes]],
        *,
        by: str,
    ) -> str:
        """Decide and write, again where somebody was quicker."""
        for _ in range(TRIES):
            growing = Growing(incident_id, self._timelines.read(incident_id), now=self._clock.now(), by=by)
            if not growing.incident.exists:
                raise ConfigError(f"incident {incident_id[:80]} is not known; check its id")
            known = self._store.escalations([incident_id]).get(incident_id)
            said, changes = decide(growing, known, self._store.messages_of([incident_id]))
            changes += Changes(appends=growing.appends())
            try:
                if not changes.is_empty:
                    self._store.commit(changes)
            except ConflictError:
                continue
            return said
        raise ConflictError(f"incident {incident_id}: others keep writing; try again in a moment")
