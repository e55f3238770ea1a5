"""Threads that run steps of playbooks: a bounded number, beside the engine, each run under a lease that is renewed."""

import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Protocol

import structlog
from msgspec import Struct

from resile.model.errors import StoreError
from resile.model.playbook import PlaybookStep, RunnerKind, SectionName
from resile.model.room_event import StepOutcome
from resile.ports.runner import Ran, Runner, StepRefusedError, Work
from resile.response.playbook import secrets_of

# A run whose lease was not renewed for as long as it lasts (Runs.LEASE) is taken for lost.
RENEWS_EVERY_S = 5.0
_LOOKS_EVERY_S = 1.0
# When resile stops: what is told to end has ended, or was killed, well within this.
STOPS_WITHIN_S = 6.0
# The end of a run is written as long as this, while the store is away; then whoever comes next calls it unknown.
_WRITES_WITHIN_S = 120.0
_log = structlog.get_logger()


class Job(Struct, frozen=True):
    """A run that has begun on its incident's timeline, and what is to be done."""

    incident_id: str
    run_id: str
    runner: RunnerKind
    work: Work


def work_of(step: PlaybookStep, inputs: Mapping[str, str], secrets: Mapping[str, str]) -> Work:
    """What a step is to do; of `secrets` it is given those that it asks for."""
    return Work(
        language=step.language,
        body=step.body,
        inputs=inputs,
        secrets={name: secrets[name] for name in secrets_of(step)},
        timeout_s=step.timeout.total_seconds(),
        expect=step.expect,
        # What found nothing, has verified nothing.
        wants_value=step.section is SectionName.VERIFY,
        attributes=step.attributes,
    )


class Told(Protocol):
    """Whoever writes what becomes of runs."""

    def ended(self, job: Job, ran: Ran, stopped_because: str) -> None:
        """One ended. Raises StoreError where that could not be written."""
        ...

    def renew(self, jobs: Sequence[Job]) -> None:
        """These run still. May raise StoreError."""
        ...

    def wanted_to_stop(self) -> set[tuple[str, str]]:
        """Incident and id of each run that somebody wants to end, here or elsewhere. May raise StoreError."""
        ...


class _Active(Struct):
    job: Job
    stop: threading.Event
    because: str = ""


class Crew:
    """Runs what has begun.

    Args:
        runners: those that the settings allow, opened when the first step runs.
        at_once: so many run at one moment; there is no queue, for a step that was tapped runs now or not.
    """

    def __init__(self, runners: Callable[[], Mapping[RunnerKind, Runner]], *, at_once: int) -> None:
        self.runners = runners
        self._at_once = at_once
        self._guard = threading.Lock()
        self._changed = threading.Condition(self._guard)
        self._n_reserved = 0
        self._active: dict[str, _Active] = {}
        self._keeper: threading.Thread | None = None
        self._is_ending = False

    def reserve(self) -> bool:
        """Keep a place for a run that is about to begin; False: there is none, or resile stops."""
        with self._guard:
            if self._is_ending or self._n_reserved >= self._at_once:
                return False
            self._n_reserved += 1
            return True

    def give_back(self) -> None:
        """The place is not needed."""
        with self._guard:
            self._n_reserved -= 1
            self._changed.notify_all()

    def start(self, job: Job, told: Told) -> None:
        """Run it in a thread of its own, on the place that was kept."""
        active = _Active(job, threading.Event())
        with self._guard:
            self._active[job.run_id] = active
            if self._is_ending:
                active.because = _STOPPING
                active.stop.set()
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, args=(told,), name="steps", daemon=True)
                self._keeper.start()
        thread = threading.Thread(target=self._run, args=(active, told), name=f"step {job.run_id}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # No thread to be had: it was begun and never was.
            self._end(active, told, Ran(outcome=StepOutcome.FAILED, because="the machine had no thread to run it with"))

    def stop_run(self, run_id: str, *, because: str) -> None:
        """Have one end, if it runs here."""
        with self._guard:
            active = self._active.get(run_id)
            if active is not None and not active.stop.is_set():
                active.because = because
                active.stop.set()

    def wait(self, run_id: str, timeout_s: float) -> bool:
        """Block until a run is over and its end was written, at most so long; whether it is."""
        with self._guard:
            return self._changed.wait_for(lambda: run_id not in self._active, timeout_s)

    def stop(self, *, within_s: float = STOPS_WITHIN_S) -> None:
        """End all that run, and have it written; what does not end by then is found unknown by whoever comes next."""
        with self._guard:
            self._is_ending = True
            for active in self._active.values():
                active.because = active.because or _STOPPING
                active.stop.set()
            self._changed.notify_all()
            is_over = self._changed.wait_for(lambda: not self._active, within_s)
            left = sorted(self._active)
        if not is_over:
            _log.error("steps left running", runs=left, after_s=within_s)

    def _run(self, active: _Active, told: Told) -> None:
        job = active.job
        try:
            runner = self.runners().get(job.runner)
            if runner is None:
                raise StepRefusedError(f"the {job.runner} runner is not allowed here any more")  # noqa: TRY301
            ran = runner.run(job.work, active.stop)
        except StepRefusedError as error:
            ran = Ran(outcome=StepOutcome.REFUSED, because=str(error))
        except Exception as error:  # noqa: BLE001 - whatever a runner breaks, the run must not stay open for ever
            # Without its words: in them may stand a secret.
            _log.error("runner failed", run=job.run_id, runner=job.runner, error=type(error).__name__)
            ran = Ran(outcome=StepOutcome.UNKNOWN, because=f"the runner has a fault ({type(error).__name__})")
        self._end(active, told, ran)

    def _end(self, active: _Active, told: Told, ran: Ran) -> None:
        """Write it, again and again while the store is away."""
        gives_up_at = monotonic() + _WRITES_WITHIN_S
        rest = threading.Event()
        try:
            while True:
                try:
                    told.ended(active.job, ran, active.because)
                except StoreError as error:
                    if monotonic() >= gives_up_at:
                        raise
                    _log.error("step's end waits for the store", run=active.job.run_id, error=str(error))
                    rest.wait(_LOOKS_EVERY_S)
                else:
                    return
        except Exception as error:  # noqa: BLE001 - its lease runs out, and then its end is told as unknown
            _log.error("step's end not written", run=active.job.run_id, exc_info=error)
        finally:
            with self._guard:
                del self._active[active.job.run_id]
                self._n_reserved -= 1
                self._changed.notify_all()

    def _keep(self, told: Told) -> None:
        """As long as something runs: renew its lease, and hear who wants it to end."""
        renewed_at = monotonic()
        while True:
            with self._guard:
                self._changed.wait_for(lambda: not self._active, _LOOKS_EVERY_S)
                if not self._active:
                    self._keeper = None
                    return
                jobs = [active.job for active in self._active.values()]
            try:
                for _, run_id in told.wanted_to_stop():
                    self.stop_run(run_id, because="somebody stopped it")
                if monotonic() - renewed_at >= RENEWS_EVERY_S:
                    told.renew(jobs)
                    renewed_at = monotonic()
            except StoreError as error:
                _log.error("leases of steps not renewed", error=str(error))
            except Exception as error:  # noqa: BLE001 - a keeper that ends would have runs taken for lost
                _log.error("keeper of steps failed", exc_info=error)


_STOPPING = "resile was stopped"
