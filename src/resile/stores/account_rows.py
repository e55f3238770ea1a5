"""Users, sessions, links and tokens as rows of their tables, and back."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from resile.model.time import from_us, to_us
from resile.ports.account_store import Link, Purpose, Role, Scope, Session, Token, User


def _us_or_none(at: datetime | None) -> int | None:
    return None if at is None else to_us(at)


def _at_or_none(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def user_row(user: User) -> dict[str, Any]:
    """A user as a row."""
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role.value,
        "created_at": to_us(user.created_at),
        "password_hash": user.password_hash,
        "disabled_at": _us_or_none(user.disabled_at),
    }


def user_of(row: Row[Any]) -> User:
    """The user of a row."""
    return User(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        created_at=from_us(row.created_at),
        password_hash=row.password_hash,
        disabled_at=_at_or_none(row.disabled_at),
    )


def session_row(session: Session) -> dict[str, Any]:
    """A session as a row."""
    return {
        "id": session.id,
        "token_hash": session.token_hash,
        "user_id": session.user_id,
        "created_at": to_us(session.created_at),
        "last_seen_at": to_us(session.last_seen_at),
        "expires_at": to_us(session.expires_at),
        "client": session.client,
    }


def session_of(row: Row[Any]) -> Session:
    """The session of a row."""
    return Session(
        id=row.id,
        token_hash=bytes(row.token_hash),
        user_id=row.user_id,
        created_at=from_us(row.created_at),
        last_seen_at=from_us(row.last_seen_at),
        expires_at=from_us(row.expires_at),
        client=row.client,
    )


def link_row(link: Link) -> dict[str, Any]:
    """A link as a row."""
    return {
        "token_hash": link.token_hash,
        "purpose": link.purpose.value,
        "user_id": link.user_id,
        "created_at": to_us(link.created_at),
        "expires_at": to_us(link.expires_at),
    }


def link_of(row: Row[Any]) -> Link:
    """The link of a row."""
    return Link(
        token_hash=bytes(row.token_hash),
        purpose=Purpose(row.purpose),
        user_id=row.user_id,
        created_at=from_us(row.created_at),
        expires_at=from_us(row.expires_at),
    )


def token_row(token: Token) -> dict[str, Any]:
    """A token as a row; its scopes in one text."""
    return {
        "id": token.id,
        "name": token.name,
        "token_hash": token.token_hash,
        "hint": token.hint,
        "scopes": " ".join(sorted(token.scopes)),
        "user_id": token.user_id,
        "created_at": to_us(token.created_at),
        "expires_at": to_us(token.expires_at),
        "last_used_at": _us_or_none(token.last_used_at),
        "revoked_at": _us_or_none(token.revoked_at),
    }


def token_of(row: Row[Any]) -> Token:
    """The token of a row."""
    return Token(
        id=row.id,
        name=row.name,
        token_hash=bytes(row.token_hash),
        hint=row.hint,
        scopes=frozenset(Scope(word) for word in row.scopes.split()),
        user_id=row.user_id,
        created_at=from_us(row.created_at),
        expires_at=from_us(row.expires_at),
        last_used_at=_at_or_none(row.last_used_at),
        revoked_at=_at_or_none(row.revoked_at),
    )
