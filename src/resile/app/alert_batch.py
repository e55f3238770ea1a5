"""A batch of tellings: what is needed is read in bulk, each is decided in its order, and all of it is one commit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from msgspec.structs import replace

from resile.alerting.case import MAX_MERGES, Case, Deed, Group, World
from resile.alerting.decide import Decided, decide
from resile.alerting.firing import Firing
from resile.alerting.incident_stages import MOST_COUNTED, NEAR_IN_TIME, began_at
from resile.alerting.rules import Rules
from resile.alerting.sender_clocks import as_meant
from resile.alerting.stages import LEAST_PATIENCE, completed, dedup, group, is_muted, route
from resile.app.alert_incidents import AlertIncidents, OpenPlaybook, Pages
from resile.app.recent_incidents import RecentIncidents
from resile.model.alert import AlertState, Decision, KnownAlert, Outcome
from resile.model.escalation import EscalationState
from resile.model.event import Absorbed, AlertFired, Event, Merged
from resile.model.incident import fold, value_of
from resile.model.silence import Silence
from resile.model.time import DAY, MINUTE
from resile.ports.paging_store import Changes, Counted, DeclaredFor, PagingStore, Timer, TimerKind
from resile.ports.timeline_store import TimelineStore

# Incidents to which an alert of another group may come: the newest of the services around.
_MAX_OPEN = 200
# Alerts that may inhibit others: the newest.
_MAX_INHIBITING = 10_000
# Of a group, so many incidents may be joined or reopened.
_MAX_OF_GROUP = 5
# Of the incidents that were merged into one, so many are asked for alerts that fire.
_MAX_ABSORBED = 100
# What is inhibited is asked about again so often: what inhibits it may have cleared. A silence says when it ends, and
# whoever ends it has its alerts asked about at once; but the program may have died in between.
_INHIBITED_ASKED_AFTER = 2 * MINUTE
_SILENCED_ASKED_AFTER = 15 * MINUTE


class AlertBatch:
    """Alerts that are decided together.

    Args:
        cases: in their order; `known` is looked up here.
        number: gives the number of a new incident.
        room: how many more alerts may fire at a door.
        recent: incidents that alerts of other groups may join.

    Attributes:
        muted: how often each silence muted an alert.
        n_more_firing: by door, how many more alerts fire than before.
        n_refused: by door, how many new alerts there was no room for.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        *,
        store: PagingStore,
        timelines: TimelineStore,
        rules: Callable[[datetime], Rules],
        pages: Pages,
        open_playbook: OpenPlaybook,
        now: datetime,
        number: Callable[[], int],
        room: Callable[[str], int],
        recent: RecentIncidents,
    ) -> None:
        self._store = store
        self._timelines = timelines
        self._pages = pages
        self._open_playbook = open_playbook
        self._now = now
        self._number = number
        self._read_rules = rules
        self._room = room
        self._recent = recent
        self._cases = cases
        self._known = store.alerts(list(dict.fromkeys(case.id for case in cases)))
        self._versions = {name: known.version for name, known in self._known.items()}
        self._written: set[str] = set()
        self._counted: dict[str, Counted] = {}
        self._decisions: list[Decision] = []
        self._timers: list[Timer] = []
        self._groups: dict[str, Group] = {}
        self._open: list[str] = []
        self._seen_until = 0
        self._declared_for: list[str] = []
        self.muted: dict[str, int] = {}
        self.n_more_firing: dict[str, int] = {}
        self.n_refused: dict[str, int] = {}

    def decide(self) -> Changes:
        """Everything that follows; nothing is written here."""
        # Re-sends are most of what arrives: of them nothing more need be read.
        ids = {case.id for case in self._cases if self._may_be_news(case)}
        ids |= self._of_what_is_over(case for case in self._cases if case.id not in ids)
        news = [case for case in self._cases if case.id in ids]
        world, incidents = self._world(news)
        for case in self._cases:
            self._take(case, world, incidents)
        paged = incidents.page(self._pages, self._store)
        return paged + incidents.appends() + self._alert_changes()

    def _may_be_news(self, case: Case) -> bool:
        known = self._known.get(case.id)
        if known is None:
            return True
        case = as_meant(case, known)
        _, verdict = dedup(replace(case, known=known), _NO_WORLD)
        return not verdict.ends or known.alert.state is not case.alert.state

    def _of_what_is_over(self, told_again: Iterable[Case]) -> set[str]:
        """Ids of those that were merely told again, though their incidents were restored: they may reopen them."""
        known = {case.id: self._known[case.id] for case in told_again}
        its = {name: one.incident_id for name, one in known.items() if one.incident_id and _is_in_incident(one)}
        if not its:
            return set()
        # Whose paging has not ended are open: of most that is all that is read.
        paged = self._store.escalations(list(dict.fromkeys(its.values())))
        open_ids = {one.incident_id for one in paged.values() if one.state is not EscalationState.ENDED}
        unpaged = [name for name in dict.fromkeys(its.values()) if name not in open_ids]
        standings = AlertIncidents(self._read(unpaged), now=self._now, number=self._number).standings
        world = replace(_NO_WORLD, incidents=standings)
        over = {
            name
            for name in unpaged
            if (standing := world.carrying_on(name)) is not None
            and standing.over is not None
            and self._now - standing.over[0] >= LEAST_PATIENCE
        }
        return {name for name, incident_id in its.items() if incident_id in over}

    # Reading

    @cached_property
    def _rules(self) -> Rules:
        return self._read_rules(self._now)

    def _world(self, news: Sequence[Case]) -> tuple[World, AlertIncidents]:
        if not news:
            return _NO_WORLD, AlertIncidents({}, now=self._now, number=self._number)
        rules = self._rules
        self._seen_until = self._timelines.last_seq()
        routed = [self._routed(case, rules) for case in news]
        keys = dict.fromkeys(one.group_key or "" for one in routed if _may_fire(one))
        of_groups = self._store.alerts_in_groups(list(keys))
        members = {key: of_groups.get(key, []) for key in keys}
        ids = {known.incident_id: None for case in news if (known := self._known.get(case.id)) is not None}
        for its in members.values():
            ids |= dict.fromkeys(_incidents_of(its))
        open_ids = self._open_ids(routed, rules)
        timelines = self._read([name for name in (*ids, *open_ids) if name is not None])
        incidents = AlertIncidents(timelines, now=self._now, number=self._number, open_playbook=self._open_playbook)
        self._look_up_untold(news, incidents)
        firing = Firing(rules.inhibitions)
        if rules.inhibitions:
            for one in reversed(self._store.alerts_firing(limit=_MAX_INHIBITING)):
                firing.put(one.id, one.alert)
        self._groups |= {key: _group(its, timelines, self._now) for key, its in members.items()}
        self._open += open_ids
        world = World(rules=rules, firing=firing, groups=self._groups, incidents=incidents.standings, open=self._open)
        return world, incidents

    def _routed(self, case: Case, rules: Rules) -> Case:
        """By which route and in which group a case will go, for what is to be read."""
        world = replace(_NO_WORLD, rules=rules)
        known = self._known.get(case.id)
        case = as_meant(case, known)
        case = replace(case, alert=completed(case.alert, known), known=known)
        return group(route(case, world)[0], world)[0]

    def _open_ids(self, routed: Sequence[Case], rules: Rules) -> list[str]:
        """Incidents near, in time and in the catalog, to what fires, the newest first."""
        fires = [case for case in routed if case.service and _may_fire(case)]
        if not fires:
            return []
        services = rules.around({case.service for case in fires if case.service})
        since = min(map(began_at, fires)) - NEAR_IN_TIME
        return self._recent.of_services(services, since=since, most=_MAX_OPEN)

    def _read(self, ids: Iterable[str]) -> dict[str, list[Event]]:
        """Timelines, and those of the incidents into which theirs were merged, and that were merged into them."""
        found: dict[str, list[Event]] = {}
        wanted = list(dict.fromkeys(ids))
        for _ in range(MAX_MERGES):
            if not wanted:
                break
            read = self._timelines.read_many(wanted)
            found |= read
            incidents = [
                fold(name, [event for event in told if isinstance(event, Merged | Absorbed)])
                for name, told in read.items()
            ]
            merged = [value_of(one.merged_into, None) for one in incidents]
            absorbed = [name for one in incidents for name in sorted(one.absorbed)[:_MAX_ABSORBED]]
            wanted = [name for name in dict.fromkeys((*merged, *absorbed)) if name is not None and name not in found]
        return found

    def _look_up_untold(self, news: Sequence[Case], incidents: AlertIncidents) -> None:
        """Which alerts fire of incidents whose timelines no longer tell, where one of them clears."""
        clearing = (self._known.get(case.id) for case in news if case.alert.state is AlertState.RESOLVED)
        for incident_id in {known.incident_id for known in clearing if known is not None and known.incident_id}:
            if incidents.is_told_no_more(incident_id):
                its = {
                    name for name, one in self._known.items() if one.incident_id == incident_id and _is_in_incident(one)
                }
                # Of a flood not all are read for each batch: whether others fire is told by some, too.
                others = self._store.firing_of(incident_id, limit=MOST_COUNTED + len(its))
                incidents.set_open(incident_id, its.union(others))

    # Deciding

    def _take(self, case: Case, world: World, incidents: AlertIncidents) -> None:
        known = self._known.get(case.id)
        case = as_meant(case, known)
        if self._is_refused(case, known):
            return
        case = replace(case, alert=completed(case.alert, known), known=known)
        decided = decide(case, world)
        if not decided.is_written:
            self._count(decided.case)
            return
        case = decided.case
        if case.deed is Deed.DECLARE and case.group_key is not None:
            self._declared_for.append(case.group_key)
        incident_id = incidents.carry_out(case)
        self._write(decided, incident_id)
        self._show(world, case, incident_id)

    def _is_refused(self, case: Case, known: KnownAlert | None) -> bool:
        """Whether so many alerts fire at its door that no further one is kept."""
        door = case.alert.door
        is_new = case.alert.state is not AlertState.RESOLVED and (
            known is None or known.alert.state is AlertState.RESOLVED
        )
        if not is_new or self._room(door) > self.n_more_firing.get(door, 0):
            return False
        self.n_refused[door] = self.n_refused.get(door, 0) + 1
        return True

    def _count(self, case: Case) -> None:
        """It was told again: how often, and until when that lets it live."""
        known = case.known
        if known is None or not case.is_counted or case.is_asked_again:
            return
        alert = case.alert
        expires_at = alert.expires_at or known.alert.expires_at
        holds_until = alert.holds_until or known.alert.holds_until
        again = replace(known.alert, told_at=alert.told_at, expires_at=expires_at, holds_until=holds_until)
        self._known[case.id] = replace(known, alert=again, n_told=known.n_told + 1)
        if known.alert.expires_at is None and expires_at is not None:
            # From now on its sender wants to be heard again and again: nothing looks at it yet.
            self._timers.append(Timer(kind=TimerKind.ALERT, subject=case.id, due_at=expires_at))
        before = self._counted.get(case.id)
        self._counted[case.id] = Counted(
            alert_id=case.id,
            n_more=1 if before is None else before.n_more + 1,
            told_at=alert.told_at,
            expires_at=alert.expires_at or (None if before is None else before.expires_at),
            holds_until=alert.holds_until or (None if before is None else before.holds_until),
        )

    def _write(self, decided: Decided, incident_id: str | None) -> None:
        case, known, alert = decided.case, decided.case.known, decided.case.alert
        was_firing = known is not None and known.alert.state is not AlertState.RESOLVED
        fires = alert.state is not AlertState.RESOLVED
        if fires is not was_firing:
            change = 1 if fires else -1
            self.n_more_firing[alert.door] = self.n_more_firing.get(alert.door, 0) + change
        if decided.outcome is Outcome.SILENCED:
            silence_id = decided.verdicts[-1].because_of or ""
            self.muted[silence_id] = self.muted.get(silence_id, 0) + 1
        belongs_to = incident_id or (None if known is None else known.incident_id)
        self._known[case.id] = KnownAlert(
            id=case.id,
            alert=alert,
            version=self._versions.get(case.id, 0) + 1,
            first_at=self._now if known is None else known.first_at,
            decided_at=self._now,
            outcome=decided.outcome,
            verdicts=decided.verdicts,
            incident_id=belongs_to,
            group_key=case.group_key or (None if known is None else known.group_key),
            n_told=(0 if known is None else known.n_told) + case.is_told,
            n_fired=(0 if known is None else known.n_fired) + (fires and not was_firing),
        )
        self._written.add(case.id)
        self._decisions.append(
            Decision(
                alert_id=case.id,
                at=self._now,
                state=alert.state,
                outcome=decided.outcome,
                verdicts=decided.verdicts,
                incident_id=belongs_to,
            )
        )

    def _show(self, world: World, case: Case, incident_id: str | None) -> None:
        """Let those that follow see it."""
        if case.alert.state is AlertState.RESOLVED:
            world.firing.drop(case.id)
            return
        world.firing.put(case.id, case.alert)
        if incident_id is None or case.group_key is None:
            return
        before = self._groups.get(case.group_key, Group())
        others = tuple(name for name in before.incident_ids if name != incident_id)
        self._groups[case.group_key] = Group(
            incident_ids=(incident_id, *others)[:_MAX_OF_GROUP], fired_at=(*before.fired_at, self._now)
        )
        if incident_id not in self._open:
            self._open.insert(0, incident_id)
            del self._open[_MAX_OPEN:]

    # Writing

    def _alert_changes(self) -> Changes:
        written = tuple(self._known[name] for name in sorted(self._written))
        counted = tuple(one for name, one in sorted(self._counted.items()) if name not in self._written)
        timers = (*self._timers, *(timer for one in written for timer in self._timer(one)))
        changes = Changes(alerts=written, decisions=tuple(self._decisions), counted=counted, timers=timers)
        if not self._declared_for:
            return changes
        # Of a group nothing has a version: somebody else may find at this moment, too, that it has no incident.
        declared = DeclaredFor(since=self._seen_until, group_keys=tuple(dict.fromkeys(self._declared_for)))
        return replace(changes, declared_for=(declared,))

    def _timer(self, known: KnownAlert) -> list[Timer]:
        due_at = self.asked_again_at(known)
        if due_at is None and known.id not in self._versions:
            return []
        return [Timer(kind=TimerKind.ALERT, subject=known.id, due_at=due_at)]

    def asked_again_at(self, known: KnownAlert) -> datetime | None:
        """When to look at an alert next: it may have expired by then, or what mutes it may be over."""
        return asked_again_at(known, self._silence_of(known), now=self._now)

    def stands(self, alert_id: str) -> KnownAlert | None:
        """An alert as it stands after all that was decided."""
        return self._known.get(alert_id)

    def _silence_of(self, known: KnownAlert) -> Silence | None:
        if known.outcome is not Outcome.SILENCED or not known.verdicts:
            return None
        silence_id = known.verdicts[-1].because_of
        return next((one for one in self._rules.silences if one.id == silence_id), None)


