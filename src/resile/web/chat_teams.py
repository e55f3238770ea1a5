"""Where Teams tells what people write to resile in its channel: no session, but a signature; answered at once."""

from collections.abc import Callable
from functools import partial

import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from resile.app.chat_parts import TeamsChat
from resile.channels.teams_webhook import TeamsMessage, answer_of, message_of
from resile.model.errors import AccessError, ConfigError, ResileError, StoreError
from resile.web.bodies import BodyError, read_body
from resile.web.doors.strangers import Strangers, network_of
from resile.web.errors import problem

MAX_BYTES = 200_000
_NOT_NOW = "resile cannot write or read its data now; try again in a moment."
_log = structlog.get_logger()


class RefusedError(Exception):
    """Nothing is taken of it, and the answer says why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def teams_router(strangers: Strangers) -> APIRouter:
    """The address `/chat/teams/messages`.

    Looks at `app.state.teams_chat`, a TeamsChat or None.

    Args:
        strangers: who was refused how often.
    """
    router = APIRouter(include_in_schema=False)

    @router.post("/chat/teams/messages")
    async def messages(request: Request) -> Response:
        network = network_of(request.client.host if request.client else None)
        try:
            chat, message = await _heard(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except RefusedError as error:
            return refused(strangers, network, error)
        strangers.prove(network)
        if message is None:
            return Response()
        return JSONResponse(answer_of(await run_in_threadpool(said_of, partial(chat.room.take, message))))

    return router


async def _heard(request: Request) -> tuple[TeamsChat, TeamsMessage | None]:
    """Who is spoken to, and what was written, once it is clear that Teams sent it."""
    chat: TeamsChat | None = request.app.state.teams_chat
    if chat is None or chat.key is None:
        raise RefusedError(404, "nobody writes to resile in Teams here; set up [chat.teams] in resile.toml")
    try:
        raw = await read_body(request, most_bytes=MAX_BYTES, what="message of Teams")
        now = request.app.state.resile.clock.now()
        return chat, message_of(chat.key, dict(request.headers), raw, now=now)
    except BodyError as error:
        raise RefusedError(error.status, error.detail) from None
    except AccessError as error:
        raise RefusedError(401, str(error)) from None
    except ConfigError as error:
        raise RefusedError(400, str(error)) from None


def said_of(take: Callable[[], str]) -> str:
    """What came of it, or why nothing did."""
    try:
        return take()
    except StoreError as error:
        _log.error("chat not carried out", error=str(error))
        return _NOT_NOW
    except ResileError as error:
        return f"{error}."
    except Exception as error:  # noqa: BLE001 - whoever wrote waits for an answer
        _log.error("chat failed", exc_info=error)
        return "This is a fault of resile; the server's log says more, please report it."


def refused(strangers: Strangers, network: str, error: RefusedError) -> Response:
    """The answer to what is refused; too often, and it says nothing but that."""
    wait_s = strangers.wait_s(network)
    strangers.refuse(network)
    _log.warning("chat refused", status=error.status)
    return problem(error.status, error.detail) if wait_s is None else _too_often(wait_s)


def _too_often(wait_s: int) -> Response:
    answer = problem(429, "too many requests that are none of Teams' came from this address; come again in a while")
    answer.headers["retry-after"] = str(wait_s)
    return answer
