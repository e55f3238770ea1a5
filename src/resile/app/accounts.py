"""Keeping the accounts: users and their roles, one-time links, tokens for programs, the record of changes."""

import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from resile.app.access import (
    TOKEN_PREFIX,
    Identity,
    check_name,
    digest,
    make_link,
    new_id,
    new_link,
    require,
)
from resile.model.errors import AccessError, ConfigError
from resile.model.time import DAY
from resile.ports.account_store import AccountStore, Change, Purpose, Role, Scope, Token, User
from resile.ports.clock import Clock

MAX_TOKEN_LASTS = 366 * DAY
MAX_CHANGES = 1_000
_TOKEN_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_HINT = len(TOKEN_PREFIX) + 4


class Accounts:
    """The use cases of who keeps the accounts; each checks that they may."""

    def __init__(self, accounts: AccountStore, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def users(self, by: Identity) -> list[User]:
        """All users by name."""
        require(by, Scope.ADMIN)
        return self._accounts.users()

    def changes(self, by: Identity, *, limit: int = 200) -> list[Change]:
        """Who did what to the accounts, newest first, at most 1000."""
        require(by, Scope.ADMIN)
        return self._accounts.changes(limit=min(max(1, limit), MAX_CHANGES))

    def add_user(self, by: Identity, name: str, role: Role) -> str:
        """Add a user.

        Returns:
            The secret of the link through which they choose their password; it works once, for a day.

        Raises:
            AccessError: who asks is no admin.
            ConfigError: the name will not do.
            ConflictError: the name is or was somebody's.
        """
        require(by, Scope.ADMIN)
        now = self._clock.now()
        user = User(id=new_id(), name=check_name(name), role=role, created_at=now)
        secret = secrets.token_urlsafe(32)
        link = new_link(secret, Purpose.PASSWORD, user.id, now)
        self._accounts.add_user(user, link, self._change(by, "user added", user, f"role {role.value}"))
        return secret

    def make_password_link(self, by: Identity, user_id: str) -> str:
        """The secret of a new link through which a user chooses a password; an earlier one no longer works.

        Raises:
            AccessError: who asks is no admin, or the user is unknown or disabled.
        """
        require(by, Scope.ADMIN)
        user = self._known(user_id)
        if user.disabled_at is not None:
            raise AccessError(f"user {user.name} is disabled; enable them first")
        change = self._change(by, "password link made", user)
        return make_link(self._accounts, Purpose.PASSWORD, user.id, now=self._clock.now(), change=change)

    def change_role(self, by: Identity, user_id: str, role: Role) -> None:
        """Give a user another role; it counts from their next request on.

        Raises:
            AccessError: who asks is no admin, or the user is unknown.
            ConflictError: no admin would be left.
        """
        require(by, Scope.ADMIN)
        user = self._known(user_id)
        if user.role is not role:
            detail = f"{user.role.value} to {role.value}"
            self._accounts.change_user(user.id, self._change(by, "role changed", user, detail), role=role)

    def disable(self, by: Identity, user_id: str) -> None:
        """Shut a user out at once: their sessions end, their tokens stop.

        Raises:
            AccessError: who asks is no admin, or the user is unknown.
            ConflictError: no admin would be left.
        """
        require(by, Scope.ADMIN)
        user = self._known(user_id)
        if user.disabled_at is None:
            change = self._change(by, "user disabled", user)
            self._accounts.change_user(user.id, change, disabled_at=self._clock.now())

    def enable(self, by: Identity, user_id: str) -> None:
        """Let a disabled user in again, with the password they had.

        Raises:
            AccessError: who asks is no admin, or the user is unknown.
        """
        require(by, Scope.ADMIN)
        user = self._known(user_id)
        if user.disabled_at is not None:
            self._accounts.change_user(user.id, self._change(by, "user enabled", user), disabled_at=None)

    def tokens(self, by: Identity) -> list[Token]:
        """The tokens that still stand: an admin sees all, others their own."""
        found = [token for token in self._accounts.tokens() if token.revoked_at is None]
        if Scope.ADMIN in by.scopes:
            return found
        return [token for token in found if by.user is not None and token.user_id == by.user.id]

    def create_token(self, by: Identity, name: str, scopes: Collection[Scope], *, lasts: timedelta) -> str:
        """Make a token for a program.

        Returns:
            Its value, which is stored nowhere.

        Raises:
            AccessError: who asks is no user, or may not do themselves what the token should.
            ConfigError: the name, the scopes or the time will not do.
            ConflictError: the name is or was another token's.
        """
        if by.user is None:
            raise AccessError(f"{by.name} cannot make tokens; log in with name and password")
        for scope in sorted(scopes):
            require(by, scope)
        if not scopes:
            raise ConfigError("a token without any right is of no use; choose at least read")
        lowered = name.strip().lower()
        if not _TOKEN_NAME.fullmatch(lowered):
            raise ConfigError(f"token name {name[:64]!r} will not do; use 1 to 64 letters, digits and . _ -")
        if not timedelta(0) < lasts <= MAX_TOKEN_LASTS:
            raise ConfigError(
                f"a token lasts 1 to {MAX_TOKEN_LASTS // DAY} days, not {lasts / DAY:g}; choose a time between"
            )
        now = self._clock.now()
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = Token(
            id=new_id(),
            name=lowered,
            token_hash=digest(secret),
            hint=secret[:_HINT],
            scopes=frozenset(scopes),
            user_id=by.user.id,
            created_at=now,
            expires_at=now + lasts,
        )
        detail = f"{' '.join(sorted(scopes))}, until {token.expires_at.date().isoformat()}"
        self._accounts.add_token(token, _changed(now, by, "token made", f"token:{lowered}", detail))
        return secret

    def revoke_token(self, by: Identity, token_id: str) -> bool:
        """Revoke a token for good: an admin any, others their own; False if there is none of that id."""
        token = next((token for token in self.tokens(by) if token.id == token_id), None)
        if token is None:
            return False
        change = _changed(self._clock.now(), by, "token revoked", f"token:{token.name}")
        return self._accounts.revoke_token(token_id, change)

    def _known(self, user_id: str) -> User:
        user = self._accounts.user(user_id)
        if user is None:
            raise AccessError("there is no such user; look at the list again")
        return user

    def _change(self, by: Identity, action: str, user: User, detail: str = "") -> Change:
        return _changed(self._clock.now(), by, action, f"user:{user.name}", detail)


def _changed(at: datetime, by: Identity, action: str, subject: str, detail: str = "") -> Change:
    return Change(at=at, by=by.by, action=action, subject=subject, detail=detail)
