"""Where Teams tells resile's app what happens in incidents' channels: no session, but a token that Microsoft signed.

It is done, or written down, before it is answered; what came of it is told in a message of its own.
"""

import msgspec
import structlog
from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from resile.app.chat_parts import TeamsApp, TeamsChat
from resile.channels.teams_activity import Activity, activity_of
from resile.channels.teams_webhook import MAX_TEXT
from resile.channels.words import cut
from resile.model.errors import AccessError, ConfigError, DeliveryError, StoreError
from resile.web.bodies import BodyError, read_body
from resile.web.chat_teams import MAX_BYTES, RefusedError, refused, said_of
from resile.web.doors.strangers import Strangers, network_of
from resile.web.errors import problem

_log = structlog.get_logger()


def teams_app_router(strangers: Strangers) -> APIRouter:
    """The address `/chat/teams/bot`.

    Looks at `app.state.teams_chat`, a TeamsChat or None.

    Args:
        strangers: who was refused how often.
    """
    router = APIRouter(include_in_schema=False)

    @router.post("/chat/teams/bot")
    async def bot(request: Request) -> Response:
        network = network_of(request.client.host if request.client else None)
        try:
            app, activity = await _happened(request)
        except ClientDisconnect:
            return Response(status_code=400)
        except DeliveryError as error:
            # Of Microsoft's keys none is known: Teams tells it again.
            _log.warning("chat not believed", because=str(error))
            return problem(503, "nothing was taken; send it again in a while")
        except RefusedError as error:
            return refused(strangers, network, error)
        strangers.prove(network)
        if activity is None:
            return Response()
        try:
            said = await run_in_threadpool(_taken, app, activity)
        except StoreError as error:
            _log.error("chat not taken", error=str(error))
            return problem(503, "nothing was taken; send it again in a while")
        return Response(background=None if said is None else BackgroundTask(_reply, app, activity, said))

    return router


async def _happened(request: Request) -> tuple[TeamsApp, Activity | None]:
    """Which app is spoken to, and what happened, once it is clear that Microsoft says so."""
    chat: TeamsChat | None = request.app.state.teams_chat
    if chat is None or chat.app is None:
        raise RefusedError(404, "there is no app of Teams here; set up [chat.teams.app] in resile.toml")
    app = chat.app
    try:
        raw = await read_body(request, most_bytes=MAX_BYTES, what="message of Teams")
        claims = await run_in_threadpool(app.keys.check, request.headers.get("authorization", ""))
        told = msgspec.json.decode(raw)
        now = request.app.state.resile.clock.now()
        return app, activity_of(told, claims, tenant=app.settings.tenant, now=now)
    except BodyError as error:
        raise RefusedError(error.status, error.detail) from None
    except AccessError as error:
        raise RefusedError(401, str(error)) from None
    except ConfigError as error:
        raise RefusedError(400, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RefusedError(400, "the body is no JSON; give this address to an app of Teams") from None


def _taken(app: TeamsApp, activity: Activity) -> str | None:
    """What came of it; None: nobody waits for an answer.

    Raises:
        StoreError: nothing was written down; it has to be told again.
    """
    if activity.asked is None and not activity.button:
        return app.bot.take(activity)
    return said_of(lambda: app.bot.take(activity) or "")


def _reply(app: TeamsApp, activity: Activity, said: str) -> None:
    try:
        app.connector.reply(activity.service_url, activity.conversation, activity.id, cut(said, MAX_TEXT))
    except DeliveryError as error:
        # What was done holds; only whoever asked is not told so here.
        _log.info("chat answer not told", because=str(error))
