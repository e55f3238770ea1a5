"""The columns from which delivery is measured: deployments, and the changes that each was the first to bring."""

import pyarrow as pa

_INSTANT = pa.timestamp("us", tz="UTC")

# Raised whenever columns or their meaning change; a projection of another version is derived anew.
DELIVERY_FACTS_VERSION = 2

# One row per deployment that was told of, whatever became of it.
DEPLOYMENTS_SCHEMA = pa.schema(
    [
        pa.field("deployment_id", pa.string(), nullable=False),
        pa.field("service", pa.string()),
        pa.field("environment", pa.string()),
        pa.field("version", pa.string()),
        pa.field("repo", pa.string()),
        pa.field("sha", pa.string()),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("status", pa.string()),
        pa.field("started_at", _INSTANT),
        # Null while it has not succeeded; the deployment does not count then.
        pa.field("deployed_at", _INSTANT),
        # rollback, hotfix or revert where the sender says so.
        pa.field("unplanned", pa.string()),
        pa.field("mends", pa.string()),
        # Incidents that it is said to have caused, and not to have caused; of these lists none is empty.
        pa.field("caused", pa.list_(pa.string())),
        pa.field("not_caused", pa.list_(pa.string())),
        # Deployments of the same service and environment whose changes are taken back by one that this one brought.
        pa.field("reverts", pa.list_(pa.string())),
        # How many changes it first brought; null where its commits are not known.
        pa.field("n_changes", pa.int64()),
    ]
)

# One row per commit and deployment that first contained it, in a service and environment.
CHANGES_SCHEMA = pa.schema(
    [
        pa.field("deployment_id", pa.string(), nullable=False),
        # As its deployment has them: a million changes are told apart sooner than joined to a million deployments.
        pa.field("service", pa.string()),
        pa.field("environment", pa.string()),
        pa.field("deployed_at", _INSTANT),
        pa.field("repo", pa.string(), nullable=False),
        pa.field("sha", pa.string(), nullable=False),
        pa.field("committed_at", _INSTANT, nullable=False),
        # Of the pull request that brought it, where one is known.
        pa.field("pull_request_id", pa.string()),
        pa.field("opened_at", _INSTANT),
        pa.field("ready_at", _INSTANT),
        pa.field("first_review_at", _INSTANT),
        pa.field("approved_at", _INSTANT),
        pa.field("merged_at", _INSTANT),
    ]
)
