"""What a user says about a forge's history, as its doors take it."""

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions
from resile.ports.delivery_source import Cursors, DeliveryOptions
from resile.sources.doors.naming import PRODUCTION, Naming, Told
from resile.sources.git_releases import parsed_environments


class Asked(Struct, frozen=True, kw_only=True):
    """What is wanted of a forge, and what was read before."""

    options: DeliveryOptions
    naming: Naming
    told: Told
    cursors: Cursors


def door_options(options: DeliveryOptions) -> DoorOptions:
    """The same as said to a door.

    Raises:
        ConfigError: an environment is given that is not `production=PATTERN`.
    """
    rules, default = parsed_environments(options.environments)
    other = default or next((rule.environment for rule in rules if rule.environment.casefold() != PRODUCTION), None)
    if other is not None or any(rule.is_branch for rule in rules):
        raise ConfigError(
            f"a forge names its environments itself, so --environment says only what else is production there, as in "
            f"--environment 'production=live-*'; {other or 'branch:'!r} cannot be used"
        )
    return DoorOptions(
        service=options.service,
        production=tuple(rule.pattern for rule in rules),
        runs=options.runs,
        counts_releases=options.counts_releases,
        incident_labels=options.incident_labels,
    )
