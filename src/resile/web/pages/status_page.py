"""The public status page as those who run it see it: where it is, and what it shows."""

import threading
from pathlib import PurePosixPath

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from resile.app.wiring import Resile
from resile.response.public_status import Indicator, PublicStatus
from resile.web.pages.rendering import render
from resile.web.status.app import Board
from resile.web.status.keeper import Keeper
from resile.web.status.site import Site, SiteMaker

router = APIRouter(include_in_schema=False)

ROOT = "/status-page/preview"
# As the page itself has it, but shown within one of ours.
_FRAMED = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
}


class Preview:
    """What the public page shows, made when somebody looks."""

    def __init__(self, resile: Resile) -> None:
        parts, now = resile.status, resile.clock.now
        maker = SiteMaker(
            parts.settings,
            parts.ids,
            address=parts.settings.address,
            can_subscribe=False,
            now=now,
            root=ROOT,
        )
        self._board = Board()
        self._page = parts.follow()
        self._keeper = Keeper(self._page, maker, self._board, now=now)
        self._turn = threading.Lock()

    def status(self) -> PublicStatus:
        """What the public sees now.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._turn:
            return self._page.look()

    def site(self) -> Site | None:
        """The site as it is now; None: the store could not be read yet."""
        with self._turn:
            self._keeper.look()
            return self._board.site


@router.get("/status-page")
def status_page(request: Request) -> Response:
    """Where the page is, and a look at it."""
    resile: Resile = request.app.state.resile
    parts = resile.status
    shown = _preview_of(request).status()
    return render(
        request,
        "status_page.html",
        title="Status page",
        is_set=parts.is_set,
        address=parts.settings.address,
        shown=shown,
        preview=f"{ROOT}/",
        tone="bad" if parts.is_set and shown.indicator is not Indicator.NONE else "",
        message=[
            ("Customers read ", False),
            (shown.description, True),
            (".", False),
        ]
        if parts.is_set
        else [("The public status page is ", False), ("switched off", True), (".", False)],
    )


@router.get("/status-page/preview")
def preview_root() -> Response:
    """With the stroke at its end, links within it lead where they should."""
    return RedirectResponse(f"{ROOT}/", status_code=307)


@router.get("/status-page/preview/{path:path}")
def preview(request: Request, path: str) -> Response:
    """One page of the preview."""
    site = _preview_of(request).site()
    found = None if site is None else site.answers.get(str(PurePosixPath("/", path)))
    if found is None:
        return Response(
            "There is nothing at this address.\n", status_code=404, media_type="text/plain", headers=_FRAMED
        )
    kind = next(value for name, value in found.headers if name == b"content-type").decode()
    return Response(found.body, headers={**_FRAMED, "content-type": kind})


def _preview_of(request: Request) -> Preview:
    """The one of this application; of two that are made at once the last stays."""
    state = request.app.state
    made: Preview | None = getattr(state, "status_preview", None)
    if made is None:
        made = state.status_preview = Preview(state.resile)
    return made
