"""Subscribers, what they are told, and maintenance windows."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    _make_subscribers()
    _make_tellings()
    _make_windows()


def _make_subscribers() -> None:
    op.create_table(
        "subscribers",
        sa.Column("id", _NAME, nullable=False),
        sa.Column("channel", _NAME, nullable=False),
        sa.Column("address", _NAME, nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("confirmed_at", _NUMBER, nullable=False),
        sa.Column("n_bounced", _NUMBER, nullable=False),
        sa.Column("put_aside_at", _NUMBER),
        sa.Column("because", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscribers"),
        sa.UniqueConstraint("channel", "address", name="uq_subscribers_address"),
    )
    op.create_table(
        "subscriber_asks",
        sa.Column("id", _NAME, nullable=False),
        sa.Column("channel", _NAME, nullable=False),
        sa.Column("address", _NAME, nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("address_digest", sa.LargeBinary(), nullable=False),
        sa.Column("host_digest", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", _NUMBER, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=False),
        sa.Column("is_sent", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscriber_asks"),
    )
    op.create_index("ix_subscriber_asks_asked_at", "subscriber_asks", ["asked_at"])


def _make_tellings() -> None:
    op.create_table(
        "tellings",
        sa.Column("id", _NAME, nullable=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("incident_id", _NAME),
        sa.Column("made_at", _NUMBER, nullable=False),
        sa.Column("told_at", _NUMBER),
        sa.PrimaryKeyConstraint("id", name="pk_tellings"),
    )
    op.create_index("ix_tellings_told_at", "tellings", ["told_at"])
    op.create_table(
        "telling_copies",
        sa.Column("telling_id", _NAME, nullable=False),
        sa.Column("subscriber_id", _NAME, nullable=False),
        sa.Column("channel", _NAME, nullable=False),
        sa.Column("address", _NAME, nullable=False),
        sa.Column("state", _NAME, nullable=False),
        sa.Column("first_due_at", _NUMBER, nullable=False),
        sa.Column("due_at", _NUMBER, nullable=False),
        sa.Column("n_tries", _NUMBER, nullable=False),
        sa.Column("lease_by", _NAME),
        sa.Column("lease_until", _NUMBER),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("telling_id", "subscriber_id", name="pk_telling_copies"),
    )
    op.create_index(
        "ix_telling_copies_open",
        "telling_copies",
        ["channel", "due_at", "telling_id", "subscriber_id"],
        sqlite_where=sa.text("state IN ('queued', 'sending')"),
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )


def _make_windows() -> None:
    op.create_table(
        "maintenance_windows",
        sa.Column("id", _NAME, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.Column("starts_at", _NUMBER, nullable=False),
        sa.Column("ends_at", _NUMBER, nullable=False),
        sa.Column("over_at", _NUMBER, nullable=False),
        sa.Column("is_announced", _NUMBER, nullable=False),
        sa.Column("by", _NAME, nullable=False),
        sa.Column("made_at", _NUMBER, nullable=False),
        sa.Column("changed_at", _NUMBER, nullable=False),
        sa.Column("version", _NUMBER, nullable=False),
        sa.Column("finished_at", _NUMBER),
        sa.Column("cancelled_at", _NUMBER),
        sa.PrimaryKeyConstraint("id", name="pk_maintenance_windows"),
    )
    op.create_index("ix_maintenance_windows_over_at", "maintenance_windows", ["over_at"])
    op.create_table(
        "maintenance_marks",
        sa.Column("incident_id", _NAME, nullable=False),
        sa.Column("window_id", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_maintenance_marks"),
    )
    op.create_index("ix_maintenance_marks_window_id", "maintenance_marks", ["window_id"])


def downgrade() -> None:
    """Drop them, and everything in them."""
    for table in (
        "maintenance_marks",
        "maintenance_windows",
        "telling_copies",
        "tellings",
        "subscriber_asks",
        "subscribers",
    ):
        op.drop_table(table)
