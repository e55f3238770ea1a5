"""Turns templates into pages: the environment, the filters, and what every page is told."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from resile.analytics import sentences, words
from resile.analytics.dora_words import headlines
from resile.app.markdown import as_html
from resile.model.time import format_instant

TEMPLATES = Path(str(files("resile.web"))) / "templates"
STATIC = Path(str(files("resile.web"))) / "static"

THEMES = ("light", "dark", "auto")
_FORMS = {"date": "%Y-%m-%d", "minute": "%Y-%m-%d %H:%M", "second": "%Y-%m-%d %H:%M:%S", "clock": "%H:%M:%S"}

# A space before a unit, a sign of comparison, or what it compares with.
_UNIT = re.compile(r"(?<=\d) (?=(?:%|s|min|h|d)\b|%)|(?<=\bp) (?=[=<])|(?<=p [=<]) ")
_CODE = re.compile(r"`([^`]+)`")
_ID = re.compile(r"\bINC-\d+\b")
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")
# What is stressed and longer than this may break over lines.
_LONGEST_UNBROKEN = 24

# Name, address, and the path of its icon (20 × 20).
_NAV = (
    ("Now", "/now", "M10 3a7 7 0 1 0 0 14a7 7 0 0 0 0-14zM10 6v4l3 2"),
    ("Restore", "/restore", "M2 4c3 0 4 12 8 12S14 8 18 8"),
    ("Delivery", "/delivery", "M3 16V9M7 16v-4M11 16V6M15 16v-6M13 4l4-1-1 4"),
    ("On call", "/oncall", "M10 3a5 5 0 0 0-5 5c0 4-2 5-2 6h14c0-1-2-2-2-6a5 5 0 0 0-5-5zM8 17a2 2 0 0 0 4 0"),
    ("Incidents", "/incidents", "M7 5h10M7 10h10M7 15h10M3 5h.01M3 10h.01M3 15h.01"),
    ("Alerts", "/alerts", "M10 3l8 14H2zM10 8v4M10 14.5h.01"),
    ("Playbooks", "/playbooks", "M4 3h12v14H4zM7 7l1 1 2-2M7 12l1 1 2-2M12 7h2M12 12h2"),
    ("Services", "/services", "M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM11 11h6v6h-6z"),
    ("Doors", "/doors", "M4 17V4a1 1 0 0 1 1-1h7v15M12 17h5V6h-5M2 17h16M9 10v1"),
    ("Catalog", "/catalog", "M4 3h9l3 3v11H4zM7 9h6M7 13h6"),
    ("Compare", "/compare", "M5 17V9M10 17V3M15 17v-5"),
    (
        "Definitions",
        "/definitions",
        "M4 4.5A2.5 2.5 0 0 1 6.5 2H16v13H6.5A2.5 2.5 0 0 0 4 17.5zM4 17.5A1.5 1.5 0 0 0 6 18h10",
    ),
)
# A phone's bar has room for four and for what opens the others.
_IN_BAR = ("/now", "/restore", "/oncall", "/incidents")
# Pages that stand below an entry although their address does not.
_BELOW = {"/delivery": "/deployments/", "/services": "/teams/", "/catalog": "/do/catalog/"}
_SETTINGS = (
    "Settings",
    "/settings",
    "M4 6h6M14 6h2M4 14h2M10 14h6M12 4a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM8 12a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
)


def render(request: Request, name: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """The template `name` as a page, with what every page is told: theme, zone, navigation, who is there."""
    return HTMLResponse(rendered(request, name, **context), status_code=status_code)


def rendered(request: Request, name: str, **context: Any) -> str:
    """The same as text."""
    return _environment().get_template(name).render({**_common(request), **context})


def _common(request: Request) -> dict[str, Any]:
    settings = request.app.state.resile.settings
    path = request.url.path
    return {
        "here": str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
        "theme": theme_of(request),
        "zone": zone_of(request).key,
        "nav": [
            {
                "name": name,
                "href": href,
                "icon": icon,
                "is_current": _is_current(path, href),
                "is_in_bar": href in _IN_BAR,
            }
            for name, href, icon in (*_NAV, *_settings_entry(request))
        ],
        "is_simulated": settings.is_simulated,
        "user": getattr(request.state, "user", None),
        "csrf_token": getattr(request.state, "csrf_token", ""),
        "title": "",
    }


def _is_current(path: str, href: str) -> bool:
    return path == href or path.startswith((f"{href}/", _BELOW.get(href, f"{href}/")))


def _settings_entry(request: Request) -> tuple[tuple[str, str, str], ...]:
    return (_SETTINGS,) if getattr(request.app.state, "has_settings_page", False) else ()


def theme_of(request: Request) -> str:
    """The reader's choice of colours: light, dark, or auto for what the system says."""
    chosen = request.cookies.get("theme", "auto")
    return chosen if chosen in THEMES else "auto"


def zone_of(request: Request) -> ZoneInfo:
    """The reader's zone, as the script told it in a cookie; UTC before that."""
    return _zone(unquote(request.cookies.get("zone", "UTC")))


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    # Checked against the list, for a name from a cookie must not become a path.
    return ZoneInfo(name if name in _zones() else "UTC")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@pass_context
