"""Taking somebody else's duty, and two who exchange theirs: as overrides."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from resile.model.errors import ConfigError
from resile.model.schedule import Override
from resile.model.time import format_instant
from resile.response.oncall import Spell


def taken(spell: Spell, person: str, *, now: datetime, entry: Override) -> Override:
    """The override by which a person holds the rest of a spell.

    Args:
        entry: with its id, who enters it and why; person and times are filled in.

    Raises:
        ConfigError: the duty is theirs already.
    """
    if spell.person == person:
        raise ConfigError(
            f"{person} is on duty until {format_instant(spell.ends_at)} already; there is nothing to take"
        )
    return replace(entry, person=person, starts_at=max(now, spell.starts_at), ends_at=spell.ends_at)


def swapped(first: Spell, second: Spell, *, now: datetime, entries: Sequence[Override]) -> list[Override]:
    """The two overrides by which the holders of two duties exchange them; of one that runs, what is left of it.

    Args:
        entries: two, with their ids, who enters them and why.

    Raises:
        ConfigError: one of them is a gap or over, both are the same person's, or they overlap.
    """
    for spell in (first, second):
        if spell.person is None:
            raise ConfigError(
                f"nobody is on duty at {format_instant(spell.starts_at)}; enter an override instead of a swap"
            )
        if spell.ends_at <= now:
            # Who was on call is a fact by then, and no plan.
            raise ConfigError(
                f"{spell.person}'s duty was over {format_instant(spell.ends_at)}; name two that are to come"
            )
    if first.person == second.person:
        raise ConfigError(f"both duties are {first.person}'s; name two that different people hold")
    if first.starts_at < second.ends_at and second.starts_at < first.ends_at:
        raise ConfigError("the two duties overlap; name two that lie apart")
    return [
        replace(entries[0], person=second.person, starts_at=max(now, first.starts_at), ends_at=first.ends_at),
        replace(entries[1], person=first.person, starts_at=max(now, second.starts_at), ends_at=second.ends_at),
    ]
