"""Escalations, timers, messages, alerts and what was decided of them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "escalations",
        sa.Column("incident_id", _NAME, nullable=False),
        *_versioned(),
        sa.Column("started_at", _NUMBER, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_escalations"),
        sa.CheckConstraint("version > 0", name=op.f("ck_escalations_version_positive")),
    )
    _index("ix_escalations_open", "escalations", ["started_at"], "state != 'ended'")
    op.create_table(
        "timers",
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("subject", _NAME, nullable=False),
        sa.Column("due_at", _NUMBER, nullable=False),
        sa.Column("lease_by", _NAME),
        sa.Column("lease_until", _NUMBER),
        sa.PrimaryKeyConstraint("kind", "subject", name="pk_timers"),
        sqlite_with_rowid=False,
    )
    _index("ix_timers_free", "timers", ["due_at"], "lease_until IS NULL")
    _index("ix_timers_held", "timers", ["lease_until"], "lease_until IS NOT NULL")
    _make_messages()
    _make_alerts()


def _make_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", _NAME, nullable=False),
        *_versioned(),
        sa.Column("message_class", _NAME, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("due_at", _NUMBER, nullable=False),
        sa.Column("queued_at", _NUMBER, nullable=False),
        sa.Column("lease_until", _NUMBER),
        sa.Column("handed_at", _NUMBER),
        sa.Column("incident_id", _NAME),
        sa.Column("person", _NAME),
        sa.Column("channel", _NAME, nullable=False),
        sa.Column("address", _NAME, nullable=False),
        sa.Column("ref", _NAME),
        sa.Column("bundled_into", _NAME),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.CheckConstraint("version > 0", name=op.f("ck_messages_version_positive")),
    )
    _index("ix_messages_queued", "messages", ["turn", "due_at", "id"], "state = 'queued'")
    _index("ix_messages_sending", "messages", ["lease_until"], "state = 'sending'")
    op.create_index("ix_messages_queued_at", "messages", ["queued_at", "message_class", "state"])
    _index("ix_messages_incident_id", "messages", ["incident_id", "queued_at"], "incident_id IS NOT NULL")
    _index("ix_messages_person", "messages", ["person", "queued_at"], "person IS NOT NULL")
    _index("ix_messages_address", "messages", ["address", "handed_at"], "handed_at IS NOT NULL")
    _index("ix_messages_bundled_into", "messages", ["bundled_into"], "bundled_into IS NOT NULL")
    _index("ix_messages_ref", "messages", ["ref"], "ref IS NOT NULL")


def _make_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", _NAME, nullable=False),
        *_versioned(),
        sa.Column("outcome", _NAME, nullable=False),
        sa.Column("first_at", _NUMBER, nullable=False),
        sa.Column("decided_at", _NUMBER, nullable=False),
        sa.Column("incident_id", _NAME),
        sa.Column("group_key", _NAME),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.CheckConstraint("version > 0", name=op.f("ck_alerts_version_positive")),
    )
    op.create_index("ix_alerts_decided_at", "alerts", ["decided_at"])
    _index("ix_alerts_firing", "alerts", ["decided_at"], "state != 'resolved'")
    _index("ix_alerts_incident_id", "alerts", ["incident_id"], "incident_id IS NOT NULL")
    _index("ix_alerts_group_key", "alerts", ["group_key", "decided_at"], "group_key IS NOT NULL")
    op.create_table(
        "decisions",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("alert_id", _NAME, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_decisions"),
    )
    op.create_index("ix_decisions_alert_id", "decisions", ["alert_id", "at"])


def _versioned() -> tuple[sa.Column[Any], ...]:
    return sa.Column("version", sa.Integer(), nullable=False), sa.Column("state", _NAME, nullable=False)


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Drop them, and everything in them."""
    for table in ("decisions", "alerts", "messages", "timers", "escalations"):
        op.drop_table(table)
