"""Whom somebody named to be paged, in the terminal or by REST."""

from collections.abc import Sequence

from resile.model.errors import ConfigError
from resile.model.policy import MAX_TARGETS, Target, TargetKind


def targets_named(
    *, person: Sequence[str] = (), schedule: Sequence[str] = (), team: Sequence[str] = ()
) -> tuple[Target, ...]:
    """People, schedules and teams as one list, each once.

    Raises:
        ConfigError: they are more than are paged at once.
    """
    named = (
        *(Target(TargetKind.PERSON, name) for name in person),
        *(Target(TargetKind.SCHEDULE, name) for name in schedule),
        *(Target(TargetKind.TEAM, name) for name in team),
    )
    targets = tuple(dict.fromkeys(named))
    if len(targets) > MAX_TARGETS:
        raise ConfigError(f"{len(targets)} are more than {MAX_TARGETS} to be paged at once; make them a team")
    return targets
