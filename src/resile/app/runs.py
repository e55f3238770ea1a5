"""Runs of steps: who may have one, and how it begins.

A run is told on its incident's timeline before its process exists, in one transaction with its lease. Of two who want
the same step at the same moment, one appends first; the other reads again, and sees that it runs. How it ends:
run_ends.py.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from msgspec import Struct

from resile.app.crew import Crew, Job, work_of
from resile.app.growing import Growing
from resile.app.paging import SYSTEM
from resile.app.playbooks import Playbooks
from resile.app.run_ends import RunEnds, subject_of
from resile.app.runner_settings import RunnerSettings
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.event import Event, PagingBegan
from resile.model.playbook import Playbook, PlaybookStep
from resile.model.room import Run
from resile.model.room_event import PlaybookOpened, StepAsked, StepBegan, StepEnded, StepOutcome
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore
from resile.response.playbook import (
    Ground,
    Verdict,
    Who,
    by_themselves,
    rollback_offered,
    ruled,
    ruled_of_second,
)

# After a step's own time, nobody can be running it that would still want to know.
_STOP_LASTS = timedelta(hours=2)
MAX_INPUTS_BYTES = 64_000
_TRIES = 40
T = TypeVar("T")


class Known(Struct, frozen=True):
    """A playbook and the number of its version."""

    number: int
    playbook: Playbook


class Begun(Struct, frozen=True):
    """What came of somebody's wish: the run, and whether it waits for a second person."""

    run_id: str
    is_waiting: bool


