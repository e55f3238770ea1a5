"""The application, and the one process that serves it: pages, API and accounts."""

import contextlib
import errno
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from functools import cache, partial
from time import monotonic
from types import FrameType
from typing import Any

import structlog
import uvicorn
from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from resile import __version__
from resile.app.access import Access
from resile.app.accounts import Accounts
from resile.app.beside_engine import BesideEngine
from resile.app.chat_parts import slack_chat_over, teams_chat_over
from resile.app.own_metrics import OwnMetrics
from resile.app.paging_engine import Outside, engine_of, open_outside
from resile.app.passwords import Passwords
from resile.app.receive import ReceivingThread, receiver_of, receiving_alone
from resile.app.settings import Settings
from resile.app.steady_clock import SteadyClock
from resile.app.system_clock import SystemClock
from resile.app.wiring import Resile, open_resile
from resile.model.errors import ConfigError
from resile.web import accounts, api, errors, metrics
from resile.web.access_log import AccessLog
from resile.web.api.schema import describe
from resile.web.chat_slack import slack_router
from resile.web.chat_teams import teams_router
from resile.web.chat_teams_app import teams_app_router
from resile.web.crowd import crowded_protocol
from resile.web.doors.front import DoorFront
from resile.web.doors.open_doors import OpenDoors
from resile.web.doors.strangers import Strangers
from resile.web.feeds import feeds_router
from resile.web.gate import Gate
from resile.web.limits import MAX_CONNECTIONS, ImportDoor
from resile.web.live import Live
from resile.web.logs import log_to_stderr
from resile.web.pages import answers
from resile.web.pages import routers as page_routers
from resile.web.pages.rendering import STATIC
from resile.web.pages.warming import warm_up
from resile.web.readings import Readings
from resile.web.receipts import receipts_router
from resile.web.security import SecurityHeaders, check_form, is_loopback
from resile.web.shared_now import SharedNow
from resile.web.shared_room import SharedRooms
from resile.web.status.beside import StatusBeside
from resile.web.subscriptions import subscriptions_router

# Answers under way when the server is told to end get so long, and then so long to break off by themselves.
_GRACE_S = 5
_LAST_S = 3
# After so long a thread that computes gives the interpreter to one that waits for it. Whoever answers waits for it
# after every read and write; with Python's own 5 ms a page that is computed makes every answer slow.
_SWITCH_S = 0.001
_log = structlog.get_logger()


def create_app(
    resile: Resile,
    *,
    passwords: Passwords | None = None,
    elapsed_s: Callable[[], float] = monotonic,
    outside: Outside | None = None,
) -> FastAPI:
    """The application over an open resile.

    Args:
        passwords: how passwords are hashed; tests take a cheap way.
        outside: how people are reached; None: this application pages nobody.
        elapsed_s: a clock that only runs forward, in seconds, by which refusals at the doors are forgotten.
    """
    access = Access(resile.accounts, resile.clock, passwords or Passwords())
    doors = OpenDoors(resile.doors, has_accounts=access.has_accounts)
    app = _Application(
        DoorFront(resile, doors, Strangers(elapsed_s)),
        routes=[*_same_in_all()],
        lifespan=partial(_at_work, resile, doors, outside),
        title="resile",
        summary="Shortens the time to restore service, and measures it honestly.",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # The outermost first: every answer is logged and gets its headers, those of the gate too.
        middleware=[
            Middleware(AccessLog),
            Middleware(SecurityHeaders, settings=resile.settings),
            Middleware(Gate, settings=resile.settings, access=access),
            Middleware(ImportDoor),
        ],
    )
    app.state.resile = resile
    app.state.access = access
    app.state.accounts = Accounts(resile.accounts, resile.clock)
    app.state.has_settings_page = True
    app.state.is_ending = threading.Event()
    app.state.channels = {} if outside is None else outside.channels
    app.state.take_receipts = resile.receipts.take
    app.state.metrics = OwnMetrics(resile, app.state.channels)
    resile.receipts.measures = app.state.metrics
    app.state.slack_chat = slack_chat_over(resile)
    app.state.teams_chat = teams_chat_over(resile)
    chats = [one for one in (app.state.slack_chat, app.state.teams_chat) if one is not None]
    app.state.beside_engine = BesideEngine(resile, chats)
    app.state.live = Live(resile.timelines, app.state.is_ending, elapsed_s)
    app.state.now = SharedNow(resile)
    app.state.rooms = SharedRooms(resile)
    app.state.guessing = Strangers(elapsed_s)
    errors.install(app)
    app.add_api_route("/healthz", _healthz, include_in_schema=False)
    app.include_router(receipts_router(Strangers(elapsed_s)))
    app.include_router(slack_router(Strangers(elapsed_s)))
    app.include_router(teams_router(Strangers(elapsed_s)))
    app.include_router(teams_app_router(Strangers(elapsed_s)))
    app.include_router(feeds_router(Strangers(elapsed_s), Readings(elapsed_s)))
    app.include_router(subscriptions_router(Strangers(elapsed_s)))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    describe(app)
    return app


