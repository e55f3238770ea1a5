"""The history as RSS 2.0 and as Atom, the newest first."""

import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from resile.app.public_ids import PublicIds
from resile.app.status_api import said_of
from resile.model.time import format_instant
from resile.response.public_status import IncidentShown, PublicStatus

MAX_ENTRIES = 50
RSS = "application/rss+xml; charset=utf-8"
ATOM = "application/atom+xml; charset=utf-8"
_ATOM_SPACE = "http://www.w3.org/2005/Atom"
# No XML 1.0 document may hold these, however they are written.
_UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Feeds:
    """Both feeds of one status.

    Args:
        address: where the public reaches the page.
        started_at: stands for the last change while nothing was ever published.
    """

    def __init__(self, status: PublicStatus, ids: PublicIds, *, title: str, address: str, started_at: datetime) -> None:
        self._incidents: Sequence[IncidentShown] = status.incidents[:MAX_ENTRIES]
        self._ids = ids
        self._title = _spoken(f"{title}: incidents")
        self._address = address
        self._changed_at = max((one.changed_at for one in self._incidents), default=started_at)

    def rss(self) -> bytes:
        """RSS 2.0: an item for each incident, with all its updates."""
        ET.register_namespace("atom", _ATOM_SPACE)
        root = ET.Element("rss", {"version": "2.0"})
        channel = ET.SubElement(root, "channel")
        _add(channel, "title", self._title)
        _add(channel, "link", f"{self._address}/")
        _add(channel, "description", "What happened, and what was said of it.")
        _add(channel, "language", "en")
        _add(channel, "lastBuildDate", format_datetime(self._changed_at, usegmt=True))
        itself = {"href": f"{self._address}/history.rss", "rel": "self", "type": "application/rss+xml"}
        ET.SubElement(channel, f"{{{_ATOM_SPACE}}}link", itself)
        for one in self._incidents:
            item = ET.SubElement(channel, "item")
            _add(item, "title", _spoken(one.title))
            _add(item, "link", self._link(one))
            _add(item, "description", _told(one))
            _add(item, "pubDate", format_datetime(one.began_at, usegmt=True))
            _add(item, "guid", self._link(one), isPermaLink="true")
        return _written(root)

    def atom(self) -> bytes:
        """Atom (RFC 4287): an entry for each incident, which changes with each update."""
        root = ET.Element("feed", {"xmlns": _ATOM_SPACE})
        _add(root, "id", f"{self._address}/history.atom")
        _add(root, "title", self._title)
        _add(root, "updated", format_instant(self._changed_at))
        ET.SubElement(root, "link", {"rel": "self", "href": f"{self._address}/history.atom"})
        ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": f"{self._address}/history"})
        _add(ET.SubElement(root, "author"), "name", self._title)
        for one in self._incidents:
            entry = ET.SubElement(root, "entry")
            _add(entry, "id", self._link(one))
            _add(entry, "title", _spoken(one.title))
            _add(entry, "published", format_instant(one.began_at))
            _add(entry, "updated", format_instant(one.changed_at))
            ET.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": self._link(one)})
            _add(entry, "content", _told(one), type="text")
        return _written(root)

    def _link(self, one: IncidentShown) -> str:
        return f"{self._address}/incidents/{self._ids.incident(one.ids[0])}"


def _told(one: IncidentShown) -> str:
    """Its updates as text, the newest first, and before them what nobody said of it yet."""
    back = "" if one.restored_at is None else f"Service has been back since {one.restored_at:%Y-%m-%d %H:%M} UTC."
    said = (
        f"{update.at:%Y-%m-%d %H:%M} UTC, {update.phase if update.withdrawn_at is None else 'withdrawn'}: "
        f"{said_of(update)}"
        for update in one.updates
    )
    return _spoken("\n\n".join(filter(None, (back, *said))))


def _spoken(text: str) -> str:
    return _UNSPEAKABLE.sub("\ufffd", text)


def _add(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = text


def _written(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"
