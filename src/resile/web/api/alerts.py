"""Alerts and why: what became of each, stage by stage."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from resile.app.alerts import MAX_LISTED, AlertQuestions, AlertRow, AlertView
from resile.model.alert import Outcome
from resile.model.errors import ConfigError
from resile.model.time import parse_instant
from resile.web.alert_list import whole_page
from resile.web.api.asking import resile_of
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(tags=["paging"])


class Alerts(Struct, frozen=True):
    """Alerts, the newest decision first.

    Attributes:
        next: give it back as `before` for what follows; null at the end.
    """

    alerts: list[AlertRow]
    next: datetime | None


@router.get("/alerts", summary="Alerts and what became of them", responses=answers(Alerts))
def alerts(
    request: Request,
    *,
    q: Annotated[str, Query(max_length=200, description="Words in title, service or door.")] = "",
    outcome: Annotated[Outcome | None, Query(description="Only those of which this became.")] = None,
    firing: Annotated[bool, Query(description="Only those that are not resolved.")] = False,
    before: Annotated[str | None, Query(max_length=40, description="Decided upon earlier; ISO 8601.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED - 1, description="More where several share an instant.")] = 100,
) -> Response:
    """One page of them."""
    if "\x00" in q:
        raise ConfigError("q holds a NUL character; leave it out")
    questions = AlertQuestions(resile_of(request).paging)
    earlier = None if before is None else parse_instant(before)

    def ask(n: int) -> list[AlertRow]:
        told = None if outcome is None else outcome.value
        return questions.listed(text=q, outcome=told, firing=firing, before=earlier, limit=n)

    rows, more = whole_page(ask, limit)
    return as_json(Alerts(rows, rows[-1].decided_at if more else None))


@router.get("/alerts/{alert_id}", summary="One alert and why", responses=answers(AlertView, also=(404,)))
def alert(request: Request, alert_id: str) -> Response:
    """All that is known of it, and every decision with the stages that were asked."""
    found = AlertQuestions(resile_of(request).paging).one(alert_id)
    if found is None:
        raise HTTPException(404, f"alert {alert_id[:100]!r} is not known; /api/v1/alerts lists the ids")
    return as_json(found)
