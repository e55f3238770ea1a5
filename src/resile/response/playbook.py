"""What of a playbook may run now: which steps by themselves, which by one tap, which by two people, and which not."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from resile.model.event import Exclusion
from resile.model.incident import Incident, value_of
from resile.model.phases import instants
from resile.model.playbook import Playbook, PlaybookStep, RunnerKind, SectionName
from resile.model.room import Room, Run
from resile.model.room_event import Risk

# Of one incident; a loop that taps by REST ends somewhere.
MAX_RUNS = 500
# What was asked for longer ago was asked for in another situation.
ASK_LASTS = timedelta(hours=1)


class Who(Struct, frozen=True):
    """Who wants it.

    Attributes:
        by: as timelines name them.
        account: the name of the account that they proved to have; None: a token, a terminal, or nobody has accounts.
    """

    by: str
    account: str | None = None


class Verdict(StrEnum):
    """What becomes of a wish to run a step."""

    RUNS = "runs"
    WAITS = "waits"  # for a second person
    REFUSED = "refused"


class Ruling(Struct, frozen=True):
    """A verdict and, where it is a refusal, its reason with the way out."""

    verdict: Verdict
    because: str = ""


class Ground(Struct, frozen=True, kw_only=True):
    """On what it is decided.

    Attributes:
        allowed: kinds of runners that the settings allow.
        secrets: names that the settings know.
        missing: inputs without a value, with why.
    """

    incident: Incident
    room: Room
    allowed: Collection[RunnerKind]
    secrets: Collection[str] = ()
    missing: Mapping[str, str] = {}


RUNS = Ruling(Verdict.RUNS)


def ruled(step: PlaybookStep, playbook: Playbook, ground: Ground, who: Who) -> Ruling:
    """Whether somebody's wish to run a step is enough."""
    refused = _refused(step, playbook, ground)
    if refused:
        return Ruling(Verdict.REFUSED, refused)
    if step.risk is not Risk.DANGER:
        return RUNS
    if who.account is None:
        return Ruling(
            Verdict.REFUSED,
            f"step {step.name} is dangerous and needs two people with accounts of their own; "
            "log in and ask for it there, or run it by hand",
        )
    return Ruling(Verdict.WAITS)


def ruled_of_second(
    run: Run, step: PlaybookStep, playbook: Playbook, ground: Ground, who: Who, *, now: datetime
) -> Ruling:
    """Whether a second person's yes is enough for a step that somebody asked for."""
    if not run.is_waiting:
        return Ruling(Verdict.REFUSED, f"step {run.step} no longer waits for anybody; look again")
    if who.account is None:
        return Ruling(
            Verdict.REFUSED, f"step {run.step} needs a second person with an account of their own; log in to agree"
        )
    if run.asked_by in (None, who.by):
        return Ruling(Verdict.REFUSED, f"step {run.step} was asked for by you; a second person has to agree")
    if run.asked_at is None or now - run.asked_at > ASK_LASTS:
        return Ruling(Verdict.REFUSED, f"step {run.step} was asked for more than an hour ago; refuse it and ask again")
    refused = _refused(step, playbook, ground, waiting=run.run_id)
    return Ruling(Verdict.REFUSED, refused) if refused else RUNS


def by_themselves(playbook: Playbook, ground: Ground) -> list[PlaybookStep]:
    """The steps that run without anybody's word when the page goes out, each once: those of Diagnosis that look."""
    begun = {run.step for run in ground.room.runs.values() if run.playbook == playbook.name}
    return [
        step
        for step in playbook.steps
        if step.section is SectionName.DIAGNOSIS
        and step.risk is Risk.READ
        and step.attributes.get("auto") != "no"
        and step.name not in begun
        and not _refused(step, playbook, ground)
    ]


def _refused(step: PlaybookStep, playbook: Playbook, ground: Ground, *, waiting: str | None = None) -> str:
    """Why a step cannot run whoever wants it; empty: it can."""
    return (
        _refused_by_incident(ground)
        or _refused_by_settings(step, ground)
        or next(
            (f"step {step.name} needs {name}: {why}" for name, why in ground.missing.items() if speaks_of(step, name)),
            "",
        )
        or _refused_by_runs(step, playbook, ground, waiting)
    )


