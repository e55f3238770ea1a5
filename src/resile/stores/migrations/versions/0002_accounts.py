"""Users, sessions, tokens, one-time links, login attempts, and the record of changes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "account_users",
        sa.Column("id", _NAME, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("role", _NAME, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("password_hash", sa.Text()),
        sa.Column("disabled_at", _NUMBER),
        sa.PrimaryKeyConstraint("id", name="pk_account_users"),
        sa.UniqueConstraint("name", name="uq_account_users_name"),
        sa.CheckConstraint("role IN ('admin', 'editor', 'viewer')", name=op.f("ck_account_users_role_known")),
    )
    op.create_table(
        "account_sessions",
        sa.Column("id", _NAME, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", _NAME, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("last_seen_at", _NUMBER, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account_sessions"),
        sa.UniqueConstraint("token_hash", name="uq_account_sessions_token_hash"),
        sa.ForeignKeyConstraint(["user_id"], ["account_users.id"], name="fk_account_sessions_user_id"),
    )
    op.create_index("ix_account_sessions_user_id", "account_sessions", ["user_id"])
    op.create_table(
        "account_tokens",
        sa.Column("id", _NAME, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("user_id", _NAME, nullable=False),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=False),
        sa.Column("last_used_at", _NUMBER),
        sa.Column("revoked_at", _NUMBER),
        sa.PrimaryKeyConstraint("id", name="pk_account_tokens"),
        sa.UniqueConstraint("name", name="uq_account_tokens_name"),
        sa.UniqueConstraint("token_hash", name="uq_account_tokens_token_hash"),
        sa.ForeignKeyConstraint(["user_id"], ["account_users.id"], name="fk_account_tokens_user_id"),
    )
    op.create_table(
        "account_links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", _NAME, nullable=False),
        sa.Column("user_id", _NAME),
        sa.Column("created_at", _NUMBER, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_account_links"),
        sa.ForeignKeyConstraint(["user_id"], ["account_users.id"], name="fk_account_links_user_id"),
    )
    op.create_table(
        "account_attempts",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_account_attempts"),
    )
    op.create_index("ix_account_attempts_key_at", "account_attempts", ["key", "at"])
    op.create_table(
        "account_changes",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_account_changes"),
    )


def downgrade() -> None:
    """Drop them, and everybody's account with them."""
    op.drop_table("account_changes")
    op.drop_table("account_attempts")
    op.drop_table("account_links")
    op.drop_table("account_tokens")
    op.drop_table("account_sessions")
    op.drop_table("account_users")
