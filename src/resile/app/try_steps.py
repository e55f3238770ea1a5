"""A step tried outside of any incident: its runner and its limits are as ever, and nothing is told of it."""

from collections.abc import Mapping
from threading import Event

from msgspec import Struct

from resile.app.crew import work_of
from resile.app.runs import Runs
from resile.model.errors import ConfigError
from resile.model.playbook import Playbook, PlaybookStep
from resile.model.room_event import StepOutcome
from resile.ports.runner import StepRefusedError
from resile.response.masking import masked, shown
from resile.response.playbook import secrets_of, speaks_of


class Tried(Struct, frozen=True, kw_only=True):
    """What came of it; `output` as a timeline would have it."""

    step: str
    outcome: StepOutcome
    exit_code: int | None
    output: str
    because: str
    value: float | None
    lasted_s: float


def why_not_tried(runs: Runs, playbook: Playbook, step: PlaybookStep, inputs: Mapping[str, str]) -> str:
    """Why a step cannot be tried here; empty: it can."""
    if step.runner not in runs.settings.allowed:
        return f"the {step.runner} runner is not allowed here; see [runners] in resile.toml"
    missing = [name for name in playbook.inputs if name not in inputs and speaks_of(step, name)]
    if missing:
        return f"it needs {missing[0]}; give it with --input {missing[0]}=VALUE"
    unknown = [name for name in secrets_of(step) if name not in runs.settings.secrets]
    return f"it wants the secret {unknown[0]}, which is not set; add it to [runners.secrets]" if unknown else ""


def try_step(runs: Runs, step: PlaybookStep, inputs: Mapping[str, str], *, stop: Event) -> Tried:
    """Run a step now, and wait for its end.

    Raises:
        ConfigError: it cannot be run as it stands.
    """
    settings = runs.settings
    work = work_of(step, inputs, settings.told_secrets)
    try:
        ran = runs.crew.runners()[step.runner].run(work, stop)
    except StepRefusedError as error:
        raise ConfigError(f"step {step.name}: {error}") from None
    most, covered = settings.output_kb * 1_024, settings.covered
    return Tried(
        step=step.name,
        outcome=ran.outcome,
        exit_code=ran.exit_code,
        output=shown(ran.head, ran.tail, ran.n_output_bytes, most=most, secrets=covered),
        because=masked(ran.because, covered),
        value=ran.value,
        lasted_s=ran.lasted_s,
    )


def given_inputs(playbook: Playbook, said: Mapping[str, str]) -> dict[str, str]:
    """The inputs that were given by hand.

    Raises:
        ConfigError: the playbook has no such input.
    """
    for name in said:
        if name not in playbook.inputs:
            known = ", ".join(playbook.inputs) or "none"
            raise ConfigError(f"playbook {playbook.name} has no input {name[:64]!r}; it has {known}")
    return dict(said)
