"""Doors for deliveries: made, listed, removed; and their secrets, none of which rests in the clear."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct, structs

from resile.app.access import LOCAL, Identity, require
from resile.app.door_kinds import KINDS, DoorKind, full_name_of, kind_called, path_of
from resile.app.door_secrets import check_given, derive, key_is_another, seal, trial_mark, unseal
from resile.model.errors import ConfigError, ConflictError
from resile.model.severity import parse_severity
from resile.ports.account_store import Change, Scope
from resile.ports.clock import Clock
from resile.ports.delivery_door import DoorOptions
from resile.ports.door_book import Door, DoorBook, DoorCounts
from resile.sources.doors.registry import kinds, open_door

MAX_SERVICE = 200
MAX_DOORS = 1_000
MAX_FIELDS = 64
MAX_FIELD = 200
# Whose bodies have any shape.
_SHAPELESS = ("json", "cloudevents")
LONGEST_EVERY_S = 366 * 86_400


class DoorSeen(Struct, frozen=True, kw_only=True):
    """A door with its counts."""

    name: str
    kind: str
    path: str
    service: str | None
    has_secret: bool
    counts: DoorCounts
    made_at: datetime | None = None


class Doors:
    """The use cases of doors.

    Args:
        record: keeps who made or removed a door.
        read_key: the key of the data folder; None if there is none.
        make_key: the same, made where there is none.
    """

    def __init__(
        self,
        book: DoorBook,
        clock: Clock,
        *,
        record: Callable[[Change], None],
        read_key: Callable[[], bytes | None],
        make_key: Callable[[], bytes],
    ) -> None:
        self._book = book
        self._clock = clock
        self._record = record
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
        given: str | None = None,
    ) -> tuple[Door, str | None]:
        """Make a door.

        Args:
            given: the secret that the sender made, instead of one of ours.

        Returns:
            The door and its secret; None where it has none.

        Raises:
            AccessError: who asks is no admin.
            ConfigError: kind, name, options or the given secret will not do.
            ConflictError: there is a door of that name, or of that key.
        """
        require_keeper(by)
        told = kind_called(kind)
        full_name = full_name_of(kind, name)
        check_secret_fits(kind, told, has_secret=has_secret, is_given=given is not None)
        options = structs.replace(checked_options(kind, options or DoorOptions()), name=full_name)
        if understood_by(full_name) in kinds():
            # Options that mean nothing to whoever understands what arrives are refused now, not when an alert comes.
            open_door(understood_by(full_name), options)
        doors = self._book.doors()
        if len(doors) >= MAX_DOORS:
            raise ConfigError(f"there are {MAX_DOORS:,} doors, the most there can be; remove some")
        door = Door(
            name=full_name,
            kind=kind,
            made_at=self._clock.now(),
            options=options,
        )
        secret: str | None = None
        if given is not None:
            secret = check_given(given)
            self._check_is_only_one(told, secret, doors)
            door = structs.replace(door, sealed=seal(self._make_key(), full_name, secret))
        elif has_secret:
            salt = secrets.token_bytes(16)
            secret = derive(self._make_key(), full_name, salt, told.n_secret)
            digest = hashlib.sha256(secret.encode()).digest()
            door = structs.replace(door, salt=salt, secret_digest=digest)
        if not self._book.add(door):
            raise ConflictError(f"there is a door {full_name} already; remove it first, or give another --name")
        self._note(by, "door made", full_name)
        return door, secret

    def _note(self, by: Identity, action: str, name: str) -> None:
        self._record(Change(at=self._clock.now(), by=by.by, action=action, subject=f"door:{name}"))

    def _check_is_only_one(self, told: DoorKind, secret: str, doors: list[Door]) -> None:
        """Where the key alone tells which door is meant, two may not have the same."""
        if not told.is_found_by_key:
            return
        for door in doors:
            if KINDS.get(door.kind) is told and self.secret_of(door) == secret:
                raise ConflictError(f"door {door.name} has that key already; remove it first, or give another")

    def listed(self, by: Identity) -> list[DoorSeen]:
        """All doors with their counts; also the API's, once something came through it."""
        require_keeper(by)
        counts = self._book.counts()
        seen = [
            DoorSeen(
                name=door.name,
                kind=door.kind,
                path=path_of(door),
                service=door.options.service,
                has_secret=door.has_secret,
                counts=counts.get(door.name, DoorCounts()),
                made_at=door.made_at,
            )
            for door in self._book.doors()
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
        require_keeper(by)
        name = name.strip().lower()
        is_removed = self._book.remove(name)
        if is_removed:
            self._note(by, "door removed", name)
        return is_removed

    def all(self) -> dict[str, Door]:
        """The doors by name."""
        return {door.name: door for door in self._book.doors()}

    def found(self, by: Identity, name: str) -> Door:
        """The door of that name.

        Raises:
            AccessError: who asks is no admin.
            ConfigError: there is none.
        """
        require_keeper(by)
        door = self.all().get(name.strip().lower())
        if door is None:
            raise ConfigError(f"there is no door {name[:100]!r}; resile door list shows them")
        return door

    def secret_of(self, door: Door) -> str | None:
        """A door's secret, derived or unsealed again; None where it has none.

        Raises:
            StoreError: the key is lost, or is another than the one with which the door was made.
        """
        if not door.has_secret:
            return None
        key = self._read_key()
        if key is None:
            raise key_is_another(door.name)
        if door.sealed is not None:
            return unseal(key, door.name, door.sealed)
        secret = derive(key, door.name, door.salt or b"", KINDS[door.kind].n_secret)
        if not hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), door.secret_digest or b""):
            raise key_is_another(door.name)
        return secret

    def trial_mark(self, door: Door, body: bytes) -> str:
        """The header by which the running server knows a delivery for a test; asked by whoever may read the key."""
        return trial_mark(self._make_key(), door.name, body)

    def is_trial(self, door: Door, given: str, body: bytes) -> bool:
        """Whether that header is right; compared in constant time."""
        key = self._read_key()
        return key is not None and hmac.compare_digest(given.encode(), trial_mark(key, door.name, body).encode())

    def count_refused(self, refused: Mapping[str, int]) -> None:
        """Add to the counts of those who were turned away."""
        self._book.count_refused(refused)


