"""The API's reports are the command line's, field for field."""

import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from resile.app.wiring import Resile
from resile.cli.main import app as command_line
from resile.testing.simulated_clock import SimulatedClock

from .visitor import Visitor

WINDOW = {"from": "2023-06-01", "to": "2024-03-01"}


def said_by_command_line(resile: Resile, *arguments: str) -> Any:
    done = CliRunner().invoke(command_line, ["--data", str(resile.settings.data), *arguments, "--json"])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ("restore", []),
        ("restore", [("by", "severity"), ("by", "label:cause"), ("every", "month")]),
        ("restore", [("severity", "critical"), ("severity", "SEV2"), ("clock", "impact_to_restored")]),
        ("trend", [("every", "quarter"), ("service", "checkout")]),
        ("phases", [("by", "service")]),
        ("compare", []),
        ("compare", [("against", "2023-04-01..2023-06-01"), ("by", "team")]),
        ("compare", [("a", "severity=SEV2"), ("b", "severity=SEV3")]),
    ],
)
def test_a_report_is_the_command_lines(
    filled: Resile, visitor: Visitor, report: str, words: list[tuple[str, str]]
) -> None:
    asked = [*WINDOW.items(), *words]
    options = [part for name, value in asked for part in (f"--{name}", value)]

    answer = visitor.get(f"/api/v1/report/{report}", params=asked)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == said_by_command_line(filled, "report", report, *options)


def test_the_report_has_incidents_in_it(filled: Resile, visitor: Visitor) -> None:
    answer = visitor.get("/api/v1/report/restore").json()

    assert answer["overall"]["n_restored"] > 80
    assert answer["window"]["to"].startswith("2024-04-01T12:00:00")


def test_survival_falls_from_one(filled: Resile, visitor: Visitor) -> None:
    answer = visitor.get("/api/v1/report/survival").json()

    shares = [point["share"] for point in answer["points"]]
    assert shares == sorted(shares, reverse=True)
    assert answer["n"] > 80


def test_what_if_counts_only_those_that_are_named(filled: Resile, visitor: Visitor) -> None:
    words = [("phase", "detect"), ("minutes", "10"), ("clock", "impact_to_restored")]
    of_all = visitor.get("/api/v1/report/what-if", params=words).json()
    of_some = visitor.get("/api/v1/report/what-if", params=[*words, ("only", "severity=SEV1")]).json()

    assert of_some["where"] == {"severity": ["SEV1"]}
    assert 0 < of_some["n_changed"] < of_all["n_changed"]
    assert 0 < of_some["saved_s"] < of_all["saved_s"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("restore?clock=sundial&color=red", "clock 'sundial' is unknown"),
        ("restore?from=2024-02-01&to=2024-01-01", "swap or widen"),
        ("compare?a=severity=SEV1", "a and b belong together"),
        ("compare?a=severity=SEV1&b=team=x", "compare two of the same kind"),
        ("compare?against=yesterday", "is not FROM..TO"),
        ("compare?a=severity&b=severity", "is not DIMENSION=VALUE"),
        ("what-if?phase=detect&minutes=0", "greater than 0"),
        ("what-if?phase=sleep&minutes=5", "phase"),
        ("what-if?phase=detect&minutes=nan", "minutes"),
        ("what-if?phase=detect&minutes=5&only=SEV1", "is not DIMENSION=VALUE"),
    ],
)
def test_nonsense_is_told_and_answered_with_400(filled: Resile, visitor: Visitor, path: str, says: str) -> None:
    answer = visitor.get(f"/api/v1/report/{path}")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


def test_every_thing_that_is_not_understood_has_its_own_sentence(visitor: Visitor) -> None:
    answer = visitor.get("/api/v1/report/restore?clock=sundial&color=red&last=soon")

    assert len(answer.json()["problems"]) == 3


@pytest.mark.parametrize(
    "path",
    [
        "restore?by=severity&by=service",
        "trend",
        "phases?by=team",
        "compare",
        "compare?a=severity=SEV2&b=severity=SEV3",
        "compare?by=label:cause&last=90d",
        "what-if?phase=detect&minutes=5",
        "survival",
    ],
)
@pytest.mark.parametrize("n_incidents", [0, 1])
def test_nothing_known_is_no_fault(visitor: Visitor, clock: SimulatedClock, path: str, n_incidents: int) -> None:
    for _ in range(n_incidents):
        visitor.client.post("/api/v1/incidents", json={"title": "Checkout fails"})
        clock.advance(timedelta(hours=1))

    assert visitor.get(f"/api/v1/report/{path}").status_code == 200


def test_groups_without_a_severity_in_common_have_no_ratio_adjusted_for_it(filled: Resile, visitor: Visitor) -> None:
    answer = visitor.get("/api/v1/report/compare?a=severity=SEV2&b=severity=SEV3").json()

    assert answer["ratio"] > 0
    assert answer["adjusted_ratio"] is None
    assert answer["adjusted_ratio_low"] is None
