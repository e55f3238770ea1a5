"""An alert: what a monitoring system tells of one condition, each time it tells it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from resile.model.severity import Severity

# What is longer is cut at the door, and said; a million labels are nobody's labels.
MAX_LABELS = 64
MAX_LABEL_NAME = 200
MAX_LABEL_VALUE = 1_024
MAX_TITLE = 500
MAX_DESCRIPTION = 8_000
MAX_LINKS = 8
MAX_FINGERPRINT = 512
# Under which an incident has the address of what to do.
PLAYBOOK_LABEL = "runbook_url"


class AlertState(StrEnum):
    """What the sender says of it now."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"  # somebody took it there; it still fires
    RESOLVED = "resolved"


class Link(Struct, frozen=True):
    """Where the sender shows more: `graph`, `dashboard`, `runbook`. Only http and https addresses are kept."""

    words: str
    url: str


class Alert(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One telling of one condition.

    Attributes:
        door: name of the door, e.g. `alertmanager`, `grafana/shop`.
        fingerprint: by which the sender, at that door, means the same condition: its own key, else of the labels.
        title: empty of one that ended or was acknowledged by its key alone: whatever such a telling does not tell,
            holds as it was told before.
        starts_at: since when the condition holds, as the sender says; the door's time where it says nothing sensible.
        told_at: when the door took it.
        ends_at: since when it holds no more; only of a resolved one.
        holds_until: the end that a sender tells with every telling, by its own clock: ahead of what fires.
        expires_at: if nothing is heard until then, it counts as resolved: senders that tell again and again.
        group: the sender's own grouping, where it has one.
        by: who took it, or ended it, there.
        playbook: address of what to do.
        is_test: sent to try the way; counts in no measure.
        warnings: what the telling lacks or what was cut, one sentence each; it is taken all the same.
    """

    door: str
    fingerprint: str
    state: AlertState
    title: str
    starts_at: datetime
    told_at: datetime
    labels: dict[str, str] = {}
    ends_at: datetime | None = None
    holds_until: datetime | None = None
    expires_at: datetime | None = None
    severity: Severity | None = None
    service: str | None = None
    description: str = ""
    group: str | None = None
    by: str | None = None
    links: tuple[Link, ...] = ()
    playbook: str | None = None
    is_test: bool = False
    warnings: tuple[str, ...] = ()


class Beat(Struct, frozen=True, kw_only=True, gc=False):
    """A sign of life at a heartbeat door. `is_ok` False: whoever sends it says that it failed."""

    door: str
    told_at: datetime
    is_ok: bool = True
    text: str = ""


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """A name for what has none: of its labels, whatever their order."""
    digest = hashlib.sha256()
    for name, value in sorted(labels.items()):
        digest.update(f"{len(name)}:{name}={len(value)}:{value};".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def alert_id_of(door: str, fingerprint: str) -> str:
    """The id of an alert: the same condition at the same door is the same alert, for ever."""
    return hashlib.sha256(f"{door}\0{fingerprint}".encode("utf-8", "surrogatepass")).hexdigest()[:20]


class Stage(StrEnum):
    """Where an alert was decided upon; in their order."""

    DEDUP = "dedup"
    SILENCE = "silence"
    INHIBIT = "inhibit"
    ROUTE = "route"
    GROUP = "group"
    THROTTLE = "throttle"
    CORRELATE = "correlate"
    INCIDENT = "incident"


class Verdict(Struct, frozen=True):
    """What a stage decided of an alert, and why.

    Attributes:
        ends: whether nothing after this stage was asked.
        reason: one sentence for whoever asks "why was I (not) paged?".
        because_of: id or name of what decided: a silence, an incident, a route.
    """

    stage: Stage
    ends: bool
    reason: str
    because_of: str | None = None


class Outcome(StrEnum):
    """What became of an alert in the end."""

    DECLARED = "declared"  # a new incident
    JOINED = "joined"  # an incident that was open
    REOPENED = "reopened"  # an incident that had been restored
    KNOWN = "known"  # the same as before, nothing was done
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    THROTTLED = "throttled"  # joined, and nobody paged
    CLEARED = "cleared"  # resolved; its incident goes on, or is restored with it


# With these it fires, and makes no incident.
MUTED = frozenset({Outcome.SILENCED, Outcome.INHIBITED})


class KnownAlert(Struct, frozen=True, kw_only=True):
    """An alert as it stands after everything that was told of it.

    Attributes:
        alert: the latest telling; `alert.state` is what holds.
        version: from 1; rises with each writing.
        incident_id: the incident that it belongs, or last belonged, to.
        group_key: route and values of the labels by which alerts are grouped; None: never came so far.
        first_at: when it was first told.
        n_told: how often; n_fired: how often it began anew.
        verdicts: of the last decision that changed something.
    """

    id: str
    alert: Alert
    version: int
    first_at: datetime
    decided_at: datetime
    outcome: Outcome
    verdicts: tuple[Verdict, ...] = ()
    incident_id: str | None = None
    group_key: str | None = None
    n_told: int = 1
    n_fired: int = 1


class Decision(Struct, frozen=True, kw_only=True):
    """What was decided of an alert at an instant; kept, so that the question why can be answered later."""

    alert_id: str
    at: datetime
    state: AlertState
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    incident_id: str | None = None
