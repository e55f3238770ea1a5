"""What is opened together belongs together."""

from pathlib import Path

from resile.app.settings import Settings
from resile.app.wiring import open_resile
from resile.testing.delivery_model import brought, commit, deployed
from resile.testing.timeline_model import append_of


def test_deliveries_and_timelines_rest_in_one_database_and_each_has_its_facts(tmp_path: Path) -> None:
    with open_resile(Settings(data=tmp_path)) as resile:
        resile.timelines.append([append_of("INC-1", 1)])
        resile.deliveries.add_commits([commit("a")])
        resile.deliveries.record([deployed("1")])
        resile.deliveries.set_shipped([brought("1", "a")])
        assert (resile.facts.refresh(), resile.delivery_facts.refresh()) == (1, 1)

    with open_resile(Settings(data=tmp_path)) as again, again.delivery_facts.tables() as tables:
        assert (again.facts.refresh(), again.delivery_facts.refresh()) == (0, 0)
        assert tables.changes.count().to_pyarrow().as_py() == 1
        assert [one.id for one in again.deliveries.deployments_of("search", "production")] == ["x:1"]
    assert {file.name for file in tmp_path.glob("*.db")} == {"resile.db"}