def asked_again_at(known: KnownAlert, silence: Silence | None, *, now: datetime) -> datetime | None:
    """When to look at an alert next; None: never by itself."""
    alert = known.alert
    if alert.state is AlertState.RESOLVED:
        return None
    times = [] if alert.expires_at is None else [alert.expires_at]
    if is_muted(known):
        until = None if silence is None else silence.holds_until(now)
        times.append(now + _INHIBITED_ASKED_AFTER if until is None else min(until, now + _SILENCED_ASKED_AFTER))
    return min(times, default=None)


_NO_WORLD = World(rules=Rules(), firing=Firing(()), groups={}, incidents={}, open=())


def _incidents_of(members: Sequence[KnownAlert]) -> list[str]:
    """The incidents of a group, the last decided upon first."""
    found = dict.fromkeys(one.incident_id for one in members if one.incident_id is not None)
    return list(found)[:_MAX_OF_GROUP]


def _group(members: Sequence[KnownAlert], timelines: Mapping[str, Sequence[Event]], now: datetime) -> Group:
    ids = _incidents_of(members)
    names = {one.id for one in members}
    since = now - DAY
    fired_at = tuple(
        event.recorded_at
        for incident_id in ids
        for event in timelines.get(incident_id, ())
        if isinstance(event, AlertFired) and event.recorded_at > since and event.alert_id in names
    )
    return Group(incident_ids=tuple(ids), fired_at=fired_at)


def _may_fire(case: Case) -> bool:
    """Whether it fires, or may turn out to when those before it in the batch are taken."""
    return case.alert.state is not AlertState.RESOLVED or case.alert.holds_until is not None


def _is_in_incident(known: KnownAlert) -> bool:
    return known.alert.state is not AlertState.RESOLVED and not is_muted(known)
