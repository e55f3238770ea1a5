"""Ways in: the first admin's set-up, login, choosing a password through a link, logout."""

from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from resile.app.access import SESSION_LASTS, Access
from resile.app.passwords import MIN_LENGTH
from resile.model.errors import AccessError, ConfigError, ConflictError
from resile.web.errors import status_of
from resile.web.pages.rendering import render
from resile.web.security import delete_cookie, set_cookie

router = APIRouter()

# Hashing a password takes 64 MiB and a good part of a second; more than two at once would starve everything else.
_hashing = CapacityLimiter(2)

Text = Annotated[str, Form(max_length=2_000)]


async def hashing(work: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a use case that hashes a password in a thread, at most two at once."""
    return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=_hashing)


def door(request: Request, name: str, *, status_code: int = 200, **context: Any) -> Response:
    """A page for somebody who is not logged in: no navigation, not kept by the browser."""
    known = {"nav": [], "min_length": MIN_LENGTH, "error": "", **context}
    page = render(request, f"accounts/{name}.html", status_code=status_code, **known)
    page.headers["cache-control"] = "no-store"
    return page


def _access(request: Request) -> Access:
    found: Access = request.app.state.access
    return found


def _client(request: Request) -> str:
    return request.headers.get("user-agent", "")


def _logged_in(request: Request, secret: str, target: str) -> Response:
    answer = RedirectResponse(target, status_code=303)
    set_cookie(
        answer,
        request,
        request.app.state.resile.settings,
        "session",
        secret,
        max_age_s=int(SESSION_LASTS.total_seconds()),
    )
    return answer


@router.get("/setup")
async def show_set_up(request: Request) -> Response:
    """The form for the first admin; the link's secret comes in the fragment, which a script puts into the form."""
    if await to_thread.run_sync(_access(request).has_accounts):
        return RedirectResponse("/login", status_code=303)
    return door(request, "setup", title="Set up", user_name="")


@router.post("/setup")
async def set_up(request: Request, code: Text = "", name: Text = "", password: Text = "") -> Response:
    """Make the first admin and log them in."""
    try:
        secret = await hashing(_access(request).set_up, code.strip(), name, password, client=_client(request))
    except (AccessError, ConfigError, ConflictError) as error:
        return door(request, "setup", status_code=status_of(error), title="Set up", user_name=name, error=str(error))
    return _logged_in(request, secret, "/settings")


@router.get("/login")
async def show_login(request: Request, next: str = "/") -> Response:  # noqa: A002 - its name in the address
    """The form to log in."""
    if request.state.identity is not None and request.state.identity.user is not None:
        return RedirectResponse(own_path(next), status_code=303)
    has_accounts = await to_thread.run_sync(_access(request).has_accounts)
    return door(request, "login", title="Log in", user_name="", next=own_path(next), has_accounts=has_accounts)


@router.post("/login")
async def login(
    request: Request,
    name: Text = "",
    password: Text = "",
    next: Text = "/",  # noqa: A002 - its name in the form
) -> Response:
    """Log in; where it fails, say so on the form, not which half was wrong."""
    address = request.client.host if request.client else ""
    try:
        secret = await hashing(_access(request).login, name, password, address=address, client=_client(request))
    except AccessError as error:
        page = door(
            request,
            "login",
            status_code=status_of(error),
            title="Log in",
            user_name=name,
            next=own_path(next),
            has_accounts=True,
            error=str(error),
        )
        wait = getattr(error, "wait", None)
        if wait is not None:
            page.headers["retry-after"] = str(max(1, round(wait.total_seconds())))
        return page
    return _logged_in(request, secret, own_path(next))


@router.get("/welcome")
async def show_welcome(request: Request) -> Response:
    """The form to choose a password; the link's secret comes in the fragment."""
    return door(request, "welcome", title="Choose a password")


@router.post("/welcome")
async def welcome(request: Request, code: Text = "", password: Text = "") -> Response:
    """Choose a password through a link, then log in with it."""
    try:
        user = await hashing(_access(request).choose_password, code.strip(), password)
    except (AccessError, ConfigError) as error:
        return door(request, "welcome", status_code=status_of(error), title="Choose a password", error=str(error))
    return door(request, "login", title="Log in", user_name=user.name, next="/", has_accounts=True)


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End this browser's session."""
    if request.state.identity is not None:
        await to_thread.run_sync(_access(request).logout, request.state.identity)
    answer = RedirectResponse("/login", status_code=303)
    delete_cookie(answer, request, request.app.state.resile.settings, "session")
    return answer


def own_path(target: str) -> str:
    """The target if it is a path of ours; two slashes, or one and a backslash, would lead to another host."""
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_ours and not target.startswith("/login") else "/"
