"""What the doors have in common: names of services, environments and repositories, and words that take changes back."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import TypedDict
from urllib.parse import urlsplit

import msgspec

from resile.model.change import DeploymentStatus
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Delivery
from resile.sources.doors.body import MAX_NAME, printable

PRODUCTION = "production"
_PRODUCTION_WORDS = frozenset({"production", "prod", "live"})
_VERSION = re.compile(r"(?:refs/tags/)?((?:[\w-]+[/@-])?[vV]?\d+(?:\.\d+)+[\w.+-]*)")
_REVERTED_COMMITS = re.compile(r"This reverts commit ([0-9a-f]{7,64})\b")
_SCP_LIKE = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!//)([^\s]+)")
_MAX_MESSAGE = 100_000
_MAX_REVERTED = 100
_RANK = {DeploymentStatus.QUEUED: 0, DeploymentStatus.RUNNING: 1}
_ENDED = 2


class Told(TypedDict):
    """What every report says of how it came to be."""

    recorded_at: datetime
    by: str


class Naming:
    """Names as the door's options have them."""

    def __init__(self, options: DoorOptions) -> None:
        self._options = options
        self._services = _folded(options.services)
        self._runs = _folded(options.runs)
        self._production = options.production

    def told(self, delivery: Delivery) -> Told:
        """Who says what the delivery says, and since when it is known."""
        return Told(recorded_at=delivery.received_at, by=f"door:{self._options.name or delivery.door}")

    def service(self, *names: str | None, otherwise: str | None) -> str | None:
        """The service that the options name for one of these names, the most telling first, or for the whole door."""
        return self.mapped_service(*names) or self._options.service or otherwise

    def mapped_service(self, *names: str | None) -> str | None:
        """The service that the options name for one of these names, the most telling first."""
        for name in names:
            for candidate in (name, last_segment(name)):
                if candidate and (found := self._services.get(candidate.casefold())) is not None:
                    return found
        return None

    def environment(self, name: str | None) -> str | None:
        """An environment's name; those that mean production are one."""
        if name is None:
            return None
        if name.casefold() in _PRODUCTION_WORDS or fits(name, self._production):
            return PRODUCTION
        return name

    def run_environment(self, *names: str | None) -> str | None:
        """The environment to which a run of one of these names deploys; None: it is no deployment."""
        found = (self._runs.get(name.casefold()) for name in names if name)
        return next((self.environment(one) for one in found if one is not None), None)


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name fits a pattern, whatever its case; `*` and `?` stand for any, a bracket for itself."""
    folded = name.casefold()
    return any(fnmatchcase(folded, pattern.casefold().replace("[", "[[]")) for pattern in patterns)


def version_in(ref: str | None) -> str | None:
    """A tag that names a version, such as v1.2.3, refs/tags/1.2 or shop-1.2.3; None for a branch or a commit."""
    found = _VERSION.fullmatch(ref) if ref else None
    return found[1] if found else None


def repository_of(address: str | None) -> str | None:
    """A repository's name from any address of it: github.com/acme/shop; None if it is none."""
    if not address or len(address) > MAX_NAME * 2:
        return None
    scp_like = _SCP_LIKE.fullmatch(address)
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    if host is not None:
        path = parts.path
    elif scp_like is not None:
        host, path = scp_like[1], scp_like[2]
    else:
        return printable(address.strip("/").removesuffix(".git"), MAX_NAME) or None
    path = path.strip("/").removesuffix(".git")
    return printable(f"{host.lower()}/{path}", MAX_NAME) if path else None


def origin_of(address: str | None, *, public_host: str, name: str) -> str:
    """The system that names a repository's deployments: `name` on its public host, elsewhere the host itself.

    Ids are unique on one host only.
    """
    try:
        host = urlsplit(address or "").hostname
    except ValueError:
        host = None
    return name if host is None or host == public_host else printable(host, MAX_NAME)


def last_segment(name: str | None) -> str | None:
    """`shop` of `acme/shop`."""
    return name.rstrip("/").rpartition("/")[2] or name if name else None


def commits_reverted(message: str) -> tuple[str, ...]:
    """Ids of the commits that a message says to revert, as git writes it, or their beginnings, in order."""
    return tuple(dict.fromkeys(_REVERTED_COMMITS.findall(message[:_MAX_MESSAGE])))[:_MAX_REVERTED]


def report_id(status: DeploymentStatus, name: str) -> str:
    """The id of a report on a status.

    Of two at the same second the fold takes the greater id for the later, so an end goes after a beginning.
    """
    return f"{_RANK.get(status, _ENDED)}:{name}:{status}"


def digest(*parts: object) -> str:
    """A short name for what has none, the same on any machine."""
    return blake2b(msgspec.json.encode(parts, order="deterministic"), digest_size=12).hexdigest()


def bounded_ref(name: str) -> str:
    """A name in another system that may be of any length, kept where it is short, else its digest."""
    return name if len(name) <= MAX_NAME and printable(name, MAX_NAME) == name else digest(name)


def _folded(names: Mapping[str, str]) -> dict[str, str]:
    return {name.casefold(): value for name, value in names.items()}
