"""Where it rests when services are worked on on purpose."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from resile.model.component import MaintenancePhase

OF_COMPONENT = "component/"


class Window(Struct, frozen=True, kw_only=True):
    """A maintenance window.

    Attributes:
        components: what is worked on: names of services of the catalog, and `component/NAME` of components of the
            status page.
        is_announced: whether subscribers are told of it.
        version: from 1; rises with each change.
        finished_at: it was over before its end; `ends_at` is as it was planned.
    """

    id: str
    title: str
    text: str = ""
    components: tuple[str, ...] = ()
    starts_at: datetime
    ends_at: datetime
    is_announced: bool = True
    by: str
    made_at: datetime
    changed_at: datetime
    version: int = 1
    finished_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def services(self) -> tuple[str, ...]:
        """The services that are worked on; what goes wrong with them meanwhile is not measured."""
        return tuple(name for name in self.components if not name.startswith(OF_COMPONENT))

    @property
    def shown_on(self) -> tuple[str, ...]:
        """The components of the status page that it names itself."""
        return tuple(name.removeprefix(OF_COMPONENT) for name in self.components if name.startswith(OF_COMPONENT))

    @property
    def names(self) -> tuple[str, ...]:
        """All names, as subscribers choose them."""
        return tuple(dict.fromkeys((*self.services, *self.shown_on)))

    @property
    def over_at(self) -> datetime:
        """When it ends, or ended."""
        return self.ends_at if self.finished_at is None else self.finished_at

    def phase_at(self, now: datetime) -> MaintenancePhase:
        """How far it has come at an instant."""
        if self.cancelled_at is not None:
            return MaintenancePhase.CANCELLED
        if now < self.starts_at:
            return MaintenancePhase.SCHEDULED
        return MaintenancePhase.IN_PROGRESS if now < self.over_at else MaintenancePhase.COMPLETED


class MaintenanceBook(Protocol):
    """The windows. Instances may be used from several threads; every method may raise StoreError."""

    def window(self, window_id: str) -> Window | None:
        """The one of that id."""
        ...

    def windows(self, *, since: datetime, until: datetime | None = None, limit: int = 500) -> Sequence[Window]:
        """Those that end, or ended, after then, and begin by `until`, cancelled ones too, by their beginning.

        Of more than `limit` those that begin last.
        """
        ...

    def write(self, window: Window) -> None:
        """Make one (version 1), or change it on the version before.

        Raises:
            ConflictError: somebody else changed it meanwhile, or there is one of that id.
        """
        ...

    def mark(self, window_id: str, incident_id: str) -> None:
        """Note that an incident is marked for a window, and for no other; once more changes nothing."""
        ...

    def marked(self, window_id: str) -> Sequence[str]:
        """The incidents that are marked for a window."""
        ...
