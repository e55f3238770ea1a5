"""Steps of policies that come to nobody, now or within the next days: worked out from the rules, as duty is."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from msgspec import Struct

from resile.app.directory import GAP_WORDS
from resile.app.findings import Finding, Gravity
from resile.model.catalog import Team
from resile.model.errors import ConfigError
from resile.model.policy import Policy, Step, Target, TargetKind
from resile.response.oncall import Duty

DAYS_AHEAD = 14
_AHEAD = timedelta(days=DAYS_AHEAD)


class _Gap(Struct, frozen=True):
    """When a step comes to nobody; `is_whole`: no other step of its policy comes to anybody then either."""

    starts_at: datetime
    ends_at: datetime
    is_whole: bool


class Roster:
    """Who would be reached by what a step names, at each instant of the days to come.

    Args:
        reachable: people who have a contact that could be used.
        held: who holds a schedule in a span of time; raises ConfigError where that cannot be told.
    """

    def __init__(
        self,
        reachable: Collection[str],
        teams: Mapping[str, Team],
        held: Callable[[str, datetime, datetime], Sequence[Duty]],
        *,
        now: datetime,
    ) -> None:
        self._reachable = reachable
        self._teams = teams
        self._held = held
        self.now = now
        self._known: dict[str, Sequence[Duty] | str] = {}

    def faults(self, policy: Policy) -> Iterator[Finding]:
        """What is wrong with a policy's steps; of each step the first gap, and how many follow."""
        for number, step in enumerate(policy.steps, start=1):
            gaps = self._gaps(step, policy)
            if gaps:
                yield self._finding(policy, number, step, gaps)

    def reaches_nobody_now(self, policy: Policy) -> bool:
        """Whether every one of its steps comes to nobody at this moment."""
        return all(self._is_empty(step, self.now) for step in policy.steps)

    def _finding(self, policy: Policy, number: int, step: Step, gaps: Sequence[_Gap]) -> Finding:
        first = next((gap for gap in gaps if gap.is_whole), gaps[0])
        is_now = first.starts_at <= self.now
        when = "now" if is_now else f"from {first.starts_at:%Y-%m-%d %H:%M} UTC on"
        until = "" if first.ends_at >= self.now + _AHEAD else f", until {first.ends_at:%Y-%m-%d %H:%M} UTC"
        more = f" ({len(gaps) - 1} more within {DAYS_AHEAD} days)" if len(gaps) > 1 else ""
        whole = "; no other step reaches anybody then" if first.is_whole and len(policy.steps) > 1 else ""
        return Finding(
            gravity=Gravity.CRITICAL if first.is_whole else Gravity.SERIOUS,
            subject=f"policy {policy.name}, step {number},",
            what=f"reaches nobody {when}{until}{more}",
            why="; ".join(dict.fromkeys(self._reached(target, first.starts_at)[1] for target in step.page)) + whole,
            where="fill the gap, or have the step name somebody besides",
        )

    def _gaps(self, step: Step, policy: Policy) -> list[_Gap]:
        turns = sorted({self.now, *(at for one in policy.steps for at in self._turns(one))})
        stretches = list(pairwise([*turns, self.now + _AHEAD]))
        # Per stretch, whether this step reaches nobody, and whether none does.
        empty = [(self._is_empty(step, starts), stretch) for stretch in stretches for starts in stretch[:1]]
        found = []
        for is_empty, together in groupby(empty, key=lambda one: one[0]):
            if is_empty:
                spans = [stretch for _, stretch in together]
                is_whole = any(all(self._is_empty(one, starts) for one in policy.steps) for starts, _ in spans)
                found.append(_Gap(spans[0][0], spans[-1][1], is_whole))
        return found

    def _is_empty(self, step: Step, at: datetime) -> bool:
        return not any(self._reached(target, at)[0] for target in step.page)

    def _turns(self, step: Step) -> Iterator[datetime]:
        """When it may come to somebody else than before."""
        for target in step.page:
            team = self._teams.get(target.name) if target.kind is TargetKind.TEAM else None
            names = team.schedules if team is not None else (target.name,)
            for name in names if target.kind is not TargetKind.PERSON else ():
                held = self._duties(name)
                yield from (() if isinstance(held, str) else (duty.starts_at for duty in held))

    def _reached(self, target: Target, at: datetime) -> tuple[bool, str]:
        """Whether it reaches anybody; else why not."""
        if target.kind is TargetKind.PERSON:
            return target.name in self._reachable, f"person {target.name} has no contact that can be used"
        if target.kind is TargetKind.SCHEDULE:
            return self._holds(target.name, at)
        team = self._teams.get(target.name)
        if team is None:
            return False, f"team {target.name} is not in the catalog"
        held = [self._holds(name, at) for name in team.schedules]
        if any(is_held for is_held, _ in held) or any(name in self._reachable for name in team.members):
            return True, ""
        whys = [why for _, why in held] or [f"team {target.name} has no schedule"]
        return False, "; ".join([*whys, f"no member of team {target.name} can be reached"])

    def _holds(self, name: str, at: datetime) -> tuple[bool, str]:
        held = self._duties(name)
        if isinstance(held, str):
            return False, held
        duty = held[max(bisect_right(held, at, key=lambda one: one.starts_at) - 1, 0)]
        if duty.person is None:
            return False, f"nobody is on call for {name}: {GAP_WORDS.get(duty.because, str(duty.because))}"
        return duty.person in self._reachable, f"{duty.person}, on call for {name}, has no contact that can be used"

    def _duties(self, name: str) -> Sequence[Duty] | str:
        """Who holds a schedule; or why that cannot be told."""
        if name not in self._known:
            try:
                self._known[name] = self._held(name, self.now, self.now + _AHEAD)
            except ConfigError as error:
                self._known[name] = str(error)
        return self._known[name]
