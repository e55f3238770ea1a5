"""What fires at a door, in the shapes in which Alertmanager tells of it: for programs that take resile for one."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from resile import __version__
from resile.model.alert import KnownAlert, Outcome
from resile.model.errors import ConfigError
from resile.model.matcher import MAX_MATCHERS, Matcher, matcher_of
from resile.ports.paging_store import PagingStore
from resile.sources.doors.alert_lists import RESOLVE_TIMEOUT

# Of the newest of all doors.
MAX_LOOKED_AT = 10_000
RECEIVER = "resile"
_SUBJECT = "filter"
_QUOTED = re.compile(r'([^=!~"]+)(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t"}
# Alertmanager has routes and receivers where resile has its catalog: this is what its programs can read of it.
_CONFIG = f"route: {{receiver: {RECEIVER}}}\nreceivers: [{{name: {RECEIVER}}}]\n"


class Receiver(Struct, frozen=True):
    """To whom alerts go."""

    name: str = RECEIVER


class AlertStatus(Struct, frozen=True, rename="camel"):
    """Whether it pages somebody, or what mutes it."""

    state: str = "active"
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()


_NAMES = {
    "starts_at": "startsAt",
    "updated_at": "updatedAt",
    "ends_at": "endsAt",
    "generator_url": "generatorURL",
}


class GettableAlert(Struct, frozen=True, kw_only=True, rename=_NAMES):
    """An alert as `GET /api/v2/alerts` of Alertmanager gives it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    updated_at: datetime
    ends_at: datetime
    fingerprint: str
    receivers: tuple[Receiver, ...] = (Receiver(),)
    status: AlertStatus
    generator_url: str = ""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which alerts are asked for.

    Attributes:
        filters: as Alertmanager's programs write them: `alertname="Down"`, `instance=~"db.*"`.
        receiver: a pattern for the receiver's name; None: any.
    """

    filters: Sequence[str] = ()
    receiver: str | None = None
    active: bool = True
    silenced: bool = True
    inhibited: bool = True


def alerts_at(store: PagingStore, door: str, wanted: Wanted) -> list[GettableAlert]:
    """What fires at a door, the newest decision first, of the newest at all doors.

    Raises:
        ConfigError: a filter is not understood, or there are too many.
    """
    if len(wanted.filters) > MAX_MATCHERS:
        raise ConfigError(f"{len(wanted.filters)} filters are more than {MAX_MATCHERS}; leave some out")
    matchers = [_matcher(said) for said in wanted.filters]
    receives = None if wanted.receiver is None else matcher_of(f"receiver=~{wanted.receiver}", "receiver")
    return [
        _shown(known)
        for known in store.alerts_firing(limit=MAX_LOOKED_AT)
        if known.alert.door == door
        and _is_in_state(known, wanted)
        and all(matcher.fits(known.alert) for matcher in matchers)
        and (receives is None or receives.fits(replace(known.alert, labels={"receiver": RECEIVER})))
    ]


def status_since(started_at: datetime) -> dict[str, object]:
    """What `GET /api/v2/status` of Alertmanager gives."""
    build = {
        "version": __version__,
        "branch": "resile",
        "revision": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }
    return {
        "cluster": {"status": "disabled", "peers": []},
        "config": {"original": _CONFIG},
        "uptime": started_at,
        "versionInfo": build,
    }


def _matcher(said: str) -> Matcher:
    quoted = _QUOTED.fullmatch(said.strip())
    if quoted is not None:
        value = _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), quoted[3])
        said = f"{quoted[1].strip()}{quoted[2]}{value}"
    return matcher_of(said, _SUBJECT)


def _is_in_state(known: KnownAlert, wanted: Wanted) -> bool:
    if known.outcome is Outcome.SILENCED:
        return wanted.silenced
    return wanted.inhibited if known.outcome is Outcome.INHIBITED else wanted.active


def _shown(known: KnownAlert) -> GettableAlert:
    alert = known.alert
    told = {"summary": alert.title, "description": alert.description, "runbook_url": alert.playbook or ""}
    return GettableAlert(
        labels=alert.labels,
        annotations={name: text for name, text in told.items() if text},
        starts_at=alert.starts_at,
        updated_at=alert.told_at,
        ends_at=alert.expires_at or alert.told_at + RESOLVE_TIMEOUT,
        fingerprint=alert.fingerprint,
        status=_status(known),
        generator_url=next((link.url for link in alert.links if link.words == "graph"), ""),
    )


def _status(known: KnownAlert) -> AlertStatus:
    because = (known.verdicts[-1].because_of or "",) if known.verdicts else ()
    if known.outcome is Outcome.SILENCED:
        return AlertStatus("suppressed", silenced_by=because)
    if known.outcome is Outcome.INHIBITED:
        return AlertStatus("suppressed", inhibited_by=because)
    return AlertStatus()
