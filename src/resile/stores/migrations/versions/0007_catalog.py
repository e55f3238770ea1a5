"""Documents of the catalog with their versions, and overrides of on-call schedules."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "catalog_versions",
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text()),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("by", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "number", name="pk_catalog_versions"),
        sa.CheckConstraint("number > 0", name=op.f("ck_catalog_versions_number_positive")),
    )
    op.create_table(
        "oncall_overrides",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", _NAME, nullable=False),
        sa.Column("schedule", _NAME, nullable=False),
        sa.Column("person", _NAME),
        sa.Column("starts_at", _NUMBER, nullable=False),
        sa.Column("ends_at", _NUMBER, nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("entered_at", _NUMBER, nullable=False),
        sa.Column("entered_by", _NAME, nullable=False),
        sa.Column("removed_at", _NUMBER),
        sa.Column("removed_by", _NAME),
        sa.PrimaryKeyConstraint("seq", name="pk_oncall_overrides"),
        sa.UniqueConstraint("id", name="uq_oncall_overrides_id"),
    )
    op.create_index("ix_oncall_overrides_schedule_ends_at", "oncall_overrides", ["schedule", "ends_at"])


def downgrade() -> None:
    """Drop them, and everything in them."""
    op.drop_table("oncall_overrides")
    op.drop_table("catalog_versions")
