"""The record of changes to the accounts, for admins."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec import Struct
from starlette.responses import Response

from resile.app.accounts import MAX_CHANGES, Accounts
from resile.ports.account_store import Change
from resile.web.api.reports import as_json
from resile.web.api.schema import answers

router = APIRouter(prefix="/accounts", tags=["accounts"])


class Record(Struct, frozen=True):
    """Who did what to the accounts, newest first."""

    changes: list[Change]


@router.get("/changes", summary="Who did what to the accounts", responses=answers(Record))
def changes(request: Request, limit: Annotated[int, Query(ge=1, le=MAX_CHANGES)] = 100) -> Response:
    """Logins, failed logins, users, roles and tokens; needs the scope admin."""
    accounts: Accounts = request.app.state.accounts
    return as_json(Record(accounts.changes(request.state.identity, limit=limit)))
