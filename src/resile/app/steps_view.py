"""The steps of the playbook that is open for an incident, as people see them: what they run, who may, how they went."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from resile.app.runs import Runs
from resile.model.errors import ConfigError
from resile.model.event import Event
from resile.model.incident import fold
from resile.model.playbook import Playbook, PlaybookStep, SectionName
from resile.model.playbook_match import Inputs
from resile.model.room import Room, Run, room_of
from resile.model.room_event import Risk
from resile.response.playbook import (
    Ground,
    Verdict,
    Who,
    rollback_offered,
    ruled,
    ruled_of_second,
    secrets_of,
    verify_offered,
)


class RunView(Struct, frozen=True, kw_only=True):
    """One run of a step.

    Attributes:
        state: `waiting` for a second person, `running`, or its outcome.
        agreed: who said yes; nobody for what ran by itself.
        rolls_back: id of the run that it undid.
        undone_by: the step that would undo it.
        refused: why whoever asks may not agree to it; empty where they may, or nothing waits.
    """

    run_id: str
    playbook: str
    number: int
    step: str
    risk: Risk
    state: str
    asked_by: str | None
    asked_at: datetime | None
    agreed: tuple[str, ...]
    began_at: datetime | None
    ended_at: datetime | None
    lasted_s: float | None
    exit_code: int | None
    output: str
    n_output_bytes: int
    because: str
    value: float | None
    inputs: Mapping[str, str]
    rolls_back: str | None
    undone_by: str | None
    refused: str


class StepView(Struct, frozen=True, kw_only=True):
    """One step.

    Attributes:
        body: what it would run, as it is written.
        expect: `< 0.005 for 5m`.
        by_itself: whether it runs when the page goes out.
        may_run: whether whoever asks may have it run, or asked for, now.
        refused: why not.
        is_rollback: it undoes another one.
        is_next: a change has ended, and this step of Verify has not passed since.
        last: its last run.
    """

    name: str
    section: SectionName
    runner: str
    language: str
    body: str
    risk: Risk
    timeout_s: float
    expect: str | None
    by_itself: bool
    secrets: tuple[str, ...]
    may_run: bool
    refused: str
    is_rollback: bool
    is_next: bool
    last: RunView | None


class InputView(Struct, frozen=True, kw_only=True):
    """What the steps are given; `because` says why there is no value, `choices` which there could be."""

    name: str
    value: str | None
    because: str = ""
    choices: tuple[str, ...] = ()


class IncidentSteps(Struct, frozen=True, kw_only=True):
    """The playbook that is open for an incident.

    Attributes:
        playbook: None: none is open.
        number: of the version that is open; `newest_number` of that in the catalog, None where it is gone.
        allowed: kinds of runners that the settings allow.
        other_runs: of other playbooks.
    """

    incident_id: str
    playbook: str | None = None
    title: str = ""
    number: int | None = None
    newest_number: int | None = None
    because: str = ""
    allowed: tuple[str, ...] = ()
    inputs: tuple[InputView, ...] = ()
    steps: tuple[StepView, ...] = ()
    other_runs: tuple[RunView, ...] = ()


def incident_steps(
    runs: Runs, incident_id: str, timeline: list[Event], *, who: Who, now: datetime, room: Room | None = None
) -> IncidentSteps:
    """What whoever asks sees of it; `room`: that of the timeline, where it is known."""
    room = room_of(timeline) if room is None else room
    allowed = tuple(sorted(kind.value for kind in runs.settings.allowed))
    opened = next(iter(room.playbooks), None)
    playbook = None if opened is None else _as_of(runs, opened.playbook, opened.number)
    if opened is None or playbook is None:
        others = tuple(_run_view(run, None, room, "") for run in room.runs.values())
        return IncidentSteps(incident_id=incident_id, allowed=allowed, other_runs=others)
    incident = fold(incident_id, timeline)
    given = runs.playbooks.inputs(playbook, incident)
    ground = Ground(
        incident=incident,
        room=room,
        allowed=runs.settings.allowed,
        secrets=frozenset(runs.settings.secrets),
        # Somebody may choose among these, and then it runs.
        missing={name: one.because for name, one in given.missing.items() if not one.choices},
    )
    newest = runs.playbooks.all().get(playbook.name)
    offered = {step.name for step in verify_offered(playbook, room)}
    return IncidentSteps(
        incident_id=incident_id,
        playbook=playbook.name,
        title=playbook.title,
        number=opened.number,
        newest_number=None if newest is None else newest.number,
        because=opened.because,
        allowed=allowed,
        inputs=_inputs(given, playbook),
        steps=tuple(_step_view(step, playbook, ground, who, offered=offered, now=now) for step in playbook.steps),
        other_runs=tuple(
            _run_view(run, None, room, "")
            for run in room.runs.values()
            if run.playbook != playbook.name or playbook.step(run.step) is None
        ),
    )


def _as_of(runs: Runs, name: str, number: int) -> Playbook | None:
    try:
        return runs.playbooks.as_of(name, number)
    except ConfigError:
        return None


def _inputs(given: Inputs, playbook: Playbook) -> tuple[InputView, ...]:
    found = []
    for name in playbook.inputs:
        value, missing = given.values.get(name), given.missing.get(name)
        found.append(
            InputView(
                name=name,
                value=None if value is None else value.decode("utf-8", "replace"),
                because="" if missing is None else missing.because,
                choices=() if missing is None else missing.choices,
            )
        )
    return tuple(found)


def _step_view(
    step: PlaybookStep, playbook: Playbook, ground: Ground, who: Who, *, offered: set[str], now: datetime
) -> StepView:
    ruling = ruled(step, playbook, ground, who)
    alike = [run for run in ground.room.runs.values() if (run.playbook, run.step) == (playbook.name, step.name)]
    last = alike[-1] if alike else None
    may_agree = "" if last is None else _why_not_agree(last, step, playbook, ground=ground, who=who, now=now)
    return StepView(
        name=step.name,
        section=step.section,
        runner=step.runner.value,
        language=step.language,
        body=step.body,
        risk=step.risk,
        timeout_s=step.timeout.total_seconds(),
        expect=None if step.expect is None else str(step.expect),
        by_itself=step.section is SectionName.DIAGNOSIS
        and step.risk is Risk.READ
        and step.attributes.get("auto") != "no",
        secrets=tuple(secrets_of(step)),
        may_run=ruling.verdict is not Verdict.REFUSED,
        refused=ruling.because,
        is_rollback=any(one.rollback == step.name for one in playbook.steps),
        is_next=step.name in offered,
        last=None if last is None else _run_view(last, playbook, ground.room, may_agree),
    )


def _why_not_agree(run: Run, step: PlaybookStep, playbook: Playbook, *, ground: Ground, who: Who, now: datetime) -> str:
    return ruled_of_second(run, step, playbook, ground, who, now=now).because if run.is_waiting else ""


def _run_view(run: Run, playbook: Playbook | None, room: Room, refused: str) -> RunView:
    ended = run.ended
    undoes = None if playbook is None else rollback_offered(run, playbook, room)
    lasted = None if ended is None or run.began_at is None else (ended.at - run.began_at).total_seconds()
    state = "waiting" if run.is_waiting else "running" if ended is None else ended.outcome.value
    return RunView(
        run_id=run.run_id,
        playbook=run.playbook,
        number=run.number,
        step=run.step,
        risk=run.risk,
        state=state,
        asked_by=run.asked_by,
        asked_at=run.asked_at,
        agreed=run.agreed,
        began_at=run.began_at,
        ended_at=None if ended is None else ended.at,
        lasted_s=lasted,
        exit_code=None if ended is None else ended.exit_code,
        output="" if ended is None else ended.output,
        n_output_bytes=0 if ended is None else ended.n_output_bytes,
        because="" if ended is None else ended.because,
        value=None if ended is None else ended.value,
        inputs=run.inputs,
        rolls_back=run.rolls_back,
        undone_by=None if undoes is None else undoes.name,
        refused=refused,
    )
