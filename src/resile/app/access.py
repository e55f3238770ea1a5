"""Who asks, and what they may do: the first admin, logging in and out, sessions, one's own password."""

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from resile.app.passwords import Passwords, check_password
from resile.model.errors import AccessError, ConfigError, ConflictError, StoreError
from resile.model.time import DAY, HOUR, MINUTE
from resile.ports.account_store import (
    AccountStore,
    AttemptLimit,
    Change,
    Link,
    Purpose,
    Role,
    Scope,
    Session,
    User,
)
from resile.ports.clock import Clock

SESSION_LASTS = 30 * DAY
IDLE_LASTS = 7 * DAY
LINK_LASTS = DAY
SEEN_EVERY = 5 * MINUTE
MAX_SESSIONS = 50
# Failed logins within an hour: by one address under one name, by one address, under one name from anywhere.
ATTEMPTS_WITHIN = HOUR
MAX_ATTEMPTS_HERE = 5
MAX_ATTEMPTS_OF_ADDRESS = 50
MAX_ATTEMPTS_UNDER_NAME = 100
TOKEN_PREFIX = "resile_"  # noqa: S105 - makes a leaked token recognisable

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?")
_log = structlog.get_logger()


class TooManyAttemptsError(AccessError):
    """Logging in was tried too often; again after `wait`."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        minutes = max(1, -(-wait // MINUTE))
        super().__init__(f"too many failed attempts; try again in {minutes} min")


class Identity(Struct, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        by: as timelines and the record name them: `user:ann`, `token:ci`; `local` on loopback without accounts.
        name: as pages name them.
        user: None for `local`.
        session: None where it is no browser that logged in.
    """

    by: str
    name: str
    scopes: frozenset[Scope]
    user: User | None = None
    session: Session | None = None


# Whoever reaches a resile that has no accounts yet, over loopback: everything but the accounts themselves.
LOCAL = Identity(by="local", name="local", scopes=frozenset({Scope.READ, Scope.WRITE, Scope.DEPLOY}))


def require(identity: Identity, scope: Scope) -> None:
    """Let pass who may do this.

    Raises:
        AccessError: they may not.
    """
    if scope not in identity.scopes:
        raise AccessError(f"{identity.name} may not do this: it needs the right to {scope.value}; ask an admin")


def digest(secret: str) -> bytes:
    """What is stored of a random secret; 256 random bits need no salt and no stretching."""
    return hashlib.sha256(secret.encode()).digest()


def new_id() -> str:
    """An id for a user, session or token."""
    return secrets.token_hex(8)


def check_name(name: str) -> str:
    """The name in the form in which it is stored.

    Raises:
        ConfigError: it holds other characters, or is too long.
    """
    lowered = name.strip().lower()
    if not _NAME.fullmatch(lowered):
        raise ConfigError(f"name {name[:64]!r} will not do; use 1 to 64 letters, digits and . _ @ + -")
    return lowered


