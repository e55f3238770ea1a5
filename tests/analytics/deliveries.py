"""Small histories of deployments and changes as facts, for tests of delivery."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa

from resile.analytics.delivery import dora_report
from resile.analytics.delivery_facts import CHANGES_SCHEMA, DEPLOYMENTS_SCHEMA
from resile.analytics.delivery_failures import failure_links
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import DoraReport, FailureLink, ServiceDelivery
from resile.analytics.query import Window
from tests.analytics.facts import START, facts

YEAR = Window(START, START + timedelta(days=366))
Rows = Sequence[dict[str, Any]]
_OF_DEPLOYMENT = ("service", "environment", "deployed_at")


def deployment(name: str, at: datetime | None, **others: Any) -> dict[str, Any]:
    """A row of facts: a successful deployment of `shop` in production; it did not succeed without `at`."""
    row: dict[str, Any] = dict.fromkeys(DEPLOYMENTS_SCHEMA.names)
    row |= {
        "deployment_id": name,
        "service": "shop",
        "environment": "production",
        "origin": "test",
        "status": "succeeded" if at is not None else "failed",
        "deployed_at": at,
        "n_changes": 1,
    }
    return row | others


def change(of: str, committed_at: datetime, **others: Any) -> dict[str, Any]:
    """A row of facts: a commit that the deployment was the first to bring."""
    row: dict[str, Any] = dict.fromkeys(CHANGES_SCHEMA.names)
    return row | {"deployment_id": of, "repo": "acme/shop", "sha": "0" * 40, "committed_at": committed_at} | others


def deployments_table(rows: Iterable[dict[str, Any]]) -> ibis.Table:
    """The rows as every measure takes them."""
    return ibis.memtable(pa.Table.from_pylist(list(rows), schema=DEPLOYMENTS_SCHEMA))


def changes_table(rows: Iterable[dict[str, Any]], deployments: Rows = ()) -> ibis.Table:
    """The rows as every measure takes them, each with what its deployment says of itself."""
    of = {row["deployment_id"]: {name: row[name] for name in _OF_DEPLOYMENT} for row in deployments}
    # What is brought by nothing known is in no store.
    brought = [row | of[row["deployment_id"]] for row in rows if row["deployment_id"] in of]
    return ibis.memtable(pa.Table.from_pylist(brought, schema=CHANGES_SCHEMA))


def report(
    deployments: Rows = (),
    incidents: Rows = (),
    changes: Rows = (),
    *,
    known_until: datetime | None = None,
    **asked: Any,
) -> DoraReport:
    """The report over a small history."""
    query = DeliveryQuery(**({"window": YEAR} | asked))
    tables = deployments_table(deployments), changes_table(changes, deployments), facts(incidents)
    return dora_report(*tables, query, known_until=known_until)


def only_row(*history: Rows, **asked: Any) -> ServiceDelivery:
    """The report's one row."""
    (row,) = report(*history, **asked).services
    return row


def links(deployments: Rows, incidents: Rows = (), **asked: Any) -> list[FailureLink]:
    """Every attribution in a small history."""
    known_until, one = asked.pop("known_until", None), asked.pop("deployment_id", None)
    query = DeliveryQuery(**({"window": YEAR} | asked))
    return failure_links(
        deployments_table(deployments), facts(incidents), query, known_until=known_until, deployment_id=one
    )


def told(found: Iterable[FailureLink]) -> list[tuple[str, str | None, str | None, str]]:
    """What matters of each: deployment, incident, later deployment, evidence."""
    return [(link.deployment_id, link.incident_id, link.by_deployment_id, link.evidence) for link in found]
