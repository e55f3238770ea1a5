"""Every page, feed and document of a status, ready to be sent."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import Struct

from resile.app.public_ids import PublicIds
from resile.app.status_api import StatusApi
from resile.app.status_settings import StatusSettings
from resile.response.public_status import IncidentShown, PublicStatus
from resile.web.status.answers import FOR_EVER, HTML, JSON, Ready, ready
from resile.web.status.feeds import ATOM, RSS, Feeds
from resile.web.status.view import Viewing, When

_WEB = Path(str(files("resile.web")))
_STYLES = ("tokens.css", "status.css")
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><circle cx="10" cy="10" r="8" fill="#5f6878"/>'
    b'<path d="M6 10.5l2.7 2.7L14 7.6" fill="none" stroke="#fff" stroke-width="2"/></svg>'
)


class Frame(Struct, frozen=True, kw_only=True):
    """What stands around each page.

    Attributes:
        style: the path of the style sheet.
        can_subscribe: updates can be asked for here.
        root: what goes before every path in links.
    """

    title: str
    about: str
    zone: str
    contact_url: str | None
    style: str
    can_subscribe: bool
    root: str = ""


class Site(Struct, frozen=True):
    """What is served.

    Attributes:
        answers: by path.
        moved: from the path of an incident that was merged into another to that one's.
        components: what may be chosen by whoever subscribes: id, title, and what updates may call it.
    """

    answers: Mapping[str, Ready]
    moved: Mapping[str, str] = {}
    components: tuple[tuple[str, str, frozenset[str]], ...] = ()


class _Rendered(Struct, frozen=True):
    """What a page was rendered of, and its answer."""

    of: Any
    body: bytes


class SiteMaker:
    """Makes sites, each out of what has changed since the one before. Of one thread.

    Args:
        address: where the public reaches the page.
        now: of the clock by which answers are dated.
        root: what goes before every path in links, where it is not served at the root.
    """

    def __init__(
        self,
        settings: StatusSettings,
        ids: PublicIds,
        *,
        address: str,
        can_subscribe: bool,
        now: Callable[[], datetime],
        root: str = "",
    ) -> None:
        self._settings = settings
        self._ids = ids
        self._address = address
        self._now = now
        self._began_at = now()
        self._viewing = Viewing(ids, settings.clock, root=root)
        self._style = style()
        self.frame = _frame(settings, can_subscribe=can_subscribe, root=root)
        self._site = Site({})
        self._incidents: dict[str, _Rendered] = {}

    def site(self, status: PublicStatus, *, stale_since: datetime | None = None) -> Site:
        """Everything as it is to be served now.

        Args:
            stale_since: the store could not be read since then; every page says so.
        """
        stale = None if stale_since is None else self._viewing.when(stale_since)
        view = self._viewing.status(status)
        titles = {one.listed.name: one.listed.title for one in status.components}
        rendered = [self._incident(one, titles, stale) for one in status.incidents]
        answers: dict[str, Ready] = {}
        for path, body in (
            ("/", self._page("index.html", stale, view=view)),
            ("/history", self._page("history.html", stale, view=view)),
            *rendered,
        ):
            answers[path] = self._ready(path, body, HTML)
        feeds = Feeds(status, self._ids, title=self.frame.title, address=self._address, started_at=self._began_at)
        answers["/history.rss"] = self._ready("/history.rss", feeds.rss(), RSS, for_all=True)
        answers["/history.atom"] = self._ready("/history.atom", feeds.atom(), ATOM, for_all=True)
        api = StatusApi(
            status,
            self._ids,
            self._settings,
            address=self._address,
            started_at=self._began_at,
            stale_since=stale_since,
        )
        for path, body in api.documents().items():
            answers[path] = self._ready(path, body, JSON, for_all=True)
        answers[self.frame.style] = self._ready(self.frame.style, self._style, "text/css; charset=utf-8", FOR_EVER)
        answers["/favicon.svg"] = self._ready("/favicon.svg", _ICON, "image/svg+xml")
        # Only those that are still there, lest they pile up.
        self._incidents = {path: self._incidents[path] for path, _ in rendered}
        self._site = Site(answers, self._moved(status), _choices(status, self._ids))
        return self._site

    def _incident(self, one: IncidentShown, titles: dict[str, str], stale: When | None) -> tuple[str, bytes]:
        view = self._viewing.incident(one, titles)
        known = self._incidents.get(view.path)
        if known is None or known.of != (view, stale):
            body = self._page("incident.html", stale, one=view)
            known = self._incidents[view.path] = _Rendered((view, stale), body)
        return view.path, known.body

    def _moved(self, status: PublicStatus) -> dict[str, str]:
        path = "/incidents/{}".format
        return {
            path(self._ids.incident(other)): path(self._ids.incident(one.ids[0]))
            for one in status.incidents
            for other in one.ids[1:]
        }

    def _page(self, template: str, stale: When | None, **given: object) -> bytes:
        return page(template, site=self.frame, stale=stale, **given)

    def _ready(self, path: str, body: bytes, kind: str, cached: str | None = None, *, for_all: bool = False) -> Ready:
        """The answer, with the date of the one before where the bytes are the same."""
        before = self._site.answers.get(path)
        if before is not None and before.body == body:
            return before
        more = {} if cached is None else {"cached": cached}
        secure = self._address.startswith("https://")
        now = self._now().replace(microsecond=0)
        is_date_sure = before is None or before.modified_at != now
        return ready(body, kind, modified_at=now, is_date_sure=is_date_sure, for_all=for_all, secure=secure, **more)


def _choices(status: PublicStatus, ids: PublicIds) -> tuple[tuple[str, str, frozenset[str]], ...]:
    return tuple((ids.component(one.listed.name), one.listed.title, one.listed.keys) for one in status.components)


def _frame(settings: StatusSettings, *, can_subscribe: bool, root: str) -> Frame:
    return Frame(
        title=settings.title,
        about=settings.about,
        zone=settings.zone,
        contact_url=settings.contact_url,
        style=f"/style-{hashlib.sha256(style()).hexdigest()[:12]}.css",
        can_subscribe=can_subscribe,
        root=root,
    )


@lru_cache(maxsize=1)
def style() -> bytes:
    """The one style sheet of the page."""
    return b"\n".join((_WEB / "static" / name).read_bytes() for name in _STYLES)


def page(template: str, **given: object) -> bytes:
    """A page as HTML."""
    return _environment().get_template(f"status/{template}").render(**given).encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
