"""Where Slack tells what happens in incidents' channels, and what people ask for there: no session, but a signature.

Events go through the journal, as everything that arrives at doors: Slack tells each up to four times, and forgets it
once it was answered. What is said elsewhere than in incidents' channels is kept nowhere.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog
from fastapi import APIRouter, Request
from msgspec import Struct
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response

from resile.app.chat_commands import Asked, Press
from resile.app.chat_parts import SlackChat
from resile.app.chat_people import PROGRAM
from resile.channels.slack_blocks import escaped
from resile.channels.slack_room_card import OPEN, PREFIX
from resile.channels.slack_signature import check_signature
from resile.model.errors import AccessError, ConfigError, DeliveryError, ResileError, StoreError
from resile.ports.channel import Channel, Replying
from resile.ports.journal import Delivery
from resile.sources.doors.slack_events import DOOR
from resile.web.bodies import BodyError, read_body
from resile.web.doors.strangers import Strangers, network_of
from resile.web.errors import problem

MAX_EVENT_BYTES = 500_000
MAX_FORM_BYTES = 100_000
# Slack waits for 3 s. What takes longer is told afterwards.
ANSWER_WITHIN_S = 2.0
_REPLY_WITHIN_S = 5.0
_MAX_SAID = 2_900
_MAX_FIELDS = 40
_SETTING = "chat.slack.signing_secret"
_NOT_NOW = "resile cannot write or read its data now; try again in a moment."
_log = structlog.get_logger()


class _Body(Struct, frozen=True):
    """What arrived, signed by Slack."""

    chat: SlackChat
    raw: bytes


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def slack_router(strangers: Strangers) -> APIRouter:
    """The addresses `/chat/slack/events`, `/chat/slack/commands` and `/chat/slack/actions`.

    Looks at `app.state.slack_chat`, a SlackChat or None.

    Args:
        strangers: who was refused how often.
    """
    router = APIRouter(include_in_schema=False)

    async def answered(request: Request, most_bytes: int, take: Callable[[Request, _Body], Any]) -> Response:
        network = network_of(request.client.host if request.client else None)
        try:
            body = await _signed(request, most_bytes)
        except ClientDisconnect:
            return Response(status_code=400)
        except _RefusedError as error:
            wait_s = strangers.wait_s(network)
            strangers.refuse(network)
            _log.warning("chat refused", status=error.status)
            return problem(error.status, error.detail) if wait_s is None else _too_often(wait_s)
        strangers.prove(network)
        try:
            answer: Response = await take(request, body)
        except _RefusedError as error:
            return problem(error.status, error.detail)
        except StoreError as error:
            # Slack tells it again; where the data lies is for the log alone.
            _log.error("chat not taken", error=str(error))
            return problem(503, "nothing was taken; send it again in a while")
        return answer

    @router.post("/chat/slack/events")
    async def events(request: Request) -> Response:
        return await answered(request, MAX_EVENT_BYTES, _event)

    @router.post("/chat/slack/commands")
    async def commands(request: Request) -> Response:
        return await answered(request, MAX_FORM_BYTES, _command)

    @router.post("/chat/slack/actions")
    async def actions(request: Request) -> Response:
        return await answered(request, MAX_FORM_BYTES, _action)

    return router


async def _signed(request: Request, most_bytes: int) -> _Body:
    """The body, once it is clear that Slack sent it."""
    chat: SlackChat | None = request.app.state.slack_chat
    if chat is None:
        raise _RefusedError(404, "no incident has a channel at Slack here; set up [chat.slack] in resile.toml")
    try:
        raw = await read_body(request, most_bytes=most_bytes, what="message of Slack")
    except BodyError as error:
        raise _RefusedError(error.status, error.detail) from None
    now = request.app.state.resile.clock.now()
    try:
        check_signature(chat.signing_secret, dict(request.headers), raw, now=now, setting=_SETTING)
    except AccessError as error:
        raise _RefusedError(403, str(error)) from None
    return _Body(chat, raw)


async def _event(request: Request, body: _Body) -> Response:
    try:
        told = msgspec.json.decode(body.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _RefusedError(400, "the body is no JSON; give this address for events, not for commands") from None
    if not isinstance(told, dict):
        raise _RefusedError(400, "the body is none of Slack's events")
    if told.get("type") == "url_verification":
        return PlainTextResponse(str(told.get("challenge", ""))[:1_000])
    event = told.get("event")
    if isinstance(event, dict) and event.get("type") == "message":
        # The app's old verification token goes along with each; nothing checks by it any more, and nobody needs it.
        raw = msgspec.json.encode({name: value for name, value in told.items() if name != "token"})
        await run_in_threadpool(_keep, request, raw, str(told.get("event_id", "")), str(event.get("channel", "")))
    return Response()


def _keep(request: Request, raw: bytes, event_id: str, ref: str) -> None:
    """Write it into the journal, where it is about a channel of ours."""
    resile = request.app.state.resile
    if not event_id or not ref or resile.chats.room_called(PROGRAM, ref) is None:
        return
    resile.journal.append(Delivery(door=DOOR, id=event_id[:200], received_at=resile.clock.now(), body=raw))


async def _command(request: Request, body: _Body) -> Response:
    form = _form(body.raw)
    asked = Asked(
        text=form.get("text", ""),
        member=form.get("user_id", ""),
        member_name=form.get("user_name", ""),
        ref=form.get("channel_id", ""),
        # Without a name of its own a request is told again by who repeats it, with its signature.
        id=form.get("trigger_id", "") or request.headers.get("x-slack-signature", ""),
    )
    if not asked.member:
        raise _RefusedError(400, "the body is none of Slack's commands; give this address for commands")
    commands = body.chat.commands
    said, afterwards = await _in_time(body.chat, partial(commands.answer, asked), form.get("response_url", ""))
    answer = {"response_type": "ephemeral", "text": escaped(said)[:_MAX_SAID]}
    return JSONResponse(answer, background=None if afterwards is None else BackgroundTask(afterwards))


async def _action(request: Request, body: _Body) -> Response:
    form = _form(body.raw)
    try:
        pressed = msgspec.json.decode(form.get("payload", ""))
    except (msgspec.DecodeError, RecursionError):
        raise _RefusedError(400, "the body holds no payload of Slack's interactivity") from None
    actions = pressed.get("actions") if isinstance(pressed, dict) else None
    if not isinstance(actions, list) or pressed.get("type") != "block_actions":
        return Response()
    ours = [one for one in actions if isinstance(one, dict) and str(one.get("action_id", "")).startswith(PREFIX)]
    if not ours:
        return await _of_pages(request, body.raw)
    action = ours[0]
    if action.get("action_id") == OPEN:
        return Response()
    user = pressed.get("user") if isinstance(pressed.get("user"), dict) else {}
    place = pressed.get("channel") if isinstance(pressed.get("channel"), dict) else {}
    press = Press(
        action=str(action["action_id"]),
        incident_id=str(action.get("value", ""))[:200],
        member=str(user.get("id", "")),
        member_name=str(user.get("username", "") or user.get("name", "")),
        id=str(action.get("action_ts", "")),
        ref=str(place.get("id", "")),
    )
    address = str(pressed.get("response_url", ""))
    # Done before it is answered: what a crash keeps from being done, Slack says was not.
    said, afterwards = await _in_time(body.chat, partial(body.chat.commands.pressed, press), address)
    # The answer itself says nothing; what came of it is told to whoever pressed.
    background = BackgroundTask(_tell, body.chat, address, said) if afterwards is None else BackgroundTask(afterwards)
    return Response(background=background)


async def _of_pages(request: Request, raw: bytes) -> Response:
    """An app has one address for all its buttons: those of pages arrive here as well."""
    channel: Channel | None = request.app.state.channels.get("slack")
    if channel is None:
        return Response()
    try:
        receipts = await run_in_threadpool(channel.receipts, dict(request.headers), {}, raw, url=str(request.url))
    except (AccessError, ConfigError) as error:
        raise _RefusedError(403, str(error)) from None
    sentences = await run_in_threadpool(request.app.state.take_receipts, "slack", receipts)
    if not isinstance(channel, Replying):
        return Response()
    reply = channel.reply(receipts, sentences)
    background = None if reply.afterwards is None else BackgroundTask(reply.afterwards)
    return Response(reply.body, headers={"content-type": reply.content_type}, background=background)


async def _in_time(chat: SlackChat, do: Callable[[], str], address: str) -> tuple[str, Callable[[], Any] | None]:
    """What is to be said at once, and what is to be done after it was."""
    doing = asyncio.ensure_future(run_in_threadpool(_said, do))
    try:
        return await asyncio.wait_for(asyncio.shield(doing), ANSWER_WITHIN_S), None
    except TimeoutError:

        async def tell_later() -> None:
            said = await doing
            await run_in_threadpool(_tell, chat, address, said)

        return "This takes a moment; what came of it is told here.", tell_later


def _said(do: Callable[[], str]) -> str:
    """What came of it, or why nothing did."""
    try:
        return do()
    except StoreError as error:
        _log.error("chat not carried out", error=str(error))
        return _NOT_NOW
    except DeliveryError as error:
        return f"{error}; try again in a moment."
    except ResileError as error:
        return f"{error}."
    except Exception as error:  # noqa: BLE001 - whoever asked waits for an answer
        _log.error("chat failed", exc_info=error)
        return "This is a fault of resile; the server's log says more, please report it."


def _tell(chat: SlackChat, address: str, said: str) -> None:
    if not chat.api.is_of_slack(address, chat.settings.hooks):
        return
    try:
        chat.api.tell(address, escaped(said)[:_MAX_SAID], timeout_s=_REPLY_WITHIN_S)
    except DeliveryError as error:
        # What was done holds; only whoever asked is not told so here.
        _log.info("chat answer not told", because=str(error))


def _form(raw: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(raw.decode(), max_num_fields=_MAX_FIELDS, keep_blank_values=True)
    except ValueError:
        raise _RefusedError(400, "the body is no form of Slack's; give this address for commands or buttons") from None
    return {name: values[-1] for name, values in fields.items()}


def _too_often(wait_s: int) -> Response:
    answer = problem(429, "too many requests that are none of Slack's came from this address; come again in a while")
    answer.headers["retry-after"] = str(wait_s)
    return answer
