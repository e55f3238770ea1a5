"""The door for Prometheus answers the questions of programs that take it for an Alertmanager."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from resile.model.time import HOUR
from tests.conftest import find_program
from tests.web.doors.world import KEEPER, LONGEST_S, World, served

DOWN = {
    "labels": {"alertname": "Down", "service": "shop", "severity": "critical", "path": 'a"b'},
    "annotations": {"summary": "Shop is down", "runbook_url": "https://playbooks.example.org/shop"},
    "generatorURL": "https://prometheus.example.org/graph",
}


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with served(fresh_data(tmp_path / "data")) as made:
        yield made


def told(world: World, secret: str, *alerts: dict[str, Any], name: str = "") -> None:
    path = f"/doors/prometheus{name}/api/v2/alerts"
    assert world.post(path, json.dumps(alerts).encode(), authorization=f"Bearer {secret}").status_code == 200
    world.concluded()


def asked(world: World, secret: str, path: str, **query: object) -> httpx2.Response:
    headers = {"authorization": f"Bearer {secret}"}
    return httpx2.get(world.address + path, params=query, headers=headers, timeout=LONGEST_S)


def names(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(one["labels"]["alertname"] for one in answer.json())


@pytest.fixture
def amtool(world: World, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The real amtool, with a configuration that shows the door's secret."""
    program = find_program("amtool", "prometheus-alertmanager")
    config = tmp_path / "http.yml"

    def run(secret: str, *words: str, path: str = "/doors/prometheus") -> subprocess.CompletedProcess[str]:
        config.write_text(f"authorization: {{credentials: {secret}}}\n")
        address = f"--alertmanager.url={world.address}{path}"
        return subprocess.run(
            [program, address, f"--http.config.file={config}", "--no-version-check", *words],
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )

    return run


def test_amtool_adds_an_alert_and_finds_it_among_those_of_its_door(
    world: World, amtool: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    secret, other = world.door("prometheus"), world.door("prometheus", "eu")
    told(world, other, {"labels": {"alertname": "Elsewhere"}}, name="/eu")

    added = amtool(secret, "alert", "add", "Down", "service=shop", "--annotation=summary=Shop is down")
    world.concluded(2)
    found = amtool(secret, "alert", "query", "-o", "json")
    by_label = amtool(secret, "alert", "query", "service=~sh.*", "alertname=Down")
    by_another = amtool(secret, "alert", "query", "service=cart")
    at_eu = amtool(other, "alert", "query", path="/doors/prometheus/eu")
    shown = amtool(secret, "config", "show")
    cluster = amtool(secret, "cluster", "show")

    assert (added.returncode, added.stderr) == (0, "")
    (alert,) = json.loads(found.stdout)
    assert alert["labels"] == {"alertname": "Down", "service": "shop"}
    assert alert["annotations"] == {"summary": "Shop is down"}
    assert alert["status"]["state"] == "active"
    assert "Shop is down" in by_label.stdout
    assert "Down" not in by_another.stdout
    assert "Elsewhere" in at_eu.stdout
    assert "Down" not in at_eu.stdout
    assert "receiver: resile" in shown.stdout
    assert (cluster.returncode, "disabled" in cluster.stdout) == (0, True)


def test_amtool_prints_why_it_is_refused(world: World, amtool: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    secret = world.door("prometheus")

    wrong = amtool("x" + secret, "alert", "query")
    silence = amtool(secret, "silence", "query")

    assert (wrong.returncode, "401" in wrong.stderr) == (1, True)
    assert (silence.returncode, "404" in silence.stderr) == (1, True)
    assert "resile silence" in asked(world, secret, "/doors/prometheus/api/v2/silences").json()


def test_alert_is_told_as_alertmanager_would_tell_it(world: World) -> None:
    secret = world.door("prometheus")
    told(world, secret, {**DOWN, "endsAt": "2100-01-01T00:00:00Z"})

    (alert,) = asked(world, secret, "/api/v2/alerts").json()

    assert alert["labels"] == DOWN["labels"]
    assert alert["annotations"] == DOWN["annotations"]
    assert alert["generatorURL"] == DOWN["generatorURL"]
    assert alert["receivers"] == [{"name": "resile"}]
    assert alert["status"] == {"state": "active", "silencedBy": [], "inhibitedBy": []}
    assert {"startsAt", "updatedAt", "endsAt", "fingerprint"} < set(alert)
    assert asked(world, secret, "/api/v2/receivers").json() == [{"name": "resile"}]
    status = asked(world, secret, "/api/v2/status").json()
    assert set(status) == {"cluster", "config", "uptime", "versionInfo"}


def test_filters_choose_by_labels_receiver_and_what_mutes(world: World) -> None:
    secret = world.door("prometheus")
    world.resile.alerting.silences.add(KEEPER, ["alertname=Quiet"], lasts=HOUR, because="a drill")
    told(world, secret, DOWN, {"labels": {"alertname": "Quiet"}})
    at = "/doors/prometheus/api/v2/alerts"

    assert names(asked(world, secret, at)) == ["Down", "Quiet"]
    assert names(asked(world, secret, at, filter='path="a\\"b"')) == ["Down"]
    assert names(asked(world, secret, at, filter='alertname!~"D.*"')) == ["Quiet"]
    assert names(asked(world, secret, at, silenced="false")) == ["Down"]
    assert names(asked(world, secret, at, active="false")) == ["Quiet"]
    assert names(asked(world, secret, at, receiver="other")) == []
    assert names(asked(world, secret, at, receiver="res.*")) == ["Down", "Quiet"]
    (quiet,) = asked(world, secret, at, active="false").json()
    assert quiet["status"]["state"] == "suppressed"
    assert len(quiet["status"]["silencedBy"]) == 1
    for query in ({"filter": "("}, {"filter": 'a=~"("'}, {"active": "maybe"}, {"filter": ["a=b"] * 51}):
        refused = asked(world, secret, at, **query)
        assert (refused.status_code, type(refused.json())) == (400, str)


def test_whether_it_is_well_is_told_without_a_secret_and_nothing_else_is(world: World) -> None:
    secret = world.door("prometheus", "eu")

    for state in ("healthy", "ready"):
        answer = httpx2.get(f"{world.address}/doors/prometheus/eu/-/{state}", timeout=LONGEST_S)
        assert (answer.status_code, answer.text) == (200, "OK")
        assert httpx2.head(f"{world.address}/doors/prometheus/eu/-/{state}", timeout=LONGEST_S).status_code == 200
        assert httpx2.get(f"{world.address}/doors/prometheus/us/-/{state}", timeout=LONGEST_S).status_code == 404
    for path in ("status", "alerts", "receivers", "silences"):
        at = f"/doors/prometheus/eu/api/v2/{path}"
        assert asked(world, "x" + secret, at).status_code == 401
        assert httpx2.delete(world.address + at, timeout=LONGEST_S).status_code == 405
    assert world.post("/doors/prometheus/eu/api/v2/status", b"[]", authorization=f"Bearer {secret}").status_code == 405
    assert world.resile.journal.entries() == []
