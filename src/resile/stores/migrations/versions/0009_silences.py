"""Silences, and how often each muted an alert."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "silences",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", _NAME, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("ends_at", _NUMBER),
        sa.Column("ended_at", _NUMBER),
        sa.Column("ended_by", _NAME),
        sa.Column("n_muted", sa.Integer(), nullable=False),
        sa.Column("muted_at", _NUMBER),
        sa.PrimaryKeyConstraint("seq", name="pk_silences"),
        sa.UniqueConstraint("id", name="uq_silences_id"),
    )
    op.create_index(
        "ix_silences_not_ended",
        "silences",
        ["ends_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    """Drop it, and everything in it."""
    op.drop_table("silences")
