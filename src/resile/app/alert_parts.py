"""What takes alerts in, what time brings to them and their incidents, and silences, over one database."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from resile.app.alert_incidents import Pages
from resile.app.alert_intake import AlertIntake
from resile.app.alert_rules import AlertRules
from resile.app.alert_timers import AlertTimers
from resile.app.catalog import Catalog
from resile.app.directory import Verified
from resile.app.endings import Endings
from resile.app.heartbeats import Heartbeats
from resile.app.listening import Listening
from resile.app.playbooks import Playbooks
from resile.app.silences import Silences, Ways
from resile.app.staying_clear import StayingClear
from resile.app.tick import Handler
from resile.ports.clock import Clock
from resile.ports.door_book import Door
from resile.ports.paging_store import PagingStore, TimerKind
from resile.ports.silence_book import SilenceBook
from resile.ports.timeline_store import TimelineStore
from resile.response.ending import EndingLengths


class Alerting(Struct, frozen=True, kw_only=True):
    """The use cases from alerts to incidents."""

    intake: AlertIntake
    listening: Listening
    timers: AlertTimers
    heartbeats: Heartbeats
    silences: Silences
    clear: StayingClear
    endings: Endings

    @property
    def handlers(self) -> Mapping[TimerKind, Handler]:
        """What is asked when timers of these kinds are due."""
        return {
            TimerKind.ALERT: self.timers.due,
            TimerKind.HEARTBEAT: self.heartbeats.due,
            TimerKind.SILENCE: self.silences.due,
            TimerKind.CLEAR: self.clear.due,
            TimerKind.ENDING: self.endings.due,
        }


def alerting_over(
    paging: PagingStore,
    timelines: TimelineStore,
    book: SilenceBook,
    *,
    catalog: Catalog,
    doors: Callable[[], Mapping[str, Door]],
    pages: Callable[[], Pages],
    ways: Ways,
    clock: Clock,
    verified: Verified = dict,
    lengths: EndingLengths | None = None,
    address: str | None = None,
) -> Alerting:
    """All of it over these stores; `pages` as in AlertIntake, `ways` as in Silences, what follows as in Endings."""
    rules = AlertRules(catalog, book)
    listening = Listening(clock.now())
    playbooks = Playbooks(catalog, paging, timelines, clock)
    intake = AlertIntake(paging, timelines, clock, rules=rules, silences=book, pages=pages, opening=playbooks.opening)
    return Alerting(
        intake=intake,
        listening=listening,
        timers=AlertTimers(paging, intake, listening),
        heartbeats=Heartbeats(paging, doors, intake, listening),
        silences=Silences(book, paging, catalog, clock, ways=ways),
        clear=StayingClear(paging, timelines, pages=pages),
        endings=Endings(
            paging, timelines, catalog, verified=verified, lengths=lengths or EndingLengths(), address=address
        ),
    )
