"""What runs beside the engine for as long as the server does, so that paging can be trusted from outside."""

from collections.abc import Mapping, Sequence

import structlog

from resile.app.audit import Audit, OutwardHeartbeat, caller_of
from resile.app.auto_steps import AutoSteps
from resile.app.chatting import Chat, Chatting
from resile.app.communication_parts import threads_of
from resile.app.drill_results import drills_of
from resile.app.drills import RingDrills
from resile.app.emit import Emitter, Emitting
from resile.app.engine import Engine
from resile.app.maintenance import Maintenance
from resile.app.maintenance_marks import MarkingThread
from resile.app.telling import TellingThreads
from resile.app.wiring import Resile
from resile.model.errors import StoreError
from resile.ports.channel import Channel

_log = structlog.get_logger()


class BesideEngine:
    """All that acts by itself while the server runs, and does not page.

    Raises:
        ConfigError: a setting cannot be used.
    """

    def __init__(self, resile: Resile, chats: Sequence[Chat] = ()) -> None:
        settings = resile.settings
        self._resile = resile
        self._chats = chats
        self._heartbeat = settings.heartbeat
        if self._heartbeat is not None:
            self._call = caller_of(self._heartbeat.url, allowed=settings.allowed_addresses)
        self._threads: list[OutwardHeartbeat | Emitting | AutoSteps | TellingThreads | MarkingThread | Chatting] = []

    def start(self, engine: Engine, channels: Mapping[str, Channel]) -> None:
        """Begin."""
        resile = self._resile
        self._arm(drills_of(resile))
        self._arm(resile.communication.maintenance)
        self._threads += threads_of(resile, channels)
        if self._heartbeat is not None:
            audit = Audit(
                resile.paging, resile.journal, resile.clock, silent_s=engine.silent_s, folder=resile.settings.data
            )
            self._threads.append(OutwardHeartbeat(audit.troubles, self._call, every=self._heartbeat.apart))
        if resile.settings.emit:
            self._threads.append(Emitting(emitter_of(resile), resile.timelines))
        if resile.settings.runners.allowed:
            self._threads.append(AutoSteps(resile.runs, resile.timelines, resile.clock))
        self._threads += [Chatting(chat, resile.timelines) for chat in self._chats]
        for thread in self._threads:
            thread.start()

    def _arm(self, what: RingDrills | Maintenance) -> None:
        try:
            what.arm()
        except StoreError as error:
            # The engine waits for the store as well; this is no reason not to begin.
            _log.error("timers not set", of=type(what).__name__, error=str(error))

    def stop(self) -> None:
        """End."""
        for thread in self._threads:
            thread.stop()


def emitter_of(resile: Resile) -> Emitter:
    """What queues events for the systems that the settings name."""
    settings = resile.settings

    def page(incident_id: str) -> str | None:
        return None if settings.base_url is None else resile.links.incident(incident_id)

    return Emitter(
        resile.timelines,
        resile.paging,
        resile.deliveries,
        resile.clock,
        settings.emit,
        source=settings.base_url or "resile",
        page=page,
    )