def _refused_by_incident(ground: Ground) -> str:
    incident = ground.incident
    if not incident.exists:
        return f"incident {incident.id} is not known; check its id"
    into = value_of(incident.merged_into, None)
    if into is not None:
        return f"incident {incident.id} was merged into {into}; go on there"
    return f"incident {incident.id} is closed; reopen it first" if instants(incident).closed is not None else ""


def _refused_by_settings(step: PlaybookStep, ground: Ground) -> str:
    if step.runner not in ground.allowed:
        return (
            f"step {step.name} is for the {step.runner} runner, which is not allowed here; see [runners] in resile.toml"
        )
    unknown = [name for name in secrets_of(step) if name not in ground.secrets]
    if unknown:
        return f"step {step.name} wants the secret {unknown[0]}, which is not set; add it to [runners.secrets]"
    return ""


def _refused_by_runs(step: PlaybookStep, playbook: Playbook, ground: Ground, waiting: str | None) -> str:
    runs = ground.room.runs.values()
    alike = [run for run in runs if (run.playbook, run.step) == (playbook.name, step.name)]
    if any(run.is_running for run in alike):
        return f"step {step.name} runs already; wait for its end, or stop it"
    if any(run.is_waiting and run.run_id != waiting for run in alike):
        return f"step {step.name} was asked for already and waits for a second person"
    if len(runs) >= MAX_RUNS:
        return f"incident {ground.incident.id} has {MAX_RUNS} runs already; run further steps by hand"
    return ""


def secrets_of(step: PlaybookStep) -> list[str]:
    """The names of the secrets that a step asks for."""
    return [name for name in step.attributes.get("secrets", "").split(",") if name]


def speaks_of(step: PlaybookStep, name: str) -> bool:
    """Whether a step's text has an input's name in it; a program may look at its environment in other ways."""
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", step.body) is not None


def rollback_offered(run: Run, playbook: Playbook, room: Room) -> PlaybookStep | None:
    """The step that undoes a run, as long as nobody ran it for that: whatever became of the run, it may have begun."""
    step = playbook.step(run.step)
    if step is None or step.rollback is None or run.ended is None or run.began_at is None:
        return None
    if any(other.rolls_back == run.run_id and other.began_at is not None for other in room.runs.values()):
        return None
    return playbook.step(step.rollback)


def verify_offered(playbook: Playbook, room: Room) -> list[PlaybookStep]:
    """The steps of Verify that are worth running: after a change that has ended, those that have not passed since."""
    changes = _changes(room)
    if not changes or any(run.ended is None for run in changes):
        return []
    return [step for step in verify_steps(playbook) if passed(step, playbook, room) is None]


def verify_steps(playbook: Playbook) -> list[PlaybookStep]:
    """The steps of its section Verify."""
    return [step for step in playbook.steps if step.section is SectionName.VERIFY]


def passed(step: PlaybookStep, playbook: Playbook, room: Room) -> Run | None:
    """The last run of a step, if it came through and began after every change had ended."""
    runs = [
        run
        for run in room.runs.values()
        if (run.playbook, run.step) == (playbook.name, step.name) and run.began_at is not None
    ]
    last = max(runs, key=began_at, default=None)
    if last is None or not last.is_done:
        return None
    is_after = all(run.ended is not None and run.ended.at < began_at(last) for run in _changes(room))
    return last if is_after else None


def _changes(room: Room) -> list[Run]:
    """The runs that began to change something."""
    return [run for run in room.runs.values() if run.risk is not Risk.READ and run.began_at is not None]


def began_at(run: Run) -> datetime:
    """When a run began, that did."""
    assert run.began_at is not None  # noqa: S101 - asked only of those
    return run.began_at


def mitigated_at(playbook: Playbook, incident: Incident, room: Room) -> datetime | None:
    """From when on all steps of Verify have held; None: they have not, or that would say nothing of the service.

    A step that had to hold for five minutes says that it was well five minutes ago. A drill and a test had no trouble
    that could have passed. What began before the last change had ended tells of the time before it.
    """
    if instants(incident).mitigated is not None or instants(incident).restored is not None:
        return None
    if value_of(incident.exclusion, None) in {Exclusion.DRILL, Exclusion.TEST}:
        return None
    steps = verify_steps(playbook)
    held: list[datetime] = []
    for step in steps:
        run = passed(step, playbook, room)
        if run is None or run.ended is None:
            return None
        lasts = None if step.expect is None else step.expect.lasts
        held.append(run.ended.at if lasts is None else max(run.ended.at - lasts, began_at(run)))
    return max(held, default=None)