def require_keeper(by: Identity) -> None:
    """Let pass who may keep the doors: an admin; on a machine without accounts, whoever uses it.

    Raises:
        AccessError: they may not.
    """
    if by != LOCAL:
        require(by, Scope.ADMIN)


def check_secret_fits(kind: str, told: DoorKind, *, has_secret: bool, is_given: bool) -> None:
    """Whether a door of the kind can have a secret that came about so.

    Raises:
        ConfigError: it cannot.
    """
    if not has_secret:
        if is_given:
            raise ConfigError("a door has a secret or it has none; leave one of both out")
        if told.is_found_by_key:
            raise ConfigError(f"a {kind} door is found by its key, so it cannot be without one")
    elif told.is_secret_given and not is_given:
        raise ConfigError(
            f"{told.title} sign with a secret that the sender makes: enter the address that ends in {told.path} there "
            "first, then make the door with that secret by --secret-stdin"
        )
    if is_given and told.is_secret_in_address:
        raise ConfigError(f"the secret of a {kind} door is part of its address, so it is always one of ours")


def checked_options(kind: str, options: DoorOptions) -> DoorOptions:
    """The options, as they will do.

    Raises:
        ConfigError: one of them will not.
    """
    for service in (*([] if options.service is None else [options.service]), *options.services.values()):
        if not 0 < len(service.strip()) <= MAX_SERVICE:
            raise ConfigError(f"service {service[:64]!r} will not do; give 1 to {MAX_SERVICE} characters")
    _check_beats(kind, options)
    _check_fields(kind, options)
    if options.severity is None:
        return options
    return structs.replace(options, severity=parse_severity(options.severity).value)


def _check_beats(kind: str, options: DoorOptions) -> None:
    is_heartbeat = kind == "heartbeat"
    if is_heartbeat and options.every_s is None:
        raise ConfigError(
            "a heartbeat door needs to know how often a sign of life is awaited; give --every, such as 1h"
        )
    if not is_heartbeat and (options.every_s, options.grace_s) != (None, None):
        raise ConfigError(f"only a heartbeat door awaits something; leave --every and --grace out for {kind}")
    for option, seconds, least in (("--every", options.every_s, 1), ("--grace", options.grace_s, 0)):
        if seconds is not None and not least <= seconds <= LONGEST_EVERY_S:
            days = LONGEST_EVERY_S // 86_400
            raise ConfigError(f"{option} of {seconds} s will not do; give {least} s to {days} days")


def _check_fields(kind: str, options: DoorOptions) -> None:
    if len(options.fields) > MAX_FIELDS:
        raise ConfigError(f"there are {len(options.fields)} fields; give {MAX_FIELDS} at most")
    for name, place in options.fields.items():
        if not (0 < len(name) <= MAX_FIELD and 0 < len(place) <= MAX_FIELD):
            raise ConfigError(f"field {name[:64]!r} will not do; name and place have 1 to {MAX_FIELD} characters")
    is_told_where = options.fields or options.resolved_when or options.acknowledged_when
    if is_told_where and kind not in _SHAPELESS:
        shapeless = " or ".join(_SHAPELESS)
        raise ConfigError(
            f"only a {shapeless} door is told where its fields are; leave --field and the like out for {kind}"
        )


# The door of `POST /api/v1/deployments`: open to tokens, made by nobody.
API_DOOR = "deployments"
API_PATH = "/api/v1/deployments"


# By the kind in a door's name, where what understands it is called otherwise.
_UNDERSTOOD_BY = {API_DOOR: "deployment"}


def understood_by(name: str) -> str:
    """The kind of `resile.sources.doors` that understands what arrives at the door of that name."""
    kind = name.partition("/")[0]
    return _UNDERSTOOD_BY.get(kind, kind)
