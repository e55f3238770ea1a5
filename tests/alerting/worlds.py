"""Alerts, and a world in which they are decided, without any store."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from resile.alerting.case import Case, Deed, Group, World
from resile.alerting.decide import Decided, decide
from resile.alerting.firing import Firing
from resile.alerting.rules import Rules, in_order
from resile.alerting.sender_clocks import as_meant
from resile.alerting.stages import completed
from resile.alerting.standing import Standing, firings_of
from resile.model.alert import Alert, AlertState, KnownAlert, alert_id_of
from resile.model.event import AlertCleared, AlertFired, Declared, Event, Reopened, Restored, Source
from resile.model.incident import fold

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRING, RESOLVED, ACKNOWLEDGED = AlertState.FIRING, AlertState.RESOLVED, AlertState.ACKNOWLEDGED


def at(minutes: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def alert(name: str = "errors", state: AlertState = FIRING, *, minute: float = 0, **more: Any) -> Alert:
    """An alert, told so many minutes after noon."""
    given = {"service": "shop", "starts_at": at(minute), "told_at": at(minute), "fingerprint": name, **more}
    return Alert(door=given.pop("door", "alertmanager"), state=state, title=given.pop("title", name), **given)


def rules(**more: Any) -> Rules:
    """Rules with routes in their order."""
    return Rules(**{**more, "routes": in_order(list(more.get("routes", ())))})


class Told:
    """Decides one telling after the other, and keeps what a store would keep."""

    def __init__(self, said: Rules | None = None) -> None:
        self.rules = said or rules()
        self.known: dict[str, KnownAlert] = {}
        self.timelines: dict[str, list[Event]] = {}
        self.groups: dict[str, Group] = {}
        self.firing = Firing(self.rules.inhibitions)

    def world(self) -> World:
        """What the stages may look at."""
        standings = {
            name: Standing(incident=fold(name, events), firings=firings_of(events))
            for name, events in self.timelines.items()
        }
        return World(
            rules=self.rules,
            firing=self.firing,
            groups=self.groups,
            incidents=standings,
            open=list(standings)[::-1],
        )

    def tell(self, told: Alert, *, now: datetime | None = None) -> Decided:
        """Decide it, and remember."""
        now = told.told_at if now is None else now
        alert_id = alert_id_of(told.door, told.fingerprint)
        known = self.known.get(alert_id)
        case = as_meant(Case(id=alert_id, alert=told, known=None, now=now), known)
        case = replace(case, alert=completed(case.alert, known), known=known)
        decided = decide(case, self.world())
        if decided.is_written:
            self._keep(decided, known)
        elif decided.case.is_counted and known is not None:
            again = replace(known.alert, told_at=told.told_at, holds_until=told.holds_until or known.alert.holds_until)
            self.known[alert_id] = KnownAlert(**{**_fields(known), "alert": again, "n_told": known.n_told + 1})
        return decided

    def _keep(self, decided: Decided, known: KnownAlert | None) -> None:
        case = decided.case
        incident_id = self._carry_out(case) or (None if known is None else known.incident_id)
        fires = case.alert.state is not RESOLVED
        fired = fires and (known is None or known.alert.state is RESOLVED)
        self.known[case.id] = KnownAlert(
            id=case.id,
            alert=case.alert,
            version=1 if known is None else known.version + 1,
            first_at=case.now if known is None else known.first_at,
            decided_at=case.now,
            outcome=decided.outcome,
            verdicts=decided.verdicts,
            incident_id=incident_id,
            group_key=case.group_key,
            n_told=1 if known is None else known.n_told + 1,
            n_fired=(0 if known is None else known.n_fired) + fired,
        )
        if fires:
            self.firing.put(case.id, case.alert)
            if incident_id is not None and case.group_key is not None:
                before = self.groups.get(case.group_key, Group())
                self.groups[case.group_key] = Group(incident_ids=(incident_id,), fired_at=(*before.fired_at, case.now))
        else:
            self.firing.drop(case.id)

    def _carry_out(self, case: Case) -> str | None:
        if case.deed is Deed.DECLARE:
            incident_id = f"INC-{len(self.timelines) + 1}"
            self._append(incident_id, case.now, Declared, services=(case.service,) if case.service else ())
        else:
            incident_id = case.incident_id or ""
        if case.deed is Deed.REOPEN:
            self._append(incident_id, case.now, Reopened)
        if case.deed in {Deed.DECLARE, Deed.REOPEN, Deed.JOIN}:
            self._append(incident_id, case.now, AlertFired, alert_id=case.id)
        if case.deed in {Deed.CLEAR, Deed.RESTORE}:
            self._append(incident_id, case.now, AlertCleared, alert_id=case.id)
        if case.deed is Deed.RESTORE:
            self._append(incident_id, case.now, Restored)
        return incident_id or None

    def _append(self, incident_id: str, now: datetime, kind: type[Any], **fields: Any) -> None:
        events = self.timelines.setdefault(incident_id, [])
        stamp = {"id": f"e{len(events):06}", "at": now, "recorded_at": now, "by": "door:alertmanager"}
        events.append(kind(**stamp, source=Source.MEASURED, **fields))


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}
