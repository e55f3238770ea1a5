"""What of the status page would fail: components and services that do not meet, and incidents nobody told of."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from resile.analytics.query import Condition, Query, Window
from resile.app.findings import Finding, Gravity, named
from resile.app.incidents import IncidentRow, Listing, list_incidents
from resile.app.status_settings import is_here_alone, public_address
from resile.app.wiring import Resile
from resile.model.catalog import Kind
from resile.model.component_document import ComponentDocument
from resile.model.severity import Severity
from resile.model.time import EARLIEST, HOUR

MAX_NAMED = 10
# Of these customers hear.
GRAVE = (Severity.SEV1, Severity.SEV2)


def of_components(resile: Resile) -> Iterator[Finding]:
    """Components that stand for nothing, and services that stand for no component, once there are components."""
    components = resile.catalog.all_of(Kind.COMPONENT, ComponentDocument)
    if not components:
        return
    empty = sorted(name for name, told in components.items() if not told.services)
    if empty:
        yield _found(
            Gravity.MINOR,
            named(empty, "component", "components", most=MAX_NAMED),
            f"stand{'s' if len(empty) == 1 else ''} for no service",
            "no incident of a service leads to a component without services",
            "name the services in the catalog",
        )
    shown = {service for told in components.values() for service in told.services}
    hidden = sorted(resile.catalog.services().keys() - shown)
    if hidden:
        is_one = len(hidden) == 1
        yield _found(
            Gravity.MINOR,
            named(hidden, "service", "services", most=MAX_NAMED),
            f"{'is' if is_one else 'are'} part of no component",
            f"what happens to {'it' if is_one else 'them'} shows nowhere on the status page",
            "add the service to a component, with public: false where customers need not know",
        )


def of_links(resile: Resile) -> Iterator[Finding]:
    """Links of subscribers that lead to this machine, where their readers are not."""
    settings = resile.settings
    address = public_address(settings.status, settings.base_url)
    if (
        settings.status is None
        or "email" not in settings.channels
        or not is_here_alone(urlsplit(address).hostname or "")
    ):
        return
    yield _found(
        Gravity.MINOR,
        "the status page's subscribers",
        "can neither confirm nor leave",
        f"their links lead to {address}, which this machine alone reaches",
        "set base_url under [status]",
    )


def of_publishing(resile: Resile, now: datetime) -> Iterator[Finding]:
    """Grave incidents of which customers were told nothing, and restored ones of which they were not told the end."""
    if not resile.status.is_set:
        return
    page = resile.status.follow()
    status = page.look()
    silent = [one for one in _grave(resile, now) if not page.was_told(one.incident_id)]
    if silent:
        names = [one.incident_id for one in silent]
        yield _found(
            Gravity.SERIOUS,
            named(names, "incident", "incidents", most=MAX_NAMED),
            f"{'is' if len(names) == 1 else 'are'} on no status page",
            f"{' and '.join(sorted({str(one.severity) for one in silent}))}, open, and nothing was published of it",
            "publish an update for customers",
        )
    for shown in status.open_incidents:
        if shown.restored_at is not None and shown.restored_at < now - HOUR:
            yield _found(
                Gravity.MINOR,
                f"incident {shown.ids[0]}",
                "is still open on the status page",
                f"service is back since {shown.restored_at:%Y-%m-%d %H:%M} UTC, and no update says that it is resolved",
                "publish one",
            )


def _grave(resile: Resile, now: datetime) -> list[IncidentRow]:
    """Open ones that were declared here; of imported ones others tell."""
    where = (Condition("severity", tuple(one.value for one in GRAVE)), Condition("origin", ("",)))
    query = Query(window=Window(EARLIEST, now), where=where)
    return list_incidents(resile, Listing(query=query, state="open", per_page=100)).rows


def _found(gravity: Gravity, subject: str, what: str, why: str, where: str) -> Finding:
    return Finding(gravity=gravity, subject=subject, what=what, why=why, where=where)
