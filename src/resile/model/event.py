"""The closed union of events of which an incident's timeline is made. Events are appended, never changed."""

from datetime import datetime
from enum import StrEnum

import msgspec

from resile.model.recorded import Recorded, Source
from resile.model.room_event import AnyRoomEvent
from resile.model.severity import Severity

__all__ = ["Recorded", "Source"]


class Exclusion(StrEnum):
    """Why an incident does not count in any measure."""

    PLANNED = "planned"
    DRILL = "drill"
    NOISE = "noise"
    TEST = "test"


class Declared(Recorded, frozen=True, kw_only=True, tag="declared"):
    """The incident exists. `ref` is its name in the system it came from, `url` its address there."""

    title: str = ""
    severity: Severity | None = None
    services: tuple[str, ...] = ()
    team: str | None = None
    labels: dict[str, str] = {}
    exclusion: Exclusion | None = None
    origin: str | None = None
    ref: str | None = None
    url: str | None = None


class ImpactBegan(Recorded, frozen=True, kw_only=True, tag="impact_began"):
    """Users were first affected; nearly always learnt late."""


class Detected(Recorded, frozen=True, kw_only=True, tag="detected"):
    """The incident was noticed."""


class Acknowledged(Recorded, frozen=True, kw_only=True, tag="acknowledged"):
    """A responder took it; `who` where known."""

    who: str | None = None


class Identified(Recorded, frozen=True, kw_only=True, tag="identified"):
    """The cause is known well enough to act on."""

    cause: str | None = None


class Mitigated(Recorded, frozen=True, kw_only=True, tag="mitigated"):
    """Users are no longer affected, though the service may not be whole."""


class Restored(Recorded, frozen=True, kw_only=True, tag="restored"):
    """The service is fully operational again."""


class Closed(Recorded, frozen=True, kw_only=True, tag="closed"):
    """The paperwork is done; says nothing of the service."""


class Reopened(Recorded, frozen=True, kw_only=True, tag="reopened"):
    """It was not over: earlier restores, mitigations and closings no longer hold."""

    reason: str | None = None


class SeverityChanged(Recorded, frozen=True, kw_only=True, tag="severity_changed"):
    """It is worse or less bad than thought."""

    severity: Severity | None = None


class Described(Recorded, frozen=True, kw_only=True, tag="described"):
    """New words for it; a field that is UNSET stays as it was. A label with value None is taken away."""

    title: msgspec.UnsetType | str = msgspec.UNSET
    services: msgspec.UnsetType | tuple[str, ...] = msgspec.UNSET
    team: msgspec.UnsetType | str | None = msgspec.UNSET
    url: msgspec.UnsetType | str | None = msgspec.UNSET
    labels: dict[str, str | None] = {}


class Marked(Recorded, frozen=True, kw_only=True, tag="marked"):
    """Counted out of every measure as planned work, drill, noise or test; with None, counted in again."""

    exclusion: Exclusion | None = None
    reason: str | None = None


class Merged(Recorded, frozen=True, kw_only=True, tag="merged"):
    """The same trouble as another incident, which carries on for both; with None, apart again."""

    into: str | None = None


class Absorbed(Recorded, frozen=True, kw_only=True, tag="absorbed"):
    """Another incident was merged into this one; `is_apart`: it no longer is."""

    incident_id: str
    is_apart: bool = False


class Noted(Recorded, frozen=True, kw_only=True, tag="noted"):
    """Something a responder wrote down, in Markdown; `pictures`: ids of those that belong to it."""

    text: str
    pictures: tuple[str, ...] = ()


class Updated(Recorded, frozen=True, kw_only=True, tag="updated"):
    """A status update was published.

    Attributes:
        status: the publisher's own word for the phase.
        audience: for whom it is; None where another system published it.
        draft_id: the draft that was sent.
        components: by name, the state that the status page shows from then on.
        n_told: to how many addresses it went besides.
        corrects: the event whose words these take the place of: an update, or its last correction; None: it is none.
        reason: why it was corrected.
    """

    text: str
    status: str | None = None
    title: str = ""
    audience: str | None = None
    draft_id: str | None = None
    components: dict[str, str] = {}
    n_told: int = 0
    corrects: str | None = None
    reason: str = ""


class PagingEvent(Recorded, frozen=True, kw_only=True):
    """What resile itself did to have somebody answer; says nothing of the service."""

    because: str = ""


class AlertFired(PagingEvent, frozen=True, kw_only=True, tag="alert_fired"):
    """An alert came to belong to the incident, or fired anew; `because` is why it belongs here."""

    alert_id: str
    title: str = ""
    door: str = ""


class AlertCleared(PagingEvent, frozen=True, kw_only=True, tag="alert_cleared"):
    """An alert of the incident holds no more."""

    alert_id: str
    title: str = ""


class PagingBegan(PagingEvent, frozen=True, kw_only=True, tag="paging_began"):
    """The incident began to page by a policy, or pages anew; `policy` None: there is none, nobody is paged."""

    policy: str | None = None


class Escalated(PagingEvent, frozen=True, kw_only=True, tag="escalated"):
    """A step of the policy began. `step` and `round` count from 1; `missing`: targets that came to nobody, and why."""

    step: int
    round: int = 1
    people: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Paged(PagingEvent, frozen=True, kw_only=True, tag="paged"):
    """A page was queued for a person, on one of their contacts."""

    message_id: str
    person: str
    contact: str = ""
    channel: str = ""


class PageMoved(PagingEvent, frozen=True, kw_only=True, tag="page_moved"):
    """How far a page, or another message of the incident, came: a state of `MessageState`."""

    message_id: str
    state: str
    person: str | None = None
    channel: str = ""


class NobodyReachable(PagingEvent, frozen=True, kw_only=True, tag="nobody_reachable"):
    """The whole policy passed and nobody acknowledged."""


class PagingEnded(PagingEvent, frozen=True, kw_only=True, tag="paging_ended"):
    """Nobody is paged any more: acknowledged, restored, closed, merged or noise."""


class Corrected(Recorded, frozen=True, kw_only=True, tag="corrected"):
    """The event `event_id` happened at `to` instead; with None, it did not happen. The latest recorded one holds."""

    event_id: str
    to: datetime | None = None
    reason: str | None = None


InstantEvent = ImpactBegan | Detected | Acknowledged | Identified | Mitigated | Restored | Closed | Reopened
Event = (
    Declared
    | ImpactBegan
    | Detected
    | Acknowledged
    | Identified
    | Mitigated
    | Restored
    | Closed
    | Reopened
    | SeverityChanged
    | Described
    | Marked
    | Merged
    | Absorbed
    | Noted
    | Updated
    | AlertFired
    | AlertCleared
    | PagingBegan
    | Escalated
    | Paged
    | PageMoved
    | NobodyReachable
    | PagingEnded
    | Corrected
    | AnyRoomEvent
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def kind_of(event: Event) -> str:
    """The event's kind as written in its `kind` field."""
    return str(type(event).__struct_config__.tag)


def encode_event(event: Event) -> bytes:
    """Write one event as JSON, RFC 3339 times."""
    return _encoder.encode(event)


def decode_event(body: bytes | str) -> Event:
    """Read one event back.

    Raises:
        msgspec.ValidationError: the JSON is no event of this version.
    """
    return _decoder.decode(body)
