"""Of which services and environments it has to be worked out what their deployments shipped, and from when on."""

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from resile.model.change import DeploymentReported, LinkReported, decode_report, fold_deployment

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 1_000


def upgrade() -> None:
    """Make the table, place the deployments that there are, and have all of them looked at."""
    op.create_table(
        "delivery_unsettled",
        sa.Column("target", _NAME, nullable=False),
        sa.Column("service", _NAME),
        sa.Column("environment", _NAME),
        sa.Column("since", _NUMBER, nullable=False),
        sa.Column("seq", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("target", name="pk_delivery_unsettled"),
    )
    op.add_column("delivery_deployments", sa.Column("deployed_at", _NUMBER))
    op.add_column("delivery_deployments", sa.Column("repo", _NAME))
    op.add_column("delivery_deployments", sa.Column("sha", _NAME))
    op.create_index("ix_delivery_deployments_repo", "delivery_deployments", ["repo"])
    connection = op.get_bind()
    numbers = connection.execute(sa.text("SELECT number FROM delivery_deployments ORDER BY number")).scalars().all()
    since: dict[tuple[str | None, str | None], int] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        _place(connection, numbers[start], numbers[min(start + _AT_ONCE, len(numbers)) - 1], since)
    rows = [
        {"target": json.dumps(target), "service": target[0], "environment": target[1], "since": at, "seq": 0}
        for target, at in since.items()
    ]
    if rows:
        connection.execute(
            sa.text(
                "INSERT INTO delivery_unsettled (target, service, environment, since, seq) "
                "VALUES (:target, :service, :environment, :since, :seq)"
            ),
            rows,
        )


def _place(connection: sa.Connection, first: int, last: int, since: dict[tuple[str | None, str | None], int]) -> None:
    told: dict[int, list[DeploymentReported | LinkReported]] = {}
    query = "SELECT subject, body FROM delivery_reports WHERE subject BETWEEN :first AND :last"
    for number, body in connection.execute(sa.text(query), {"first": first, "last": last}):
        report = decode_report(body)
        if isinstance(report, DeploymentReported | LinkReported):
            told.setdefault(number, []).append(report)
    placed = []
    for number, its in told.items():
        one = fold_deployment(its)
        if one is not None:
            at = None if one.deployed_at is None else (one.deployed_at - _EPOCH) // timedelta(microseconds=1)
            placed.append({"number": number, "at": at, "repo": one.repo, "sha": one.sha})
            if at is not None:
                target = (one.service, one.environment)
                since[target] = min(at, since.get(target, at))
    if placed:
        connection.execute(
            sa.text(
                "UPDATE delivery_deployments SET deployed_at = :at, repo = :repo, sha = :sha WHERE number = :number"
            ),
            placed,
        )


def downgrade() -> None:
    """Drop them: what is shipped is worked out from all deployments again."""
    op.drop_index("ix_delivery_deployments_repo", "delivery_deployments")
    op.drop_column("delivery_deployments", "sha")
    op.drop_column("delivery_deployments", "repo")
    op.drop_column("delivery_deployments", "deployed_at")
    op.drop_table("delivery_unsettled")
