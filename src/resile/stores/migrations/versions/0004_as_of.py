"""Of when incidents were told, so that what was told as of earlier does not undo what was told as of later."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "taken_as_of",
        sa.Column("origin", _NAME, nullable=False),
        sa.Column("ref", _NAME, nullable=False),
        sa.Column("state_at", _NUMBER, nullable=False),
        sa.Column("heard_at", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("origin", "ref", name="pk_taken_as_of"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop it: until told anew, incidents are taken in the order in which they are told."""
    op.drop_table("taken_as_of")
