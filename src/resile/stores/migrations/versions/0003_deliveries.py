"""Commits, deployments, pull requests, the reports on them, what was shipped, and how far imports have read."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    _make_commits()
    _make_deployments()
    _make_pull_requests()
    op.create_table(
        "delivery_reports",
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("subject", _NUMBER, nullable=False),
        sa.Column("report_id", _NAME, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_delivery_reports"),
        sa.UniqueConstraint("subject", "report_id", name="uq_delivery_reports_subject_report_id"),
    )
    op.create_table(
        "delivery_marks",
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("mark", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_delivery_marks"),
    )
    op.create_table(
        "delivery_cursors",
        sa.Column("name", _NAME, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_delivery_cursors"),
    )


def _make_commits() -> None:
    op.create_table(
        "delivery_commits",
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("repo", _NAME, nullable=False),
        sa.Column("sha", _NAME, nullable=False),
        sa.Column("parents", sa.Text(), nullable=False),
        sa.Column("reverts", sa.Text(), nullable=False),
        sa.Column("authored_at", _NUMBER, nullable=False),
        sa.Column("committed_at", _NUMBER, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_delivery_commits"),
        sa.UniqueConstraint("repo", "sha", name="uq_delivery_commits_repo_sha"),
    )
    op.create_table(
        "delivery_reverting",
        sa.Column("sha", _NAME, nullable=False),
        sa.Column("repo", _NAME, nullable=False),
        sa.Column("reverted", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("sha", "repo", "reverted", name="pk_delivery_reverting"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_reverting_repo_reverted", "delivery_reverting", ["repo", "reverted"])


def _make_deployments() -> None:
    op.create_table(
        "delivery_deployments",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("deployment_id", _NAME, nullable=False),
        sa.Column("changed_seq", _NUMBER, nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("service", _NAME),
        sa.Column("environment", _NAME),
        sa.Column("shipped_repo", _NAME),
        sa.Column("n_shipped", sa.Integer()),
        sa.PrimaryKeyConstraint("number", name="pk_delivery_deployments"),
        sa.UniqueConstraint("deployment_id", name="uq_delivery_deployments_deployment_id"),
    )
    op.create_index("ix_delivery_deployments_changed_seq", "delivery_deployments", ["changed_seq"])
    op.create_index("ix_delivery_deployments_service_environment", "delivery_deployments", ["service", "environment"])
    op.create_table(
        "delivery_shipped",
        sa.Column("deployment", _NUMBER, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("sha", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "place", name="pk_delivery_shipped"),
        sa.ForeignKeyConstraint(["deployment"], ["delivery_deployments.number"], name="fk_delivery_shipped_deployment"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_shipped_sha", "delivery_shipped", ["sha"])


def _make_pull_requests() -> None:
    op.create_table(
        "delivery_pull_requests",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("pull_request_id", _NAME, nullable=False),
        sa.Column("repo", _NAME, nullable=False),
        sa.Column("reverts", _NAME),
        sa.PrimaryKeyConstraint("number", name="pk_delivery_pull_requests"),
        sa.UniqueConstraint("pull_request_id", name="uq_delivery_pull_requests_pull_request_id"),
    )
    op.create_index("ix_delivery_pull_requests_reverts", "delivery_pull_requests", ["reverts"])
    op.create_table(
        "delivery_pull_commits",
        sa.Column("pull_request", _NUMBER, nullable=False),
        sa.Column("sha", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("pull_request", "sha", name="pk_delivery_pull_commits"),
        sa.ForeignKeyConstraint(
            ["pull_request"], ["delivery_pull_requests.number"], name="fk_delivery_pull_commits_pull_request"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_pull_commits_sha", "delivery_pull_commits", ["sha"])


def downgrade() -> None:
    """Drop them, and everything in them."""
    op.drop_table("delivery_cursors")
    op.drop_table("delivery_marks")
    op.drop_table("delivery_reports")
    op.drop_table("delivery_pull_commits")
    op.drop_table("delivery_pull_requests")
    op.drop_table("delivery_shipped")
    op.drop_table("delivery_deployments")
    op.drop_table("delivery_reverting")
    op.drop_table("delivery_commits")
