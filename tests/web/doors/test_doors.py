"""Doors before the real server: who may knock, what is answered, and what is in the store afterwards."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
import structlog
from msgspec import structs
from structlog.testing import capture_logs

from resile.app.door_kinds import full_name_of
from resile.ports.delivery_door import DoorOptions
from resile.ports.journal import Verdict
from resile.web.doors.senders import SENDERS, Headers
from tests.web.doors.world import KEEPER, LONGEST_S, World, served, signature

DEPLOYED = {
    "deployment_status": {
        "id": 7,
        "state": "success",
        "environment": "production",
        "created_at": "2024-05-01T10:00:00Z",
        "updated_at": "2024-05-01T10:00:00Z",
    },
    "deployment": {
        "id": 70,
        "sha": "a" * 40,
        "ref": "v1.2.3",
        "environment": "production",
        "created_at": "2024-05-01T09:59:00Z",
        "updated_at": "2024-05-01T10:00:00Z",
        "url": "https://api.github.com/repos/acme/shop/deployments/70",
    },
    "repository": {"full_name": "acme/shop", "html_url": "https://github.com/acme/shop"},
}


@pytest.fixture
def world(tmp_path: Path, fresh_data: Callable[[Path], Path]) -> Iterator[World]:
    with served(fresh_data(tmp_path / "data")) as made:
        yield made


def test_signed_delivery_is_answered_once_durable_and_stored_soon_after(world: World) -> None:
    secret = world.door("github", options=DoorOptions(service="checkout"))
    body = json.dumps(DEPLOYED).encode()

    answer = world.github(secret, body)

    assert answer.status_code == 202
    assert [entry.verdict for entry in world.concluded()] == [Verdict.TAKEN]
    (found,) = world.resile.deliveries.deployments_of("checkout", "production")
    assert found.sha == "a" * 40
    again = world.github(secret, body)
    assert (again.status_code, again.json()["status"]) == (200, "known")
    assert len(world.resile.journal.entries()) == 1


@pytest.mark.parametrize("given", [None, "", "sha256=", "sha256=" + "0" * 64, "sha1=abc", "sha256=\xff"])
def test_wrong_or_missing_signature_stores_nothing_but_a_count(world: World, given: str | None) -> None:
    world.door("github")
    headers = {} if given is None else {"x-hub-signature-256": given}

    request = httpx2.Request("POST", f"{world.address}/doors/github", content=b"{}")
    for name, value in headers.items():
        request.headers.update(httpx2.Headers([(name.encode(), value.encode("latin-1"))]))
    with httpx2.Client(timeout=LONGEST_S) as client:
        answer = client.send(request)

    assert answer.status_code == 401
    assert "signature is missing or wrong" in answer.json()["detail"]
    assert world.resile.journal.entries() == []
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until and world.resile.doors.listed(KEEPER)[0].counts.n_refused == 0:
        threading.Event().wait(0.05)
    assert world.resile.doors.listed(KEEPER)[0].counts.n_refused == 1


def test_signature_of_another_body_is_refused(world: World) -> None:
    secret = world.door("github")

    answer = world.post("/doors/github", b'{"a": 2}', x_hub_signature_256=signature(secret, b'{"a": 1}'))

    assert answer.status_code == 401


def test_signature_over_a_large_body_is_computed_beside_the_event_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = world.door("github")
    right = SENDERS["github"]
    has_loop: list[bool] = []

    def proves(given: str, headers: Headers, body: bytes) -> bool:
        has_loop.append(asyncio._get_running_loop() is not None)
        return right.proves(given, headers, body)

    monkeypatch.setitem(SENDERS, "github", structs.replace(right, proves=proves))

    assert world.github(secret, b'"' + b"x" * 600_000 + b'"').status_code == 202
    assert has_loop == [False]


def test_doors_of_one_kind_have_secrets_of_their_own(world: World) -> None:
    shop, search = world.door("github", "shop"), world.door("github", "search")

    assert world.github(shop, b"{}", path="/doors/github/search").status_code == 401
    assert world.github(search, b"{}", path="/doors/github/search").status_code == 202


def test_gitlab_token_bearer_and_routing_key_open_their_doors(world: World) -> None:
    gitlab, cdevents, pagerduty = world.door("gitlab"), world.door("cdevents"), world.door("pagerduty")
    event = {"routing_key": pagerduty, "payload": {"summary": "Deployed shop", "timestamp": "2024-05-01T10:00:00Z"}}

    assert world.post("/doors/gitlab", b"{}", x_gitlab_token=gitlab).status_code == 202
    assert world.post("/doors/gitlab", b"{}", x_gitlab_token=gitlab[:-1]).status_code == 401
    assert world.post("/doors/cdevents", b"[]", authorization=f"Bearer {cdevents}").status_code == 202
    assert world.post("/doors/cdevents", b"{}", authorization="Bearer x").status_code == 401
    assert world.post("/v2/change/enqueue", json.dumps(event).encode()).json()["status"] == "success"
    assert world.post("/v2/change/enqueue", b'{"routing_key": "x"}').status_code == 401


def test_no_secret_is_on_disk_but_the_key(world: World, tmp_path: Path) -> None:
    kinds = ("github", "gitlab", "cdevents", "pagerduty")
    secrets = [world.door(kind) for kind in kinds]
    world.post("/v2/change/enqueue", json.dumps({"routing_key": secrets[3], "payload": {"summary": "x"}}).encode())
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in secrets[3])
    told = world.post("/v2/change/enqueue", f'{{"routing_key": "{escaped}", "payload": {{"summary": "y"}}}}'.encode())
    assert told.status_code == 202
    world.concluded(2)

    written = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())

    assert [secret for secret in secrets if secret.encode() in written] == []
    assert escaped.encode() not in written
    assert (tmp_path / "data/secret.key").stat().st_mode & 0o777 == 0o600


def test_body_over_the_limit_is_refused_announced_or_not(world: World) -> None:
    secret = world.door("cdevents")
    body = b" " * 1_000_001

    announced = world.post("/doors/cdevents", body, authorization=f"Bearer {secret}")
    in_parts = iter([body[:600_000], body[600_000:]])
    chunked = httpx2.post(f"{world.address}/doors/cdevents", content=in_parts, timeout=LONGEST_S)

    assert (announced.status_code, chunked.status_code) == (413, 413)
    assert "1,000,000 bytes" in announced.json()["detail"]


def test_malformed_json_is_refused_with_its_place(world: World) -> None:
    secret = world.door("github")

    answer = world.github(secret, b'{"a": 1,\n "b": tru}')

    assert answer.status_code == 400
    assert "line 2, column" in answer.json()["detail"]
    assert world.resile.journal.entries() == []


def test_unknown_event_is_kept_as_unmapped_and_a_bad_one_does_not_stop_the_next(world: World) -> None:
    secret = world.door("github")

    world.github(secret, b"{}", x_github_event="star", x_github_delivery="1")
    world.github(secret, b'{"deployment": 5}', x_github_delivery="2")
    world.github(secret, json.dumps(DEPLOYED).encode(), x_github_delivery="3")

    verdicts = [entry.verdict for entry in reversed(world.concluded(3))]
    assert verdicts == [Verdict.UNMAPPED, Verdict.FAILED, Verdict.TAKEN]


def test_there_are_no_doors_until_they_are_made_and_none_after_they_are_removed(world: World) -> None:
    assert "resile door add github" in world.post("/doors/github", b"{}").json()["detail"]
    secret = world.door("github")
    assert world.github(secret, b"{}").status_code == 202

    assert world.resile.doors.remove(KEEPER, full_name_of("github", None))
    threading.Event().wait(1.1)
    assert world.github(secret, b"{}").status_code == 404
    assert world.post("/doors/nothing", b"{}").status_code == 404
    assert httpx2.get(f"{world.address}/doors/github", timeout=LONGEST_S).status_code == 405


def test_door_without_a_secret_takes_only_what_this_machine_sends(world: World) -> None:
    world.door("github", has_secret=False)
    event = {"x_github_event": "ping"}

    assert world.post("/doors/github", b"{}", **event).status_code == 202
    assert world.post("/doors/github", b"{}", x_forwarded_for="1.2.3.4", **event).status_code == 401
    assert world.post("/doors/github", b"{}", host="evil.example", **event).status_code == 401
    assert world.post("/doors/github", b"{}", origin="https://evil.example", **event).status_code == 401


def test_deployment_by_one_request_is_in_the_store_and_twice_without_a_name_is_two(world: World) -> None:
    body = b'{"service": "shop", "version": "1.2.3"}'

    answers = [world.post("/api/v1/deployments", body) for _ in range(2)]
    keyed = [world.post("/api/v1/deployments", body, idempotency_key="build-7") for _ in range(2)]

    assert [one.status_code for one in (*answers, *keyed)] == [202, 202, 202, 200]
    world.concluded(3)
    found = world.resile.deliveries.deployments_of("shop", "production")
    assert {one.id for one in found} == {one.json()["deployment_id"] for one in (*answers, *keyed)}
    wrong = world.post("/api/v1/deployments", b'{"servce": "shop"}')
    assert (wrong.status_code, re.search("did you mean service", wrong.json()["detail"]) is not None) == (400, True)


def test_answers_of_doors_have_the_headers_of_all_answers(world: World) -> None:
    page = httpx2.get(f"{world.address}/healthz", timeout=LONGEST_S)
    secret = world.door("github")
    given = {"content-type", "content-length", "date", "server", "retry-after"}

    for answer in (world.github(secret, b"{}"), world.post("/doors/github", b"{}"), world.post("/doors/x", b"")):
        assert {name: value for name, value in answer.headers.items() if name not in given} == {
            name: value for name, value in page.headers.items() if name not in given
        }


def test_doors_log_one_line_for_each_answer_as_pages_do(world: World) -> None:
    secret = world.door("github", "shop")
    structlog.reset_defaults()
    with capture_logs() as logs:
        world.github(secret, b"{}", path="/doors/github/shop")
        world.post("/doors/github/shop?secret=1", b"{}")
        httpx2.get(f"{world.address}/healthz", timeout=LONGEST_S)

    answered = [log for log in logs if log["event"] == "request answered"]
    assert [(log["path"], log["status"], log["by"]) for log in answered] == [
        ("/doors/github/shop", 202, "door:github/shop"),
        ("/doors/github/shop", 401, None),
        ("/healthz", 200, None),
    ]
    assert len({tuple(log) for log in answered}) == 1
