"""The columnar projection: one row of facts per incident, from which every measure is computed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from resile.model.incident import Incident, InstantName, labels_of, value_of
from resile.model.phases import Instants, instants, is_in_order, status_of

# To be raised with every change of the columns or of how they are filled: older projections are then derived anew.
FACTS_VERSION = 5

_INSTANT = pa.timestamp("us", tz="UTC")

FACTS_SCHEMA = pa.schema(
    [
        pa.field("incident_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("severity", pa.string()),
        # The first service; most incidents have one. The others, if any, in other_services, else null.
        pa.field("service", pa.string()),
        pa.field("other_services", pa.list_(pa.string())),
        pa.field("team", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("ref", pa.string()),
        pa.field("labels", pa.map_(pa.string(), pa.string())),
        # planned, drill, noise, test or merged: counted out of every measure; null: counts.
        pa.field("exclusion", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        # Neighbouring instants stand in the wrong order somewhere.
        pa.field("is_contradictory", pa.bool_(), nullable=False),
        pa.field("n_reopened", pa.int32(), nullable=False),
        pa.field("declared_at", _INSTANT),
        *(pa.field(name.value, _INSTANT) for name in InstantName),
        # How each instant is known: measured, human, reported, inferred.
        *(pa.field(f"{name.value}_source", pa.string()) for name in InstantName),
        # When resile queued its first page for it, null where it paged nobody; and when a provider took the first one.
        pa.field("page_queued_at", _INSTANT),
        pa.field("paged_at", _INSTANT),
        # Names of playbooks that were opened for it; and of those that were used before it was mitigated; null: none.
        pa.field("playbooks_opened", pa.list_(pa.string())),
        pa.field("playbooks_used", pa.list_(pa.string())),
        pa.field("n_events", pa.int32(), nullable=False),
        # The incident's version (number of events) is n_events; the newest row of an incident holds.
        pa.field("last_recorded_at", _INSTANT),
    ]
)


_INSTANT_COLUMNS = tuple((name.value, f"{name.value}_source") for name in InstantName)

_NO_INSTANTS = dict.fromkeys(name for both in _INSTANT_COLUMNS for name in both)


def facts_of(
    incident: Incident,
    last_recorded_at: datetime | None = None,
    *,
    page_queued_at: datetime | None = None,
    paged_at: datetime | None = None,
    playbooks: tuple[Sequence[str] | None, Sequence[str] | None] = (None, None),
) -> dict[str, Any]:
    """One incident's row, by column name; of paging and playbooks the folded incident knows nothing."""
    known: Instants = instants(incident)
    services = () if incident.services is None else incident.services.value
    if len(services) > 1:  # Named twice, it is still one.
        services = tuple(dict.fromkeys(services))
    row: dict[str, Any] = {
        **_NO_INSTANTS,
        "incident_id": incident.id,
        "title": value_of(incident.title, ""),
        "severity": value_of(incident.severity, None),
        "service": services[0] if services else None,
        "other_services": list(services[1:]) or None,
        "team": value_of(incident.team, None),
        "origin": incident.origin,
        "ref": incident.ref,
        "labels": list(labels_of(incident).items()) if incident.labels else [],
        "exclusion": value_of(incident.exclusion, None) if value_of(incident.merged_into, None) is None else "merged",
        "status": status_of(incident, known),
        "is_contradictory": not is_in_order(known),
        "n_reopened": known.n_reopened,
        "declared_at": incident.declared_at,
        "page_queued_at": page_queued_at,
        "paged_at": paged_at,
        "playbooks_opened": playbooks[0],
        "playbooks_used": playbooks[1],
        "n_events": incident.n_events,
        "last_recorded_at": last_recorded_at,
    }
    for name, source in _INSTANT_COLUMNS:
        if (instant := getattr(known, name)) is not None:
            row[name] = instant.at
            row[source] = instant.source
    return row


def facts_table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Rows of facts as an Arrow table in FACTS_SCHEMA."""
    listed = list(rows)
    columns = {name: [row[name] for row in listed] for name in FACTS_SCHEMA.names}
    return pa.table(columns, schema=FACTS_SCHEMA)
