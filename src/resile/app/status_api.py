"""The page as JSON, in the shape that readers of Statuspage's API know (version 2)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec

from resile.app.public_ids import PublicIds
from resile.app.status_settings import StatusSettings
from resile.model.component import ComponentState, MaintenancePhase
from resile.model.time import format_instant
from resile.response.public_status import (
    Announced,
    ComponentShown,
    IncidentShown,
    PublicStatus,
    UpdateShown,
)

# As many as Statuspage gives.
MAX_INCIDENTS = 50
ROOT = "/api/v2"


class StatusApi:
    """All documents of one status.

    Args:
        address: where the public reaches the page.
        stale_since: the store could not be read since then.
    """

    def __init__(
        self,
        status: PublicStatus,
        ids: PublicIds,
        settings: StatusSettings,
        *,
        address: str,
        started_at: datetime,
        stale_since: datetime | None,
    ) -> None:
        self._status = status
        self._ids = ids
        self._address = address
        self._page = {
            "id": ids.page(),
            "name": settings.title,
            "url": address,
            "time_zone": settings.zone,
            "updated_at": format_instant(status.changed_at or started_at),
            **({} if stale_since is None else {"stale_since": format_instant(stale_since)}),
        }
        self._titles = {one.listed.name: one.listed.title for one in status.components}
        self._components = _components(status.components, ids)
        leaves = (one for one in self._components if not one["group"])
        self._by_name = dict(zip((one.listed.name for one in status.components), leaves, strict=True))

    def documents(self) -> dict[str, bytes]:
        """Each by its path."""
        status = self._status
        overall = {"indicator": status.indicator.value, "description": status.description}
        unresolved = [self._incident(one) for one in status.open_incidents]
        incidents = [self._incident(one) for one in status.incidents[:MAX_INCIDENTS]]
        coming = [self._maintenance(one) for one in status.maintenances]
        past = [self._maintenance(one) for one in status.past_maintenances]
        active = [one for one in coming if one["status"] == MaintenancePhase.IN_PROGRESS]
        upcoming = [one for one in coming if one["status"] == MaintenancePhase.SCHEDULED]
        found: dict[str, dict[str, Any]] = {
            "summary": {
                "components": self._components,
                "incidents": unresolved,
                "scheduled_maintenances": coming,
                "status": overall,
            },
            "status": {"status": overall},
            "components": {"components": self._components},
            "incidents": {"incidents": incidents},
            "incidents/unresolved": {"incidents": unresolved},
            "scheduled-maintenances": {"scheduled_maintenances": (coming[::-1] + past)[:MAX_INCIDENTS]},
            "scheduled-maintenances/upcoming": {"scheduled_maintenances": upcoming},
            "scheduled-maintenances/active": {"scheduled_maintenances": active},
        }
        return {
            f"{ROOT}/{name}.json": msgspec.json.encode({"page": self._page, **said}) for name, said in found.items()
        }

    def _incident(self, one: IncidentShown) -> dict[str, Any]:
        own = self._ids.incident(one.ids[0])
        return {
            "id": own,
            "name": one.title,
            "status": one.phase.value,
            "created_at": format_instant(one.began_at),
            "updated_at": format_instant(one.changed_at),
            "monitoring_at": _instant(one.monitoring_at or one.restored_at),
            "resolved_at": _instant(one.resolved_at),
            "impact": one.impact.value,
            "shortlink": f"{self._address}/incidents/{own}",
            "started_at": format_instant(one.began_at),
            "page_id": self._page["id"],
            "incident_updates": self._updates(one, own),
            "components": [self._by_name[name] for name in one.components],
        }

    def _updates(self, one: IncidentShown, own: str) -> list[dict[str, Any]]:
        """The newest first, each with what it made of the components that it names."""
        before: dict[str, ComponentState] = {}
        states: list[dict[str, ComponentState]] = [{}]
        for update in reversed(one.updates):
            before = {**before, **update.changes}
            states.append(before)
        changes = list(pairwise(states))[::-1]
        return [self._update(update, own, *change) for update, change in zip(one.updates, changes, strict=True)]

    def _update(
        self, one: UpdateShown, own: str, old: dict[str, ComponentState], new: dict[str, ComponentState]
    ) -> dict[str, Any]:
        at = format_instant(one.at)
        affected = [
            {
                "code": self._ids.component(name),
                "name": self._titles[name],
                "old_status": old.get(name, ComponentState.OPERATIONAL).value,
                "new_status": new[name].value,
            }
            for name in one.changes
        ]
        return {
            "id": self._ids.update(*one.ref),
            "status": one.phase.value,
            "body": said_of(one),
            "incident_id": own,
            "created_at": at,
            "updated_at": format_instant(max(filter(None, (one.at, one.corrected_at, one.withdrawn_at)))),
            "display_at": at,
            "affected_components": affected or None,
        }

    def _maintenance(self, one: Announced) -> dict[str, Any]:
        own = self._ids.maintenance(one.id)
        named = [shown.listed.name for shown in self._status.components if one.is_of(shown.listed)]
        at = format_instant(one.changed_at)
        return {
            "id": own,
            "name": one.title,
            "status": one.phase.value,
            "created_at": format_instant(one.announced_at),
            "updated_at": at,
            "monitoring_at": None,
            "resolved_at": format_instant(one.ends_at) if one.phase is MaintenancePhase.COMPLETED else None,
            "impact": "maintenance",
            "shortlink": f"{self._address}/#maintenance-{own}",
            "started_at": format_instant(one.starts_at),
            "page_id": self._page["id"],
            "incident_updates": [
                {
                    "id": self._ids.update(one.id, "announced"),
                    "status": one.phase.value,
                    "body": one.text,
                    "incident_id": own,
                    "created_at": at,
                    "updated_at": at,
                    "display_at": at,
                    "affected_components": None,
                }
            ],
            "components": [self._by_name[name] for name in named],
            "scheduled_for": format_instant(one.starts_at),
            "scheduled_until": format_instant(one.ends_at),
        }


def said_of(one: UpdateShown) -> str:
    """What an update says, and that it was corrected or withdrawn, when and why."""
    if one.withdrawn_at is not None:
        return f"This update was withdrawn {one.withdrawn_at:%Y-%m-%d %H:%M} UTC: {one.reason}"
    if one.corrected_at is not None:
        return f"{one.text}\n\nCorrected {one.corrected_at:%Y-%m-%d %H:%M} UTC: {one.reason}"
    return one.text


def _components(components: Iterable[ComponentShown], ids: PublicIds) -> list[dict[str, Any]]:
    """Every component and, as Statuspage has it, every group as one that has components."""
    leaves, groups = [], dict[str, list[dict[str, Any]]]()
    for position, one in enumerate(components, start=1):
        listed = one.listed
        leaf = {
            "id": ids.component(listed.name),
            "name": listed.title,
            "status": one.state.value,
            "created_at": format_instant(listed.since),
            "updated_at": format_instant(one.since or listed.since),
            "position": position,
            "description": listed.description or None,
            "showcase": True,
            "start_date": listed.since.date().isoformat(),
            "group_id": ids.group(listed.group) if listed.group else None,
            "page_id": ids.page(),
            "group": False,
            "only_show_if_degraded": False,
        }
        leaves.append(leaf)
        if listed.group:
            groups.setdefault(listed.group, []).append(leaf)
    return [*leaves, *(_group(name, some, ids) for name, some in groups.items())]


def _group(name: str, leaves: Sequence[dict[str, Any]], ids: PublicIds) -> dict[str, Any]:
    state = max((ComponentState(one["status"]) for one in leaves), key=lambda one: one.rank)
    return {
        **leaves[0],
        "id": ids.group(name),
        "name": name,
        "status": state.value,
        "updated_at": max(one["updated_at"] for one in leaves),
        "description": None,
        "group_id": None,
        "group": True,
        "components": [one["id"] for one in leaves],
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