class Access:
    """The use cases of whoever wants in."""

    def __init__(self, accounts: AccountStore, clock: Clock, passwords: Passwords) -> None:
        self._accounts = accounts
        self._clock = clock
        self._passwords = passwords
        self._has_admin = False

    def has_accounts(self) -> bool:
        """Whether the first admin was made; from then on everybody must log in."""
        # Never false again once true: asked of the database only until then.
        self._has_admin = self._has_admin or self._accounts.has_admin()
        return self._has_admin

    def make_set_up_link(self) -> str:
        """The one-time secret with which the first admin can be made; an earlier one no longer works.

        Raises:
            ConflictError: there is an admin already.
        """
        if self.has_accounts():
            raise ConflictError("there is an admin already; ask them for an account")
        return make_link(self._accounts, Purpose.SET_UP, None, now=self._clock.now(), change=None)

    def set_up(self, secret: str, name: str, password: str, *, client: str = "") -> str:
        """Make the first admin and log them in.

        Returns:
            The session's secret, for the cookie.

        Raises:
            AccessError: the link does not work.
            ConfigError: the name or the password will not do.
            ConflictError: there is an admin already.
        """
        now = self._clock.now()
        name = check_name(name)
        check_password(password, name)
        if self._accounts.link(digest(secret), Purpose.SET_UP, now) is None:
            raise _link_fails("start resile again for a new one")
        hashed = self._passwords.hash(password)
        user = User(id=new_id(), name=name, role=Role.ADMIN, created_at=now, password_hash=hashed)
        change = Change(at=now, by="link:set_up", action="first admin made", subject=f"user:{name}")
        if not self._accounts.add_first_admin(user, digest(secret), change):
            raise _link_fails("start resile again for a new one")
        self._has_admin = True
        _log.info("first admin made", user=name)
        return self._begin_session(user, hashed, now, client)

    def login(self, name: str, password: str, *, address: str, client: str = "") -> str:
        """Check name and password, and begin a session.

        Args:
            address: where the request came from; guessing is slowed down by it.

        Returns:
            The session's secret, for the cookie.

        Raises:
            TooManyAttemptsError: wait.
            AccessError: name or password is wrong, or the account is disabled; it does not say which. Or the account
                was changed while the password was checked.
        """
        now = self._clock.now()
        name = name.strip().lower()[:200]
        limits = _limits(name, address, now)
        oldest = self._accounts.reserve_attempt(limits, now)
        if oldest is not None:
            _log.warning("login throttled", address=address)
            raise TooManyAttemptsError(oldest + ATTEMPTS_WITHIN - now)
        # What cannot be a name is nobody's; it costs the same all the same.
        user = self._accounts.user_named(name) if _NAME.fullmatch(name) else None
        is_right = self._passwords.is_right(None if user is None else user.password_hash, password)
        if user is None or user.password_hash is None or not is_right or user.disabled_at is not None:
            self._note_failure(user, address, now)
            raise AccessError("name or password is wrong; try again, or ask an admin for a new link")
        secret = self._begin_session(user, user.password_hash, now, client)
        self._forget(limits, now)
        if self._passwords.is_outdated(user.password_hash):
            # Where somebody set another one meanwhile, theirs stays.
            anew = self._passwords.hash(password)
            self._accounts.set_password(user.id, anew, None, instead_of=user.password_hash, keep_session=None)
        return secret

    def _forget(self, limits: Sequence[AttemptLimit], at: datetime) -> None:
        """After a success; the address keeps its failures, lest one good account buy guesses at all others."""
        here, of_address, under_name = limits
        self._accounts.clear_attempts([here.key, under_name.key], take_back=of_address.key, at=at)

    def _note_failure(self, user: User | None, address: str, now: datetime) -> None:
        # A name that nobody has may be a password typed into the wrong field: it is not kept.
        subject = "user:?" if user is None else f"user:{user.name}"
        _log.warning("login failed", subject=subject, address=address)
        self._accounts.record(
            Change(at=now, by="login page", action="login failed", subject=subject, detail=f"from {address}")
        )

    def _begin_session(self, user: User, checked: str, now: datetime, client: str) -> str:
        secret = secrets.token_urlsafe(32)
        session = Session(
            id=new_id(),
            token_hash=digest(secret),
            user_id=user.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LASTS,
            client=client[:200],
        )
        change = Change(at=now, by=f"user:{user.name}", action="logged in", subject=f"user:{user.name}")
        if not self._accounts.add_session(session, change, password_hash=checked):
            raise _changed_meanwhile()
        return secret

    def of_session(self, secret: str) -> Identity | None:
        """Who the browser with that secret is; None if it must log in."""
        found = self._accounts.session(digest(secret))
        now = self._clock.now()
        if found is None:
            return None
        session, user = found
        if user.disabled_at is not None or now >= session.expires_at or now - session.last_seen_at >= IDLE_LASTS:
            return None
        if now - session.last_seen_at >= SEEN_EVERY:
            self._touch(lambda: self._accounts.touch_session(session.token_hash, now))
        return Identity(by=f"user:{user.name}", name=user.name, scopes=user.role.scopes, user=user, session=session)

    def of_token(self, secret: str) -> Identity | None:
        """Which program it is; None if the token is unknown, expired or revoked, or who made it is disabled."""
        found = self._accounts.token(digest(secret)) if secret.startswith(TOKEN_PREFIX) else None
        now = self._clock.now()
        if found is None:
            return None
        token, user = found
        if token.revoked_at is not None or now >= token.expires_at or user.disabled_at is not None:
            return None
        if token.last_used_at is None or now - token.last_used_at >= MINUTE:
            self._touch(lambda: self._accounts.touch_token(token.id, now))
        by = f"token:{token.name}"
        return Identity(by=by, name=by, scopes=token.scopes & user.role.scopes)

    def _touch(self, touch: Callable[[], None]) -> None:
        try:
            touch()
        except StoreError as error:
            # While a long import holds the database, people can still read.
            _log.warning("last use not stored", error=str(error))

    def logout(self, identity: Identity) -> None:
        """End the session with which they ask."""
        if identity.session is not None:
            self.end_session(identity, identity.session.id)

    def sessions(self, identity: Identity) -> list[Session]:
        """Their own sessions that still work, the last used first, at most 50."""
        now = self._clock.now()
        found = self._accounts.sessions_of(_user_of(identity).id)
        return [one for one in found if now < one.expires_at and now - one.last_seen_at < IDLE_LASTS][:MAX_SESSIONS]

    def end_session(self, identity: Identity, session_id: str) -> bool:
        """End one of their own sessions; False if there is none of that id."""
        user = _user_of(identity)
        change = Change(at=self._clock.now(), by=identity.by, action="session ended", subject=f"user:{user.name}")
        return self._accounts.end_session(session_id, user.id, change)

    def change_password(self, identity: Identity, old: str, new: str, *, address: str) -> None:
        """Change their own password; all their other sessions end.

        Raises:
            AccessError: the old password is wrong, or was changed by somebody else just then.
            TooManyAttemptsError: wait.
            ConfigError: the new one will not do.
        """
        user = _user_of(identity)
        now = self._clock.now()
        check_password(new, user.name)
        limits = _limits(user.name, address, now)
        oldest = self._accounts.reserve_attempt(limits, now)
        if oldest is not None:
            raise TooManyAttemptsError(oldest + ATTEMPTS_WITHIN - now)
        if user.password_hash is None or not self._passwords.is_right(user.password_hash, old):
            self._note_failure(user, address, now)
            raise AccessError("the old password is wrong; try again, or ask an admin for a new link")
        self._forget(limits, now)
        change = Change(at=now, by=identity.by, action="password changed", subject=f"user:{user.name}")
        kept = None if identity.session is None else identity.session.token_hash
        hashed = self._passwords.hash(new)
        if not self._accounts.set_password(user.id, hashed, change, instead_of=user.password_hash, keep_session=kept):
            raise _changed_meanwhile()

    def choose_password(self, secret: str, password: str) -> User:
        """Choose a password through a link; all the user's sessions end.

        Raises:
            AccessError: the link does not work.
            ConfigError: the password will not do.
        """
        now = self._clock.now()
        link = self._accounts.link(digest(secret), Purpose.PASSWORD, now)
        user = None if link is None or link.user_id is None else self._accounts.user(link.user_id)
        if link is None or user is None or user.disabled_at is not None:
            raise _link_fails("ask an admin for a new one")
        check_password(password, user.name)
        change = Change(at=now, by=f"user:{user.name}", action="password chosen", subject=f"user:{user.name}")
        if not self._accounts.redeem_link(link, self._passwords.hash(password), change):
            raise _link_fails("ask an admin for a new one")
        return user


