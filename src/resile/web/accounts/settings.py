"""Settings: one's own account; for admins the users, everybody's tokens and the record."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from resile.app.access import Access, Identity
from resile.app.accounts import Accounts
from resile.app.passwords import MIN_LENGTH
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.ports.account_store import Role, Scope
from resile.web.accounts.browsers import browser_name
from resile.web.accounts.doors import Text, hashing
from resile.web.errors import status_of
from resile.web.pages.rendering import render

router = APIRouter(prefix="/settings")

Scopes = Annotated[list[Scope], Form(max_length=len(Scope))]
LASTS_DAYS = (30, 90, 180, 366)


def _identity(request: Request) -> Identity:
    found: Identity = request.state.identity
    return found


def _person(request: Request) -> Identity:
    """Who is logged in.

    Raises:
        AccessError: a program, or nobody in particular.
    """
    identity = _identity(request)
    if identity.user is None:
        raise AccessError(f"{identity.name} keeps no account here; log in with name and password")
    return identity


def _page(request: Request, *, status_code: int = 200, **context: Any) -> Response:
    identity = _identity(request)
    told = {
        "base": _base(request),
        "error": "",
        "link": "",
        "token": "",
        "min_length": MIN_LENGTH,
        "lasts_days": LASTS_DAYS,
        **context,
    }
    page = render(
        request,
        "accounts/settings.html",
        status_code=status_code,
        title="Settings",
        identity=identity,
        roles=list(Role),
        scopes=[scope for scope in Scope if scope in identity.scopes],
        **_known(request, identity),
        **told,
    )
    page.headers["cache-control"] = "no-store"
    return page


def _known(request: Request, identity: Identity) -> dict[str, Any]:
    access: Access = request.app.state.access
    accounts: Accounts = request.app.state.accounts
    if identity.user is None:
        return {"is_admin": False, "sessions": [], "tokens": [], "users": [], "changes": [], "doors": []}
    is_admin = Scope.ADMIN in identity.scopes
    return {
        "is_admin": is_admin,
        "sessions": [(one, browser_name(one.client)) for one in access.sessions(identity)],
        "tokens": accounts.tokens(identity),
        "users": accounts.users(identity) if is_admin else [],
        "changes": accounts.changes(identity, limit=100) if is_admin else [],
        "doors": request.app.state.resile.doors.listed(identity) if is_admin else [],
    }


async def _do(request: Request, work: Callable[[], Any], *, shown_as: str = "") -> Response:
    """Do it, then show the page: its result once under `shown_as`, or the error where it stands."""
    try:
        result = await to_thread.run_sync(work)
    except (AccessError, ConfigError, ConflictError) as error:
        sentence, status = str(error), status_of(error)
        return await to_thread.run_sync(lambda: _page(request, status_code=status, error=sentence))
    if shown_as:
        return await to_thread.run_sync(lambda: _page(request, **{shown_as: result}))
    return RedirectResponse("/settings", status_code=303)


@router.get("")
def show(request: Request) -> Response:
    """Everything about accounts that this person may see."""
    return _page(request)


@router.post("/password")
async def change_password(request: Request, old: Text = "", new: Text = "") -> Response:
    """Change one's own password; all other sessions end."""
    access: Access = request.app.state.access
    identity = _person(request)
    address = request.client.host if request.client else ""
    try:
        await hashing(access.change_password, identity, old, new, address=address)
    except (AccessError, ConfigError) as error:
        sentence, status = str(error), status_of(error)
        return await to_thread.run_sync(lambda: _page(request, status_code=status, error=sentence))
    return RedirectResponse("/settings", status_code=303)


@router.post("/sessions/{session_id}/end")
async def end_session(request: Request, session_id: str) -> Response:
    """End one of one's own sessions."""
    access: Access = request.app.state.access
    identity = _person(request)
    return await _do(request, lambda: _found(access.end_session(identity, session_id), "session"))


@router.post("/users")
async def add_user(request: Request, name: Text = "", role: Annotated[Role, Form()] = Role.VIEWER) -> Response:
    """Add a user, and show the link through which they choose their password; it is shown this once."""
    accounts: Accounts = request.app.state.accounts
    identity = _person(request)
    return await _do(request, lambda: _link(request, accounts.add_user(identity, name, role)), shown_as="link")


@router.post("/users/{user_id}/link")
async def make_link(request: Request, user_id: str) -> Response:
    """Make a new password link for a user; it is shown this once."""
    accounts: Accounts = request.app.state.accounts
    identity = _person(request)
    return await _do(request, lambda: _link(request, accounts.make_password_link(identity, user_id)), shown_as="link")


@router.post("/users/{user_id}/role")
async def change_role(request: Request, user_id: str, role: Annotated[Role, Form()]) -> Response:
    """Give a user another role."""
    accounts: Accounts = request.app.state.accounts
    identity = _person(request)
    return await _do(request, lambda: accounts.change_role(identity, user_id, role))


@router.post("/users/{user_id}/disable")
async def disable(request: Request, user_id: str) -> Response:
    """Shut a user out."""
    accounts: Accounts = request.app.state.accounts
    identity = _person(request)
    return await _do(request, lambda: accounts.disable(identity, user_id))


@router.post("/users/{user_id}/enable")
async def enable(request: Request, user_id: str) -> Response:
    """Let a disabled user in again."""
    accounts: Accounts = request.app.state.accounts
    identity = _person(request)
    return await _do(request, lambda: accounts.enable(identity, user_id))


@router.post("/tokens")
async def create_token(
    request: Request, name: Text = "", scopes: Scopes | None = None, days: Annotated[int, Form(ge=1, le=366)] = 90
) -> Response:
    """Make a token, and show its value this once."""
    accounts: Accounts = request.app.state.accounts
    identity = _person(request)
    lasts = timedelta(days=days)
    return await _do(
        request, lambda: accounts.create_token(identity, name, scopes or [], lasts=lasts), shown_as="token"
    )


@router.post("/tokens/{token_id}/revoke")
async def revoke_token(request: Request, token_id: str) -> Response:
    """Revoke a token."""
    accounts: Accounts = request.app.state.accounts
    identity = _person(request)
    return await _do(request, lambda: _found(accounts.revoke_token(identity, token_id), "token"))


def _found(is_found: bool, what: str) -> None:
    if not is_found:
        raise HTTPException(404, f"there is no such {what}; it may be gone already, look at the list again")


def _link(request: Request, secret: str) -> str:
    return f"{_base(request)}/welcome#{secret}"


def _base(request: Request) -> str:
    """The address under which people reach this server."""
    base: str = request.app.state.resile.settings.base_url or str(request.base_url)
    return base.rstrip("/")
