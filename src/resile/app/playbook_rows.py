"""The playbooks of the catalog as they are listed: what for, whose, how risky, how often used, to what effect."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from msgspec import Struct

from resile.analytics.playbook_effect import PlaybookEffect, playbook_effects
from resile.analytics.query import Window
from resile.app.extent import refreshed_facts
from resile.app.playbook_lint import surroundings
from resile.app.playbooks import KnownPlaybook
from resile.app.wiring import Resile
from resile.model.playbook import Playbook, PlaybookFault
from resile.model.room_event import Risk
from resile.model.time import EARLIEST
from resile.response.playbook_lint import lint


class PlaybookRow(Struct, frozen=True, kw_only=True):
    """One playbook in a list.

    Attributes:
        match: its conditions, as routes write them: `service=checkout`.
        n_steps: by risk.
        faults: what had better be mended, by line.
        number, changed_at, changed_by: of its version.
    """

    name: str
    title: str
    match: list[str]
    owner: str | None
    reviewed: date | None
    severity: str | None
    n_steps: dict[Risk, int]
    faults: list[PlaybookFault]
    effect: PlaybookEffect
    number: int
    changed_at: datetime
    changed_by: str


def playbook_rows(resile: Resile, names: Sequence[str] | None = None) -> list[PlaybookRow]:
    """The playbooks of the catalog by name, or those that are named and are there."""
    known = resile.playbooks.all()
    wanted = [known[name] for name in (sorted(known) if names is None else names) if name in known]
    if not wanted:
        return []
    around = surroundings(resile)
    effects = effects_of(resile, [one.playbook for one in wanted])
    return [
        _row(one, lint(one.playbook.name, one.playbook.text, around), effect)
        for one, effect in zip(wanted, effects, strict=True)
    ]


def effects_of(resile: Resile, playbooks: Sequence[Playbook]) -> list[PlaybookEffect]:
    """What the use of each comes to, over the whole history."""
    window = Window(EARLIEST, resile.clock.now())
    with refreshed_facts(resile) as facts:
        return playbook_effects(facts, playbooks, window)


def _row(known: KnownPlaybook, faults: list[PlaybookFault], effect: PlaybookEffect) -> PlaybookRow:
    playbook, version = known.playbook, known.version
    counts = Counter(step.risk for step in playbook.steps)
    return PlaybookRow(
        name=playbook.name,
        title=playbook.title,
        match=[str(condition) for condition in playbook.match],
        owner=playbook.owner,
        reviewed=playbook.reviewed,
        severity=playbook.severity,
        n_steps={risk: counts[risk] for risk in Risk if counts[risk]},
        faults=faults,
        effect=effect,
        number=version.number,
        changed_at=version.at,
        changed_by=version.by,
    )
