"""An incident's page, made once for all who look at the same moment and may do the same."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from resile.app.wiring import Resile

T = TypeVar("T")

# Nothing happened on the timeline: then only the outbox and the clock have moved.
_HOLDS = timedelta(seconds=2)
# What is asked of all incidents, or of all deployments, is dear, and changes slowly.
_FIGURES_HOLD = timedelta(seconds=15)
_ZERO = timedelta(0)
# Incidents, zones and rights together; a page of two thousand lines is about a megabyte.
MAX_KEPT = 64
MAX_FIGURES = 256
# What others were told is looked through for the incident's own events; after more, the page is made anew.
_AT_ONCE = 500


class Look(Struct, frozen=True):
    """What makes two readers' pages the same.

    Attributes:
        first: number of the first line that is shown; None: the newest.
        follows: the newest lines are shown however many there are by now.
        whose: who looks, where the page says what they alone may do; empty: it says the same to all.
    """

    incident_id: str
    zone: str
    can_write: bool
    first: int | None = None
    follows: bool = False
    whose: str = ""


class Made(Struct, frozen=True):
    """What an incident's page is called, and what stands on it.

    Attributes:
        is_personal: it says what whoever looks may do, and others may not.
    """

    title: str
    html: str
    is_personal: bool = False


class _Kept:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seq = -1
        self.at: datetime | None = None
        self.made: Made | None = None


class SharedRooms:
    """Everybody who watches asks again whenever something happens, all at once.

    Attributes:
        token: stands in a shared page where each reader's own form token belongs; no text that anybody wrote holds it.
    """

    def __init__(self, resile: Resile) -> None:
        self.token = f"form-{secrets.token_hex(16)}"
        self.figures = Figures(resile)
        self._resile = resile
        self._lock = threading.Lock()
        self._kept: OrderedDict[Look, _Kept] = OrderedDict()

    def page(self, look: Look, csrf_token: str, make: Callable[[], Made | None]) -> Made | None:
        """The page with all that the timeline tells by now, and with this reader's form token."""
        with self._lock:
            kept = self._kept.setdefault(look, _Kept())
            self._kept.move_to_end(look)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        with kept.lock:
            seq, now = self._resile.timelines.last_seq(), self._resile.clock.now()
            if not self._holds(kept, look.incident_id, seq, now):
                kept.made, kept.seq, kept.at = make(), seq, now
            made = kept.made
        return None if made is None else self.own(made, csrf_token)

    def own(self, made: Made, csrf_token: str) -> Made:
        """A page that was made with the token of all, for one reader."""
        return replace(made, html=made.html.replace(self.token, csrf_token))

    def _holds(self, kept: _Kept, incident_id: str, seq: int, now: datetime) -> bool:
        if kept.at is None or not _ZERO <= now - kept.at < _HOLDS:
            return False
        if kept.seq == seq:
            return True
        told = self._resile.timelines.follow(kept.seq, limit=_AT_ONCE)
        if len(told) == _AT_ONCE or any(one.incident_id == incident_id for one in told):
            return False
        kept.seq = told[-1].seq if told else seq
        return True


class Figures:
    """Answers about all incidents and deployments, for whichever pages ask for them within a quarter of a minute."""

    def __init__(self, resile: Resile) -> None:
        self._resile = resile
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[datetime, object]] = OrderedDict()

    def of(self, key: Hashable, ask: Callable[[], T]) -> T:
        """The answer to a question, asked anew once it is old."""
        now = self._resile.clock.now()
        with self._lock:
            known = self._known.get(key)
        if known is not None and _ZERO <= now - known[0] < _FIGURES_HOLD:
            return cast("T", known[1])
        answer = ask()
        with self._lock:
            self._known[key] = now, answer
            self._known.move_to_end(key)
            while len(self._known) > MAX_FIGURES:
                self._known.popitem(last=False)
        return answer