def instant(context: Context, at: datetime | None, form: str = "minute") -> Markup:
    """An instant in the reader's zone, UTC on hover; `form` is date, minute, second or clock."""
    if at is None:
        return Markup('<span class="muted">–</span>')
    shown = at.astimezone(_zone(context.get("zone", "UTC"))).strftime(_FORMS[form])
    utc = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" data-form="{}" title="{}">{}</time>').format(
        format_instant(at), form, utc, shown
    )


@pass_context
def day_of(context: Context, at: datetime) -> str:
    """The day of an instant in the reader's zone."""
    return at.astimezone(_zone(context.get("zone", "UTC"))).strftime("%Y-%m-%d")


def markdown(text: str, incident_id: str) -> Markup:
    """What people wrote, as HTML that can do no harm; pictures are those of the incident."""
    return Markup(as_html(text, pictures=f"/incidents/{path_part(incident_id)}/pictures/"))  # noqa: S704 - cleaned there


def day(at: datetime) -> str:
    """A day in UTC, as windows are written."""
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def clock_words(at: datetime, zone: str, *, has_year: bool = True) -> str:
    """An instant by the clock of a zone, in words for a sentence."""
    return at.astimezone(ZoneInfo(zone)).strftime("%a %Y-%m-%d %H:%M" if has_year else "%a %m-%d %H:%M")


def by_clock(at: datetime, zone: str, *, has_year: bool = True) -> Markup:
    """An instant by the clock of a zone, UTC on hover, whatever zone the reader has chosen."""
    shown = clock_words(at, zone, has_year=has_year)
    utc = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(format_instant(at), utc, shown)


def by_day(at: datetime) -> str:
    """A day by the clock of the instant's own zone."""
    return at.strftime("%Y-%m-%d")


def last_day(end: datetime) -> str:
    """The last day inside a window that ends (exclusively) at `end`."""
    return day(end - timedelta(microseconds=1))


def severity(name: str | None) -> Markup:
    """A severity as its coloured word."""
    if name is None:
        return Markup('<span class="muted">–</span>')
    kind = name.lower() if name.lower() in {"sev1", "sev2", "sev3", "sev4", "sev5"} else "sev5"
    return Markup('<span class="sev {}">{}</span>').format(kind, name)


def figure(value: float) -> str:
    """A coordinate of a picture, as short as its sharpness allows."""
    return f"{value:.1f}".removesuffix(".0")


def stressed(parts: list[tuple[str, bool]], kind: str = "") -> Markup:
    """Pieces of a message, those to be stressed in bold."""
    opened = Markup('<b class="{}">').format(kind) if kind else Markup("<b>")
    closed = Markup("</b>")
    pieces = [opened + escape(_unbroken(text)) + closed if is_key else escape(text) for text, is_key in parts]
    return Markup("").join(pieces)


def kept_together(say: Callable[[float | None], str]) -> Callable[[float | None], str]:
    """The same words with spaces at which no line breaks: a number and its unit stay side by side."""
    return lambda value: _unbroken(say(value))


def _unbroken(text: str) -> str:
    return text.replace(" ", "\u00a0") if len(text) <= _LONGEST_UNBROKEN else text


def unbroken_units(sentence: str) -> str:
    """A sentence in which no line breaks between a number and its unit, or within `p = 0.03`."""
    return _UNIT.sub("\u00a0", sentence)


def whole_days(text: str) -> Markup:
    """Text in which no line breaks inside a day such as 2024-01-31."""
    return Markup(_DAY.sub(r'<span class="nowrap">\g<0></span>', str(escape(text))))  # noqa: S704 - escaped before


def whole_ids(text: str) -> Markup:
    """Text in which no line breaks inside the id of an incident."""
    return Markup(_ID.sub(r'<span class="nowrap">\g<0></span>', str(escape(text))))  # noqa: S704 - escaped before


def coded(text: str) -> Markup:
    """A sentence in which what stands between backticks is set as a command."""
    return Markup(_CODE.sub(r'<code class="mono">\g<1></code>', str(escape(text))))  # noqa: S704 - escaped before


def path_part(text: str) -> str:
    """Text as a part of an address; slashes stay, for ids may hold them."""
    return quote(text, safe="/:")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=kept_together(words.duration),
        exact=kept_together(words.exact_duration),
        signed=kept_together(words.signed),
        number=words.number,
        percent=kept_together(words.percent),
        p_value=words.p_value,
        factor=words.factor,
        instant=instant,
        utc=format_instant,
        unbroken=_unbroken,
        unbroken_units=unbroken_units,
        whole_days=whole_days,
        whole_ids=whole_ids,
        coded=coded,
        day=day,
        day_of=day_of,
        markdown=markdown,
        by_clock=by_clock,
        clock_words=clock_words,
        by_day=by_day,
        last_day=last_day,
        severity=severity,
        xy=figure,
        stressed=stressed,
        path_part=path_part,
        phase_name=words.phase_name,
        dimension_name=words.dimension_name,
        key_name=words.key_name,
    )
    environment.globals.update(words=words, sentences=sentences, headlines_of=headlines)
    return environment
