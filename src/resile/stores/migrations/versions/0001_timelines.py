"""Timelines, their events, what imports have taken, and the counter of declared incidents."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "timelines",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("incident_id", _NAME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_timelines"),
        sa.UniqueConstraint("incident_id", name="uq_timelines_incident_id"),
        sa.CheckConstraint("version > 0", name=op.f("ck_timelines_version_positive")),
    )
    op.create_table(
        "events",
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("timeline", _NUMBER, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event_id", _NAME, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sa.ForeignKeyConstraint(["timeline"], ["timelines.number"], name="fk_events_timeline"),
        sa.UniqueConstraint("timeline", "version", name="uq_events_timeline_version"),
        sa.UniqueConstraint("timeline", "event_id", name="uq_events_timeline_event_id"),
    )
    op.create_table(
        "taken",
        sa.Column("origin", _NAME, nullable=False),
        sa.Column("ref", _NAME, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "ref", name="pk_taken"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "counters",
        sa.Column("name", _NAME, nullable=False),
        sa.Column("value", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )


def downgrade() -> None:
    """Drop them, and everything in them."""
    op.drop_table("counters")
    op.drop_table("taken")
    op.drop_table("events")
    op.drop_table("timelines")
