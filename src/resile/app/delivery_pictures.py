"""What the pictures of deliveries show, on pages and in documents: deployments as marks, and the metrics over time."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from resile.analytics.delivery_charts import DeploymentMark
from resile.analytics.delivery_query import DeliveryQuery
from resile.analytics.delivery_results import DeliveryTrend, ServiceDelivery
from resile.analytics.dora_words import busiest
from resile.analytics.ordered import Ints
from resile.analytics.query import Every
from resile.app.deployments import in_scope
from resile.app.documents.dora_content import Drawn
from resile.app.dora import Known, Look, look, refreshed
from resile.app.wiring import Resile
from resile.model.time import DAY

# Of more deployments a picture is grey; tables and files hold them all.
MOST_MARKS = 20_000
# A printed page has room for fewer, and each is drawn by itself.
_MOST_PRINTED = 5_000
# Of so many months a line can still be read under a figure; longer histories are drawn by the quarter.
_MOST_MONTHS_DAYS = 1_500
# A shorter window has too few months for a line.
_LEAST_MONTHS_DAYS = 100


class Marks(Struct, frozen=True):
    """The newest successful deployments of a question.

    Attributes:
        n: how many there are in all.
        id_hashes: of those shown, by which a look finds them.
    """

    shown: list[DeploymentMark]
    n: int
    id_hashes: Ints


def drawn(resile: Resile, query: DeliveryQuery, rows: Sequence[ServiceDelivery]) -> Drawn:
    """What a document on these rows draws."""
    first = busiest(rows)
    with refreshed(resile) as known:
        marks = marks_of(known, query, most=_MOST_PRINTED)
        seen = look(resile, known, query)
        links = seen.links(seen.places(marks.id_hashes))
        trend = None if first is None else trend_of(seen, first)
    return Drawn(marks=marks.shown, n_marks=marks.n, links=links, until=resile.clock.now(), trend=trend)


def marks_of(known: Known, query: DeliveryQuery, *, most: int = MOST_MARKS) -> Marks:
    """The successful deployments that the question asks for, the newest first."""
    table = in_scope(known.deliveries.deployments, query)
    table = table.filter(table.deployed_at.notnull())
    newest = table.order_by(table.deployed_at.desc(), table.deployment_id).limit(most)
    columns = ("deployment_id", "service", "environment", "deployed_at")
    rows = newest.select(*columns, id_hash=newest.deployment_id.hash()).to_pyarrow()
    shown = [DeploymentMark(**row) for row in rows.select(columns).to_pylist()]
    return Marks(shown, int(table.count().to_pyarrow().as_py()), np.asarray(rows["id_hash"]))


def trend_of(seen: Look, row: ServiceDelivery) -> DeliveryTrend | None:
    """The metrics of one service in one environment, by periods that fit the window."""
    return seen.trend(row.service, row.environment, fitting(seen.found.query))


def fitting(query: DeliveryQuery) -> Every:
    """By the month, as far as the window has some and not too many."""
    days = (query.window.end - query.window.start) / DAY
    if days < _LEAST_MONTHS_DAYS:
        return Every.WEEK
    return Every.MONTH if days <= _MOST_MONTHS_DAYS else Every.QUARTER
