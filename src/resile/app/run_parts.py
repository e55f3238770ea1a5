"""What runs steps of playbooks, put together over one database."""

from functools import cache
from typing import Any

from resile.app.crew import Crew
from resile.app.paging import Paging
from resile.app.playbooks import Playbooks
from resile.app.run_ends import RunEnds
from resile.app.runners import runners_of
from resile.app.runs import Runs
from resile.app.settings import Settings
from resile.ports.clock import Clock
from resile.ports.facts_store import FactsStore
from resile.ports.paging_store import PagingStore
from resile.ports.timeline_store import TimelineStore


def runs_over(
    paging: PagingStore,
    timelines: TimelineStore,
    facts: FactsStore,
    *,
    playbooks: Playbooks,
    pager: Paging,
    settings: Settings,
    clock: Clock,
) -> Runs:
    """All of it over these stores; nothing is opened before a step runs."""

    def own_facts() -> Any:
        facts.refresh()
        with facts.table() as table:
            return table.to_pyarrow()

    runners = cache(lambda: runners_of(settings.runners, allowed_addresses=settings.allowed_addresses, facts=own_facts))
    ends = RunEnds(paging, timelines, clock, pager, playbooks=playbooks, settings=settings.runners)
    crew = Crew(runners, at_once=settings.runners.at_once)
    return Runs(paging, timelines, clock, playbooks=playbooks, settings=settings.runners, ends=ends, crew=crew)
