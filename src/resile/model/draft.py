"""What a source tells of one incident, before resile knows it: the one shape that every import is brought into."""

from datetime import datetime

import msgspec

from resile.model.event import Exclusion, Source
from resile.model.severity import Severity


# gc=False: as events, drafts come by the million and refer to nothing that could refer back to them.
class Step(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Something that happened, as a source tells it.

    Attributes:
        kind: an instant's name (`detected`, `restored`, ...), or `reopened`, `updated`, `noted`.
        text: of an update or a note, the words; of `identified`, the cause; of `acknowledged`, who.
        status: of an update, the publisher's word for the phase.
    """

    kind: str
    at: datetime
    source: Source = Source.REPORTED
    text: str | None = None
    status: str | None = None


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One incident of a source.

    Attributes:
        origin: which history it belongs to, e.g. `servicenow`; with `ref` it names the incident for good.
        ref: its name there, unique within the origin.
        steps: in any order.
        as_of: of when all this is, by the origin's own clock, such as the instant at which an issue was last changed;
            None: of when it is read. What was told as of earlier never undoes what was told as of later.
        adds: whether it tells only what happened just now: what was told before, and it does not tell, still holds.
    """

    origin: str
    ref: str
    title: str = ""
    severity: Severity | None = None
    services: tuple[str, ...] = ()
    team: str | None = None
    labels: dict[str, str] = {}
    exclusion: Exclusion | None = None
    url: str | None = None
    steps: tuple[Step, ...] = ()
    as_of: datetime | None = None
    adds: bool = False


class AsOf(msgspec.Struct, frozen=True, gc=False, order=True):
    """Of when a telling is; of two tellings of one incident the greater holds, in whatever order they come.

    Attributes:
        state_at: the draft's `as_of`.
        heard_at: when it reached resile; decides between tellings of one instant, for many origins date to the second.
    """

    state_at: datetime
    heard_at: datetime


def incident_id_of(origin: str, ref: str) -> str:
    """The id of an imported incident: the same rows give the same incident, on any machine."""
    return f"{origin}:{ref}"
