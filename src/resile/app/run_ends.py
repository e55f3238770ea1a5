"""How runs of steps end: once, with what they wrote, or as unknown where nobody renews their lease any more."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from resile.app.crew import Job
from resile.app.growing import Growing
from resile.app.paging import SYSTEM, Paging
from resile.app.playbooks import Playbooks
from resile.app.runner_settings import RunnerSettings
from resile.model.errors import ConfigError, ConflictError, TransitionError
from resile.model.event import Source
from resile.model.incident import InstantName
from resile.model.lifecycle import Reach
from resile.model.playbook import Playbook
from resile.model.room import Run
from resile.model.room_event import StepEnded, StepOutcome
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore, Timer, TimerKind
from resile.ports.runner import Ran
from resile.ports.timeline_store import TimelineStore
from resile.response.masking import masked, shown
from resile.response.playbook import mitigated_at

# Four times as long as it is renewed after: a node that stands still for so long has lost its runs.
LEASE = timedelta(seconds=20)
MAX_BECAUSE = 500
_TRIES = 40
_LOST = "resile died or stood still while it ran; see what it did before you run it again"


class RunEnds:
    """Writes what becomes of runs."""

    def __init__(
        self,
        paging: PagingStore,
        timelines: TimelineStore,
        clock: Clock,
        pager: Paging,
        *,
        playbooks: Playbooks,
        settings: RunnerSettings,
    ) -> None:
        self._paging = paging
        self._timelines = timelines
        self._clock = clock
        self._pager = pager
        self._playbooks = playbooks
        self._settings = settings

    def ended(self, job: Job, ran: Ran, stopped_because: str) -> None:
        """Write what became of a run; what a passing Verify says of the service with it."""
        because = ran.because
        if ran.outcome is StepOutcome.STOPPED and stopped_because:
            because = "; ".join(filter(None, (stopped_because, because)))
        all_secrets = self._settings.covered
        output = shown(
            ran.head, ran.tail, ran.n_output_bytes, most=self._settings.output_kb * 1_024, secrets=all_secrets
        )

        def end(growing: Growing) -> Changes:
            run = growing.room.runs.get(job.run_id)
            if run is None or run.ended is not None:
                return Changes()
            growing.tell(
                StepEnded,
                run_id=job.run_id,
                step=run.step,
                outcome=ran.outcome,
                exit_code=ran.exit_code,
                output=output,
                n_output_bytes=ran.n_output_bytes,
                because=masked(because, all_secrets)[:MAX_BECAUSE],
                value=ran.value,
            )
            return self._with_mitigation(growing, run)

        self._write_end(job, end)

    def _with_mitigation(self, growing: Growing, run: Run) -> Changes:
        playbook = self._as_of(run)
        at = None if playbook is None else mitigated_at(playbook, growing.incident, growing.room)
        if at is None:
            return Changes()
        # Who acknowledged it while it was being verified did so before it was mitigated, whatever held already.
        if not any(_reached(growing, instant) for instant in (at, growing.now)):
            return Changes()
        known = self._paging.escalations([growing.incident_id]).get(growing.incident_id)
        messages = [] if known is None else self._paging.messages_of([growing.incident_id])
        return self._pager.following(growing, known, messages)

    def _as_of(self, run: Run) -> Playbook | None:
        try:
            return self._playbooks.as_of(run.playbook, run.number)
        except ConfigError:
            return None

    def _write_end(self, job: Job, end: Callable[[Growing], Changes]) -> None:
        subject = subject_of(job.incident_id, job.run_id)
        over = tuple(Timer(kind=kind, subject=subject, due_at=None) for kind in (TimerKind.STEP, TimerKind.STEP_STOP))
        for _ in range(_TRIES):
            timeline = self._timelines.read(job.incident_id)
            growing = Growing(job.incident_id, timeline, now=self._clock.now(), by=SYSTEM)
            changes = end(growing)
            try:
                self._paging.commit(changes + Changes(appends=growing.appends(), timers=over))
            except ConflictError:
                continue
            return
        raise ConflictError(f"incident {job.incident_id}: others keep appending; its lease tells of it")

    def lease(self, job: Job) -> Timer:
        """The lease of a run, from now on."""
        due_at = self._clock.now() + LEASE
        return Timer(kind=TimerKind.STEP, subject=subject_of(job.incident_id, job.run_id), due_at=due_at)

    def renew(self, jobs: Sequence[Job]) -> None:
        """These run still."""
        self._paging.commit(Changes(timers=tuple(self.lease(job) for job in jobs)))

    def wanted_to_stop(self) -> set[tuple[str, str]]:
        """Incident and id of each run that somebody wants to end."""
        return {_of_subject(timer.subject) for timer in self._paging.timers(TimerKind.STEP_STOP)}

    # What the clock asks for.

    def lost(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """Runs whose lease ran out: nobody knows how far they came, and nothing runs them again."""
        by_incident: dict[str, list[str]] = {}
        for timer in timers:
            incident_id, run_id = _of_subject(timer.subject)
            by_incident.setdefault(incident_id, []).append(run_id)
        timelines = self._timelines.read_many(list(by_incident))
        changes = Changes(timers=tuple(Timer(kind=one.kind, subject=one.subject, due_at=None) for one in timers))
        for incident_id, run_ids in by_incident.items():
            growing = Growing(incident_id, timelines.get(incident_id, []), now=now, by=SYSTEM)
            runs = growing.room.runs
            for run_id in run_ids:
                if run_id in runs and runs[run_id].ended is None:
                    growing.tell(
                        StepEnded,
                        run_id=run_id,
                        step=runs[run_id].step,
                        outcome=StepOutcome.UNKNOWN,
                        because=_LOST,
                    )
            changes += Changes(appends=growing.appends())
        return changes

    def stop_wishes_over(self, timers: Sequence[Timer], now: datetime) -> Changes:
        """Wishes to stop a run that is long over."""
        del now
        return Changes(timers=tuple(Timer(kind=one.kind, subject=one.subject, due_at=None) for one in timers))


def _reached(growing: Growing, at: datetime) -> bool:
    """Tell that it was mitigated then; False: what else is known contradicts it."""
    try:
        growing.carry_out(Reach(InstantName.MITIGATED), at=at, source=Source.MEASURED)
    except TransitionError:
        return False
    return True


def subject_of(incident_id: str, run_id: str) -> str:
    """What the timers of a run are about."""
    return f"{incident_id}/{run_id}"


def _of_subject(subject: str) -> tuple[str, str]:
    incident_id, _, run_id = subject.rpartition("/")
    return incident_id, run_id
