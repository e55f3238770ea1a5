"""Pictures that people add to incidents."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "incident_pictures",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("incident_id", _NAME, nullable=False),
        sa.Column("id", _NAME, nullable=False),
        sa.Column("media_type", _NAME, nullable=False),
        sa.Column("width", _NUMBER, nullable=False),
        sa.Column("height", _NUMBER, nullable=False),
        sa.Column("n_bytes", _NUMBER, nullable=False),
        sa.Column("added_at", _NUMBER, nullable=False),
        sa.Column("added_by", _NAME, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_incident_pictures"),
        sa.UniqueConstraint("incident_id", "id", name="uq_incident_pictures_incident_id_id"),
    )


def downgrade() -> None:
    """Drop it, and everything in it."""
    op.drop_table("incident_pictures")
