"""Commits whose parents nobody told: those of pushes, until a clone tells them whole."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let parents be unknown."""
    _alter(is_nullable=True)


def downgrade() -> None:
    """Forget the commits without them: told once more, they are known again."""
    commits = sa.table("delivery_commits", sa.column("parents"), sa.column("repo"), sa.column("sha"))
    reverting = sa.table("delivery_reverting", sa.column("repo"), sa.column("sha"))
    is_theirs = sa.and_(
        commits.c.repo == reverting.c.repo, commits.c.sha == reverting.c.sha, commits.c.parents.is_(None)
    )
    op.execute(sa.delete(reverting).where(sa.exists().where(is_theirs)))
    op.execute(sa.delete(commits).where(commits.c.parents.is_(None)))
    _alter(is_nullable=False)


def _alter(*, is_nullable: bool) -> None:
    with op.batch_alter_table("delivery_commits") as table:
        table.alter_column("parents", existing_type=sa.Text(), nullable=is_nullable)
