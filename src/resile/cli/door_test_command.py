"""`resile door test`: a test through the door's own address, and what became of it."""

import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Annotated

import typer

from resile.cli.door_command import app, base_of, opened
from resile.cli.invocation import Invocation, invocation_of
from resile.cli.served import is_served
from resile.model.errors import ConfigError

if TYPE_CHECKING:
    from resile.app.access import Identity
    from resile.app.door_trial import Trial
    from resile.app.try_door import Tried
    from resile.app.wiring import Resile

_WITHIN_S = 15
_MAX_ANSWER = 10_000
_DOOR = Annotated[str, typer.Argument(metavar="DOOR", help="Its name, such as github or github/shop.")]


def add_to(_root: typer.Typer) -> None:
    """Make `resile door test` a command; the group that it belongs to is there."""
    app.command("test")(try_door)


def try_door(
    ctx: typer.Context,
    door: _DOOR,
    *,
    over: Annotated[bool, typer.Option("--over", help="Send the recovery that ends an earlier test.")] = False,
) -> None:
    """Send a test alert through the door, signed as the sender signs, and say what became of it.

    It goes to the running server; where none runs, into the journal, and is processed at once. A test pages as an alert
    does, and counts in no measure. A door that takes no alerts is sent what means nothing; a heartbeat is one.
    """
    invocation = invocation_of(ctx)
    with opened(invocation) as (resile, keeper):
        tried = _through_the_server(invocation, resile, keeper, door, is_over=over)
        if tried is None:
            tried = _through_the_journal(invocation, resile, keeper, door, is_over=over)
    _say(invocation, tried)


def _through_the_server(
    invocation: Invocation, resile: "Resile", keeper: "Identity", name: str, *, is_over: bool
) -> "Tried | None":
    """What became of it; None where no server runs."""
    from resile.app.door_kinds import KINDS, arriving_path, entered_path  # noqa: PLC0415 - loads when asked
    from resile.app.door_trial import proof_of, trial_of  # noqa: PLC0415
    from resile.app.try_door import followed  # noqa: PLC0415
    from resile.sources.doors.registry import TEST  # noqa: PLC0415

    door = resile.doors.found(keeper, name)
    secret = resile.doors.secret_of(door)
    trial = trial_of(door, at=resile.clock.now(), secret=secret, is_over=is_over)
    headers = {
        **trial.kept,
        **proof_of(door, secret, trial.body),
        TEST: resile.doors.trial_mark(door, trial.body),
        "user-agent": "resile",
    }
    base = base_of(invocation)
    answered = _send(base + arriving_path(door, secret) + trial.tail, headers, trial)
    is_hidden = KINDS[door.kind].is_secret_in_address and secret is not None
    address = base + entered_path(door, "…" if is_hidden else secret)
    if isinstance(answered, OSError):
        if is_served(resile):
            raise ConfigError(
                f"{address} does not answer ({getattr(answered, 'reason', answered)}), though a server of this data "
                "folder runs; set RESILE_BASE_URL or RESILE_PORT as it has"
            )
        return None
    status, said = answered
    invocation.out.print(f"{address} answers {status}: {said}", markup=False, soft_wrap=True)
    if status not in {200, 202}:
        raise typer.Exit(1)
    return followed(resile, door.name, trial.token)


def _through_the_journal(
    invocation: Invocation, resile: "Resile", keeper: "Identity", name: str, *, is_over: bool
) -> "Tried":
    """No server runs: nothing is tried of the address, but what is understood is."""
    from resile.app.receive import receiver_of, receiving_alone  # noqa: PLC0415 - loads when asked
    from resile.app.try_door import followed, write_trial  # noqa: PLC0415

    trial = write_trial(resile, keeper, name, is_over=is_over)
    with receiving_alone(resile.settings.data) as is_alone:
        if is_alone:
            receiver_of(resile).process_waiting()
    invocation.out.print("No server runs: the test went into the journal, past the door's address.")
    return followed(resile, resile.doors.found(keeper, name).name, trial.token)


def _say(invocation: Invocation, tried: "Tried") -> None:
    if tried.seq is None:
        raise ConfigError(
            f"door {tried.door}: the test is not in this data folder's journal; give the server's by --data"
        )
    why = f": {tried.reason}" if tried.reason else ""
    invocation.out.print(f"Journal entry {tried.seq}: {tried.verdict}{why}", markup=False, soft_wrap=True)
    if tried.said:
        invocation.out.print(tried.said, markup=False, soft_wrap=True)
    for alert in tried.alerts:
        where = f", incident {alert.incident_id}" if alert.incident_id else ""
        said = f"Alert {alert.id} ({alert.state}): {alert.outcome}{where}. {alert.why}"
        invocation.out.print(said, markup=False, soft_wrap=True)
        for warning in alert.warnings:
            invocation.out.print(f"  {warning}", markup=False, soft_wrap=True)
    if not tried.is_well:
        raise typer.Exit(1)


def _send(address: str, headers: dict[str, str], trial: "Trial") -> tuple[int, str] | OSError:
    """Status and body of the answer; or why there is none."""
    request = urllib.request.Request(address, data=trial.body, headers=headers, method="POST")  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=_WITHIN_S) as answer:  # noqa: S310
            return answer.status, answer.read(_MAX_ANSWER).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(_MAX_ANSWER).decode(errors="replace")
    except OSError as error:
        return error
