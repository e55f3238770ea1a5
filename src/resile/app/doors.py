"""Doors for deliveries: made, listed, removed; and their secrets, which rest nowhere."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping

from msgspec import Struct, structs

from resile.app.access import Identity, require
from resile.model.errors import ConfigError, ConflictError, StoreError
from resile.ports.account_store import Scope
from resile.ports.clock import Clock
from resile.ports.delivery_door import DoorOptions
from resile.ports.door_book import Door, DoorBook, DoorCounts

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
MAX_SERVICE = 200
MAX_DOORS = 1_000


class DoorKind(Struct, frozen=True, kw_only=True):
    """A sender for which doors can be made.

    Attributes:
        path: where its deliveries arrive; `{name}` stands for the rest of the door's own name.
        max_bytes: the largest body.
        n_secret: length of the secret, hexadecimal digits.
    """

    path: str
    title: str
    max_bytes: int
    n_secret: int = 64


# GitHub caps its payloads at 25 MB, PagerDuty takes 512 KB.
KINDS: Mapping[str, DoorKind] = {
    "github": DoorKind(path="/doors/github", title="GitHub", max_bytes=25_000_000),
    "gitlab": DoorKind(path="/doors/gitlab", title="GitLab", max_bytes=25_000_000),
    "cdevents": DoorKind(path="/doors/cdevents", title="CDEvents", max_bytes=1_000_000),
    "pagerduty": DoorKind(path="/v2/change/enqueue", title="PagerDuty change events", max_bytes=512_000, n_secret=32),
}


class DoorSeen(Struct, frozen=True, kw_only=True):
    """A door with its counts."""

    name: str
    kind: str
    path: str
    service: str | None
    has_secret: bool
    counts: DoorCounts


class Doors:
    """The use cases of doors.

    Args:
        read_key: the key of the data folder; None if there is none.
        make_key: the same, made where there is none.
    """

    def __init__(
        self,
        book: DoorBook,
        clock: Clock,
        *,
        read_key: Callable[[], bytes | None],
        make_key: Callable[[], bytes],
    ) -> None:
        self._book = book
        self._clock = clock
        self._read_key = read_key
        self._make_key = make_key

    def add(
        self,
        by: Identity,
        kind: str,
        name: str | None = None,
        *,
        options: DoorOptions | None = None,
        has_secret: bool = True,
    ) -> tuple[Door, str | None]:
        """Make a door.

        Returns:
            The door and its secret, which is stored nowhere; None where it has none.

        Raises:
            AccessError: who asks is no admin.
            ConfigError: kind, name or service will not do.
            ConflictError: there is a door of that name.
        """
        require(by, Scope.ADMIN)
        if kind not in KINDS:
            raise ConfigError(f"door kind {kind[:64]!r} is unknown; use {', '.join(KINDS)}")
        if kind == "pagerduty" and not has_secret:
            raise ConfigError("a pagerduty door is found by its routing key, so it cannot be without one")
        options = options or DoorOptions()
        for service in (*([] if options.service is None else [options.service]), *options.services.values()):
            if not 0 < len(service.strip()) <= MAX_SERVICE:
                raise ConfigError(f"service {service[:64]!r} will not do; give 1 to {MAX_SERVICE} characters")
        if len(self._book.doors()) >= MAX_DOORS:
            raise ConfigError(f"there are {MAX_DOORS:,} doors, the most there can be; remove some")
        salt = secrets.token_bytes(16) if has_secret else None
        full_name = full_name_of(kind, name)
        secret = None if salt is None else derive(self._make_key(), full_name, salt, KINDS[kind].n_secret)
        door = Door(
            name=full_name,
            kind=kind,
            made_at=self._clock.now(),
            options=structs.replace(options, name=full_name),
            salt=salt,
            secret_digest=None if secret is None else hashlib.sha256(secret.encode()).digest(),
        )
        if not self._book.add(door):
            raise ConflictError(f"there is a door {full_name} already; remove it first, or give another --name")
        return door, secret

    def listed(self, by: Identity) -> list[DoorSeen]:
        """All doors with their counts; also the API's, once something came through it."""
        require(by, Scope.ADMIN)
        counts = self._book.counts()
        doors = self._book.doors()
        seen = [
            DoorSeen(
                name=door.name,
                kind=door.kind,
                path=path_of(door),
                service=door.options.service,
                has_secret=door.salt is not None,
                counts=counts.get(door.name, DoorCounts()),
            )
            for door in doors
        ]
        if API_DOOR in counts:
            seen.append(
                DoorSeen(
                    name=API_DOOR,
                    kind=API_DOOR,
                    path=API_PATH,
                    service=None,
                    has_secret=True,
                    counts=counts[API_DOOR],
                )
            )
        return seen

    def remove(self, by: Identity, name: str) -> bool:
        """Close a door for good: who knocks is told that there is none. False if there was none."""
        require(by, Scope.ADMIN)
        return self._book.remove(name.strip().lower())

    def all(self) -> dict[str, Door]:
        """The doors by name."""
        return {door.name: door for door in self._book.doors()}

    def secret_of(self, door: Door) -> str | None:
        """A door's secret, derived again; None where it has none.

        Raises:
            StoreError: the key is lost, or is another than the one with which the door was made.
        """
        if door.salt is None or door.secret_digest is None:
            return None
        key = self._read_key()
        secret = None if key is None else derive(key, door.name, door.salt, KINDS[door.kind].n_secret)
        if secret is None or not hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), door.secret_digest):
            raise StoreError(
                f"door {door.name}: secret.key in the data folder is not the one with which it was made; "
                "put that one back from a backup, or remove the door and make it anew"
            )
        return secret

    def count_refused(self, refused: Mapping[str, int]) -> None:
        """Add to the counts of those who were turned away."""
        self._book.count_refused(refused)


# The door of `POST /api/v1/deployments`: open to tokens, made by nobody.
API_DOOR = "deployments"
API_PATH = "/api/v1/deployments"


# By the kind in a door's name, where what understands it is called otherwise.
_UNDERSTOOD_BY = {"pagerduty": "pagerduty_change", API_DOOR: "deployment"}


def understood_by(name: str) -> str:
    """The kind of `resile.sources.doors` that understands what arrives at the door of that name."""
    kind = name.partition("/")[0]
    return _UNDERSTOOD_BY.get(kind, kind)


def full_name_of(kind: str, name: str | None) -> str:
    """A door's name.

    Raises:
        ConfigError: it holds other characters, or is too long.
    """
    if name is None:
        return kind
    lowered = name.strip().lower()
    if not _NAME.fullmatch(lowered):
        raise ConfigError(f"door name {name[:64]!r} will not do; use 1 to 64 letters, digits and . _ -")
    return f"{kind}/{lowered}"


def path_of(door: Door) -> str:
    """Where the door's deliveries arrive; PagerDuty's have one address, the routing key tells them apart."""
    path = KINDS[door.kind].path
    return path if door.kind == "pagerduty" else path + door.name.removeprefix(door.kind)


def derive(key: bytes, name: str, salt: bytes, n_digits: int) -> str:
    """The secret of a door: HMAC-SHA256 under the data folder's key, as RFC 5869 expands one key into many."""
    return hmac.new(key, b"resile door\0" + name.encode() + b"\0" + salt, hashlib.sha256).hexdigest()[:n_digits]
