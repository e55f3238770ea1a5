"""The senders for which doors can be made: their addresses, and what each of them needs."""

import re
from collections.abc import Mapping

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.ports.door_book import Door

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
# What stands in an address in the place of a secret may be no name.
SECRET_PART = re.compile(r"[0-9a-f]{32}")


class DoorKind(Struct, frozen=True, kw_only=True):
    """A sender for which doors can be made.

    Attributes:
        path: where its deliveries arrive; the rest of the door's own name follows.
        max_bytes: the largest body.
        n_secret: length of the secret, hexadecimal digits.
        tail: what the sender itself puts behind the address that is entered there.
        is_found_by_key: all doors of the kind have one address; the key in the body or a header tells them apart.
        is_secret_in_address: the sender can neither sign nor send a header of ours.
        is_secret_given: the sender makes the secret, and signs with no other.
        needs_name: there is no door of this kind without a name of its own.
        takes_alerts: tells of conditions that hold.
        takes_changes: tells of commits, changes or deployments.
    """

    path: str
    title: str
    max_bytes: int
    n_secret: int = 64
    tail: str = ""
    is_found_by_key: bool = False
    is_secret_in_address: bool = False
    is_secret_given: bool = False
    needs_name: bool = False
    takes_alerts: bool = True
    takes_changes: bool = False


# What most people have comes first, as they are listed.
# GitHub caps its payloads at 25 MB, PagerDuty takes 512 KB. A group of Alertmanager has no bound of its own.
KINDS: Mapping[str, DoorKind] = {
    "prometheus": DoorKind(path="/doors/prometheus", title="Prometheus", max_bytes=10_000_000, tail="/api/v2/alerts"),
    "alertmanager": DoorKind(path="/doors/alertmanager", title="Alertmanager", max_bytes=10_000_000),
    "grafana": DoorKind(path="/doors/grafana", title="Grafana alerting", max_bytes=10_000_000),
    "pagerduty": DoorKind(
        path="/v2/enqueue", title="PagerDuty events", max_bytes=512_000, n_secret=32, is_found_by_key=True
    ),
    "datadog": DoorKind(path="/doors/datadog", title="Datadog", max_bytes=1_000_000),
    "opsgenie": DoorKind(
        path="/v2/alerts", title="Opsgenie alerts", max_bytes=512_000, n_secret=32, is_found_by_key=True
    ),
    "sentry": DoorKind(path="/doors/sentry", title="Sentry", max_bytes=5_000_000, is_secret_given=True),
    "pagerduty_webhook": DoorKind(
        path="/doors/pagerduty_webhook", title="PagerDuty webhooks", max_bytes=1_000_000, is_secret_given=True
    ),
    "statuspage": DoorKind(
        path="/doors/statuspage", title="Statuspage", max_bytes=1_000_000, n_secret=32, is_secret_in_address=True
    ),
    "heartbeat": DoorKind(
        path="/doors/heartbeat",
        title="signs of life",
        max_bytes=100_000,
        n_secret=32,
        is_secret_in_address=True,
        needs_name=True,
    ),
    "json": DoorKind(path="/doors/json", title="JSON of any shape", max_bytes=1_000_000, needs_name=True),
    "cloudevents": DoorKind(path="/doors/cloudevents", title="CloudEvents", max_bytes=1_000_000),
    "github": DoorKind(
        path="/doors/github", title="GitHub", max_bytes=25_000_000, takes_alerts=False, takes_changes=True
    ),
    "gitlab": DoorKind(
        path="/doors/gitlab", title="GitLab", max_bytes=25_000_000, takes_alerts=False, takes_changes=True
    ),
    "cdevents": DoorKind(path="/doors/cdevents", title="CDEvents", max_bytes=1_000_000, takes_changes=True),
}


def kind_called(kind: str) -> DoorKind:
    """The kind of that name.

    Raises:
        ConfigError: there is none.
    """
    if kind not in KINDS:
        raise ConfigError(f"door kind {kind[:64]!r} is unknown; use {', '.join(KINDS)}")
    return KINDS[kind]


def full_name_of(kind: str, name: str | None) -> str:
    """A door's name.

    Raises:
        ConfigError: it holds other characters, is too long, or is missing where the kind needs one.
    """
    if name is None:
        if kind in KINDS and KINDS[kind].needs_name:
            raise ConfigError(f"a {kind} door needs a name of its own, which is part of its address; give --name")
        return kind
    lowered = name.strip().lower()
    if not _NAME.fullmatch(lowered):
        raise ConfigError(f"door name {name[:64]!r} will not do; use 1 to 64 letters, digits and . _ -")
    if SECRET_PART.fullmatch(lowered) or lowered in _TAKEN:
        raise ConfigError(f"door name {lowered!r} means something else in an address; choose another")
    return f"{kind}/{lowered}"


# Parts of addresses that follow a name.
_TAKEN = frozenset({"fail", "api"})


def path_of(door: Door) -> str:
    """Where the door's deliveries arrive, without what its sender adds, and without a secret."""
    kind = KINDS[door.kind]
    return kind.path if kind.is_found_by_key else kind.path + door.name.removeprefix(door.kind)


def entered_path(door: Door, secret: str | None) -> str:
    """The path that is entered at the sender; it may hold the secret."""
    has_secret_within = KINDS[door.kind].is_secret_in_address and secret is not None
    return f"{path_of(door)}/{secret}" if has_secret_within else path_of(door)


def arriving_path(door: Door, secret: str | None) -> str:
    """The path at which its deliveries arrive in the end; it may hold the secret."""
    return entered_path(door, secret) + KINDS[door.kind].tail
