"""Alerts of one incident in their order, and those that fire: a flood may be of a hundred thousand."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.drop_index("ix_alerts_incident_id", "alerts")
    _index("ix_alerts_of_incident", ["incident_id", "first_at", "id"], "incident_id IS NOT NULL")
    _index("ix_alerts_firing_of", ["incident_id"], "state != 'resolved'")


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "alerts", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """As it was before."""
    op.drop_index("ix_alerts_firing_of", "alerts")
    op.drop_index("ix_alerts_of_incident", "alerts")
    _index("ix_alerts_incident_id", ["incident_id"], "incident_id IS NOT NULL")
