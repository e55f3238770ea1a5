"""Telling of a deployment by one request, for whatever has no door of its own."""

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.access import Identity
from resile.app.doors import API_DOOR, API_PATH, understood_by
from resile.app.wiring import Resile
from resile.model.change import DeploymentReported
from resile.model.errors import AccessError
from resile.ports.account_store import Scope
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Delivery
from resile.sources.doors.registry import open_door
from resile.web.api.reports import as_json
from resile.web.api.schema import answers
from resile.web.doors.json_place import check_json
from resile.web.doors.senders import name_of

router = APIRouter(tags=["deliveries"])
MAX_BYTES = 100_000


class Accepted(Struct, frozen=True):
    """What was written into the journal; it is on the pages within a second.

    Attributes:
        status: `accepted`, or `known` where the same was told before.
        id: the name of the delivery in the journal.
        deployment_id: the deployment of which it tells.
    """

    status: str
    id: str
    deployment_id: str | None


@router.post(
    API_PATH.removeprefix("/api/v1"),
    status_code=202,
    summary="Tell of a deployment",
    responses=answers(Accepted, status=202, also=(200, 413)),
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "The same key again changes nothing; without it, a body that tells no `id` is another "
                "deployment each time.",
                "schema": {"type": "string", "maxLength": 200},
            }
        ],
    },
)
async def report(request: Request) -> Response:
    """Needs the scope deploy (or write); answered once it is durable."""
    resile: Resile = request.app.state.resile
    identity: Identity = request.state.identity
    if not identity.scopes & {Scope.DEPLOY, Scope.WRITE}:
        raise AccessError(f"{identity.name} may not tell of deployments: it needs the right to deploy; ask an admin")
    body = await request.body()
    if len(body) > MAX_BYTES:
        raise HTTPException(413, f"the body has more than {MAX_BYTES:,} bytes; send one deployment at a time")
    check_json(API_DOOR, body)
    delivery = _delivery(request, body, resile.clock.now(), by=identity.by)
    # Looked at before it is kept: whoever wrote this body by hand wants to hear now what is wrong with it.
    told = open_door(understood_by(API_DOOR), DoorOptions(name=API_DOOR)).understand(delivery)
    is_new = await asyncio.wrap_future(resile.journal.submit(delivery))
    found = next((one.subject for one in told.reports if isinstance(one, DeploymentReported)), None)
    status = "accepted" if is_new else "known"
    return as_json(Accepted(status, delivery.id, found), status_code=202 if is_new else 200)


class _Named(Struct):
    id: Any = None


def _delivery(request: Request, body: bytes, now: datetime, *, by: str) -> Delivery:
    """The same key, or the same body where it names its deployment, is the same delivery; else each is another."""
    return Delivery(
        door=API_DOOR,
        id=name_of(request.headers.get("idempotency-key"), body, None if _is_named(body) else now),
        received_at=now,
        headers={"x-resile-by": by},
        body=body,
    )


def _is_named(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_Named).id is not None
    except msgspec.MsgspecError:
        return True
