import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from resile.analytics.facts import FACTS_SCHEMA
from resile.testing.simulated_facts import simulated_fact_batches, simulated_facts


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return simulated_facts(20_000, np.random.default_rng(5))


def test_facts_have_the_schema_and_are_well_formed(table: pa.Table) -> None:
    table.validate(full=True)

    assert table.schema.equals(FACTS_SCHEMA)
    assert pc.count_distinct(table["incident_id"]).as_py() == 20_000
    for field in FACTS_SCHEMA:
        assert field.nullable or table[field.name].null_count == 0


def test_same_seed_gives_the_same_facts(table: pa.Table) -> None:
    assert simulated_facts(20_000, np.random.default_rng(5)).equals(table)


def test_batches_are_as_long_as_asked_for_and_hold_all_rows() -> None:
    batches = list(simulated_fact_batches(2_500, np.random.default_rng(5), batch_rows=1_000))

    assert [batch.num_rows for batch in batches] == [1_000, 1_000, 500]


def test_there_are_five_severities_fifty_services_and_260_weeks(table: pa.Table) -> None:
    weeks = pc.count_distinct(pc.floor_temporal(table["detected"], unit="week")).as_py()

    assert pc.count_distinct(table["severity"]).as_py() == 5
    assert pc.count_distinct(table["service"]).as_py() == 50
    assert 255 <= weeks <= 264


def test_restoration_is_before_detection_exactly_where_said_to_be_contradictory(table: pa.Table) -> None:
    wrong = pc.fill_null(pc.less(table["restored"], table["detected"]), False)  # noqa: FBT003 - the value to fill in

    assert pc.sum(wrong).as_py() > 50
    assert pc.all(pc.or_(pc.invert(wrong), table["is_contradictory"])).as_py()
