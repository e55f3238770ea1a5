"""Incidents' rooms in chat programs, and what was heard there."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "chat_rooms",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("program", _NAME, nullable=False),
        sa.Column("incident_id", _NAME, nullable=False),
        sa.Column("ref", _NAME),
        sa.Column("made_at", _NUMBER),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("due_at", _NUMBER),
        sa.Column("n_wakes", sa.Integer(), nullable=False),
        sa.Column("held_by", _NAME),
        sa.Column("held_until", _NUMBER),
        sa.PrimaryKeyConstraint("seq", name="pk_chat_rooms"),
        sa.UniqueConstraint("program", "incident_id", name="uq_chat_rooms_program_incident_id"),
        sa.UniqueConstraint("program", "ref", name="uq_chat_rooms_program_ref"),
    )
    op.create_index("ix_chat_rooms_due_at", "chat_rooms", ["due_at"])
    op.create_table(
        "chat_heard",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("program", _NAME, nullable=False),
        sa.Column("ref", _NAME, nullable=False),
        sa.Column("id", _NAME, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_chat_heard"),
        sa.UniqueConstraint("program", "id", name="uq_chat_heard_program_id"),
    )
    op.create_index("ix_chat_heard_program_ref", "chat_heard", ["program", "ref"])
    op.create_table(
        "chat_members",
        sa.Column("program", _NAME, nullable=False),
        sa.Column("id", _NAME, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("program", "id", name="pk_chat_members"),
    )


def downgrade() -> None:
    """Drop them, and everything in them."""
    op.drop_table("chat_members")
    op.drop_table("chat_heard")
    op.drop_table("chat_rooms")
