"""The question why: what became of each alert, stage by stage, for pages, API and terminal."""

from datetime import datetime

from msgspec import Struct

from resile.model.alert import Decision, KnownAlert, Link, Outcome, Verdict
from resile.model.errors import ConfigError
from resile.ports.paging_store import PagingStore

MAX_LISTED = 1_000
MAX_DECISIONS = 100


class AlertRow(Struct, frozen=True, kw_only=True):
    """An alert in a list.

    Attributes:
        state: `firing`, `acknowledged` or `resolved`.
        outcome: what became of it when something was last decided, a value of `Outcome`.
        why: the sentence that decided it.
        because_of: id or name of what decided: a silence, an incident, a route.
        starts_at: since when it holds, as its sender says; first_at: when it was first told here.
    """

    id: str
    title: str
    door: str
    state: str
    outcome: str
    why: str
    because_of: str | None
    service: str | None
    severity: str | None
    incident_id: str | None
    starts_at: datetime
    ends_at: datetime | None
    told_at: datetime
    first_at: datetime
    decided_at: datetime
    n_told: int
    n_fired: int
    is_test: bool


class StageSaid(Struct, frozen=True, kw_only=True):
    """What one stage decided. `ends`: nothing after it was asked."""

    stage: str
    reason: str
    ends: bool
    because_of: str | None


class DecisionSaid(Struct, frozen=True, kw_only=True):
    """What was decided of an alert at an instant, stage by stage in their order."""

    at: datetime
    state: str
    outcome: str
    incident_id: str | None
    stages: list[StageSaid]


class AlertView(Struct, frozen=True, kw_only=True):
    """All that is known of one alert.

    Attributes:
        decisions: the newest first; what was merely told again made none.
        group_key: route and digest of the values by which it is grouped.
    """

    alert: AlertRow
    fingerprint: str
    labels: dict[str, str]
    description: str
    links: list[Link]
    playbook: str | None
    by: str | None
    expires_at: datetime | None
    group_key: str | None
    warnings: list[str]
    decisions: list[DecisionSaid]


class AlertQuestions:
    """What pages, API and terminal ask of alerts."""

    def __init__(self, store: PagingStore) -> None:
        self._store = store

    def listed(
        self,
        *,
        text: str = "",
        outcome: str | None = None,
        firing: bool = False,
        before: datetime | None = None,
        limit: int = 100,
    ) -> list[AlertRow]:
        """The newest decision first.

        Args:
            text: looked for in titles, services and doors, in any case.
            outcome: only those of which this became, a value of `Outcome`.
            firing: only those that are not resolved.
            before: only those decided upon earlier, for the next page: `decided_at` of the last row.

        Raises:
            ConfigError: there is no such outcome, or the limit lies out of bounds.
        """
        if outcome is not None and outcome not in list(Outcome):
            raise ConfigError(f"outcome {outcome[:40]!r} is unknown; use one of {', '.join(Outcome)}")
        if not 1 <= limit <= MAX_LISTED:
            raise ConfigError(f"{limit} alerts cannot be listed at once; ask for 1 to {MAX_LISTED:,}")
        if not firing:
            found = self._store.recent_alerts(limit=limit, text=text, outcome=outcome, before=before)
            return [row_of(one) for one in found]
        wanted = text.strip().casefold()
        if not wanted and outcome is None and before is None:
            # Of a flood, no more is read than is shown.
            return [row_of(one) for one in self._store.alerts_firing(limit=limit)]
        rows = [
            row_of(one)
            for one in self._store.alerts_firing()
            if (outcome is None or one.outcome == outcome)
            and (before is None or one.decided_at < before)
            and wanted in f"{one.alert.title}\n{one.alert.service or ''}\n{one.alert.door}".casefold()
        ]
        return rows[:limit]

    def one(self, alert_id: str) -> AlertView | None:
        """One alert with what was decided of it; None if there is none of that id."""
        known = self._store.alerts([alert_id]).get(alert_id)
        return None if known is None else _view(known, self._store.decisions(alert_id, limit=MAX_DECISIONS))


def row_of(known: KnownAlert) -> AlertRow:
    """The alert as lists show it."""
    alert = known.alert
    last = _deciding(known)
    return AlertRow(
        id=known.id,
        title=alert.title,
        door=alert.door,
        state=alert.state.value,
        outcome=known.outcome.value,
        why="" if last is None else last.reason,
        because_of=None if last is None else last.because_of,
        service=alert.service,
        severity=None if alert.severity is None else alert.severity.value,
        incident_id=known.incident_id,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        told_at=alert.told_at,
        first_at=known.first_at,
        decided_at=known.decided_at,
        n_told=known.n_told,
        n_fired=known.n_fired,
        is_test=alert.is_test,
    )


def _deciding(known: KnownAlert) -> Verdict | None:
    """The verdict that decided it: where the last one only says which incident it joins, the one that chose that."""
    if not known.verdicts:
        return None
    *before, last = known.verdicts
    chose = [one for one in before if one.because_of and one.because_of == known.incident_id]
    return chose[-1] if chose and last.because_of == known.incident_id else last


def _view(known: KnownAlert, decisions: list[Decision]) -> AlertView:
    alert = known.alert
    return AlertView(
        alert=row_of(known),
        fingerprint=alert.fingerprint,
        labels=dict(sorted(alert.labels.items())),
        description=alert.description,
        links=list(alert.links),
        playbook=alert.playbook,
        by=alert.by,
        expires_at=alert.expires_at,
        group_key=known.group_key,
        warnings=list(alert.warnings),
        decisions=[
            DecisionSaid(
                at=one.at,
                state=one.state.value,
                outcome=one.outcome.value,
                incident_id=one.incident_id,
                stages=[_said(verdict) for verdict in one.verdicts],
            )
            for one in decisions
        ],
    )


def _said(verdict: Verdict) -> StageSaid:
    return StageSaid(stage=verdict.stage.value, reason=verdict.reason, ends=verdict.ends, because_of=verdict.because_of)
