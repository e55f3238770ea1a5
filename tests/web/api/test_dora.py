"""The API's delivery report is the command line's, field for field."""

from datetime import timedelta

import pytest

from resile.app.wiring import Resile
from resile.model.change import DeploymentReported, DeploymentStatus

from .conftest import NOW
from .test_reports import said_by_command_line
from .visitor import Visitor


def deploy(resile: Resile, n: int) -> None:
    """So many deployments, one a day."""
    told = []
    for number in range(n):
        at = NOW - timedelta(days=100 + number)
        told.append(
            DeploymentReported(
                id="1", at=at, recorded_at=at, by="token:ci", origin="test", ref=str(number), service="shop",
                environment="production", status=DeploymentStatus.SUCCEEDED,
            )
        )  # fmt: skip
    resile.deliveries.record(told)


@pytest.mark.parametrize(
    "words",
    [
        [],
        [("service", "shop"), ("environment", "production"), ("window", "48h")],
        [("from", "2023-12-01"), ("to", "2023-12-20"), ("definitions", "middleware")],
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/reports/dora", "/api/v1/report/dora"])
def test_the_report_is_the_command_lines(
    resile: Resile, visitor: Visitor, path: str, words: list[tuple[str, str]]
) -> None:
    deploy(resile, 12)

    answer = visitor.get(path, params=words)

    assert answer.status_code == 200
    options = [part for name, value in words for part in (f"--{name}", value)]
    assert answer.json() == said_by_command_line(resile, "report", "dora", *options)
    assert answer.json()["services"][0]["deployment_frequency"]["n"] > 0


def test_what_is_not_understood_is_refused_with_a_sentence_for_each(visitor: Visitor) -> None:
    answer = visitor.get("/api/v1/reports/dora?window=soon&colour=red")

    assert answer.status_code == 400
    assert len(answer.json()["problems"]) == 2
