from pathlib import Path

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.cli.serving import _simulate


def test_a_demonstration_that_was_broken_off_is_finished_with_the_same_year(tmp_path: Path) -> None:
    with open_resile(load_settings(data=tmp_path)) as resile:
        resile.deliveries.set_cursor("simulated-year", b"2026-07-01T12:00:00Z")

        _simulate(resile)
        n_incidents, last_seq = resile.timelines.n_incidents(), resile.deliveries.last_seq()
        _simulate(resile)

        with resile.delivery_facts.tables() as tables:
            newest = tables.deployments.deployed_at.max().to_pyarrow().as_py()
        assert f"{newest:%Y-%m-%d}" in {"2026-06-30", "2026-07-01"}
        assert {service for service, _ in resile.deliveries.services()} >= {"checkout", "storefront", "payment-gateway"}
        assert resile.timelines.n_incidents() == n_incidents > 900
        assert resile.deliveries.last_seq() == last_seq
