"""The links that subscribers are sent, where no status page answers them: to confirm, and to leave.

The signed token is the proof: no session, no form token. To look changes nothing, for mail scanners follow every link;
mail programs leave by a POST of their own (RFC 8058).
"""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response

from resile.app.subscribers import CONFIRM_PATH, LEAVE_PATH, Subscribers
from resile.app.wiring import Resile
from resile.model.errors import AccessError
from resile.web.doors.strangers import Strangers, network_of
from resile.web.pages.rendering import render

_HEADERS = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}


def subscriptions_router(strangers: Strangers) -> APIRouter:
    """The addresses of both.

    Args:
        strangers: who came with links that are none.
    """
    router = APIRouter(include_in_schema=False)

    @router.api_route(CONFIRM_PATH + "{token}", methods=["GET", "HEAD"])
    def ask_to_confirm(request: Request, token: str) -> Response:
        said = ("Confirm", "Press the button to get updates.", "Send me updates")
        return _answered(request, strangers, lambda: _use(request).asked(token), said)

    @router.post(CONFIRM_PATH + "{token}")
    def confirm(request: Request, token: str) -> Response:
        said = ("You will be told", "From now on we write when something is published.", "")
        return _answered(request, strangers, lambda: _use(request).confirm(token), said)

    @router.api_route(LEAVE_PATH + "{token}", methods=["GET", "HEAD"])
    def ask_to_leave(request: Request, token: str) -> Response:
        said = ("Leave", "Press the button, and your address is forgotten.", "Send me no more updates")
        return _answered(request, strangers, lambda: _use(request).may_leave(token), said)

    @router.post(LEAVE_PATH + "{token}")
    def leave(request: Request, token: str) -> Response:
        said = ("You will hear no more", "Your address is forgotten.", "")
        return _answered(request, strangers, lambda: _use(request).leave(token), said)

    return router


def _use(request: Request) -> Subscribers:
    resile: Resile = request.app.state.resile
    return resile.communication.subscribers


def _answered(
    request: Request, strangers: Strangers, deed: Callable[[], object], said: tuple[str, str, str]
) -> Response:
    """Do it, and say so; a right link is always heard, however many wrong ones came from the same network."""
    try:
        deed()
    except AccessError as error:
        network = network_of(request.client.host if request.client else None)
        wait_s = strangers.wait_s(network)
        strangers.refuse(network)
        if wait_s is None:
            return _page(request, 404, "This link leads nowhere", _sentence(str(error)))
        tried = f"Too many links that are none came from your address. Try again in {wait_s} s."
        return _page(request, 429, "Too often", tried, more={"retry-after": str(wait_s)})
    title, words, button = said
    return _page(request, 200, title, words, button=button)


def _page(
    request: Request, code: int, title: str, said: str, *, button: str = "", more: dict[str, str] | None = None
) -> Response:
    resile: Resile = request.app.state.resile
    status = resile.settings.status
    page = render(
        request,
        "subscription.html",
        status_code=code,
        title=title,
        said=said,
        button=button,
        status_page=None if status is None else status.base_url,
    )
    page.headers.update({**_HEADERS, **(more or {})})
    return page


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}."