def make_link(
    accounts: AccountStore, purpose: Purpose, user_id: str | None, *, now: datetime, change: Change | None
) -> str:
    """Store a new one-time link and give its secret."""
    secret = secrets.token_urlsafe(32)
    accounts.add_link(new_link(secret, purpose, user_id, now), change)
    return secret


def new_link(secret: str, purpose: Purpose, user_id: str | None, now: datetime) -> Link:
    """The link of that secret, good for a day."""
    return Link(
        token_hash=digest(secret), purpose=purpose, user_id=user_id, created_at=now, expires_at=now + LINK_LASTS
    )


def _changed_meanwhile() -> AccessError:
    return AccessError("the account was changed while its password was checked; log in again")


def _link_fails(way_out: str) -> AccessError:
    return AccessError(f"this link was used, is older than a day, or was never good; {way_out}")


def _user_of(identity: Identity) -> User:
    if identity.user is None:
        raise AccessError(f"{identity.name} is no user; log in with name and password")
    return identity.user


def _network(address: str) -> str:
    """The address; of IPv6 the network of 64 bits, for whoever has one address has all of them."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.IPv6Network((ip, 64), strict=False))
    return str(ip)


def _limits(name: str, address: str, now: datetime) -> Sequence[AttemptLimit]:
    since = now - ATTEMPTS_WITHIN
    place = _network(address)
    keys = (
        (f"{name}\n{place}", MAX_ATTEMPTS_HERE),
        (f"\n{place}", MAX_ATTEMPTS_OF_ADDRESS),
        (name, MAX_ATTEMPTS_UNDER_NAME),
    )
    return [AttemptLimit(key=digest(key), max_attempts=n, since=since) for key, n in keys]
