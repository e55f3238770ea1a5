"""`resile report dora` over a real data folder."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resile.app.settings import load_settings
from resile.app.wiring import open_resile
from resile.model.change import Commit, DeploymentReported, DeploymentStatus
from resile.ports.delivery_store import Shipped
from tests.cli.terminal import Terminal

START = datetime(2024, 1, 1, 12, tzinfo=UTC)
REPO = "github.com/acme/shop"


@pytest.fixture
def shop(terminal: Terminal) -> Terminal:
    """Twenty deployments of shop, one a day, each with a commit of two days before; one of search."""
    with open_resile(load_settings(data=terminal.folder)) as resile:
        for number in range(20):
            at = START + timedelta(days=number)
            sha = f"{number:040x}"
            told = DeploymentReported(
                id="1", at=at, recorded_at=at, by="import:git", origin="git", ref=f"v{number}.0.0", service="shop",
                environment="production", status=DeploymentStatus.SUCCEEDED, version=f"v{number}.0.0", repo=REPO,
                sha=sha,
            )  # fmt: skip
            before = at - timedelta(days=2)
            resile.deliveries.record([told])
            resile.deliveries.add_commits([Commit(repo=REPO, sha=sha, authored_at=before, committed_at=before)])
            resile.deliveries.set_shipped([Shipped(told.subject, REPO, (sha,))])
    return terminal


def test_the_json_has_the_fields_that_stay(shop: Terminal) -> None:
    report = shop.json("report", "dora")

    (service,) = report["services"]
    assert {"window", "definitions", "services"} <= set(report)
    assert (report["definitions"], service["service"], service["environment"]) == ("resile", "shop", "production")
    assert {"n", "median_s", "p90_s", "stages"} <= set(service["lead_time"])
    assert {"n", "per_day", "days_with", "median_gap_s"} <= set(service["deployment_frequency"])
    assert {"n", "failed", "rate", "low", "high", "pending"} <= set(service["change_fail_rate"])
    assert {"n", "median_s"} <= set(service["recovery_time"])
    assert {"n", "unplanned", "rate"} <= set(service["rework_rate"])
    assert service["lead_time"]["median_s"] == 2 * 86_400
    assert service["deployment_frequency"]["per_day"] == 1.0
    assert service["deployment_frequency"]["median_gap_s"] == 86_400


def test_the_terminal_says_message_metrics_and_rhythm(shop: Terminal) -> None:
    text = shop.says("report", "dora")

    assert "Deployed 1 a day, and none of 20 is known to have failed." in " ".join(text.split())
    assert "20 deployments" in text
    assert "Deployments each day" in text


def test_the_window_and_filters_are_heard(shop: Terminal) -> None:
    report = shop.json("report", "dora", "--from", "2024-01-05", "--to", "2024-01-10", "--window", "48h")

    assert report["services"][0]["deployment_frequency"]["n"] == 5
    assert report["attribution_window_s"] == 2 * 86_400
    assert shop.json("report", "dora", "--definitions", "middleware")["definitions"] == "middleware"


def test_files_are_written(shop: Terminal, tmp_path: Path) -> None:
    html, pdf = tmp_path / "d.html", tmp_path / "d.pdf"

    done = shop.run("report", "dora", "--html", str(html), "--pdf", str(pdf), "--json")

    assert json.loads(done.stdout)["services"]
    assert "<h1>" in html.read_text(encoding="utf-8")
    assert pdf.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--window", "soon"), "window: 'soon' is no length of time"),
        (("--definitions", "google"), "'google'"),
        (("--from", "banana"), "from: time 'banana' is not ISO 8601"),
    ],
)
def test_what_is_not_understood_is_refused_in_one_sentence(shop: Terminal, options: tuple[str, ...], said: str) -> None:
    assert said in shop.refuses("report", "dora", *options)


def test_without_deployments_the_way_out_is_said(terminal: Terminal) -> None:
    text = terminal.says("report", "dora")

    assert "No deployment is known in this window." in text
    assert "resile import git PATH --service NAME" in text
