"""Addresses that were proven, and the codes that are on their way to prove one."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "verified_contacts",
        sa.Column("person", _NAME, nullable=False),
        sa.Column("contact", _NAME, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("verified_at", _NUMBER, nullable=False),
        sa.Column("by", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("person", "contact", name="pk_verified_contacts"),
    )
    op.create_table(
        "contact_checks",
        sa.Column("person", _NAME, nullable=False),
        sa.Column("contact", _NAME, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", _NUMBER, nullable=False),
        sa.Column("expires_at", _NUMBER, nullable=False),
        sa.Column("n_tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person", "contact", name="pk_contact_checks"),
    )


def downgrade() -> None:
    """Drop them: every address is unproven again."""
    op.drop_table("contact_checks")
    op.drop_table("verified_contacts")
