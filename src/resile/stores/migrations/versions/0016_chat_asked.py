"""What people asked for in a chat, so that it is done once."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "chat_asked",
        sa.Column("program", _NAME, nullable=False),
        sa.Column("key", _NAME, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("said", sa.Text()),
        sa.PrimaryKeyConstraint("program", "key", name="pk_chat_asked"),
    )
    op.create_index("ix_chat_asked_at", "chat_asked", ["at"])


def downgrade() -> None:
    """Drop it, and everything in it."""
    op.drop_table("chat_asked")
