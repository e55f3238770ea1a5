"""The REST API under /api/v1: the same questions and commands as the terminal and the pages, with the same answers."""

from fastapi import APIRouter

from resile.web.api import (
    alerts,
    catalog,
    chats,
    doctor,
    documentation,
    doors,
    feeds,
    imports,
    incidents,
    journal,
    live,
    maintenance,
    oncall,
    pages,
    pictures,
    playbooks,
    record,
    reports,
    room,
    room_export,
    silences,
    steps,
    updates,
)
from resile.web.doors import deployments

router = APIRouter(prefix="/api/v1")
for part in (
    reports,
    pages,
    steps,
    # Before the incident itself, whose address takes any path below it.
    pictures,
    playbooks,
    room,
    updates,
    chats,
    room_export,
    incidents,
    alerts,
    silences,
    maintenance,
    live,
    imports,
    deployments,
    journal,
    doors,
    oncall,
    feeds,
    catalog,
    doctor,
    record,
    documentation,
):
    router.include_router(part.router)
router.include_router(reports.also)
