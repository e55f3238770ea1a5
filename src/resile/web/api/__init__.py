"""The REST API under /api/v1: the same questions and commands as the terminal and the pages, with the same answers."""

from fastapi import APIRouter

from resile.web.api import documentation, imports, incidents, journal, oncall, record, reports
from resile.web.doors import deployments

router = APIRouter(prefix="/api/v1")
for part in (reports, incidents, imports, deployments, journal, oncall, record, documentation):
    router.include_router(part.router)
router.include_router(reports.also)
