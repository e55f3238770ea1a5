"""Playbooks of the catalog: which an incident is offered, which is opened for it, and what its steps are given."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import structlog
from msgspec import Struct

from resile.app.catalog import Catalog
from resile.app.growing import Growing
from resile.model.alert import Alert
from resile.model.catalog import Kind
from resile.model.errors import ConfigError, ConflictError, StoreError, TransitionError
from resile.model.event import Source
from resile.model.incident import Incident, fold, labels_of, value_of
from resile.model.playbook import Playbook
from resile.model.playbook_match import About, Fit, Inputs, best_first, inputs_of
from resile.model.playbook_text import parse_playbook
from resile.model.room import room_of
from resile.model.room_event import PlaybookOpened
from resile.ports.catalog import Version
from resile.ports.clock import Clock
from resile.ports.paging_store import Changes, PagingStore
from resile.ports.timeline_store import TimelineStore

# Others may append first this often.
_TRIES = 40
_MAX_ALERTS = 500
_OLD_VERSIONS = 256
_log = structlog.get_logger()


class KnownPlaybook(Struct, frozen=True, kw_only=True):
    """A playbook as the catalog has it now."""

    playbook: Playbook
    version: Version

    @property
    def number(self) -> int:
        """Of its version."""
        return self.version.number


class Offered(Struct, frozen=True, kw_only=True):
    """A playbook that may be opened for an incident; `fit` None: nothing but a person says that it is for it."""

    known: KnownPlaybook
    fit: Fit | None


class Playbooks:
    """The use cases of playbooks as documents; nothing is run here."""

    def __init__(self, catalog: Catalog, paging: PagingStore, timelines: TimelineStore, clock: Clock) -> None:
        self._catalog = catalog
        self._paging = paging
        self._timelines = timelines
        self._clock = clock
        self._read_old: Callable[[str, int], Playbook | None] = lru_cache(_OLD_VERSIONS)(self._old)

    def all(self) -> dict[str, KnownPlaybook]:
        """Those that are in the catalog and can be read, by name."""
        found = self._catalog.playbooks()
        return {name: KnownPlaybook(playbook=playbook, version=version) for name, (version, playbook) in found.items()}

    def as_of(self, name: str, number: int) -> Playbook | None:
        """What a version of a playbook said, whatever it says now; None: there is no such version."""
        now = self._catalog.playbooks().get(name)
        return now[1] if now is not None and now[0].number == number else self._read_old(name, number)

    def _old(self, name: str, number: int) -> Playbook | None:
        versions = self._catalog.history(Kind.PLAYBOOK, name)
        body = next((one.body for one in versions if one.number == number), None)
        return None if body is None else parse_playbook(name, str(body.get("text", "")))

    def about(self, incident: Incident) -> About:
        """What playbooks look at: the incident, and its alerts, the first first."""
        # A flood has a hundred thousand, and pages wait for it.
        known = self._paging.alerts_of([incident.id], limit=_MAX_ALERTS)
        return _about(incident, [labels_to_match(one.alert) for one in known])

    def offered(self, incident: Incident) -> list[Offered]:
        """All playbooks for somebody to choose from: those that are for the incident, the best first, then the rest."""
        known = self.all()
        fits = best_first([one.playbook for one in known.values()], self.about(incident))
        best = [Offered(known=known[playbook.name], fit=fit) for playbook, fit in fits]
        named = {playbook.name for playbook, _ in fits}
        return best + [Offered(known=one, fit=None) for name, one in sorted(known.items()) if name not in named]

    def best(self, incident: Incident) -> str | None:
        """Name of the playbook that fits an incident best; None: none fits, or it cannot be found out."""
        try:
            known = [playbook for _, playbook in self._catalog.playbooks().values()]
            fits = best_first(known, self.about(incident)) if known else []
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a playbook breaks, the page goes out
            _log.error("playbook not found out", incident=incident.id, exc_info=error)
            return None
        return fits[0][0].name if fits else None

    def inputs(self, playbook: Playbook, incident: Incident, *, chosen: Mapping[str, str] | None = None) -> Inputs:
        """What the steps of a playbook are given for an incident; `chosen` as in `inputs_of`."""
        return inputs_of(playbook, self.about(incident), chosen=chosen)

    def opening(self) -> "Opening":
        """Opens playbooks by the catalog as it is now, for one batch of alerts, or one incident."""
        return Opening(self._catalog.playbooks)

    def open(self, incident_id: str, name: str | None = None, *, by: str) -> PlaybookOpened:
        """Open a playbook for an incident: the one that is named, else the one that fits best.

        The playbook that was opened last is the one in use. One that somebody chose already, in its present version, is
        not opened again; one that was opened by itself is, for now somebody says that they follow it.

        Raises:
            ConfigError: there is no such playbook, or none that fits.
            TransitionError: there is no such incident.
            ConflictError: others kept appending first.
        """
        for _ in range(_TRIES):
            growing = Growing(incident_id, self._timelines.read(incident_id), now=self._clock.now(), by=by)
            if not growing.incident.exists:
                raise TransitionError(f"incident {incident_id} is not known; check its id")
            chosen, because = self._chosen(growing.incident, name)
            open_now = next(iter(growing.room.playbooks), None)
            if open_now is not None and _is_chosen_already(open_now, chosen):
                return open_now
            growing.tell(
                PlaybookOpened,
                source=Source.HUMAN,
                playbook=chosen.playbook.name,
                number=chosen.number,
                because=because,
            )
            try:
                self._paging.commit(Changes(appends=growing.appends()))
            except ConflictError:
                continue
            opened = growing.new[-1]
            assert isinstance(opened, PlaybookOpened)  # noqa: S101 - it was told a moment ago
            return opened
        raise ConflictError(f"incident {incident_id}: others keep appending; try again in a moment")

    def _chosen(self, incident: Incident, name: str | None) -> tuple[KnownPlaybook, str]:
        offered = self.offered(incident)
        if name is None:
            best = offered[0] if offered else None
            if best is None or best.fit is None:
                raise ConfigError(f"no playbook fits incident {incident.id}; name one, or write one that does")
            return best.known, best.fit.because
        found = next((one for one in offered if one.known.playbook.name == name), None)
        if found is None:
            raise ConfigError(f"there is no playbook {name[:64]!r}; resile playbook list shows which there are")
        return found.known, "somebody chose it" if found.fit is None else f"chosen; {found.fit.because}"

    def of_incident(self, incident_id: str) -> tuple[PlaybookOpened, Playbook] | None:
        """The playbook in use for an incident, as it was when it was opened; None: none is, or it is gone."""
        opened = next(iter(room_of(self._timelines.read(incident_id)).playbooks), None)
        playbook = None if opened is None else self.as_of(opened.playbook, opened.number)
        return None if opened is None or playbook is None else (opened, playbook)

    def incident(self, incident_id: str) -> Incident:
        """An incident as its timeline tells it."""
        return fold(incident_id, self._timelines.read(incident_id))


def _is_chosen_already(opened: PlaybookOpened, chosen: KnownPlaybook) -> bool:
    is_same = (opened.playbook, opened.number) == (chosen.playbook.name, chosen.number)
    return is_same and opened.source is Source.HUMAN


class Opening:
    """Tells, of incidents that are being declared or grow, which playbook is opened: the one that fits best.

    Args:
        read: the catalog's; asked once, with the first incident that has no playbook open.
    """

    def __init__(self, read: Callable[[], dict[str, tuple[Version, Playbook]]]) -> None:
        self._read = read
        self._known: dict[str, tuple[Version, Playbook]] | None = None
        self._has_one: dict[str, bool] = {}

    def __call__(self, growing: Growing, alerts: Sequence[Alert] = ()) -> None:
        """Tell it on `growing`, for the caller to append, where a playbook fits and none is open.

        Args:
            alerts: those that just came to the incident; none where people declare it.

        Raises:
            StoreError: the catalog cannot be read now; neither could people be found who are to be paged.
        """
        try:
            self._open(growing, alerts)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a playbook breaks, people are paged
            _log.error("playbook not opened", incident=growing.incident_id, exc_info=error)

    def _open(self, growing: Growing, alerts: Sequence[Alert]) -> None:
        if self._known is None:
            self._known = self._read()
        if not self._known or self._is_open(growing):
            return
        about = _about(growing.incident, [labels_to_match(alert) for alert in alerts])
        fits = best_first([playbook for _, playbook in self._known.values()], about)
        if fits:
            playbook, fit = fits[0]
            who, growing.by = growing.by, "resile"
            number = self._known[playbook.name][0].number
            try:
                growing.tell(PlaybookOpened, playbook=playbook.name, number=number, because=fit.because)
            finally:
                growing.by = who
            self._has_one[growing.incident_id] = True

    def _is_open(self, growing: Growing) -> bool:
        its = growing.incident_id
        if its not in self._has_one:
            self._has_one[its] = any(isinstance(event, PlaybookOpened) for event in growing.events)
        return self._has_one[its]


def labels_to_match(alert: Alert) -> dict[str, str]:
    """An alert's labels, and what routes can ask for as if it were one."""
    return {"door": alert.door, "title": alert.title, **alert.labels}


def _about(incident: Incident, alerts: Sequence[Mapping[str, str]]) -> About:
    labels = labels_of(incident)
    digits = incident.id.removeprefix("INC-")
    return About(
        id=incident.id,
        number=int(digits) if digits.isdecimal() and digits.isascii() else None,
        title=value_of(incident.title, ""),
        severity=value_of(incident.severity, None),
        services=value_of(incident.services, ()),
        alerts=tuple(alerts) or ((labels,) if labels else ()),
    )
