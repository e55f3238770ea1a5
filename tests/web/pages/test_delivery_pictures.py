from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from resile.analytics.delivery_results import FailureLink, LeadTime, Stage
from resile.analytics.ordered import Ints
from resile.analytics.query import Window
from resile.analytics.words import duration, percent
from resile.web.pages.delivery import stage_pieces
from resile.web.pages.pictures.sparks import spark
from resile.web.pages.pictures.strips import MOST_SIGNS, MOST_STRIPS, Strips, strips
from tests.documents.deliveries import delivery

START = datetime(2024, 1, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=100))
END = WINDOW.end
_SCHEMA = pa.schema(
    [
        ("deployment_id", pa.string()),
        ("service", pa.string()),
        ("environment", pa.string()),
        ("deployed_at", pa.timestamp("us", tz="UTC")),
    ]
)


def deployed(*rows: tuple[str, str | None, str | None, float]) -> pa.Table:
    """Deployments by id, service, environment and day."""
    names = _SCHEMA.names
    told = [dict(zip(names, (*row[:3], START + timedelta(days=row[3])), strict=True)) for row in rows]
    return pa.Table.from_pylist(told, schema=_SCHEMA)


def failure(name: str, day: float, *, incident: str | None = "INC-1", hours: float | None = 5) -> FailureLink:
    failed_at = START + timedelta(days=day)
    restored = None if hours is None else failed_at + timedelta(hours=hours)
    return FailureLink(
        deployment_id=name, incident_id=incident, evidence="window", confidence=0.5, reason="it began soon after",
        failed_at=failed_at, restored_at=restored,
    )  # fmt: skip


def drawn(table: pa.Table, *links: FailureLink) -> Strips:
    names = table["deployment_id"].to_pylist()
    failed = {link.deployment_id for link in links}

    def links_of(rows: Ints) -> list[FailureLink]:
        asked = {names[row] for row in rows.tolist()}
        return [link for link in links if link.deployment_id in asked]

    return strips(table, np.array([name in failed for name in names], dtype=np.bool_), links_of, WINDOW, until=END)


def test_each_place_has_its_strip_the_busiest_first() -> None:
    found = drawn(deployed(("a", "search", None, 5), ("b", "shop", "production", 10), ("c", "shop", "production", 50)))

    assert [(one.place, one.n) for one in found.strips] == [(("shop", "production"), 2), (("search", None), 1)]
    assert found.strips[0].ticks == "M100 0v1M500 0v1"
    assert found.strips[1].name == "search · no environment"


def test_a_failed_deployment_has_a_sign_and_its_incident_a_bar_until_it_was_restored() -> None:
    table = deployed(("a", "shop", "production", 10), ("b", "shop", "production", 50))

    (strip,) = drawn(table, failure("b", 51, hours=24)).strips

    assert (strip.n, strip.n_failed) == (2, 1)
    assert [(one.x, one.href) for one in strip.signs] == [("50.00%", "/deployments/b")]
    assert [(one.x, one.width, one.href) for one in strip.bars] == [("51.00%", "1%", "/incidents/INC-1")]


def test_an_open_incident_lasts_until_now_and_says_so() -> None:
    (strip,) = drawn(deployed(("a", "shop", "production", 90)), failure("a", 90, hours=None)).strips

    (bar,) = strip.bars
    assert bar.is_open
    assert bar.width == "10%"
    assert "10 d so far, open" in bar.title


def test_a_failure_without_an_incident_has_a_sign_and_no_bar() -> None:
    (strip,) = drawn(deployed(("a", "shop", "production", 9)), failure("a", 10, incident=None)).strips

    assert len(strip.signs) == 1
    assert strip.bars == []


def test_of_very_many_the_picture_stays_light_and_says_what_it_leaves_out() -> None:
    rows = [(f"d{n}", "shop", "production", n % 100) for n in range(10_000)]
    links = [failure(f"d{n}", n % 100) for n in range(1_000)]

    (strip,) = drawn(deployed(*rows), *links).strips

    assert (strip.n, strip.n_failed) == (10_000, 1_000)
    assert (len(strip.signs), strip.n_unsigned) == (MOST_SIGNS, 1_000 - MOST_SIGNS)
    assert strip.ticks.count("M") == 100


def test_more_places_than_a_picture_holds_are_counted() -> None:
    found = drawn(deployed(*((f"d{n}", f"s{n}", "production", 3.0) for n in range(MOST_STRIPS + 5))))

    assert len(found.strips) == MOST_STRIPS
    assert found.n_hidden == 5


def test_without_deployments_there_is_no_strip() -> None:
    assert drawn(deployed()).strips == []


def months(*values: float | None) -> list[tuple[datetime, float | None]]:
    return [(datetime(2024, 1 + n, 1, tzinfo=UTC), value) for n, value in enumerate(values)]


def test_a_month_without_a_value_is_a_gap_in_the_line() -> None:
    found = spark(months(1.0, 2.0, None, 4.0), duration, name="Lead time", is_duration=True)

    assert found is not None
    assert len(found.dots) == 3
    assert len(found.lines) == 1
    assert "Mar 2024 –" in found.label


def test_shares_start_at_zero() -> None:
    found = spark(months(0.0, 0.5), percent, name="Fail rate", is_duration=False)

    assert found is not None
    assert [y for _, y, _ in found.dots] == ["32", "4"]


@pytest.mark.parametrize("values", [(), (3.0,), (None, None, 2.0)])
def test_one_value_is_no_line(values: tuple[float | None, ...]) -> None:
    assert spark(months(*values), duration, name="Lead time", is_duration=True) is None


def test_stages_stand_in_their_order_and_fill_the_bar() -> None:
    pieces = stage_pieces(delivery())

    assert [one.name for one in pieces] == [
        "Commit to pull request",
        "Pull request to merge",
        "Waiting for deployment",
    ]
    assert pieces[1].kind == "joined"
    assert sum(float(one.width.rstrip("%")) for one in pieces) == pytest.approx(100, abs=0.1)


def test_stages_of_no_length_are_still_seen_and_unknown_ones_are_left_out() -> None:
    row = delivery()
    lead = LeadTime(n=2, median_s=0.0, stages={"commit_to_opened": Stage(2, 0.0, 0.0), "merge_to_deployment": Stage(0)})

    pieces = stage_pieces(
        type(row)(**{name: getattr(row, name) for name in row.__struct_fields__} | {"lead_time": lead})
    )

    assert [one.key for one in pieces] == ["commit_to_opened"]
    assert float(pieces[0].width.rstrip("%")) > 0