class Runs:
    """The use cases of steps.

    Attributes:
        crew: the threads that run them.
        handlers: what is asked when timers of theirs are due.
    """

    def __init__(
        self,
        paging: PagingStore,
        timelines: TimelineStore,
        clock: Clock,
        *,
        playbooks: Playbooks,
        settings: RunnerSettings,
        ends: RunEnds,
        crew: Crew,
    ) -> None:
        self._paging = paging
        self._timelines = timelines
        self._clock = clock
        self._ends = ends
        self.handlers = {TimerKind.STEP: ends.lost, TimerKind.STEP_STOP: ends.stop_wishes_over}
        self.playbooks = playbooks
        self.settings = settings
        self.crew = crew

    # What people, and the page that goes out, ask for.

    def run(
        self,
        incident_id: str,
        playbook: str,
        step: str,
        *,
        who: Who,
        number: int | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> Begun:
        """Run a step, or ask for it where a second person has to agree.

        Args:
            number: the version that whoever wants it had before their eyes; None: whichever is open.
            inputs: chosen, where the incident leaves a choice; refused where it does not offer them.

        Raises:
            TransitionError: it may not run now; says why.
            ConflictError: others kept appending first.
        """

        def wish(growing: Growing) -> tuple[Begun, Job | None]:
            known = self._opened(growing, playbook, number, because=f"{_name(who)} chose it")
            return self._wished(growing, known, _step(known.playbook, step), who, inputs=inputs)

        return self._begin(incident_id, wish, by=who.by)

    def roll_back(self, incident_id: str, run_id: str, *, who: Who) -> Begun:
        """Run the step that undoes a run, as the playbook had it when the run began.

        Raises:
            TransitionError: there is nothing to undo, or it may not run now.
        """

        def wish(growing: Growing) -> tuple[Begun, Job | None]:
            run = _run(growing, run_id)
            known = self._version(run.playbook, run.number)
            step = rollback_offered(run, known.playbook, growing.room)
            if step is None:
                raise TransitionError(f"nothing undoes this run of step {run.step}, or it was undone; look again")
            return self._wished(growing, known, step, who, rolls_back=run_id, inputs=run.inputs)

        return self._begin(incident_id, wish, by=who.by)

    def agree(self, incident_id: str, run_id: str, *, who: Who) -> Begun:
        """Say yes to a step that somebody else asked for: it runs as it was asked for.

        Raises:
            TransitionError: the yes does not count, or the step may not run now.
        """

        def wish(growing: Growing) -> tuple[Begun, Job | None]:
            run = _run(growing, run_id)
            known = self._version(run.playbook, run.number)
            step = _step(known.playbook, run.step)
            ground = self._ground(growing, missing={})
            ruling = ruled_of_second(run, step, known.playbook, ground, who, now=growing.now)
            if ruling.verdict is Verdict.REFUSED:
                raise TransitionError(ruling.because)
            agreed = (_plain(run.asked_by or ""), _name(who))
            job = self._told_begun(
                growing,
                known,
                step,
                agreed=agreed,
                run_id=run_id,
                inputs=run.inputs,
                rolls_back=run.rolls_back,
            )
            return Begun(run_id, is_waiting=False), job

        return self._begin(incident_id, wish, by=who.by)

    def refuse(self, incident_id: str, run_id: str, *, who: Who) -> None:
        """Say no to a step that waits for a second person; who asked may take it back so.

        Raises:
            TransitionError: it does not wait any more.
        """

        def no(growing: Growing) -> tuple[Begun, None]:
            run = _run(growing, run_id)
            if not run.is_waiting:
                raise TransitionError(f"step {run.step} no longer waits for anybody; look again")
            said = "took it back" if run.asked_by == who.by else "said no"
            growing.tell(
                StepEnded, run_id=run_id, step=run.step, outcome=StepOutcome.REFUSED, because=f"{_name(who)} {said}"
            )
            return Begun(run_id, is_waiting=False), None

        self._begin(incident_id, no, by=who.by)

    def stop(self, incident_id: str, run_id: str, *, who: Who) -> None:
        """Have a run end, wherever it runs: its program is told to, and killed two seconds later.

        Raises:
            TransitionError: it does not run.
        """
        growing = Growing(incident_id, self._timelines.read(incident_id), now=self._clock.now(), by=who.by)
        run = _run(growing, run_id)
        if not run.is_running:
            raise TransitionError(f"step {run.step} does not run; look again")
        self.crew.stop_run(run_id, because=f"{_name(who)} stopped it")
        due_at = self._clock.now() + _STOP_LASTS
        wanted = Timer(kind=TimerKind.STEP_STOP, subject=subject_of(incident_id, run_id), due_at=due_at)
        self._paging.commit(Changes(timers=(wanted,)))

    def begin_by_itself(self, incident_id: str) -> int:
        """Run the steps that only look of the playbook that is open, once somebody is paged; how many began.

        Raises:
            ConflictError: others kept appending first, or as many steps run as may: later.
        """
        n_begun = 0
        while self._begin(incident_id, self._next_by_itself, by=SYSTEM) is not None:
            n_begun += 1
        return n_begun

    def _next_by_itself(self, growing: Growing) -> tuple[Begun | None, Job | None]:
        opened = next(iter(growing.room.playbooks), None)
        if opened is None or not any(map(begins_paging, growing.events)):
            return None, None
        known = self._version(opened.playbook, opened.number)
        given = self.playbooks.inputs(known.playbook, growing.incident)
        ground = self._ground(growing, missing={name: one.because for name, one in given.missing.items()})
        steps = by_themselves(known.playbook, ground)
        if not steps:
            return None, None
        inputs = {name: value.decode() for name, value in given.values.items()}
        job = self._told_begun(growing, known, steps[0], agreed=(), inputs=inputs)
        return Begun(job.run_id, is_waiting=False), job

    # Deciding.

    def _wished(
        self,
        growing: Growing,
        known: Known,
        step: PlaybookStep,
        who: Who,
        *,
        inputs: Mapping[str, str] | None,
        rolls_back: str | None = None,
    ) -> tuple[Begun, Job | None]:
        given = self.playbooks.inputs(known.playbook, growing.incident, chosen=inputs)
        values = {name: value.decode() for name, value in given.values.items()}
        missing = {name: one.because for name, one in given.missing.items()}
        if rolls_back is not None:
            # What is undone was given these, whatever the incident says by now.
            values, missing = {**values, **(inputs or {})}, {}
        _check_chosen(known.playbook, values, inputs or {})
        ground = self._ground(growing, missing=missing)
        ruling = ruled(step, known.playbook, ground, who)
        if ruling.verdict is Verdict.REFUSED:
            raise TransitionError(ruling.because)
        if sum(len(value.encode()) for value in values.values()) > MAX_INPUTS_BYTES:
            raise TransitionError(f"the inputs of step {step.name} are longer than {MAX_INPUTS_BYTES:,} bytes together")
        if ruling.verdict is Verdict.WAITS:
            run_id = _new_id()
            growing.tell(
                StepAsked,
                run_id=run_id,
                playbook=known.playbook.name,
                number=known.number,
                step=step.name,
                risk=step.risk,
                inputs=values,
                rolls_back=rolls_back,
            )
            return Begun(run_id, is_waiting=True), None
        job = self._told_begun(growing, known, step, agreed=(_name(who),), inputs=values, rolls_back=rolls_back)
        return Begun(job.run_id, is_waiting=False), job

    def _told_begun(
        self,
        growing: Growing,
        known: Known,
        step: PlaybookStep,
        *,
        agreed: tuple[str, ...],
        inputs: Mapping[str, str],
        run_id: str | None = None,
        rolls_back: str | None = None,
    ) -> Job:
        run_id = run_id or _new_id()
        growing.tell(
            StepBegan,
            run_id=run_id,
            playbook=known.playbook.name,
            number=known.number,
            step=step.name,
            runner=step.runner.value,
            risk=step.risk,
            agreed=agreed,
            rolls_back=rolls_back,
            inputs=dict(inputs),
        )
        return Job(growing.incident_id, run_id, step.runner, work_of(step, inputs, self.settings.told_secrets))

    def _ground(self, growing: Growing, *, missing: Mapping[str, str]) -> Ground:
        return Ground(
            incident=growing.incident,
            room=growing.room,
            allowed=self.settings.allowed,
            secrets=frozenset(self.settings.secrets),
            missing=missing,
        )

    def _opened(self, growing: Growing, playbook: str, number: int | None, *, because: str) -> Known:
        """The version that is open for the incident; opens the newest where none is."""
        for opened in growing.room.playbooks:
            if opened.playbook == playbook:
                known = self._version(playbook, opened.number)
                break
        else:
            known = self._newest(playbook)
            if growing.incident.exists:
                growing.tell(PlaybookOpened, playbook=playbook, number=known.number, because=because)
        if number is not None and number != known.number:
            raise TransitionError(
                f"playbook {playbook} is open at version {known.number}, not {number}; look again before you run it"
            )
        return known

    def _newest(self, playbook: str) -> Known:
        known = self.playbooks.all().get(playbook)
        if known is None:
            raise TransitionError(f"there is no playbook {playbook[:64]!r}; resile playbook list shows them")
        return Known(known.number, known.playbook)

    def _version(self, playbook: str, number: int) -> Known:
        try:
            found = self.playbooks.as_of(playbook, number)
        except ConfigError:
            found = None
        if found is None:
            raise TransitionError(f"version {number} of playbook {playbook} cannot be read any more; open a newer one")
        return Known(number, found)

    # Writing.

    def _begin(self, incident_id: str, decide: Callable[[Growing], tuple[T, Job | None]], *, by: str) -> T:
        """Decide and write, again where somebody was quicker; what was written to have begun, begins."""
        for _ in range(_TRIES):
            growing = Growing(incident_id, self._timelines.read(incident_id), now=self._clock.now(), by=by)
            said, job = decide(growing)
            if job is not None and not self.crew.reserve():
                raise ConflictError(f"{self.settings.at_once} steps run already; try again when one has ended")
            is_begun = False
            try:
                timers = () if job is None else (self._ends.lease(job),)
                changes = Changes(appends=growing.appends(), timers=timers)
                if not changes.is_empty:
                    self._paging.commit(changes)
                is_begun = True
            except ConflictError:
                continue
            finally:
                # Where it is not known whether it was written, it does not run: its lease runs out, if there is one.
                if job is not None and not is_begun:
                    self.crew.give_back()
            if job is not None:
                self.crew.start(job, self._ends)
            return said
        raise ConflictError(f"incident {incident_id}: others keep appending; try again in a moment")


def _check_chosen(playbook: Playbook, values: Mapping[str, str], chosen: Mapping[str, str]) -> None:
    """Refuse what would run with something else than whoever wants it said."""
    for name, value in chosen.items():
        if values.get(name) != value:
            is_known = name in playbook.inputs
            why = "it does not say so; choose one that it offers" if is_known else "the playbook has no such input"
            raise TransitionError(f"input {name[:64]!r} cannot be {value[:80]!r} for this incident: {why}")


def _step(playbook: Playbook, name: str) -> PlaybookStep:
    found = playbook.step(name)
    if found is None:
        known = ", ".join(step.name for step in playbook.steps) or "none"
        raise TransitionError(f"playbook {playbook.name} has no step {name[:64]!r}; it has {known}")
    return found


def _run(growing: Growing, run_id: str) -> Run:
    found = growing.room.runs.get(run_id)
    if found is None:
        raise TransitionError(f"incident {growing.incident_id[:80]} has no run {run_id[:40]!r}; look again")
    return found


def begins_paging(event: Event) -> bool:
    """Whether with it people begin to be paged; for what nobody is paged for, nothing runs by itself."""
    return isinstance(event, PagingBegan) and event.policy is not None


def _new_id() -> str:
    return secrets.token_hex(8)


def _name(who: Who) -> str:
    return who.account or _plain(who.by)


def _plain(by: str) -> str:
    return by.partition(":")[2] or by
