"""Playbooks: the list, with what each comes to, and the page of one as people follow it."""

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from resile.analytics.sentences import Parts
from resile.analytics.words import counted
from resile.app.playbook_lint import lint_catalog
from resile.app.playbook_rows import PlaybookRow, playbook_rows
from resile.app.playbook_sample import PLAYBOOK_EXAMPLE
from resile.app.playbook_shown import shown_parts
from resile.app.wiring import Resile
from resile.model.catalog import Kind
from resile.ports.catalog import Version
from resile.web.pages.catalog_versions import steps_of
from resile.web.pages.incident import may_write
from resile.web.pages.rendering import path_part, render

router = APIRouter(include_in_schema=False)

PER_PAGE = 30
MAX_VERSIONS = 10


@router.get("/playbooks")
def playbooks_page(request: Request) -> Response:
    """Every playbook: what it is for, whose, how old, how risky, how often used, and to what effect."""
    resile: Resile = request.app.state.resile
    names = sorted(resile.playbooks.all())
    n_pages = max(1, -(-len(names) // PER_PAGE))
    page = min(_number(request.query_params.get("page", "")) or 1, n_pages)
    rows = playbook_rows(resile, names[(page - 1) * PER_PAGE : page * PER_PAGE])
    return render(
        request,
        "playbooks.html",
        title="Playbooks",
        message=_message(rows, len(names)),
        rows=rows,
        n_rows=len(names),
        page=page,
        n_pages=n_pages,
        unreadable=[one for one in lint_catalog(resile) if one.is_unsafe],
        example=PLAYBOOK_EXAMPLE,
        can_write=may_write(request),
    )


def _message(rows: list[PlaybookRow], n: int) -> Parts:
    if not n:
        return [("No playbook yet.", False)]
    n_used = sum(1 for row in rows if row.effect.n_used)
    n_faulty = sum(1 for row in rows if row.faults)
    if n > len(rows):
        return [(counted(n, "playbook"), True), (".", False)]
    used = f", {counted(n_used, 'was', 'were')} used so far"
    mend = f"; {counted(n_faulty, 'has', 'have')} something to mend" if n_faulty else ""
    return [(counted(n, "playbook"), True), (f"{used}{mend}.", False)]


@router.get("/playbooks/{name:path}")
def playbook_page(request: Request, name: str) -> Response:
    """One playbook, as it is now or as it was in `?version=3`."""
    resile: Resile = request.app.state.resile
    if not name:
        return RedirectResponse("/playbooks", status_code=307)
    if name.endswith(".md"):
        # As playbooks in a folder name each other.
        return RedirectResponse(f"/playbooks/{path_part(name.removesuffix('.md'))}", status_code=307)
    versions = resile.catalog.history(Kind.PLAYBOOK, name)
    wanted = _number(request.query_params.get("version", "")) or (versions[0].number if versions else 0)
    playbook = resile.playbooks.as_of(name, wanted)
    if playbook is None:
        return _unknown(request, name, versions)
    rows = playbook_rows(resile, [name]) if wanted == versions[0].number else []
    return render(
        request,
        "playbook.html",
        title=playbook.title,
        playbook=playbook,
        version=next(one for one in versions if one.number == wanted),
        is_newest=wanted == versions[0].number,
        row=rows[0] if rows else None,
        parts=shown_parts(playbook),
        steps=steps_of(Kind.PLAYBOOK, name, versions[: MAX_VERSIONS + 1])[:MAX_VERSIONS],
        n_versions=len(versions),
        length=_length,
        can_write=may_write(request),
    )


def _unknown(request: Request, name: str, versions: list[Version]) -> Response:
    """There is none of that name, or no such version, or it cannot be read."""
    if versions:
        return RedirectResponse(f"/catalog/playbook/{path_part(name)}", status_code=303)
    return render(request, "catalog_unknown.html", status_code=404, title="Not found", called=f"playbook {name}"[:200])


def _length(length: timedelta) -> str:
    """As a playbook writes it: `20s`, `5m`, `1h`."""
    seconds = length // timedelta(seconds=1)
    for unit, size in (("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {'min' if unit == 'm' else unit}"
    return f"{seconds} s"


def _number(said: str) -> int:
    """A number from an address; 0 where it is none."""
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= 9 else 0  # noqa: PLR2004 - enough for any
