"""Calendars that may be subscribed to."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "feeds",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", _NAME, nullable=False),
        sa.Column("of", _NAME, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("made_at", _NUMBER, nullable=False),
        sa.Column("made_by", _NAME, nullable=False),
        sa.Column("revoked_at", _NUMBER),
        sa.Column("revoked_by", _NAME),
        sa.PrimaryKeyConstraint("seq", name="pk_feeds"),
        sa.UniqueConstraint("id", name="uq_feeds_id"),
    )
    op.create_index(
        "ux_feeds_that_hold",
        "feeds",
        ["of", "name"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def downgrade() -> None:
    """Drop it, and everything in it."""
    op.drop_table("feeds")
