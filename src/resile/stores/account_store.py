"""Accounts in SQLite or PostgreSQL: every change in one transaction with its row of the record."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, Row, Select, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from resile.model.errors import ConflictError
from resile.model.time import from_us, to_us
from resile.ports.account_store import (
    AttemptLimit,
    Change,
    Link,
    Purpose,
    Role,
    Session,
    Token,
    User,
)
from resile.stores.account_rows import (
    link_of,
    link_row,
    session_of,
    session_row,
    token_of,
    token_row,
    user_of,
    user_row,
)
from resile.stores.account_tables import attempts, changes, links, sessions, tokens, users
from resile.stores.engine import Database


class SqlAccountStore:
    """The AccountStore of a database that is migrated; the database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_admin(self) -> bool:
        """Whether an admin was ever made."""
        with self._database.reading() as connection:
            return _has_admin(connection)

    def add_first_admin(self, user: User, link_hash: bytes, change: Change) -> bool:
        """Make the first admin and use up the link; False if the link is not good."""
        with self._alone(users) as connection:
            if _has_admin(connection):
                raise ConflictError("there is an admin already; ask them for an account")
            link = _one(connection, _working_link(link_hash, Purpose.SET_UP, change.at))
            if link is None:
                return False
            connection.execute(delete(links).where(links.c.purpose == Purpose.SET_UP.value))
            connection.execute(insert(users), user_row(user))
            _record(connection, change)
            return True

    def user(self, user_id: str) -> User | None:
        """The user of that id."""
        return self._user(select(users).where(users.c.id == user_id))

    def user_named(self, name: str) -> User | None:
        """The user of that name."""
        return self._user(select(users).where(users.c.name == name))

    def _user(self, query: Select[Any]) -> User | None:
        with self._database.reading() as connection:
            row = _one(connection, query)
            return None if row is None else user_of(row)

    def users(self) -> list[User]:
        """All users by name."""
        with self._database.reading() as connection:
            return [user_of(row) for row in connection.execute(select(users).order_by(users.c.name))]

    def add_user(self, user: User, link: Link, change: Change) -> None:
        """Add a user who chooses a password through the link."""
        try:
            with self._database.writing() as connection:
                connection.execute(insert(users), user_row(user))
                connection.execute(insert(links), link_row(link))
                _record(connection, change)
        except IntegrityError:
            raise ConflictError(f"user {user.name!r} exists, or did; choose another name") from None

    def change_user(
        self,
        user_id: str,
        change: Change,
        *,
        role: UnsetType | Role = UNSET,
        disabled_at: UnsetType | datetime | None = UNSET,
    ) -> None:
        """Give another role, disable, or enable."""
        values: dict[str, Any] = {}
        if role is not UNSET:
            values["role"] = role.value
        if disabled_at is not UNSET:
            values["disabled_at"] = None if disabled_at is None else to_us(disabled_at)
        with self._alone(users) as connection:
            connection.execute(update(users).where(users.c.id == user_id).values(**values))
            if not _one(connection, select(users.c.id).where(_is_enabled_admin()).limit(1)):
                raise ConflictError("no admin would be left; make somebody else admin first")
            if disabled_at is not UNSET and disabled_at is not None:
                connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
                connection.execute(delete(links).where(links.c.user_id == user_id))
            _record(connection, change)

    def set_password(
        self, user_id: str, password_hash: str, change: Change | None, *, instead_of: str, keep_session: bytes | None
    ) -> bool:
        """Store a new password and end the user's other sessions; False if the old one is no longer that one."""
        with self._database.writing() as connection:
            as_checked = (users.c.id == user_id) & (users.c.password_hash == instead_of)
            if not connection.execute(update(users).where(as_checked).values(password_hash=password_hash)).rowcount:
                return False
            if change is not None:
                others = sessions.c.user_id == user_id
                if keep_session is not None:
                    others &= sessions.c.token_hash != keep_session
                connection.execute(delete(sessions).where(others))
                # Whoever changes a password fears that somebody knows a way in: a link sent before is one too.
                connection.execute(delete(links).where(links.c.user_id == user_id))
                _record(connection, change)
            return True

    def add_link(self, link: Link, change: Change | None) -> None:
        """Store a link; earlier ones of its purpose and user no longer work."""
        with self._database.writing() as connection:
            same_user = links.c.user_id.is_(None) if link.user_id is None else links.c.user_id == link.user_id
            connection.execute(delete(links).where(links.c.purpose == link.purpose.value, same_user))
            connection.execute(insert(links), link_row(link))
            if change is not None:
                _record(connection, change)

    def link(self, token_hash: bytes, purpose: Purpose, now: datetime) -> Link | None:
        """The link, if it still works."""
        with self._database.reading() as connection:
            row = _one(connection, _working_link(token_hash, purpose, now))
            return None if row is None else link_of(row)

    def redeem_link(self, link: Link, password_hash: str, change: Change) -> bool:
        """Use up a password link; False if it was used before."""
        with self._database.writing() as connection:
            used_up = connection.execute(delete(links).where(links.c.token_hash == link.token_hash))
            if not used_up.rowcount or link.user_id is None:
                return False
            connection.execute(update(users).where(users.c.id == link.user_id).values(password_hash=password_hash))
            connection.execute(delete(sessions).where(sessions.c.user_id == link.user_id))
            _record(connection, change)
            return True

    def add_session(self, session: Session, change: Change, *, password_hash: str) -> bool:
        """Store a session, unless the user was disabled or the password changed; expired ones are thrown away."""
        with self._database.writing() as connection:
            as_checked = select(users.c.id).where(users.c.id == session.user_id, users.c.password_hash == password_hash)
            # Locked, so that whoever disables the user or changes the password comes before, or ends this session.
            if not _one(connection, as_checked.where(users.c.disabled_at.is_(None)).with_for_update()):
                return False
            connection.execute(delete(sessions).where(sessions.c.expires_at <= to_us(session.created_at)))
            connection.execute(insert(sessions), session_row(session))
            _record(connection, change)
            return True

    def session(self, token_hash: bytes) -> tuple[Session, User] | None:
        """The session of that token hash and its user."""
        with self._database.reading() as connection:
            row = _one(connection, select(sessions).where(sessions.c.token_hash == token_hash))
            if row is None:
                return None
            user = _one(connection, select(users).where(users.c.id == row.user_id))
            return None if user is None else (session_of(row), user_of(user))

    def touch_session(self, token_hash: bytes, seen_at: datetime) -> None:
        """Remember when the session was last used."""
        with self._database.writing() as connection:
            mine = update(sessions).where(sessions.c.token_hash == token_hash)
            connection.execute(mine.values(last_seen_at=to_us(seen_at)))

    def sessions_of(self, user_id: str) -> list[Session]:
        """The user's sessions, the last used first."""
        with self._database.reading() as connection:
            found = select(sessions).where(sessions.c.user_id == user_id)
            return [session_of(row) for row in connection.execute(found.order_by(sessions.c.last_seen_at.desc()))]

    def end_session(self, session_id: str, user_id: str, change: Change) -> bool:
        """End one session of that user; False if there is none."""
        with self._database.writing() as connection:
            ended = connection.execute(
                delete(sessions).where(sessions.c.id == session_id, sessions.c.user_id == user_id)
            )
            if ended.rowcount:
                _record(connection, change)
            return bool(ended.rowcount)

    def add_token(self, token: Token, change: Change) -> None:
        """Store a token."""
        try:
            with self._database.writing() as connection:
                connection.execute(insert(tokens), token_row(token))
                _record(connection, change)
        except IntegrityError:
            raise ConflictError(f"token {token.name!r} exists, or did; choose another name") from None

    def token(self, token_hash: bytes) -> tuple[Token, User] | None:
        """The token of that hash and who made it."""
        with self._database.reading() as connection:
            row = _one(connection, select(tokens).where(tokens.c.token_hash == token_hash))
            if row is None:
                return None
            user = _one(connection, select(users).where(users.c.id == row.user_id))
            return None if user is None else (token_of(row), user_of(user))

    def touch_token(self, token_id: str, used_at: datetime) -> None:
        """Remember when the token was last used."""
        with self._database.writing() as connection:
            connection.execute(update(tokens).where(tokens.c.id == token_id).values(last_used_at=to_us(used_at)))

    def tokens(self) -> list[Token]:
        """All tokens by name."""
        with self._database.reading() as connection:
            return [token_of(row) for row in connection.execute(select(tokens).order_by(tokens.c.name))]

    def revoke_token(self, token_id: str, change: Change) -> bool:
        """Revoke a token for good; False if there is none, or it was revoked before."""
        with self._database.writing() as connection:
            standing = update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
            revoked = connection.execute(standing.values(revoked_at=to_us(change.at)))
            if revoked.rowcount:
                _record(connection, change)
            return bool(revoked.rowcount)

    def reserve_attempt(self, limits: Sequence[AttemptLimit], at: datetime) -> datetime | None:
        """Count an attempt under every key, unless one limit is reached."""
        with self._alone(attempts) as connection:
            connection.execute(delete(attempts).where(attempts.c.at < min(to_us(limit.since) for limit in limits)))
            full = []
            for limit in limits:
                counting = (attempts.c.key == limit.key) & (attempts.c.at >= to_us(limit.since))
                n, oldest = connection.execute(select(func.count(), func.min(attempts.c.at)).where(counting)).one()
                if n >= limit.max_attempts:
                    full.append(oldest)
            if full:
                return from_us(max(full))
            connection.execute(insert(attempts), [{"key": limit.key, "at": to_us(at)} for limit in limits])
            return None

    def clear_attempts(self, keys: Sequence[bytes], *, take_back: bytes, at: datetime) -> None:
        """Forget all attempts under `keys`, and of those under `take_back` only one counted at `at`."""
        with self._database.writing() as connection:
            this_one = (
                select(func.max(attempts.c.number))
                .where(attempts.c.key == take_back, attempts.c.at == to_us(at))
                .scalar_subquery()
            )
            connection.execute(delete(attempts).where(attempts.c.key.in_(keys) | (attempts.c.number == this_one)))

    def record(self, change: Change) -> None:
        """Add a row to the record."""
        with self._database.writing() as connection:
            _record(connection, change)

    def changes(self, *, limit: int = 200) -> list[Change]:
        """The record, newest first."""
        with self._database.reading() as connection:
            newest = select(changes).order_by(changes.c.number.desc()).limit(limit)
            return [
                Change(at=from_us(row.at), by=row.by, action=row.action, subject=row.subject, detail=row.detail)
                for row in connection.execute(newest)
            ]

    @contextmanager
    def _alone(self, table: Table) -> Iterator[Connection]:
        """A write during which nobody else changes the table, so that what was counted stays true."""
        with self._database.writing() as connection:
            if not self._database.is_sqlite:
                connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))
            yield connection


def _one(connection: Connection, query: Select[Any]) -> Row[Any] | None:
    return connection.execute(query).one_or_none()


def _has_admin(connection: Connection) -> bool:
    return _one(connection, select(users.c.id).where(users.c.role == Role.ADMIN.value).limit(1)) is not None


def _is_enabled_admin() -> Any:
    return (users.c.role == Role.ADMIN.value) & users.c.disabled_at.is_(None) & users.c.password_hash.is_not(None)


def _working_link(token_hash: bytes, purpose: Purpose, now: datetime) -> Select[Any]:
    return select(links).where(
        links.c.token_hash == token_hash, links.c.purpose == purpose.value, links.c.expires_at > to_us(now)
    )


def _record(connection: Connection, change: Change) -> None:
    row = {name: getattr(change, name) for name in ("by", "action", "subject", "detail")}
    connection.execute(insert(changes), {**row, "at": to_us(change.at)})
