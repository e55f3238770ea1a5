"""Where accounts rest: users, sessions, tokens, one-time links, login attempts, and who changed what."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import UNSET, Struct, UnsetType


class Scope(StrEnum):
    """What a request may do."""

    READ = "read"
    WRITE = "write"
    DEPLOY = "deploy"  # tell of deployments, and nothing else
    ADMIN = "admin"


class Role(StrEnum):
    """What a user may do: a viewer reads, an editor also writes, an admin also keeps the accounts."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the role allows."""
        return _SCOPES[self]


_SCOPES = {
    Role.ADMIN: frozenset(Scope),
    Role.EDITOR: frozenset({Scope.READ, Scope.WRITE, Scope.DEPLOY}),
    Role.VIEWER: frozenset({Scope.READ}),
}


class User(Struct, frozen=True, kw_only=True):
    """A person with an account.

    Attributes:
        name: by which they log in; unique, in lower case, never given to another person.
        password_hash: argon2; None until they chose one through their link.
    """

    id: str
    name: str
    role: Role
    created_at: datetime
    password_hash: str | None = None
    disabled_at: datetime | None = None

    def __repr__(self) -> str:
        # A hash has no place in logs and tracebacks.
        return f"User(id={self.id!r}, name={self.name!r}, role={self.role.value!r})"


class Session(Struct, frozen=True, kw_only=True):
    """A browser that is logged in; its cookie holds the token of which only the hash rests here.

    Attributes:
        client: the browser's name for itself, shortened.
    """

    id: str
    token_hash: bytes
    user_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    client: str = ""


class Token(Struct, frozen=True, kw_only=True):
    """A key for programs.

    Attributes:
        name: unique for good, so that `token:ci` in a timeline names one token.
        hint: the first characters, by which its owner recognises it.
        user_id: who made it; the token can never do more than that user.
    """

    id: str
    name: str
    token_hash: bytes
    hint: str
    scopes: frozenset[Scope]
    user_id: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class Purpose(StrEnum):
    """What a one-time link is for."""

    SET_UP = "set_up"  # make the first admin
    PASSWORD = "password"  # noqa: S105 - choose a password, for a new user or one who forgot it


class Link(Struct, frozen=True, kw_only=True):
    """A link that works once; of its token only the hash rests here."""

    token_hash: bytes
    purpose: Purpose
    user_id: str | None
    created_at: datetime
    expires_at: datetime


class Change(Struct, frozen=True, kw_only=True):
    """Who did what to the accounts, and when.

    Attributes:
        by: `user:ann`, `link:set_up`, `command line`.
        action: a constant phrase in the past tense: `user added`.
        subject: on what: `user:bob`, `token:ci`.
        detail: what cannot be said by the action: `role editor`.
    """

    at: datetime
    by: str
    action: str
    subject: str
    detail: str = ""


class AttemptLimit(Struct, frozen=True, kw_only=True):
    """At most so many failed attempts under `key` since an instant."""

    key: bytes
    max_attempts: int
    since: datetime


class AccountStore(Protocol):
    """Each method is one transaction; a change is stored together with its row of the record, or not at all.

    Every method may raise StoreError. Instances may be used from several threads.
    """

    def has_admin(self) -> bool:
        """Whether an admin was ever made; once true, always true."""
        ...

    def add_first_admin(self, user: User, link_hash: bytes, change: Change) -> bool:
        """Make the first admin and use up the link; False if the link is no longer, or never was, good.

        Raises:
            ConflictError: there is an admin already.
        """
        ...

    def user(self, user_id: str) -> User | None:
        """The user of that id."""
        ...

    def user_named(self, name: str) -> User | None:
        """The user of that name, disabled or not."""
        ...

    def users(self) -> list[User]:
        """All users by name, also the disabled."""
        ...

    def add_user(self, user: User, link: Link, change: Change) -> None:
        """Add a user who chooses a password through the link.

        Raises:
            ConflictError: the name is or was somebody's.
        """
        ...

    def change_user(
        self,
        user_id: str,
        change: Change,
        *,
        role: UnsetType | Role = UNSET,
        disabled_at: UnsetType | datetime | None = UNSET,
    ) -> None:
        """Give another role, disable, or enable; who is disabled loses all sessions and links.

        Raises:
            ConflictError: no enabled admin would be left.
        """
        ...

    def set_password(
        self, user_id: str, password_hash: str, change: Change | None, *, instead_of: str, keep_session: bytes | None
    ) -> bool:
        """Store a new password and end the user's sessions but the one of that token hash.

        Args:
            change: None for the same password hashed anew; no session is ended then.
            instead_of: the hash against which the old password was checked.

        Returns:
            False if the user's hash is another one by now; nothing is changed then.
        """
        ...

    def add_link(self, link: Link, change: Change | None) -> None:
        """Store a link; earlier links of its purpose and user no longer work."""
        ...

    def link(self, token_hash: bytes, purpose: Purpose, now: datetime) -> Link | None:
        """The link, if it still works."""
        ...

    def redeem_link(self, link: Link, password_hash: str, change: Change) -> bool:
        """Use up a password link and set its user's password, ending all sessions; False if it was used before."""
        ...

    def add_session(self, session: Session, change: Change, *, password_hash: str) -> bool:
        """Store a session; expired ones of anybody are thrown away.

        Args:
            password_hash: against which the password was checked.

        Returns:
            False if the user's hash is another one by now, or the user is disabled; nothing is stored then.
        """
        ...

    def session(self, token_hash: bytes) -> tuple[Session, User] | None:
        """The session of that token hash and its user, expired or not."""
        ...

    def touch_session(self, token_hash: bytes, seen_at: datetime) -> None:
        """Remember when the session was last used."""
        ...

    def sessions_of(self, user_id: str) -> list[Session]:
        """The user's sessions, the last used first."""
        ...

    def end_session(self, session_id: str, user_id: str, change: Change) -> bool:
        """End one session of that user; False if there is none."""
        ...

    def add_token(self, token: Token, change: Change) -> None:
        """Store a token.

        Raises:
            ConflictError: the name is or was another token's.
        """
        ...

    def token(self, token_hash: bytes) -> tuple[Token, User] | None:
        """The token of that hash and who made it, expired and revoked or not."""
        ...

    def touch_token(self, token_id: str, used_at: datetime) -> None:
        """Remember when the token was last used."""
        ...

    def tokens(self) -> list[Token]:
        """All tokens by name, also the expired and revoked."""
        ...

    def revoke_token(self, token_id: str, change: Change) -> bool:
        """Revoke a token for good; False if there is none, or it was revoked before."""
        ...

    def reserve_attempt(self, limits: Sequence[AttemptLimit], at: datetime) -> datetime | None:
        """Count an attempt under every key, unless one limit is reached; attempts older than all limits are forgotten.

        Returns:
            None if it was counted; else when the limit that holds longest saw its oldest counting attempt.
        """
        ...

    def clear_attempts(self, keys: Sequence[bytes], *, take_back: bytes, at: datetime) -> None:
        """Forget all attempts under `keys`, and of those under `take_back` only one counted at `at`."""
        ...

    def record(self, change: Change) -> None:
        """Add a row to the record."""
        ...

    def changes(self, *, limit: int = 200) -> list[Change]:
        """The record, newest first."""
        ...
