"""The doors, for whoever keeps them: listed, made, removed and tried."""

from typing import Annotated

from fastapi import APIRouter, Request
from msgspec import Struct
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.door_kinds import entered_path
from resile.app.doors import DoorSeen, require_keeper
from resile.app.try_door import AlertTried, followed, write_trial
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions
from resile.web.api.asking import resile_of
from resile.web.api.commands import Body, Words
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["deliveries"])
_FOLLOWED_FOR_S = 5.0


class DoorsSeen(Struct, frozen=True):
    """The doors by name, with their counts; no secrets."""

    doors: list[DoorSeen]


class DoorMade(Struct, frozen=True):
    """A new door.

    Attributes:
        path: where its sender knocks, behind this server's address; of some kinds it holds the secret.
        secret: told this once; null where the sender made it.
    """

    name: str
    kind: str
    path: str
    secret: str | None


class DoorRemoved(Struct, frozen=True):
    """The door that is closed."""

    removed: str


class DoorTried(Struct, frozen=True):
    """What became of a test.

    Attributes:
        seq: its place in the journal; null where it is not there any more.
        verdict: waiting, taken, unmapped or failed.
        reason: why it is unmapped or failed.
        alerts: what became of each alert that it told of.
    """

    door: str
    seq: int | None
    verdict: str
    reason: str
    alerts: list[AlertTried]


_Seconds = Annotated[int, Field(ge=0, le=366 * 86_400)]
_Place = Annotated[str, Field(min_length=1, max_length=200)]


class DoorBody(Body):
    """A door to be made; the options are those of `resile door add`."""

    kind: Words
    name: Words | None = None
    service: Words | None = None
    services: Annotated[dict[_Place, _Place], Field(max_length=200)] = {}
    severity: Words | None = None
    every_s: _Seconds | None = None
    grace_s: _Seconds | None = None
    fields: Annotated[dict[_Place, _Place], Field(max_length=64)] = {}
    resolved_when: Words | None = None
    acknowledged_when: Words | None = None
    secret: Annotated[
        str | None, Field(max_length=200, description="The secret that the sender made; else a new one is made.")
    ] = None


class TrialBody(Body):
    """A test of a door."""

    over: Annotated[bool, Field(description="End what an earlier test began.")] = False


@router.get("/doors", summary="Doors for alerts and deliveries", responses=answers(DoorsSeen))
def doors(request: Request) -> Response:
    """The doors with their counts; needs the scope admin."""
    return as_json(DoorsSeen(resile_of(request).doors.listed(request.state.identity)))


@router.post("/doors", status_code=201, summary="Make a door", responses=answers(DoorMade, status=201, also=(409,)))
def add(request: Request, body: DoorBody) -> Response:
    """Make a door; its secret is told this once. Needs the scope admin."""
    options = DoorOptions(
        service=body.service,
        services=body.services,
        severity=body.severity,
        every_s=body.every_s,
        grace_s=body.grace_s,
        fields=body.fields,
        resolved_when=body.resolved_when,
        acknowledged_when=body.acknowledged_when,
    )
    door, secret = resile_of(request).doors.add(
        request.state.identity, body.kind, body.name, options=options, given=body.secret
    )
    told = secret if door.sealed is None else None
    answer = as_json(DoorMade(door.name, door.kind, entered_path(door, secret), told), status_code=201)
    answer.headers["cache-control"] = "no-store"
    return answer


@router.delete("/doors/{door:path}", summary="Remove a door", responses=answers(DoorRemoved, also=(404,)))
def remove(request: Request, door: str) -> Response:
    """Close a door for good; what it received stays. Needs the scope admin."""
    if not resile_of(request).doors.remove(request.state.identity, door):
        raise HTTPException(404, f"there is no door {door[:100]!r}; /api/v1/doors lists them")
    return as_json(DoorRemoved(door))


@router.post("/doors/{door:path}/test", summary="Try a door", responses=answers(DoorTried, also=(404,)))
def test(request: Request, door: str, body: TrialBody) -> Response:
    """Send a test into the journal, and say what became of it within five seconds. Needs the scope admin."""
    resile, by = resile_of(request), request.state.identity
    require_keeper(by)
    try:
        name = resile.doors.found(by, door).name
    except ConfigError as error:
        raise HTTPException(404, str(error)) from None
    trial = write_trial(resile, by, name, is_over=body.over)
    tried = followed(resile, name, trial.token, within_s=_FOLLOWED_FOR_S)
    return as_json(DoorTried(tried.door, tried.seq, tried.verdict, tried.reason, list(tried.alerts)))
