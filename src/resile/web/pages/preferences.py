"""What a reader may choose for this browser alone: the colours."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from resile.web.pages.rendering import THEMES

router = APIRouter(include_in_schema=False)

_YEAR_S = 365 * 86400


@router.get("/theme")
def choose_theme(to: str = "auto", next: str = "/") -> RedirectResponse:  # noqa: A002 - its name in the address
    """Remember the colours in a cookie and go back; for browsers without script."""
    # Only paths of our own: `//host` and `/\host` would lead away.
    is_ours = next.startswith("/") and not next.startswith(("//", "/\\"))
    answer = RedirectResponse(next if is_ours else "/", status_code=303)
    answer.set_cookie("theme", to if to in THEMES else "auto", max_age=_YEAR_S, samesite="lax")
    return answer
