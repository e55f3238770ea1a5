"""The tables in which accounts rest. Of every secret only a hash; instants are microseconds since 1970 in UTC."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text

from resile.stores.tables import Name, Number, metadata

users = Table(
    "account_users",
    metadata,
    Column("id", Name, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("role", Name, CheckConstraint("role IN ('admin', 'editor', 'viewer')", name="role_known"), nullable=False),
    Column("created_at", Number, nullable=False),
    Column("password_hash", Text),
    Column("disabled_at", Number),
)

sessions = Table(
    "account_sessions",
    metadata,
    Column("id", Name, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("user_id", Name, ForeignKey("account_users.id"), nullable=False, index=True),
    Column("created_at", Number, nullable=False),
    Column("last_seen_at", Number, nullable=False),
    Column("expires_at", Number, nullable=False),
    Column("client", Text, nullable=False),
)

tokens = Table(
    "account_tokens",
    metadata,
    Column("id", Name, primary_key=True),
    Column("name", Name, nullable=False, unique=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    # Words separated by spaces.
    Column("scopes", Text, nullable=False),
    Column("user_id", Name, ForeignKey("account_users.id"), nullable=False),
    Column("created_at", Number, nullable=False),
    Column("expires_at", Number, nullable=False),
    Column("last_used_at", Number),
    Column("revoked_at", Number),
)

links = Table(
    "account_links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("purpose", Name, nullable=False),
    Column("user_id", Name, ForeignKey("account_users.id")),
    Column("created_at", Number, nullable=False),
    Column("expires_at", Number, nullable=False),
)

attempts = Table(
    "account_attempts",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    # A digest: people type passwords into the field for the name.
    Column("key", LargeBinary, nullable=False),
    Column("at", Number, nullable=False),
    Index("ix_account_attempts_key_at", "key", "at"),
)

changes = Table(
    "account_changes",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("at", Number, nullable=False),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

ALL = (users, sessions, tokens, links, attempts, changes)
