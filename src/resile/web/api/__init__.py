"""The REST API under /api/v1: the same questions and commands as the terminal and the pages, with the same answers."""

from fastapi import APIRouter

from resile.web.api import (
    alerts,
    catalog,
    doctor,
    documentation,
    doors,
    feeds,
    imports,
    incidents,
    journal,
    live,
    oncall,
    pages,
    record,
    reports,
    silences,
)
from resile.web.doors import deployments

router = APIRouter(prefix="/api/v1")
for part in (
    reports,
    pages,
    incidents,
    alerts,
    silences,
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