@cache
def _same_in_all() -> tuple[BaseRoute, ...]:
    """The routes that hold nothing of one application, so that they are worked out once in a process.

    FastAPI does that when something is first asked for, in 0.1 to 0.3 s.
    """
    shared = APIRouter()
    shared.include_router(api.router)
    shared.include_router(metrics.router, include_in_schema=False)
    for router in (*accounts.routers, *page_routers):
        shared.include_router(router, dependencies=[Depends(check_form)], include_in_schema=False)
    # Whoever holds a signed link has no session, and needs no form token: the link is the proof.
    shared.include_router(answers.router, include_in_schema=False)
    return tuple(shared.routes)


class _Application(FastAPI):
    """Pages and API, with the doors for deliveries before them."""

    def __init__(self, doors: DoorFront, **given: Any) -> None:
        super().__init__(**given)
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if self._doors.is_for(scope):
            await self._doors(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


@contextlib.asynccontextmanager
async def _at_work(resile: Resile, doors: OpenDoors, outside: Outside | None, app: FastAPI) -> AsyncIterator[None]:
    """For as long as the application is served, what arrives is processed, and who must be paged is paged."""
    settings = resile.settings
    receiving = ReceivingThread(
        receiver_of(resile),
        resile.journal,
        resile.clock,
        lasts=timedelta(days=settings.journal_days),
        max_bytes=int(settings.journal_max_gb * 1e9),
        alone=partial(receiving_alone, settings.data),
        is_busy=doors.is_busy,
    )
    own: OwnMetrics = app.state.metrics
    beside: BesideEngine = app.state.beside_engine
    engine = None if outside is None else engine_of(resile, outside, measures=own)
    receiving.start()
    if engine is not None and outside is not None:
        own.follow(engine.silent_s)
        await to_thread.run_sync(resile.shifts.ensure_timers)
        engine.start()
        beside.start(engine, outside.channels)
    try:
        yield
    finally:
        await to_thread.run_sync(resile.runs.crew.stop)
        await to_thread.run_sync(receiving.stop)
        if engine is not None:
            await to_thread.run_sync(beside.stop)
            await to_thread.run_sync(engine.stop)
        await doors.close()


@contextlib.contextmanager
def _settled() -> Iterator[None]:
    """Have the collector of cycles pass over what is loaded by now: it stays, and each look at it takes 0.1 s.

    Where whoever runs several applications in one process has done so already, it is left to them.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        # What the interpreter does not find when it ends, libraries report as leaked.
        gc.unfreeze()


def _healthz() -> PlainTextResponse:
    """Whether the server answers; for load balancers and the like, without a look at who asks."""
    return PlainTextResponse("ok\n")


def serve(
    settings: Settings,
    *,
    prepare: Callable[[Resile], None] | None = None,
    say: Callable[[str], None] = partial(print, flush=True),
) -> None:
    """Open resile, serve it until SIGINT or SIGTERM, and close it.

    Says one line with the address when it is ready; before the first admin exists, and unless the data is simulated,
    another one with the link by which the admin is made.

    Args:
        prepare: called with the open resile before anybody is answered.
        say: where the lines go.

    Raises:
        ConfigError: the port is in use, the host is none of this machine, or is not loopback while there is no admin.
        StoreError: the data cannot be opened.
    """
    log_to_stderr()
    sys.setswitchinterval(_SWITCH_S)
    listening = _bind(settings.host, settings.port)
    clock = SteadyClock(SystemClock(), monotonic)
    with contextlib.closing(listening), open_resile(settings, clock=clock) as resile, contextlib.ExitStack() as served:
        if not is_near(listening) and not resile.accounts.has_admin():
            raise ConfigError(
                f"host {settings.host}: without accounts resile listens on loopback alone; start it with "
                "RESILE_HOST=127.0.0.1, make the admin through the link that it prints, then start it here"
            )
        if prepare is not None:
            prepare(resile)
        resile.facts.refresh()
        address = settings.base_url or _address(listening)
        status = served.enter_context(StatusBeside(settings))
        app = create_app(resile, outside=open_outside(resile, address=address))
        warm_up(app)
        status.wait_until_ready()
        try:
            # Only now: whoever connects before the data is open would wait without knowing for what.
            listening.listen(MAX_CONNECTIONS)
        except OSError as error:
            raise _cannot_listen(settings.host, settings.port, error) from None
        server = _Server(app, settings, lambda: _greet(app, settings, address, say, status.address))
        try:
            with _settled():
                server.run(sockets=[listening])
        finally:
            server.has_ended()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError:
        raise ConfigError(f"host {host!r} is no address of this machine; give another with RESILE_HOST") from None
    try:
        if os.name == "posix":
            # A port whose last connections are still fading is free again; one that somebody listens on is not.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise _cannot_listen(host, port, error) from None
    return listening


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    return ConfigError(f"cannot listen on {host}:{port}: {_why(error)}")


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use; end the program that uses it, or choose another with RESILE_PORT"
    if error.errno == errno.EACCES:
        return "this user may not use that port; choose one above 1023 with RESILE_PORT"
    return f"{error.strerror}; give another host with RESILE_HOST"


def is_near(listening: socket.socket) -> bool:
    """Whether only this machine can reach the socket."""
    return is_loopback(str(listening.getsockname()[0]))


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _greet(
    app: FastAPI, settings: Settings, address: str, say: Callable[[str], None], status_address: str | None
) -> None:
    say(f"resile is ready: {address}/")
    if status_address is not None:
        say(f"The public status page: {status_address}/")
    access: Access = app.state.access
    if settings.is_simulated or access.has_accounts():
        return
    # In the fragment, which browsers never send: the secret stays out of every server's and proxy's log.
    link = f"{address}/setup#{access.make_set_up_link()}"
    say(
        f"Whoever uses this machine may read and write. To set up accounts, make the admin (once, within a day): {link}"
    )


def _give_up() -> None:
    """End with a thread still at work: what it stored is whole, what it was about to store was promised to nobody."""
    _log.warning("ended with a request under way", after_s=_GRACE_S + _LAST_S)
    os._exit(0)


class _Server(uvicorn.Server):
    """uvicorn as the whole of a program: SIGINT and SIGTERM end it with everything closed and exit code 0."""

    def __init__(self, app: FastAPI, settings: Settings, when_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                http=crowded_protocol(MAX_CONNECTIONS),
                ws="none",
                # Only behind a proxy that the settings speak of is its word on the reader's address taken.
                proxy_headers=settings.base_url is not None,
                # Of connections there are no more. What was asked on one that has ended may be at work still.
                limit_concurrency=2 * MAX_CONNECTIONS,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._when_ready = when_ready
        self._is_ending: threading.Event = app.state.is_ending
        self._last_resort = threading.Timer(_GRACE_S + _LAST_S, _give_up)
        self._last_resort.daemon = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell imports under way to break off; end without them if they do not hear it."""
        if not self._is_ending.is_set():
            self._is_ending.set()
            self._last_resort.start()
        super().handle_exit(sig, frame)

    def has_ended(self) -> None:
        """Nothing is under way any more."""
        self._last_resort.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self._when_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals while serving; not raise them again afterwards, which would end the program half-closed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
