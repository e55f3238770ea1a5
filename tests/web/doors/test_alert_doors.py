"""Doors for senders of alerts: how each shows who it is, what it is answered, and what is kept."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import structlog
from structlog.testing import capture_logs

from resile.app.door_kinds import KINDS, arriving_path
from resile.app.door_recipes import recipes_of
from resile.app.door_trial import proof_of, trial_of
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Entry
from resile.sources.doors.naming import digest
from resile.sources.doors.registry import open_door
from resile.web.doors.senders import SENDERS
from tests.web.doors.world import KEEPER, LONGEST_S, TLS, World, served

GIVEN = "made-by-the-sender-0001"
# An alert at every door.
ALERT = (
    b'{"title": "Disk full", "message": "Disk full", "alerts": [{"labels": {"alertname": "DiskFull"}}], '
    b'"specversion": "1.0", "id": "1", "source": "/db1", "type": "disk.full"}'
)


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with served(fresh_data(tmp_path / "data")) as made:
        yield made


def signed(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{secret}".encode()).decode()


def kept(world: World) -> Entry:
    """What arrived last."""
    return world.resile.journal.entries()[0]


def made(world: World, kind: str) -> tuple[str, str]:
    """A door of the kind, as its kind needs it; its path and its secret."""
    told = KINDS[kind]
    options = DoorOptions(every_s=60) if kind == "heartbeat" else DoorOptions()
    name = "own" if told.needs_name else None
    given = GIVEN if told.is_secret_given else None
    door, secret = world.resile.doors.add(KEEPER, kind, name, options=options, given=given)
    assert secret is not None
    return arriving_path(door, secret), secret


PROOFS: dict[str, list[Callable[[str, bytes], dict[str, str]]]] = {
    "alertmanager": [lambda s, _: {"authorization": f"Bearer {s}"}, lambda s, _: {"authorization": basic(s)}],
    "prometheus": [lambda s, _: {"authorization": f"Bearer {s}"}, lambda s, _: {"authorization": basic(s)}],
    "grafana": [
        lambda s, _: {"authorization": f"Bearer {s}"},
        lambda s, _: {"authorization": basic(s)},
        lambda s, b: {"x_grafana_alerting_signature": signed(s, b)},
        lambda s, b: {
            "x_grafana_alerting_signature": signed(s, b"1714557600:" + b),
            "x_grafana_alerting_timestamp": "1714557600",
        },
    ],
    "pagerduty_webhook": [
        lambda s, b: {"x_pagerduty_signature": f"v1={signed(s, b)}"},
        lambda s, b: {"x_pagerduty_signature": f"v1={'0' * 64}, v1={signed(s, b)}"},
    ],
    "opsgenie": [lambda s, _: {"authorization": f"GenieKey {s}"}],
    "datadog": [lambda s, _: {"authorization": f"Bearer {s}"}, lambda s, _: {"authorization": basic(s)}],
    "sentry": [lambda s, b: {"sentry_hook_signature": signed(s, b)}],
    "cloudevents": [
        lambda s, _: {"authorization": f"Bearer {s}"},
        lambda s, b: {"x_hub_signature_256": f"sha256={signed(s, b)}"},
    ],
    "json": [
        lambda s, _: {"authorization": f"Bearer {s}"},
        lambda s, _: {"authorization": basic(s)},
        lambda s, b: {"x_hub_signature_256": f"sha256={signed(s, b)}"},
    ],
}


@pytest.mark.parametrize("kind", PROOFS)
def test_door_opens_to_every_proof_of_its_secret_and_to_nothing_else(world: World, kind: str) -> None:
    path, secret = made(world, kind)

    for prove in PROOFS[kind]:
        assert world.post(path, ALERT, **prove(secret, ALERT)).status_code in {200, 202}
        assert world.post(path, ALERT, **prove(secret[:-1] + "x", ALERT)).status_code == 401
        if "authorization" not in prove(secret, ALERT):
            assert world.post(path, ALERT + b" ", **prove(secret, ALERT)).status_code == 401
    assert world.post(path, ALERT).status_code == 401
    assert world.post(path, ALERT, authorization="Basic ???").status_code == 401


@pytest.mark.parametrize("kind", ["statuspage", "heartbeat"])
def test_secret_in_an_address_opens_its_door_and_is_in_no_log_answer_or_file(
    world: World, tmp_path: Path, kind: str
) -> None:
    path, secret = made(world, kind)
    wrong = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    structlog.reset_defaults()

    with capture_logs() as logs:
        assert world.post(path, ALERT).status_code == 202
        refused = [
            world.post(path.replace(secret, wrong), ALERT),
            world.post(path.replace(f"/{secret}", ""), ALERT),
            world.post(path.replace("/doors/", "/doors/x"), ALERT),
            world.post(path[:-1], ALERT),
            world.post(path.replace(kind, f"{kind}/other") if kind == "statuspage" else path + "/more", ALERT),
        ]

    assert [answer.status_code for answer in refused] == [401, 401, 404, 404, 404]
    assert "whole address" in refused[0].json()["detail"]
    written = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file())
    for place in (repr(logs), "".join(answer.text for answer in refused), written.decode("latin-1")):
        assert secret[:-1] not in place
        assert wrong not in place
    assert {log["path"] for log in logs if log["event"] == "request answered"} >= {path.replace(secret, "*")}


def test_prometheus_may_know_the_door_as_an_alertmanager(world: World) -> None:
    _, secret = made(world, "prometheus")
    eu = world.door("prometheus", "eu")
    body = b'[{"labels": {"alertname": "Down"}}]'

    answer = world.post("/api/v2/alerts", body, authorization=f"Bearer {secret}")

    assert (answer.status_code, answer.content) == (200, b"")
    assert kept(world).delivery.door == "prometheus"
    named = world.post("/doors/prometheus/eu/api/v2/alerts", body, authorization=f"Bearer {eu}")
    assert (named.status_code, kept(world).delivery.door) == (200, "prometheus/eu")
    assert world.post("/doors/prometheus/eu/api/v2/alerts", body, authorization=f"Bearer {secret}").status_code == 401
    assert httpx2.get(f"{world.address}/api/v2/alerts", timeout=LONGEST_S).status_code == 401


@pytest.mark.parametrize("kind", ["alertmanager", "prometheus", "grafana", "datadog", "opsgenie", "json"])
def test_same_alert_told_again_is_another_delivery(world: World, kind: str) -> None:
    path, secret = made(world, kind)
    proof = PROOFS[kind][0](secret, ALERT)

    for _ in range(3):
        assert world.post(path, ALERT, **proof).status_code in {200, 202}

    assert len(world.resile.journal.entries()) == 3


def test_webhook_of_pagerduty_sent_again_is_known(world: World) -> None:
    path, secret = made(world, "pagerduty_webhook")
    body = b'{"event": {"id": "01DFX", "event_type": "incident.triggered"}}'
    proof = {"x_pagerduty_signature": f"v1={signed(secret, body)}"}

    answers = [world.post(path, body, **proof) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 200]
    assert kept(world).delivery.id == "01DFX"


def test_event_of_pagerduty_is_answered_with_the_key_by_which_it_can_be_resolved(world: World) -> None:
    key = world.door("pagerduty")
    event = {"routing_key": key, "event_action": "trigger", "payload": {"summary": "Disk full"}}

    answers = [world.post("/v2/enqueue", json.dumps(event).encode()) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    told = answers[1].json()
    delivery = kept(world).delivery
    assert told == {"status": "success", "message": "Event processed", "dedup_key": digest("pagerduty", delivery.id)}
    assert delivery.headers["x-resile-dedup-key"] == told["dedup_key"] != answers[0].json()["dedup_key"]
    assert delivery.headers["x-resile-address"] == "events"
    assert key.encode() not in delivery.body
    named = world.post("/v2/enqueue", json.dumps({**event, "dedup_key": "disk-db1"}).encode())
    assert named.json()["dedup_key"] == "disk-db1"


def test_one_integration_key_serves_all_addresses_of_pagerduty(world: World) -> None:
    key = world.door("pagerduty")
    first = {"service_key": key, "event_type": "trigger", "description": "Disk full", "incident_key": "disk"}
    change = {"routing_key": key, "payload": {"summary": "Deployed"}}

    told = world.post("/generic/2010-04-15/create_event.json", json.dumps(first).encode())
    assert (told.status_code, told.json()["incident_key"]) == (200, "disk")
    assert key.encode() not in kept(world).delivery.body
    changed = world.post("/v2/change/enqueue", json.dumps(change).encode())
    assert (changed.status_code, changed.json()["message"]) == (202, "Change event processed")
    assert kept(world).delivery.headers["x-resile-address"] == "change"


def test_refusals_are_in_the_words_of_pagerduty_and_opsgenie(world: World) -> None:
    world.door("pagerduty")
    world.door("opsgenie")

    torn = world.post("/v2/enqueue", b'{"routing_key": ')
    keyless = [
        world.post("/v2/enqueue", body) for body in (b'{"event_action": "trigger"}', b"[]", b'{"routing_key": 7}')
    ]
    wrong = world.post("/v2/enqueue", b'{"routing_key": "x"}')
    large = world.post("/v2/enqueue", b" " * 512_001)
    opsgenie = world.post("/v2/alerts", b"{}", authorization="GenieKey x")

    assert (torn.status_code, torn.json()["status"]) == (400, "invalid event")
    assert "line 1, column" in torn.json()["errors"][0]
    assert [one.status_code for one in keyless] == [400, 400, 400]
    assert keyless[0].json() == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": ["door pagerduty: the key is missing; send the routing key that `resile door add` printed"],
    }
    assert (wrong.status_code, wrong.json()["errors"][0].split(";")[0]) == (
        401,
        "door pagerduty: the key is missing or wrong",
    )
    assert large.status_code == 413
    assert (opsgenie.status_code, "GenieKey" in opsgenie.json()["message"]) == (401, True)


def test_alert_of_opsgenie_is_closed_by_an_alias_with_any_signs(world: World) -> None:
    key = world.door("opsgenie")
    proof = {"authorization": f"GenieKey {key}"}

    created = world.post("/v2/alerts", b'{"message": "Disk full"}', **proof)
    closed = world.post("/v2/alerts/disk%2Fdb1/close?identifierType=alias", b"", **proof)

    assert created.status_code == closed.status_code == 202
    assert closed.json()["requestId"] == kept(world).delivery.id
    assert created.json()["result"] == "Request will be processed"
    assert kept(world).delivery.headers["x-resile-path"] == "/v2/alerts/disk%2Fdb1/close?identifierType=alias"
    assert world.post("/v2/alerts/disk/snooze", b"{}", **proof).status_code == 404
    assert world.post("/v2/alerts/", b"{}", **proof).status_code == 404


def test_sign_of_life_comes_by_curl_as_it_likes(world: World) -> None:
    path, secret = made(world, "heartbeat")

    assert httpx2.get(world.address + path, timeout=LONGEST_S).status_code == 202
    assert world.post(path, b"backup of 3 GB is done", content_type="text/plain").status_code == 202
    assert "x-resile-path" in kept(world).delivery.headers
    assert world.post("/doors/heartbeat/own/fail", b"", authorization=f"Bearer {secret}").status_code == 202
    assert kept(world).delivery.headers["x-resile-path"].endswith("/fail")
    assert httpx2.get(f"{world.address}{path}/fail", timeout=LONGEST_S).status_code == 202
    assert kept(world).delivery.headers["x-resile-path"].endswith("/fail")
    assert httpx2.get(f"{world.address}/doors/heartbeat/own", timeout=LONGEST_S).status_code == 401
    assert httpx2.delete(world.address + path, timeout=LONGEST_S).status_code == 405
    assert len(world.resile.journal.entries()) == 4


def test_compressed_bodies_and_too_large_ones_are_refused_at_every_door(world: World) -> None:
    path, secret = made(world, "alertmanager")
    proof = {"authorization": f"Bearer {secret}"}

    assert world.post(path, ALERT, content_encoding="gzip", **proof).status_code == 415
    assert world.post(path, b" " * 10_000_001, **proof).status_code == 413
    assert world.resile.journal.entries() == []


def test_only_who_may_read_the_data_folder_marks_a_test(world: World) -> None:
    path, secret = made(world, "alertmanager")
    proof = {"authorization": f"Bearer {secret}"}
    mark = world.resile.doors.trial_mark(world.resile.doors.all()["alertmanager"], ALERT)

    for forged in ("1", mark[:-1], ""):
        assert world.post(path, ALERT, x_resile_test=forged, **proof).status_code == 401
    assert world.post(path, ALERT + b" ", x_resile_test=mark, **proof).status_code == 401
    assert world.resile.journal.entries() == []
    assert world.post(path, ALERT, x_resile_test=mark, **proof).status_code == 202
    assert kept(world).delivery.headers["x-resile-test"] == "1"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sender_a_recipe_and_a_test_that_opens_its_door(world: World, kind: str) -> None:
    path, secret = made(world, kind)
    (door,) = world.resile.doors.all().values()
    assert kind in SENDERS
    assert all(one.words and one.text for one in recipes_of(door, world.address + path, secret))

    for is_over in (False, True):
        trial = trial_of(door, at=world.resile.clock.now(), secret=secret, is_over=is_over)
        headers = {**trial.kept, **proof_of(door, secret, trial.body)}
        headers["x-resile-test"] = world.resile.doors.trial_mark(door, trial.body)
        answer = httpx2.post(
            world.address + path + trial.tail, content=trial.body, headers=headers, timeout=LONGEST_S, verify=TLS
        )

        assert answer.status_code in {200, 202}, answer.text
        assert trial.token.encode() in kept(world).delivery.body
        assert set(trial.said.items()) <= set(kept(world).delivery.headers.items())


def test_no_secret_of_any_kind_is_on_disk(world: World, tmp_path: Path) -> None:
    told = {kind: made(world, kind) for kind in KINDS}
    for kind, (path, secret) in told.items():
        body = json.dumps({"routing_key": secret}).encode() if kind == "pagerduty" else ALERT
        scheme = "GenieKey" if kind == "opsgenie" else "Bearer"
        world.post(path, body, authorization=f"{scheme} {secret}", x_gitlab_token=secret)

    written = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())

    assert [kind for kind, (_, secret) in told.items() if secret.encode() in written] == []


def test_alert_with_numbers_that_are_none_is_taken(world: World) -> None:
    """As Python writes them; the key is found all the same, and the body kept as it came."""
    _, secret = made(world, "pagerduty")
    body = (
        f'{{"routing_key": "{secret}", "event_action": "trigger", "payload": {{"summary": "Disk \\udc80", '
        '"source": "db1", "severity": "critical", "custom_details": {"load": NaN}}}'
    ).encode()

    answer = world.post("/v2/enqueue", body)

    assert answer.status_code == 202
    entry = kept(world)
    assert b"NaN" in entry.delivery.body
    (alert,) = open_door("pagerduty", DoorOptions()).understand(entry.delivery).alerts
    assert alert.title == "Disk \ufffd"
