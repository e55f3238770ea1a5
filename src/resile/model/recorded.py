"""What every event of a timeline carries."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Source(StrEnum):
    """How an instant came to be known."""

    MEASURED = "measured"  # by telemetry
    HUMAN = "human"  # a person said so
    REPORTED = "reported"  # another system said so
    INFERRED = "inferred"  # concluded from something else


# gc=False: events refer to nothing that could refer back to them. Left to the cycle collector, a million of them on
# their way through a store cost three times as long.
class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="kind", omit_defaults=True):
    """What every event carries.

    Attributes:
        id: unique within the timeline; the target of corrections. Ids assigned by decide sort in order of assignment.
        at: when it happened, aware UTC.
        recorded_at: when resile learnt it, aware UTC.
        by: who said so: `user:ann`, `import:servicenow`, `token:ci`.
        source: how `at` is known.
    """

    id: str
    at: datetime
    recorded_at: datetime
    by: str
    source: Source
