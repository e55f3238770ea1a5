"""Statuspage's webhooks: incidents of a status page, whole, each time something is said of them."""

from typing import Any

from msgspec import structs

from resile.model.draft import Draft, Step
from resile.model.errors import ConfigError
from resile.ports.delivery_door import DoorOptions, Understood
from resile.ports.journal import Delivery
from resile.ports.source import SourceOptions
from resile.sources.doors.alert_parts import prose
from resile.sources.doors.body import MAX_NAME, MAX_TITLE, Node, printable, read_object, web_address
from resile.sources.doors.naming import Naming, bounded_ref
from resile.sources.known import RecordProblemError, iso_instant
from resile.sources.statuspage import StatuspageSource

_SENDER = "Statuspage's webhook"
_MAX_TEXT = 8_000
_MAX_UPDATES = 1_000
_MAX_SERVICES = 50


def open_door(options: DoorOptions) -> "StatuspageDoor":
    """The door for Statuspage's webhooks with these options."""
    return StatuspageDoor(options)


class StatuspageDoor:
    """Understands what a subscriber of a status page is sent; what it says is what an import of the page's API says."""

    def __init__(self, options: DoorOptions) -> None:
        self._naming = Naming(options)
        self._page = StatuspageSource(SourceOptions())

    def understand(self, delivery: Delivery) -> Understood:
        """The incident as the page shows it now.

        Raises:
            ConfigError: it is no webhook of Statuspage's.
        """
        body = read_object(_SENDER, delivery.body)
        if body["component_update"].is_told:
            return Understood(unmapped="an update of a component, which is no incident")
        incident = body["incident"].needed()
        ref = bounded_ref(incident["id"].name())
        for updates in ("incident_updates", "updates"):
            incident[updates].items(_MAX_UPDATES)
        try:
            told = self._page.incident_of(incident.value, ref).draft
            as_of = _as_of(incident)
        except RecordProblemError as error:
            raise ConfigError(f"{_SENDER}: incident.{error.field or ref}: {printable(str(error), MAX_TITLE)}") from None
        assert told is not None  # noqa: S101 - an incident's object is never skipped
        return Understood(incidents=(structs.replace(self._shown(told), as_of=as_of),))

    def _shown(self, draft: Draft) -> Draft:
        """The draft with its texts as they may be shown, and services as the door's options call them."""
        named = [printable(name, MAX_NAME) for name in draft.services[:_MAX_SERVICES]]
        services = [service for name in named if (service := self._naming.service(name, otherwise=name))]
        everything = self._naming.service(otherwise=None)
        return structs.replace(
            draft,
            title=printable(draft.title, MAX_TITLE),
            services=tuple(dict.fromkeys(services)) or ((everything,) if everything else ()),
            labels={name: printable(text, MAX_NAME) for name, text in draft.labels.items()},
            url=web_address(draft.url or ""),
            steps=tuple(_step(step) for step in draft.steps),
        )


def _step(step: Step) -> Step:
    text = None if step.text is None else prose(step.text, _MAX_TEXT)
    return structs.replace(step, text=text, status=printable(step.status or "", MAX_NAME) or None)


def _as_of(incident: Node) -> Any:
    """When it was last changed: itself, or one of its updates."""
    updates = [one for one in incident["incident_updates"].items(_MAX_UPDATES) if isinstance(one.value, dict)]
    times = [incident["updated_at"], *(one[name] for one in updates for name in ("updated_at", "created_at"))]
    return max((at for one in times if (at := iso_instant(one.value, "updated_at")) is not None), default=None)
