"""Doors in for what happens as it happens: each understands the bodies of one sender."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from resile.model.alert import Alert, Beat
from resile.model.change import ChangeReport, Commit
from resile.model.chat import Heard
from resile.model.draft import Draft
from resile.ports.journal import Delivery


class Understood(Struct, frozen=True, kw_only=True):
    """What a body says.

    Attributes:
        commits: with their parents.
        pushed: commits whose parents the sender does not tell: having none here, they are no roots, and are kept as
            commits of unknown parents. What tells of them whole, such as a clone, takes their place.
        incidents: whole as the sender knows them now, such as an issue with a certain label.
        alerts: conditions that hold or hold no more; they may page somebody.
        beats: signs of life.
        heard: what happened to messages in rooms of chat programs.
        unmapped: where it means nothing to resile, one sentence that says what it is; the rest is empty then.
    """

    reports: tuple[ChangeReport, ...] = ()
    commits: tuple[Commit, ...] = ()
    pushed: tuple[Commit, ...] = ()
    incidents: tuple[Draft, ...] = ()
    alerts: tuple[Alert, ...] = ()
    beats: tuple[Beat, ...] = ()
    heard: tuple[Heard, ...] = ()
    unmapped: str | None = None


class DoorOptions(Struct, frozen=True, kw_only=True):
    """What a user may say about a door.

    Attributes:
        name: of the door, as `Delivery.door` has it; empty: as that has it.
        service: of everything that arrives here and that `services` does not name; of alerts, of those that name none.
        services: service by repository (`acme/shop`, or `shop`), or by what else names the deployed thing there, or
            what an alert is about.
        production: further names of the environment `production`, whatever their case; `*` and `?` stand for any.
        runs: environment by name of a GitHub workflow or GitLab pipeline whose runs are deployments.
        counts_releases: whether a published release is a deployment to production.
        incident_labels: issues with one of these labels, whatever their case, are incidents; `*` and `?` stand for any.
        every_s, grace_s: of a heartbeat: how often a sign of life is awaited, and how late it may be.
        severity: of alerts that tell none, e.g. `SEV2`.
        fields: where JSON of any shape tells a field of an alert (`title`, `severity`, ...): `data.alert.name`,
            `alerts[].title` where there are several, or a constant `=checkout`.
        resolved_when, acknowledged_when: where that JSON tells its state, and in which words: `status=ok,closed`;
            words alone are those of the field `state`.
    """

    name: str = ""
    service: str | None = None
    services: Mapping[str, str] = {}
    production: tuple[str, ...] = ()
    runs: Mapping[str, str] = {}
    counts_releases: bool = True
    incident_labels: tuple[str, ...] = ("incident",)
    every_s: int | None = None
    grace_s: int | None = None
    severity: str | None = None
    fields: Mapping[str, str] = {}
    resolved_when: str | None = None
    acknowledged_when: str | None = None


class DeliveryDoor(Protocol):
    """Understands one sender; pure: the same delivery gives the same reports with the same ids."""

    def understand(self, delivery: Delivery) -> Understood:
        """What the body says; `recorded_at` is the delivery's `received_at`, `by` is `door:NAME`.

        Raises:
            ConfigError: it is not what this sender sends: subject, place in the body, way out.
        """
        ...
