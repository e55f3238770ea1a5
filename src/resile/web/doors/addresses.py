"""Which door an address means, and what else the address says."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Struct

from resile.app.door_kinds import KINDS, SECRET_PART
from resile.sources.doors.registry import ADDRESS

_FOLDER = "/doors/"
_OPSGENIE = "/v2/alerts"
_OPSGENIE_DEEDS = ("close", "acknowledge")
_PROMETHEUS = "/api/v2/alerts"
# What Alertmanager has below its own address: `/api/v2/alerts`, `/-/healthy`.
_ASKED = re.compile(r"(?P<name>.*?)/(?:api/v2/(?P<asked>.+?)|-/(?P<state>\w+))/?")
_FAIL = "/fail"
# What may be a secret or most of one, in an address that was mistyped or cut.
_LEAST_SECRET = 16
_SECRET_LIKE = re.compile(rf"[0-9A-Fa-f]{{{_LEAST_SECRET},}}")
# What the address says beside the door, for whoever understands the body: path and query, without a secret.
PATH = "x-resile-path"
_MAX_SAID = 4_000


class Place(Struct, frozen=True, gc=False):
    """Where somebody knocks.

    Attributes:
        sender: how whoever knocks here is known and answered; of a kind with several addresses not its name.
        door: name of the door; None where a key tells which one it is.
        said: what the address tells, in the manner of headers.
        secret: where the address carries it.
        asked: what may be asked here, of Alertmanager's API: `alerts`, `status`, `healthy`, ...; None: nothing.
    """

    kind: str
    sender: str
    door: str | None = None
    said: Mapping[str, str] = {}
    secret: str | None = None
    asked: str | None = None


_EXACT: Mapping[str, Place] = {
    "/v2/change/enqueue": Place("pagerduty", "pagerduty", said={ADDRESS: "change"}),
    "/v2/enqueue": Place("pagerduty", "pagerduty_events", said={ADDRESS: "events"}),
    "/generic/2010-04-15/create_event.json": Place("pagerduty", "pagerduty_first", said={ADDRESS: "events"}),
    _OPSGENIE: Place("opsgenie", "opsgenie", said={PATH: _OPSGENIE}),
    _PROMETHEUS: Place("prometheus", "prometheus", "prometheus", asked="alerts"),
    **{
        f"/api/v2/{asked}": Place("prometheus", "alertmanager_api", "prometheus", asked=asked)
        for asked in ("status", "receivers", "silences", "alerts/groups")
    },
}


def is_address(path: str) -> bool:
    """Whether a path is a door's; the page about doors is not below them."""
    return (path.startswith(_FOLDER) and len(path) > len(_FOLDER)) or path in _EXACT or path.startswith(f"{_OPSGENIE}/")


def place_of(path: str, query: bytes = b"") -> Place | None:
    """Where it leads; None where there are no doors."""
    found = _EXACT.get(path)
    if found is not None:
        return found
    if not path.startswith(_FOLDER):
        return _opsgenie_alert(path, query)
    kind, _, rest = path.removeprefix(_FOLDER).partition("/")
    if kind not in KINDS or KINDS[kind].is_found_by_key:
        return None
    if kind == "prometheus":
        return _in_place_of_alertmanager(f"/{rest}")
    return _with_secret(kind, rest) if KINDS[kind].is_secret_in_address else Place(kind, kind, _full_name(kind, rest))


def _in_place_of_alertmanager(rest: str) -> Place:
    """Under `path_prefix`, as Prometheus calls what it puts before the addresses of an Alertmanager."""
    found = _ASKED.fullmatch(rest)
    if found is None or found["asked"] == "alerts":
        name = rest if found is None else found["name"]
        return Place("prometheus", "prometheus", _full_name("prometheus", name), asked="alerts" if found else None)
    name = _full_name("prometheus", found["name"])
    return Place("prometheus", "alertmanager_api", name, asked=found["asked"] or found["state"])


def _full_name(kind: str, rest: str) -> str:
    return f"{kind}/{rest.strip('/')}".rstrip("/").lower()


def _with_secret(kind: str, rest: str) -> Place:
    """`NAME/SECRET`, or either of both; a sign of life may end in `/fail`."""
    rest = rest.rstrip("/")
    said = {}
    if kind == "heartbeat":
        bare, rest = rest, f"/{rest}".removesuffix(_FAIL).strip("/")
        said = {PATH: f"/{kind}{_FAIL}" if bare != rest else f"/{kind}"}
    name, _, last = rest.rpartition("/")
    if SECRET_PART.fullmatch(last):
        return Place(kind, kind, _full_name(kind, name), said, last)
    return Place(kind, kind, _full_name(kind, rest), said)


def _opsgenie_alert(path: str, query: bytes) -> Place | None:
    """`/v2/alerts/IDENTIFIER/close`; an identifier may hold slashes."""
    identifier, _, deed = path.removeprefix(f"{_OPSGENIE}/").rpartition("/")
    if not identifier or deed not in _OPSGENIE_DEEDS:
        return None
    asked = f"?{query.decode('latin-1')}" if query else ""
    said = {PATH: f"{_OPSGENIE}/{quote(identifier, safe='')}/{deed}{asked}"[:_MAX_SAID]}
    return Place("opsgenie", "opsgenie_deed", said=said)


def shown(path: str) -> str:
    """The path as logs and sentences may have it."""
    return path if len(path) < _LEAST_SECRET else _SECRET_LIKE.sub("*", path)
