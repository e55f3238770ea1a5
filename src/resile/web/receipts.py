"""Where providers tell what became of messages, and what people answered: no session and no form, but a signature.

The channel knows how its provider signs; what it does not sign is not listened to.
"""

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from resile.model.errors import AccessError, ConfigError
from resile.ports.channel import Channel, Receipt, Reply, Replying
from resile.web.bodies import BodyError, read_body
from resile.web.doors.strangers import Strangers, network_of
from resile.web.errors import problem
from resile.web.security import path_of

MAX_BYTES = 64_000
_MAX_FIELDS = 50
_log = structlog.get_logger()
# What a use case makes of receipts: a sentence for each answer in them, for whoever answered.
Take = Callable[[str, Sequence[Receipt]], Sequence[str]]


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def receipts_router(strangers: Strangers) -> APIRouter:
    """The addresses `/receipts/CHANNEL`.

    Looks at `app.state.channels`, those that are open by name, and calls `app.state.take_receipts`, a Take.

    Args:
        strangers: who was refused how often.
    """
    router = APIRouter(include_in_schema=False)

    @router.post("/receipts/{name}")
    async def receive(request: Request, name: str) -> Response:
        network = network_of(request.client.host if request.client else None)
        try:
            channel, receipts = await _heard(request, name)
        except ClientDisconnect:
            return Response(status_code=400)
        except _RefusedError as error:
            # Whoever shows a right signature is always heard: many providers send from the same addresses as anybody.
            wait_s = strangers.wait_s(network)
            strangers.refuse(network)
            _log.warning("receipt refused", channel=name[:64], status=error.status)
            return problem(error.status, error.detail) if wait_s is None else _too_often(wait_s)
        strangers.prove(network)
        return await _answered(request, name, channel, receipts)

    return router


async def _heard(request: Request, name: str) -> tuple[Channel, list[Receipt]]:
    """The channel, and what its provider says.

    Raises:
        _RefusedError: there is no such channel, or it is not its provider who speaks.
    """
    channels: Mapping[str, Channel] = request.app.state.channels
    channel = channels.get(name)
    if channel is None:
        raise _RefusedError(404, f"there is no channel {name[:64]!r} here; set it up in resile.toml")
    body = await _body(request)
    query = _query(request)
    try:
        told = await run_in_threadpool(channel.receipts, dict(request.headers), query, body, url=_url(request))
    except AccessError as error:
        raise _RefusedError(403, str(error)) from None
    except ConfigError as error:
        raise _RefusedError(400, str(error)) from None
    return channel, told


async def _answered(request: Request, name: str, channel: Channel, receipts: Sequence[Receipt]) -> Response:
    take: Take = request.app.state.take_receipts
    sentences = await run_in_threadpool(take, name, receipts)
    reply = channel.reply(receipts, sentences) if isinstance(channel, Replying) else Reply()
    after = None if reply.afterwards is None else BackgroundTask(reply.afterwards)
    return Response(reply.body, headers={"content-type": reply.content_type}, background=after)


async def _body(request: Request) -> bytes:
    try:
        return await read_body(request, most_bytes=MAX_BYTES, what="receipt")
    except BodyError as error:
        raise _RefusedError(error.status, error.detail) from None


def _query(request: Request) -> dict[str, str]:
    try:
        return dict(parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise _RefusedError(400, f"the address has more than {_MAX_FIELDS} fields; leave them out") from None


def _url(request: Request) -> str:
    """The address as the provider called it, which it signs: not as a proxy calls us."""
    base = request.app.state.resile.settings.base_url or str(request.base_url)
    query = request.scope["query_string"].decode("latin-1")
    return f"{base.rstrip('/')}{path_of(request)}" + (f"?{query}" if query else "")


def _too_often(wait_s: int) -> Response:
    answer = problem(429, "too many receipts that are none came from this address; send it again in a while")
    answer.headers["retry-after"] = str(wait_s)
    return answer
