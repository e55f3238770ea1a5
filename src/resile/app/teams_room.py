"""One channel of Teams hears of incidents: a card when one is declared, and another each time it has moved on.

A workflow takes cards and nothing else: it changes none that it posted, and knows none again. So a card that may have
been posted is posted once more rather than not at all.
"""

from datetime import timedelta

import msgspec
import structlog
from msgspec.structs import replace

from resile.app.chat_card import card_of
from resile.app.chat_settings import TeamsRoomSettings
from resile.app.staying_clear import watched_until
from resile.app.wiring import Resile
from resile.channels.slack_room_card import Card
from resile.channels.teams import Teams
from resile.model.chat import ChatRoom
from resile.model.errors import ConflictError, DeliveryError, StoreError
from resile.model.incident import fold, value_of
from resile.model.message import MessageClass
from resile.ports.channel import Outgoing, RefusedError

PROGRAM = "teams"
LEASE = timedelta(seconds=30)
_TIMEOUT_S = 10.0
_FIRST_REST = timedelta(seconds=2)
_LONGEST_REST = timedelta(minutes=1)
_FINAL_REST = timedelta(minutes=10)
# What moves is shown; who has which role by now is on the incident's page.
_SHOWN = frozenset({"Severity", "Mitigated", "Restored", "Taken by"})
_log = structlog.get_logger()


class TeamsCards:
    """Posts them. Several may be at work, in several processes.

    Args:
        by: who this is; no two alike.
    """

    def __init__(self, resile: Resile, teams: Teams, settings: TeamsRoomSettings, *, by: str) -> None:
        self._resile = resile
        self._book = resile.chats
        self._teams = teams
        self._settings = settings
        self._by = by

    def tend_next(self) -> bool:
        """Post what is due the longest; False: nothing is.

        Raises:
            StoreError: the store failed; it is posted when the lease runs out.
        """
        now = self._resile.clock.now()
        held = self._book.claim(PROGRAM, now=now, until=now + LEASE, by=self._by)
        if held is None:
            return False
        try:
            self._book.give_back(held, self._tended(held.room))
        except ConflictError as error:
            _log.info("card left to others", incident=held.room.incident_id, because=str(error))
        return True

    def _tended(self, room: ChatRoom) -> ChatRoom:
        try:
            shows = self._posted(room)
        except DeliveryError as error:
            rest = min(_FIRST_REST * 2 ** min(room.n_faults, 10), _LONGEST_REST)
            if isinstance(error, RefusedError):
                rest = max(_FINAL_REST if error.is_final else rest, timedelta(seconds=error.again_in_s or 0.0))
            _log.warning("card put off", incident=room.incident_id, because=str(error), by_s=rest.total_seconds())
            due_at = self._resile.clock.now() + rest
            return replace(room, n_faults=room.n_faults + 1, fault=str(error)[:500], due_at=due_at)
        except (ConflictError, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one card, the others are posted
            _log.error("card failed", incident=room.incident_id, exc_info=error)
            fault = f"a fault of resile ({type(error).__name__})"
            return replace(room, n_faults=room.n_faults + 1, fault=fault, due_at=self._resile.clock.now() + _FINAL_REST)
        return replace(room, card_shows=shows, n_faults=0, fault="", due_at=None)

    def _posted(self, room: ChatRoom) -> str:
        """What the newest card shows, once it is posted."""
        incident_id = room.incident_id
        timeline = self._resile.timelines.read(incident_id)
        incident = fold(incident_id, timeline)
        has_address = self._resile.settings.base_url is not None
        url = self._resile.links.incident(incident_id) if has_address else None
        until = watched_until(self._resile.paging, incident_id)
        card = card_of(incident_id, incident, timeline, watched_until=until, url=url)
        shows = _shown(card)
        if shows == room.card_shows or self._settings.workflow is None:
            return shows
        lines = [f"{name}: {value}" for name, value in card.lines if value]
        outgoing = Outgoing(
            id=incident_id,
            message_class=MessageClass.NOTICE,
            address=self._settings.workflow.get_secret_value(),
            title=f"{incident_id} {card.title}",
            text="\n".join([card.state, *lines]),
            severity=value_of(incident.severity, None),
            incident_id=incident_id,
            url=url,
        )
        self._teams.send(outgoing, timeout_s=_TIMEOUT_S)
        return shows


def _shown(card: Card) -> str:
    moved = [card.title, card.state, *(value for name, value in card.lines if name in _SHOWN)]
    return msgspec.json.encode(moved).decode()[:2_000]
